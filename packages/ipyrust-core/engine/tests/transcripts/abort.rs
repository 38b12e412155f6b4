//! stop_on_error: what had arrived when a cell failed is aborted, all of it and nothing else.

use std::sync::Arc;
use std::time::Duration;

use ipyrust_engine::message::Channel::{Control, Shell};
use ipyrust_engine::message::Request;
use ipyrust_engine::queue::MAX_REQUESTS;
use serde_json::json;

use crate::common::{Client, Kernel, eventually};

/// The request of a cell that has failed and is not replied to.
fn failed(kernel: &Kernel, client: &Client) -> Arc<Request> {
    client.execute("1/0");
    kernel.next_request()
}

#[test]
fn everything_that_was_sent_before_is_aborted_even_from_the_socket() {
    const BEHIND: usize = 3000;
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let failing = client.execute("1/0");
    let behind: Vec<_> = (0..BEHIND).map(|_| client.execute("2")).collect();
    // The kernel has answered this only after it has read what was sent before it.
    client.assert_alive(Shell);
    let request = kernel.next_request();
    assert_eq!(request.header.msg_id, failing);
    let count = kernel
        .core
        .abort_pending(&kernel.core.shell, &request, Duration::ZERO)
        .unwrap();
    assert_eq!(count, BEHIND);
    let after = client.execute("3");
    let next = kernel.next_request(); // Aborted requests are answered on the way.
    assert_eq!(next.header.msg_id, after);
    for msg_id in &behind {
        let reply = client.receive(Shell);
        assert_eq!(reply.parent_id(), msg_id);
        assert_eq!(reply.content, json!({"status": "aborted"}));
        assert_eq!(reply.metadata["status"], "aborted");
    }
    assert_eq!(client.transcript(&behind[BEHIND - 1]), ["busy", "idle"]);
    assert_eq!(kernel.count("aborted"), BEHIND as u64);
}

#[test]
fn an_abort_takes_what_is_still_in_the_socket() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.ask(Shell, "complete_request", &json!({}));
    let filler = kernel.next_request();
    // The I/O thread stops reading for a full queue, so what is sent now stays in the socket.
    (0..MAX_REQUESTS).for_each(|_| kernel.core.shell.push(Arc::clone(&filler)));
    client.assert_alive(Control);
    let msg_id = client.execute("2");
    eventually("the abort finds it", || {
        kernel
            .core
            .abort_pending(&kernel.core.shell, &filler, Duration::ZERO)
            .unwrap()
            == 1
    });
    while kernel
        .core
        .take(&kernel.core.shell, false)
        .unwrap()
        .is_some()
    {}
    assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
    assert_eq!(client.receive(Shell).content["status"], "aborted");
    let next = client.execute("3");
    assert_eq!(
        kernel.next_request().header.msg_id,
        next,
        "the shell is read again"
    );
}

#[test]
fn only_executes_are_aborted_and_every_request_keeps_its_place() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let failed = failed(&kernel, &client);
    let execute = client.execute("2");
    let complete = client.ask(Shell, "complete_request", &json!({}));
    let comm = client.ask(Shell, "comm_msg", &json!({}));
    client.assert_alive(Shell);
    assert_eq!(
        kernel
            .core
            .abort_pending(&kernel.core.shell, &failed, Duration::ZERO)
            .unwrap(),
        1
    );
    let served = [kernel.next_request(), kernel.next_request()];
    assert_eq!(
        served.each_ref().map(|each| &each.header.msg_id),
        [&complete, &comm]
    );
    served
        .iter()
        .for_each(|request| kernel.serve(request, "{}"));
    assert_eq!(client.receive(Shell).parent_id(), execute);
    assert_eq!(client.receive(Shell).parent_id(), complete);
    for msg_id in [execute, complete, comm] {
        assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
    }
}

#[test]
fn in_the_window_newcomers_are_aborted_too() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let failed = failed(&kernel, &client);
    kernel
        .core
        .abort_pending(&kernel.core.shell, &failed, Duration::from_secs(600))
        .unwrap();
    client.execute("late");
    client.assert_alive(Shell);
    assert!(
        kernel
            .core
            .take(&kernel.core.shell, false)
            .unwrap()
            .is_none()
    );
    assert_eq!(client.receive(Shell).content["status"], "aborted");
    kernel
        .core
        .abort_pending(&kernel.core.shell, &failed, Duration::ZERO)
        .unwrap();
    let msg_id = client.execute("after");
    assert_eq!(kernel.next_request().header.msg_id, msg_id);
}
