//! One entry of the outbox, either a message without its header or stream text that may still grow.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::StreamText;
use crate::message::{Channel, Request};

/// What an entry costs beside its bytes.
pub(super) const OVERHEAD_BYTES: usize = 256;

/// The request that caused a message.
pub type Parent = Option<Arc<Request>>;

/// One message, not yet given a header and a signature.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Channel to send it by.
    pub channel: Channel,
    /// Routing identities, or the topic on iopub.
    pub prefix: Vec<Bytes>,
    /// Type of the message.
    pub msg_type: Cow<'static, str>,
    /// What caused it.
    pub parent: Parent,
    /// `header.date`: when it was made, which may be long before it is sent.
    pub made: SystemTime,
    /// Metadata, JSON.
    pub metadata: Bytes,
    /// Content, JSON.
    pub content: Bytes,
    /// Binary buffers.
    pub buffers: Vec<Bytes>,
}

/// What waits in the queue.
#[derive(Debug)]
pub enum Entry {
    /// A whole message.
    Message(Outgoing),
    /// Text that may still grow.
    Stream(StreamText),
}

impl Entry {
    /// Bytes that it counts for against the bound.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        OVERHEAD_BYTES
            + match self {
                Self::Message(message) => {
                    message.content.len()
                        + message.metadata.len()
                        + message.buffers.iter().map(Bytes::len).sum::<usize>()
                }
                Self::Stream(stream) => stream.text.len(),
            }
    }
}
