//! Publishing to subscribers of which some may have stopped reading.
//!
//! Goal: a slow subscriber loses nothing, and nobody else notices it. libzmq keeps a backlog for every subscriber; its
//! bound is a number of messages ([`BACKLOG_MESSAGES`]). Within it nobody waits for anybody. When a backlog is full,
//! XPUB (told not to drop) refuses the message for all; then publications queue up here, in order, replies go on, and
//! writers feel it only when the outbox is full, too. After [`STALL_LIMIT`] the stalled subscriber is given up: libzmq
//! leaves it out until it has read half of its backlog, the others get everything again, and everybody is told.
//!
//! The bound would better be bytes, but it cannot follow the size of the messages: libzmq 4.3.5 tells a new high-water
//! mark to every peer, also to one that has just been destroyed (`pipe_t::send_hwms_to_peer`), and crashes.

use std::collections::VecDeque;
use std::sync::Arc;
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
            stalled_since: None,
        }
    }

    /// Whether everything has left.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Queue a publication behind those that wait.
    pub(crate) fn push(&mut self, publication: Publication) {
        self.waiting.push_back(publication);
    }

    /// Send what waits, in order, until a subscriber has no room.
    pub(crate) fn send(&mut self, socket: &Socket) -> Result<Progress> {
        let mut progress = Progress::default();
        while let Some(Publication { frames, .. }) = self.waiting.front() {
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
