//! What the tests share: a kernel without a language, and a client that speaks to it over real sockets.
//!
//! Nothing here sleeps to wait for something: sockets have a receive timeout, and [`eventually`] asks again until a
//! deadline.

use std::cell::Cell;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use ipyrust_engine::error::Result;
use ipyrust_engine::frames::{DELIMITER, Frames};
use ipyrust_engine::message::{Channel, Request};
use ipyrust_engine::outbox::{Outgoing, StreamName};
use ipyrust_engine::publisher::BACKLOG_BYTES;
use ipyrust_engine::queue::RequestQueue;
use ipyrust_engine::signature::Signer;
use ipyrust_engine::{Core, Options};
use ipyrust_zmq::{Context, CurveKeys, Interest, PollItem, Sent, Socket, SocketKind, Wait, poll};
use serde_json::{Map, Value, json};

/// Longer than anything here takes on a busy machine; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// For tests that assert that nothing comes.
pub const MOMENT: Duration = Duration::from_millis(100);
/// Key of connection files that do not say otherwise.
pub const KEY: &str = "sesame";

/// The code that a forced exit would have ended the process with; 0 is stored as -1.
pub static FORCED_EXIT: AtomicI32 = AtomicI32::new(0);

fn note_forced_exit(code: i32) {
    FORCED_EXIT.store(if code == 0 { -1 } else { code }, Ordering::SeqCst);
}

/// Ask until it is true; fails the test at the deadline.
pub fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::yield_now();
    }
}

/// A directory of its own, removed when dropped.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ipyrust-engine-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Write a connection file; fields that are not given are loopback tcp, ports to be chosen and [`KEY`].
    pub fn connection_file(&self, fields: &Value) -> PathBuf {
        let mut content =
            json!({"transport": "tcp", "key": KEY, "signature_scheme": "hmac-sha256"});
        for (name, value) in fields.as_object().into_iter().flatten() {
            content[name] = value.clone();
        }
        let path = self.0.join("connection.json");
        std::fs::write(&path, content.to_string()).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

static FATAL: ipyrust_engine::fatal::Fatal = ipyrust_engine::fatal::Fatal::new();

/// What a test may say about the kernel that it starts.
pub struct Setup {
    pub connection_file: PathBuf,
    pub parent_pid: Option<u32>,
    pub stop_grace: Duration,
    pub replay_bytes: usize,
    pub backlog_bytes: usize,
}

impl Setup {
    /// Start a core, with a log in the connection file's directory.
    pub fn start(self, control_needed: Arc<AtomicBool>) -> Result<Arc<Core>> {
        let log = std::fs::File::create(self.connection_file.with_extension("log")).unwrap();
        Core::start(Options {
            connection_file: self.connection_file,
            registered_file: None,
            kernel_info: Bytes::from_static(br#"{"status":"ok","implementation":"test"}"#),
            log_fd: log.into(),
            parent_pid: self.parent_pid,
            capture_fds: false,
            stop_grace: self.stop_grace,
            replay_bytes: self.replay_bytes,
            backlog_bytes: self.backlog_bytes,
            username: "kernel".into(),
            force_exit: note_forced_exit,
            fatal: &FATAL,
            ask_for_stacks: || false,
            control_needed: Box::new(move || control_needed.store(true, Ordering::SeqCst)),
        })
    }
}

/// A core that is closed at the end of the test.
pub struct Kernel {
    pub core: Arc<Core>,
    pub directory: Directory,
    pub control_needed: Arc<AtomicBool>,
}

impl Kernel {
    pub fn start() -> Self {
        Self::with(json!({}))
    }

    /// With these fields in its connection file.
    pub fn with(fields: Value) -> Self {
        Self::try_with(&fields).unwrap()
    }

    pub fn try_with(fields: &Value) -> Result<Self> {
        Self::with_backlog(fields, BACKLOG_BYTES)
    }

    /// With another bound for the bytes on their way to subscribers.
    pub fn with_backlog(fields: &Value, backlog_bytes: usize) -> Result<Self> {
        let directory = Directory::new();
        let connection_file = directory.connection_file(fields);
        Self::from_setup(
            directory,
            Setup {
                connection_file,
                parent_pid: None,
                stop_grace: Duration::from_secs(60),
                replay_bytes: 1 << 20,
                backlog_bytes,
            },
        )
    }

    pub fn from_setup(directory: Directory, setup: Setup) -> Result<Self> {
        let control_needed = Arc::new(AtomicBool::new(false));
        let core = setup.start(Arc::clone(&control_needed))?;
        Ok(Self {
            core,
            directory,
            control_needed,
        })
    }

    /// The next request for the main thread.
    pub fn next_request(&self) -> Arc<Request> {
        self.next_of(&self.core.shell)
    }

    /// The next request of a queue; waits for it.
    pub fn next_of(&self, queue: &RequestQueue) -> Arc<Request> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(request) = self.core.take(queue, false).unwrap() {
                return request;
            }
            assert!(Instant::now() < deadline, "no request arrived");
            let mut items = [PollItem::fd(queue.as_fd(), Interest::READABLE)];
            poll(&mut items, 100).unwrap();
        }
    }

    /// Reply `content` between busy and idle.
    pub fn serve(&self, request: &Arc<Request>, content: &'static str) {
        self.core.enter(request).unwrap();
        self.reply(request, content);
        self.core.leave(request).unwrap();
    }

    pub fn reply(&self, request: &Arc<Request>, content: &'static str) {
        let (content, metadata) = (Bytes::from_static(content.as_bytes()), object());
        self.core.reply(request, content, metadata, vec![]).unwrap();
    }

    /// Write text as a cell would, waiting for room.
    pub fn print(&self, request: &Arc<Request>, text: &str) {
        let parent = Some(Arc::clone(request));
        let mut pause = || {
            self.core.nap();
            Ok(())
        };
        self.core
            .write_stream(&parent, StreamName::Stdout, text, &mut pause)
            .unwrap();
    }

    /// Publish as a cell would, waiting for room.
    pub fn publish(&self, request: &Arc<Request>, msg_type: &'static str, content: Bytes) {
        let mut message = publication(&self.core, msg_type, content);
        message.parent = Some(Arc::clone(request));
        let mut pause = || {
            self.core.nap();
            Ok(())
        };
        self.core.publish(message, &mut pause).unwrap();
    }

    /// One of [`Core::counts`].
    pub fn count(&self, name: &str) -> u64 {
        let counts = self.core.counts();
        let found = counts.iter().find(|(each, _)| *each == name);
        found.unwrap_or_else(|| panic!("no count {name}")).1
    }

    /// What the kernel has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.core.connection_path().with_extension("log")).unwrap()
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.core.close(Duration::from_millis(100));
    }
}

/// An IOPub message without a parent.
pub fn publication(core: &Core, msg_type: &'static str, content: Bytes) -> Outgoing {
    Outgoing {
        made: SystemTime::now(),
        channel: Channel::Iopub,
        prefix: vec![core.topic(msg_type)],
        msg_type: msg_type.into(),
        parent: None,
        metadata: object(),
        content,
        buffers: vec![],
    }
}

/// An empty JSON object.
pub fn object() -> Bytes {
    Bytes::from_static(b"{}")
}

/// One received message, its signature checked.
#[derive(Debug)]
pub struct Message {
    /// What stood before the delimiter: nothing on a DEALER, the topic on a SUB.
    pub prefix: Vec<Bytes>,
    pub header: Value,
    pub parent_header: Value,
    pub metadata: Value,
    pub content: Value,
    pub buffers: Vec<Bytes>,
}

impl Message {
    pub fn msg_type(&self) -> &str {
        self.header["msg_type"].as_str().unwrap()
    }

    pub fn parent_id(&self) -> &str {
        self.parent_header["msg_id"].as_str().unwrap_or_default()
    }

    /// `busy`, `stdout:text` or the type: what a transcript shows of it.
    pub fn shown(&self) -> String {
        let text = |name: &str| self.content[name].as_str().unwrap_or_default();
        match self.msg_type() {
            "status" => text("execution_state").to_owned(),
            "stream" => format!("{}:{}", text("name"), text("text")),
            other => other.to_owned(),
        }
    }
}

/// A client with all five sockets.
pub struct Client {
    pub context: Context,
    pub shell: Socket,
    pub control: Socket,
    pub stdin: Socket,
    pub iopub: Socket,
    info: Map<String, Value>,
    signer: Signer,
    identity: String,
    sent: Cell<u32>,
}

impl Client {
    /// Connect, and wait until the kernel has greeted the subscription.
    pub fn of(kernel: &Kernel) -> Self {
        let client = Self::named(&kernel.core.connection_info(), &new_identity());
        let welcome = client.published();
        assert_eq!(welcome.msg_type(), "iopub_welcome");
        client
    }

    /// The first client of a kernel, which hears `starting`, too.
    pub fn first_of(kernel: &Kernel) -> Self {
        let client = Self::of(kernel);
        assert_eq!(client.published().shown(), "starting");
        client
    }

    /// Connect under a name of choice and wait for nothing.
    pub fn named(info: &Value, identity: &str) -> Self {
        Self::with_room_for(info, identity, 0)
    }

    /// A client that keeps one publication in memory and leaves the others to the kernel until it is asked for them.
    pub fn slow(kernel: &Kernel) -> Self {
        let client = Self::with_room_for(&kernel.core.connection_info(), &new_identity(), 1);
        for expected in ["iopub_welcome", "starting"] {
            assert_eq!(client.published().shown(), expected);
        }
        client
    }

    fn with_room_for(info: &Value, identity: &str, publications: i32) -> Self {
        let info = info.as_object().unwrap().clone();
        let context = Context::new(1).unwrap();
        let dealer = |port: &str| {
            let socket = connecting(&context, SocketKind::Dealer, &info);
            socket.set_identity(identity.as_bytes()).unwrap();
            socket.connect(&endpoint(&info, port)).unwrap();
            socket
        };
        let (shell, control, stdin) = (
            dealer("shell_port"),
            dealer("control_port"),
            dealer("stdin_port"),
        );
        let scheme = info["signature_scheme"].as_str().unwrap();
        Self {
            iopub: subscriber(&context, &info, b"", publications),
            signer: Signer::new(scheme, info["key"].as_str().unwrap().as_bytes()).unwrap(),
            context,
            shell,
            control,
            stdin,
            info,
            identity: identity.to_owned(),
            sent: Cell::new(0),
        }
    }

    /// A further subscription on a socket of its own.
    pub fn subscribe(&self, topic: &[u8]) -> Socket {
        subscriber(&self.context, &self.info, topic, 0)
    }

    /// A heartbeat socket.
    pub fn heartbeat(&self) -> Socket {
        let socket = connecting(&self.context, SocketKind::Req, &self.info);
        socket.connect(&endpoint(&self.info, "hb_port")).unwrap();
        socket
    }

    /// A DEALER of another name, connected to one port only.
    pub fn dealer(&self, identity: &str, port: &str) -> Socket {
        let socket = connecting(&self.context, SocketKind::Dealer, &self.info);
        socket.set_identity(identity.as_bytes()).unwrap();
        socket.connect(&endpoint(&self.info, port)).unwrap();
        socket
    }

    fn socket(&self, channel: Channel) -> &Socket {
        match channel {
            Channel::Shell => &self.shell,
            Channel::Control => &self.control,
            Channel::Stdin => &self.stdin,
            Channel::Iopub => &self.iopub,
        }
    }

    /// Send a request; returns its msg_id.
    pub fn ask(&self, channel: Channel, msg_type: &str, content: &Value) -> String {
        self.ask_with(channel, msg_type, content, &json!({}))
    }

    /// Send a request with further fields in its header; returns its msg_id.
    pub fn ask_with(
        &self,
        channel: Channel,
        msg_type: &str,
        content: &Value,
        more: &Value,
    ) -> String {
        let msg_id = self.new_msg_id();
        let mut header = json!({
            "msg_id": msg_id, "msg_type": msg_type, "session": self.identity, "username": "test",
            "date": "2026-01-01T00:00:00Z", "version": "5.5",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            header[name] = value.clone();
        }
        let (header, content) = (header.to_string(), content.to_string());
        send(
            self.socket(channel),
            &self.sign(header.as_bytes(), content.as_bytes()),
        );
        msg_id
    }

    pub fn execute(&self, code: &str) -> String {
        self.ask(Channel::Shell, "execute_request", &json!({"code": code}))
    }

    /// A new msg_id of this client.
    pub fn new_msg_id(&self) -> String {
        self.sent.set(self.sent.get() + 1);
        format!("{}_{}", self.identity, self.sent.get())
    }

    /// The frames of a request, signed: delimiter, signature, header, `{}`, `{}`, content.
    pub fn sign(&self, header: &[u8], content: &[u8]) -> Vec<Bytes> {
        let parts = [header, b"{}", b"{}", content];
        let mut frames = vec![Bytes::from_static(DELIMITER), self.signer.sign(parts)];
        frames.extend(parts.map(Bytes::copy_from_slice));
        frames
    }

    /// The next message of a channel; waits for it.
    pub fn receive(&self, channel: Channel) -> Message {
        self.open(receive(self.socket(channel)))
    }

    /// The next publication; waits for it.
    pub fn published(&self) -> Message {
        self.receive(Channel::Iopub)
    }

    /// Check a received message and decode it.
    pub fn open(&self, wire: Vec<Bytes>) -> Message {
        let frames = Frames::split(wire).unwrap();
        let expected = self
            .signer
            .sign(frames.signed.each_ref().map(|part| &part[..]));
        assert_eq!(frames.signature, expected);
        let json = frames.signed.each_ref().map(|part| {
            serde_json::from_slice(part).unwrap_or_else(|error| panic!("{error}: {part:?}"))
        });
        let [header, parent_header, metadata, content] = json;
        Message {
            prefix: frames.identities,
            header,
            parent_header,
            metadata,
            content,
            buffers: frames.buffers,
        }
    }

    /// What is published for a request until its idle; other parents' messages are passed over.
    pub fn transcript(&self, msg_id: &str) -> Vec<String> {
        let mut shown = Vec::new();
        while shown.last().is_none_or(|last| last != "idle") {
            let message = self.published();
            if message.parent_id() == msg_id {
                shown.push(message.shown());
            }
        }
        shown
    }

    /// Send kernel_info_request and wait for the reply: the kernel lives.
    pub fn assert_alive(&self, channel: Channel) {
        let msg_id = self.ask(channel, "kernel_info_request", &json!({}));
        let reply = self.receive(channel);
        assert_eq!(
            (reply.msg_type(), reply.parent_id()),
            ("kernel_info_reply", &*msg_id)
        );
    }
}

/// A name that no other client has.
pub fn new_identity() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("client-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn connecting(context: &Context, kind: SocketKind, info: &Map<String, Value>) -> Socket {
    let socket = context.socket(kind).unwrap();
    let patience = i32::try_from(PATIENCE.as_millis()).unwrap();
    socket.set_receive_timeout_ms(patience).unwrap();
    socket.set_send_timeout_ms(patience).unwrap();
    socket.set_linger_ms(0).unwrap();
    if let Some(server) = info.get("curve_publickey").and_then(Value::as_str) {
        socket
            .set_curve_client(server, &CurveKeys::generate().unwrap())
            .unwrap();
    }
    socket
}

/// `room` = messages that it takes before it is asked for them; 0 = any number.
fn subscriber(context: &Context, info: &Map<String, Value>, topic: &[u8], room: i32) -> Socket {
    let socket = connecting(context, SocketKind::Sub, info);
    socket.set_receive_high_water_mark(room).unwrap();
    socket.set_subscribe(topic).unwrap();
    socket.connect(&endpoint(info, "iopub_port")).unwrap();
    socket
}

/// The address of one of the ports in a connection file.
pub fn endpoint(info: &Map<String, Value>, port: &str) -> String {
    let (ip, number) = (info["ip"].as_str().unwrap(), &info[port]);
    match info["transport"].as_str().unwrap() {
        "ipc" => format!("ipc://{ip}-{number}"),
        transport => format!("{transport}://{ip}:{number}"),
    }
}

pub fn send(socket: &Socket, frames: &[Bytes]) {
    assert_eq!(socket.send_blocking(frames).unwrap(), Sent::Yes);
}

pub fn receive(socket: &Socket) -> Vec<Bytes> {
    socket
        .receive(Wait::Yes)
        .unwrap()
        .expect("a message in time")
}

/// Nothing comes on this socket.
pub fn assert_silent(socket: &Socket) {
    let mut items = [PollItem::socket(socket, Interest::READABLE)];
    let moment = i64::try_from(MOMENT.as_millis()).unwrap();
    assert_eq!(
        poll(&mut items, moment).unwrap(),
        0,
        "{:?}",
        socket.receive(Wait::No)
    );
}
