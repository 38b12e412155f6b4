//! Busy and idle around every request, the greeting of subscribers, and the one reply.

use bytes::Bytes;
use ipyrust_engine::Error;
use ipyrust_engine::message::Channel::{Control, Shell};
use serde_json::json;

use crate::common::{Client, Kernel, assert_silent, object, receive};

#[test]
fn a_request_is_answered_between_busy_and_idle() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let msg_id = client.execute("1");
    let request = kernel.next_request();
    kernel.core.enter(&request).unwrap();
    kernel.print(&request, "hello");
    kernel.reply(&request, r#"{"status":"ok"}"#);
    kernel.core.leave(&request).unwrap();
    assert_eq!(client.transcript(&msg_id), ["busy", "stdout:hello", "idle"]);
    let reply = client.receive(Shell);
    assert_eq!(
        (reply.msg_type(), reply.parent_id()),
        ("execute_reply", &*msg_id)
    );
    assert_eq!(reply.content, json!({"status": "ok"}));
}

#[test]
fn the_parent_header_is_the_request_header_as_it_came() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let more = json!({"unknown to us": [1, {"é": null}], "date": "yesterday"});
    client.ask_with(Shell, "execute_request", &json!({"code": ""}), &more);
    let request = kernel.next_request();
    kernel.serve(&request, "{}");
    let reply = client.receive(Shell);
    assert_eq!(reply.parent_header["unknown to us"], more["unknown to us"]);
    assert_eq!(reply.parent_header["date"], "yesterday");
    assert_eq!(client.published().parent_header, reply.parent_header);
}

#[test]
fn an_unanswered_request_gets_an_error_reply_before_idle() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let msg_id = client.ask(Shell, "complete_request", &json!({}));
    let request = kernel.next_request();
    kernel.core.enter(&request).unwrap();
    kernel.core.leave(&request).unwrap();
    assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
    let reply = client.receive(Shell);
    assert_eq!(
        (reply.msg_type(), &reply.content["status"]),
        ("complete_reply", &json!("error"))
    );
}

#[test]
fn a_comm_message_has_no_reply() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let msg_id = client.ask(Shell, "comm_msg", &json!({"comm_id": "c", "data": {}}));
    let request = kernel.next_request();
    kernel.core.enter(&request).unwrap();
    kernel.core.leave(&request).unwrap();
    assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
    client.assert_alive(Shell); // Its reply is the first on the channel.
}

#[test]
fn a_second_reply_is_refused() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.execute("");
    let request = kernel.next_request();
    kernel.reply(&request, r#"{"status":"ok"}"#);
    let second = kernel.core.reply(&request, object(), object(), vec![]);
    assert!(
        matches!(second, Err(Error::AlreadyReplied { msg_type }) if msg_type == "execute_request")
    );
    kernel.core.leave(&request).unwrap();
    assert_eq!(client.receive(Shell).content, json!({"status": "ok"}));
    client.assert_alive(Shell);
}

#[test]
fn replies_carry_metadata_and_buffers() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.execute("");
    let request = kernel.next_request();
    let buffers = vec![Bytes::from_static(b""), Bytes::from(vec![9; 200_000])];
    let metadata = Bytes::from_static(b"{\"a\":1}");
    kernel
        .core
        .reply(&request, object(), metadata, buffers.clone())
        .unwrap();
    let reply = client.receive(Shell);
    assert_eq!(
        (reply.buffers, &reply.metadata),
        (buffers, &json!({"a": 1}))
    );
}

#[test]
fn every_subscriber_is_welcomed() {
    let kernel = Kernel::start();
    let first = Client::first_of(&kernel);
    let second = Client::of(&kernel);
    let welcome = first.published();
    assert_eq!(
        welcome.msg_type(),
        "iopub_welcome",
        "who subscribed to all hears of all"
    );
    assert_eq!(welcome.content, json!({"subscription": ""}));
    assert_eq!(welcome.parent_header, json!({}));
    let topical = second.subscribe(b"stream.\xff\"");
    let welcome = second.open(receive(&topical));
    assert_eq!(welcome.prefix, [Bytes::from_static(b"stream.\xff\"")]);
    assert_eq!(
        welcome.content,
        json!({"subscription": "stream.\u{fffd}\""})
    );
    assert_silent(&topical);
}

#[test]
fn a_subscription_to_a_topic_gets_that_topic_only() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let topical = client.subscribe(b"stream.stdout");
    assert_eq!(client.open(receive(&topical)).msg_type(), "iopub_welcome");
    client.execute("");
    let request = kernel.next_request();
    kernel.core.enter(&request).unwrap();
    kernel.print(&request, "text");
    kernel.core.leave(&request).unwrap();
    assert_eq!(client.open(receive(&topical)).shown(), "stdout:text");
    assert_silent(&topical);
}

#[test]
fn starting_is_said_once_with_an_empty_parent() {
    let kernel = Kernel::start();
    let client = Client::of(&kernel);
    let starting = client.published();
    assert_eq!(
        (&*starting.shown(), &starting.parent_header),
        ("starting", &json!({}))
    );
    let second = Client::of(&kernel);
    assert_silent(&second.iopub);
}

#[test]
fn what_was_published_before_the_first_subscription_is_not_lost() {
    let kernel = Kernel::start();
    let early = Client::named(&kernel.core.connection_info(), "early");
    // The request may be served before the subscription arrives; it was sent at the same time.
    let msg_id = early.execute("");
    let request = kernel.next_request();
    kernel.serve(&request, "{}");
    assert_eq!(early.transcript(&msg_id), ["busy", "idle"]);
}

#[test]
fn control_requests_have_statuses_of_their_own() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let msg_id = client.ask(Control, "debug_request", &json!({}));
    let request = kernel.next_of(&kernel.core.control);
    kernel.serve(&request, "{}");
    client.receive(Control);
    assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
}
