//! One socket: its life, its options, whole messages in and out.
//!
//! # When a message is half sent
//! Frames go to libzmq one by one, so the question is what happens when it refuses one in the
//! middle. By its source (4.3.5) a pipe counts whole messages against its high-water mark
//! (`pipe_t::write`), so what had room for the first frame has room for all:
//! - `router_t::xsend` checks peer and room at the first frame only; later frames always succeed,
//!   and vanish if the peer is gone by then.
//! - `xpub_t::xsend` checks room at each frame, with the same answer, because only a last frame
//!   changes the count.
//! - `lb_t::sendpipe` (DEALER, REQ) takes and drops the later frames when the peer's pipe is gone.
//!   It refuses one (EAGAIN) while the pipe is still closing: it has then rolled the message back
//!   and swallows the frames still to come; those must be sent, or the next message would be
//!   swallowed in their place.
//! - `pair_t::xsend` refuses them; the frames before went down with the pipe.
//!
//! `Socket::finish_refused` is that list as code.

use std::ffi::{CString, c_int, c_void};
use std::marker::PhantomData;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr::NonNull;

use bytes::Bytes;

use crate::context::Context;
use crate::curve::CurveKeys;
use crate::error::{Error, Result};
use crate::ffi;
use crate::message::{Incoming, Outgoing};
use crate::poll::Events;

/// The messaging pattern of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SocketKind {
    /// Talks to many peers; the first frame names the peer.
    Router,
    /// Talks to its peers in turn.
    Dealer,
    /// Publishes by topic and reads subscriptions: `\x01topic` begins one, `\x00topic` ends one.
    Xpub,
    /// Receives the topics it subscribed to; sends nothing.
    Sub,
    /// Sends one request, then receives its reply.
    Req,
    /// Receives one request, then sends its reply.
    Rep,
    /// Talks to one other pair.
    Pair,
}

impl SocketKind {
    pub(crate) fn number(self) -> c_int {
        match self {
            Self::Router => ffi::ROUTER,
            Self::Dealer => ffi::DEALER,
            Self::Xpub => ffi::XPUB,
            Self::Sub => ffi::SUB,
            Self::Req => ffi::REQ,
            Self::Rep => ffi::REP,
            Self::Pair => ffi::PAIR,
        }
    }
}

/// Whether a call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Answer at once.
    No,
    /// Wait until it can be done or the socket's timeout is over.
    Yes,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a message that would block or has no route was not sent"]
pub enum Sent {
    /// libzmq has all of it. That is no proof of delivery.
    Yes,
    /// No room, or no peer yet. Nothing of it was sent; send it again later.
    WouldBlock,
    /// A mandatory ROUTER knows no peer of that name. Nothing of it was sent.
    Unroutable,
}

/// A libzmq socket, closed when dropped.
///
/// It may move to another thread but not be shared by two, as libzmq demands. Calls retry when a
/// signal interrupts them. After [`Context::shutdown`] every call fails with `ETERM`. Unless said
/// otherwise a method does not block, an option applies to later `bind` and `connect` calls, and
/// fails with `EINVAL` when the value is out of range or libzmq has no such option for this kind of
/// socket.
#[derive(Debug)]
pub struct Socket {
    pointer: NonNull<c_void>,
    kind: SocketKind,
    /// Dropped after the socket is closed: fields drop after `Drop::drop` ran.
    _context: Context,
    _not_sync: PhantomData<std::cell::Cell<()>>,
}

// SAFETY: libzmq lets a socket migrate between threads with a full fence, which any safe way to
// move a value implies; it is not `Sync`.
unsafe impl Send for Socket {}

impl Socket {
    pub(crate) fn new(pointer: NonNull<c_void>, kind: SocketKind, context: Context) -> Self {
        Self {
            pointer,
            kind,
            _context: context,
            _not_sync: PhantomData,
        }
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer.as_ptr()
    }

    /// What kind of socket this is.
    pub fn kind(&self) -> SocketKind {
        self.kind
    }
}

/// Endpoints.
impl Socket {
    /// Listens on an endpoint such as `tcp://127.0.0.1:*`, `ipc:///path` or `inproc://name`.
    ///
    /// Fails with `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `EPROTONOSUPPORT`, `ENAMETOOLONG` (an
    /// ipc path over some 100 bytes) or `EINVAL`.
    pub fn bind(&self, endpoint: &str) -> Result<()> {
        self.with_endpoint(ffi::zmq_bind, "bind", endpoint)
    }

    /// Connects to an endpoint in the background; the peer may come later, and again after it went
    /// away.
    pub fn connect(&self, endpoint: &str) -> Result<()> {
        self.with_endpoint(ffi::zmq_connect, "connect to", endpoint)
    }

    /// Stops listening on an endpoint, spelled as [`last_endpoint`](Self::last_endpoint) spells it.
    ///
    /// Fails with `ENOENT` when it is not bound. The port is free a moment later, not at once.
    pub fn unbind(&self, endpoint: &str) -> Result<()> {
        self.with_endpoint(ffi::zmq_unbind, "unbind", endpoint)
    }

    /// The endpoint last bound or connected, with the port that the system chose; empty before the
    /// first.
    pub fn last_endpoint(&self) -> Result<String> {
        let mut buffer = [0_u8; 1024];
        let length = self.get_option(ffi::LAST_ENDPOINT, "last_endpoint", &mut buffer)?;
        let text = buffer.iter().take(length).take_while(|&&byte| byte != 0);
        String::from_utf8(text.copied().collect())
            .map_err(|_| Error::invalid("get", "last_endpoint"))
    }

    fn with_endpoint(
        &self,
        call: unsafe extern "C" fn(*mut c_void, *const std::ffi::c_char) -> c_int,
        operation: &'static str,
        endpoint: &str,
    ) -> Result<()> {
        let text = CString::new(endpoint).map_err(|_| Error::invalid(operation, endpoint))?;
        retry_interrupted(|| {
            // SAFETY: `call` is one of libzmq's three endpoint functions; the socket is open and
            // the text NUL-terminated.
            let returned = unsafe { call(self.pointer(), text.as_ptr()) };
            check(returned, operation, endpoint)
        })
    }
}

/// Options.
impl Socket {
    /// How long a closed socket goes on sending what waits: milliseconds, zero for not at all, -1
    /// for ever.
    pub fn set_linger_ms(&self, milliseconds: i32) -> Result<()> {
        self.set_int(ffi::LINGER, milliseconds, "linger_ms")
    }

    /// How many messages may wait to be sent to one peer; zero for no bound. 1000 by default.
    pub fn set_send_high_water_mark(&self, messages: i32) -> Result<()> {
        self.set_int(ffi::SNDHWM, messages, "send_high_water_mark")
    }

    /// How many messages of one peer may wait to be received; zero for no bound. 1000 by default.
    pub fn set_receive_high_water_mark(&self, messages: i32) -> Result<()> {
        self.set_int(ffi::RCVHWM, messages, "receive_high_water_mark")
    }

    /// ROUTER: a new peer with a known identity takes it over; by default the new one is refused.
    pub fn set_router_handover(&self, on: bool) -> Result<()> {
        self.set_int(ffi::ROUTER_HANDOVER, on.into(), "router_handover")
    }

    /// ROUTER: report a peer that is unknown ([`Sent::Unroutable`]) or whose queue is full
    /// ([`Sent::WouldBlock`]); by default messages to both are dropped in silence.
    pub fn set_router_mandatory(&self, on: bool) -> Result<()> {
        self.set_int(ffi::ROUTER_MANDATORY, on.into(), "router_mandatory")
    }

    /// XPUB: hand every subscription to the reader; by default only the first to each topic.
    pub fn set_xpub_verbose(&self, on: bool) -> Result<()> {
        self.set_int(ffi::XPUB_VERBOSE, on.into(), "xpub_verbose")
    }

    /// XPUB: answer [`Sent::WouldBlock`] when the queue of any subscriber to the topic is full; by
    /// default the message is dropped for that subscriber. One stalled subscriber then holds up
    /// all.
    pub fn set_xpub_nodrop(&self, on: bool) -> Result<()> {
        self.set_int(ffi::XPUB_NODROP, on.into(), "xpub_nodrop")
    }

    /// Disconnects a peer that sends a frame larger than this many bytes; -1 for no bound. It
    /// bounds one frame, not the sum of a message's frames nor their number.
    pub fn set_max_message_bytes(&self, bytes: i64) -> Result<()> {
        self.set_bytes(ffi::MAXMSGSIZE, &bytes.to_ne_bytes(), "max_message_bytes")
    }

    /// The name under which a ROUTER peer knows this socket: 1 to 255 bytes, the first not zero.
    pub fn set_identity(&self, identity: &[u8]) -> Result<()> {
        self.set_bytes(ffi::ROUTING_ID, identity, "identity")
    }

    /// SUB: receive messages whose first frame begins with `topic`; the empty topic is all. Applies
    /// at once.
    pub fn set_subscribe(&self, topic: &[u8]) -> Result<()> {
        self.set_bytes(ffi::SUBSCRIBE, topic, "subscribe")
    }

    /// Allow IPv6 beside IPv4.
    pub fn set_ipv6(&self, on: bool) -> Result<()> {
        self.set_int(ffi::IPV6, on.into(), "ipv6")
    }

    /// Queue messages only for peers whose connection is complete.
    pub fn set_immediate(&self, on: bool) -> Result<()> {
        self.set_int(ffi::IMMEDIATE, on.into(), "immediate")
    }

    /// How long a peer may take to finish its handshake before it is cut off; zero for ever. 30 000
    /// by default.
    pub fn set_handshake_interval_ms(&self, milliseconds: i32) -> Result<()> {
        self.set_int(ffi::HANDSHAKE_IVL, milliseconds, "handshake_interval_ms")
    }

    /// Let the system probe idle TCP connections after this many seconds, so that a peer that
    /// vanished is noticed.
    pub fn set_tcp_keepalive_idle_seconds(&self, seconds: i32) -> Result<()> {
        self.set_int(ffi::TCP_KEEPALIVE, 1, "tcp_keepalive")?;
        self.set_int(
            ffi::TCP_KEEPALIVE_IDLE,
            seconds,
            "tcp_keepalive_idle_seconds",
        )
    }

    /// How long [`receive`](Self::receive) may wait; -1, the default, for ever. Applies at once.
    pub fn set_receive_timeout_ms(&self, milliseconds: i32) -> Result<()> {
        self.set_int(ffi::RCVTIMEO, milliseconds, "receive_timeout_ms")
    }

    /// How long [`send_blocking`](Self::send_blocking) may wait; -1, the default, for ever. Applies
    /// at once.
    pub fn set_send_timeout_ms(&self, milliseconds: i32) -> Result<()> {
        self.set_int(ffi::SNDTIMEO, milliseconds, "send_timeout_ms")
    }

    /// Encrypt, and accept the peers that know this public key. Fails with `EINVAL` when libzmq has
    /// no CURVE.
    pub fn set_curve_server(&self, keys: &CurveKeys) -> Result<()> {
        self.set_bytes(
            ffi::CURVE_SECRETKEY,
            keys.secret.as_bytes(),
            "curve_secret_key",
        )?;
        self.set_int(ffi::CURVE_SERVER, 1, "curve_server")
    }

    /// Encrypt, and talk only to the server with this public key. Fails with `EINVAL` when libzmq
    /// has no CURVE.
    pub fn set_curve_client(&self, server_public: &str, own: &CurveKeys) -> Result<()> {
        self.set_bytes(
            ffi::CURVE_SERVERKEY,
            server_public.as_bytes(),
            "curve_server_key",
        )?;
        self.set_bytes(
            ffi::CURVE_PUBLICKEY,
            own.public.as_bytes(),
            "curve_public_key",
        )?;
        self.set_bytes(
            ffi::CURVE_SECRETKEY,
            own.secret.as_bytes(),
            "curve_secret_key",
        )
    }

    fn set_int(&self, option: c_int, value: c_int, name: &'static str) -> Result<()> {
        self.set_bytes(option, &value.to_ne_bytes(), name)
    }

    fn set_bytes(&self, option: c_int, value: &[u8], name: &'static str) -> Result<()> {
        retry_interrupted(|| {
            // SAFETY: the socket is open; libzmq copies `value.len()` bytes during the call.
            let returned = unsafe {
                ffi::zmq_setsockopt(self.pointer(), option, value.as_ptr().cast(), value.len())
            };
            check(returned, "set socket option", name)
        })
    }

    /// Reads an option into `buffer` and returns how many bytes of it libzmq filled.
    fn get_option(&self, option: c_int, name: &'static str, buffer: &mut [u8]) -> Result<usize> {
        let mut length = buffer.len();
        retry_interrupted(|| {
            let value = buffer.as_mut_ptr().cast();
            // SAFETY: the socket is open; libzmq writes at most `length` bytes, the size of the
            // buffer.
            let returned =
                unsafe { ffi::zmq_getsockopt(self.pointer(), option, value, &mut length) };
            check(returned, "get socket option", name)
        })?;
        Ok(length)
    }
}

/// Messages.
impl Socket {
    /// Whether a message can be received or sent right now, after libzmq's pending work for this
    /// socket is done.
    ///
    /// XPUB always reports writable, and a mandatory ROUTER does when any one peer has room:
    /// neither tells whether the next message has a place.
    pub fn events(&self) -> Result<Events> {
        let mut bits = [0; size_of::<c_int>()];
        self.get_option(ffi::EVENTS, "events", &mut bits)?;
        Ok(Events::from_bits(c_int::from_ne_bytes(bits)))
    }

    /// A descriptor that becomes readable when libzmq has news for this socket: a message came, or there is room again.
    ///
    /// It tells of news, not of what there is: it stays readable until the socket is used, and any use may take the
    /// news away. So after each use ask [`events`](Self::events), or receive until there is nothing, before waiting
    /// for it. Wait for it and nothing else: never read it.
    pub fn news(&self) -> Result<BorrowedFd<'_>> {
        let mut bytes = [0; size_of::<RawFd>()];
        self.get_option(ffi::FD, "fd", &mut bytes)?;
        let fd = RawFd::from_ne_bytes(bytes);
        // SAFETY: the descriptor belongs to the socket and is closed with it; the borrow keeps the socket open.
        Ok(unsafe { BorrowedFd::borrow_raw(fd) })
    }

    /// Receives one whole message.
    ///
    /// With [`Wait::No`] never blocks and returns `None` when there is none; with [`Wait::Yes`]
    /// waits for at most the receive timeout, anew after a signal, and returns `None` when that is
    /// over. A REQ or REP whose turn it is to send fails with `EFSM`. Frames of
    /// [`ZERO_COPY_BYTES`](crate::ZERO_COPY_BYTES) or more are not copied.
    pub fn receive(&self, wait: Wait) -> Result<Option<Vec<Bytes>>> {
        let flags = flags(wait);
        let mut incoming = Incoming::empty();
        if !self.receive_frame(&mut incoming, flags)? {
            return Ok(None);
        }
        let mut frames = Vec::with_capacity(8);
        // Peers' messages arrive whole (`fq_t::recvpipe` asserts it), so the later frames are
        // there.
        while incoming.has_more() {
            frames.push(incoming.take());
            if !self.receive_frame(&mut incoming, flags)? {
                return Err(Error::new(libc::EAGAIN, "receive", "the rest of a message"));
            }
        }
        frames.push(incoming.take());
        Ok(Some(frames))
    }

    /// Sends one whole message without blocking, or nothing of it.
    ///
    /// The caller keeps the frames. Small ones are copied; of those of
    /// [`ZERO_COPY_BYTES`](crate::ZERO_COPY_BYTES) or more libzmq holds a reference until they are
    /// sent, and drops it on one of its own threads, even after this socket is closed: their owner
    /// must not need a lock that waits for this thread. After [`Sent::WouldBlock`] poll for
    /// writable and try again; XPUB and ROUTER are always or mostly writable
    /// ([`events`](Self::events)), so for those try again after a short time instead.
    ///
    /// Fails with `EINVAL` for no frames at all and with `EFSM` when a REQ or REP must receive
    /// first. A message of a ROUTER with the identity as its only frame is dropped by libzmq.
    pub fn send(&self, frames: &[Bytes]) -> Result<Sent> {
        self.send_message(frames, Wait::No)
    }

    /// As [`send`](Self::send), but waits for room for at most the send timeout, anew after a
    /// signal; [`Sent::WouldBlock`] then means that the time is over.
    pub fn send_blocking(&self, frames: &[Bytes]) -> Result<Sent> {
        self.send_message(frames, Wait::Yes)
    }

    fn send_message(&self, frames: &[Bytes], wait: Wait) -> Result<Sent> {
        let mut outgoing = Outgoing::new(frames)?;
        let Some((first, rest)) = outgoing.frames().split_first_mut() else {
            return Err(Error::invalid("send", "a message without frames"));
        };
        let mut sent = self.send_frame(first, !rest.is_empty(), flags(wait))?;
        if sent == Sent::WouldBlock && wait == Wait::No {
            // For speed libzmq looks for news of freed room about once a millisecond; asking for
            // the events makes it look now, so that `WouldBlock` is the truth.
            self.events()?;
            sent = self.send_frame(first, !rest.is_empty(), flags(wait))?;
        }
        if sent != Sent::Yes {
            return Ok(sent);
        }
        self.send_later_frames(rest, wait)
    }

    fn send_later_frames(&self, frames: &mut [ffi::Msg], wait: Wait) -> Result<Sent> {
        let mut frames = frames.iter_mut();
        while let Some(frame) = frames.next() {
            let more = frames.len() > 0;
            if self.send_frame(frame, more, flags(wait))? != Sent::Yes {
                return self.finish_refused(frame, frames);
            }
        }
        Ok(Sent::Yes)
    }

    /// Brings the socket back between two messages after it refused a later frame; see the head of
    /// this file.
    fn finish_refused<'a>(
        &self,
        refused: &mut ffi::Msg,
        rest: impl ExactSizeIterator<Item = &'a mut ffi::Msg>,
    ) -> Result<Sent> {
        match self.kind {
            SocketKind::Pair => Ok(Sent::WouldBlock),
            SocketKind::Dealer | SocketKind::Req => {
                self.send_rest(rest, Wait::No)?;
                Ok(Sent::WouldBlock)
            }
            // By the source this cannot be, except for an XPUB whose inproc subscriber lowers its
            // mark at this very moment. The frames before cannot be taken back, so the message must
            // wait for its end.
            SocketKind::Router | SocketKind::Xpub | SocketKind::Sub | SocketKind::Rep => {
                let _ = self.send_frame(refused, rest.len() > 0, flags(Wait::Yes))?;
                self.send_rest(rest, Wait::Yes)?;
                Ok(Sent::Yes)
            }
        }
    }

    fn send_rest<'a>(
        &self,
        mut rest: impl ExactSizeIterator<Item = &'a mut ffi::Msg>,
        wait: Wait,
    ) -> Result<()> {
        while let Some(frame) = rest.next() {
            let _ = self.send_frame(frame, rest.len() > 0, flags(wait))?;
        }
        Ok(())
    }

    /// Hands one frame to libzmq; on anything but `Yes` the frame keeps its content.
    fn send_frame(&self, frame: &mut ffi::Msg, more: bool, flags: c_int) -> Result<Sent> {
        let flags = if more { flags | ffi::SNDMORE } else { flags };
        loop {
            // SAFETY: the socket is open and the frame initialised; libzmq empties the frame when
            // it takes it.
            if unsafe { ffi::zmq_msg_send(frame, self.pointer(), flags) } != -1 {
                return Ok(Sent::Yes);
            }
            let error = Error::last("send", "");
            match error.errno() {
                libc::EINTR => {}
                libc::EAGAIN => return Ok(Sent::WouldBlock),
                libc::EHOSTUNREACH => return Ok(Sent::Unroutable),
                _ => return Err(error),
            }
        }
    }

    /// Receives one frame; `false` when there is none in time.
    fn receive_frame(&self, frame: &mut Incoming, flags: c_int) -> Result<bool> {
        loop {
            // SAFETY: the socket is open and the message initialised; libzmq frees what it held
            // before.
            if unsafe { ffi::zmq_msg_recv(frame.as_mut_ptr(), self.pointer(), flags) } != -1 {
                return Ok(true);
            }
            let error = Error::last("receive", "");
            match error.errno() {
                libc::EINTR => {}
                libc::EAGAIN => return Ok(false),
                _ => return Err(error),
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: the socket is open and closed only here; an error would mean that it was not.
        unsafe { ffi::zmq_close(self.pointer()) };
    }
}

fn flags(wait: Wait) -> c_int {
    match wait {
        Wait::No => ffi::DONTWAIT,
        Wait::Yes => 0,
    }
}

fn check(returned: c_int, operation: &'static str, subject: &str) -> Result<()> {
    if returned == -1 {
        Err(Error::last(operation, subject))
    } else {
        Ok(())
    }
}

fn retry_interrupted(mut call: impl FnMut() -> Result<()>) -> Result<()> {
    loop {
        match call() {
            Err(error) if error.is_interrupted() => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Interest, PollItem, poll};

    const PATIENCE_MS: i32 = 10_000;

    /// Sends half a message, takes the peer away, sends the rest; then a new peer comes.
    fn lose_the_peer_in_the_middle(kind: SocketKind, peer_kind: SocketKind) {
        let context = Context::new(1).unwrap();
        let connected = |endpoint: &str| {
            let peer = context.socket(peer_kind).unwrap();
            peer.set_receive_timeout_ms(PATIENCE_MS).unwrap();
            peer.connect(endpoint).unwrap();
            peer
        };
        let sender = context.socket(kind).unwrap();
        sender.bind("tcp://127.0.0.1:*").unwrap();
        sender.set_send_timeout_ms(PATIENCE_MS).unwrap();
        let endpoint = sender.last_endpoint().unwrap();
        let peer = connected(&endpoint);
        let mut lost = Outgoing::new(&["lost".into(), "lost".into(), "lost".into()]).unwrap();
        let (first, rest) = lost.frames().split_first_mut().unwrap();
        assert_eq!(
            sender.send_frame(first, true, flags(Wait::Yes)).unwrap(),
            Sent::Yes
        );
        drop(peer);
        // libzmq tells nobody that a peer is gone; this is ample time for it to learn so itself.
        poll(&mut [PollItem::socket(&sender, Interest::READABLE)], 300).unwrap();
        let _ = sender.send_later_frames(rest, Wait::No).unwrap();

        let peer = connected(&endpoint);
        let message = ["whole".into(), "message".into()];
        assert_eq!(sender.send_blocking(&message).unwrap(), Sent::Yes);
        let received = peer.receive(Wait::Yes).unwrap().expect("a message in time");
        assert!(
            received.ends_with(&message) && !received.contains(&"lost".into()),
            "{received:?}"
        );
    }

    #[test]
    fn a_dealer_that_loses_its_peer_spoils_no_later_message() {
        lose_the_peer_in_the_middle(SocketKind::Dealer, SocketKind::Router);
    }

    #[test]
    fn a_pair_that_loses_its_peer_spoils_no_later_message() {
        lose_the_peer_in_the_middle(SocketKind::Pair, SocketKind::Pair);
    }
}
