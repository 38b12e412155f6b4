//! What waits to be sent: one first-in-first-out queue for replies and publications alike.
//!
//! Why the order holds: everything a cell causes is appended here under one lock, and only the I/O thread takes from
//! the front. So `idle` cannot overtake output, nor output its own reply. (Control and stdin have an urgent lane of
//! their own: they must not wait for the output of cells.)
//!
//! Stream text is merged into the last entry while that belongs to the same parent and stream, and held back for a few
//! milliseconds while nothing else waits behind it: a loop of prints becomes some twenty messages a second.
//!
//! Waking the reader costs a system call and often the writer's processor, so it is done seldom: after it worked the
//! reader dozes for [`DOZE`] before it sleeps, and a dozing reader is woken only for what ends a request (`idle`), for
//! the urgent lane and for flushes. Everything else waits for the end of the doze.
//!
//! While much text is on its way to subscribers that do not read ([`crate::publisher`]), messages are kept short.
//!
//! Bound: [`MAX_BYTES`] of queued content. At the bound writers wait ([`Outbox::wait_for_room`]) until the reader has
//! caught up; status, errors and replies are small, never wait and are never dropped.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::message::{Channel, Request};
use crate::wake::Wake;

/// Bytes that may wait before writers have to.
pub const MAX_BYTES: usize = 64 << 20;
/// Text of one stream message; longer text is cut into several.
pub const MAX_STREAM_BYTES: usize = 1 << 20;
/// Text of one stream message while subscribers hold up much.
const SHORT_STREAM_BYTES: usize = 8 << 10;
/// Held text is sent at once when it has grown to this.
const SEND_NOW_BYTES: usize = 64 << 10;
/// How long the first text after a silence is held: enough for the second half of a `print`.
const FIRST_HOLD: Duration = Duration::from_millis(4);
/// How long a line without its end is held: a client shows what comes in one message as one piece of output.
const PARTIAL_LINE_HOLD: Duration = Duration::from_millis(200);
/// Distance between stream messages while text keeps coming.
const STREAM_INTERVAL: Duration = Duration::from_millis(50);
/// Explicit flushes that are obeyed at once, a second; more are merged like unflushed text.
const FLUSHES_PER_SECOND: u32 = 200;
/// How long a reader that ran out of work is not woken for messages that can wait.
pub const DOZE: Duration = Duration::from_millis(1);
/// What an entry costs beside its bytes.
const OVERHEAD_BYTES: usize = 256;

/// The request that caused a message.
pub type Parent = Option<Arc<Request>>;

/// One message, not yet given a header and a signature.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Channel to send it by.
    pub channel: Channel,
    /// Routing identities, or the topic on iopub.
    pub prefix: Vec<Bytes>,
    /// Type of the message.
    pub msg_type: Cow<'static, str>,
    /// What caused it.
    pub parent: Parent,
    /// Metadata, JSON.
    pub metadata: Bytes,
    /// Content, JSON.
    pub content: Bytes,
    /// Binary buffers.
    pub buffers: Vec<Bytes>,
}

/// Which stream text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamName {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl StreamName {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Text of one stream and one parent.
#[derive(Debug)]
pub struct StreamText {
    /// What caused it.
    pub parent: Parent,
    /// Which stream.
    pub name: StreamName,
    /// The text.
    pub text: String,
    since: Instant,
    due: Instant,
}

impl StreamText {
    /// When it is to be sent even if nothing follows it.
    fn due(&self) -> Instant {
        if self.text.ends_with('\n') {
            self.due
        } else {
            self.due.max(self.since + PARTIAL_LINE_HOLD)
        }
    }

    fn continues(&self, parent: &Parent, name: StreamName, added: usize, most: usize) -> bool {
        let same_parent = match (&self.parent, parent) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (None, None) => true,
            _ => false,
        };
        same_parent && self.name == name && self.text.len() + added <= most
    }
}

/// What waits in the queue.
#[derive(Debug)]
pub enum Entry {
    /// A whole message.
    Message(Outgoing),
    /// Text that may still grow.
    Stream(StreamText),
}

impl Entry {
    /// Bytes that it counts for against the bound.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        OVERHEAD_BYTES
            + match self {
                Self::Message(message) => {
                    message.content.len()
                        + message.metadata.len()
                        + message.buffers.iter().map(Bytes::len).sum::<usize>()
                }
                Self::Stream(stream) => stream.text.len(),
            }
    }
}

/// Whether the I/O thread looks at the outbox by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// It will look again before it sleeps.
    Awake,
    /// It will look again within [`DOZE`].
    Dozing,
    /// It must be woken.
    Asleep,
}

/// What the I/O thread should do next.
#[derive(Debug)]
pub enum Next {
    /// Send this, then call [`Outbox::sent`] with its size.
    Send(Entry),
    /// Text is held until then; look again.
    Hold(Instant),
    /// Nothing waits; look once more then, before sleeping.
    Doze(Instant),
    /// Something waits in the urgent lane.
    Urgent,
    /// Nothing waits.
    Empty,
}

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

    /// Queue stream text, merged with what waits at the end if that continues it; never waits.
    ///
    /// # Errors
    /// [`Error::Closed`] after [`Outbox::close`].
    pub fn write(&self, parent: &Parent, name: StreamName, text: &str) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        let most = state.stream_bytes;
        if let Some(Entry::Stream(last)) = state.entries.back_mut()
            && last.continues(parent, name, text.len(), most)
        {
            let (before, held_until) = (last.text.len(), last.due());
            last.text.push_str(text);
            let ripe = before < SEND_NOW_BYTES && last.text.len() >= SEND_NOW_BYTES;
            // The reader sleeps until the end of a partial line was due; a line that is whole now is due sooner.
            let sooner = last.due() < held_until;
            state.grow(text.len());
            if ripe {
                state.flush_to = state.last_number();
            }
            if ripe || sooner {
                self.wake_reader(state, false);
            }
            return Ok(());
        }
        let mut rest = text;
        while !rest.is_empty() {
            let (chunk, more) = rest.split_at(floor_char_boundary(rest, most));
            let (since, due) = (Instant::now(), state.stream_due());
            let text = StreamText {
                since,
                parent: parent.clone(),
                name,
                text: chunk.to_owned(),
                due,
            };
            state.add(Entry::Stream(text));
            rest = more;
            if chunk.len() >= SEND_NOW_BYTES {
                state.flush_to = state.last_number();
            }
        }
        self.wake_reader(state, false);
        Ok(())
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

    /// Ask that what is queued now be sent rather than held. Returns the number to wait for with
    /// [`Outbox::wait_until_sent`], or None when so many flushes were asked for lately that this one is merged.
    #[must_use]
    pub fn flush(&self, force: bool) -> Option<u64> {
        let mut state = self.state.lock();
        let last = state.last_number();
        if !force && !state.spend_flush() {
            return None;
        }
        if state.sent < last {
            state.flush_to = last;
            self.wake_reader(state, true);
        }
        Some(last)
    }

    /// Wait until entry `number` was handed to libzmq, at most `timeout`; false if it was not.
    #[must_use]
    pub fn wait_until_sent(&self, number: u64, timeout: Duration) -> bool {
        self.wait(Instant::now() + timeout, |state| state.sent >= number)
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

    /// I/O thread: a request was handed out, so messages will come soon; doze rather than sleep until they do.
    pub fn expect_messages(&self) {
        self.state.lock().worked = true;
    }

    /// I/O thread: the next urgent message.
    pub fn take_urgent(&self) -> Option<Outgoing> {
        self.state.lock().urgent.pop_front()
    }

    /// I/O thread: what to do next. After `Empty` the reader will be woken by the next push, after `Doze` and `Hold` by
    /// one that cannot wait.
    #[must_use]
    pub fn next(&self, now: Instant) -> Next {
        let mut state = self.state.lock();
        if !state.urgent.is_empty() {
            // It came after the reader had looked for urgent messages, and woke nobody: the reader was awake.
            return Next::Urgent;
        }
        match state.entries.front() {
            None => {
                let worked = std::mem::take(&mut state.worked);
                state.reader = if worked {
                    Reader::Dozing
                } else {
                    Reader::Asleep
                };
                if worked {
                    Next::Doze(now + DOZE)
                } else {
                    Next::Empty
                }
            }
            Some(Entry::Stream(text))
                if text.due() > now
                    && state.messages == 0
                    && state.flush_to <= state.taken
                    && !state.closed =>
            {
                let due = text.due();
                state.reader = Reader::Asleep;
                Next::Hold(due)
            }
            Some(_) => match state.pop(now) {
                Some(entry) => Next::Send(entry),
                None => Next::Empty,
            },
        }
    }

    /// I/O thread: an entry of this size left the process.
    pub fn sent(&self, size_bytes: usize) {
        let mut state = self.state.lock();
        state.bytes = state.bytes.saturating_sub(size_bytes);
        state.sent += 1;
        if state.waiters > 0 {
            self.progress.notify_all();
        }
    }

    /// I/O thread: whether stream messages are to be short.
    pub fn set_short_streams(&self, short: bool) {
        self.state.lock().stream_bytes = if short {
            SHORT_STREAM_BYTES
        } else {
            MAX_STREAM_BYTES
        };
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

    fn wake_reader(&self, mut state: parking_lot::MutexGuard<'_, State>, now: bool) {
        let wake = state.reader == Reader::Asleep || (now && state.reader == Reader::Dozing);
        if wake {
            state.reader = Reader::Awake;
        }
        drop(state);
        if wake {
            self.wake.signal();
        }
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

    fn pop(&mut self, now: Instant) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.taken += 1;
        self.worked = true;
        self.reader = Reader::Awake;
        match entry {
            Entry::Message(_) => self.messages -= 1,
            Entry::Stream(_) => self.stream_sent = Some(now),
        }
        Some(entry)
    }

    fn has_room(&self) -> bool {
        self.bytes < MAX_BYTES
    }

    fn last_number(&self) -> u64 {
        self.taken + self.entries.len() as u64
    }

    fn stream_due(&self) -> Instant {
        let now = Instant::now();
        let first = now + FIRST_HOLD;
        self.stream_sent
            .map_or(first, |sent| first.max(sent + STREAM_INTERVAL))
    }

    fn spend_flush(&mut self) -> bool {
        let now = Instant::now();
        if now.duration_since(self.flush_refilled) >= Duration::from_secs(1) {
            self.flush_refilled = now;
            self.flush_tokens = FLUSHES_PER_SECOND;
        }
        let allowed = self.flush_tokens > 0;
        self.flush_tokens = self.flush_tokens.saturating_sub(1);
        allowed
    }
}

/// The largest char boundary of `text` that is not beyond `at`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::request;

    fn outbox() -> Outbox {
        Outbox::new(Arc::new(Wake::new().unwrap()))
    }

    fn message(msg_type: &'static str) -> Outgoing {
        Outgoing {
            channel: Channel::Iopub,
            prefix: Vec::new(),
            msg_type: msg_type.into(),
            parent: None,
            metadata: Bytes::new(),
            content: Bytes::new(),
            buffers: Vec::new(),
        }
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn stream_messages_are_short_while_much_is_on_its_way() {
        for (short, expected) in [
            (true, vec![8 << 10, 8 << 10, 8 << 10, 8 << 10, 8 << 10, 2]),
            (false, vec![(40 << 10) + 2]),
        ] {
            let outbox = outbox();
            outbox.set_short_streams(short);
            for text in ["x".repeat(40 << 10).as_str(), "yy"] {
                outbox.write(&None, StreamName::Stdout, text).unwrap();
            }
            let mut sizes = Vec::new();
            while let Next::Send(entry) = outbox.next(later()) {
                sizes.push(entry.size_bytes() - OVERHEAD_BYTES);
                outbox.sent(entry.size_bytes());
            }
            assert_eq!(sizes, expected);
        }
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
    fn text_is_held_until_something_follows_it() {
        let outbox = outbox();
        outbox.write(&None, StreamName::Stdout, "a").unwrap();
        assert!(matches!(outbox.next(Instant::now()), Next::Hold(_)));
        outbox.push(message("reply")).unwrap();
        assert!(matches!(
            outbox.next(Instant::now()),
            Next::Send(Entry::Stream(_))
        ));
    }

    #[test]
    fn text_is_held_until_it_is_flushed() {
        let outbox = outbox();
        outbox.write(&None, StreamName::Stdout, "a").unwrap();
        assert_eq!(outbox.flush(false), Some(1));
        assert!(matches!(outbox.next(Instant::now()), Next::Send(_)));
        assert!(!outbox.wait_until_sent(1, Duration::ZERO));
        outbox.sent(1);
        assert!(outbox.wait_until_sent(1, Duration::ZERO));
    }

    #[test]
    fn too_many_flushes_are_merged() {
        let outbox = outbox();
        outbox.write(&None, StreamName::Stdout, "a").unwrap();
        let obeyed = (0..2 * FLUSHES_PER_SECOND)
            .filter(|_| outbox.flush(false).is_some())
            .count();
        assert!(obeyed < 2 * FLUSHES_PER_SECOND as usize);
        assert!(outbox.flush(true).is_some());
    }

    #[test]
    fn long_text_is_cut_at_characters() {
        let outbox = outbox();
        let text = "é".repeat(MAX_STREAM_BYTES) + "x";
        outbox.write(&None, StreamName::Stdout, &text).unwrap();
        let mut back = String::new();
        while let Next::Send(Entry::Stream(stream)) = outbox.next(later()) {
            assert!(stream.text.len() <= MAX_STREAM_BYTES);
            back.push_str(&stream.text);
        }
        assert_eq!(back, text);
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
    fn control_does_not_wait_for_output() {
        let outbox = outbox();
        outbox.push(message("display_data")).unwrap();
        outbox
            .push(Outgoing {
                channel: Channel::Control,
                ..message("debug_reply")
            })
            .unwrap();
        assert!(matches!(outbox.next(later()), Next::Urgent));
        assert_eq!(outbox.take_urgent().unwrap().msg_type, "debug_reply");
    }

    #[test]
    fn the_reader_does_not_rest_while_something_urgent_waits() {
        let outbox = outbox();
        let urgent = || Outgoing {
            channel: Channel::Stdin,
            ..message("input_request")
        };
        assert!(outbox.take_urgent().is_none());
        outbox.push(urgent()).unwrap(); // The reader is awake, so nobody wakes it.
        let now = Instant::now();
        assert!(matches!(outbox.next(now), Next::Urgent));
        assert!(outbox.take_urgent().is_some());
        assert!(matches!(outbox.next(now), Next::Empty));
        outbox.write(&None, StreamName::Stdout, "held").unwrap();
        outbox.push(urgent()).unwrap();
        assert!(matches!(outbox.next(now), Next::Urgent));
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
