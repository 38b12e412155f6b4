//! Publishing to subscribers of which some may have stopped reading.
//!
//! Goal: a slow subscriber loses nothing, and nobody else notices it. libzmq keeps a backlog for every subscriber; its
//! bound is a number of messages ([`BACKLOG_MESSAGES`]). Within it nobody waits for anybody. When a backlog is full,
//! XPUB (told not to drop) refuses the message for all; then publications queue up here, in order, replies go on, and
//! writers feel it only when the outbox is full, too. After [`STALL_LIMIT`] the stalled subscriber is given up: libzmq
//! leaves it out until it has read half of its backlog, the others get everything again, and everybody is told.
//!
//! The bound would better be bytes, but it cannot follow the size of the messages: libzmq 4.3.5 tells a new high-water
//! mark to every peer, also to one that has just been destroyed (`pipe_t::send_hwms_to_peer`), and crashes. So the size
//! of the messages follows the bound: what libzmq has not let go of is counted ([`Unsent`]), and beyond [`MUCH_BYTES`]
//! stream messages are short. A backlog of text is then less than 200 MiB. Displays are not cut; a backlog of large ones
//! is as large as they are.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ipyrust_zmq::{Sent, Socket};

use crate::error::Result;
use crate::kept::Kind;
use crate::message::Request;

/// Messages that libzmq may keep for one subscriber.
pub const BACKLOG_MESSAGES: i32 = 5000;
/// How long a subscriber may stall with a full backlog before the others go on without it.
const STALL_LIMIT: Duration = Duration::from_secs(10);
/// Distance of tries while a subscriber stalls: XPUB cannot tell when it has room again.
const RETRY: Duration = Duration::from_millis(5);

/// Bytes on their way to subscribers beyond which stream messages are short.
const MUCH_BYTES: usize = 32 << 20;
/// Smaller contents are not counted: a full backlog of them is less than that.
const COUNTED_BYTES: usize = 4 << 10;

/// A large content that libzmq may still need; counted until it is dropped.
struct Unsent {
    content: Bytes,
    total: Arc<AtomicUsize>,
}

impl Unsent {
    fn counted(content: Bytes, total: &Arc<AtomicUsize>) -> Bytes {
        total.fetch_add(content.len(), Ordering::Relaxed);
        let total = Arc::clone(total);
        Bytes::from_owner(Self { content, total })
    }
}

impl AsRef<[u8]> for Unsent {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.total.fetch_sub(self.content.len(), Ordering::Relaxed);
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
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Publisher {
    waiting: VecDeque<Publication>,
    unsent: Arc<AtomicUsize>,
    stalled_since: Option<Instant>,
}

/// What became of the publications that waited.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Those that left.
    pub(crate) sent: Vec<Publication>,
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
        }
    }

    /// Whether everything has left.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether so much is on its way that stream messages should be short.
    pub(crate) fn has_much(&self) -> bool {
        self.unsent.load(Ordering::Relaxed) > MUCH_BYTES
    }

    /// Queue a publication behind those that wait.
    pub(crate) fn push(&mut self, publication: Publication) {
        self.waiting.push_back(publication);
    }

    /// The frames with their large ones counted, if there are any. What is kept afterwards are the others.
    fn counted(&self, frames: &[Bytes]) -> Option<Vec<Bytes>> {
        let is_large = |frame: &Bytes| frame.len() >= COUNTED_BYTES;
        frames.iter().any(is_large).then(|| {
            let frames = frames.iter().cloned();
            let count = |frame| {
                if is_large(&frame) {
                    Unsent::counted(frame, &self.unsent)
                } else {
                    frame
                }
            };
            frames.map(count).collect()
        })
    }

    /// Send what waits, in order, until a subscriber has no room.
    pub(crate) fn send(&mut self, socket: &Socket) -> Result<Progress> {
        let mut progress = Progress::default();
        while let Some(Publication { frames, .. }) = self.waiting.front() {
            let counted = self.counted(frames);
            let frames = counted.as_ref().unwrap_or(frames);
            if socket.send(frames)? == Sent::WouldBlock {
                let since = *self.stalled_since.get_or_insert_with(Instant::now);
                if since.elapsed() < STALL_LIMIT {
                    progress.retry_at = Some(Instant::now() + RETRY);
                    return Ok(progress);
                }
                socket.set_xpub_nodrop(false)?;
                let _ = socket.send(frames)?;
                socket.set_xpub_nodrop(true)?;
                progress.given_up += 1;
            }
            self.stalled_since = None;
            progress.sent.extend(self.waiting.pop_front());
        }
        Ok(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_frames_count_until_they_are_dropped() {
        let publisher = Publisher::new();
        let small = Bytes::from_static(b"{}");
        assert!(publisher.counted(std::slice::from_ref(&small)).is_none());
        let large = Bytes::from(vec![b'x'; MUCH_BYTES]);
        let one = publisher.counted(&[small.clone(), large.clone()]).unwrap();
        assert_eq!(one, [small.clone(), large.clone()]);
        assert!(!publisher.has_much());
        let other = publisher.counted(&[small, large]).unwrap();
        assert!(publisher.has_much());
        drop(one);
        assert!(!publisher.has_much());
        drop(other);
        assert_eq!(publisher.unsent.load(Ordering::Relaxed), 0);
    }
}
