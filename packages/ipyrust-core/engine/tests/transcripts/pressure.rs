//! A subscriber that does not read: memory stays bounded, writers wait, everything else goes on, nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ipyrust_engine::frames::Frames;
use ipyrust_engine::message::Channel::{Control, Shell};
use ipyrust_engine::outbox::{MAX_BYTES, Outgoing};
use ipyrust_engine::publisher::BACKLOG_MESSAGES;
use ipyrust_engine::{Core, Error};
use serde_json::{Value, json};

use crate::common::{Client, Kernel, eventually, publication, receive, send};

/// All messages share this content, so only their count costs memory here.
const SIZE_BYTES: usize = 256 << 10;
/// More than the backlog of a subscriber and the outbox hold together.
const MESSAGES: usize = BACKLOG_MESSAGES as usize + MAX_BYTES / SIZE_BYTES + 100;

/// Without a key: hashing all this twice without optimisation would take longer than the test.
fn kernel(backlog_bytes: usize) -> Kernel {
    Kernel::with_backlog(&json!({"key": ""}), backlog_bytes).unwrap()
}

/// Large publications with their number in the metadata.
fn numbered(core: &Core) -> impl Iterator<Item = Outgoing> + use<'_> {
    let content = Bytes::from(format!("{{\"x\":\"{}\"}}", "x".repeat(SIZE_BYTES)));
    (0..MESSAGES).map(move |number| Outgoing {
        made: SystemTime::now(),
        metadata: Bytes::from(format!("{{\"number\":{number}}}")),
        ..publication(core, "display_data", content.clone())
    })
}

/// The number of the next large publication.
fn next_number(client: &Client) -> Value {
    loop {
        let frames = Frames::split(receive(&client.iopub)).unwrap();
        let metadata: Value = serde_json::from_slice(&frames.signed[2]).unwrap();
        if !metadata["number"].is_null() {
            return metadata["number"].clone();
        }
    }
}

#[test]
fn writers_wait_for_a_stalled_subscriber_and_nothing_is_lost() {
    let kernel = kernel(usize::MAX);
    let client = Client::slow(&kernel);
    let written = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for message in numbered(&kernel.core) {
                let mut pause = || {
                    kernel.core.nap();
                    Ok(())
                };
                kernel.core.publish(message, &mut pause).unwrap();
                written.fetch_add(1, Ordering::SeqCst);
            }
        });
        eventually("the outbox is full", || !kernel.core.outbox.has_room());
        let heartbeat = client.heartbeat();
        send(&heartbeat, &[Bytes::from_static(b"alive?")]);
        assert_eq!(receive(&heartbeat), ["alive?"]);
        client.assert_alive(Control);
        client.assert_alive(Shell);
        let msg_id = client.execute("");
        let request = kernel.next_request();
        kernel.serve(&request, r#"{"status":"ok"}"#);
        assert_eq!(
            client.receive(Shell).parent_id(),
            msg_id,
            "replies do not wait"
        );
        assert!(written.load(Ordering::SeqCst) < MESSAGES, "the writer does");
        let most = usize::try_from(kernel.count("outbox_most_bytes")).unwrap();
        assert!(most < MAX_BYTES + 2 * SIZE_BYTES, "{most} bytes waited");
        for number in 0..MESSAGES {
            assert_eq!(next_number(&client), number);
        }
    });
    assert_eq!(kernel.count("dropped"), 0);
}

#[test]
fn a_writer_that_waits_ends_with_an_error_when_the_core_closes() {
    let kernel = kernel(usize::MAX);
    let client = Client::slow(&kernel);
    let core = Arc::clone(&kernel.core);
    let writer = std::thread::spawn(move || {
        let mut pause = || {
            core.nap();
            Ok(())
        };
        numbered(&core).find_map(|message| core.publish(message, &mut pause).err())
    });
    eventually("the outbox is full", || !kernel.core.outbox.has_room());
    kernel.core.close(Duration::from_millis(10));
    let refused = writer.join().unwrap();
    assert!(matches!(refused, Some(Error::Closed)), "{refused:?}");
    assert_eq!(next_number(&client), 0);
}

#[test]
fn a_pause_ends_the_wait_of_a_writer() {
    let kernel = kernel(usize::MAX);
    let _client = Client::slow(&kernel);
    let mut pause = || Err(Error::Interrupted);
    let refused =
        numbered(&kernel.core).find_map(|message| kernel.core.publish(message, &mut pause).err());
    assert!(matches!(refused, Some(Error::Interrupted)), "{refused:?}");
}

/// Type and stream text of the next publication; large contents are not parsed.
fn next_shown(client: &Client) -> String {
    let wire = receive(&client.iopub);
    if wire.iter().map(Bytes::len).max() > Some(SIZE_BYTES) {
        return "large".into();
    }
    client.open(wire).shown()
}

#[test]
fn after_its_time_a_stalled_subscriber_is_given_up_until_it_reads_again() {
    let kernel = kernel(usize::MAX);
    let stalled = Client::slow(&kernel);
    let reading = Client::of(&kernel);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for message in numbered(&kernel.core) {
                let mut pause = || {
                    kernel.core.nap();
                    Ok(())
                };
                kernel.core.publish(message, &mut pause).unwrap();
            }
        });
        for number in 0..MESSAGES {
            assert_eq!(next_number(&reading), number, "who reads misses nothing");
        }
    });
    eventually("it is counted", || kernel.count("dropped") > 0);
    assert!(kernel.log().contains("stopped reading"));
    std::thread::scope(|scope| {
        let reads_again = scope.spawn(move || while next_shown(&stalled) != "probe" {});
        eventually("who reads again gets what is published then", || {
            let message = publication(&kernel.core, "probe", Bytes::from_static(b"{}"));
            kernel.core.outbox.push(message).unwrap();
            while next_shown(&reading) != "probe" {}
            reads_again.is_finished()
        });
    });
}

#[test]
fn a_backlog_has_a_bound_in_bytes_and_what_is_left_out_is_told_and_kept() {
    const MOST: usize = 16 * SIZE_BYTES;
    let kernel = kernel(MOST);
    let _stalled = Client::slow(&kernel);
    let reading = Client::of(&kernel);
    let msg_id = reading.execute("");
    let request = kernel.next_request();
    kernel.core.enter(&request).unwrap();
    let content = Bytes::from(format!("{{\"x\":\"{}\"}}", "x".repeat(SIZE_BYTES)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..100 {
                kernel.publish(&request, "display_data", content.clone());
            }
            kernel.publish(&request, "small", Bytes::from_static(b"{}"));
            kernel.reply(&request, r#"{"status":"ok"}"#);
            kernel.core.leave(&request).unwrap();
        });
        let seen: Vec<_> = std::iter::repeat_with(|| next_shown(&reading))
            .take_while(|shown| shown != "idle")
            .collect();
        let count = |what: &str| seen.iter().filter(|shown| *shown == what).count();
        let large = count("large") as u64;
        eventually("what is not there is counted", || {
            large + kernel.count("left_out") == 100
        });
        // What the system's buffers take beside the bound is small.
        let most = 2 * (MOST / SIZE_BYTES) as u64;
        assert!((16..=most).contains(&large), "{large}");
        assert_eq!((count("busy"), count("small")), (1, 1));
        let notices = seen
            .iter()
            .filter(|shown| shown.contains("left out for all"));
        assert!((1..20).contains(&notices.count()), "{seen:?}");
        assert!(seen.last().unwrap().starts_with("stderr:"), "{seen:?}");
    });
    eventually("it is logged", || {
        kernel.log().contains("large messages are left out")
    });
    assert_eq!(reading.receive(Shell).parent_id(), msg_id);
    reading.ask(Control, "replay_request", &json!({"msg_id": msg_id}));
    let page = reading.receive(Control).content;
    assert_eq!(
        page["last_seq"], 103,
        "what was left out counts as published"
    );
}
