//! Stream text, merged while it continues, held a moment for more, cut into messages of a bounded length.
//!
//! Text is merged into the last entry while that belongs to the same parent and stream, and held back for a few
//! milliseconds while nothing else waits behind it: a loop of prints becomes some twenty messages a second.
//!
//! While much text is on its way to subscribers that do not read ([`crate::publisher`]), messages are kept short.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::{Entry, Outbox, Outgoing, Parent, State};
use crate::error::{Error, Result};
use crate::message::{Channel, push_json_string};

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
    /// When its first piece was written.
    pub made: SystemTime,
    since: Instant,
    due: Instant,
}

impl StreamText {
    /// When it is to be sent even if nothing follows it.
    pub(super) fn due(&self) -> Instant {
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

/// The message that carries text.
pub(crate) fn stream_message(
    parent: Parent,
    name: StreamName,
    made: SystemTime,
    text: &str,
) -> Outgoing {
    let mut content = String::with_capacity(text.len() + text.len() / 16 + 40);
    content.push_str("{\"name\":\"");
    content.push_str(name.name());
    content.push_str("\",\"text\":");
    push_json_string(&mut content, text);
    content.push('}');
    Outgoing {
        made,
        channel: Channel::Iopub,
        prefix: vec![Bytes::from(format!("stream.{}", name.name()))],
        msg_type: "stream".into(),
        parent,
        metadata: Bytes::from_static(b"{}"),
        content: Bytes::from(content),
        buffers: Vec::new(),
    }
}

impl Outbox {
    /// Queue stream text, merged with what waits at the end if that continues it; never waits.
    ///
    /// # Errors
    /// [`Error::Closed`] after [`Outbox::close`].
    pub fn write(&self, parent: &Parent, name: StreamName, text: &str) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        match state.continue_stream(parent, name, text) {
            Some(false) => return Ok(()),
            Some(true) => {}
            None => state.begin_stream(parent, name, text),
        }
        self.wake_reader(state, false);
        Ok(())
    }

    /// I/O thread: whether stream messages are to be short.
    pub fn set_short_streams(&self, short: bool) {
        self.state.lock().stream_bytes = if short {
            SHORT_STREAM_BYTES
        } else {
            MAX_STREAM_BYTES
        };
    }
}

impl State {
    /// Append `text` to the last entry if it continues that. Returns whether the reader must hear of it, or None if the
    /// text needs an entry of its own.
    fn continue_stream(&mut self, parent: &Parent, name: StreamName, text: &str) -> Option<bool> {
        let (most, held_until) = (self.stream_bytes, self.held_until);
        let Some(Entry::Stream(last)) = self.entries.back_mut() else {
            return None;
        };
        if !last.continues(parent, name, text.len(), most) {
            return None;
        }
        let before = last.text.len();
        let held_until = held_until.unwrap_or_else(|| last.due());
        last.text.push_str(text);
        let ripe = before < SEND_NOW_BYTES && last.text.len() >= SEND_NOW_BYTES;
        // If the reader found a partial line, it sleeps until that is due; a line that is whole now is due sooner.
        let sooner = last.due() < held_until;
        self.grow(text.len());
        if ripe {
            self.flush_to = self.last_number();
        }
        Some(ripe || sooner)
    }

    /// Queue text in entries of its own, none longer than a stream message may be.
    fn begin_stream(&mut self, parent: &Parent, name: StreamName, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (chunk, more) = rest.split_at(floor_char_boundary(rest, self.stream_bytes));
            let (since, due) = (Instant::now(), self.stream_due());
            let text = StreamText {
                made: SystemTime::now(),
                since,
                parent: parent.clone(),
                name,
                text: chunk.to_owned(),
                due,
            };
            self.add(Entry::Stream(text));
            rest = more;
            if chunk.len() >= SEND_NOW_BYTES {
                self.flush_to = self.last_number();
            }
        }
    }

    fn stream_due(&self) -> Instant {
        let now = Instant::now();
        let first = now + FIRST_HOLD;
        self.stream_sent
            .map_or(first, |sent| first.max(sent + STREAM_INTERVAL))
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
    use crate::outbox::Next;
    use crate::outbox::outgoing::OVERHEAD_BYTES;
    use crate::outbox::tests::{later, message, outbox};

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
}
