//! A subscriber that does not read: memory stays bounded, writers wait, everything else goes on, nothing is lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ipyrust_engine::Error;
use ipyrust_engine::message::Channel::Control;
use ipyrust_engine::outbox::MAX_BYTES;
use ipyrust_zmq::Socket;
use serde_json::json;

use crate::common::{Client, Kernel, eventually, publication, receive, send};

/// libzmq holds 1000 messages for a subscriber; more than those and the outbox together.
const MESSAGES: usize = 1000 + MAX_BYTES / SIZE_BYTES + 400;
const SIZE_BYTES: usize = 128 << 10;

/// Without a key: hashing all this twice without optimisation would take longer than the test.
fn kernel() -> Kernel {
    Kernel::with(json!({"key": ""}))
}

fn numbered(number: usize) -> Bytes {
    let padding = " ".repeat(SIZE_BYTES);
    Bytes::from(format!("{{\"number\":{number}{padding}}}"))
}

fn assert_next(socket: &Socket, client: &Client, number: usize) {
    let message = client.open(receive(socket));
    assert_eq!(message.content["number"], number);
}

#[test]
fn writers_wait_for_a_stalled_subscriber_and_nothing_is_lost() {
    let kernel = kernel();
    let client = Client::first_of(&kernel);
    client.execute("");
    let request = kernel.next_request();
    let written = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..MESSAGES {
                kernel.publish(&request, "display_data", numbered(number));
                written.store(number + 1, Ordering::SeqCst);
            }
            kernel.core.leave(&request).unwrap();
        });
        eventually("the outbox is full", || !kernel.core.outbox.has_room());
        let heartbeat = client.heartbeat();
        send(&heartbeat, &[Bytes::from_static(b"alive?")]);
        assert_eq!(receive(&heartbeat), ["alive?"]);
        client.assert_alive(Control);
        assert!(written.load(Ordering::SeqCst) < MESSAGES, "the writer waits");
        let most = usize::try_from(kernel.count("outbox_most_bytes")).unwrap();
        assert!(most < MAX_BYTES + 2 * SIZE_BYTES, "{most} bytes waited");
        let mut number = 0;
        while number < MESSAGES {
            let message = client.published();
            if message.msg_type() == "display_data" {
                assert_eq!(message.content["number"], number);
                number += 1;
            }
        }
    });
    assert_eq!(kernel.count("dropped"), 0);
    while client.published().shown() != "idle" {}
}

#[test]
fn a_writer_that_waits_ends_with_an_error_when_the_core_closes() {
    let kernel = kernel();
    let client = Client::first_of(&kernel);
    let refused = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut pause = || {
                kernel.core.nap();
                Ok(())
            };
            (0..MESSAGES)
                .map(|number| publication(&kernel.core, "display_data", numbered(number)))
                .find_map(|message| kernel.core.publish(message, &mut pause).err())
        });
        eventually("the outbox is full", || !kernel.core.outbox.has_room());
        kernel.core.close(Duration::from_millis(10));
        writer.join().unwrap()
    });
    assert!(matches!(refused, Some(Error::Closed)), "{refused:?}");
    assert_next(&client.iopub, &client, 0);
}

#[test]
fn a_pause_ends_the_wait_of_a_writer() {
    let kernel = kernel();
    let _client = Client::first_of(&kernel);
    let refused = (0..MESSAGES)
        .map(|number| publication(&kernel.core, "display_data", numbered(number)))
        .find_map(|message| kernel.core.publish(message, &mut || Err(Error::Interrupted)).err());
    assert!(matches!(refused, Some(Error::Interrupted)), "{refused:?}");
}
