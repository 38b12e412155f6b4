//! The main thread's shortcut: while the I/O thread sleeps, it takes a request off the shell socket and sends what a
//! request caused, itself.
//!
//! Goal: a short cell does not wait for two changes of threads. What makes it safe: the sockets are used under the lock
//! that the I/O thread works under, nothing is done here that waits, and whatever is left to do is left to the I/O
//! thread, which is woken then. So a cell that runs on, C code that keeps the GIL or a second request behind the first
//! find the I/O thread where it always is.
//!
//! - Sending ([`Io::send_here`]): who ends a request and finds the I/O thread asleep sends what waits.
//! - Receiving ([`Lent`]): while the main thread has nothing to do, it waits for the shell socket in place of the I/O
//!   thread. When it leaves with a request, a timer makes the I/O thread look soon, as the cell may take longer; it then
//!   watches the socket again.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::linger::Found;
use super::poller::{Poller, Sources};
use super::{Io, IoThread, panic_text};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::message::Channel;
use crate::outbox::Slept;
use crate::queue::RequestQueue;

/// What a cell may take before the I/O thread looks after it. To set a timer that is due before the kernel's next tick
/// (at 250 Hz) costs a virtual machine as much as the rest of taking a request.
const SHORT_CELL: Duration = Duration::from_millis(5);

impl Io {
    /// Send what waits, after [`crate::outbox::Outbox::push_all_here`]. Does not block. False if the I/O thread must be
    /// woken, because it is at work or something is left for it.
    pub(crate) fn send_here(&self, slept: Slept) -> bool {
        let Some(mut state) = self.state.try_lock() else {
            return false;
        };
        state
            .as_mut()
            .is_none_or(|io| io.contain(|io| io.send_here(slept)).unwrap_or(false))
    }
}

impl IoThread {
    fn send_here(&mut self, slept: Slept) -> Result<bool> {
        if !self.core.outbox.is_being_read() {
            return Ok(true); // The I/O thread has looked since.
        }
        self.send_queued()?;
        let to_read = self.readable_after_use()?;
        let is_left = self.core.outbox.rest_again(slept);
        let is_idle = self.publisher.is_idle() && self.unasked.is_empty();
        Ok(!is_left && is_idle && to_read.is_empty())
    }

    /// As in a round of ours, what came with a request on another socket goes before it: an interrupt does not hit a cell
    /// that was sent after it, an old answer is not taken for that to a new question, and who has subscribed misses
    /// nothing. Returns how many messages came beside the shell's, and how many on it.
    fn read_before_a_cell(&mut self) -> Result<(usize, usize)> {
        let beside = self.read(Channel::Control)? + self.read(Channel::Stdin)?;
        self.read_subscriptions()?;
        Ok((beside, self.read(Channel::Shell)?))
    }

    /// Act on another thread than ours; what fails there is found by our next round, which ends the kernel.
    fn contain<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        let failure = match catch_unwind(AssertUnwindSafe(|| act(self))) {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(error)) => error,
            Err(panic) => Error::System {
                what: "a panic",
                source: std::io::Error::other(panic_text(panic.as_ref())),
            },
        };
        self.failure = Some(failure);
        self.wake.signal();
        None
    }
}

/// What ended [`Core::await_request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// A request is in the queue, or it is closed.
    Request,
    /// The other descriptor is readable.
    Other,
    /// Neither; perhaps the time is over.
    Nothing,
}

impl Core {
    /// Wait until a request is in `queue` or it is closed, `other` is readable, or `timeout` is over. It may end early. Who
    /// serves the main shell's queue waits in place of the I/O thread.
    ///
    /// # Errors
    /// `EINTR` when a signal came.
    pub fn await_request(
        &self,
        queue: &RequestQueue,
        other: Option<BorrowedFd<'_>>,
        timeout: Duration,
    ) -> std::io::Result<Awaited> {
        let lent = self.lend_shell(queue);
        if let Some(lent) = lent.as_ref().filter(|lent| lent.may_have_missed()) {
            lent.receive();
        }
        if !queue.is_empty() {
            return Ok(Awaited::Request);
        }
        let own = queue.as_fd();
        let news = lent.as_ref().map_or(own, |lent| lent.news);
        let fds = [own, other.unwrap_or(own), news];
        let ready = match &lent {
            Some(lent) => lent
                .io
                .main_linger
                .wait(timeout, |timeout| readable(fds, timeout))?,
            None => readable(fds, timeout)?,
        };
        let Ready {
            filled,
            other,
            news,
        } = ready;
        if let Some(lent) = lent.as_ref().filter(|_| news) {
            lent.receive();
        }
        let is_request = !queue.is_empty();
        if let Some(lent) = lent.as_ref().filter(|_| is_request) {
            lent.io.main_linger.was_for_a_request();
        }
        Ok(if filled || is_request {
            Awaited::Request
        } else if other {
            Awaited::Other
        } else {
            Awaited::Nothing
        })
    }

    /// Lend the shell socket to the calling thread until the value is dropped, if it serves `queue` and the system allows
    /// that. May wait a moment for the I/O thread.
    fn lend_shell(&self, queue: &RequestQueue) -> Option<Lent<'_>> {
        if !Poller::SWITCHES_AT_ONCE || self.is_forked() || !std::ptr::eq(queue, &*self.shell) {
            return None;
        }
        let io = self.io()?;
        let news = io.poller.switched(Sources::SHELL)?;
        let mut state = io.state.lock();
        let thread = state.as_mut()?;
        thread.lent = true;
        thread.contain(|thread| thread.choose_what_to_watch(&io.poller));
        Some(Lent {
            core: self,
            io,
            news,
            received: Cell::new(false),
        })
    }
}

/// Which of the three is readable: the queue's own descriptor, the caller's other one, that of the lent socket. Those may
/// be the same.
#[derive(Debug, Clone, Copy)]
struct Ready {
    filled: bool,
    other: bool,
    news: bool,
}

impl Found for Ready {
    fn is_something(&self) -> bool {
        self.filled || self.other || self.news
    }
}

fn readable(fds: [BorrowedFd<'_>; 3], timeout: Duration) -> std::io::Result<Ready> {
    let mut fds = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    let time = Timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    poll(&mut fds, Some(&time))?;
    let [filled, other, news] = fds.map(|fd| !fd.revents().is_empty());
    Ok(Ready {
        filled,
        other,
        news,
    })
}

/// The shell socket, lent to the main thread while it has nothing to do.
struct Lent<'core> {
    core: &'core Core,
    io: &'core Io,
    /// Readable when it is time to [`Lent::receive`].
    news: BorrowedFd<'core>,
    received: Cell<bool>,
}

impl Lent<'_> {
    /// Whether something may have come of which there will be no news: the socket was used since it was last empty.
    fn may_have_missed(&self) -> bool {
        let state = self.io.state.lock();
        state
            .as_ref()
            .is_some_and(|io| io.touched.has(Sources::SHELL))
    }

    /// Take what has come, for our queue or for whomever it is. May wait a moment for the I/O thread.
    fn receive(&self) {
        let mut state = self.io.state.lock();
        let Some(io) = state.as_mut() else {
            return;
        };
        let waited = self.core.shell.len();
        let Some((beside, count)) = io.contain(IoThread::read_before_a_cell) else {
            return;
        };
        let is_idle = io.publisher.is_idle();
        drop(state);
        let queued = self.core.shell.len().saturating_sub(waited);
        self.received.set(self.received.get() || queued > 0);
        if queued != count || beside > 0 || !is_idle {
            self.core.wake_io(); // It was for somebody else, and the I/O thread may have to do with that.
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.io.state.lock();
        let Some(io) = state.as_mut() else {
            return;
        };
        io.lent = false;
        if io.touched.has(Sources::SHELL) {
            self.core.wake_io(); // More has come than was read at once.
        } else if self.received.get() {
            // The I/O thread watches the shell socket from its next look on, so that a short cell need not switch that
            // on and off again.
            self.io.poller.look_within(SHORT_CELL);
            self.core.outbox.will_look_soon();
        } else {
            io.contain(|io| io.choose_what_to_watch(&self.io.poller));
        }
    }
}
