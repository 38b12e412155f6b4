//! `stack_request`: the stacks of a kernel that may be too busy to answer.
//!
//! Python is asked first, through the control thread: with the GIL, what it tells is exact. If it does not answer within
//! [`PATIENCE`], C code may be holding the GIL; then a signal makes the main thread write the stacks of all threads from
//! its handler (`faulthandler`), which needs no GIL and takes no turn. The answer that is ready first is sent. Reading
//! other threads' stacks without the GIL is safe while somebody else holds it, which is why this comes second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::core::Core;
use crate::message::Request;
use crate::record::View;
use crate::stack_text::{Thread, bounded, label, parse};

/// How long Python may take to answer.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// How long the handler of the signal may take to run.
const DUMP_PATIENCE: Duration = Duration::from_secs(1);
/// What a client is told whose answer comes from the signal's handler.
const NOTE: &str = "Python did not answer within 0.5 s: C code may be holding the GIL";
/// Requests that may wait at the same time.
pub(crate) const MOST_WAITING: usize = 16;

/// The requests that wait, and whether the signal is on its way.
#[derive(Default)]
pub(crate) struct StackRequests {
    waiting: Vec<(Arc<Request>, Instant)>,
    dump_by: Option<Instant>,
}

/// What to do with what was found out.
pub(crate) enum Found {
    /// Send this content to these clients.
    Reply(Vec<Arc<Request>>, Value),
    /// Nobody asked by message, so somebody did by signal: the text belongs into the log.
    Log(String),
}

impl StackRequests {
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    pub(crate) fn push(&mut self, request: Arc<Request>) {
        self.waiting.push((request, Instant::now() + PATIENCE));
    }

    /// When to look again.
    pub(crate) fn next(&self) -> Option<Instant> {
        let patience = self.waiting.iter().map(|(_, until)| *until).min();
        self.dump_by.or(patience)
    }

    /// Look what has become of them.
    pub(crate) fn look(&mut self, core: &Core) -> Option<Found> {
        let post_mortem = &core.post_mortem;
        self.waiting.retain(|(request, _)| !request.is_replied());
        if post_mortem.fatal.take_dumped() {
            let text = post_mortem.take_stacks();
            if self.dump_by.take().is_none() {
                return Some(Found::Log(text));
            }
            let threads = parse(&text);
            if threads.is_empty() {
                return self.give_up("user code has taken over faulthandler's signal");
            }
            let mut content = content(core, threads, "signal");
            if let Some(content) = content.as_object_mut() {
                content.insert("note".into(), json!(NOTE));
            }
            return Some(Found::Reply(self.due(), content));
        }
        let now = Instant::now();
        if self.dump_by.is_some_and(|by| now >= by) {
            self.dump_by = None;
            return self.give_up("the main thread does not take signals");
        }
        if self.dump_by.is_none() && self.waiting.iter().any(|(_, until)| now >= *until) {
            if !(core.ask_for_stacks)() {
                return self.give_up("the signal for stacks is not available");
            }
            self.dump_by = Some(now + DUMP_PATIENCE);
        }
        None
    }

    fn due(&mut self) -> Vec<Arc<Request>> {
        let now = Instant::now();
        let (due, waiting) = self.waiting.drain(..).partition(|(_, until)| now >= *until);
        self.waiting = waiting;
        due.into_iter().map(|(request, _)| request).collect()
    }

    fn give_up(&mut self, why: &str) -> Option<Found> {
        let evalue = format!("Python does not answer, and {why}");
        let content =
            json!({"status": "error", "ename": "StackError", "evalue": evalue, "traceback": []});
        Some(Found::Reply(self.due(), content))
    }
}

/// Content of a stack_reply.
#[must_use]
pub fn content(core: &Core, mut threads: Vec<Thread>, source: &str) -> Value {
    let record = core.post_mortem.record.snapshot();
    let mut cells = Vec::new();
    if let Some(view) = View::new(&record) {
        label(&mut threads, &view);
        cells = view
            .cells()
            .iter()
            .map(|cell| {
                json!({
                    "execution_count": Some(cell.execution_count).filter(|count| *count > 0),
                    "msg_id": cell.msg_id,
                    "thread": cell.thread,
                })
            })
            .collect();
    }
    for thread in &mut threads {
        thread.current = false; // Which thread wrote it down says nothing about a kernel that lives.
    }
    let (threads, more_threads) = bounded(threads, &|thread| thread.cell.is_some());
    json!({
        "status": "ok", "pid": std::process::id(), "source": source,
        "cells": cells, "threads": threads, "more_threads": more_threads,
    })
}
