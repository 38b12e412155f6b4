//! A launcher's registration file: the launcher is told what was bound, and its file stays as it is.

use std::thread::JoinHandle;

use bytes::Bytes;
use ipyrust_engine::Error;
use ipyrust_engine::frames::DELIMITER;
use ipyrust_engine::message::Channel::Shell;
use ipyrust_engine::signature::Signer;
use ipyrust_zmq::{Context, SocketKind, Wait};
use serde_json::{Value, json};

use crate::common::{Client, KEY, Kernel};

/// A launcher that answers one kernel with this content, and what it was told.
fn launcher(answer: &'static str) -> (u16, JoinHandle<Value>) {
    let context = Context::new(1).unwrap();
    let socket = context.socket(SocketKind::Router).unwrap();
    socket.set_receive_timeout_ms(20_000).unwrap();
    socket.bind("tcp://127.0.0.1:*").unwrap();
    let endpoint = socket.last_endpoint().unwrap();
    let port = endpoint.rsplit(':').next().unwrap().parse().unwrap();
    let told = std::thread::spawn(move || {
        let frames = socket.receive(Wait::Yes).unwrap().unwrap();
        let [route, delimiter, signature, content] = frames.as_slice() else {
            panic!("{frames:?}");
        };
        let signer = Signer::new("hmac-sha256", KEY.as_bytes()).unwrap();
        assert_eq!(delimiter, DELIMITER);
        assert_eq!(*signature, signer.sign([content, b"", b"", b""]));
        let digest = signer.sign([answer.as_bytes(), b"", b"", b""]);
        let reply = [
            route.clone(),
            delimiter.clone(),
            digest,
            Bytes::from(answer),
        ];
        let _ = socket.send_blocking(&reply).unwrap();
        drop(socket);
        drop(context);
        serde_json::from_slice(content).unwrap()
    });
    (port, told)
}

fn fields(port: u16) -> Value {
    json!({"registration_ip": "127.0.0.1", "registration_port": port, "kernel_id": "k"})
}

#[test]
fn the_launcher_is_told_what_is_bound() {
    let (port, told) = launcher("ACK");
    let kernel = Kernel::with(fields(port));
    let told = told.join().unwrap();
    let info = kernel.core.connection_info();
    assert_eq!(told["kernel_id"], "k");
    for name in [
        "shell_port",
        "iopub_port",
        "stdin_port",
        "control_port",
        "hb_port",
    ] {
        assert_eq!(told[name], info[name].to_string());
    }
    assert!(info.get("registration_port").is_none());
    let file = std::fs::read(kernel.core.connection_path()).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    assert!(file.get("shell_port").is_none(), "the launcher's file");
    Client::first_of(&kernel).assert_alive(Shell);
}

#[test]
fn a_refusal_ends_the_start() {
    let (port, told) = launcher(r#"{"status": "error", "error": "no room"}"#);
    let error = Kernel::try_with(&fields(port)).err().unwrap();
    told.join().unwrap();
    match error {
        Error::Registration { endpoint, problem } => {
            assert_eq!(endpoint, format!("tcp://127.0.0.1:{port}"));
            assert_eq!(problem, "the launcher refuses: no room");
        }
        other => panic!("{other}"),
    }
}
