//! What one execution published, and its reply; over its bound it loses its oldest output first.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Kind, Limits};
use crate::message::{Request, push_json_string};

/// What one answer carries, unless a single message is larger.
pub(super) const PAGE_BYTES: usize = 1 << 20;
/// What a message costs beside its bytes.
pub(super) const OVERHEAD_BYTES: usize = 320;

#[derive(Debug)]
struct Message {
    seq: u64,
    /// header, parent_header, metadata, content, buffers.
    frames: Vec<Bytes>,
    bytes: usize,
    kind: Kind,
}

impl Message {
    /// `frames` are those of the wire.
    fn new(seq: u64, mut frames: Vec<Bytes>, kind: Kind) -> Option<Self> {
        let delimiter = frames
            .iter()
            .position(|frame| frame == crate::frames::DELIMITER)?;
        frames.drain(..delimiter + 2); // The signature, too.
        // The parent's header is one piece of memory for all messages of an execution.
        let bytes = frames.iter().map(Bytes::len).sum::<usize>();
        let bytes = OVERHEAD_BYTES + bytes - frames.get(1).map_or(0, Bytes::len);
        (frames.len() >= 4).then_some(Self {
            seq,
            frames,
            bytes,
            kind,
        })
    }

    fn write_json(&self, out: &mut String, buffers: &mut Vec<Bytes>) {
        let names = ["header", "parent_header", "metadata", "content"];
        out.push_str(&format!("{{\"seq\":{}", self.seq));
        for (name, json) in names.into_iter().zip(&self.frames) {
            out.push_str(&format!(",\"{name}\":"));
            out.push_str(&String::from_utf8_lossy(json));
        }
        let own = self.frames.iter().skip(names.len());
        out.push_str(&format!(",\"buffers\":{}}}", own.len()));
        buffers.extend(own.cloned());
    }
}

#[derive(Debug)]
pub(super) struct Execution {
    pub(super) msg_id: String,
    session: String,
    messages: VecDeque<Message>,
    reply: Option<Message>,
    pub(super) bytes: usize,
    last_seq: u64,
    dropped: u64,
    is_idle: bool,
}

impl Execution {
    pub(super) fn new(request: &Request) -> Self {
        Self {
            msg_id: request.header.msg_id.clone(),
            session: request.header.session.clone(),
            messages: VecDeque::new(),
            reply: None,
            bytes: request.header_json().len() + OVERHEAD_BYTES,
            last_seq: 0,
            dropped: 0,
            is_idle: false,
        }
    }

    pub(super) fn is_of(&self, request: &Request) -> bool {
        self.msg_id == request.header.msg_id && self.session == request.header.session
    }

    pub(super) fn add(&mut self, frames: Vec<Bytes>, kind: Kind, limits: &Limits) {
        self.last_seq += 1;
        // A second busy of a running cell says nothing new and is the first to go.
        let kind = match kind {
            Kind::Busy if self.last_seq > 1 => Kind::Output,
            other => other,
        };
        self.is_idle |= kind == Kind::Idle;
        match Message::new(self.last_seq, frames, kind) {
            Some(message) if message.bytes <= limits.execution_bytes => {
                self.bytes += message.bytes;
                self.messages.push_back(message);
            }
            _ => self.dropped += 1,
        }
        self.trim(limits);
    }

    pub(super) fn set_reply(&mut self, frames: Vec<Bytes>, limits: &Limits) {
        let bytes = |reply: &Option<Message>| reply.as_ref().map_or(0, |reply| reply.bytes);
        self.bytes -= bytes(&self.reply);
        self.reply = Message::new(0, frames, Kind::Outcome)
            .filter(|reply| reply.bytes <= limits.execution_bytes / 2);
        self.bytes += bytes(&self.reply);
        self.dropped += u64::from(self.reply.is_none());
        self.trim(limits);
    }

    fn trim(&mut self, limits: &Limits) {
        while (self.bytes > limits.execution_bytes
            || self.messages.len() > limits.execution_messages)
            && self.drop_one()
        {}
    }

    /// Drop the oldest output, else the oldest message; false if there is none.
    pub(super) fn drop_one(&mut self) -> bool {
        let output = |message: &Message| message.kind == Kind::Output;
        let at = self.messages.iter().position(output).unwrap_or(0);
        let Some(message) = self.messages.remove(at) else {
            return false;
        };
        self.bytes -= message.bytes;
        self.dropped += 1;
        true
    }

    /// What `bytes` counts of messages and reply, counted anew.
    #[cfg(test)]
    pub(super) fn bytes_of_messages(&self) -> usize {
        let messages = self.messages.iter().chain(&self.reply);
        messages.map(|message| message.bytes).sum()
    }

    fn state(&self) -> &'static str {
        if self.is_idle { "idle" } else { "busy" }
    }

    pub(super) fn summary(&self) -> Value {
        json!({
            "msg_id": self.msg_id,
            "session": self.session,
            "execution_state": self.state(),
            "has_reply": self.reply.is_some(),
            "messages": self.messages.len(),
            "bytes": self.bytes,
            "last_seq": self.last_seq,
            "dropped": self.dropped,
            "truncated": self.dropped > 0,
        })
    }

    /// The messages behind number `after`, as many as one answer carries.
    pub(super) fn page(&self, after: u64) -> Page {
        let mut content = String::from("{\"status\":\"ok\",\"msg_id\":");
        push_json_string(&mut content, &self.msg_id);
        content.push_str(",\"session\":");
        push_json_string(&mut content, &self.session);
        content.push_str(",\"messages\":[");
        let (mut buffers, mut bytes, mut last, mut more) = (Vec::new(), 0, after, false);
        for message in self.messages.iter().skip_while(|each| each.seq <= after) {
            if bytes > 0 && bytes + message.bytes > PAGE_BYTES {
                more = true;
                break;
            }
            if bytes > 0 {
                content.push(',');
            }
            bytes += message.bytes;
            last = message.seq;
            message.write_json(&mut content, &mut buffers);
        }
        content.push_str("],\"reply\":");
        match self.reply.as_ref().filter(|_| !more) {
            Some(reply) => reply.write_json(&mut content, &mut buffers),
            None => content.push_str("null"),
        }
        let after = if more { last } else { self.last_seq.max(after) };
        let rest = format!(
            ",\"after\":{after},\"more\":{more},\"last_seq\":{},\"dropped\":{},\"truncated\":{},\
             \"execution_state\":\"{}\"}}",
            self.last_seq,
            self.dropped,
            self.dropped > 0,
            self.state(),
        );
        content.push_str(&rest);
        Page { content, buffers }
    }
}

/// Content of a reply, and its buffers.
#[derive(Debug)]
pub struct Page {
    /// JSON.
    pub content: String,
    /// The buffers of all its messages, one after the other.
    pub buffers: Vec<Bytes>,
}

impl From<Value> for Page {
    fn from(content: Value) -> Self {
        Self {
            content: content.to_string(),
            buffers: Vec::new(),
        }
    }
}
