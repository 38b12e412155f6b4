//! The handshake that ends the race for ports: the kernel binds ports of its own choice and tells the launcher.
//!
//! A launcher that works this way writes a *registration file* in place of a connection file: how to reach a socket of
//! the launcher's, and the key. Two forms of it are in use, and the file tells which is meant:
//!
//! | form | the file has | the kernel sends | the launcher answers |
//! |---|---|---|---|
//! | [`Form::Content`]: specification 5.6, xeus | `registration_ip` or `kernel_id` | one signed frame: ports as text, `kernel_id` | one signed frame, its content left open |
//! | [`Form::Message`]: Positron, ark | neither, but `ip` | a whole `handshake_request`, ports as numbers | a `handshake_reply` with a status |
//!
//! Both are Jupyter enhancement proposal 66. The kernel listens on `ip`, which is the launcher's address unless the file
//! says otherwise. With `curve_secretkey` in the file the registration socket is taken to be a CURVE server, too: with
//! `registration_curve_publickey`, or with the kernel's own `curve_publickey` if the launcher has a socket for each kernel.

use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ipyrust_zmq::{Context, CurveKeys, Interest, PollItem, Socket, SocketKind, Wait, poll};
use serde_json::{Map, Value, json};

use crate::connection::{Connection, Port, Transport, port_field, text_field};
use crate::error::{Error, Result};
use crate::frames::DELIMITER;
use crate::message::Author;
use crate::signature::{Signer, unhex};

/// How long the launcher may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long the question whether anybody listens may take, once there was no answer.
const PROBE: Duration = Duration::from_millis(500);
/// A longer frame is no answer to a handshake.
const MAX_ANSWER_BYTES: i64 = 1 << 20;
/// Characters of a refusal that are shown.
const MAX_REFUSAL: usize = 300;
/// Length of a CURVE key in Z85.
const KEY_LENGTH_BYTES: usize = 40;
/// The fields that make a registration file of a connection file.
pub const FIELDS: [&str; 3] = [
    "registration_ip",
    "registration_port",
    "registration_curve_publickey",
];

/// How the ports travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A signed content alone, with the `kernel_id` that the file gave.
    Content {
        /// Which of its kernels the launcher hears.
        kernel_id: String,
    },
    /// A message with header, parent, metadata and content.
    Message,
}

/// Where to register and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Address of the launcher's socket, or the beginning of its path; empty = that of the kernel.
    pub ip: String,
    /// Port of the launcher's socket.
    pub port: u16,
    /// How the ports travel.
    pub form: Form,
    /// CURVE key of the launcher's socket; None = not encrypted.
    pub server_key: Option<String>,
}

impl Registration {
    /// What a file says about it; None when it is a connection file.
    ///
    /// # Errors
    /// One line that names the wrong field.
    pub fn from_fields(
        fields: &Map<String, Value>,
        curve: Option<&CurveKeys>,
    ) -> std::result::Result<Option<Self>, String> {
        if !fields.contains_key("registration_port") {
            return Ok(None);
        }
        let port = port_field(fields, "registration_port")?;
        if port == 0 {
            return Err("registration_port must be the port that the launcher listens on".into());
        }
        let kernel_id = text_field(fields, "kernel_id", "")?;
        let is_content = fields.contains_key("registration_ip") || fields.contains_key("kernel_id");
        let own_key = curve.map_or("", |keys| &keys.public);
        let server_key = text_field(fields, "registration_curve_publickey", own_key)?;
        if !matches!(server_key.len(), 0 | KEY_LENGTH_BYTES) {
            return Err("registration_curve_publickey must be 40 characters of Z85".into());
        }
        Ok(Some(Self {
            ip: text_field(fields, "registration_ip", "")?,
            port,
            form: if is_content {
                Form::Content { kernel_id }
            } else {
                Form::Message
            },
            server_key: (!server_key.is_empty()).then_some(server_key),
        }))
    }

    /// Tell the launcher the ports of `connection` and wait for its word that it knows them, for at most [`PATIENCE`].
    ///
    /// # Errors
    /// [`Error::Registration`] when there is no answer, or not the right one.
    pub fn register(
        &self,
        context: &Context,
        connection: &Connection,
        author: &Author,
    ) -> Result<()> {
        let ip = if self.ip.is_empty() {
            &connection.ip
        } else {
            &self.ip
        };
        let endpoint = connection.transport.endpoint(ip, self.port);
        let failed = |problem: String| Error::Registration {
            endpoint: endpoint.clone(),
            problem,
        };
        let socket = self
            .connect(context, connection, &endpoint)
            .map_err(|error| failed(error.to_string()))?;
        let request = self.request(connection, author);
        let answer = match ask(&socket, &request).map_err(|error| failed(error.to_string()))? {
            Some(answer) => answer,
            None if nobody_listens(connection.transport, ip, self.port) => {
                return Err(failed("nobody listens there".into()));
            }
            None => {
                return Err(failed(format!("no answer in {} s", PATIENCE.as_secs())));
            }
        };
        self.check(&connection.signer, &answer).map_err(failed)
    }

    fn connect(
        &self,
        context: &Context,
        connection: &Connection,
        endpoint: &str,
    ) -> ipyrust_zmq::Result<Socket> {
        let socket = context.socket(SocketKind::Dealer)?;
        // Nothing that matters is unsent once there is an answer, and without one nobody reads.
        socket.set_linger_ms(0)?;
        socket.set_max_message_bytes(MAX_ANSWER_BYTES)?;
        socket.set_ipv6(endpoint.contains('['))?;
        if let Some(server_key) = &self.server_key {
            let own = match &connection.curve {
                Some(keys) => keys.clone(),
                None => CurveKeys::generate()?,
            };
            socket.set_curve_client(server_key, &own)?;
        }
        socket.connect(endpoint)?;
        Ok(socket)
    }

    /// All frames of the request. A launcher that listens with REP, as Positron does, needs the empty frame that a REQ
    /// would have put in front; the specification's has none.
    fn request(&self, connection: &Connection, author: &Author) -> Vec<Bytes> {
        let mut content = Map::new();
        for port in Port::ALL {
            let number = connection.port(port);
            let value = match self.form {
                Form::Content { .. } => json!(number.to_string()),
                Form::Message => json!(number),
            };
            content.insert(port.key().to_owned(), value);
        }
        let delimiter = Bytes::from_static(DELIMITER);
        match &self.form {
            Form::Content { kernel_id } => {
                content.insert("kernel_id".to_owned(), json!(kernel_id));
                let content = Bytes::from(Value::Object(content).to_string());
                let signature = connection.signer.sign([&content, b"", b"", b""]);
                vec![delimiter, signature, content]
            }
            Form::Message => {
                let header = author.header("handshake_request", std::time::SystemTime::now());
                let content = Bytes::from(Value::Object(content).to_string());
                let empty = Bytes::from_static(b"{}");
                let signature = connection.signer.sign([&header, &empty, &empty, &content]);
                let parts = [header, empty.clone(), empty, content];
                [Bytes::new(), delimiter, signature]
                    .into_iter()
                    .chain(parts)
                    .collect()
            }
        }
    }

    /// Whether the answer is the launcher's and says that all is well; else what is wrong with it.
    fn check(&self, signer: &Signer, frames: &[Bytes]) -> std::result::Result<(), String> {
        let mut rest = frames
            .iter()
            .skip_while(|frame| *frame != DELIMITER)
            .skip(1);
        let signature = rest.next().ok_or("its answer is not signed")?;
        let parts: Vec<&[u8]> = rest.map(AsRef::as_ref).collect();
        let (signed, content): ([&[u8]; 4], &[u8]) = match (&self.form, parts.as_slice()) {
            (Form::Content { .. }, [content]) => ([content, b"", b"", b""], content),
            (Form::Message, [header, parent_header, metadata, content, ..]) => {
                ([header, parent_header, metadata, content], content)
            }
            (form, parts) => {
                return Err(format!(
                    "its answer has {} parts after the signature, not {}",
                    parts.len(),
                    if *form == Form::Message { 4 } else { 1 }
                ));
            }
        };
        let digest = unhex(signature).unwrap_or_default();
        if !signer.verify(signed, &digest) {
            return Err("its answer is not signed with the key of the file".into());
        }
        let [header, ..] = signed;
        let content = serde_json::from_slice(content).unwrap_or_default();
        match &self.form {
            Form::Content { .. } if text(&content, "status") == Some("error") => {
                Err(refusal(&content))
            }
            Form::Content { .. } => Ok(()),
            Form::Message => check_reply(header, &content),
        }
    }
}

fn check_reply(header: &[u8], content: &Value) -> std::result::Result<(), String> {
    let header: Value = serde_json::from_slice(header).unwrap_or_default();
    match (text(&header, "msg_type"), text(content, "status")) {
        (Some("handshake_reply"), Some("ok")) => Ok(()),
        (Some("handshake_reply"), _) => Err(refusal(content)),
        (msg_type, _) => Err(format!(
            "its answer is {:?}, not a handshake_reply",
            msg_type.unwrap_or_default()
        )),
    }
}

/// What the launcher says about its refusal, on one line.
fn refusal(content: &Value) -> String {
    let said: String = ["error", "ename", "evalue"]
        .iter()
        .filter_map(|name| text(content, name))
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|char| !char.is_control()) // A terminal would obey them.
        .take(MAX_REFUSAL)
        .collect();
    if said.is_empty() {
        "the launcher refuses".into()
    } else {
        format!("the launcher refuses: {said}")
    }
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// One message out, one back; None when none came in time.
fn ask(socket: &Socket, request: &[Bytes]) -> ipyrust_zmq::Result<Option<Vec<Bytes>>> {
    let deadline = Instant::now() + PATIENCE;
    // A DEALER has room for its first message; if not, there is no answer either.
    let _ = socket.send(request)?;
    loop {
        if let Some(answer) = socket.receive(Wait::No)? {
            return Ok(Some(answer));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let left_ms = i64::try_from(left.as_millis()).unwrap_or(i64::MAX) + 1;
        poll(&mut [PollItem::socket(socket, Interest::READABLE)], left_ms)?;
    }
}

/// libzmq goes on connecting in silence, so only a connection of our own tells why there was no answer.
fn nobody_listens(transport: Transport, ip: &str, port: u16) -> bool {
    match transport {
        Transport::Tcp => !(ip, port).to_socket_addrs().is_ok_and(|mut addresses| {
            addresses.any(|address| TcpStream::connect_timeout(&address, PROBE).is_ok())
        }),
        Transport::Ipc => UnixStream::connect(format!("{ip}-{port}")).is_err(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new("hmac-sha256", b"sesame").unwrap()
    }

    fn registration(text: &str) -> std::result::Result<Option<Registration>, String> {
        let fields: Value = serde_json::from_str(text).unwrap();
        Registration::from_fields(fields.as_object().unwrap(), None)
    }

    /// An answer whose signature covers `parts` as `signer` signs.
    fn answer(signer: &Signer, parts: &[&str]) -> Vec<Bytes> {
        let mut signed: [&[u8]; 4] = [b""; 4];
        for (slot, part) in signed.iter_mut().zip(parts) {
            *slot = part.as_bytes();
        }
        let frames = parts
            .iter()
            .map(|part| Bytes::copy_from_slice(part.as_bytes()));
        [Bytes::from_static(DELIMITER), signer.sign(signed)]
            .into_iter()
            .chain(frames)
            .collect()
    }

    #[test]
    fn a_connection_file_is_none() {
        assert_eq!(registration(r#"{"ip": "127.0.0.1"}"#), Ok(None));
    }

    #[test]
    fn the_fields_tell_the_form() {
        for (text, is_message) in [
            (r#"{"ip": "::1", "registration_port": 5}"#, true),
            (r#"{"kernel_id": "k", "registration_port": 5}"#, false),
            (
                r#"{"registration_ip": "::1", "registration_port": 5}"#,
                false,
            ),
        ] {
            let found = registration(text).unwrap().unwrap();
            assert_eq!(found.form == Form::Message, is_message, "{text}");
            assert_eq!(found.port, 5);
        }
    }

    #[test]
    fn wrong_fields_are_named() {
        for (text, named) in [
            (r#"{"registration_port": 0}"#, "registration_port"),
            (r#"{"registration_port": "80"}"#, "registration_port"),
            (r#"{"registration_port": 5, "kernel_id": 7}"#, "kernel_id"),
            (
                r#"{"registration_port": 5, "registration_ip": 7}"#,
                "registration_ip",
            ),
        ] {
            assert!(registration(text).unwrap_err().contains(named), "{text}");
        }
    }

    #[test]
    fn answers_in_both_forms() {
        let reply = |status| {
            let header = r#"{"msg_type": "handshake_reply"}"#;
            answer(&signer(), &[header, "{}", "{}", status])
        };
        let message = registration(r#"{"registration_port": 5}"#)
            .unwrap()
            .unwrap();
        assert_eq!(
            message.check(&signer(), &reply(r#"{"status": "ok"}"#)),
            Ok(())
        );
        let refused = r#"{"status": "error", "error": "too\nmany\u001b\u0007"}"#;
        let problem = message.check(&signer(), &reply(refused)).unwrap_err();
        assert_eq!(problem, "the launcher refuses: too many");
        let content = registration(r#"{"registration_port": 5, "kernel_id": "k"}"#);
        let content = content.unwrap().unwrap();
        assert_eq!(
            content.check(&signer(), &answer(&signer(), &["ACK"])),
            Ok(())
        );
        assert!(
            content
                .check(&signer(), &answer(&signer(), &[refused]))
                .is_err()
        );
    }

    #[test]
    fn answers_that_are_not_the_launchers() {
        let message = registration(r#"{"registration_port": 5}"#)
            .unwrap()
            .unwrap();
        let other = Signer::new("hmac-sha256", b"other").unwrap();
        let good = [
            r#"{"msg_type": "handshake_reply"}"#,
            "{}",
            "{}",
            r#"{"status": "ok"}"#,
        ];
        let cases: [(Vec<Bytes>, &str); 5] = [
            (answer(&other, &good), "not signed with the key"),
            (vec![Bytes::from_static(b"{}")], "not signed"),
            (answer(&signer(), &["ACK"]), "1 parts"),
            (
                answer(&signer(), &[r#"{"msg_type": "x"}"#, "{}", "{}", "{}"]),
                "\"x\"",
            ),
            (vec![], "not signed"),
        ];
        for (frames, named) in cases {
            let problem = message.check(&signer(), &frames).unwrap_err();
            assert!(problem.contains(named), "{problem}");
        }
    }
}
