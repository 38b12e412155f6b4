//! What executions published, kept for clients that were away.
//!
//! A closed browser tab must not lose the output of the cell that it started. So the I/O thread keeps what it published
//! for each `execute_request`, and the reply, and hands them out to a `replay_request`. It keeps the very frames that
//! were sent, moved here once libzmq has its reference: no copy, no second serialisation, and no lock, because only the
//! I/O thread comes here.
//!
//! A message is kept from the moment at which it goes to the subscribers. So a client that has subscribed before it asks
//! misses nothing: what is not in the answer comes on IOPub. What comes twice has the same `header.msg_id`.
//!
//! Bounds: [`Limits`]. An execution over its bound loses its oldest output first (streams, displays); what tells how it
//! ended goes last: `execute_input`, `execute_result`, `error`, the first and the last status. Over the whole bound,
//! finished executions are forgotten, the oldest first. Nothing goes uncounted.

mod execution;

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use self::execution::Execution;
pub use self::execution::Page;
use crate::message::Request;

/// Executions that are remembered.
const EXECUTIONS: usize = 256;
/// Messages of one execution.
const EXECUTION_MESSAGES: usize = 10_000;
/// Of what a client sent, an error repeats so much.
const MOST_QUOTED_CHARS: usize = 100;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of all executions; 0 keeps nothing.
    pub bytes: usize,
    /// Bytes of one execution.
    pub execution_bytes: usize,
    /// Messages of one execution.
    pub execution_messages: usize,
    /// Executions.
    pub executions: usize,
}

impl Limits {
    /// The limits for this many bytes in all; one execution may fill half of them.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self {
            bytes,
            execution_bytes: bytes / 2,
            execution_messages: EXECUTION_MESSAGES,
            executions: EXECUTIONS,
        }
    }
}

/// What a publication means to the record of its execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `status: busy`.
    Busy,
    /// `status: idle`.
    Idle,
    /// Says what ran and how it ended.
    Outcome,
    /// Streams, displays and whatever else may go first.
    Output,
}

impl Kind {
    /// The kind of a publication.
    #[must_use]
    pub fn of(msg_type: &str, content: &[u8]) -> Self {
        match msg_type {
            "status" if content.ends_with(b"\"idle\"}") => Self::Idle,
            "status" => Self::Busy,
            "execute_input" | "execute_result" | "error" => Self::Outcome,
            _ => Self::Output,
        }
    }
}

/// Content of a `replay_request`.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// The execution; None = list all.
    #[serde(default)]
    msg_id: Option<String>,
    /// Leave out messages up to this number.
    #[serde(default)]
    after: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Kept {
    limits: Limits,
    /// Those whose `idle` was published, the oldest first.
    finished: VecDeque<Execution>,
    /// The others, the oldest first.
    running: VecDeque<Execution>,
    bytes: usize,
    forgotten: u64,
}

impl Kept {
    /// Nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            finished: VecDeque::new(),
            running: VecDeque::new(),
            bytes: 0,
            forgotten: 0,
        }
    }

    /// Keep a publication that was sent; `frames` are those of the wire.
    pub fn published(&mut self, request: &Request, kind: Kind, frames: Vec<Bytes>) {
        let limits = self.limits;
        if limits.bytes == 0 || !request.is_execute() {
            return;
        }
        // It is known from its first busy on; of what was forgotten, later output would be a piece without a beginning.
        let Some(execution) = self.find(request, kind == Kind::Busy) else {
            return;
        };
        let before = execution.bytes;
        execution.add(frames, kind, &limits);
        let after = execution.bytes;
        self.bytes = self.bytes - before + after;
        if kind == Kind::Idle {
            self.finish(request);
        }
        self.keep_bounds();
    }

    /// Keep the reply; `frames` are those of the wire. It may come before the first publication, which can be held up.
    pub fn replied(&mut self, request: &Request, frames: Vec<Bytes>) {
        let limits = self.limits;
        if limits.bytes == 0 || !request.is_execute() {
            return;
        }
        if let Some(execution) = self.find(request, true) {
            let before = execution.bytes;
            execution.set_reply(frames, &limits);
            let after = execution.bytes;
            self.bytes = self.bytes - before + after;
        }
        self.keep_bounds();
    }

    /// Who begins runs: a client that counts its messages anew may use the msg_id of a finished execution again.
    fn find(&mut self, request: &Request, begins: bool) -> Option<&mut Execution> {
        if let Some(at) = self.running.iter().rposition(|each| each.is_of(request)) {
            return self.running.get_mut(at);
        }
        if !begins {
            return self.finished.iter_mut().rfind(|each| each.is_of(request));
        }
        let execution = Execution::new(request);
        self.bytes += execution.bytes;
        self.running.push_back(execution);
        self.running.back_mut()
    }

    fn finish(&mut self, request: &Request) {
        let at = self.running.iter().rposition(|each| each.is_of(request));
        self.finished
            .extend(at.and_then(|at| self.running.remove(at)));
    }

    /// The finished ones go first, then output of the running.
    fn keep_bounds(&mut self) {
        loop {
            let too_many = self.finished.len() + self.running.len() > self.limits.executions;
            if !too_many && self.bytes <= self.limits.bytes {
                return;
            }
            if !self.finished.is_empty() || too_many || !self.shorten_running() {
                let oldest = self
                    .finished
                    .pop_front()
                    .or_else(|| self.running.pop_front());
                self.bytes -= oldest.map_or(self.bytes, |each| each.bytes);
                self.forgotten += 1;
            }
        }
    }

    /// Drop one message of the oldest that runs; false if it has none.
    fn shorten_running(&mut self) -> bool {
        let Some(oldest) = self.running.front_mut() else {
            return false;
        };
        let before = oldest.bytes;
        let dropped = oldest.drop_one();
        self.bytes -= before - oldest.bytes;
        dropped
    }

    fn all(&self) -> impl DoubleEndedIterator<Item = &Execution> {
        self.finished.iter().chain(&self.running)
    }

    /// Answer a `replay_request`; `content` is its content.
    #[must_use]
    pub fn answer(&self, content: &[u8]) -> Page {
        if self.limits.bytes == 0 {
            return failed(
                "NothingKept",
                "this kernel was started without keeping output",
            );
        }
        match serde_json::from_slice(content) {
            Err(error) => failed("BadContent", &cut(&error.to_string())),
            Ok(Asked { msg_id: None, .. }) => self.list(),
            Ok(Asked {
                msg_id: Some(msg_id),
                after,
            }) => match self.all().rfind(|each| each.msg_id == msg_id) {
                Some(execution) => execution.page(after),
                None => failed(
                    "UnknownExecution",
                    &format!(
                        "nothing is kept of {:?}: it has not begun, or it was forgotten",
                        cut(&msg_id)
                    ),
                ),
            },
        }
    }

    fn list(&self) -> Page {
        let executions = self.all().map(Execution::summary);
        json!({
            "status": "ok",
            "executions": executions.collect::<Vec<_>>(),
            "forgotten": self.forgotten,
            "bytes": self.bytes,
            "limits": {
                "bytes": self.limits.bytes,
                "execution_bytes": self.limits.execution_bytes,
                "execution_messages": self.limits.execution_messages,
                "executions": self.limits.executions,
            },
        })
        .into()
    }
}

/// The beginning of a text that a client sent, which may be of any length.
fn cut(text: &str) -> String {
    let (mut chars, mut short) = (text.chars(), String::new());
    short.extend(chars.by_ref().take(MOST_QUOTED_CHARS));
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

fn failed(name: &str, value: &str) -> Page {
    json!({"status": "error", "ename": name, "evalue": value, "traceback": []}).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::execution::{OVERHEAD_BYTES, PAGE_BYTES};
    use super::*;
    use crate::frames::DELIMITER;
    use crate::queue::tests::request;

    const LIMITS: Limits = Limits {
        bytes: 100_000,
        execution_bytes: 50_000,
        execution_messages: 100,
        executions: 10,
    };

    fn wire(msg_type: &str, content: &[u8], buffers: &[&'static [u8]]) -> Vec<Bytes> {
        let header = format!("{{\"msg_type\":\"{msg_type}\"}}");
        let mut frames = vec![Bytes::from_static(b"topic"), Bytes::from_static(DELIMITER)];
        frames.push(Bytes::from_static(b"signature"));
        frames.push(Bytes::from(header));
        frames.extend([Bytes::from_static(b"{}"), Bytes::from_static(b"{}")]);
        frames.push(Bytes::copy_from_slice(content));
        frames.extend(buffers.iter().map(|each| Bytes::from_static(each)));
        frames
    }

    fn publish(kept: &mut Kept, request: &Arc<Request>, msg_type: &str, content: &str) {
        let kind = Kind::of(msg_type, content.as_bytes());
        kept.published(request, kind, wire(msg_type, content.as_bytes(), &[]));
    }

    fn status(kept: &mut Kept, request: &Arc<Request>, state: &str) {
        let content = format!("{{\"execution_state\":\"{state}\"}}");
        publish(kept, request, "status", &content);
    }

    fn text(length: usize) -> String {
        format!("\"{}\"", "x".repeat(length.saturating_sub(2)))
    }

    /// A finished execution with so many bytes of output in each of its stream messages.
    fn run(kept: &mut Kept, msg_id: &str, outputs: &[usize]) -> Arc<Request> {
        let request = request("execute_request", msg_id);
        status(kept, &request, "busy");
        for length in outputs {
            publish(kept, &request, "stream", &text(*length));
        }
        kept.replied(&request, wire("execute_reply", b"{}", &[]));
        status(kept, &request, "idle");
        request
    }

    fn ask(kept: &Kept, content: &Value) -> Value {
        let page = kept.answer(content.to_string().as_bytes());
        serde_json::from_str(&page.content).unwrap()
    }

    fn page(kept: &Kept, msg_id: &str) -> Value {
        ask(kept, &json!({"msg_id": msg_id}))
    }

    fn types(page: &Value) -> Vec<&str> {
        let messages = page["messages"].as_array().unwrap().iter();
        messages
            .map(|each| each["header"]["msg_type"].as_str().unwrap())
            .collect()
    }

    fn listed(kept: &Kept) -> Vec<String> {
        let list = ask(kept, &json!({}));
        let executions = list["executions"].as_array().unwrap().iter();
        executions
            .map(|each| each["msg_id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What is counted is what is there.
    fn assert_counted(kept: &Kept) {
        for each in kept.all() {
            assert_eq!(
                each.bytes - each.bytes_of_messages(),
                request("execute_request", &each.msg_id).header_json().len() + OVERHEAD_BYTES
            );
            assert!(each.bytes <= kept.limits.execution_bytes);
        }
        assert_eq!(kept.bytes, kept.all().map(|each| each.bytes).sum::<usize>());
        assert!(kept.bytes <= kept.limits.bytes);
    }

    #[test]
    fn messages_come_back_as_they_were_sent() {
        let mut kept = Kept::new(LIMITS);
        let request = request("execute_request", "1");
        status(&mut kept, &request, "busy");
        let frames = wire("display_data", b"{\"data\":1}", &[b"one", b"two"]);
        kept.published(&request, Kind::Output, frames);
        let page = kept.answer(b"{\"msg_id\":\"1\"}");
        let content: Value = serde_json::from_str(&page.content).unwrap();
        assert_eq!(content["execution_state"], "busy");
        assert_eq!(content["reply"], Value::Null);
        let expected = json!({
            "seq": 2, "header": {"msg_type": "display_data"}, "parent_header": {},
            "metadata": {}, "content": {"data": 1}, "buffers": 2,
        });
        assert_eq!(content["messages"][1], expected);
        assert_eq!(
            page.buffers,
            [Bytes::from_static(b"one"), Bytes::from_static(b"two")]
        );
    }

    #[test]
    fn only_what_came_after_is_told() {
        let mut kept = Kept::new(LIMITS);
        run(&mut kept, "1", &[10, 10]);
        let content = ask(&kept, &json!({"msg_id": "1", "after": 3}));
        assert_eq!(types(&content), ["status"]);
        assert_eq!(
            (&content["after"], &content["last_seq"]),
            (&json!(4), &json!(4))
        );
        assert_eq!(content["reply"]["header"]["msg_type"], "execute_reply");
    }

    #[test]
    fn large_answers_come_in_pages() {
        let mut kept = Kept::new(Limits::of(64 << 20));
        run(&mut kept, "1", &[PAGE_BYTES / 2; 5]);
        run(&mut kept, "2", &[PAGE_BYTES * 2]);
        let (mut seen, mut after, mut pages) = (Vec::new(), json!(0), 0);
        loop {
            let content = ask(&kept, &json!({"msg_id": "1", "after": after}));
            assert!(content.to_string().len() < PAGE_BYTES + 4096);
            let messages = content["messages"].as_array().unwrap();
            seen.extend(messages.iter().map(|each| each["seq"].as_u64().unwrap()));
            (after, pages) = (content["after"].clone(), pages + 1);
            assert_eq!(content["reply"].is_null(), content["more"] == true);
            if content["more"] == false {
                break;
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
        assert!(pages > 2, "{pages}");
        // A message that is larger than a page has one of its own.
        let content = ask(&kept, &json!({"msg_id": "2", "after": 1}));
        assert_eq!(
            (types(&content), &content["more"]),
            (vec!["stream"], &json!(true))
        );
    }

    #[test]
    fn an_execution_over_its_bytes_loses_its_oldest_output_and_keeps_its_outcome() {
        let mut kept = Kept::new(LIMITS);
        let request = request("execute_request", "1");
        status(&mut kept, &request, "busy");
        publish(&mut kept, &request, "execute_input", "{}");
        for _ in 0..20 {
            publish(&mut kept, &request, "stream", &text(10_000));
            status(&mut kept, &request, "busy"); // Of a kernel_info in between.
        }
        publish(&mut kept, &request, "error", "{}");
        status(&mut kept, &request, "idle");
        let content = page(&kept, "1");
        let seen = types(&content);
        assert_eq!(seen[..2], ["status", "execute_input"]);
        assert_eq!(seen[seen.len() - 2..], ["error", "status"]);
        assert_eq!(content["messages"][0]["content"]["execution_state"], "busy");
        assert!(seen.contains(&"stream"));
        assert_eq!(content["last_seq"], 44);
        assert_eq!(content["dropped"], 44 - seen.len());
        assert_eq!(content["truncated"], true);
        assert_counted(&kept);
    }

    #[test]
    fn a_message_that_fits_nowhere_is_counted() {
        let mut kept = Kept::new(LIMITS);
        let request = run(&mut kept, "1", &[60_000]);
        let content = page(&kept, "1");
        assert_eq!(types(&content), ["status", "status"]);
        assert_eq!(content["dropped"], 1);
        kept.replied(
            &request,
            wire("execute_reply", text(60_000).as_bytes(), &[]),
        );
        assert_eq!(page(&kept, "1")["reply"], Value::Null);
        assert_counted(&kept);
    }

    #[test]
    fn an_execution_keeps_a_bounded_number_of_messages() {
        let mut kept = Kept::new(LIMITS);
        run(&mut kept, "1", &[1; 500]);
        let content = page(&kept, "1");
        assert_eq!(types(&content).len(), 100);
        assert_eq!(content["dropped"], 402);
        assert_counted(&kept);
    }

    #[test]
    fn the_oldest_finished_executions_are_forgotten_first() {
        let mut kept = Kept::new(LIMITS);
        let running = request("execute_request", "running");
        status(&mut kept, &running, "busy");
        for number in 0..20 {
            run(&mut kept, &number.to_string(), &[1]);
        }
        let ids = listed(&kept);
        assert_eq!((ids.len(), &*ids[0], &*ids[1]), (10, "11", "12"));
        assert_eq!(ids[9], "running", "what runs is listed last");
        assert_eq!(ask(&kept, &json!({}))["forgotten"], 11);
        assert_eq!(page(&kept, "3")["ename"], "UnknownExecution");
        // What a forgotten execution says later would be a piece without a beginning.
        publish(
            &mut kept,
            &request("execute_request", "3"),
            "stream",
            "\"late\"",
        );
        assert_eq!(page(&kept, "3")["ename"], "UnknownExecution");
        assert_counted(&kept);
    }

    #[test]
    fn all_executions_together_keep_to_their_bytes() {
        let mut kept = Kept::new(LIMITS);
        for number in 0..5 {
            run(&mut kept, &number.to_string(), &[9_000, 9_000, 9_000]);
        }
        assert_eq!(listed(&kept), ["2", "3", "4"]);
        assert_eq!(page(&kept, "2")["dropped"], 0);
        assert_counted(&kept);
    }

    #[test]
    fn running_executions_are_shortened_rather_than_forgotten() {
        let mut kept = Kept::new(LIMITS);
        let running = ["1", "2", "3"].map(|msg_id| request("execute_request", msg_id));
        for request in &running {
            status(&mut kept, request, "busy");
            for _ in 0..4 {
                publish(&mut kept, request, "stream", &text(10_000));
            }
        }
        assert_eq!(listed(&kept), ["1", "2", "3"]);
        assert_eq!(page(&kept, "1")["dropped"], 3);
        assert_eq!(types(&page(&kept, "1"))[0], "status");
        assert_eq!(page(&kept, "3")["dropped"], 0);
        assert_counted(&kept);
    }

    #[test]
    fn a_msg_id_that_is_used_again_begins_anew() {
        let mut kept = Kept::new(LIMITS);
        run(&mut kept, "1", &[1, 1, 1]);
        run(&mut kept, "1", &[1]);
        assert_eq!(page(&kept, "1")["last_seq"], 3, "the newest is meant");
        assert_eq!(listed(&kept), ["1", "1"]);
        assert_counted(&kept);
    }

    #[test]
    fn a_reply_that_overtakes_held_up_publications_is_kept() {
        let mut kept = Kept::new(LIMITS);
        let request = request("execute_request", "1");
        kept.replied(&request, wire("execute_reply", b"{}", &[]));
        status(&mut kept, &request, "busy");
        status(&mut kept, &request, "idle");
        publish(&mut kept, &request, "stream", "\"of a thread\"");
        let content = page(&kept, "1");
        assert_eq!(types(&content), ["status", "status", "stream"]);
        assert_eq!(content["reply"]["header"]["msg_type"], "execute_reply");
        assert_counted(&kept);
    }

    #[test]
    fn other_requests_are_not_kept() {
        let mut kept = Kept::new(LIMITS);
        status(&mut kept, &request("kernel_info_request", "1"), "busy");
        assert_eq!(listed(&kept), Vec::<String>::new());
    }

    #[test]
    fn without_room_nothing_is_kept_and_that_is_said() {
        let mut kept = Kept::new(Limits::of(0));
        run(&mut kept, "1", &[1]);
        assert_eq!(page(&kept, "1")["ename"], "NothingKept");
        assert!(kept.all().next().is_none());
    }

    #[test]
    fn an_error_does_not_repeat_what_is_long() {
        let kept = Kept::new(LIMITS);
        let long = "é".repeat(10_000);
        for content in [
            json!({"msg_id": long}),
            json!({"msg_id": "1", "after": long}),
        ] {
            let answer = ask(&kept, &content);
            let value = answer["evalue"].as_str().unwrap();
            assert!(value.contains("éé") && value.contains('…'), "{value}");
            assert!(value.chars().count() < 2 * MOST_QUOTED_CHARS, "{value}");
        }
        assert_eq!(cut(&"x".repeat(MOST_QUOTED_CHARS)).len(), MOST_QUOTED_CHARS);
    }

    #[test]
    fn wrong_content_is_named() {
        let kept = Kept::new(LIMITS);
        for content in [
            json!({"msg_id": 1}),
            json!({"msg_id": "1", "after": "x"}),
            json!([1]),
        ] {
            assert_eq!(ask(&kept, &content)["ename"], "BadContent", "{content}");
        }
    }
}
