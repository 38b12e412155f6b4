//! Requests on their way to Python: handed out, aborted, or answered because their queue closes.

use std::sync::Arc;
use std::time::Duration;

use super::Core;
use crate::error::{Error, Result};
use crate::message::Request;
use crate::queue::{RequestQueue, Taken};

/// What other threads ask of the I/O thread, beside sending.
pub(crate) enum Command {
    /// Take everything off the shell socket, then abort what waits in this queue.
    Abort {
        queue: Arc<RequestQueue>,
        failed: Arc<Request>,
        window: Duration,
        done: std::sync::mpsc::Sender<usize>,
    },
}

impl Core {
    /// Take the next request of a queue; aborted ones are answered on the way.
    ///
    /// # Errors
    /// [`Error::Closed`] when the queue is closed.
    pub fn take(&self, queue: &RequestQueue, comms_only: bool) -> Result<Option<Arc<Request>>> {
        loop {
            match queue.take(comms_only)? {
                None => return Ok(None),
                Some(Taken::Serve(request)) => return Ok(Some(request)),
                Some(Taken::Abort(request)) => self.answer_aborted(&request)?,
            }
        }
    }

    /// Queue a request for the control thread, which is started when the first one comes.
    pub(crate) fn push_control(&self, request: Arc<Request>) {
        self.control.push(request);
        if let Some(start) = self.control_needed.lock().take() {
            start();
        }
    }

    /// Abort what waits in `queue` or in the shell socket because `failed`, which is not replied to yet, has failed, and
    /// what its client sends before it can know that (`queue/unaware.rs`); returns how many waited. Waits for one round of
    /// the I/O thread, and for what may be on its way: 20 ms from when `failed` came, 200 ms while cells follow each other.
    ///
    /// # Errors
    /// [`Error::Closed`] when the I/O thread is gone.
    pub fn abort_pending(
        &self,
        queue: &Arc<RequestQueue>,
        failed: &Arc<Request>,
        window: Duration,
    ) -> Result<usize> {
        if self.is_forked() {
            return Ok(0); // There is no I/O thread in a forked child.
        }
        queue.await_what_was_sent_together(failed);
        let (done, counted) = std::sync::mpsc::channel();
        let command = Command::Abort {
            queue: Arc::clone(queue),
            failed: Arc::clone(failed),
            window,
            done,
        };
        self.commands
            .lock()
            .as_mut()
            .ok_or(Error::Closed)?
            .push(command);
        self.wake.signal();
        counted.recv().map_err(|_| Error::Closed)
    }

    /// Close a queue; what waited in it is answered with an error.
    pub fn close_queue(&self, queue: &RequestQueue, name: &str, value: &str) {
        for request in queue.close() {
            let reply = request
                .claim_reply()
                .then(|| self.error_reply(&request, name, value))
                .flatten();
            let (busy, idle) = (
                self.status(Some(&request), "busy"),
                self.status(Some(&request), "idle"),
            );
            let _ = self
                .outbox
                .push_all([busy].into_iter().chain(reply).chain([idle]));
        }
    }
}
