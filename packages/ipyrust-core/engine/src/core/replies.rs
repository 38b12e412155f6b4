//! Replies to requests, Python's and those that the engine writes because Python will not.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use serde_json::json;

use super::{Core, Counters};
use crate::error::{Error, Result};
use crate::message::{Request, json_string};
use crate::outbox::Outgoing;

impl Core {
    /// Queue the reply to a request.
    ///
    /// # Errors
    /// [`Error::AlreadyReplied`], or [`Error::Closed`].
    pub fn reply(
        &self,
        request: &Arc<Request>,
        content: Bytes,
        metadata: Bytes,
        buffers: Vec<Bytes>,
    ) -> Result<()> {
        if self.is_forked() {
            return Ok(());
        }
        if !request.claim_reply() {
            return Err(Error::AlreadyReplied {
                msg_type: request.header.msg_type.clone(),
            });
        }
        match self.reply_message(request, content, metadata, buffers) {
            Some(reply) => self.outbox.push(reply),
            None => Ok(()),
        }
    }

    /// Queue the reply to an execute_request whose cell began at that time.
    ///
    /// # Errors
    /// [`Error::AlreadyReplied`], or [`Error::Closed`].
    pub fn reply_to_cell(
        &self,
        request: &Arc<Request>,
        content: Bytes,
        status: &str,
        started: SystemTime,
    ) -> Result<()> {
        let metadata = execution_metadata(started, status);
        self.reply(request, content, metadata, Vec::new())
    }

    /// The reply to a request, ready to queue; None for messages that have none.
    #[must_use]
    pub fn reply_message(
        &self,
        request: &Arc<Request>,
        content: Bytes,
        metadata: Bytes,
        buffers: Vec<Bytes>,
    ) -> Option<Outgoing> {
        Some(Outgoing {
            made: SystemTime::now(),
            channel: request.channel,
            prefix: request.identities.clone(),
            msg_type: request.reply_type()?.into(),
            parent: Some(Arc::clone(request)),
            metadata,
            content,
            buffers,
        })
    }

    /// An error reply; None for messages that have none.
    pub(crate) fn error_reply(
        &self,
        request: &Arc<Request>,
        name: &str,
        value: &str,
    ) -> Option<Outgoing> {
        let content = json!({"status": "error", "ename": name, "evalue": value, "traceback": []});
        self.reply_message(
            request,
            Bytes::from(content.to_string()),
            reply_metadata(request, "error"),
            Vec::new(),
        )
    }

    pub(super) fn answer_aborted(&self, request: &Arc<Request>) -> Result<()> {
        Counters::add(&self.counters.aborted);
        let reply = request.claim_reply().then(|| {
            let content = Bytes::from_static(b"{\"status\":\"aborted\"}");
            self.reply_message(
                request,
                content,
                reply_metadata(request, "aborted"),
                Vec::new(),
            )
        });
        let (busy, idle) = (
            self.status(Some(request), "busy"),
            self.status(Some(request), "idle"),
        );
        self.outbox
            .push_all([busy].into_iter().chain(reply.flatten()).chain([idle]))
    }
}

/// Metadata of an execute_reply that the engine writes itself; `{}` for other types.
fn reply_metadata(request: &Request, status: &str) -> Bytes {
    if request.is_execute() {
        execution_metadata(request.received_at, status)
    } else {
        Bytes::from_static(b"{}")
    }
}

/// Metadata of the execute_reply of a cell that began at that time.
fn execution_metadata(started: SystemTime, status: &str) -> Bytes {
    let started = humantime::format_rfc3339_micros(started);
    let status = json_string(status);
    Bytes::from(format!(
        "{{\"started\":\"{started}\",\"status\":{status},\"dependencies_met\":true}}"
    ))
}
