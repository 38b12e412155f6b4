//! Requests that need no Python: each is answered by a pure function of the core's state, on the I/O thread.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::connection::{Port, random_hex};
use crate::core::{Core, ExitReason, MAX_SUBSHELLS};
use crate::error::Error;
use crate::kept::{Kept, Page};
use crate::message::Request;
use crate::outbox::Outgoing;
use crate::queue::RequestQueue;
use crate::route::Answer;
use crate::usage::Usage;

/// What the I/O thread does with an answer.
pub(crate) struct Answered {
    /// Content of the reply.
    pub(crate) content: Bytes,
    /// Binary buffers of the reply.
    pub(crate) buffers: Vec<Bytes>,
    /// Publications that follow the reply.
    pub(crate) then: Vec<Outgoing>,
    /// Stop serving once the reply is out.
    pub(crate) exit: Option<ExitReason>,
}

impl From<Value> for Answered {
    fn from(content: Value) -> Self {
        Page::from(content).into()
    }
}

impl From<Page> for Answered {
    fn from(page: Page) -> Self {
        Self {
            buffers: page.buffers,
            ..Self::from(Bytes::from(page.content))
        }
    }
}

impl From<Bytes> for Answered {
    fn from(content: Bytes) -> Self {
        Self {
            content,
            buffers: Vec::new(),
            then: Vec::new(),
            exit: None,
        }
    }
}

/// Answer one request.
pub(crate) fn answer(
    core: &Core,
    usage: &mut Usage,
    kept: &Kept,
    request: &Arc<Request>,
    kind: Answer,
) -> Answered {
    match kind {
        Answer::KernelInfo => core.kernel_info.lock().clone().into(),
        Answer::Connect => connect(core).into(),
        Answer::Interrupt => {
            interrupt(core, request);
            json!({"status": "ok"}).into()
        }
        Answer::Shutdown => shutdown(core, request),
        Answer::Usage => usage.content().into(),
        Answer::Replay => kept.answer(request.content()).into(),
        Answer::CreateSubshell => create_subshell(core, request).into(),
        Answer::DeleteSubshell => delete_subshell(core, request).into(),
        Answer::ListSubshell => json!({"status": "ok", "subshell_id": core.subshell_ids()}).into(),
    }
}

/// Without a `subshell_id` in the header everything that runs is interrupted, else that subshell only. Subshell threads
/// are reached through Python, so that part is the control thread's work.
fn interrupt(core: &Core, request: &Arc<Request>) {
    if request.header.subshell_id.is_none() {
        core.window.interrupt();
    }
    if !core.subshell_ids().is_empty() {
        core.push_control(Arc::clone(request));
    }
}

fn connect(core: &Core) -> Value {
    let mut content = Map::from_iter([("status".to_owned(), json!("ok"))]);
    for port in Port::ALL {
        content.insert(port.key().to_owned(), json!(core.connection.port(port)));
    }
    Value::Object(content)
}

fn shutdown(core: &Core, request: &Arc<Request>) -> Answered {
    let asked: Value = serde_json::from_slice(request.content()).unwrap_or_default();
    let restart = asked
        .get("restart")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let content = Bytes::from(json!({"status": "ok", "restart": restart}).to_string());
    // Every client hears of it, not only the one that asked.
    let broadcast = Outgoing {
        made: SystemTime::now(),
        channel: crate::message::Channel::Iopub,
        prefix: vec![core.topic("shutdown_reply")],
        msg_type: "shutdown_reply".into(),
        parent: Some(Arc::clone(request)),
        metadata: Bytes::from_static(b"{}"),
        content: content.clone(),
        buffers: Vec::new(),
    };
    let reason = if restart {
        ExitReason::Restart
    } else {
        ExitReason::Shutdown
    };
    Answered {
        then: vec![broadcast],
        exit: Some(reason),
        ..content.into()
    }
}

fn failed(evalue: &str) -> Value {
    json!({"status": "error", "ename": "SubshellError", "evalue": evalue, "traceback": []})
}

/// The queue exists from now on, so that requests can be routed to it; its thread is the control thread's work.
fn create_subshell(core: &Core, request: &Arc<Request>) -> Value {
    let mut subshells = core.subshells.lock();
    if subshells.len() >= MAX_SUBSHELLS {
        return failed(&format!(
            "{MAX_SUBSHELLS} subshells are open; delete one first"
        ));
    }
    let (Ok(id), Ok(queue)) = (random_hex(16), RequestQueue::new()) else {
        return failed("the system has no file descriptor left");
    };
    subshells.insert(id.clone(), Arc::new(queue));
    drop(subshells);
    core.push_control(Arc::clone(request));
    json!({"status": "ok", "subshell_id": id})
}

fn delete_subshell(core: &Core, request: &Arc<Request>) -> Value {
    let asked: Value = serde_json::from_slice(request.content()).unwrap_or_default();
    let id = asked
        .get("subshell_id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if core.subshell(id).is_err() {
        return failed(&Error::UnknownSubshell(id.to_owned()).to_string());
    }
    core.close_subshell(id);
    // Its thread may run a cell that should end: again the control thread's work.
    core.push_control(Arc::clone(request));
    json!({"status": "ok"})
}
