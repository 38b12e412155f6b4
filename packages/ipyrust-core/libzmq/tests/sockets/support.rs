//! What the tests share: connected pairs, and waits that end by themselves.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use ipyrust_zmq::{Context, Interest, PollItem, Sent, Socket, SocketKind, Wait, poll};

/// Longer than anything here takes; only a failing test waits so long.
pub const PATIENCE_MS: i32 = 10_000;

/// Long enough for a message on this machine to arrive, for tests that assert that none does.
pub const MOMENT_MS: i32 = 300;

pub fn context() -> Context {
    Context::new(1).unwrap()
}

/// A socket whose blocking calls give up.
pub fn socket(context: &Context, kind: SocketKind) -> Socket {
    let socket = context.socket(kind).unwrap();
    socket.set_receive_timeout_ms(PATIENCE_MS).unwrap();
    socket.set_send_timeout_ms(PATIENCE_MS).unwrap();
    socket
}

/// Binds to a free port and returns where.
pub fn bind_tcp(socket: &Socket) -> String {
    socket.bind("tcp://127.0.0.1:*").unwrap();
    socket.last_endpoint().unwrap()
}

pub fn frames(contents: &[&str]) -> Vec<Bytes> {
    contents
        .iter()
        .map(|&content| Bytes::copy_from_slice(content.as_bytes()))
        .collect()
}

pub fn send(socket: &Socket, contents: &[&str]) {
    assert_eq!(socket.send_blocking(&frames(contents)).unwrap(), Sent::Yes);
}

pub fn receive(socket: &Socket) -> Vec<Bytes> {
    socket
        .receive(Wait::Yes)
        .unwrap()
        .expect("a message in time")
}

/// Waits a moment for a message that must not come.
pub fn assert_silent(socket: &Socket) {
    let mut items = [PollItem::socket(socket, Interest::READABLE)];
    assert_eq!(poll(&mut items, MOMENT_MS.into()).unwrap(), 0);
    assert_eq!(socket.receive(Wait::No).unwrap(), None);
}

/// A file name of its own, removed when dropped.
pub struct SocketFile(PathBuf);

impl SocketFile {
    pub fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("ipyrust-zmq-{}-{number}", std::process::id())))
    }

    pub fn endpoint(&self) -> String {
        format!("ipc://{}", self.0.display())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
