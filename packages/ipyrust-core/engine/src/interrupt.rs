//! The window in which an interrupt may hit, and how it is delivered.
//!
//! Goal: an interrupt stops the execution it was meant for, wherever that hangs (a loop, a sleep, a read), and never
//! the next one. SIGINT alone cannot promise this: the system delivers it a moment after it was sent, and Python runs
//! its handler a moment after that, when another cell may already run. So each execution has a number. An
//! `interrupt_request` is aimed at the number whose window is open, under the lock that opening and closing take, and
//! is signalled before the lock is released. Python's handler asks [`InterruptWindow::wanted`]: a signal of ours counts
//! only if it was aimed at the window that is open now. A SIGINT from outside carries no number; it counts if a window
//! is open when the handler runs.
//!
//! A signal that comes between Python's last look for signals and the system call it then sleeps in ends neither. So
//! while one of ours has not been seen by the handler, the I/O thread sends it again ([`InterruptWindow::repeat`]).
//!
//! What still fails: a SIGINT from outside and one of ours that melt into a single delivery are taken for ours.

use std::time::{Duration, Instant};

use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgrp, getpid};
use parking_lot::Mutex;

/// How late the second delivery of a repeated signal may come.
const DUPLICATE_WITHIN: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct State {
    opened: u64,
    open: Option<u64>,
    aimed_at: Option<u64>,
    /// We sent a signal and the handler has not run since.
    on_its_way: bool,
    /// Until when a signal may be the repetition of one that was felt already.
    duplicate_until: Option<Instant>,
}

/// The interrupt window of the main thread.
#[derive(Debug)]
pub struct InterruptWindow {
    state: Mutex<State>,
    main_thread: Pthread,
}

impl InterruptWindow {
    /// A closed window of the calling thread, which must be the main thread.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Mutex::default(),
            main_thread: pthread_self(),
        }
    }

    /// An execution begins.
    pub fn open(&self) {
        let mut state = self.state.lock();
        state.opened += 1;
        state.open = Some(state.opened);
    }

    /// The execution is over. True if an interrupt was aimed at it that the handler has not seen.
    pub fn close(&self) -> bool {
        let mut state = self.state.lock();
        let open = state.open.take();
        open.is_some() && state.aimed_at == open && state.on_its_way
    }

    /// Interrupt what runs: the main thread if its window is open, and the children of our process group if we lead it.
    ///
    /// Returns whether an execution was aimed at.
    pub fn interrupt(&self) -> bool {
        let mut state = self.state.lock();
        let open = state.open;
        if open.is_some() {
            state.aimed_at = open;
            state.on_its_way = true;
        }
        if getpgrp() == getpid() {
            // The group is ours (Jupyter starts every kernel in its own): its children get theirs, as from Ctrl-C.
            let _ = kill(Pid::from_raw(-getpgrp().as_raw()), Signal::SIGINT);
            if open.is_none() {
                state.aimed_at = None;
                state.on_its_way = true;
            }
        } else if open.is_some() {
            let _ = pthread_kill(self.main_thread, Signal::SIGINT);
        }
        open.is_some()
    }

    /// Send the signal again if the handler has not run since. True if it may be needed once more.
    pub fn repeat(&self) -> bool {
        let mut state = self.state.lock();
        let unseen = state.on_its_way && state.open.is_some() && state.aimed_at == state.open;
        if unseen {
            state.duplicate_until = Some(Instant::now() + DUPLICATE_WITHIN);
            let _ = pthread_kill(self.main_thread, Signal::SIGINT);
        }
        unseen
    }

    /// SIGINT handler: does this signal belong to what runs now?
    pub fn wanted(&self) -> bool {
        let mut state = self.state.lock();
        let ours = std::mem::take(&mut state.on_its_way);
        if !ours
            && state
                .duplicate_until
                .take()
                .is_some_and(|until| Instant::now() < until)
        {
            return false;
        }
        if ours {
            state.open.is_some() && state.aimed_at == state.open
        } else {
            state.open.is_some()
        }
    }

    /// Whether an execution runs.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state.lock().open.is_some()
    }
}

impl Default for InterruptWindow {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl InterruptWindow {
        fn aim(&self) {
            let mut state = self.state.lock();
            state.aimed_at = state.open;
            state.on_its_way = true;
        }
    }

    #[test]
    fn a_signal_from_outside_counts_while_the_window_is_open() {
        let window = InterruptWindow::new();
        assert!(!window.wanted());
        window.open();
        assert!(window.wanted());
        assert!(!window.close());
        assert!(!window.wanted());
    }

    #[test]
    fn a_late_signal_does_not_hit_the_next_execution() {
        let window = InterruptWindow::new();
        window.open();
        window.aim();
        assert!(window.close(), "the interrupt was aimed at it and not seen");
        window.open();
        assert!(
            !window.wanted(),
            "the late signal belongs to the one before"
        );
        assert!(window.wanted(), "another signal is from outside");
    }

    #[test]
    fn a_signal_of_ours_counts_once() {
        let window = InterruptWindow::new();
        window.open();
        window.aim();
        assert!(window.wanted());
        assert!(!window.close());
    }
}
