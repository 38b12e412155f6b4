//! A kernel without a language, for counting the instructions of everything around a cell: `tests/instructions` runs it
//! under callgrind and sends it messages over real sockets.
//!
//! A cell's code is one command: nothing (a plain cell), `lines N`, `routes N`, `wait FIFO`, or `mark`, which ends what
//! is counted together: callgrind writes its counts at each call of [`message_path_mark`].

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ipyrust_engine::fatal::Fatal;
use ipyrust_engine::message::{Channel, Request};
use ipyrust_engine::outbox::{Outgoing, StreamName};
use ipyrust_engine::publisher::BACKLOG_BYTES;
use ipyrust_engine::{Core, ExitReason, Options};
use ipyrust_zmq::{Interest, PollItem, poll};
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn Error>>;

static FATAL: Fatal = Fatal::new();

/// Callgrind is told to write its counts, and to begin again at zero, whenever this is called: so it must have a name.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn message_path_mark(count: u64) -> u64 {
    std::hint::black_box(count)
}

fn main() -> Outcome<()> {
    let connection_file = std::env::args_os().nth(1).map(PathBuf::from);
    let core = Core::start(Options {
        connection_file: connection_file.ok_or("usage: message_path CONNECTION_FILE")?,
        registered_file: None,
        kernel_info: Bytes::from_static(br#"{"status":"ok","implementation":"message_path"}"#),
        log_fd: std::io::stderr().as_fd().try_clone_to_owned()?,
        parent_pid: None,
        capture_fds: false,
        stop_grace: Duration::from_secs(5),
        replay_bytes: 16 << 20,
        backlog_bytes: BACKLOG_BYTES,
        username: "kernel".into(),
        force_exit: |code| std::process::exit(code),
        fatal: &FATAL,
        ask_for_stacks: || false,
        control_needed: Box::new(|| ()),
    })?;
    while core.exit_reason().is_none() {
        while let Ok(Some(request)) = core.take(&core.shell, false) {
            serve(&core, &request)?;
        }
        // The engine has answered create_subshell_request; the subshell's thread would be started now.
        while let Ok(Some(_)) = core.take(&core.control, false) {}
        let mut items = [&core.shell, &core.control]
            .map(|queue| PollItem::fd(queue.as_fd(), Interest::READABLE));
        poll(&mut items, -1)?;
    }
    let reason = core.exit_reason().unwrap_or(ExitReason::Closed);
    core.close(Duration::from_secs(5));
    std::process::exit(reason.exit_code())
}

fn serve(core: &Core, request: &Arc<Request>) -> Outcome<()> {
    if !request.is_execute() {
        return answer(core, request, || Ok(()));
    }
    let content: Value = serde_json::from_slice(request.content())?;
    let code = content
        .get("code")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if code == "mark" {
        message_path_mark(1);
    }
    answer(core, request, || run(core, request, code))
}

/// Everything that a request causes whatever it asks for.
fn answer(core: &Core, request: &Arc<Request>, run: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    core.enter(request)?;
    run()?;
    if request.reply_type().is_some() {
        let (content, metadata) = (Bytes::from_static(br#"{"status":"ok"}"#), object());
        core.reply(request, content, metadata, Vec::new())?;
    }
    core.leave(request)?;
    Ok(())
}

/// A cell, as the binding runs one.
fn run(core: &Core, request: &Arc<Request>, code: &str) -> Outcome<()> {
    let mut pause = || {
        core.nap();
        Ok(())
    };
    let slot = core.begin_cell(request, 1, code);
    core.publish(execute_input(core, request), &mut pause)?;
    core.begin_execution(request);
    match code.split_once(' ') {
        Some(("lines", count)) => {
            let parent = Some(Arc::clone(request));
            for _ in 0..count.parse()? {
                core.write_stream(&parent, StreamName::Stdout, "a line of text", &mut pause)?;
                core.write_stream(&parent, StreamName::Stdout, "\n", &mut pause)?;
            }
        }
        Some(("routes", count)) => open_routes(core, count.parse()?),
        Some(("wait", fifo)) => {
            BufReader::new(File::open(fifo)?).read_line(&mut String::new())?;
        }
        _ => {}
    }
    core.end_execution();
    core.end_cell(slot);
    Ok(())
}

fn execute_input(core: &Core, request: &Arc<Request>) -> Outgoing {
    Outgoing {
        made: std::time::SystemTime::now(),
        channel: Channel::Iopub,
        prefix: vec![core.topic("execute_input")],
        msg_type: "execute_input".into(),
        parent: Some(Arc::clone(request)),
        metadata: object(),
        content: Bytes::from_static(br#"{"code":"","execution_count":1}"#),
        buffers: Vec::new(),
    }
}

/// Comms that a subshell and after it the main shell sent on: what comes on one of them is looked up, and comes here.
fn open_routes(core: &Core, count: usize) {
    for number in 0..count {
        let comm_id = format!("comm-{number}");
        core.comm_routes
            .sent(&comm_id, None, Some("subshell".into()));
        core.comm_routes.sent(&comm_id, None, None);
    }
}

fn object() -> Bytes {
    Bytes::from_static(b"{}")
}
