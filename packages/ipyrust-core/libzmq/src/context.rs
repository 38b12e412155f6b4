//! The context: libzmq's own I/O threads, shared by all sockets made from it.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::ffi;
use crate::socket::{Socket, SocketKind};

/// libzmq's I/O threads and everything in flight on them.
///
/// Cheap to clone and usable from any thread. A socket keeps its context alive, so libzmq's threads
/// end when the last clone and the last socket are gone; that drop waits until every closed socket
/// has sent what its linger time allows (zero unless [`Socket::set_linger_ms`] said otherwise), so
/// it does not hang.
#[derive(Clone, Debug)]
pub struct Context {
    raw: Arc<RawContext>,
}

impl Context {
    /// A context with `io_threads` background threads; one serves a gigabyte a second.
    ///
    /// The threads start with the first socket and block all signals. Sockets of this context
    /// linger for zero milliseconds by default. Fails with `EINVAL` for a negative number.
    pub fn new(io_threads: i32) -> Result<Self> {
        // SAFETY: has no precondition; null is checked.
        let context = NonNull::new(unsafe { ffi::zmq_ctx_new() });
        let raw = Arc::new(RawContext(
            context.ok_or_else(|| Error::last("create", "a context"))?,
        ));
        raw.set(ffi::IO_THREADS, io_threads, "io_threads")?;
        raw.set(ffi::BLOCKY, 0, "blocky")?;
        Ok(Self { raw })
    }

    /// A new socket, neither bound nor connected.
    ///
    /// Fails with `EMFILE` when the process is out of file descriptors or the context has 1023
    /// sockets, and with `ETERM` after [`shutdown`](Self::shutdown).
    pub fn socket(&self, kind: SocketKind) -> Result<Socket> {
        // SAFETY: the context is alive as long as `self.raw` is.
        let socket = NonNull::new(unsafe { ffi::zmq_socket(self.raw.pointer(), kind.number()) });
        let socket = socket.ok_or_else(|| Error::last("create", "a socket"))?;
        Ok(Socket::new(socket, kind, self.clone()))
    }

    /// Makes every waiting or later call on this context's sockets fail with `ETERM`, from any
    /// thread.
    ///
    /// Does not wait. The sockets must still be dropped. Calling it twice does no harm.
    pub fn shutdown(&self) {
        // SAFETY: the context is alive, and this call may run beside any other on it. Its only
        // error is a bad pointer.
        unsafe { ffi::zmq_ctx_shutdown(self.raw.pointer()) };
    }
}

/// The context as libzmq gave it; ends it when dropped.
#[derive(Debug)]
struct RawContext(NonNull<c_void>);

// SAFETY: libzmq documents contexts as safe to use from many threads at once.
unsafe impl Send for RawContext {}
// SAFETY: as above.
unsafe impl Sync for RawContext {}

impl RawContext {
    fn pointer(&self) -> *mut c_void {
        self.0.as_ptr()
    }

    fn set(&self, option: c_int, value: c_int, name: &'static str) -> Result<()> {
        // SAFETY: the context is alive until `self` is dropped.
        match unsafe { ffi::zmq_ctx_set(self.pointer(), option, value) } {
            0 => Ok(()),
            _ => Err(Error::last("set context option", name)),
        }
    }
}

impl Drop for RawContext {
    fn drop(&mut self) {
        // SAFETY: every socket holds a clone of the context, so none is open any more, and nobody
        // else can hold it.
        while unsafe { ffi::zmq_ctx_term(self.pointer()) } == -1 {
            // A signal cut the wait short, and the call must be repeated; its other error, a bad
            // pointer, ends it.
            if !Error::last("end", "a context").is_interrupted() {
                break;
            }
        }
    }
}
