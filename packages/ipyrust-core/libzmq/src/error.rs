//! The one error of this crate: what libzmq refused, on what, and why.

use std::ffi::{CStr, c_int};
use std::fmt;

use crate::ffi;

/// What libzmq refused to do, and its reason.
///
/// Shown as `cannot bind tcp://127.0.0.1:5555: Address already in use`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    errno: c_int,
    operation: &'static str,
    subject: String,
}

/// The result of every fallible call here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The reason libzmq left behind when a call on this thread just failed.
    pub(crate) fn last(operation: &'static str, subject: &str) -> Self {
        // SAFETY: reads the thread's errno and has no precondition.
        Self::new(unsafe { ffi::zmq_errno() }, operation, subject)
    }

    pub(crate) fn new(errno: c_int, operation: &'static str, subject: &str) -> Self {
        Self {
            errno,
            operation,
            subject: subject.to_owned(),
        }
    }

    pub(crate) fn invalid(operation: &'static str, subject: &str) -> Self {
        Self::new(libc::EINVAL, operation, subject)
    }

    /// The system's error number, or one of libzmq's own (above 156 384 712).
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// Whether another socket already listens on the endpoint.
    pub fn is_address_in_use(&self) -> bool {
        self.errno == libc::EADDRINUSE
    }

    /// Whether this machine has no such address to bind.
    pub fn is_address_not_available(&self) -> bool {
        matches!(self.errno, libc::EADDRNOTAVAIL | libc::ENODEV)
    }

    /// Whether the file system or a privileged port denied it.
    pub fn is_permission_denied(&self) -> bool {
        matches!(self.errno, libc::EACCES | libc::EPERM)
    }

    /// Whether libzmq was built without the transport or option (`ipc`, CURVE), or the value is
    /// malformed.
    pub fn is_unsupported_or_invalid(&self) -> bool {
        matches!(self.errno, libc::EINVAL | libc::EPROTONOSUPPORT)
    }

    /// Whether [`Context::shutdown`](crate::Context::shutdown) ended the socket's work.
    pub fn is_terminated(&self) -> bool {
        self.errno == ffi::ETERM
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.errno == libc::EINTR
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: libzmq answers every number with a static NUL-terminated text; it is copied
        // before the next call.
        let reason = unsafe { CStr::from_ptr(ffi::zmq_strerror(self.errno)) }.to_string_lossy();
        write!(formatter, "cannot {}", self.operation)?;
        if !self.subject.is_empty() {
            write!(formatter, " {}", self.subject)?;
        }
        write!(formatter, ": {reason}")
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_operation_subject_and_reason() {
        let error = Error::new(libc::EADDRINUSE, "bind", "tcp://127.0.0.1:1");
        assert_eq!(
            error.to_string(),
            "cannot bind tcp://127.0.0.1:1: Address already in use"
        );
        assert!(error.is_address_in_use() && !error.is_terminated());
    }

    #[test]
    fn knows_the_errors_of_libzmq() {
        let error = Error::new(ffi::ETERM, "receive", "");
        assert_eq!(error.to_string(), "cannot receive: Context was terminated");
        assert!(error.is_terminated());
    }
}
