//! Requests that wait for Python: first in, first out, with a bound and with abort.
//!
//! The wake flag is readable while a request waits, the queue is closed, or its thread was nudged and has not looked into
//! the queue since; it is set and cleared under the same lock as the requests, so no waiter can miss one.
//!
//! Bound: at [`MAX_REQUESTS`] requests or [`MAX_BYTES`] the queue says it is full and the I/O thread stops reading the
//! shell socket, so that the client waits; control goes on.

mod unaware;

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use self::unaware::{Unaware, reply_waits};
use crate::error::{Error, Result};
use crate::message::Request;
use crate::wake::Wake;

/// Requests that may wait in one queue.
pub const MAX_REQUESTS: usize = 100_000;
/// Bytes that may wait in one queue.
pub const MAX_BYTES: usize = 512 << 20;

/// A request with what is to be done with it.
#[derive(Debug)]
pub enum Taken {
    /// Handle it.
    Serve(Arc<Request>),
    /// Answer `aborted`.
    Abort(Arc<Request>),
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Arc<Request>, bool)>,
    bytes: usize,
    comms: usize,
    closed: bool,
    nudged: bool,
    abort_until: Option<Instant>,
    unaware: Option<Unaware>,
}

impl State {
    fn is_to_abort(&self, request: &Request) -> bool {
        if !request.is_execute() {
            return false;
        }
        let in_window = self.abort_until.is_some_and(|until| Instant::now() < until);
        let unaware = self.unaware.as_ref();
        in_window || unaware.is_some_and(|unaware| unaware.includes(request))
    }
}

/// The queue of one channel or subshell.
#[derive(Debug)]
pub struct RequestQueue {
    state: Mutex<State>,
    wake: Wake,
    /// Readable while a comm message waits: these are served in the middle of a suspended cell.
    comm_wake: Wake,
}

impl RequestQueue {
    /// An empty queue.
    ///
    /// # Errors
    /// [`Error::System`] when the process has no file descriptor left.
    pub fn new() -> Result<Self> {
        Ok(Self {
            state: Mutex::default(),
            wake: Wake::new()?,
            comm_wake: Wake::new()?,
        })
    }

    /// Put a request at the end; a closed queue drops it.
    pub fn push(&self, request: Arc<Request>) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        let aborted = state.is_to_abort(&request);
        state.bytes += request.size_bytes();
        let was_empty = state.waiting.is_empty();
        if request.is_comm() {
            state.comms += 1;
            self.comm_wake.signal();
        }
        state.waiting.push_back((request, aborted));
        if was_empty {
            self.wake.signal();
        }
    }

    /// Take the first request (with `comms_only`, the first comm message).
    ///
    /// # Errors
    /// [`Error::Closed`] when the queue is closed.
    pub fn take(&self, comms_only: bool) -> Result<Option<Taken>> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        let at = if comms_only {
            state
                .waiting
                .iter()
                .position(|(request, _)| request.is_comm())
        } else {
            Some(0)
        };
        if std::mem::take(&mut state.nudged) {
            self.clear_what_is_over(&state);
        }
        let Some((request, aborted)) = at.and_then(|at| state.waiting.remove(at)) else {
            return Ok(None);
        };
        state.bytes -= request.size_bytes();
        if request.is_comm() {
            state.comms -= 1;
            if state.comms == 0 {
                self.comm_wake.clear();
            }
        }
        if state.waiting.is_empty() {
            self.wake.clear();
        }
        Ok(Some(if aborted {
            Taken::Abort(request)
        } else {
            Taken::Serve(request)
        }))
    }

    /// End the wait of the thread that serves this queue, or its next one, although no request may be there: Python has a
    /// signal's handler to run on it.
    pub fn nudge(&self) {
        let mut state = self.state.lock();
        if !state.nudged {
            state.nudged = true;
            self.wake.signal();
            self.comm_wake.signal();
        }
    }

    fn clear_what_is_over(&self, state: &State) {
        if state.waiting.is_empty() {
            self.wake.clear();
        }
        if state.comms == 0 {
            self.comm_wake.clear();
        }
    }

    /// Wait until the client of `failed`, which is not replied to yet, has had the time to send what it sends together with
    /// it.
    pub fn await_what_was_sent_together(&self, failed: &Request) {
        loop {
            match self.reply_waits(failed) {
                Duration::ZERO => return,
                moment => std::thread::sleep(moment),
            }
        }
    }

    fn reply_waits(&self, failed: &Request) -> Duration {
        let state = self.state.lock();
        let mut waiting = state.waiting.iter().rev().map(|(request, _)| &**request);
        let session = &failed.header.session;
        let is_next = |each: &&Request| each.is_execute() && each.header.session == *session;
        reply_waits(failed, waiting.find(is_next))
    }

    /// Mark every waiting execute_request as aborted, those that arrive within `window`, and those that were sent before
    /// their client could know that `failed` has failed, which is replied to next. Returns how many waited.
    pub fn abort_waiting(&self, failed: &Request, window: Duration) -> usize {
        let mut state = self.state.lock();
        state.abort_until = (!window.is_zero()).then(|| Instant::now() + window);
        state.unaware = Unaware::of(failed);
        let mut count = 0;
        for (request, aborted) in &mut state.waiting {
            if request.is_execute() && !*aborted {
                *aborted = true;
                count += 1;
            }
        }
        count
    }

    /// Whether the I/O thread should stop reading for this queue.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let state = self.state.lock();
        state.waiting.len() >= MAX_REQUESTS || state.bytes >= MAX_BYTES
    }

    /// Refuse what comes from now on and wake every waiter. Returns the requests that waited.
    pub fn close(&self) -> Vec<Arc<Request>> {
        let mut state = self.state.lock();
        state.closed = true;
        state.bytes = 0;
        state.comms = 0;
        self.wake.signal();
        self.comm_wake.signal();
        std::mem::take(&mut state.waiting)
            .into_iter()
            .map(|(request, _)| request)
            .collect()
    }

    /// Descriptor that is readable while a comm message waits or the queue is closed.
    #[must_use]
    pub fn comm_fd(&self) -> BorrowedFd<'_> {
        self.comm_wake.as_fd()
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// How many requests wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl AsFd for RequestQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::message::{Channel, open};
    use crate::signature::{ReplayWindow, Signer};
    use bytes::Bytes;

    pub(crate) fn request(msg_type: &str, msg_id: &str) -> Arc<Request> {
        let header =
            format!("{{\"msg_id\":\"{msg_id}\",\"msg_type\":\"{msg_type}\",\"session\":\"s\"}}");
        Arc::new(with_header(&header))
    }

    /// An execute_request with this date in its header.
    pub(crate) fn dated(session: &str, date: &str) -> Request {
        with_header(&format!(
            "{{\"msg_id\":\"{date}\",\"msg_type\":\"execute_request\",\"session\":\"{session}\",\"date\":\"{date}\"}}"
        ))
    }

    fn with_header(header: &str) -> Request {
        let frames = ["id", "<IDS|MSG>", "", header, "{}", "{}", "{}"]
            .map(|text| Bytes::copy_from_slice(text.as_bytes()));
        let signer = Signer::new("hmac-sha256", b"").unwrap();
        open(
            frames.to_vec(),
            Channel::Shell,
            &signer,
            &mut ReplayWindow::new(1),
        )
        .unwrap()
    }

    fn readable(queue: &RequestQueue) -> bool {
        is_readable(queue.as_fd())
    }

    fn is_readable(fd: BorrowedFd<'_>) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        poll(
            &mut fds,
            Some(&Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            }),
        )
        .unwrap()
            == 1
    }

    fn id(taken: Option<Taken>) -> (String, bool) {
        match taken.unwrap() {
            Taken::Serve(request) => (request.header.msg_id.clone(), false),
            Taken::Abort(request) => (request.header.msg_id.clone(), true),
        }
    }

    #[test]
    fn is_first_in_first_out_and_readable_while_filled() {
        let queue = RequestQueue::new().unwrap();
        assert!(!readable(&queue));
        queue.push(request("execute_request", "1"));
        queue.push(request("execute_request", "2"));
        assert!(readable(&queue));
        assert_eq!(id(queue.take(false).unwrap()).0, "1");
        assert!(readable(&queue));
        assert_eq!(id(queue.take(false).unwrap()).0, "2");
        assert!(!readable(&queue));
        assert!(queue.take(false).unwrap().is_none());
    }

    #[test]
    fn who_is_nudged_wakes_until_the_next_look() {
        let queue = RequestQueue::new().unwrap();
        let woken = |queue: &RequestQueue| (readable(queue), is_readable(queue.comm_fd()));
        for comms_only in [true, false] {
            queue.nudge();
            queue.nudge();
            assert_eq!(woken(&queue), (true, true));
            assert!(queue.take(comms_only).unwrap().is_none());
            assert_eq!(woken(&queue), (false, false));
        }
        queue.push(request("comm_msg", "1"));
        queue.push(request("execute_request", "2"));
        queue.nudge();
        assert_eq!(id(queue.take(true).unwrap()).0, "1");
        assert_eq!(woken(&queue), (true, false), "a request waits");
    }

    #[test]
    fn only_waiting_executes_are_aborted_and_keep_their_place() {
        let queue = RequestQueue::new().unwrap();
        for (msg_type, msg_id) in [
            ("execute_request", "1"),
            ("complete_request", "2"),
            ("execute_request", "3"),
        ] {
            queue.push(request(msg_type, msg_id));
        }
        assert_eq!(
            queue.abort_waiting(&request("execute_request", "0"), Duration::ZERO),
            2
        );
        queue.push(request("execute_request", "4"));
        let taken: Vec<_> = (0..4).map(|_| id(queue.take(false).unwrap())).collect();
        assert_eq!(
            taken,
            [
                ("1".into(), true),
                ("2".into(), false),
                ("3".into(), true),
                ("4".into(), false)
            ]
        );
    }

    #[test]
    fn the_window_aborts_newcomers() {
        let queue = RequestQueue::new().unwrap();
        queue.abort_waiting(&request("execute_request", "0"), Duration::from_secs(60));
        queue.push(request("execute_request", "1"));
        queue.push(request("complete_request", "2"));
        assert!(id(queue.take(false).unwrap()).1);
        assert!(!id(queue.take(false).unwrap()).1);
    }

    #[test]
    fn what_its_client_sent_without_knowledge_of_the_failure_is_aborted_when_it_comes() {
        let queue = RequestQueue::new().unwrap();
        let made = |ms: u32| Arc::new(dated("s", &format!("2026-01-31T12:00:00.{ms:03}Z")));
        let mut failed = dated("s", "2026-01-31T12:00:00.000Z");
        failed.received -= Duration::from_millis(25);
        queue.push(made(3));
        assert_eq!(queue.abort_waiting(&failed, Duration::ZERO), 1);
        for ms in [6, 19, 100, 101] {
            queue.push(made(ms));
        }
        let aborted = (0..5).map(|_| id(queue.take(false).unwrap()).1);
        assert_eq!(
            aborted.collect::<Vec<_>>(),
            [true, true, true, false, false]
        );
    }

    #[test]
    fn comms_can_be_taken_out_of_turn() {
        let queue = RequestQueue::new().unwrap();
        queue.push(request("execute_request", "1"));
        assert!(!is_readable(queue.comm_fd()));
        queue.push(request("comm_msg", "2"));
        assert!(is_readable(queue.comm_fd()));
        assert_eq!(id(queue.take(true).unwrap()).0, "2");
        assert!(!is_readable(queue.comm_fd()));
        assert!(queue.take(true).unwrap().is_none());
        assert_eq!(id(queue.take(false).unwrap()).0, "1");
    }

    #[test]
    fn is_full_at_its_bound_and_closed_for_good() {
        let queue = RequestQueue::new().unwrap();
        let one = request("execute_request", "1");
        (0..MAX_REQUESTS).for_each(|_| queue.push(Arc::clone(&one)));
        assert!(queue.is_full());
        assert_eq!(queue.close().len(), MAX_REQUESTS);
        assert!(readable(&queue), "waiters wake");
        assert!(matches!(queue.take(false), Err(Error::Closed)));
        queue.push(one);
        assert_eq!(queue.len(), 0);
    }
}
