//! XPUB and SUB: subscriptions as messages, and back-pressure instead of loss.

use bytes::Bytes;
use ipyrust_zmq::{Context, Sent, Socket, SocketKind, Wait};

use crate::support::*;

fn subscriber(context: &Context, endpoint: &str, topic: &str) -> Socket {
    let subscriber = socket(context, SocketKind::Sub);
    subscriber.set_subscribe(topic.as_bytes()).unwrap();
    subscriber.connect(endpoint).unwrap();
    subscriber
}

#[test]
fn publishes_by_topic() {
    let context = context();
    let publisher = socket(&context, SocketKind::Xpub);
    let endpoint = bind_tcp(&publisher);
    let subscriber = subscriber(&context, &endpoint, "stream");
    assert_eq!(receive(&publisher), [Bytes::from_static(b"\x01stream")]);
    send(&publisher, &["status", "not for you"]);
    send(&publisher, &["stream.stdout", "text"]);
    assert_eq!(receive(&subscriber), frames(&["stream.stdout", "text"]));
    assert_silent(&subscriber);
}

#[test]
fn verbose_reports_the_second_subscriber_to_a_topic() {
    let context = context();
    let publisher = socket(&context, SocketKind::Xpub);
    publisher.set_xpub_verbose(true).unwrap();
    let endpoint = bind_tcp(&publisher);
    let _first = subscriber(&context, &endpoint, "");
    assert_eq!(receive(&publisher), [Bytes::from_static(b"\x01")]);
    let _second = subscriber(&context, &endpoint, "");
    assert_eq!(receive(&publisher), [Bytes::from_static(b"\x01")]);
}

#[test]
fn terse_reports_only_the_first_subscriber_to_a_topic() {
    let context = context();
    let publisher = socket(&context, SocketKind::Xpub);
    let endpoint = bind_tcp(&publisher);
    let _first = subscriber(&context, &endpoint, "");
    assert_eq!(receive(&publisher), [Bytes::from_static(b"\x01")]);
    let _second = subscriber(&context, &endpoint, "");
    assert_silent(&publisher);
}

#[test]
fn nodrop_blocks_on_a_stalled_subscriber_and_loses_nothing() {
    let context = context();
    let publisher = socket(&context, SocketKind::Xpub);
    publisher.set_xpub_nodrop(true).unwrap();
    publisher.set_send_high_water_mark(3).unwrap();
    let endpoint = bind_tcp(&publisher);
    let stalled = socket(&context, SocketKind::Sub);
    stalled.set_receive_high_water_mark(3).unwrap();
    stalled.set_subscribe(b"").unwrap();
    stalled.connect(&endpoint).unwrap();
    receive(&publisher);

    let body = "x".repeat(20_000);
    let numbered = |number: u32| frames(&["topic", &number.to_string(), &body]);
    publisher.set_send_timeout_ms(MOMENT_MS).unwrap();
    let mut sent = 0;
    while publisher.send_blocking(&numbered(sent)).unwrap() == Sent::Yes {
        sent += 1;
    }
    publisher.set_send_timeout_ms(PATIENCE_MS).unwrap();
    assert_eq!(publisher.send(&numbered(sent)).unwrap(), Sent::WouldBlock);
    assert!(
        publisher.events().unwrap().writable,
        "XPUB says writable although it is full"
    );
    for number in 0..sent {
        assert_eq!(receive(&stalled), numbered(number));
    }
    assert_eq!(publisher.send_blocking(&numbered(sent)).unwrap(), Sent::Yes);
    assert_eq!(receive(&stalled), numbered(sent));
    assert_silent(&stalled);
}

#[test]
fn without_nodrop_a_stalled_subscriber_loses_messages() {
    let context = context();
    let publisher = socket(&context, SocketKind::Xpub);
    publisher.set_send_high_water_mark(3).unwrap();
    let endpoint = bind_tcp(&publisher);
    let stalled = subscriber(&context, &endpoint, "");
    receive(&publisher);
    let large = "x".repeat(1_000_000);
    for _ in 0..50 {
        assert_eq!(
            publisher.send(&frames(&["topic", &large])).unwrap(),
            Sent::Yes
        );
    }
    stalled.set_receive_timeout_ms(MOMENT_MS).unwrap();
    let received = std::iter::from_fn(|| stalled.receive(Wait::Yes).unwrap()).count();
    assert!(received < 50, "{received}");
}
