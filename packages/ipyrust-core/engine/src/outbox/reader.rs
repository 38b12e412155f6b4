//! The I/O thread's side of the outbox: what to do next, and when it must be woken for it.
//!
//! Waking the reader costs a system call and often the writer's processor, so it is done seldom: after it worked the
//! reader dozes for [`DOZE`] before it sleeps, and a dozing reader is woken only for what ends a request (`idle`), for
//! the urgent lane and for flushes. Everything else waits for the end of the doze.

use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use super::{Entry, Outbox, Outgoing, State};

/// How long a reader that ran out of work is not woken for messages that can wait.
const DOZE: Duration = Duration::from_millis(1);

/// Whether the I/O thread looks at the outbox by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// It will look again before it sleeps.
    Awake,
    /// It will look again soon: within [`DOZE`], or in a short cell's time.
    Dozing,
    /// It must be woken.
    Asleep,
}

/// How the I/O thread slept before somebody began to work in its place.
#[derive(Debug, Clone, Copy)]
#[must_use = "the I/O thread is not woken by anybody else"]
pub(crate) struct Slept {
    pub(super) reader: Reader,
    /// How often it had woken.
    pub(super) awakenings: u64,
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

impl Outbox {
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
                state.held_until = Some(due);
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

    /// I/O thread: it woke, and will look before it sleeps again.
    pub(crate) fn begin_reading(&self) {
        let mut state = self.state.lock();
        state.reader = Reader::Awake;
        state.awakenings += 1;
    }

    /// Whether the I/O thread, or who works in its place, has not looked since something was queued for it.
    pub(crate) fn is_being_read(&self) -> bool {
        self.state.lock().reader == Reader::Awake
    }

    /// I/O thread, or who works in its place: a timer will soon end the sleep of the thread.
    pub(crate) fn will_look_soon(&self) {
        let mut state = self.state.lock();
        if state.reader == Reader::Asleep {
            state.reader = Reader::Dozing;
        }
    }

    /// Who worked in place of the I/O thread, called by [`Outbox::push_all_here`] with `slept`, is done. True if something
    /// is left for the thread, which must then be woken; else it sleeps on as before. If it has woken since, its doze is
    /// over, and another thread works in its place now.
    #[must_use]
    pub(crate) fn rest_again(&self, slept: Slept) -> bool {
        let mut state = self.state.lock();
        if !state.entries.is_empty() || !state.urgent.is_empty() {
            state.reader = Reader::Awake;
            return true;
        }
        state.worked = false;
        state.reader = if state.awakenings == slept.awakenings {
            slept.reader
        } else {
            Reader::Asleep
        };
        false
    }

    pub(super) fn wake_reader(&self, mut state: MutexGuard<'_, State>, now: bool) {
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
    fn pop(&mut self, now: Instant) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.held_until = None;
        self.taken += 1;
        self.worked = true;
        self.reader = Reader::Awake;
        match entry {
            Entry::Message(_) => self.messages -= 1,
            Entry::Stream(_) => self.stream_sent = Some(now),
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Channel;
    use crate::outbox::StreamName;
    use crate::outbox::tests::{later, message, outbox};

    #[test]
    fn control_does_not_wait_for_output() {
        let outbox = outbox();
        outbox.push(message("display_data")).unwrap();
        outbox
            .push(Outgoing {
                made: std::time::SystemTime::now(),
                channel: Channel::Control,
                ..message("debug_reply")
            })
            .unwrap();
        assert!(matches!(outbox.next(later()), Next::Urgent));
        assert_eq!(outbox.take_urgent().unwrap().msg_type, "debug_reply");
    }

    #[test]
    fn a_reader_that_holds_text_is_woken_only_for_what_is_due_sooner() {
        let outbox = outbox();
        let now = Instant::now();
        let print = |text: &str| {
            outbox.write(&None, StreamName::Stdout, text).unwrap();
            outbox.write(&None, StreamName::Stdout, "\n").unwrap();
        };
        outbox.write(&None, StreamName::Stdout, "partial").unwrap();
        assert!(matches!(outbox.next(now), Next::Hold(_)));
        outbox.write(&None, StreamName::Stdout, "\n").unwrap();
        assert!(outbox.is_being_read(), "a whole line is due sooner");
        assert!(matches!(outbox.next(now), Next::Hold(_)));
        print("another");
        print("and another");
        assert!(!outbox.is_being_read(), "it will look in time");
    }

    #[test]
    fn a_doze_that_has_ended_is_not_taken_for_one_that_goes_on() {
        let outbox = outbox();
        let take = |outbox: &Outbox| while let Next::Send(_) = outbox.next(later()) {};
        outbox.begin_reading();
        outbox.expect_messages();
        assert!(matches!(outbox.next(later()), Next::Doze(_)));
        let first = outbox.push_all_here([message("status")]).unwrap().unwrap();
        outbox.begin_reading(); // The doze ends before the first thread comes to send anything.
        take(&outbox);
        assert!(matches!(outbox.next(later()), Next::Empty));
        let second = outbox.push_all_here([message("status")]).unwrap().unwrap();
        take(&outbox);
        assert!(!outbox.rest_again(first));
        assert!(!outbox.is_being_read(), "the second thread finds all done");
        let _ = second;
        outbox.push(message("display_data")).unwrap();
        assert!(
            outbox.is_being_read(),
            "the I/O thread was not woken, and sleeps for ever"
        );
    }

    #[test]
    fn the_reader_does_not_rest_while_something_urgent_waits() {
        let outbox = outbox();
        let urgent = || Outgoing {
            made: std::time::SystemTime::now(),
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
}
