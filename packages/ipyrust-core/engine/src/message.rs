//! Frames → a trusted [`Request`], and the headers of our own messages.
//!
//! The order of the checks is fixed: length, then signature, then replay, then JSON. So nothing that was not signed is
//! ever parsed, and a forged frame costs one HMAC.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use serde::Deserialize;

use crate::error::Reject;
use crate::frames::Frames;
use crate::signature::{ReplayWindow, Signer, unhex};

/// Version of the messaging specification that we speak.
pub const PROTOCOL_VERSION: &str = "5.5";

/// One of the four channels that carry messages (the fifth, heartbeat, carries bare frames).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Requests that run code, and their replies.
    Shell,
    /// Requests that must not wait for code.
    Control,
    /// Questions from the kernel to the user.
    Stdin,
    /// Publications to everybody who subscribed.
    Iopub,
}

impl Channel {
    /// The name that the specification uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Control => "control",
            Self::Stdin => "stdin",
            Self::Iopub => "iopub",
        }
    }
}

/// What the engine reads of a header; the rest stays JSON bytes.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Header {
    /// Unique name of the message.
    pub msg_id: String,
    /// What is asked.
    pub msg_type: String,
    /// Who asks.
    #[serde(default)]
    pub session: String,
    /// Which subshell should answer; None = the main one.
    #[serde(default)]
    pub subshell_id: Option<String>,
}

/// One checked request.
#[derive(Debug)]
pub struct Request {
    /// Channel it came by and the reply goes by.
    pub channel: Channel,
    /// Return address.
    pub identities: Vec<Bytes>,
    /// What the engine read of the header.
    pub header: Header,
    /// header, parent_header, metadata, content, as they arrived.
    pub json: [Bytes; 4],
    /// Binary buffers.
    pub buffers: Vec<Bytes>,
    /// When the I/O thread took it off the socket.
    pub received_at: SystemTime,
    /// The same, for differences.
    pub(crate) received: Instant,
    replied: AtomicBool,
}

impl Request {
    /// The header as it arrived; it becomes the parent_header of whatever the request causes.
    #[must_use]
    pub fn header_json(&self) -> &Bytes {
        &self.json[0]
    }

    /// The content as it arrived.
    #[must_use]
    pub fn content(&self) -> &Bytes {
        &self.json[3]
    }

    /// Bytes that it keeps in memory, roughly.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        256 + self
            .json
            .iter()
            .chain(&self.buffers)
            .map(Bytes::len)
            .sum::<usize>()
    }

    /// The same request without its buffers, where it has some: all that what it causes needs of it.
    #[must_use]
    pub fn without_buffers(&self) -> Option<Self> {
        (!self.buffers.is_empty()).then(|| Self {
            channel: self.channel,
            identities: self.identities.clone(),
            header: self.header.clone(),
            json: self.json.clone(),
            buffers: Vec::new(),
            received_at: self.received_at,
            received: self.received,
            replied: AtomicBool::new(self.is_replied()),
        })
    }

    /// Take the right to reply; true for the first caller only.
    pub fn claim_reply(&self) -> bool {
        !self.replied.swap(true, Ordering::AcqRel)
    }

    /// Whether somebody took the right to reply.
    pub fn is_replied(&self) -> bool {
        self.replied.load(Ordering::Acquire)
    }

    /// Type of the reply: `…_request` → `…_reply`; None for messages that have no reply.
    #[must_use]
    pub fn reply_type(&self) -> Option<String> {
        self.header
            .msg_type
            .strip_suffix("_request")
            .map(|stem| format!("{stem}_reply"))
    }

    /// Whether it is an execute_request, the only type that is aborted.
    #[must_use]
    pub fn is_execute(&self) -> bool {
        self.header.msg_type == "execute_request"
    }

    /// Whether it is a comm message, which need not wait for a suspended cell.
    #[must_use]
    pub fn is_comm(&self) -> bool {
        matches!(
            self.header.msg_type.as_str(),
            "comm_open" | "comm_msg" | "comm_close"
        )
    }
}

/// Check frames and make a request of them.
///
/// # Errors
/// The first check that fails, in the order of the module's description.
pub fn open(
    frames: Vec<Bytes>,
    channel: Channel,
    signer: &Signer,
    replay: &mut ReplayWindow,
) -> Result<Request, Reject> {
    let frames = Frames::split(frames)?;
    if signer.checks() {
        if frames.signature.is_empty() {
            return Err(Reject::Unsigned);
        }
        let digest = unhex(&frames.signature).ok_or(Reject::WrongSignature)?;
        if !signer.verify(frames.signed.each_ref().map(|part| &part[..]), &digest) {
            return Err(Reject::WrongSignature);
        }
        if !replay.record(digest) {
            return Err(Reject::Replayed);
        }
    }
    // serde_json looks at the text of known fields only; the others go out again in every parent_header.
    let header = std::str::from_utf8(&frames.signed[0]).map_err(|_| Reject::BadHeader)?;
    if is_deep(header.as_bytes()) {
        return Err(Reject::BadHeader);
    }
    let header: Header = serde_json::from_str(header).map_err(|_| Reject::BadHeader)?;
    Ok(Request {
        channel,
        identities: frames.identities,
        header,
        json: frames.signed,
        buffers: frames.buffers,
        received_at: SystemTime::now(),
        received: Instant::now(),
        replied: AtomicBool::new(false),
    })
}

/// Whether JSON nests deeper than any honest header. Every publication carries its parent's header, and a client that
/// cannot parse it would lose all of them.
fn is_deep(json: &[u8]) -> bool {
    const MOST: u32 = 32;
    let (mut depth, mut in_string, mut escaped) = (0u32, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MOST {
            return true;
        }
    }
    false
}

/// Writes the headers of our own messages.
#[derive(Debug)]
pub struct Author {
    /// `header.session` of everything we send.
    session_id: String,
    username: String,
    prefix: String,
    count: AtomicU64,
}

impl Author {
    /// An author with a fresh session id.
    #[must_use]
    pub fn new(session_id: String, username: &str, pid: u32) -> Self {
        let prefix = format!("{session_id}_{pid}_");
        Self {
            session_id,
            username: json_string(username),
            prefix,
            count: AtomicU64::new(0),
        }
    }

    /// The session id.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// A header with a new msg_id, as JSON, for a message that was made at that time (UTC, microseconds).
    pub fn header(&self, msg_type: &str, made: SystemTime) -> Bytes {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let date = humantime::format_rfc3339_micros(made);
        let msg_type = json_string(msg_type);
        Bytes::from(format!(
            "{{\"msg_id\":\"{}{number}\",\"msg_type\":{msg_type},\"username\":{},\"session\":\"{}\",\
             \"date\":\"{date}\",\"version\":\"{PROTOCOL_VERSION}\"}}",
            self.prefix, self.username, self.session_id
        ))
    }
}

/// `text` as a JSON string, quotes included.
#[must_use]
pub fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_json_string(&mut out, text);
    out
}

/// Append `text` to `out` as a JSON string, quotes included. Plain runs are copied whole.
pub fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(text.get(plain..at).unwrap_or_default());
        if escape.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escape);
        }
        plain = at + 1;
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::DELIMITER;

    fn signed(signer: &Signer, header: &[u8]) -> Vec<Bytes> {
        let parts = [header, b"{}", b"{}", b"{}"];
        let mut frames = vec![
            Bytes::from_static(b"id"),
            Bytes::from_static(DELIMITER),
            signer.sign(parts),
        ];
        frames.extend(parts.map(Bytes::copy_from_slice));
        frames
    }

    #[test]
    fn table_of_checks_in_their_order() {
        let signer = Signer::new("hmac-sha256", b"key").unwrap();
        let mut replay = ReplayWindow::new(8);
        let good = signed(&signer, br#"{"msg_id":"1","msg_type":"t","session":"s"}"#);
        let mut open = |frames: &[Bytes]| {
            open(frames.to_vec(), Channel::Shell, &signer, &mut replay).map(|r| r.header)
        };

        let mut unsigned = good.clone();
        unsigned[2] = Bytes::new();
        let mut forged = good.clone();
        forged[6] = Bytes::from_static(b"{\"code\":1}");
        assert_eq!(open(&unsigned), Err(Reject::Unsigned));
        assert_eq!(open(&forged), Err(Reject::WrongSignature));
        assert_eq!(open(&good[..5]), Err(Reject::TooFewFrames));
        let header = open(&good).unwrap();
        assert_eq!((header.msg_id.as_str(), header.subshell_id), ("1", None));
        assert_eq!(open(&good), Err(Reject::Replayed));
        for header in [
            "[]",
            "1",
            "{}",
            r#"{"msg_id":"1"}"#,
            r#"{"msg_id":1,"msg_type":"t"}"#,
            "\u{fffd}",
            "{",
        ] {
            assert_eq!(
                open(&signed(&signer, header.as_bytes())),
                Err(Reject::BadHeader),
                "{header}"
            );
        }
        let deep = format!(
            "{{\"msg_id\":\"1\",\"msg_type\":\"t\",\"x\":{}{}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(
            open(&signed(&signer, deep.as_bytes())),
            Err(Reject::BadHeader)
        );
        assert_eq!(
            open(&signed(
                &signer,
                b"{\"msg_id\":\"\xff\",\"msg_type\":\"t\"}"
            )),
            Err(Reject::BadHeader)
        );
    }

    #[test]
    fn headers_are_json_and_unique() {
        let author = Author::new("abc".into(), "a\"b", 7);
        let one: serde_json::Value =
            serde_json::from_slice(&author.header("status", SystemTime::now())).unwrap();
        let two: serde_json::Value =
            serde_json::from_slice(&author.header("status", SystemTime::now())).unwrap();
        assert_eq!(one["msg_id"], "abc_7_0");
        assert_ne!(one["msg_id"], two["msg_id"]);
        assert_eq!(one["username"], "a\"b");
        assert_eq!(one["version"], PROTOCOL_VERSION);
        assert!(one["date"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn strings_survive_the_round_trip() {
        for text in [
            "",
            "plain",
            "\"\\\n\r\t\u{0}\u{1f}\u{7f}é😀",
            "\n\n",
            "end\"",
        ] {
            let back: String = serde_json::from_str(&json_string(text)).unwrap();
            assert_eq!(back, text);
        }
    }
}
