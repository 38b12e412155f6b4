//! Counts of what happened, and their names.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Core;
use crate::error::Reject;

/// Counts of what happened, for tests and for the curious.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests taken.
    pub requests: AtomicU64,
    /// Messages sent.
    pub messages_sent: AtomicU64,
    /// Bytes sent.
    pub bytes_sent: AtomicU64,
    /// execute_requests answered `aborted`.
    pub aborted: AtomicU64,
    /// Replies that found no client.
    pub unroutable: AtomicU64,
    /// Publications that a stalled subscriber lost after the stall limit.
    pub dropped: AtomicU64,
    /// Large publications that were left out for all because of a stalled subscriber.
    pub left_out: AtomicU64,
    rejected: [AtomicU64; Reject::ALL.len()],
}

impl Counters {
    /// Count one.
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Count a rejected message; returns how many of its kind there were.
    pub fn reject(&self, why: Reject) {
        for (counter, kind) in self.rejected.iter().zip(Reject::ALL) {
            if kind == why {
                Self::add(counter);
            }
        }
    }
}

impl Core {
    /// Counts by name.
    #[must_use]
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        let mut counts = vec![
            ("requests", read(&counters.requests)),
            ("messages_sent", read(&counters.messages_sent)),
            ("bytes_sent", read(&counters.bytes_sent)),
            ("aborted", read(&counters.aborted)),
            ("unroutable", read(&counters.unroutable)),
            ("dropped", read(&counters.dropped)),
            ("left_out", read(&counters.left_out)),
            ("outbox_most_bytes", self.outbox.most_bytes() as u64),
        ];
        counts.extend(
            Reject::ALL
                .iter()
                .zip(&counters.rejected)
                .map(|(kind, counter)| (kind.name(), read(counter))),
        );
        counts
    }
}
