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
//! while one has not been seen by the handler, the I/O thread pokes the main thread ([`InterruptWindow::poke`]): it
//! sends [`POKE`], which ends the system call and means nothing else. Of a SIGINT from outside it learns through the
//! descriptor that Python's signal handling writes to ([`Arrivals`]).
//!
//! A KeyboardInterrupt can be raised where Python discards it: in a destructor, in a hook around a fork, in a callback
//! of C code. The Python side notices, and the window has the signal sent once more a moment later
//! ([`InterruptWindow::lost`]). While a process forks, the handler does not even raise
//! ([`InterruptWindow::put_off`]), because the hooks around a fork hold locks.
//!
//! What still fails: a SIGINT from outside and one of ours that melt into a single delivery are taken for ours; code
//! that gives Python another wake-up descriptor is not poked for a SIGINT from outside.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgrp, getpid};
use parking_lot::Mutex;

use crate::error::Result;
use crate::wake::nonblocking_pipe;

/// The signal that ends a system call of the main thread without interrupting anything. By default it is ignored and
/// ends nothing, so the Python side installs a handler that does nothing.
pub const POKE: Signal = Signal::SIGURG;

/// A SIGINT that is noticed so soon after the handler ran is taken for the one that it ran for. (A mistake costs little:
/// a poke too many ends a system call, which Python then starts again.)
const FELT_WITHIN: Duration = Duration::from_millis(100);

/// Where Python's signal handling notes every signal at once, long before the handler in Python runs
/// (`signal.set_wakeup_fd`). The I/O thread polls it.
#[derive(Debug)]
pub struct Arrivals {
    read: OwnedFd,
    write: OwnedFd,
}

/// Which signals have come whose handlers are Python's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Noted {
    /// SIGINT.
    pub interrupt: bool,
    /// Any other, except the one with which the main thread is poked.
    pub other: bool,
}

impl Arrivals {
    /// An empty pipe that never blocks. When it is full, the signals in it have not been looked at yet, and one more
    /// would say nothing new.
    ///
    /// # Errors
    /// [`crate::error::Error::System`] when the process has no file descriptor left.
    pub fn new() -> Result<Self> {
        let (read, write) = nonblocking_pipe()?;
        Ok(Self { read, write })
    }

    /// The end to give to `signal.set_wakeup_fd`.
    #[must_use]
    pub fn write_end(&self) -> BorrowedFd<'_> {
        self.write.as_fd()
    }

    /// Note a SIGINT that is to be sent again, as if it had just come.
    pub fn note_again(&self) {
        let _ = rustix::io::write(&self.write, &[Signal::SIGINT as u8]);
    }

    /// Forget what was noted, and tell what it was.
    pub fn take(&self) -> Noted {
        let mut numbers = [0u8; 64];
        let mut noted = Noted::default();
        while let Ok(count @ 1..) = rustix::io::read(&self.read, &mut numbers) {
            for number in numbers.iter().take(count).map(|number| i32::from(*number)) {
                noted.interrupt |= number == Signal::SIGINT as i32;
                noted.other |= ![Signal::SIGINT as i32, POKE as i32].contains(&number);
            }
        }
        noted
    }
}

impl AsFd for Arrivals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}

#[derive(Debug, Default)]
struct State {
    opened: u64,
    open: Option<u64>,
    aimed_at: Option<u64>,
    /// We sent a signal and the handler has not run since.
    on_its_way: bool,
    /// A signal from outside came and the handler has not run since.
    arrived: bool,
    /// When the handler ran last in this window.
    felt_at: Option<Instant>,
    /// The handler ran and the cell did not feel it: the signal is due once more.
    again: bool,
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
        state.felt_at = None;
        state.again = false;
    }

    /// The execution is over. True if an interrupt was aimed at it that the handler has not seen.
    pub fn close(&self) -> bool {
        let mut state = self.state.lock();
        let open = state.open.take();
        state.arrived = false;
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

    /// A SIGINT was noted. True if it came from outside and the handler has yet to run for it.
    pub fn arrived(&self) -> bool {
        let mut state = self.state.lock();
        let felt = state.felt_at.is_some_and(|at| at.elapsed() < FELT_WITHIN);
        state.arrived = state.open.is_some() && !state.on_its_way && !felt;
        state.arrived || state.again
    }

    /// End the system call of the main thread if the handler has not run yet, or send what the cell did not feel once
    /// more. True if that may be needed again.
    pub fn poke(&self) -> bool {
        let mut state = self.state.lock();
        if state.open.is_some() && std::mem::take(&mut state.again) {
            state.aimed_at = state.open;
            state.on_its_way = true;
            let _ = pthread_kill(self.main_thread, Signal::SIGINT);
            return true;
        }
        let aimed = state.on_its_way && state.aimed_at == state.open;
        let unseen = state.open.is_some() && (aimed || state.arrived);
        if unseen {
            let _ = pthread_kill(self.main_thread, POKE);
        }
        unseen
    }

    /// SIGINT handler: does this signal belong to what runs now?
    pub fn wanted(&self) -> bool {
        let mut state = self.state.lock();
        let ours = std::mem::take(&mut state.on_its_way);
        state.arrived = false;
        state.felt_at = Some(Instant::now());
        state.open.is_some() && (!ours || state.aimed_at == state.open)
    }

    /// SIGINT handler, where it must not raise: have the signal sent again soon if it belongs to what runs now.
    ///
    /// Returns whether it does.
    pub fn put_off(&self) -> bool {
        self.wanted() && self.lost()
    }

    /// The KeyboardInterrupt of this execution was discarded: have the signal sent again soon.
    ///
    /// Returns false if none was raised in this execution, so that there is none to repeat.
    pub fn lost(&self) -> bool {
        let mut state = self.state.lock();
        state.again = state.open.is_some() && state.felt_at.is_some();
        state.again
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
    #[test]
    fn a_signal_from_outside_is_waited_for_until_the_handler_ran() {
        let window = InterruptWindow::new();
        assert!(!window.arrived(), "nothing runs");
        window.open();
        assert!(window.arrived());
        assert!(window.wanted());
        assert!(!window.arrived(), "noticed after the handler ran for it");
        window.close();
        window.open();
        assert!(!window.poke(), "that was the execution before");
    }

    #[test]
    fn an_interrupt_that_was_lost_comes_again_and_only_in_its_execution() {
        let window = InterruptWindow::new();
        window.open();
        assert!(!window.lost(), "none was raised");
        assert!(window.wanted());
        assert!(window.lost());
        assert!(window.arrived(), "although the handler has just run");
        assert!(!window.close());
        window.open();
        assert!(!window.poke(), "that was the execution before");
    }

    #[test]
    fn a_late_signal_is_not_put_off_into_the_next_execution() {
        let window = InterruptWindow::new();
        window.open();
        window.aim();
        window.close();
        window.open();
        assert!(!window.put_off());
        assert!(window.put_off(), "another signal is from outside");
        assert!(window.arrived(), "although the handler has just run");
    }

    #[test]
    fn a_noted_signal_is_taken_once() {
        let arrivals = Arrivals::new().unwrap();
        let noted = |interrupt, other| Noted { interrupt, other };
        assert_eq!(arrivals.take(), noted(false, false));
        let sent: [(&[Signal], Noted); 4] = [
            (&[Signal::SIGINT], noted(true, false)),
            (&[Signal::SIGTERM], noted(false, true)),
            (&[POKE], noted(false, false)),
            (&[POKE, Signal::SIGCHLD, Signal::SIGINT], noted(true, true)),
        ];
        for (numbers, expected) in sent {
            for number in numbers {
                rustix::io::write(arrivals.write_end(), &[*number as u8]).unwrap();
            }
            assert_eq!(arrivals.take(), expected);
            assert_eq!(arrivals.take(), noted(false, false));
        }
    }

    #[test]
    fn a_full_pipe_does_not_block_who_notes_a_signal() {
        let arrivals = Arrivals::new().unwrap();
        while rustix::io::write(arrivals.write_end(), &[Signal::SIGINT as u8; 4096]).is_ok() {}
        assert!(arrivals.take().interrupt);
        assert_eq!(arrivals.take(), Noted::default());
    }
}
