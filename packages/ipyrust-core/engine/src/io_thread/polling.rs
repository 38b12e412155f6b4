//! The one sleep for sockets, wake-ups, signals, captured output, the parent process and the nearest deadline.

use std::os::fd::AsFd;
use std::time::Instant;

use ipyrust_zmq::{Interest, PollItem, poll};

use super::IoThread;
use crate::error::Result;
use crate::watch::ParentWatch;

/// What a round of polling found.
pub(super) struct Ready {
    pub(super) shell: bool,
    pub(super) control: bool,
    pub(super) stdin: bool,
    pub(super) iopub: bool,
    pub(super) heartbeat: bool,
    pub(super) signalled: bool,
    pub(super) captured: bool,
    pub(super) parent_ended: bool,
}

impl IoThread {
    /// The nearest of all moments at which something is due; -1 = only when something happens.
    pub(super) fn timeout_ms(&self, sleep_until: Option<Instant>) -> i64 {
        let now = Instant::now();
        let force = self.core.force_at().map(|(at, _)| at);
        let watch = self
            .watch
            .as_ref()
            .and_then(ParentWatch::interval)
            .map(|interval| now + interval);
        let poke = self.poke_main.map(|(at, _)| at);
        let due = [sleep_until, force, self.core.finish_by(), watch, poke];
        let nearest = due
            .into_iter()
            .chain([self.stacks.next(), self.sample_at])
            .flatten()
            .min();
        nearest.map_or(-1, |at| {
            let left = at.saturating_duration_since(now);
            i64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i64::MAX)
        })
    }

    pub(super) fn poll(&self, timeout_ms: i64) -> Result<Ready> {
        let sockets = &self.sockets;
        let mut items = Vec::with_capacity(10);
        items.push(PollItem::socket(&sockets.shell, self.shell_interest()));
        for socket in [
            &sockets.control,
            &sockets.stdin,
            &sockets.iopub,
            &sockets.heartbeat,
        ] {
            items.push(PollItem::socket(socket, Interest::READABLE));
        }
        items.push(PollItem::fd(self.wake.as_fd(), Interest::READABLE));
        items.push(PollItem::fd(self.core.arrivals.as_fd(), Interest::READABLE));
        let captured_at = items.len();
        if let Some(capture) = self
            .core
            .capture
            .as_ref()
            .filter(|_| self.core.outbox.has_room())
        {
            items.extend(capture.fds().map(|fd| PollItem::fd(fd, Interest::READABLE)));
        }
        let watched_at = items.len();
        items.extend(
            self.watch
                .as_ref()
                .filter(|_| self.core.exit_reason().is_none()) // An ended process stays readable.
                .and_then(ParentWatch::fd)
                .map(|fd| PollItem::fd(fd, Interest::READABLE)),
        );
        poll(&mut items, timeout_ms)?;
        let ready = |at: usize| items.get(at).is_some_and(|item| item.ready().readable);
        Ok(Ready {
            shell: ready(0),
            control: ready(1),
            stdin: ready(2),
            iopub: ready(3),
            heartbeat: ready(4),
            signalled: ready(6),
            captured: (captured_at..watched_at).any(ready),
            parent_ended: ready(watched_at) || self.watch.as_ref().is_some_and(ParentWatch::ended),
        })
    }

    /// A client waits when its requests have nowhere to go.
    fn shell_interest(&self) -> Interest {
        if self.core.shell.is_full() {
            Interest::NONE
        } else {
            Interest::READABLE
        }
    }
}
