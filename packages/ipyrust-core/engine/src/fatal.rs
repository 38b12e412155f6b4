//! What a signal handler and the I/O thread say to each other.
//!
//! The handler may call next to nothing, so it stores numbers here and wakes the I/O thread; that one does the rest.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::sys::signal::Signal;

/// Signals of a crash: `faulthandler` writes the stacks, and then clients are told.
pub const CRASHES: [Signal; 5] = [
    Signal::SIGSEGV,
    Signal::SIGABRT,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
];

/// Shared by the handlers of signals, which belong to the whole process, and the I/O thread.
#[derive(Debug, Default)]
pub struct Fatal {
    signal: AtomicI32,
    told: AtomicBool,
    dumped: AtomicBool,
}

impl Fatal {
    /// Nothing has happened.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            signal: AtomicI32::new(0),
            told: AtomicBool::new(false),
            dumped: AtomicBool::new(false),
        }
    }

    /// Handler: the process dies of `signal`. True for the first caller only.
    pub fn strike(&self, signal: i32) -> bool {
        self.signal
            .compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Whether the process is dying.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.signal.load(Ordering::Acquire) != 0
    }

    /// I/O thread: what could be said has been said.
    pub fn set_told(&self) {
        self.told.store(true, Ordering::Release);
    }

    /// Handler: whether the process may end now.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }

    /// Handler: the stacks of all threads were written.
    pub fn set_dumped(&self) {
        self.dumped.store(true, Ordering::Release);
    }

    /// I/O thread: whether stacks were written since the last call.
    pub fn take_dumped(&self) -> bool {
        self.dumped.swap(false, Ordering::AcqRel)
    }
}
