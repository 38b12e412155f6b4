//! Make and bind the five sockets.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use ipyrust_zmq::{Context, Socket, SocketKind};

use crate::connection::{Connection, Port, Transport};
use crate::error::{Error, Result};
use crate::publisher::BACKLOG_MESSAGES;

/// How long closed sockets may go on delivering, in milliseconds.
const LINGER_MS: i32 = 1000;
/// Replies for one client that libzmq may hold; beyond it that client's replies are dropped.
const REPLY_HIGH_WATER_MARK: i32 = 100_000;
/// A larger frame ends its connection.
const MAX_FRAME_BYTES: i64 = 1 << 30;
/// Numbers tried for an ipc socket whose port is to be chosen.
const IPC_NUMBERS: u16 = 1000;

/// The five sockets, bound.
pub struct Sockets {
    /// First, so that no file is removed after another kernel could have taken its path.
    _files: Vec<SocketFile>,
    /// Requests that run code.
    pub shell: Socket,
    /// Requests that must not wait.
    pub control: Socket,
    /// Questions to the user.
    pub stdin: Socket,
    /// Publications.
    pub iopub: Socket,
    /// Echo.
    pub heartbeat: Socket,
    /// Last, so that it ends after its sockets.
    pub context: Context,
}

/// The file of an ipc socket, removed when dropped: libzmq leaves it.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Sockets {
    /// Bind all sockets as `connection` says and note in it the ports that were chosen.
    ///
    /// # Errors
    /// [`Error::Bind`] naming channel and address.
    pub fn bind(connection: &mut Connection) -> Result<Self> {
        let context = Context::new(1)?;
        let mut files = Vec::new();
        let mut router = |port| bind_router(&context, connection, port, &mut files);
        let (shell, shell_port) = router(Port::Shell)?;
        let (control, control_port) = router(Port::Control)?;
        let (stdin, stdin_port) = router(Port::Stdin)?;
        let (heartbeat, heartbeat_port) = router(Port::Heartbeat)?;
        let iopub = context.socket(SocketKind::Xpub)?;
        iopub.set_xpub_verbose(true)?;
        iopub.set_xpub_nodrop(true)?;
        iopub.set_send_high_water_mark(BACKLOG_MESSAGES)?;
        let iopub_port = bind(&iopub, connection, Port::Iopub, &mut files)?;
        for (port, number) in [
            (Port::Shell, shell_port),
            (Port::Control, control_port),
            (Port::Stdin, stdin_port),
            (Port::Heartbeat, heartbeat_port),
            (Port::Iopub, iopub_port),
        ] {
            connection.set_port(port, number);
        }
        Ok(Self {
            _files: files,
            shell,
            control,
            stdin,
            iopub,
            heartbeat,
            context,
        })
    }
}

fn bind_router(
    context: &Context,
    connection: &Connection,
    port: Port,
    files: &mut Vec<SocketFile>,
) -> Result<(Socket, u16)> {
    let socket = context.socket(SocketKind::Router)?;
    // A client that reconnects under its old identity takes over the route instead of being refused.
    socket.set_router_handover(true)?;
    socket.set_router_mandatory(true)?;
    socket.set_send_high_water_mark(REPLY_HIGH_WATER_MARK)?;
    let number = bind(&socket, connection, port, files)?;
    Ok((socket, number))
}

fn bind(
    socket: &Socket,
    connection: &Connection,
    port: Port,
    files: &mut Vec<SocketFile>,
) -> Result<u16> {
    socket.set_linger_ms(LINGER_MS)?;
    socket.set_max_message_bytes(MAX_FRAME_BYTES)?;
    if connection.ip.contains(':') && connection.transport == Transport::Tcp {
        socket.set_ipv6(true)?;
    }
    if let Some(keys) = &connection.curve {
        socket.set_curve_server(keys)?;
    }
    let number = connection.port(port);
    match connection.transport {
        Transport::Tcp => bind_tcp(socket, connection, port, number),
        Transport::Ipc if number == 0 => bind_any_ipc(socket, connection, port, files),
        Transport::Ipc => bind_ipc(socket, connection, port, number, files),
    }
}

fn bind_tcp(socket: &Socket, connection: &Connection, port: Port, number: u16) -> Result<u16> {
    let endpoint = connection.endpoint(port, number)?;
    socket
        .bind(&endpoint)
        .map_err(|error| unbindable(port, &endpoint, &error))?;
    if number != 0 {
        return Ok(number);
    }
    let bound = socket.last_endpoint()?;
    bound
        .rsplit(':')
        .next()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Error::Bind {
            channel: port.channel(),
            endpoint,
            reason: format!("libzmq reports the unreadable address {bound:?}"),
        })
}

/// libzmq replaces a socket file that exists, even one that a living kernel listens on; so ask first.
fn bind_ipc(
    socket: &Socket,
    connection: &Connection,
    port: Port,
    number: u16,
    files: &mut Vec<SocketFile>,
) -> Result<u16> {
    let endpoint = connection.endpoint(port, number)?;
    let path = endpoint.trim_start_matches("ipc://");
    if UnixStream::connect(path).is_ok() {
        return Err(Error::Bind {
            channel: port.channel(),
            endpoint: endpoint.clone(),
            reason: "another process listens there".into(),
        });
    }
    socket
        .bind(&endpoint)
        .map_err(|error| unbindable(port, &endpoint, &error))?;
    files.push(SocketFile(path.into()));
    Ok(number)
}

/// Creating the file exclusively decides between kernels that look for a number at the same time. libzmq removes the file
/// just before it binds; who creates it again in that moment is seen by the bind, and the next number is tried.
fn bind_any_ipc(
    socket: &Socket,
    connection: &Connection,
    port: Port,
    files: &mut Vec<SocketFile>,
) -> Result<u16> {
    for number in 1..IPC_NUMBERS {
        let endpoint = connection.endpoint(port, number)?;
        let path = Path::new(endpoint.trim_start_matches("ipc://"));
        match fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
        {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            Err(error) => {
                return Err(Error::Bind {
                    channel: port.channel(),
                    endpoint,
                    reason: error.to_string(),
                });
            }
        }
        match socket.bind(&endpoint) {
            Ok(()) => {
                files.push(SocketFile(path.to_owned()));
                return Ok(number);
            }
            Err(error) if error.is_address_in_use() => {}
            Err(error) => return Err(unbindable(port, &endpoint, &error)),
        }
    }
    Err(Error::Bind {
        channel: port.channel(),
        endpoint: format!("ipc://{}-*", connection.ip),
        reason: format!("the first {IPC_NUMBERS} numbers are taken"),
    })
}

fn unbindable(port: Port, endpoint: &str, error: &ipyrust_zmq::Error) -> Error {
    let reason = if error.is_address_in_use() {
        "address already in use".to_owned()
    } else if error.is_address_not_available() {
        "this machine has no such address".to_owned()
    } else {
        error.to_string()
    };
    Error::Bind {
        channel: port.channel(),
        endpoint: endpoint.to_owned(),
        reason,
    }
}
