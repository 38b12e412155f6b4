//! Publishing to subscribers of which some may have stopped reading.
//!
//! Goal: a slow subscriber loses nothing, and nobody else notices it. libzmq keeps a backlog for every subscriber; its
//! bound is a number of messages ([`BACKLOG_MESSAGES`]). Within it nobody waits for anybody. When a backlog is full,
//! XPUB (told not to drop) refuses the message for all; then publications queue up here, in order, replies go on, and
//! writers feel it only when the outbox is full, too. After `STALL_LIMIT` the stalled subscriber is given up: libzmq
//! leaves it out until it has read half of its backlog, the others get everything again, and everybody is told.
//!
//! That bounds small messages; large ones have a bound in bytes. It cannot be the high-water mark: libzmq 4.3.5 tells a
//! new one to every peer, also to one that has just been destroyed (`pipe_t::send_hwms_to_peer`), and crashes. So what
//! libzmq has not let go of is counted here (`Unsent`), in messages with a frame that it refers to rather than copies
//! ([`ZERO_COPY_BYTES`]); the others are small.
//! - Beyond `MUCH_BYTES` stream messages are short, so that a backlog of text is less than 200 MiB.
//! - Beyond the bound ([`BACKLOG_BYTES`] unless somebody asks for another) large messages wait, and what is behind them,
//!   as long as the backlog shrinks now and then: a slow subscriber gets everything. When it has not shrunk for
//!   `STALL_LIMIT`, large messages are left out for everybody, because XPUB cannot leave out the one that stalls, and a
//!   notice says so where they would have been; they are kept for `replay_request` like the others. Statuses, text,
//!   errors and inputs go on, until twice the bound. Once the backlog is below the bound, all is as before.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ipyrust_zmq::{Sent, Socket, ZERO_COPY_BYTES};

use crate::error::Result;
use crate::kept::Kind;
use crate::left_out::LeftOut;
use crate::message::Request;
use crate::outbox::Outgoing;

/// Messages that libzmq may keep for one subscriber.
pub const BACKLOG_MESSAGES: i32 = 5000;
/// Bytes of large messages that libzmq may keep for all subscribers, unless somebody asks for another number.
pub const BACKLOG_BYTES: usize = 256 << 20;
/// How long a subscriber may stall with a full backlog before the others go on without it, or without large messages.
const STALL_LIMIT: Duration = Duration::from_secs(10);
/// Distance of tries while a subscriber stalls: XPUB cannot tell when it has room again.
const RETRY: Duration = Duration::from_millis(5);

/// Bytes on their way to subscribers beyond which stream messages are short.
const MUCH_BYTES: usize = 32 << 20;

/// A frame that libzmq may still need; its message is counted until it is dropped.
struct Unsent {
    frame: Bytes,
    message_bytes: usize,
    total: Arc<AtomicUsize>,
}

impl Unsent {
    fn counted(frame: Bytes, message_bytes: usize, total: &Arc<AtomicUsize>) -> Bytes {
        total.fetch_add(message_bytes, Ordering::Relaxed);
        let total = Arc::clone(total);
        Bytes::from_owner(Self {
            frame,
            message_bytes,
            total,
        })
    }
}

impl AsRef<[u8]> for Unsent {
    fn as_ref(&self) -> &[u8] {
        &self.frame
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.total.fetch_sub(self.message_bytes, Ordering::Relaxed);
    }
}

/// One publication, ready to send.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) frames: Vec<Bytes>,
    /// What it counts for in the outbox; 0 if it never was there.
    pub(crate) size_bytes: usize,
    /// The request that caused it, and what it says of it.
    pub(crate) of: Option<(Arc<Request>, Kind)>,
    /// Type of the message.
    pub(crate) msg_type: Cow<'static, str>,
}

impl Publication {
    /// Bytes of its frames.
    fn bytes(&self) -> usize {
        self.frames.iter().map(Bytes::len).sum()
    }

    /// Its largest frame, if libzmq refers to it rather than copies it.
    fn large_frame(&self) -> Option<usize> {
        let sizes = self.frames.iter().map(Bytes::len).enumerate();
        let (at, bytes) = sizes.max_by_key(|(_, bytes)| *bytes)?;
        (bytes >= ZERO_COPY_BYTES).then_some(at)
    }

    /// Whether it goes on when displays are left out. There is one of them in a cell, or text, which is cut short.
    fn is_essential(&self) -> bool {
        let essential = ["status", "stream", "error", "execute_input"];
        essential.contains(&&*self.msg_type)
    }
}

/// A backlog beyond its bound.
#[derive(Debug, Clone, Copy)]
struct Backlog {
    bytes: usize,
    /// Since when it has not shrunk.
    since: Instant,
}

/// What may be done with the next publication.
enum Verdict {
    Send,
    Wait,
    LeaveOut,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Publisher {
    waiting: VecDeque<Publication>,
    unsent: Arc<AtomicUsize>,
    stalled_since: Option<Instant>,
    backlog: Option<Backlog>,
    left_out: LeftOut,
}

/// What became of the publications that waited.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Those that left, or were left out.
    pub(crate) done: Vec<Publication>,
    /// How many of them were left out.
    pub(crate) left_out: u64,
    /// How often a stalled subscriber was given up.
    pub(crate) given_up: u64,
    /// When to try again, if some still wait.
    pub(crate) retry_at: Option<Instant>,
}

impl Publisher {
    /// A publisher for a socket whose high-water mark is [`BACKLOG_MESSAGES`].
    pub(crate) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            unsent: Arc::default(),
            stalled_since: None,
            backlog: None,
            left_out: LeftOut::default(),
        }
    }

    /// Whether everything has left, and nothing is left to tell.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.left_out.due().is_none()
    }

    /// Whether so much is on its way that stream messages should be short.
    pub(crate) fn has_much(&self) -> bool {
        self.unsent_bytes() > MUCH_BYTES
    }

    fn unsent_bytes(&self) -> usize {
        self.unsent.load(Ordering::Relaxed)
    }

    /// Queue a publication behind those that wait.
    pub(crate) fn push(&mut self, publication: Publication) {
        self.waiting.push_back(publication);
    }

    /// Send what waits, in order, until a subscriber has no room or the backlog has more than `backlog_bytes`. `encode`
    /// makes the frames of a notice.
    pub(crate) fn send(
        &mut self,
        socket: &Socket,
        backlog_bytes: usize,
        encode: impl Fn(Outgoing) -> Vec<Bytes>,
    ) -> Result<Progress> {
        let mut progress = Progress::default();
        loop {
            let now = Instant::now();
            if let Some(notice) = self.left_out.notice_before(self.waiting.front(), now) {
                self.waiting.push_front(Publication {
                    msg_type: notice.msg_type.clone(),
                    frames: encode(notice),
                    size_bytes: 0,
                    of: None,
                });
            }
            let Some(publication) = self.waiting.pop_front() else {
                progress.retry_at = self.left_out.due();
                return Ok(progress);
            };
            let unsent = self.unsent_bytes();
            let is_done = match judge(&publication, unsent, &mut self.backlog, backlog_bytes, now) {
                Verdict::Send => self.hand_over(socket, &publication, &mut progress)?,
                Verdict::Wait => false,
                Verdict::LeaveOut => {
                    self.left_out.add(&publication, publication.bytes(), now);
                    progress.left_out += 1;
                    true
                }
            };
            if !is_done {
                self.waiting.push_front(publication);
                progress.retry_at = Some(now + RETRY);
                return Ok(progress);
            }
            progress.done.push(publication);
        }
    }

    /// Hand a publication to libzmq; false if it has to wait.
    fn hand_over(
        &mut self,
        socket: &Socket,
        publication: &Publication,
        progress: &mut Progress,
    ) -> Result<bool> {
        let counted = counted(publication, &self.unsent);
        let frames = counted.as_ref().unwrap_or(&publication.frames);
        if socket.send(frames)? == Sent::WouldBlock {
            let since = *self.stalled_since.get_or_insert_with(Instant::now);
            if since.elapsed() < STALL_LIMIT {
                return Ok(false);
            }
            socket.set_xpub_nodrop(false)?;
            let _ = socket.send(frames)?;
            socket.set_xpub_nodrop(true)?;
            progress.given_up += 1;
        }
        self.stalled_since = None;
        if let Some(backlog) = &mut self.backlog {
            drop(counted);
            backlog.bytes = self.unsent.load(Ordering::Relaxed); // Or what grew here would hide what shrinks.
        }
        Ok(true)
    }
}

/// The frames of a large message, counted, or None. What is kept afterwards are the others.
fn counted(publication: &Publication, total: &Arc<AtomicUsize>) -> Option<Vec<Bytes>> {
    let at = publication.large_frame()?;
    let mut frames = publication.frames.clone();
    let frame = frames.get_mut(at)?;
    *frame = Unsent::counted(std::mem::take(frame), publication.bytes(), total);
    Some(frames)
}

/// Whether a publication may go while so much is unsent; notes in `backlog` how that changes.
fn judge(
    publication: &Publication,
    unsent: usize,
    backlog: &mut Option<Backlog>,
    most: usize,
    now: Instant,
) -> Verdict {
    if unsent <= most {
        *backlog = None;
        return Verdict::Send;
    }
    let begun = Backlog {
        bytes: unsent,
        since: now,
    };
    let seen = backlog.get_or_insert(begun);
    if unsent < seen.bytes {
        *seen = begun;
    }
    let most = most.saturating_mul(1 + usize::from(publication.is_essential()));
    if unsent <= most || publication.large_frame().is_none() {
        Verdict::Send
    } else if now.duration_since(seen.since) < STALL_LIMIT {
        Verdict::Wait
    } else {
        Verdict::LeaveOut
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn publication(msg_type: &'static str, bytes: usize) -> Publication {
        Publication {
            frames: vec![Bytes::from_static(b"{}"), Bytes::from(vec![b'x'; bytes])],
            size_bytes: 0,
            of: None,
            msg_type: msg_type.into(),
        }
    }

    #[test]
    fn large_messages_count_until_they_are_dropped() {
        let publisher = Publisher::new();
        let count = |publication| counted(&publication, &publisher.unsent);
        assert!(count(publication("status", 10)).is_none());
        let large = publication("display_data", MUCH_BYTES - 2);
        let one = counted(&large, &publisher.unsent).unwrap();
        assert_eq!(one, large.frames);
        assert_eq!(publisher.unsent_bytes(), MUCH_BYTES);
        assert!(!publisher.has_much());
        let other = count(large).unwrap();
        assert!(publisher.has_much());
        drop(one);
        assert!(!publisher.has_much());
        drop(other);
        assert_eq!(publisher.unsent_bytes(), 0);
    }

    /// What becomes of a publication, so many seconds after the first, with so much unsent.
    fn judged(
        backlog: &mut Option<Backlog>,
        begun: Instant,
        (seconds, unsent): (u64, usize),
        publication: &Publication,
    ) -> char {
        let now = begun + Duration::from_secs(seconds);
        match judge(publication, unsent, backlog, 100, now) {
            Verdict::Send => 's',
            Verdict::Wait => 'w',
            Verdict::LeaveOut => 'o',
        }
    }

    #[test]
    fn large_messages_wait_while_the_backlog_shrinks_and_are_left_out_when_it_does_not() {
        let large = publication("display_data", ZERO_COPY_BYTES);
        let (begun, mut backlog) = (Instant::now(), None);
        for (step, expected) in [
            ((0, 100), 's'),
            ((0, 150), 'w'),
            ((9, 150), 'w'),
            ((9, 149), 'w'),
            ((18, 149), 'w'),
            ((19, 149), 'o'),
            ((100, 149), 'o'),
            ((101, 148), 'w'),
            ((111, 148), 'o'),
            ((112, 100), 's'),
            ((113, 101), 'w'),
        ] {
            let verdict = judged(&mut backlog, begun, step, &large);
            assert_eq!(verdict, expected, "{step:?}");
        }
    }

    #[test]
    fn what_is_small_goes_always_and_what_is_essential_until_twice_the_bound() {
        let (begun, mut backlog) = (Instant::now(), None);
        let large = |msg_type| publication(msg_type, ZERO_COPY_BYTES);
        for (step, publication, expected) in [
            ((0, 1000), publication("display_data", 1000), 's'),
            ((0, 200), large("display_data"), 'w'),
            ((0, 200), large("error"), 's'),
            ((0, 201), large("error"), 'w'),
            ((11, 201), large("error"), 'o'),
            ((11, 200), large("stream"), 's'),
            ((11, 1000), publication("status", 10), 's'),
        ] {
            let verdict = judged(&mut backlog, begun, step, &publication);
            assert_eq!(verdict, expected, "{step:?} {}", publication.msg_type);
        }
    }
}
