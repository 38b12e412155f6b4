//! ROUTER and DEALER: round trips, who is reachable, whose identity it is.

use ipyrust_zmq::{Interest, PollItem, Sent, Socket, SocketKind, Wait, poll};

use crate::support::*;

fn round_trip(router: &Socket, dealer: &Socket) {
    send(dealer, &["", "request", "7"]);
    let request = receive(router);
    assert_eq!(request[1..], frames(&["", "request", "7"]));
    let reply = [request[0].clone(), "reply".into()];
    assert_eq!(router.send(&reply).unwrap(), Sent::Yes);
    assert_eq!(receive(dealer), frames(&["reply"]));
}

#[test]
fn round_trip_over_tcp() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    dealer.connect(&bind_tcp(&router)).unwrap();
    round_trip(&router, &dealer);
}

#[test]
fn round_trip_over_ipc() {
    let file = SocketFile::new();
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    router.bind(&file.endpoint()).unwrap();
    assert_eq!(router.last_endpoint().unwrap(), file.endpoint());
    dealer.connect(&file.endpoint()).unwrap();
    round_trip(&router, &dealer);
}

#[test]
fn ipc_wildcard_finds_a_name() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    router.bind("ipc://*").unwrap();
    dealer.connect(&router.last_endpoint().unwrap()).unwrap();
    round_trip(&router, &dealer);
}

#[test]
fn req_and_rep_take_turns() {
    let context = context();
    let (rep, req) = (
        socket(&context, SocketKind::Rep),
        socket(&context, SocketKind::Req),
    );
    req.connect(&bind_tcp(&rep)).unwrap();
    assert!(rep.send(&frames(&["too early"])).is_err());
    send(&req, &["beat"]);
    assert_eq!(receive(&rep), frames(&["beat"]));
    send(&rep, &["beat"]);
    assert_eq!(receive(&req), frames(&["beat"]));
}

#[test]
fn receive_without_waiting_finds_nothing() {
    let context = context();
    let router = socket(&context, SocketKind::Router);
    bind_tcp(&router);
    assert_eq!(router.receive(Wait::No).unwrap(), None);
}

#[test]
fn receive_gives_up_after_its_timeout() {
    let context = context();
    let router = socket(&context, SocketKind::Router);
    router.set_receive_timeout_ms(1).unwrap();
    assert_eq!(router.receive(Wait::Yes).unwrap(), None);
}

#[test]
fn optional_routing_drops_in_silence() {
    let context = context();
    let router = socket(&context, SocketKind::Router);
    assert_eq!(
        router.send(&frames(&["nobody", "hello"])).unwrap(),
        Sent::Yes
    );
}

#[test]
fn mandatory_routing_reports_an_unknown_peer() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    router.set_router_mandatory(true).unwrap();
    dealer.connect(&bind_tcp(&router)).unwrap();
    assert_eq!(
        router.send(&frames(&["nobody", "hello"])).unwrap(),
        Sent::Unroutable
    );
    round_trip(&router, &dealer);
}

#[test]
fn mandatory_routing_reports_a_full_peer_and_loses_nothing() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    router.set_router_mandatory(true).unwrap();
    router.set_send_high_water_mark(2).unwrap();
    dealer.set_receive_high_water_mark(2).unwrap();
    dealer.set_identity(b"slow").unwrap();
    dealer.connect(&bind_tcp(&router)).unwrap();
    send(&dealer, &["here I am"]);
    receive(&router);

    let body = "x".repeat(20_000);
    let numbered = |number: u32| frames(&["slow", &number.to_string(), &body]);
    router.set_send_timeout_ms(MOMENT_MS).unwrap();
    let mut sent = 0;
    while router.send_blocking(&numbered(sent)).unwrap() == Sent::Yes {
        sent += 1;
    }
    router.set_send_timeout_ms(PATIENCE_MS).unwrap();
    assert_eq!(router.send(&numbered(sent)).unwrap(), Sent::WouldBlock);
    for number in 0..sent {
        assert_eq!(receive(&dealer), frames(&[&number.to_string(), &body]));
    }
    assert_eq!(router.send_blocking(&numbered(sent)).unwrap(), Sent::Yes);
    assert_eq!(receive(&dealer), frames(&[&sent.to_string(), &body]));
    assert_silent(&dealer);
}

#[test]
fn handover_gives_the_identity_to_the_newcomer() {
    let context = context();
    let router = socket(&context, SocketKind::Router);
    router.set_router_handover(true).unwrap();
    let endpoint = bind_tcp(&router);
    let [first, second] = [(); 2].map(|()| {
        let dealer = socket(&context, SocketKind::Dealer);
        dealer.set_identity(b"client").unwrap();
        dealer.connect(&endpoint).unwrap();
        send(&dealer, &["hello"]);
        assert_eq!(receive(&router), frames(&["client", "hello"]));
        dealer
    });
    send(&router, &["client", "welcome"]);
    assert_eq!(receive(&second), frames(&["welcome"]));
    assert_silent(&first);
}

#[test]
fn a_dealer_without_peers_would_block() {
    let context = context();
    let dealer = socket(&context, SocketKind::Dealer);
    let message = frames(&["a", "b", "c"]);
    assert_eq!(dealer.send(&message).unwrap(), Sent::WouldBlock);
    assert!(!dealer.events().unwrap().writable);
    let router = socket(&context, SocketKind::Router);
    dealer.connect(&bind_tcp(&router)).unwrap();
    let mut items = [PollItem::socket(&dealer, Interest::WRITABLE)];
    assert_eq!(poll(&mut items, PATIENCE_MS.into()).unwrap(), 1);
    assert_eq!(dealer.send(&message).unwrap(), Sent::Yes);
    assert_eq!(receive(&router)[1..], message);
}

#[test]
fn sockets_move_between_threads() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    dealer.connect(&bind_tcp(&router)).unwrap();
    send(&dealer, &["from here"]);
    let served = std::thread::spawn(move || {
        let request = receive(&router);
        assert_eq!(router.send(&request).unwrap(), Sent::Yes);
        receive(&router)
    });
    assert_eq!(receive(&dealer), frames(&["from here"]));
    send(&dealer, &["last"]);
    assert_eq!(served.join().unwrap()[1..], frames(&["last"]));
}
