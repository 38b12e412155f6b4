//! CURVE between ROUTER and DEALER.

use ipyrust_zmq::{CurveKeys, SocketKind, has};

use crate::support::*;

#[test]
fn the_right_server_key_opens_the_way() {
    if !has("curve") {
        return;
    }
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    let server = CurveKeys::generate().unwrap();
    router.set_curve_server(&server).unwrap();
    dealer
        .set_curve_client(&server.public, &CurveKeys::generate().unwrap())
        .unwrap();
    dealer.connect(&bind_tcp(&router)).unwrap();
    send(&dealer, &["secret"]);
    let request = receive(&router);
    assert_eq!(request[1], "secret");
    router
        .send_blocking(&request)
        .map(|sent| assert_eq!(sent, ipyrust_zmq::Sent::Yes))
        .unwrap();
    assert_eq!(receive(&dealer), frames(&["secret"]));
}

#[test]
fn a_wrong_server_key_opens_nothing() {
    if !has("curve") {
        return;
    }
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    router
        .set_curve_server(&CurveKeys::generate().unwrap())
        .unwrap();
    let wrong = CurveKeys::generate().unwrap();
    dealer
        .set_curve_client(&wrong.public, &CurveKeys::generate().unwrap())
        .unwrap();
    dealer.connect(&bind_tcp(&router)).unwrap();
    send(&dealer, &["secret"]);
    assert_silent(&router);
}

#[test]
fn a_client_without_keys_is_not_heard() {
    if !has("curve") {
        return;
    }
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    router
        .set_curve_server(&CurveKeys::generate().unwrap())
        .unwrap();
    dealer.connect(&bind_tcp(&router)).unwrap();
    send(&dealer, &["plain"]);
    assert_silent(&router);
}

#[test]
fn refuses_malformed_keys() {
    let context = context();
    let dealer = socket(&context, SocketKind::Dealer);
    let keys = CurveKeys {
        public: "short".into(),
        secret: "short".into(),
    };
    assert!(
        dealer
            .set_curve_server(&keys)
            .unwrap_err()
            .is_unsupported_or_invalid()
    );
    assert!(
        dealer
            .set_curve_client("short", &keys)
            .unwrap_err()
            .is_unsupported_or_invalid()
    );
}
