//! Questions to users, and those whose client cannot be asked yet.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ipyrust_zmq::Sent;

use super::IoThread;
use super::poller::Sources;
use crate::error::Result;
use crate::outbox::Outgoing;

/// How long a question waits for its client to connect its stdin socket; a frontend connects its sockets one by one.
const ASK_FOR: Duration = Duration::from_secs(30);
const ASK_RETRY: Duration = Duration::from_millis(20);
/// Questions that may wait so.
const MOST_UNASKED: usize = 64;

/// A question whose client has not connected its stdin socket yet.
pub(super) struct Unasked {
    identities: Vec<Bytes>,
    frames: Vec<Bytes>,
    until: Instant,
}

impl IoThread {
    pub(super) fn ask(&mut self, question: Outgoing) -> Result<()> {
        let (identities, until) = (question.prefix.clone(), Instant::now() + ASK_FOR);
        let frames = self.encode(question);
        self.touched = self.touched.with(Sources::STDIN);
        if self.sockets.stdin.send(&frames)? != Sent::Yes && self.unasked.len() < MOST_UNASKED {
            self.unasked.push(Unasked {
                identities,
                frames,
                until,
            });
        }
        Ok(())
    }

    /// Try to deliver questions again whose clients were not there; returns when to try next.
    pub(super) fn ask_again(&mut self) -> Result<Option<Instant>> {
        let now = Instant::now();
        let mut unasked = std::mem::take(&mut self.unasked);
        // The answer to a question that nobody waits for any more would go to the next one.
        unasked.retain(|each| each.until > now && self.core.questions.is_open(&each.identities));
        for each in unasked {
            self.touched = self.touched.with(Sources::STDIN);
            if self.sockets.stdin.send(&each.frames)? != Sent::Yes {
                self.unasked.push(each);
            }
        }
        Ok((!self.unasked.is_empty()).then(|| now + ASK_RETRY))
    }
}
