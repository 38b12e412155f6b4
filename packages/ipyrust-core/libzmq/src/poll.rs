//! Waiting for many sockets and file descriptors at once.

use std::ffi::{c_int, c_long, c_short};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::error::{Error, Result};
use crate::ffi;
use crate::socket::Socket;

/// What can be done with a socket or file descriptor without waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Something can be received or read.
    pub readable: bool,
    /// Something can be sent or written.
    pub writable: bool,
}

/// What a [`PollItem`] waits for.
pub type Interest = Events;

impl Events {
    /// Nothing.
    pub const NONE: Self = Self {
        readable: false,
        writable: false,
    };
    /// Only receiving.
    pub const READABLE: Self = Self {
        readable: true,
        writable: false,
    };
    /// Only sending.
    pub const WRITABLE: Self = Self {
        readable: false,
        writable: true,
    };
    /// Either.
    pub const BOTH: Self = Self {
        readable: true,
        writable: true,
    };

    /// Whether there is none of the two.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    pub(crate) fn from_bits(bits: c_int) -> Self {
        Self {
            readable: bits & c_int::from(ffi::POLLIN) != 0,
            writable: bits & c_int::from(ffi::POLLOUT) != 0,
        }
    }

    fn to_bits(self) -> c_short {
        let readable = if self.readable { ffi::POLLIN } else { 0 };
        let writable = if self.writable { ffi::POLLOUT } else { 0 };
        readable | writable
    }
}

/// One thing to wait for, and after [`poll`] what it is ready for. May be polled again and again.
#[repr(transparent)]
pub struct PollItem<'a> {
    raw: ffi::PollItem,
    _borrowed: PhantomData<&'a Socket>,
}

impl<'a> PollItem<'a> {
    /// Waits for a socket, which can be used meanwhile but not dropped.
    pub fn socket(socket: &'a Socket, interest: Interest) -> Self {
        let raw = ffi::PollItem {
            socket: socket.pointer(),
            fd: -1,
            events: interest.to_bits(),
            revents: 0,
        };
        Self {
            raw,
            _borrowed: PhantomData,
        }
    }

    /// Waits for a file descriptor. One that is closed by its peer or broken is ready for whatever
    /// it waits for, so that the next read or write tells.
    pub fn fd(fd: BorrowedFd<'a>, interest: Interest) -> Self {
        let raw = ffi::PollItem {
            socket: std::ptr::null_mut(),
            fd: fd.as_raw_fd(),
            events: interest.to_bits(),
            revents: 0,
        };
        Self {
            raw,
            _borrowed: PhantomData,
        }
    }

    /// Changes what it waits for. An item that waits for nothing is never ready.
    pub fn set_interest(&mut self, interest: Interest) {
        self.raw.events = interest.to_bits();
    }

    /// What the last [`poll`] found it ready for.
    pub fn ready(&self) -> Events {
        let broken = self.raw.revents & ffi::POLLERR != 0;
        let bits = if broken {
            self.raw.events
        } else {
            self.raw.revents
        };
        Events::from_bits(bits.into())
    }
}

/// Waits until an item is ready, and returns how many are.
///
/// Blocks for at most `timeout_ms` milliseconds; zero only looks, a negative one waits for ever.
/// Returns zero when the time is over and also when a signal interrupts the wait; no item is ready
/// then. Fails with `ETERM` after [`Context::shutdown`](crate::Context::shutdown), and with
/// `EINVAL` without items, as nothing could end the wait.
pub fn poll(items: &mut [PollItem<'_>], timeout_ms: i64) -> Result<usize> {
    let invalid = || Error::invalid("poll", "so many items");
    let count = c_int::try_from(items.len()).map_err(|_| invalid())?;
    if count == 0 {
        return Err(Error::invalid("poll", "no items"));
    }
    for item in items.iter_mut() {
        // An interrupted wait leaves these as they were.
        item.raw.revents = 0;
    }
    let timeout_ms = c_long::try_from(timeout_ms).unwrap_or(c_long::MAX);
    // SAFETY: a `PollItem` has the layout of a `zmq_pollitem_t`, and its lifetime keeps socket and
    // descriptor open.
    let ready = unsafe { ffi::zmq_poll(items.as_mut_ptr().cast(), count, timeout_ms) };
    if ready != -1 {
        return usize::try_from(ready).map_err(|_| invalid());
    }
    match Error::last("poll", "") {
        error if error.is_interrupted() => Ok(0),
        error => Err(error),
    }
}
