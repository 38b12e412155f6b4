//! What waits to be sent: one first-in-first-out queue for replies and publications alike.
//!
//! Why the order holds: everything a cell causes is appended here under one lock, and only the I/O thread takes from
//! the front. So `idle` cannot overtake output, nor output its own reply. (Control and stdin have an urgent lane of
//! their own: they must not wait for the output of cells.)
//!
//! Bound: [`MAX_BYTES`] of queued content. At the bound writers wait ([`Outbox::wait_for_room`]) until the reader has
//! caught up; status, errors and replies are small, never wait and are never dropped.

mod flush;
mod outgoing;
mod reader;
mod stream_text;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use self::flush::FLUSHES_PER_SECOND;
pub use self::outgoing::{Entry, Outgoing, Parent};
pub use self::reader::Next;
use self::reader::Reader;
pub(crate) use self::reader::Slept;
pub(crate) use self::stream_text::stream_message;
pub use self::stream_text::{MAX_STREAM_BYTES, StreamName, StreamText};
use crate::error::{Error, Result};
use crate::message::Channel;
use crate::wake::Wake;

/// Bytes that may wait before writers have to.
pub const MAX_BYTES: usize = 64 << 20;

#[derive(Debug)]
struct State {
    entries: VecDeque<Entry>,
    urgent: VecDeque<Outgoing>,
    bytes: usize,
    most_bytes: usize,
    /// How many of `entries` are not stream text.
    messages: usize,
    /// Entries taken by the I/O thread since the start; entry `i` of the queue is number `taken + i + 1`.
    taken: u64,
    /// Entries handed to libzmq since the start.
    sent: u64,
    /// Entries up to this number are not held.
    flush_to: u64,
    flush_tokens: u32,
    flush_refilled: Instant,
    stream_sent: Option<Instant>,
    /// Text of one stream message from now on.
    stream_bytes: usize,
    waiters: usize,
    reader: Reader,
    /// When the reader that holds text will look.
    held_until: Option<Instant>,
    /// How often the I/O thread woke.
    awakenings: u64,
    worked: bool,
    closed: bool,
}

/// The queue to the I/O thread. All methods are safe from any thread; none takes longer than copying the text.
#[derive(Debug)]
pub struct Outbox {
    state: Mutex<State>,
    progress: Condvar,
    wake: Arc<Wake>,
}

impl Outbox {
    /// An empty outbox that wakes its reader by `wake`.
    #[must_use]
    pub fn new(wake: Arc<Wake>) -> Self {
        let state = State {
            entries: VecDeque::new(),
            urgent: VecDeque::new(),
            bytes: 0,
            most_bytes: 0,
            messages: 0,
            taken: 0,
            sent: 0,
            flush_to: 0,
            flush_tokens: FLUSHES_PER_SECOND,
            flush_refilled: Instant::now(),
            stream_sent: None,
            stream_bytes: MAX_STREAM_BYTES,
            waiters: 0,
            reader: Reader::Awake,
            held_until: None,
            awakenings: 0,
            worked: false,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            progress: Condvar::new(),
            wake,
        }
    }

    /// Queue a message that something else will follow soon; never waits.
    ///
    /// # Errors
    /// [`Error::Closed`] after [`Outbox::close`].
    pub fn push(&self, message: Outgoing) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        let urgent = state.queue(message);
        self.wake_reader(state, urgent);
        Ok(())
    }

    /// Queue several messages with nothing between them, and have them sent now; never waits.
    ///
    /// # Errors
    /// [`Error::Closed`] after [`Outbox::close`].
    pub fn push_all(&self, messages: impl IntoIterator<Item = Outgoing>) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        for message in messages {
            state.queue(message);
        }
        self.wake_reader(state, true);
        Ok(())
    }

    /// Queue several messages with nothing between them, to be sent by the caller: unless the I/O thread is at work
    /// (None), it sleeps on, and the caller must send what waits and then call [`Outbox::rest_again`], or wake it.
    ///
    /// # Errors
    /// [`Error::Closed`] after [`Outbox::close`].
    pub(crate) fn push_all_here(
        &self,
        messages: impl IntoIterator<Item = Outgoing>,
    ) -> Result<Option<Slept>> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        for message in messages {
            state.queue(message);
        }
        let before = std::mem::replace(&mut state.reader, Reader::Awake);
        Ok((before != Reader::Awake).then_some(Slept {
            reader: before,
            awakenings: state.awakenings,
        }))
    }

    /// Whether writers need not wait.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.state.lock().has_room()
    }

    /// Wait until there is room again, at most `timeout`; false if there is none.
    #[must_use]
    pub fn wait_for_room(&self, timeout: Duration) -> bool {
        self.wait(Instant::now() + timeout, State::has_room)
    }

    fn wait(&self, deadline: Instant, done: impl Fn(&State) -> bool) -> bool {
        let mut state = self.state.lock();
        while !done(&state) && !state.closed {
            state.waiters += 1;
            let timed_out = self.progress.wait_until(&mut state, deadline).timed_out();
            state.waiters -= 1;
            if timed_out {
                return done(&state);
            }
        }
        done(&state)
    }

    /// Whether it refuses what comes.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let state = self.state.lock();
        state.entries.is_empty() && state.urgent.is_empty() && state.sent == state.taken
    }

    /// Refuse what comes from now on; wake every waiter and the reader, which sends the rest.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        self.progress.notify_all();
        drop(state);
        self.wake.signal();
    }

    /// The most bytes that ever waited.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        self.state.lock().most_bytes
    }
}

impl State {
    /// Returns whether the message is urgent.
    fn queue(&mut self, message: Outgoing) -> bool {
        let urgent = matches!(message.channel, Channel::Control | Channel::Stdin);
        if urgent {
            self.urgent.push_back(message);
        } else {
            self.add(Entry::Message(message));
        }
        urgent
    }

    fn add(&mut self, entry: Entry) {
        self.grow(entry.size_bytes());
        if matches!(entry, Entry::Message(_)) {
            self.messages += 1;
        }
        self.entries.push_back(entry);
    }

    fn grow(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.most_bytes = self.most_bytes.max(self.bytes);
    }

    fn has_room(&self) -> bool {
        self.bytes < MAX_BYTES
    }

    fn last_number(&self) -> u64 {
        self.taken + self.entries.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::queue::tests::request;

    pub(super) fn outbox() -> Outbox {
        Outbox::new(Arc::new(Wake::new().unwrap()))
    }

    pub(super) fn message(msg_type: &'static str) -> Outgoing {
        Outgoing {
            made: std::time::SystemTime::now(),
            channel: Channel::Iopub,
            prefix: Vec::new(),
            msg_type: msg_type.into(),
            parent: None,
            metadata: Bytes::new(),
            content: Bytes::new(),
            buffers: Vec::new(),
        }
    }

    pub(super) fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn drain(outbox: &Outbox) -> Vec<String> {
        let mut seen = Vec::new();
        while let Next::Send(entry) = outbox.next(later()) {
            outbox.sent(entry.size_bytes());
            seen.push(match entry {
                Entry::Message(message) => message.msg_type.into_owned(),
                Entry::Stream(stream) => format!("{}:{}", stream.name.name(), stream.text),
            });
        }
        seen
    }

    #[test]
    fn keeps_the_order_and_merges_neighbours_of_one_parent() {
        let (outbox, one, two) = (
            outbox(),
            Some(request("execute_request", "1")),
            Some(request("execute_request", "2")),
        );
        outbox.push(message("busy")).unwrap();
        outbox.write(&one, StreamName::Stdout, "a").unwrap();
        outbox.write(&one, StreamName::Stdout, "\n").unwrap();
        outbox.write(&one, StreamName::Stderr, "e").unwrap();
        outbox.write(&two, StreamName::Stderr, "f").unwrap();
        outbox.push(message("idle")).unwrap();
        assert_eq!(
            drain(&outbox),
            ["busy", "stdout:a\n", "stderr:e", "stderr:f", "idle"]
        );
        assert!(outbox.is_drained());
    }

    #[test]
    fn writers_wait_at_the_bound_until_the_reader_caught_up() {
        let outbox = outbox();
        outbox
            .write(&None, StreamName::Stdout, &"x".repeat(MAX_BYTES))
            .unwrap();
        assert!(!outbox.has_room());
        assert!(!outbox.wait_for_room(Duration::ZERO));
        outbox.push(message("status")).unwrap();
        assert!(outbox.most_bytes() >= MAX_BYTES);
        drain(&outbox);
        assert!(outbox.wait_for_room(Duration::ZERO));
    }

    #[test]
    fn a_closed_outbox_refuses_and_lets_the_rest_go() {
        let outbox = outbox();
        outbox.write(&None, StreamName::Stdout, "a").unwrap();
        outbox.close();
        assert!(matches!(outbox.push(message("x")), Err(Error::Closed)));
        assert_eq!(drain(&outbox), ["stdout:a"]);
    }
}
