//! What the I/O thread answers by itself. Nothing takes a request from a queue in these tests.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use ipyrust_engine::ExitReason;
use ipyrust_engine::message::Channel::{Control, Shell};
use ipyrust_engine::publisher::BACKLOG_BYTES;
use serde_json::json;

use crate::common::{Client, Directory, FORCED_EXIT, Kernel, Setup, eventually, receive, send};

#[test]
fn kernel_info_on_shell_and_control() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    for channel in [Shell, Control] {
        let msg_id = client.ask(channel, "kernel_info_request", &json!({}));
        let reply = client.receive(channel);
        assert_eq!(reply.msg_type(), "kernel_info_reply");
        assert_eq!(
            reply.content,
            json!({"status": "ok", "implementation": "test"})
        );
        assert_eq!(reply.parent_id(), msg_id);
        assert_eq!(reply.header["session"], kernel.core.session_id());
        assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
    }
}

#[test]
fn kernel_info_can_be_replaced() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    kernel
        .core
        .set_kernel_info(Bytes::from_static(b"{\"banner\":\"new\"}"));
    client.ask(Control, "kernel_info_request", &json!({}));
    assert_eq!(client.receive(Control).content, json!({"banner": "new"}));
}

#[test]
fn connect_tells_the_ports() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.ask(Shell, "connect_request", &json!({}));
    let reply = client.receive(Shell);
    let info = kernel.core.connection_info();
    for port in [
        "shell_port",
        "iopub_port",
        "stdin_port",
        "control_port",
        "hb_port",
    ] {
        assert!(
            reply.content[port]
                .as_u64()
                .is_some_and(|number| number > 0)
        );
        assert_eq!(reply.content[port], info[port]);
    }
}

#[test]
fn heartbeat_echoes_whatever_comes() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let heartbeat = client.heartbeat();
    for ping in [&b"ping"[..], b"", b"\xff\x00<IDS|MSG>", &[7; 100_000]] {
        let frames = [
            Bytes::copy_from_slice(ping),
            Bytes::from_static(b"second frame"),
        ];
        send(&heartbeat, &frames);
        assert_eq!(receive(&heartbeat), frames);
    }
}

#[test]
fn usage_tells_this_process() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.ask(Control, "usage_request", &json!({}));
    let content = client.receive(Control).content;
    assert_eq!(
        (&content["status"], &content["pid"]),
        (&json!("ok"), &json!(std::process::id()))
    );
}

#[test]
fn shutdown_is_answered_and_broadcast_and_closes_the_queues() {
    for (content, restart, reason) in [
        (json!({"restart": false}), false, ExitReason::Shutdown),
        (json!({"restart": true}), true, ExitReason::Restart),
        (json!({"restart": "maybe"}), false, ExitReason::Shutdown),
        (json!([]), false, ExitReason::Shutdown),
    ] {
        let kernel = Kernel::start();
        let client = Client::first_of(&kernel);
        let msg_id = client.ask(Control, "shutdown_request", &content);
        assert_eq!(
            client.receive(Control).content,
            json!({"status": "ok", "restart": restart})
        );
        assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
        let broadcast = client.published();
        assert_eq!(broadcast.msg_type(), "shutdown_reply");
        assert_eq!(broadcast.content["restart"], restart);
        eventually("the queues close", || kernel.core.shell.is_closed());
        assert!(kernel.core.control.is_closed());
        assert_eq!(kernel.core.exit_reason(), Some(reason));
    }
}

#[test]
fn a_shutdown_that_is_ignored_is_forced() {
    let directory = Directory::new();
    let connection_file = directory.connection_file(&json!({}));
    let setup = Setup {
        connection_file,
        parent_pid: None,
        stop_grace: Duration::from_millis(50),
        replay_bytes: 1 << 20,
        backlog_bytes: BACKLOG_BYTES,
    };
    let kernel = Kernel::from_setup(directory, setup).unwrap();
    let client = Client::first_of(&kernel);
    client.ask(Control, "shutdown_request", &json!({}));
    eventually("the exit is forced", || {
        FORCED_EXIT.load(Ordering::SeqCst) == -1
    });
    assert!(kernel.log().contains("ignored the shutdown"));
}

#[test]
fn unknown_types_get_an_error_reply_and_statuses() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    for (channel, msg_type) in [
        (Shell, "bogus_request"),
        (Control, "bogus_request"),
        (Shell, "usage_request"),
        (Shell, "quote\"and\\backslash_request"),
        (Shell, "ünïcode\n😀_request"),
    ] {
        let msg_id = client.ask(channel, msg_type, &json!({}));
        let reply = client.receive(channel);
        assert_eq!(reply.msg_type(), msg_type.replace("_request", "_reply"));
        assert_eq!(reply.content["status"], "error");
        assert_eq!(reply.content["ename"], "UnknownMessageType");
        assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
    }
}

#[test]
fn unknown_messages_that_are_no_request_get_statuses_only() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let msg_id = client.ask(Shell, "bogus", &json!({}));
    assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
    client.assert_alive(Shell); // Its reply is the first on the channel.
}

/// What is published, as parent and state.
fn states(client: &Client, count: usize) -> Vec<(String, String)> {
    (0..count)
        .map(|_| client.published())
        .map(|message| (message.parent_id().to_owned(), message.shown()))
        .collect()
}

#[test]
fn answers_come_while_a_cell_runs_and_on_shell_say_that_it_is_still_busy() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let cell = client.execute("");
    let request = kernel.next_request();
    kernel.core.enter(&request).unwrap();
    assert_eq!(states(&client, 1), [(cell.clone(), "busy".into())]);
    for (channel, again) in [(Shell, true), (Control, false)] {
        let msg_id = client.ask(channel, "kernel_info_request", &json!({}));
        client.receive(channel);
        let mut expected = vec![(msg_id.clone(), "busy".into()), (msg_id, "idle".into())];
        expected.extend(again.then(|| (cell.clone(), "busy".into())));
        assert_eq!(states(&client, expected.len()), expected);
    }
    kernel.core.leave(&request).unwrap();
    assert_eq!(states(&client, 1), [(cell, "idle".into())]);
}

#[test]
fn an_interrupt_between_cells_is_answered_and_hits_nothing() {
    if nix::unistd::getpgrp() == nix::unistd::getpid() {
        return; // Leading its process group, the kernel would signal its children: here, the test run.
    }
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    for channel in [Control, Shell] {
        let msg_id = client.ask(channel, "interrupt_request", &json!({}));
        assert_eq!(client.receive(channel).content, json!({"status": "ok"}));
        assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
    }
    assert!(!kernel.core.window.wanted());
}

#[test]
fn debug_requests_wait_for_the_control_thread_which_starts_with_the_first() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.assert_alive(Control);
    assert!(!kernel.control_needed.load(Ordering::SeqCst));
    client.ask(Control, "debug_request", &json!({"command": "debugInfo"}));
    let request = kernel.next_of(&kernel.core.control);
    assert!(kernel.control_needed.load(Ordering::SeqCst));
    kernel.serve(&request, r#"{"success":true}"#);
    assert_eq!(client.receive(Control).content, json!({"success": true}));
}
