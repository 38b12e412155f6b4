//! Questions to users, in the order in which cells wait for the answers.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::Core;
use crate::error::{Error, Result};
use crate::input::Question;
use crate::message::{Channel, Request, json_string};
use crate::outbox::Outgoing;

impl Core {
    /// Ask the client of `parent` a question. Returns the open question, whose descriptor becomes readable.
    ///
    /// # Errors
    /// [`Error::Closed`], or [`Error::System`] when there is no file descriptor left.
    pub fn ask(
        &self,
        prompt: &str,
        password: bool,
        parent: &Arc<Request>,
    ) -> Result<Arc<Question>> {
        if self.is_forked() {
            return Err(Error::Closed);
        }
        // The question must not overtake what the cell printed before it.
        if let Some(number) = self.outbox.flush(true) {
            let _ = self.outbox.wait_until_sent(number, Duration::from_secs(1));
        }
        // Two cells that ask at once must be asked in the order in which they wait for the answers.
        let _asking = self.asking.lock();
        let question = self.questions.open(&parent.identities)?;
        self.outbox.push(Outgoing {
            made: SystemTime::now(),
            channel: Channel::Stdin,
            prefix: parent.identities.clone(),
            msg_type: "input_request".into(),
            parent: Some(Arc::clone(parent)),
            metadata: Bytes::from_static(b"{}"),
            content: Bytes::from(format!(
                "{{\"prompt\":{},\"password\":{password}}}",
                json_string(prompt)
            )),
            buffers: Vec::new(),
        })?;
        Ok(question)
    }
}
