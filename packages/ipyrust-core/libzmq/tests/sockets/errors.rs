//! What libzmq refuses, and how it reads.

use ipyrust_zmq::{Context, SocketKind, Wait, has, version};

use crate::support::*;

#[test]
fn a_taken_port_is_address_in_use() {
    let context = context();
    let (first, second) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Router),
    );
    let endpoint = bind_tcp(&first);
    let error = second.bind(&endpoint).unwrap_err();
    assert!(error.is_address_in_use());
    assert_eq!(
        error.to_string(),
        format!("cannot bind {endpoint}: Address already in use")
    );
}

#[test]
fn a_foreign_address_is_not_available() {
    let context = context();
    let error = socket(&context, SocketKind::Router)
        .bind("tcp://203.0.113.1:0")
        .unwrap_err();
    assert!(error.is_address_not_available(), "{error}");
}

#[test]
fn malformed_endpoints_are_invalid() {
    let context = context();
    let router = socket(&context, SocketKind::Router);
    for endpoint in [
        "",
        "no transport",
        "tcp://127.0.0.1:notaport",
        "nul://\0",
        "quux://x",
    ] {
        assert!(
            router
                .bind(endpoint)
                .unwrap_err()
                .is_unsupported_or_invalid(),
            "{endpoint:?}"
        );
    }
    assert_eq!(router.last_endpoint().unwrap(), "");
}

#[test]
fn an_ipc_path_without_its_folder_fails() {
    let context = context();
    let router = socket(&context, SocketKind::Router);
    let error = router.bind("ipc:///no/such/folder/socket").unwrap_err();
    assert_eq!(error.errno(), libc::ENOENT);
}

#[test]
fn a_message_without_frames_is_invalid() {
    let context = context();
    assert!(
        socket(&context, SocketKind::Pair)
            .send(&[])
            .unwrap_err()
            .is_unsupported_or_invalid()
    );
}

#[test]
fn shutdown_ends_a_waiting_call() {
    let context = context();
    let router = context.socket(SocketKind::Router).unwrap();
    bind_tcp(&router);
    let waiting = std::thread::spawn(move || router.receive(Wait::Yes));
    context.shutdown();
    context.shutdown();
    assert!(waiting.join().unwrap().unwrap_err().is_terminated());
    assert!(
        context
            .socket(SocketKind::Router)
            .unwrap_err()
            .is_terminated()
    );
}

#[test]
fn a_negative_thread_count_is_invalid() {
    assert!(Context::new(-1).unwrap_err().is_unsupported_or_invalid());
}

#[test]
fn libzmq_is_new_enough_and_has_what_we_need() {
    assert!(version() >= (4, 3, 4));
    assert!(has("ipc"));
    assert!(!has("no such thing") && !has("nul\0"));
    if cfg!(feature = "vendored") && std::env::var_os("IPYRUST_LIBZMQ").is_none() {
        assert_eq!(version(), (4, 3, 5));
        assert!(has("curve"));
        assert!(!has("draft"));
    }
}
