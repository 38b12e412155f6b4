//! `busy` and `idle` around what is worked on, for clients that may look at the latest `status` only.

use std::sync::Arc;

use bytes::Bytes;

use super::Core;
use crate::error::Result;
use crate::message::{Channel, Request};
use crate::outbox::{Outgoing, Slept};

/// The requests that the main shell works on, for clients that look at the latest `status` only.
pub(super) type Running = Vec<Arc<Request>>;

impl Core {
    /// `status: busy` for a request. On the main shell it is also remembered as running until [`Core::leave`].
    ///
    /// # Errors
    /// [`crate::Error::Closed`] when the core is closed.
    pub fn enter(&self, request: &Arc<Request>) -> Result<()> {
        if self.is_forked() {
            return Ok(());
        }
        let mut running = self.running.lock();
        if self.is_main(request) {
            running.push(Arc::clone(request));
        }
        self.outbox.push(self.status(Some(request), "busy"))
    }

    /// `status: idle`, after an error reply if nobody replied.
    ///
    /// # Errors
    /// [`crate::Error::Closed`] when the core is closed.
    pub fn leave(&self, request: &Arc<Request>) -> Result<()> {
        if self.is_forked() {
            return Ok(());
        }
        let answer = request
            .claim_reply()
            .then(|| self.error_reply(request, "Unanswered", "the kernel has no answer"));
        let mut running = self.running.lock();
        running.retain(|each| !Arc::ptr_eq(each, request));
        let slept = self.outbox.push_all_here(
            answer
                .flatten()
                .into_iter()
                .chain([self.status(Some(request), "idle")]),
        )?;
        drop(running);
        if let Some(slept) = slept {
            self.send_here(slept);
        }
        Ok(())
    }

    /// Send on this thread what waits, if the I/O thread can stay asleep meanwhile. When the next request waits already,
    /// this thread has better things to do.
    fn send_here(&self, slept: Slept) {
        let sends = self.shell.is_empty() && self.io().is_some_and(|io| io.send_here(slept));
        if !sends {
            self.wake.signal();
        }
    }

    /// Statuses around an answer that the I/O thread gave beside a running cell. On shell, where kernels used to answer
    /// only between cells, clients that show the latest status, whoever its parent, are told again that the cell is
    /// still busy.
    pub(crate) fn statuses_beside(&self, request: &Arc<Request>) -> Result<()> {
        let running = self.running.lock();
        let on_shell = request.channel == Channel::Shell;
        let again = running
            .last()
            .filter(|_| on_shell)
            .map(|each| self.status(Some(each), "busy"));
        let pair = [
            self.status(Some(request), "busy"),
            self.status(Some(request), "idle"),
        ];
        self.outbox.push_all(pair.into_iter().chain(again))
    }

    fn is_main(&self, request: &Request) -> bool {
        request.channel == Channel::Shell && request.header.subshell_id.is_none()
    }

    pub(super) fn status(&self, parent: Option<&Arc<Request>>, state: &str) -> Outgoing {
        self.publication(
            "status",
            Bytes::from(format!("{{\"execution_state\":\"{state}\"}}")),
            parent.cloned(),
        )
    }

    pub(crate) fn starting(&self) -> Outgoing {
        self.status(None, "starting")
    }
}
