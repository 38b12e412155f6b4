//! What can go wrong, by blame: the launcher's files and addresses, a peer's frames ([`Reject`]), or ourselves.

use std::fmt;
use std::path::PathBuf;

/// Shorthand for results of the engine.
pub type Result<T> = std::result::Result<T, Error>;

/// An error that reaches the caller of the engine.
#[derive(Debug)]
pub enum Error {
    /// The connection file cannot be used.
    ConnectionFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with the offending value, and what to do.
        problem: String,
    },
    /// A socket cannot be bound.
    Bind {
        /// Channel whose socket it is: shell, control, stdin, iopub or hb.
        channel: &'static str,
        /// The address asked for.
        endpoint: String,
        /// What the system says.
        reason: String,
    },
    /// The launcher that wants to be told the ports does not take them.
    Registration {
        /// The launcher's address.
        endpoint: String,
        /// What went wrong there.
        problem: String,
    },
    /// The kernel is shutting down: nothing more can be sent or received.
    Closed,
    /// A request was answered before.
    AlreadyReplied {
        /// Type of the request.
        msg_type: String,
    },
    /// A wait was ended by the caller's own signal handling.
    Interrupted,
    /// An input reply that is not what the specification asks for.
    BadInputReply,
    /// There is no such subshell.
    UnknownSubshell(String),
    /// libzmq failed in a way that is not a peer's doing.
    Zmq(ipyrust_zmq::Error),
    /// The system failed.
    System {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn system(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::System {
            what,
            source: errno.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionFile { path, problem } => {
                write!(f, "connection file {}: {problem}", path.display())
            }
            Self::Bind {
                channel,
                endpoint,
                reason,
            } => write!(
                f,
                "cannot bind the {channel} channel to {endpoint}: {reason}; \
                 set its port to 0 in the connection file, or stop what uses the address"
            ),
            Self::Registration { endpoint, problem } => write!(
                f,
                "cannot register with the launcher at {endpoint}: {problem}; \
                 let the launcher write a new registration file, listen there and start the kernel again"
            ),
            Self::Closed => f.write_str("the kernel is shutting down"),
            Self::AlreadyReplied { msg_type } => write!(f, "this {msg_type} was answered before"),
            Self::Interrupted => f.write_str("the wait was interrupted"),
            Self::BadInputReply => f.write_str("input_reply without a string `value`"),
            Self::UnknownSubshell(id) => write!(f, "Unknown subshell_id '{}'", id.escape_debug()),
            Self::Zmq(error) => write!(f, "libzmq: {error}"),
            Self::System { what, source } => write!(f, "{what}: {source}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<ipyrust_zmq::Error> for Error {
    fn from(error: ipyrust_zmq::Error) -> Self {
        Self::Zmq(error)
    }
}

/// Why frames from a peer were not taken. Counted and logged; never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reject {
    /// No `<IDS|MSG>` frame.
    NoDelimiter,
    /// Fewer than five frames follow the delimiter.
    TooFewFrames,
    /// The connection has a key and the signature frame is empty.
    Unsigned,
    /// The signature does not match the frames.
    WrongSignature,
    /// This very signature was seen before.
    Replayed,
    /// The header is not a JSON object with `msg_id` and `msg_type`.
    BadHeader,
    /// One of our own messages, sent back to us by somebody who has no key but could read it.
    Reflected,
    /// Nobody waits for this input_reply, or it is not one.
    UnexpectedInput,
    /// A subscription frame that is none.
    BadSubscription,
}

impl Reject {
    /// Every kind, in the order of the checks.
    pub const ALL: [Self; 9] = [
        Self::NoDelimiter,
        Self::TooFewFrames,
        Self::Unsigned,
        Self::WrongSignature,
        Self::Replayed,
        Self::BadHeader,
        Self::Reflected,
        Self::UnexpectedInput,
        Self::BadSubscription,
    ];

    /// Name for counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoDelimiter => "rejected_no_delimiter",
            Self::TooFewFrames => "rejected_too_few_frames",
            Self::Unsigned => "rejected_unsigned",
            Self::WrongSignature => "rejected_wrong_signature",
            Self::Replayed => "rejected_replayed",
            Self::BadHeader => "rejected_bad_header",
            Self::Reflected => "rejected_reflected",
            Self::UnexpectedInput => "rejected_unexpected_input",
            Self::BadSubscription => "rejected_bad_subscription",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDelimiter => "no <IDS|MSG> delimiter",
            Self::TooFewFrames => "fewer than five frames after the delimiter",
            Self::Unsigned => "unsigned, although the connection has a key",
            Self::WrongSignature => "wrong signature; the client uses another key or scheme",
            Self::Replayed => "replayed: this signature was seen before",
            Self::BadHeader => "header is not a JSON object with msg_id and msg_type",
            Self::Reflected => "a message of the kernel's own, sent back to it",
            Self::UnexpectedInput => "input_reply that nobody waits for",
            Self::BadSubscription => "malformed subscription",
        })
    }
}
