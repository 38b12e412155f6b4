//! How a kernel ends: bounded, once, and with everybody told who waits.

use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipyrust_engine::message::Channel::Shell;
use ipyrust_engine::publisher::BACKLOG_BYTES;
use ipyrust_engine::{Error, ExitReason};
use ipyrust_zmq::{Interest, PollItem, poll};
use serde_json::json;

use crate::common::{Client, Directory, Kernel, PATIENCE, Setup, eventually, object, publication};

/// libzmq's linger, once for the context, and room for a busy machine.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

#[test]
fn close_sends_what_is_queued_and_is_idempotent() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let msg_id = client.execute("");
    let request = kernel.next_request();
    kernel.core.enter(&request).unwrap();
    kernel.print(&request, "last words");
    kernel.core.leave(&request).unwrap();
    kernel.core.close(PATIENCE);
    assert_eq!(
        client.transcript(&msg_id),
        ["busy", "stdout:last words", "idle"]
    );
    let started = Instant::now();
    kernel.core.close(PATIENCE);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(kernel.core.exit_reason(), Some(ExitReason::Closed));
}

#[test]
fn close_does_not_wait_for_a_subscriber_for_ever() {
    let kernel = Kernel::with(json!({"key": ""}));
    let _stalled = Client::first_of(&kernel);
    let content = bytes::Bytes::from(format!("{{\"x\":\"{}\"}}", "x".repeat(256 << 10)));
    while kernel.core.outbox.has_room() {
        let message = publication(&kernel.core, "display_data", content.clone());
        kernel.core.outbox.push(message).unwrap();
    }
    let started = Instant::now();
    kernel.core.close(Duration::from_millis(50));
    assert!(started.elapsed() < CLOSE_LIMIT, "{:?}", started.elapsed());
}

#[test]
fn close_from_two_threads() {
    let kernel = Kernel::start();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| kernel.core.close(Duration::from_secs(1)));
        }
    });
    assert_eq!(kernel.core.exit_reason(), Some(ExitReason::Closed));
}

#[test]
fn a_closed_core_says_so_to_everybody() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.execute("");
    let request = kernel.next_request();
    kernel.core.close(Duration::from_secs(1));
    let core = &kernel.core;
    assert!(matches!(core.take(&core.shell, false), Err(Error::Closed)));
    assert!(matches!(
        core.take(&core.control, false),
        Err(Error::Closed)
    ));
    assert!(matches!(core.enter(&request), Err(Error::Closed)));
    assert!(matches!(
        core.reply(&request, object(), object(), vec![]),
        Err(Error::Closed)
    ));
    assert!(matches!(core.leave(&request), Err(Error::Closed)));
    let message = publication(core, "display_data", object());
    assert!(matches!(
        core.publish(message, &mut || Ok(())),
        Err(Error::Closed)
    ));
    assert!(matches!(core.ask("?", false, &request), Err(Error::Closed)));
    let aborted = core.abort_pending(&core.shell, &request, Duration::ZERO);
    assert!(matches!(aborted, Err(Error::Closed)), "{aborted:?}");
}

#[test]
fn a_thread_that_waits_for_requests_wakes_at_close() {
    let kernel = Kernel::start();
    let core = Arc::clone(&kernel.core);
    let waiting = std::thread::spawn(move || {
        let mut items = [PollItem::fd(core.shell.as_fd(), Interest::READABLE)];
        poll(&mut items, i64::try_from(PATIENCE.as_millis()).unwrap()).unwrap();
        core.take(&core.shell, false)
    });
    kernel.core.close(Duration::ZERO);
    assert!(matches!(waiting.join().unwrap(), Err(Error::Closed)));
}

#[test]
fn aborts_race_with_close_and_always_return() {
    for _ in 0..20 {
        let kernel = Kernel::start();
        let client = Client::first_of(&kernel);
        client.execute("1/0");
        let failed = &kernel.next_request();
        std::thread::scope(|scope| {
            let (done, results) = std::sync::mpsc::channel();
            let core = &kernel.core;
            scope.spawn(move || {
                while core
                    .abort_pending(&core.shell, failed, Duration::ZERO)
                    .is_ok()
                {}
                done.send(()).unwrap();
            });
            core.close(Duration::ZERO);
            results.recv_timeout(PATIENCE).expect("the abort returns");
        });
    }
}

fn watching(parent_pid: u32) -> Kernel {
    let directory = Directory::new();
    let connection_file = directory.connection_file(&json!({}));
    let setup = Setup {
        connection_file,
        parent_pid: Some(parent_pid),
        stop_grace: Duration::from_secs(60),
        replay_bytes: 1 << 20,
        backlog_bytes: BACKLOG_BYTES,
    };
    Kernel::from_setup(directory, setup).unwrap()
}

#[test]
fn the_end_of_the_parent_ends_the_kernel() {
    let mut parent = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let kernel = watching(parent.id());
    let client = Client::first_of(&kernel);
    client.assert_alive(Shell);
    assert_eq!(kernel.core.exit_reason(), None);
    drop(parent.stdin.take());
    parent.wait().unwrap();
    eventually("it is noticed", || {
        kernel.core.exit_reason() == Some(ExitReason::ParentDied)
    });
    assert!(kernel.core.shell.is_closed());
    assert!(kernel.log().contains("parent process ended"));
}

#[test]
fn a_parent_that_ended_before_ends_the_kernel_at_once() {
    let mut parent = Command::new("true").spawn().unwrap();
    parent.wait().unwrap();
    let kernel = watching(parent.id());
    eventually("it is noticed", || {
        kernel.core.exit_reason() == Some(ExitReason::ParentDied)
    });
}
