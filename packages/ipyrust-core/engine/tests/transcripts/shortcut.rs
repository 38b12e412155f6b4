//! The main thread waits for requests itself and sends what they cause; the I/O thread is there for everything else.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipyrust_engine::Awaited;
use ipyrust_engine::message::Channel::{Control, Shell};
use ipyrust_engine::message::Request;
use ipyrust_engine::wake::Wake;
use serde_json::json;

use crate::common::{Client, Kernel, MOMENT, PATIENCE};

/// As the main thread waits.
fn await_request(kernel: &Kernel) -> Arc<Request> {
    let core = &kernel.core;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(request) = core.take(&core.shell, false).unwrap() {
            return request;
        }
        assert!(Instant::now() < deadline, "no request");
        core.await_request(&core.shell, None, MOMENT).unwrap();
    }
}

#[test]
fn cells_are_served_one_after_the_other() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    for _ in 0..200 {
        let msg_id = client.execute("1");
        let request = await_request(&kernel);
        assert_eq!(request.header.msg_id, msg_id);
        kernel.serve(&request, "{}");
        assert_eq!(client.receive(Shell).parent_id(), msg_id);
        assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
    }
}

#[test]
fn nothing_is_left_behind_however_much_comes_at_once() {
    const BURST: usize = 3000; // More than is read in one go.
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let sent: Vec<_> = (0..BURST).map(|_| client.execute("1")).collect();
    for msg_id in &sent {
        let request = await_request(&kernel);
        assert_eq!(&request.header.msg_id, msg_id);
        kernel.serve(&request, "{}");
    }
    for msg_id in &sent {
        assert_eq!(client.receive(Shell).parent_id(), msg_id);
    }
}

#[test]
fn the_io_thread_answers_while_a_cell_runs_and_while_none_does() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    for _ in 0..20 {
        let msg_id = client.execute("long");
        let published = |state: &str| {
            while {
                let message = client.published();
                message.parent_id() != msg_id || message.shown() != state
            } {}
        };
        let request = await_request(&kernel);
        kernel.core.enter(&request).unwrap();
        // Nobody serves: it is the I/O thread that sends what the cell has caused so far, and that answers.
        published("busy");
        client.assert_alive(Shell);
        client.assert_alive(Control);
        kernel.reply(&request, "{}");
        kernel.core.leave(&request).unwrap();
        assert_eq!(client.receive(Shell).parent_id(), msg_id);
        published("idle");
    }
}

#[test]
fn what_is_for_others_gets_there_while_the_main_thread_waits() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let core = Arc::clone(&kernel.core);
    let waits = std::thread::spawn(move || core.await_request(&core.shell, None, PATIENCE));
    client.assert_alive(Shell);
    client.assert_alive(Control);
    client.ask(Control, "create_subshell_request", &json!({}));
    let subshell = client.receive(Control).content["subshell_id"].clone();
    let subshell = subshell.as_str().unwrap().to_owned();
    let queue = kernel.core.subshell(&subshell).unwrap();
    let header = json!({"subshell_id": subshell});
    let content = json!({"code": "1"});
    let msg_id = client.ask_with(Shell, "execute_request", &content, &header);
    assert_eq!(kernel.next_of(&queue).header.msg_id, msg_id);
    let last = client.execute("2");
    while !matches!(kernel.core.take(&kernel.core.shell, false), Ok(Some(request)) if request.header.msg_id == last)
    {
        std::thread::yield_now();
    }
    let _ = waits.join().unwrap();
}

#[test]
fn another_descriptor_and_the_end_of_the_time_end_the_wait() {
    let kernel = Kernel::start();
    let core = &kernel.core;
    let wake = Wake::new().unwrap();
    let wait = |time| {
        core.await_request(&core.shell, Some(wake.as_fd()), time)
            .unwrap()
    };
    assert_eq!(wait(Duration::from_millis(1)), Awaited::Nothing);
    wake.signal();
    assert_eq!(wait(PATIENCE), Awaited::Other);
    core.request_exit(ipyrust_engine::ExitReason::Closed);
    assert_eq!(wait(PATIENCE), Awaited::Request, "a closed queue ends it");
}
