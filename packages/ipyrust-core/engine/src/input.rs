//! Threads that wait for an `input_reply`.
//!
//! Clients do not say which question they answer (their input_reply has no parent), only who they are; so a reply goes
//! to the oldest question of the client that sent it.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::wake::Wake;

/// One open question. Its file descriptor is readable once it was answered.
#[derive(Debug)]
pub struct Question {
    wake: Wake,
    answer: Mutex<Option<Bytes>>,
}

#[derive(Deserialize)]
struct InputReply {
    value: String,
}

impl Question {
    /// The text that the user typed; None while there is no answer.
    ///
    /// # Errors
    /// [`Error::BadInputReply`] when the reply has no string `value`.
    pub fn answer(&self) -> Result<Option<String>> {
        match self.answer.lock().take() {
            None => Ok(None),
            Some(content) => serde_json::from_slice::<InputReply>(&content)
                .map(|reply| Some(reply.value))
                .map_err(|_| Error::BadInputReply),
        }
    }
}

impl AsFd for Question {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

/// All open questions, by client.
#[derive(Debug, Default)]
pub struct Questions {
    by_client: Mutex<HashMap<Vec<Bytes>, VecDeque<Arc<Question>>>>,
}

impl Questions {
    /// Open a question to the client with these identities.
    ///
    /// # Errors
    /// [`Error::System`] when the process has no file descriptor left.
    pub fn open(&self, identities: &[Bytes]) -> Result<Arc<Question>> {
        let question = Arc::new(Question {
            wake: Wake::new()?,
            answer: Mutex::new(None),
        });
        self.by_client
            .lock()
            .entry(identities.to_vec())
            .or_default()
            .push_back(Arc::clone(&question));
        Ok(question)
    }

    /// Give up waiting; a later answer goes to the next question.
    pub fn withdraw(&self, identities: &[Bytes], question: &Arc<Question>) {
        let mut by_client = self.by_client.lock();
        if let Some(waiting) = by_client.get_mut(identities) {
            waiting.retain(|each| !Arc::ptr_eq(each, question));
            if waiting.is_empty() {
                by_client.remove(identities);
            }
        }
    }

    /// Whether a question to this client waits for its answer.
    #[must_use]
    pub fn is_open(&self, identities: &[Bytes]) -> bool {
        self.by_client.lock().contains_key(identities)
    }

    /// Deliver the content of an input_reply; false when nobody waits for that client.
    pub fn answer(&self, identities: &[Bytes], content: Bytes) -> bool {
        let mut by_client = self.by_client.lock();
        let Some(waiting) = by_client.get_mut(identities) else {
            return false;
        };
        let Some(question) = waiting.pop_front() else {
            return false;
        };
        if waiting.is_empty() {
            by_client.remove(identities);
        }
        *question.answer.lock() = Some(content);
        question.wake.signal();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_the_oldest_question_of_the_client() {
        let questions = Questions::default();
        let (me, you) = ([Bytes::from_static(b"me")], [Bytes::from_static(b"you")]);
        let (first, second) = (questions.open(&me).unwrap(), questions.open(&me).unwrap());
        assert!(!questions.answer(&you, Bytes::from_static(b"{}")));
        assert!(questions.answer(&me, Bytes::from_static(br#"{"value":"1"}"#)));
        assert_eq!(first.answer().unwrap().as_deref(), Some("1"));
        assert_eq!(second.answer().unwrap(), None);
        questions.withdraw(&me, &first);
        assert!(questions.answer(&me, Bytes::from_static(br#"{"value":2}"#)));
        assert!(matches!(second.answer(), Err(Error::BadInputReply)));
        questions.withdraw(&me, &second);
        assert!(questions.by_client.lock().is_empty());
    }
}
