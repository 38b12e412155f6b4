//! Answers that the I/O thread gives itself, beside whatever Python does.

use std::sync::Arc;

use bytes::Bytes;

use super::IoThread;
use crate::answers::answer;
use crate::error::Result;
use crate::message::Request;
use crate::route::Answer;
use crate::stacks::Found as StacksFound;

impl IoThread {
    /// Answer without Python and without waiting for the output of cells.
    pub(super) fn answer(&mut self, request: &Arc<Request>, kind: Answer) -> Result<()> {
        let core = Arc::clone(&self.core);
        let answered = answer(&core, &mut self.usage, &self.kept, request, kind);
        request.claim_reply();
        self.reply_beside(request, answered.content, answered.buffers)?;
        let _ = core.outbox.push_all(answered.then);
        if kind == Answer::Interrupt {
            self.poke_main_soon();
        }
        if let Some(reason) = answered.exit {
            core.request_exit(reason);
        }
        Ok(())
    }

    pub(super) fn refuse(&mut self, request: &Arc<Request>, name: &str, value: &str) -> Result<()> {
        if let Some(reply) = self
            .core
            .error_reply(request, name, value)
            .filter(|_| request.claim_reply())
        {
            self.send_reply(reply)?;
        }
        let _ = self.core.statuses_beside(request);
        Ok(())
    }

    pub(super) fn reply_beside(
        &mut self,
        request: &Arc<Request>,
        content: Bytes,
        buffers: Vec<Bytes>,
    ) -> Result<()> {
        let metadata = Bytes::from_static(b"{}");
        if let Some(reply) = self.core.reply_message(request, content, metadata, buffers) {
            self.send_reply(reply)?;
        }
        // A closed outbox means that nobody needs the statuses any more.
        let _ = self.core.statuses_beside(request);
        Ok(())
    }

    pub(super) fn look_for_stacks(&mut self) -> Result<()> {
        match self.stacks.look(&self.core) {
            None => Ok(()),
            Some(StacksFound::Log(text)) => {
                self.core.log.text(&text);
                Ok(())
            }
            Some(StacksFound::Reply(requests, content)) => {
                let content = Bytes::from(content.to_string());
                requests
                    .into_iter()
                    .filter(|request| request.claim_reply())
                    .try_for_each(|request| {
                        self.reply_beside(&request, content.clone(), Vec::new())
                    })
            }
        }
    }
}
