//! Publications on their way to the outbox, and the wait for room there.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::Core;
use crate::error::{Error, Result};
use crate::message::Channel;
use crate::outbox::{Outgoing, Parent};

/// How long a blocked writer sleeps between two calls of `pause`.
const PAUSE: Duration = Duration::from_millis(50);

impl Core {
    pub(super) fn publication(
        &self,
        msg_type: &'static str,
        content: Bytes,
        parent: Parent,
    ) -> Outgoing {
        Outgoing {
            made: SystemTime::now(),
            channel: Channel::Iopub,
            prefix: vec![self.topic(msg_type)],
            msg_type: msg_type.into(),
            parent,
            metadata: Bytes::from_static(b"{}"),
            content,
            buffers: Vec::new(),
        }
    }

    /// The topic of publications that have none of their own.
    #[must_use]
    pub fn topic(&self, msg_type: &str) -> Bytes {
        Bytes::from(format!("kernel.{}.{msg_type}", self.author.session_id()))
    }

    /// Queue a publication; output waits while the outbox is full, calling `pause` every 50 ms. What a cell has one of,
    /// its input and its error, does not wait: an interrupted cell must get to its reply.
    ///
    /// # Errors
    /// [`Error::Closed`], or what `pause` returns.
    pub fn publish(&self, message: Outgoing, pause: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if self.is_forked() {
            return Ok(());
        }
        self.drain_captured();
        if !matches!(&*message.msg_type, "error" | "execute_input") {
            self.wait_for_room(pause)?;
        }
        self.outbox.push(message)
    }

    /// Wait until the outbox has room; the caller may wait in `pause` only.
    pub(super) fn wait_for_room(&self, pause: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if self.outbox.has_room() {
            return Ok(());
        }
        while !self.outbox.wait_for_room(Duration::ZERO) {
            if self.outbox.is_closed() {
                return Err(Error::Closed);
            }
            pause()?;
        }
        Ok(())
    }

    /// Sleep at most 50 ms for room in the outbox; for use in a `pause`.
    pub fn nap(&self) {
        let _ = self.outbox.wait_for_room(PAUSE);
    }
}
