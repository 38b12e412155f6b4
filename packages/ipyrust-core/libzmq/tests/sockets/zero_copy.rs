//! Large frames: handed over as they are, unharmed, and freed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use ipyrust_zmq::{Sent, SocketKind, ZERO_COPY_BYTES};

use crate::support::*;

/// Bytes that report when they are freed.
struct Watched {
    content: Arc<Vec<u8>>,
    freed: Sender<()>,
}

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.freed.send(());
    }
}

fn watched(size: usize) -> (Bytes, Arc<Vec<u8>>, Receiver<()>) {
    let content = Arc::new(
        (0..size)
            .map(|index| index.to_le_bytes()[0])
            .collect::<Vec<_>>(),
    );
    let (freed, receiver) = channel();
    (
        Bytes::from_owner(Watched {
            content: content.clone(),
            freed,
        }),
        content,
        receiver,
    )
}

#[test]
fn a_large_frame_arrives_equal_and_is_freed_once() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    dealer.connect(&bind_tcp(&router)).unwrap();
    let (large, content, freed) = watched(5_000_000);
    assert_eq!(
        dealer.send_blocking(&["head".into(), large]).unwrap(),
        Sent::Yes
    );
    let received = receive(&router);
    assert_eq!(received[1], "head");
    assert_eq!(received[2], *content);
    freed.recv_timeout(Duration::from_secs(10)).expect("freed");
    assert!(
        freed.recv_timeout(Duration::from_secs(10)).is_err(),
        "freed twice"
    );
}

#[test]
fn the_threshold_is_exact() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    dealer.connect(&bind_tcp(&router)).unwrap();
    for size in [
        0,
        1,
        33,
        34,
        ZERO_COPY_BYTES - 1,
        ZERO_COPY_BYTES,
        ZERO_COPY_BYTES + 1,
    ] {
        let (frame, content, freed) = watched(size);
        assert_eq!(
            dealer.send_blocking(std::slice::from_ref(&frame)).unwrap(),
            Sent::Yes
        );
        drop(frame);
        let received = receive(&router);
        assert_eq!(received[1], *content);
        freed.recv_timeout(Duration::from_secs(10)).expect("freed");
    }
}

#[test]
fn a_refused_message_stays_with_the_caller() {
    let context = context();
    let dealer = socket(&context, SocketKind::Dealer);
    let (large, _, freed) = watched(ZERO_COPY_BYTES);
    let message = [large];
    assert_eq!(dealer.send(&message).unwrap(), Sent::WouldBlock);
    assert!(freed.try_recv().is_err(), "the caller still has it");
    drop(message);
    assert!(freed.try_recv().is_ok(), "libzmq kept it");
}

#[test]
fn what_was_never_delivered_is_freed_with_the_context() {
    let context = context();
    let dealer = socket(&context, SocketKind::Dealer);
    dealer.connect("tcp://127.0.0.1:9").unwrap();
    let (large, _, freed) = watched(ZERO_COPY_BYTES);
    assert_eq!(dealer.send(&[large]).unwrap(), Sent::Yes);
    assert!(freed.try_recv().is_err());
    drop(dealer);
    drop(context);
    assert!(freed.try_recv().is_ok());
}

#[test]
fn received_frames_outlive_their_socket_and_context() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    dealer.connect(&bind_tcp(&router)).unwrap();
    let (large, content, _freed) = watched(1_000_000);
    assert_eq!(
        dealer.send_blocking(&[large, "small".into()]).unwrap(),
        Sent::Yes
    );
    let received = receive(&router);
    drop((router, dealer, context));
    let moved = std::thread::spawn(move || received);
    let received = moved.join().unwrap();
    assert_eq!(received[1], *content);
    assert_eq!(received[2], "small");
}

#[test]
fn one_large_frame_goes_to_many_subscribers() {
    let context = context();
    let publisher = socket(&context, SocketKind::Xpub);
    publisher.set_xpub_verbose(true).unwrap();
    let endpoint = bind_tcp(&publisher);
    let subscribers = [(); 3].map(|()| {
        let subscriber = socket(&context, SocketKind::Sub);
        subscriber.set_subscribe(b"").unwrap();
        subscriber.connect(&endpoint).unwrap();
        receive(&publisher);
        subscriber
    });
    let (large, content, freed) = watched(1_000_000);
    assert_eq!(publisher.send(&["topic".into(), large]).unwrap(), Sent::Yes);
    for subscriber in &subscribers {
        assert_eq!(receive(subscriber)[1], *content);
    }
    freed.recv_timeout(Duration::from_secs(10)).expect("freed");
}
