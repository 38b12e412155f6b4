//! `zmq_msg_t` as two owners: one received frame, and the frames of one message about to be sent.
//!
//! Invariant: a `zmq_msg_t` never moves between its init and its close, because libzmq may keep
//! addresses into it. Received ones live in a box, outgoing ones in a vector that is filled before
//! the first is initialised.

use std::ffi::{c_int, c_void};

use bytes::Bytes;

use crate::ZERO_COPY_BYTES;
use crate::error::{Error, Result};
use crate::ffi;

/// One received frame, or an empty one to receive into.
pub(crate) struct Incoming(Box<ffi::Msg>);

// SAFETY: a message belongs to no socket and no thread; libzmq counts references to its content
// atomically.
unsafe impl Send for Incoming {}

impl Incoming {
    pub(crate) fn empty() -> Self {
        let mut msg = Box::new(ffi::Msg::uninitialised());
        // SAFETY: fills the 64 bytes it is given, which stay where they are in the box; it cannot
        // fail.
        unsafe { ffi::zmq_msg_init(&mut *msg) };
        Self(msg)
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut ffi::Msg {
        &mut *self.0
    }

    /// Whether further frames of the same message follow.
    pub(crate) fn has_more(&self) -> bool {
        // SAFETY: the message is initialised.
        unsafe { ffi::zmq_msg_more(&*self.0) != 0 }
    }

    /// Takes the content out: a small frame is copied and leaves `self` for reuse, a large one
    /// moves as it is.
    pub(crate) fn take(&mut self) -> Bytes {
        let content = self.as_ref();
        if content.len() < ZERO_COPY_BYTES {
            return Bytes::copy_from_slice(content);
        }
        Bytes::from_owner(std::mem::replace(self, Self::empty()))
    }
}

impl AsRef<[u8]> for Incoming {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the message is initialised, and `zmq_msg_data` takes it as mutable without
        // changing it.
        let (data, size) = unsafe {
            let msg: *const ffi::Msg = &*self.0;
            (ffi::zmq_msg_data(msg.cast_mut()), ffi::zmq_msg_size(msg))
        };
        if size == 0 {
            return &[];
        }
        // SAFETY: libzmq keeps `size` bytes at `data` unchanged until the message is closed or
        // received into, and both need `self` mutably. Content inside the 64 bytes stays put
        // because the box does.
        unsafe { std::slice::from_raw_parts(data.cast(), size) }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // SAFETY: the message is initialised and closed only here; an error would mean that it was
        // not.
        unsafe { ffi::zmq_msg_close(&mut *self.0) };
    }
}

/// All frames of one message, built before the first is sent: running out of memory half-way
/// through a send would leave the socket in the middle of a message.
pub(crate) struct Outgoing {
    frames: Vec<ffi::Msg>,
    /// How many of them libzmq has initialised, counted from the front.
    initialised: usize,
}

impl Outgoing {
    /// Copies small frames; of large ones libzmq gets a reference that it drops when it has sent
    /// them.
    pub(crate) fn new(frames: &[Bytes]) -> Result<Self> {
        let mut outgoing = Self {
            frames: frames.iter().map(|_| ffi::Msg::uninitialised()).collect(),
            initialised: 0,
        };
        for (msg, content) in outgoing.frames.iter_mut().zip(frames) {
            let failed = if content.len() < ZERO_COPY_BYTES {
                init_copy(msg, content)
            } else {
                init_shared(msg, content.clone())
            };
            if failed != 0 {
                return Err(Error::last("send", "a frame"));
            }
            outgoing.initialised += 1;
        }
        Ok(outgoing)
    }

    /// The frames in order. A frame that was sent is empty; one that was not still holds its
    /// content.
    pub(crate) fn frames(&mut self) -> &mut [ffi::Msg] {
        &mut self.frames
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        for msg in self.frames.iter_mut().take(self.initialised) {
            // SAFETY: these are initialised, also after they were sent, and closed only here.
            unsafe { ffi::zmq_msg_close(msg) };
        }
    }
}

fn init_copy(msg: &mut ffi::Msg, content: &[u8]) -> c_int {
    // SAFETY: libzmq fills the 64 bytes and, unless it fails, holds `content.len()` writable bytes
    // at the data pointer, which cannot overlap `content`.
    unsafe {
        let failed = ffi::zmq_msg_init_size(msg, content.len());
        if failed == 0 && !content.is_empty() {
            std::ptr::copy_nonoverlapping(
                content.as_ptr(),
                ffi::zmq_msg_data(msg).cast(),
                content.len(),
            );
        }
        failed
    }
}

fn init_shared(msg: &mut ffi::Msg, content: Bytes) -> c_int {
    let (data, size) = (content.as_ptr(), content.len());
    let owner = Box::into_raw(Box::new(content));
    // SAFETY: `owner` keeps the bytes alive and unchanged at their address until `drop_owner`,
    // which libzmq calls once after its last read; libzmq never writes to the content of a sent
    // message.
    unsafe {
        let failed =
            ffi::zmq_msg_init_data(msg, data.cast_mut().cast(), size, drop_owner, owner.cast());
        if failed != 0 {
            drop(Box::from_raw(owner));
        }
        failed
    }
}

/// Runs on whichever thread lets go last, mostly one of libzmq's own. `Bytes` is `Send`, so that is
/// sound.
unsafe extern "C" fn drop_owner(_data: *mut c_void, owner: *mut c_void) {
    // SAFETY: `owner` came from `Box::into_raw` in `init_shared`, and libzmq calls this once.
    drop(unsafe { Box::from_raw(owner.cast::<Bytes>()) });
}
