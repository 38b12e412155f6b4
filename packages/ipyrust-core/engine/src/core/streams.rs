//! Stream text on its way to the outbox: Python's, and what C code and children wrote to descriptors 1 and 2.

use std::os::fd::AsFd;

use super::Core;
use crate::capture::Capture;
use crate::error::Result;
use crate::outbox::{MAX_STREAM_BYTES, Parent, StreamName};

impl Core {
    /// Queue stream text; waits while the outbox is full, calling `pause` every 50 ms.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], or what `pause` returns.
    pub fn write_stream(
        &self,
        parent: &Parent,
        name: StreamName,
        text: &str,
        pause: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        // What C code wrote before comes before; the end of a line (`print` writes it by itself) follows its line.
        if text != "\n" && self.capture.as_ref().is_some_and(Capture::is_waiting) {
            self.drain_captured();
        }
        let mut rest = text;
        while rest.len() > MAX_STREAM_BYTES {
            let at = (0..=MAX_STREAM_BYTES)
                .rev()
                .find(|at| rest.is_char_boundary(*at))
                .unwrap_or(rest.len());
            let (chunk, more) = rest.split_at(at);
            self.wait_for_room(pause)?;
            self.outbox.write(parent, name, chunk)?;
            rest = more;
        }
        self.wait_for_room(pause)?;
        self.outbox.write(parent, name, rest)
    }

    /// Queue what C code and children wrote until now, for the latest parent.
    pub fn drain_captured(&self) {
        self.drain_captured_now(true);
    }

    pub(super) fn drain_captured_now(&self, wait_for_room: bool) {
        if let Some(capture) = self.capture.as_ref().filter(|_| !self.is_forked()) {
            capture.drain(&|| self.latest_parent(), &self.outbox, wait_for_room);
        }
    }

    /// Where a forked child writes text: the descriptor itself.
    pub fn write_to_fd(&self, name: StreamName, text: &str) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let fd = if name == StreamName::Stdout {
                rustix::stdio::stdout()
            } else {
                rustix::stdio::stderr()
            };
            match rustix::io::write(fd.as_fd(), rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}
