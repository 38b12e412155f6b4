//! What a peer without the key, or without manners, may send: it is counted, logged and answered by nothing, and the
//! next honest request is served.

use bytes::Bytes;
use ipyrust_engine::frames::DELIMITER;
use ipyrust_engine::message::Channel::{Control, Shell, Stdin};
use ipyrust_engine::signature::Signer;
use ipyrust_zmq::SocketKind;
use serde_json::json;

use crate::common::{Client, KEY, Kernel, endpoint, eventually, send};

const HEADER: &[u8] = br#"{"msg_id":"1","msg_type":"execute_request","session":"s"}"#;

/// Frames as the table below writes them: a name, what is sent, and the counter that it moves.
type Row = (&'static str, Vec<Bytes>, &'static str);

fn bytes(frames: &[&'static [u8]]) -> Vec<Bytes> {
    frames
        .iter()
        .map(|frame| Bytes::from_static(frame))
        .collect()
}

/// A signed request whose header is `header`.
fn with_header(client: &Client, header: &[u8]) -> Vec<Bytes> {
    client.sign(header, br#"{"code":""}"#)
}

fn with_signature(client: &Client, signature: Bytes) -> Vec<Bytes> {
    let mut frames = with_header(client, HEADER);
    frames[1] = signature;
    frames
}

fn torn() -> Vec<Row> {
    vec![
        ("one empty frame", bytes(&[b""]), "rejected_no_delimiter"),
        (
            "empty frames",
            vec![Bytes::new(); 9],
            "rejected_no_delimiter",
        ),
        (
            "no delimiter",
            bytes(&[b"s", HEADER, b"{}", b"{}", b"{}"]),
            "rejected_no_delimiter",
        ),
        (
            "a longer delimiter",
            bytes(&[b"<IDS|MSG>>", b"", HEADER]),
            "rejected_no_delimiter",
        ),
        (
            "nothing behind it",
            bytes(&[DELIMITER]),
            "rejected_too_few_frames",
        ),
        (
            "four frames",
            bytes(&[DELIMITER, b"s", HEADER, b"{}", b"{}"]),
            "rejected_too_few_frames",
        ),
        (
            "two delimiters",
            bytes(&[DELIMITER, DELIMITER, b"s", HEADER]),
            "rejected_too_few_frames",
        ),
    ]
}

fn forged(client: &Client) -> Vec<Row> {
    let other = Signer::new("hmac-sha256", b"other").unwrap();
    let scheme = Signer::new("hmac-sha512", KEY.as_bytes()).unwrap();
    let content: &[u8] = br#"{"code":""}"#;
    let parts = [HEADER, b"{}", b"{}", content];
    let honest = with_header(client, HEADER)[1].clone();
    let mut moved = with_header(client, HEADER);
    moved.swap(3, 5);
    let mut changed = with_header(client, HEADER);
    changed[5] = Bytes::from_static(br#"{"code":"x"}"#);
    let wrong = "rejected_wrong_signature";
    vec![
        (
            "unsigned",
            with_signature(client, Bytes::new()),
            "rejected_unsigned",
        ),
        (
            "another key",
            with_signature(client, other.sign(parts)),
            wrong,
        ),
        (
            "another scheme",
            with_signature(client, scheme.sign(parts)),
            wrong,
        ),
        (
            "half a signature",
            with_signature(client, honest.slice(..32)),
            wrong,
        ),
        (
            "a doubled signature",
            with_signature(client, [&honest[..], &honest[..]].concat().into()),
            wrong,
        ),
        (
            "no hex",
            with_signature(client, Bytes::from(vec![b'z'; 64])),
            wrong,
        ),
        (
            "binary",
            with_signature(client, Bytes::from(vec![0xff; 64])),
            wrong,
        ),
        ("other content", changed, wrong),
        ("frames in another order", moved, wrong),
        (
            "every frame empty",
            bytes(&[DELIMITER, b"", b"", b"", b"", b""]),
            "rejected_unsigned",
        ),
    ]
}

fn malformed(client: &Client) -> Vec<Row> {
    let deep = |open: &str, close: &str| {
        let (open, close) = (open.repeat(100_000), close.repeat(100_000));
        format!("{{\"msg_id\":\"1\",\"msg_type\":\"execute_request\",\"x\":{open}1{close}}}")
    };
    let headers: [(&'static str, Vec<u8>); 15] = [
        ("empty", b"".to_vec()),
        ("an array", b"[]".to_vec()),
        ("a string", b"\"header\"".to_vec()),
        ("a number", b"1".to_vec()),
        ("null", b"null".to_vec()),
        ("torn", b"{\"msg_id\":\"1\",".to_vec()),
        ("two values", [HEADER, HEADER].concat()),
        ("no msg_id", br#"{"msg_type":"execute_request"}"#.to_vec()),
        ("no msg_type", br#"{"msg_id":"1"}"#.to_vec()),
        (
            "msg_id is a number",
            br#"{"msg_id":1,"msg_type":"execute_request"}"#.to_vec(),
        ),
        (
            "subshell_id is a list",
            br#"{"msg_id":"1","msg_type":"execute_request","subshell_id":[]}"#.to_vec(),
        ),
        (
            "not UTF-8",
            b"{\"msg_id\":\"\xff\",\"msg_type\":\"execute_request\"}".to_vec(),
        ),
        (
            "not UTF-8 where nobody looks",
            b"{\"msg_id\":\"1\",\"msg_type\":\"execute_request\",\"x\":\"\xff\"}".to_vec(),
        ),
        ("deep arrays", deep("[", "]").into_bytes()),
        ("deep objects", deep("{\"a\":", "}").into_bytes()),
    ];
    headers
        .into_iter()
        .map(|(name, header)| (name, with_header(client, &header), "rejected_bad_header"))
        .collect()
}

fn assert_rejected(kernel: &Kernel, client: &Client, rows: Vec<Row>) {
    let requests = kernel.count("requests");
    for (channel, socket) in [
        (Shell, &client.shell),
        (Control, &client.control),
        (Stdin, &client.stdin),
    ] {
        for (name, frames, counter) in &rows {
            let before = kernel.count(counter);
            // Frames that were taken once would be refused as a replay on the next channel.
            let frames = if *counter == "rejected_bad_header" {
                let mut fresh = frames.clone();
                let distinct = format!("{{\"code\":\"{}\"}}", channel.name());
                fresh[5] = Bytes::from(distinct);
                client.sign(&fresh[2], &fresh[5])
            } else {
                frames.clone()
            };
            send(socket, &frames);
            eventually(
                &format!("{name} on {} counts as {counter}", channel.name()),
                || kernel.count(counter) == before + 1,
            );
        }
    }
    assert_eq!(kernel.count("requests"), requests, "nothing was taken");
}

/// The first reply on each channel is the one to an honest request, so nothing before it was answered.
fn assert_unimpressed(kernel: &Kernel, client: &Client) {
    client.assert_alive(Shell);
    client.assert_alive(Control);
    let msg_id = client.execute("honest");
    let request = kernel.next_request();
    assert_eq!(request.header.msg_id, msg_id);
    kernel.serve(&request, r#"{"status":"ok"}"#);
    assert_eq!(client.receive(Shell).parent_id(), msg_id);
}

#[test]
fn torn_messages() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    assert_rejected(&kernel, &client, torn());
    assert_unimpressed(&kernel, &client);
}

#[test]
fn forged_messages() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    assert_rejected(&kernel, &client, forged(&client));
    assert_unimpressed(&kernel, &client);
}

#[test]
fn signed_nonsense() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    assert_rejected(&kernel, &client, malformed(&client));
    assert_unimpressed(&kernel, &client);
}

#[test]
fn replayed_messages_on_the_same_and_on_another_channel() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let other = Client::of(&kernel);
    let frames = with_header(&client, HEADER);
    send(&client.shell, &frames);
    kernel.next_request();
    let mut shouted = frames.clone();
    shouted[1] = Bytes::from(frames[1].to_ascii_uppercase());
    for (times, socket, frames) in [
        (1, &client.shell, &frames),
        (2, &client.control, &frames),
        (3, &other.shell, &frames),
        (4, &client.shell, &shouted),
    ] {
        send(socket, frames);
        eventually("the replay is counted", || {
            kernel.count("rejected_replayed") == times
        });
    }
    assert_eq!(kernel.core.shell.len(), 0);
    assert_unimpressed(&kernel, &client);
}

#[test]
fn a_forged_message_does_not_use_up_the_honest_one() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let honest = with_header(&client, HEADER);
    let mut forged = honest.clone();
    forged[5] = Bytes::from_static(b"{}");
    send(&client.shell, &forged);
    send(&client.shell, &honest);
    assert_eq!(kernel.next_request().header.msg_id, "1");
    assert_eq!(kernel.count("rejected_replayed"), 0);
}

#[test]
fn a_huge_unsigned_frame_is_dropped() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let mut frames = vec![Bytes::from(vec![b'x'; 100 << 20])];
    send(&client.shell, &frames);
    eventually("it is counted", || {
        kernel.count("rejected_no_delimiter") == 1
    });
    frames.splice(0..0, bytes(&[DELIMITER, b"", HEADER, b"{}", b"{}"]));
    send(&client.shell, &frames);
    eventually("it is counted", || kernel.count("rejected_unsigned") == 1);
    assert_unimpressed(&kernel, &client);
}

#[test]
fn a_huge_buffer_of_a_signed_request_arrives_whole() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let mut frames = with_header(&client, HEADER);
    frames.push(Bytes::from(vec![b'x'; 100 << 20]));
    send(&client.shell, &frames);
    let request = kernel.next_request();
    assert_eq!(request.buffers[0].len(), 100 << 20);
    assert_unimpressed(&kernel, &client);
}

#[test]
fn a_client_named_like_the_delimiter_is_refused() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let info = kernel.core.connection_info();
    let named = Client::named(&info, "<IDS|MSG>");
    named.execute("");
    eventually("it is counted", || {
        kernel.count("rejected_wrong_signature") == 1
    });
    assert_unimpressed(&kernel, &client);
}

#[test]
fn an_unexpected_input_reply_is_dropped() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    for (count, msg_type) in [
        (1, "input_reply"),
        (2, "execute_request"),
        (3, "shutdown_request"),
    ] {
        client.ask(Stdin, msg_type, &json!({"value": "nobody asked"}));
        eventually("it is counted", || {
            kernel.count("rejected_unexpected_input") == count
        });
    }
    assert_eq!(kernel.core.exit_reason(), None);
    assert_unimpressed(&kernel, &client);
}

#[test]
fn a_subscriber_that_sends_other_frames_is_dropped() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let info = kernel.core.connection_info();
    let address = endpoint(info.as_object().unwrap(), "iopub_port");
    // A ROUTER, a DEALER or a bare REQ are no subscribers: libzmq refuses them at the handshake.
    for kind in [SocketKind::Dealer, SocketKind::Router, SocketKind::Req] {
        let socket = client.context.socket(kind).unwrap();
        socket.set_linger_ms(0).unwrap();
        socket.connect(&address).unwrap();
        let _ = socket.send(&bytes(&[b"\x01", b"\x02"])).unwrap();
    }
    assert_unimpressed(&kernel, &client);
}

#[test]
fn bytes_that_are_no_zmq_are_ignored() {
    use std::io::Write;
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let info = kernel.core.connection_info();
    for port in [
        "shell_port",
        "control_port",
        "stdin_port",
        "iopub_port",
        "hb_port",
    ] {
        let address = endpoint(info.as_object().unwrap(), port);
        let mut stream =
            std::net::TcpStream::connect(address.trim_start_matches("tcp://")).unwrap();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let _ = stream.write_all(&[0xff; 4096]);
    }
    assert_unimpressed(&kernel, &client);
}

#[test]
fn rejected_messages_are_logged_once_a_second_without_their_content() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    for _ in 0..500 {
        send(
            &client.shell,
            &bytes(&[DELIMITER, b"", b"top secret", b"", b"", b""]),
        );
    }
    eventually("all are counted", || {
        kernel.count("rejected_unsigned") == 500
    });
    let log = kernel.log();
    assert!(log.lines().count() < 50, "{log}");
    assert!(
        log.contains("dropped a message on shell: unsigned"),
        "{log}"
    );
    assert!(!log.contains("secret") && !log.contains(KEY));
}

#[test]
fn without_a_key_nothing_is_checked_but_the_shape() {
    let kernel = Kernel::with(json!({"key": ""}));
    let client = Client::first_of(&kernel);
    let unsigned = bytes(&[DELIMITER, b"whatever", HEADER, b"{}", b"{}", b"{}"]);
    for _ in 0..2 {
        send(&client.shell, &unsigned);
        assert_eq!(kernel.next_request().header.msg_id, "1");
    }
    for (frames, counter) in [
        (bytes(&[b"x"]), "rejected_no_delimiter"),
        (
            bytes(&[DELIMITER, b"", b"[]", b"{}", b"{}", b"{}"]),
            "rejected_bad_header",
        ),
    ] {
        send(&client.shell, &frames);
        eventually(counter, || kernel.count(counter) == 1);
    }
    assert_unimpressed(&kernel, &client);
}
