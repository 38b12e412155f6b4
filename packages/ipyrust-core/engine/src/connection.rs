//! The connection file: read it, check it, write down what a bind chose (specification, "Connection files").

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ipyrust_zmq::CurveKeys;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::registration::{self, Registration};
use crate::signature::{SCHEMES, Signer};

/// Unix socket paths end here (Linux 108 with the NUL, macOS 104).
const MAX_IPC_PATH_BYTES: usize = 103;

/// Permission bits that let others than the owner read a file.
const OTHERS_READ: u32 = 0o044;

/// How frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `tcp://ip:port`
    Tcp,
    /// `ipc://ip-port`, where `ip` is the beginning of a path.
    Ipc,
}

impl Transport {
    /// The address of a port number, for libzmq; 0 = any.
    pub(crate) fn endpoint(self, ip: &str, number: u16) -> String {
        match self {
            Self::Tcp if number == 0 => format!("tcp://{}:*", bracketed(ip)),
            Self::Tcp => format!("tcp://{}:{number}", bracketed(ip)),
            Self::Ipc => format!("ipc://{ip}-{number}"),
        }
    }
}

/// The five sockets of a connection file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// shell ROUTER
    Shell,
    /// iopub XPUB
    Iopub,
    /// stdin ROUTER
    Stdin,
    /// control ROUTER
    Control,
    /// heartbeat ROUTER
    Heartbeat,
}

impl Port {
    /// All of them, in the order of the connection file.
    pub const ALL: [Self; 5] = [
        Self::Shell,
        Self::Iopub,
        Self::Stdin,
        Self::Control,
        Self::Heartbeat,
    ];

    /// Name of the channel.
    #[must_use]
    pub fn channel(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Iopub => "iopub",
            Self::Stdin => "stdin",
            Self::Control => "control",
            Self::Heartbeat => "hb",
        }
    }

    /// Key in the connection file.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Shell => "shell_port",
            Self::Iopub => "iopub_port",
            Self::Stdin => "stdin_port",
            Self::Control => "control_port",
            Self::Heartbeat => "hb_port",
        }
    }
}

/// A connection file, checked.
#[derive(Clone)]
pub struct Connection {
    path: PathBuf,
    fields: Map<String, Value>,
    /// How frames travel.
    pub transport: Transport,
    /// Address, or the beginning of the socket paths.
    pub ip: String,
    ports: [u16; 5],
    /// Signs and checks messages.
    pub signer: Signer,
    /// Keys for CURVE on every socket.
    pub curve: Option<CurveKeys>,
    /// Whether a port was chosen that the file does not tell yet.
    pub changed: bool,
    /// Where to tell the ports, if the launcher wants to be told; then the file is the launcher's and stays as it is.
    pub registration: Option<Registration>,
    /// What its owner should know about the file that was read, though it is served: other users can read its key.
    pub warning: Option<String>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the key.
        f.debug_struct("Connection")
            .field("path", &self.path)
            .field("transport", &self.transport)
            .field("ip", &self.ip)
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Read and check a connection file.
    ///
    /// # Errors
    /// [`Error::ConnectionFile`] naming the value that cannot be used and the fix.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |problem: String| Error::ConnectionFile {
            path: path.to_owned(),
            problem,
        };
        let (text, mode) = read_checked(path).map_err(wrong)?;
        let mut connection = Self::parse(path, &text).map_err(wrong)?;
        if mode & OTHERS_READ != 0 && connection.signer.checks() {
            connection.warning = Some(format!(
                "connection file {0} can be read by other users (mode {mode:04o}), and whoever has its key can run code; \
                 run: chmod 600 {0}",
                path.display()
            ));
        }
        Ok(connection)
    }

    fn parse(path: &Path, text: &[u8]) -> std::result::Result<Self, String> {
        let fields = match serde_json::from_slice(text) {
            Ok(Value::Object(fields)) => fields,
            Ok(other) => return Err(format!("must hold a JSON object, not {}", kind(&other))),
            Err(_) if text.is_empty() => {
                return Err("is empty; let the launcher write it again".into());
            }
            Err(error) => {
                return Err(format!(
                    "is not complete JSON ({error}); let the launcher write it again"
                ));
            }
        };
        let transport = match fields
            .get("transport")
            .map_or(Some("tcp"), Value::as_str)
            .unwrap_or_default()
        {
            "tcp" => Transport::Tcp,
            "ipc" => Transport::Ipc,
            _ => {
                let transport = fields.get("transport").unwrap_or(&Value::Null);
                return Err(format!(
                    "unknown transport {transport}; use \"tcp\" or \"ipc\""
                ));
            }
        };
        let curve = curve_keys(&fields)?;
        let registration = Registration::from_fields(&fields, curve.as_ref())?;
        let ip = text_field(
            &fields,
            "ip",
            match &registration {
                Some(registration) if !registration.ip.is_empty() => &registration.ip,
                _ if transport == Transport::Tcp => "127.0.0.1",
                _ => "",
            },
        )?;
        let ip = if transport == Transport::Ipc && ip.is_empty() {
            default_ipc_prefix(path)
        } else {
            ip
        };
        let key = text_field(&fields, "key", "")?;
        let scheme = text_field(&fields, "signature_scheme", "hmac-sha256")?;
        let signer = Signer::new(&scheme, key.as_bytes()).ok_or_else(|| {
            format!(
                "unknown signature_scheme {scheme:?}; use one of {}",
                SCHEMES.join(", ")
            )
        })?;
        if !signer.checks() && transport == Transport::Tcp && !is_loopback(&ip) {
            return Err(format!(
                "has no key, and ip {ip:?} can be reached from other machines: anybody there could run code; \
                 give it a key or use 127.0.0.1"
            ));
        }
        let mut ports = [0; 5];
        for (slot, port) in ports.iter_mut().zip(Port::ALL) {
            *slot = port_field(&fields, port.key())?;
        }
        Ok(Self {
            path: path.to_owned(),
            fields,
            transport,
            ip,
            ports,
            signer,
            curve,
            changed: false,
            registration,
            warning: None,
        })
    }

    /// The port of one socket; 0 = to be chosen.
    #[must_use]
    pub fn port(&self, port: Port) -> u16 {
        Port::ALL
            .iter()
            .zip(self.ports)
            .find(|(each, _)| **each == port)
            .map_or(0, |(_, number)| number)
    }

    /// Note the port that a bind chose.
    pub fn set_port(&mut self, port: Port, number: u16) {
        for (slot, each) in self.ports.iter_mut().zip(Port::ALL) {
            if each == port && *slot != number {
                *slot = number;
                self.changed = true;
            }
        }
    }

    /// The address of a port number, for libzmq.
    ///
    /// # Errors
    /// [`Error::Bind`] when a socket path is longer than the system allows.
    pub fn endpoint(&self, port: Port, number: u16) -> Result<String> {
        let endpoint = self.transport.endpoint(&self.ip, number);
        let is_path = self.transport == Transport::Ipc;
        if is_path && endpoint.len() - "ipc://".len() > MAX_IPC_PATH_BYTES {
            return Err(Error::Bind {
                channel: port.channel(),
                endpoint,
                reason: format!("a socket path may have {MAX_IPC_PATH_BYTES} bytes at the most"),
            });
        }
        Ok(endpoint)
    }

    /// What a client needs, as JSON: the file with the ports that were chosen, and without what was the launcher's alone.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut fields = self.fields.clone();
        for name in registration::FIELDS {
            fields.remove(name);
        }
        let transport = if self.transport == Transport::Tcp {
            "tcp"
        } else {
            "ipc"
        };
        fields.insert("transport".into(), json!(transport));
        fields.insert("ip".into(), json!(self.ip));
        for port in Port::ALL {
            fields.insert(port.key().into(), json!(self.port(port)));
        }
        fields.entry("key").or_insert_with(|| json!(""));
        fields
            .entry("signature_scheme")
            .or_insert_with(|| json!("hmac-sha256"));
        Value::Object(fields)
    }

    /// Write the chosen ports back, so that clients find them. The file is replaced in one step.
    ///
    /// # Errors
    /// [`Error::ConnectionFile`] when it cannot be written.
    pub fn write_back(&self) -> Result<()> {
        let problem = |error: std::io::Error| Error::ConnectionFile {
            path: self.path.clone(),
            problem: format!(
                "cannot be written ({error}); the ports that were chosen must be stored in it"
            ),
        };
        let text =
            serde_json::to_vec_pretty(&self.to_json()).map_err(|error| problem(error.into()))?;
        let beside = self
            .path
            .with_extension(format!("tmp-{}", std::process::id()));
        write_private(&beside, &text).map_err(problem)?;
        fs::rename(&beside, &self.path).map_err(problem)
    }

    /// Write a connection file of our own, as a registered kernel does for clients other than its launcher. It is the
    /// kernel's file from here on.
    ///
    /// # Errors
    /// [`Error::ConnectionFile`] when it cannot be written.
    pub fn write_to(&mut self, path: PathBuf) -> Result<()> {
        self.path = path;
        if let Some(folder) = self.path.parent() {
            // What is wrong with the folder is said by the write that follows.
            let _ = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        }
        self.write_back()
    }

    /// Path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Write a new connection file: loopback tcp, random key, ports to be chosen.
    ///
    /// # Errors
    /// [`Error::ConnectionFile`] when the file exists or cannot be written.
    pub fn create(path: &Path, kernel_name: &str) -> Result<()> {
        let mut fields = json!({
            "transport": "tcp", "ip": "127.0.0.1", "signature_scheme": "hmac-sha256",
            "key": random_hex(32)?, "kernel_name": kernel_name,
        });
        for port in Port::ALL {
            if let Some(fields) = fields.as_object_mut() {
                fields.insert(port.key().into(), json!(0));
            }
        }
        let text = serde_json::to_vec_pretty(&fields).unwrap_or_default();
        write_private(path, &text).map_err(|error| Error::ConnectionFile {
            path: path.to_owned(),
            problem: format!("cannot be created ({error}); choose another path with -f"),
        })
    }
}

/// `count` random bytes as hex.
///
/// # Errors
/// [`Error::System`] when the system has no randomness.
pub fn random_hex(count: usize) -> Result<String> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).map_err(|error| Error::System {
        what: "cannot get random bytes",
        source: std::io::Error::other(error),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The file's bytes and permission bits.
fn read_checked(path: &Path) -> std::result::Result<(Vec<u8>, u32), String> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            "does not exist; start the kernel without -f to have one written, or check the path"
                .to_owned()
        }
        _ => format!("cannot be read ({error}); check the path and its permissions"),
    })?;
    if !metadata.is_file() {
        return Err("is not a regular file; pass the path of a JSON file".into());
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o002 != 0 {
        return Err(format!(
            "can be written by every user (mode {mode:04o}), so its key is worth nothing; run: chmod 600 {}",
            path.display()
        ));
    }
    let text = fs::read(path).map_err(|error| {
        format!(
            "cannot be read ({error}); run: chmod 600 {}",
            path.display()
        )
    })?;
    Ok((text, mode))
}

fn write_private(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

pub(crate) fn text_field(
    fields: &Map<String, Value>,
    name: &str,
    default: &str,
) -> std::result::Result<String, String> {
    match fields.get(name) {
        None => Ok(default.to_owned()),
        Some(Value::String(text)) => Ok(text.clone()),
        // Not its value: it may be the key.
        Some(other) => Err(format!(
            "{name} must be a string{}, not {}",
            example(default),
            kind(other)
        )),
    }
}

fn example(value: &str) -> String {
    if value.is_empty() {
        String::new()
    } else {
        format!(" such as {value:?}")
    }
}

pub(crate) fn port_field(
    fields: &Map<String, Value>,
    name: &str,
) -> std::result::Result<u16, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => value
            .as_u64()
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(|| format!("{name} must be a number from 0 to 65535, not {value}")),
    }
}

fn curve_keys(fields: &Map<String, Value>) -> std::result::Result<Option<CurveKeys>, String> {
    let secret = text_field(fields, "curve_secretkey", "")?;
    let public = text_field(fields, "curve_publickey", "")?;
    if secret.is_empty() && public.is_empty() {
        return Ok(None);
    }
    let keys = CurveKeys::from_secret(&secret).map_err(|_| {
        "curve_secretkey must be 40 characters of Z85; let the launcher write it again".to_owned()
    })?;
    if keys.public != public {
        return Err(
            "curve_publickey does not belong to curve_secretkey; let the launcher write both again"
                .into(),
        );
    }
    Ok(Some(keys))
}

fn default_ipc_prefix(path: &Path) -> String {
    path.with_extension("").to_string_lossy().into_owned() + "-ipc"
}

fn is_loopback(ip: &str) -> bool {
    ip == "localhost"
        || ip
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn bracketed(ip: &str) -> String {
    if ip.contains(':') && !ip.starts_with('[') {
        format!("[{ip}]")
    } else {
        ip.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> std::result::Result<Connection, String> {
        Connection::parse(Path::new("/run/kernel-1.json"), text.as_bytes())
    }

    #[test]
    fn defaults_are_loopback_tcp_and_chosen_ports() {
        let connection = parse("{}").unwrap();
        assert_eq!(connection.transport, Transport::Tcp);
        assert_eq!(
            connection.endpoint(Port::Shell, 0).unwrap(),
            "tcp://127.0.0.1:*"
        );
        assert_eq!(connection.port(Port::Heartbeat), 0);
    }

    #[test]
    fn ipc_addresses_are_paths() {
        let connection = parse(r#"{"transport":"ipc","ip":"/tmp/k","key":"a"}"#).unwrap();
        assert_eq!(
            connection.endpoint(Port::Iopub, 2).unwrap(),
            "ipc:///tmp/k-2"
        );
        let connection = parse(r#"{"transport":"ipc","key":"a"}"#).unwrap();
        assert_eq!(
            connection.endpoint(Port::Iopub, 2).unwrap(),
            "ipc:///run/kernel-1-ipc-2"
        );
        let long = format!(r#"{{"transport":"ipc","ip":"/{}"}}"#, "x".repeat(200));
        assert!(parse(&long).unwrap().endpoint(Port::Shell, 1).is_err());
    }

    #[test]
    fn table_of_unusable_files() {
        for (text, named) in [
            ("", "empty"),
            ("{\"ip\": \"127.0", "not complete JSON"),
            ("[]", "an array"),
            (r#"{"transport":"udp"}"#, "\"udp\""),
            (r#"{"signature_scheme":"hmac-md4"}"#, "\"hmac-md4\""),
            (r#"{"key":1}"#, "key must be a string"),
            (r#"{"shell_port":"80"}"#, "shell_port"),
            (r#"{"hb_port":65536}"#, "65536"),
            (r#"{"ip":"0.0.0.0","key":""}"#, "0.0.0.0"),
            (
                r#"{"curve_secretkey":"short","curve_publickey":"short"}"#,
                "curve_secretkey",
            ),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(named), "{text}: {problem}");
            assert!(!problem.contains('\n'));
        }
    }

    #[test]
    fn the_debug_form_shows_no_key() {
        let connection = parse(r#"{"key":"sesame"}"#).unwrap();
        assert!(!format!("{connection:?}").contains("sesame"));
    }

    #[test]
    fn a_mismatched_curve_pair_is_refused() {
        let (one, two) = (
            CurveKeys::generate().unwrap(),
            CurveKeys::generate().unwrap(),
        );
        let text =
            json!({"curve_secretkey": one.secret, "curve_publickey": two.public}).to_string();
        assert!(parse(&text).unwrap_err().contains("does not belong"));
        let text =
            json!({"curve_secretkey": one.secret, "curve_publickey": one.public}).to_string();
        assert!(parse(&text).unwrap().curve.is_some());
    }
}
