//! A small, safe libzmq binding: the sockets a Jupyter kernel needs and nothing else.
//!
//! Whole messages in, whole messages out, as [`bytes::Bytes`]; small frames are copied, large ones
//! are not. No call blocks unless its name or a [`Wait::Yes`] says so. The order to read it in:
//!
//! | module    | holds                                                                     |
//! |-----------|---------------------------------------------------------------------------|
//! | `context` | [`Context`]: libzmq's background threads                                   |
//! | `socket`  | [`Socket`]: endpoints, options, whole messages in and out                  |
//! | `poll`    | [`poll()`]: wait for sockets and file descriptors together                 |
//! | `curve`   | [`CurveKeys`]: key pairs for encrypted sockets                             |
//! | `error`   | [`Error`]: what libzmq refused, on what, and why                           |
//! | `message` | `zmq_msg_t`: who owns a frame's memory                                     |
//! | `memory`  | [`Block`]: memory for copies of megabytes                                 |
//! | `ffi`     | libzmq's C functions, declared by hand                                     |
//!
//! `build.rs` says where libzmq itself comes from. The crate knows nothing of Jupyter's messages
//! and works on Unix only.
//!
//! ```
//! use ipyrust_zmq::{Context, Sent, SocketKind, Wait};
//!
//! # fn main() -> ipyrust_zmq::Result<()> {
//! let context = Context::new(1)?;
//! let server = context.socket(SocketKind::Rep)?;
//! server.bind("tcp://127.0.0.1:*")?;
//! let client = context.socket(SocketKind::Req)?;
//! client.connect(&server.last_endpoint()?)?;
//!
//! assert_eq!(client.send_blocking(&["ping".into()])?, Sent::Yes);
//! assert_eq!(server.receive(Wait::Yes)?, Some(vec!["ping".into()]));
//! # Ok(())
//! # }
//! ```

#![deny(
    missing_docs,
    unsafe_op_in_unsafe_fn,
    clippy::undocumented_unsafe_blocks
)]

mod context;
mod curve;
mod error;
mod ffi;
mod memory;
mod message;
mod poll;
mod socket;

use std::ffi::CString;

pub use context::Context;
pub use curve::CurveKeys;
pub use error::{Error, Result};
pub use memory::{BLOCK_BYTES, Block};
pub use poll::{Events, Interest, PollItem, poll};
pub use socket::{Sent, Socket, SocketKind, Wait};

/// Frames of this many bytes or more pass in and out without a copy.
pub const ZERO_COPY_BYTES: usize = 32 * 1024;

/// Whether libzmq was built with a capability: `ipc`, `curve`, `gssapi` …
pub fn has(capability: &str) -> bool {
    // SAFETY: the text is NUL-terminated and read during the call only.
    CString::new(capability).is_ok_and(|name| unsafe { ffi::zmq_has(name.as_ptr()) } == 1)
}

/// libzmq's version: major, minor, patch.
pub fn version() -> (i32, i32, i32) {
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    // SAFETY: libzmq writes three integers.
    unsafe { ffi::zmq_version(&mut major, &mut minor, &mut patch) };
    (major, minor, patch)
}
