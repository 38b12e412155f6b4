//! The one sleep for sockets, wake-ups, signals, captured output, the parent process and the nearest deadline.
//!
//! A socket's descriptor tells of news, and whatever uses the socket may take the news away. So a socket that was used
//! is `touched`, and is asked itself before the next sleep; the others need no question.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use ipyrust_zmq::Socket;

use super::IoThread;
use super::poller::{Poller, Sources};
use crate::core::Core;
use crate::error::Result;
use crate::sockets::Sockets;
use crate::wake::Wake;
use crate::watch::ParentWatch;

/// Watch everything that the I/O thread may have to do with.
pub(super) fn poller(
    core: &Core,
    sockets: &Sockets,
    wake: &Wake,
    watch: Option<&ParentWatch>,
) -> Result<Poller> {
    let mut watched = vec![
        (Sources::SHELL, sockets.shell.news()?),
        (Sources::CONTROL, sockets.control.news()?),
        (Sources::STDIN, sockets.stdin.news()?),
        (Sources::IOPUB, sockets.iopub.news()?),
        (Sources::HEARTBEAT, sockets.heartbeat.news()?),
        (Sources::WAKE, wake.as_fd()),
        (Sources::SIGNALS, core.arrivals.as_fd()),
    ];
    if let Some(capture) = &core.capture {
        watched.extend(capture.fds().map(|fd| (Sources::CAPTURED, fd)));
    }
    let parent = watch.and_then(ParentWatch::fd);
    watched.extend(parent.map(|fd| (Sources::PARENT, fd)));
    let switched = Sources::SHELL.with(Sources::CAPTURED).with(Sources::PARENT);
    Poller::new(&watched, switched)
}

impl IoThread {
    /// How long it is to the nearest of all moments at which something is due.
    pub(super) fn timeout(&self, sleep_until: Option<Instant>) -> Duration {
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
        nearest.map_or(Duration::MAX, |at| {
            let left = at.saturating_duration_since(now);
            let left_ms = left.as_micros().div_ceil(1000); // Not too early, which would be again and again.
            u64::try_from(left_ms).map_or(Duration::MAX, Duration::from_millis)
        })
    }

    /// Watch what can be dealt with at this moment, and nothing else: it would end the sleep again and again.
    pub(super) fn choose_what_to_watch(&self, poller: &Poller) -> Result<()> {
        poller.watch(
            Sources::SHELL,
            !self.lent && self.has_room_for(Sources::SHELL),
        )?;
        poller.watch(Sources::CAPTURED, self.core.outbox.has_room())?;
        // An ended process stays readable.
        poller.watch(Sources::PARENT, self.core.exit_reason().is_none())
    }

    /// Those of the touched sockets from which something can be received.
    pub(super) fn readable_after_use(&mut self) -> Result<Sources> {
        let mut readable = Sources::NONE;
        for (source, socket) in [
            (Sources::SHELL, &self.sockets.shell),
            (Sources::CONTROL, &self.sockets.control),
            (Sources::STDIN, &self.sockets.stdin),
            (Sources::IOPUB, &self.sockets.iopub),
            (Sources::HEARTBEAT, &self.sockets.heartbeat),
        ] {
            if !self.touched.has(source) || !self.has_room_for(source) {
                continue;
            }
            if is_readable(socket)? {
                readable = readable.with(source);
            } else {
                self.touched = self.touched.without(source);
            }
        }
        Ok(readable)
    }

    /// A client waits when its requests have nowhere to go.
    fn has_room_for(&self, source: Sources) -> bool {
        source != Sources::SHELL || !self.core.shell.is_full()
    }
}

fn is_readable(socket: &Socket) -> Result<bool> {
    Ok(socket.events()?.readable)
}
