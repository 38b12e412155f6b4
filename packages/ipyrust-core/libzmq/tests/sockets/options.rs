//! Options that have no other test: each is taken by the kind of socket it is for.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use ipyrust_zmq::{Interest, PollItem, SocketKind, poll};

use crate::support::*;

#[test]
fn every_option_is_accepted() {
    let context = context();
    let router = socket(&context, SocketKind::Router);
    router.set_linger_ms(0).unwrap();
    router.set_ipv6(true).unwrap();
    router.set_immediate(true).unwrap();
    router.set_handshake_interval_ms(1_000).unwrap();
    router.set_tcp_keepalive_idle_seconds(60).unwrap();
    router.set_router_handover(true).unwrap();
    assert_eq!(router.kind(), SocketKind::Router);
}

#[test]
fn an_option_of_another_kind_is_refused() {
    let context = context();
    let router = socket(&context, SocketKind::Router);
    let error = router.set_subscribe(b"").unwrap_err();
    assert!(error.is_unsupported_or_invalid());
    assert_eq!(
        error.to_string(),
        "cannot set socket option subscribe: Invalid argument"
    );
}

#[test]
fn a_frame_over_the_bound_cuts_the_peer_off() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    router.set_max_message_bytes(1_000).unwrap();
    dealer.connect(&bind_tcp(&router)).unwrap();
    send(&dealer, &["fits"]);
    assert_eq!(receive(&router)[1], "fits");
    send(&dealer, &[&"x".repeat(1_001)]);
    assert_silent(&router);
}

#[test]
fn a_lingering_message_is_sent_after_its_socket_is_closed() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    dealer.set_linger_ms(PATIENCE_MS).unwrap();
    dealer.connect(&bind_tcp(&router)).unwrap();
    send(&dealer, &["goodbye"]);
    drop(dealer);
    assert_eq!(receive(&router)[1], "goodbye");
}

#[test]
fn unbinding_frees_the_endpoint() {
    let file = SocketFile::new();
    let context = context();
    let (first, second) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Router),
    );
    first.bind(&file.endpoint()).unwrap();
    first.unbind(&file.endpoint()).unwrap();
    assert!(first.unbind(&file.endpoint()).is_err());
    let (_bell, ear) = UnixStream::pair().unwrap();
    let mut clock = [PollItem::fd(ear.as_fd(), Interest::READABLE)];
    // libzmq frees it on its own thread, so the wait is for that.
    while second.bind(&file.endpoint()).is_err() {
        poll(&mut clock, 1).unwrap();
    }
}
