//! Where the sockets are bound: ports, paths, keys, and clients that come back.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use ipyrust_engine::Error;
use ipyrust_engine::connection::Connection;
use ipyrust_engine::message::Channel::{Control, Shell};
use ipyrust_engine::publisher::BACKLOG_BYTES;
use ipyrust_zmq::{CurveKeys, has};
use serde_json::{Value, json};

use crate::common::{
    Client, Directory, Kernel, PATIENCE, Setup, assert_silent, eventually, new_identity, object,
    receive, send,
};

const PORTS: [&str; 5] = [
    "shell_port",
    "iopub_port",
    "stdin_port",
    "control_port",
    "hb_port",
];

fn bind_error(fields: &Value) -> (&'static str, String, String) {
    match Kernel::try_with(fields).err().unwrap() {
        Error::Bind {
            channel,
            endpoint,
            reason,
        } => (channel, endpoint, reason),
        other => panic!("{other}"),
    }
}

#[test]
fn chosen_ports_are_written_back_beside_what_was_there() {
    let kernel = Kernel::with(json!({"kernel_name": "k", "unknown": [1]}));
    let path = kernel.core.connection_path();
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(file, kernel.core.connection_info());
    assert_eq!(
        (&file["kernel_name"], &file["unknown"]),
        (&json!("k"), &json!([1]))
    );
    let mut numbers = PORTS.map(|port| file[port].as_u64().unwrap()).to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 5, "five sockets, five ports");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let beside: Vec<_> = kernel.directory.path().read_dir().unwrap().collect();
    assert_eq!(beside.len(), 2, "the file and the log: {beside:?}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (key, name) in [
        ("shell_port", "shell"),
        ("iopub_port", "iopub"),
        ("hb_port", "hb"),
    ] {
        let (channel, endpoint, reason) = bind_error(&json!({key: port}));
        assert_eq!((channel, &*reason), (name, "address already in use"));
        assert_eq!(endpoint, format!("tcp://127.0.0.1:{port}"));
    }
}

#[test]
fn a_foreign_address_is_named() {
    let (channel, endpoint, reason) = bind_error(&json!({"ip": "192.0.2.1"}));
    assert_eq!((channel, &*endpoint), ("shell", "tcp://192.0.2.1:*"));
    assert_eq!(reason, "this machine has no such address");
}

#[test]
fn a_port_is_free_again_after_close() {
    let kernel = Kernel::start();
    let info = kernel.core.connection_info();
    drop(kernel);
    let again = Kernel::with(info);
    Client::first_of(&again).assert_alive(Shell);
}

#[test]
fn ipc_sockets_are_files_that_go_away_again() {
    let directory = Directory::new();
    let prefix = directory.path().join("k").to_str().unwrap().to_owned();
    let kernel = Kernel::with(json!({"transport": "ipc", "ip": prefix}));
    let client = Client::first_of(&kernel);
    client.assert_alive(Shell);
    client.assert_alive(Control);
    assert_eq!(directory.path().read_dir().unwrap().count(), 5);
    drop(kernel);
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn kernels_that_choose_ipc_numbers_at_the_same_time_never_share_one() {
    const KERNELS: usize = 6;
    let directory = Directory::new();
    let prefix = directory.path().join("k").to_str().unwrap().to_owned();
    let fields = json!({"transport": "ipc", "ip": prefix});
    let kernels: Vec<_> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..KERNELS)
            .map(|_| scope.spawn(|| Kernel::with(fields.clone())))
            .collect();
        started
            .into_iter()
            .map(|kernel| kernel.join().unwrap())
            .collect()
    });
    let infos: Vec<_> = kernels
        .iter()
        .map(|kernel| kernel.core.connection_info())
        .collect();
    let mut numbers: Vec<_> = infos
        .iter()
        .flat_map(|info| PORTS.map(|port| info[port].as_u64().unwrap()))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 5 * KERNELS);
    for kernel in &kernels {
        let client = Client::first_of(kernel);
        client.ask(Control, "connect_request", &json!({}));
        let content = client.receive(Control).content;
        assert_eq!(
            content["shell_port"],
            kernel.core.connection_info()["shell_port"]
        );
    }
}

#[test]
fn a_living_ipc_listener_is_not_replaced_and_a_dead_one_is() {
    let directory = Directory::new();
    let prefix = directory.path().join("k").to_str().unwrap().to_owned();
    let fields = json!({
        "transport": "ipc", "ip": prefix,
        "shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5,
    });
    let listener = UnixListener::bind(format!("{prefix}-2")).unwrap();
    let (channel, endpoint, reason) = bind_error(&fields);
    assert_eq!((channel, endpoint), ("iopub", format!("ipc://{prefix}-2")));
    assert_eq!(reason, "another process listens there");
    drop(listener); // Its file stays, as after a crash.
    let kernel = Kernel::with(fields);
    Client::first_of(&kernel).assert_alive(Shell);
}

#[test]
fn a_socket_path_that_is_too_long_is_named() {
    let long = format!("/tmp/{}", "x".repeat(200));
    let (_, endpoint, reason) = bind_error(&json!({"transport": "ipc", "ip": long}));
    assert!(
        endpoint.starts_with("ipc:///tmp/xxx") && reason.contains("103 bytes"),
        "{reason}"
    );
}

#[test]
fn a_missing_directory_for_ipc_is_named() {
    let directory = Directory::new();
    let ip = directory
        .path()
        .join("missing/k")
        .to_str()
        .unwrap()
        .to_owned();
    let (channel, _, reason) = bind_error(&json!({"transport": "ipc", "ip": ip}));
    assert_eq!(channel, "shell");
    assert!(reason.contains("No such file"), "{reason}");
}

#[test]
fn ipv6_loopback() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return; // This machine has no IPv6.
    }
    let kernel = Kernel::with(json!({"ip": "::1"}));
    let port = kernel.core.connection_info()["shell_port"].clone();
    std::net::TcpStream::connect(format!("[::1]:{port}")).unwrap();
}

fn curve_fields() -> Value {
    let keys = CurveKeys::generate().unwrap();
    json!({"curve_publickey": keys.public, "curve_secretkey": keys.secret})
}

#[test]
fn curve_with_the_right_key() {
    if !has("curve") {
        return;
    }
    let kernel = Kernel::with(curve_fields());
    let client = Client::first_of(&kernel);
    client.assert_alive(Shell);
    client.assert_alive(Control);
    let heartbeat = client.heartbeat();
    send(&heartbeat, &["ping".into()]);
    assert_eq!(receive(&heartbeat), ["ping"]);
}

#[test]
fn curve_with_a_wrong_key_or_none_gets_nothing() {
    if !has("curve") {
        return;
    }
    let kernel = Kernel::with(curve_fields());
    let honest = Client::first_of(&kernel);
    let mut wrong = kernel.core.connection_info();
    wrong["curve_publickey"] = json!(CurveKeys::generate().unwrap().public);
    let mut plain = kernel.core.connection_info();
    plain.as_object_mut().unwrap().remove("curve_publickey");
    for info in [wrong, plain] {
        let client = Client::named(&info, &new_identity());
        client.ask(Shell, "kernel_info_request", &json!({}));
        client.ask(Control, "kernel_info_request", &json!({}));
        for socket in [&client.shell, &client.control, &client.iopub] {
            assert_silent(socket);
        }
    }
    assert_eq!(kernel.count("requests"), 0);
    honest.assert_alive(Shell);
}

#[test]
fn a_client_that_reconnects_takes_over_its_name() {
    let kernel = Kernel::start();
    let _watcher = Client::first_of(&kernel);
    let info = kernel.core.connection_info();
    let before = Client::named(&info, "same");
    let msg_id = before.execute("");
    let request = kernel.next_request();
    let after = Client::named(&info, "same");
    after.assert_alive(Shell); // The route is the new client's from here on.
    kernel.serve(&request, r#"{"status":"ok"}"#);
    assert_eq!(after.receive(Shell).parent_id(), msg_id);
    assert_silent(&before.shell);
}

#[test]
fn a_reply_to_a_client_that_is_gone_is_counted() {
    let kernel = Kernel::start();
    let watcher = Client::first_of(&kernel);
    let info = kernel.core.connection_info();
    let gone = Client::named(&info, "gone");
    gone.execute("");
    let request = kernel.next_request();
    drop(gone);
    kernel.core.enter(&request).unwrap();
    // Nobody is told when the system has noticed that a peer is gone, so replies are tried until one is unroutable.
    eventually("the client is gone", || {
        let reply = kernel
            .core
            .reply_message(&request, object(), object(), vec![]);
        kernel.core.outbox.push(reply.unwrap()).unwrap();
        let number = kernel.core.outbox.flush(true).unwrap();
        assert!(kernel.core.outbox.wait_until_sent(number, PATIENCE));
        kernel.count("unroutable") > 0
    });
    watcher.assert_alive(Shell);
}

/// What is wrong with a connection file that was prepared like this.
fn file_problem(prepare: impl FnOnce(&std::path::Path)) -> String {
    let directory = Directory::new();
    let connection_file = directory.connection_file(&json!({}));
    prepare(&connection_file);
    let setup = Setup {
        connection_file,
        parent_pid: None,
        stop_grace: PATIENCE,
        replay_bytes: 1 << 20,
        backlog_bytes: BACKLOG_BYTES,
    };
    match setup.start(Arc::default()).err().unwrap() {
        Error::ConnectionFile { problem, .. } => problem,
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_fix() {
    let set_mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let problem = file_problem(|path| std::fs::remove_file(path).unwrap());
    assert!(problem.contains("does not exist"), "{problem}");
    let problem = file_problem(|path| {
        std::fs::remove_file(path).unwrap();
        std::fs::create_dir(path).unwrap();
    });
    assert!(problem.contains("not a regular file"), "{problem}");
    let problem = file_problem(|path| set_mode(path, 0o666));
    assert!(
        problem.contains("0666") && problem.contains("chmod 600"),
        "{problem}"
    );
    let problem = file_problem(|path| std::fs::write(path, "{\"key\": \"se").unwrap());
    assert!(problem.contains("not complete JSON"), "{problem}");
    let problem = file_problem(|path| std::fs::write(path, b"\xff\xfe").unwrap());
    assert!(problem.contains("not complete JSON"), "{problem}");
}

#[test]
fn a_new_file_is_private_and_never_replaces_one() {
    let directory = Directory::new();
    let keys = ["one.json", "two.json"].map(|name| {
        let path = directory.path().join(name);
        Connection::create(&path, "k").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let again = Connection::create(&path, "k").unwrap_err().to_string();
        assert!(again.contains("cannot be created"), "{again}");
        let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        file["key"].as_str().unwrap().to_owned()
    });
    assert_eq!(keys[0].len(), 64);
    assert_ne!(keys[0], keys[1]);
}
