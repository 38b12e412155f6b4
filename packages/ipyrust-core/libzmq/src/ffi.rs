//! The C interface of libzmq that this crate calls, after `zmq.h` 4.3. Nothing here is checked or
//! safe.

use std::ffi::{c_char, c_int, c_long, c_short, c_void};

/// `zmq_msg_t`: 64 bytes that libzmq alone reads. Its address must not change while it holds a
/// message.
#[repr(C, align(8))]
pub(crate) struct Msg {
    opaque: [u8; 64],
}

impl Msg {
    /// Memory for a message, not yet initialised by libzmq.
    pub(crate) const fn uninitialised() -> Self {
        Self { opaque: [0; 64] }
    }
}

/// `zmq_pollitem_t` on every system but Windows.
#[repr(C)]
pub(crate) struct PollItem {
    pub(crate) socket: *mut c_void,
    pub(crate) fd: c_int,
    pub(crate) events: c_short,
    pub(crate) revents: c_short,
}

pub(crate) type FreeFn = unsafe extern "C" fn(data: *mut c_void, hint: *mut c_void);

pub(crate) const PAIR: c_int = 0;
pub(crate) const SUB: c_int = 2;
pub(crate) const REQ: c_int = 3;
pub(crate) const REP: c_int = 4;
pub(crate) const DEALER: c_int = 5;
pub(crate) const ROUTER: c_int = 6;
pub(crate) const XPUB: c_int = 9;

pub(crate) const IO_THREADS: c_int = 1;
pub(crate) const BLOCKY: c_int = 70;

pub(crate) const ROUTING_ID: c_int = 5;
pub(crate) const SUBSCRIBE: c_int = 6;
pub(crate) const FD: c_int = 14;
pub(crate) const EVENTS: c_int = 15;
pub(crate) const LINGER: c_int = 17;
pub(crate) const MAXMSGSIZE: c_int = 22;
pub(crate) const SNDHWM: c_int = 23;
pub(crate) const RCVHWM: c_int = 24;
pub(crate) const RCVTIMEO: c_int = 27;
pub(crate) const SNDTIMEO: c_int = 28;
pub(crate) const LAST_ENDPOINT: c_int = 32;
pub(crate) const ROUTER_MANDATORY: c_int = 33;
pub(crate) const TCP_KEEPALIVE: c_int = 34;
pub(crate) const TCP_KEEPALIVE_IDLE: c_int = 36;
pub(crate) const IMMEDIATE: c_int = 39;
pub(crate) const XPUB_VERBOSE: c_int = 40;
pub(crate) const IPV6: c_int = 42;
pub(crate) const CURVE_SERVER: c_int = 47;
pub(crate) const CURVE_PUBLICKEY: c_int = 48;
pub(crate) const CURVE_SECRETKEY: c_int = 49;
pub(crate) const CURVE_SERVERKEY: c_int = 50;
pub(crate) const ROUTER_HANDOVER: c_int = 56;
pub(crate) const HANDSHAKE_IVL: c_int = 66;
pub(crate) const XPUB_NODROP: c_int = 69;

pub(crate) const DONTWAIT: c_int = 1;
pub(crate) const SNDMORE: c_int = 2;

pub(crate) const POLLIN: c_short = 1;
pub(crate) const POLLOUT: c_short = 2;
pub(crate) const POLLERR: c_short = 4;

/// Errors of libzmq's own lie above this number.
const HAUSNUMERO: c_int = 156_384_712;
pub(crate) const ETERM: c_int = HAUSNUMERO + 53;

unsafe extern "C" {
    pub(crate) fn zmq_errno() -> c_int;
    pub(crate) fn zmq_strerror(errnum: c_int) -> *const c_char;
    pub(crate) fn zmq_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int);
    pub(crate) fn zmq_has(capability: *const c_char) -> c_int;

    pub(crate) fn zmq_ctx_new() -> *mut c_void;
    pub(crate) fn zmq_ctx_set(context: *mut c_void, option: c_int, value: c_int) -> c_int;
    pub(crate) fn zmq_ctx_shutdown(context: *mut c_void) -> c_int;
    pub(crate) fn zmq_ctx_term(context: *mut c_void) -> c_int;

    pub(crate) fn zmq_socket(context: *mut c_void, kind: c_int) -> *mut c_void;
    pub(crate) fn zmq_close(socket: *mut c_void) -> c_int;
    pub(crate) fn zmq_setsockopt(
        socket: *mut c_void,
        option: c_int,
        value: *const c_void,
        length: usize,
    ) -> c_int;
    pub(crate) fn zmq_getsockopt(
        socket: *mut c_void,
        option: c_int,
        value: *mut c_void,
        length: *mut usize,
    ) -> c_int;
    pub(crate) fn zmq_bind(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    pub(crate) fn zmq_connect(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    pub(crate) fn zmq_unbind(socket: *mut c_void, endpoint: *const c_char) -> c_int;

    pub(crate) fn zmq_msg_init(msg: *mut Msg) -> c_int;
    pub(crate) fn zmq_msg_init_size(msg: *mut Msg, size: usize) -> c_int;
    pub(crate) fn zmq_msg_init_data(
        msg: *mut Msg,
        data: *mut c_void,
        size: usize,
        free: FreeFn,
        hint: *mut c_void,
    ) -> c_int;
    pub(crate) fn zmq_msg_send(msg: *mut Msg, socket: *mut c_void, flags: c_int) -> c_int;
    pub(crate) fn zmq_msg_recv(msg: *mut Msg, socket: *mut c_void, flags: c_int) -> c_int;
    pub(crate) fn zmq_msg_close(msg: *mut Msg) -> c_int;
    pub(crate) fn zmq_msg_data(msg: *mut Msg) -> *mut c_void;
    pub(crate) fn zmq_msg_size(msg: *const Msg) -> usize;
    pub(crate) fn zmq_msg_more(msg: *const Msg) -> c_int;

    pub(crate) fn zmq_poll(items: *mut PollItem, count: c_int, timeout_ms: c_long) -> c_int;

    pub(crate) fn zmq_curve_keypair(public: *mut c_char, secret: *mut c_char) -> c_int;
    pub(crate) fn zmq_curve_public(public: *mut c_char, secret: *const c_char) -> c_int;
}
