//! Subscribers of iopub, greeted when they come, and the first one waited for.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use ipyrust_zmq::Wait;

use super::IoThread;
use super::poller::Sources;
use super::receiving::READ_BURST;
use crate::error::{Reject, Result};
use crate::message::{Channel, push_json_string};
use crate::outbox::Outgoing;
use crate::publisher::Publication;

/// How long publications wait for the very first subscriber, so that a client whose subscription is still on its way
/// misses nothing.
const FIRST_SUBSCRIBER_WAIT: Duration = Duration::from_secs(1);

/// Whether publications may go out yet.
pub(super) enum FirstSubscriber {
    /// Nothing was published before the first subscription.
    Awaited,
    /// Something was; it waits until then.
    Until(Instant),
    /// There is or was one, or the wait is over.
    Seen,
}

impl IoThread {
    /// Greet every subscriber (JEP 65). The first one also hears `status: starting`.
    pub(super) fn read_subscriptions(&mut self) -> Result<()> {
        for _ in 0..READ_BURST {
            let Some(frames) = self.sockets.iopub.receive(Wait::No)? else {
                self.touched = self.touched.without(Sources::IOPUB);
                return Ok(());
            };
            self.touched = self.touched.with(Sources::IOPUB);
            match frames
                .first()
                .map(|frame| (frame.first().copied(), frame.slice(frame.len().min(1)..)))
            {
                Some((Some(1), topic)) => self.welcome(topic)?,
                Some((Some(0), _)) => {}
                _ => self.reject(Channel::Iopub, Reject::BadSubscription),
            }
        }
        Ok(())
    }

    fn welcome(&mut self, topic: Bytes) -> Result<()> {
        let mut content = String::from("{\"subscription\":");
        push_json_string(&mut content, &String::from_utf8_lossy(&topic));
        content.push('}');
        let welcome = Outgoing {
            made: SystemTime::now(),
            channel: Channel::Iopub,
            prefix: vec![topic],
            msg_type: "iopub_welcome".into(),
            parent: None,
            metadata: Bytes::from_static(b"{}"),
            content: Bytes::from(content),
            buffers: Vec::new(),
        };
        // Past the outbox: the subscriber has seen nothing yet, so nothing can be overtaken.
        self.push_past_outbox(welcome);
        self.subscribers = FirstSubscriber::Seen;
        if !std::mem::replace(&mut self.greeted, true) {
            self.push_past_outbox(self.core.starting());
        }
        self.publish().map(|_| ())
    }

    pub(super) fn push_past_outbox(&mut self, message: Outgoing) {
        let msg_type = message.msg_type.clone();
        let frames = self.encode(message);
        self.publisher.push(Publication {
            frames,
            size_bytes: 0,
            of: None,
            msg_type,
        });
    }

    /// Until when publications wait for the first subscriber.
    pub(super) fn await_subscriber(&mut self, now: Instant) -> Option<Instant> {
        match self.subscribers {
            FirstSubscriber::Seen => return None,
            FirstSubscriber::Awaited if self.core.outbox.is_drained() => return None,
            FirstSubscriber::Awaited => {
                self.subscribers = FirstSubscriber::Until(now + FIRST_SUBSCRIBER_WAIT)
            }
            FirstSubscriber::Until(_) => {}
        }
        let FirstSubscriber::Until(until) = self.subscribers else {
            return None;
        };
        if now >= until || self.dying || self.core.exit_reason().is_some() {
            self.subscribers = FirstSubscriber::Seen;
            return None;
        }
        Some(until)
    }
}
