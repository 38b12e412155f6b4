//! A Jupyter kernel's protocol and transport, for any language.
//!
//! # Layout, in the order in which a cell travels
//!
//! | module | job |
//! |---|---|
//! | [`connection`] | the connection file: read, check, write back the ports |
//! | [`sockets`] | make and bind the five sockets |
//! | [`registration`] | tell the launcher the ports, if it asks for them |
//! | [`io_thread`] | the one thread that owns them: poll, read, answer, send |
//! | [`frames`] | multipart frames ↔ their named parts |
//! | [`signature`] | sign and check, in constant time; the replay window |
//! | [`message`] | frames → a trusted [`message::Request`]; headers of our own messages |
//! | [`route`] | header + channel → where a request goes |
//! | [`comm_routes`] | which subshell gets the answer on a comm |
//! | [`answers`] | requests that need no Python: kernel_info, connect, interrupt, shutdown, usage, subshells |
//! | [`queue`] | requests that wait for Python, and their abort |
//! | [`interrupt`] | the window in which an interrupt may hit, and how it is delivered |
//! | [`outbox`] | what waits to be sent: order, bound, merging of stream text |
//! | [`publisher`] | publish to subscribers of which some may have stopped reading |
//! | `left_out` | what of that was left out because one does not read, and the notices |
//! | [`kept`] | what executions published, for clients that were away |
//! | [`input`] | threads that wait for an `input_reply` |
//! | [`capture`] | file descriptors 1 and 2 as streams |
//! | [`watch`] | notice the end of the parent process |
//! | [`wake`] | wake a thread that polls |
//! | [`post_mortem`] | why did it die: what is recorded, said while dying, and told by the next kernel |
//! | [`record`] | which cells run, in a block of memory that outlives the process |
//! | [`journal`] | the file behind that block |
//! | [`memory`] | how much memory there is, and whether the system ended processes for want of it |
//! | [`fatal`] | what a signal handler and the I/O thread say to each other |
//! | [`stack_text`] | the text of `faulthandler` → stacks of threads |
//! | [`stacks`] | `stack_request`: the stacks of a kernel that may be too busy to answer |
//! | [`crash`] | the report of a kernel that died |
//! | [`murmur`] | the hash that names the files of cells |
//! | [`usage`] | CPU and memory figures for `usage_request` |
//! | [`log`] | one clear line a kind and second |
//! | [`core`] | the handle that ties all this together for the binding |
//! | [`error`] | what can go wrong, with the value and the fix |
//!
//! Protocol modules (`frames`, `signature`, `message`, `route`) take values and return values; only `io_thread` touches
//! a socket, and it never takes the GIL: nothing in this crate knows Python.

pub mod answers;
pub mod capture;
pub mod comm_routes;
pub mod connection;
pub mod core;
pub mod crash;
pub mod error;
pub mod fatal;
pub mod frames;
pub mod input;
pub mod interrupt;
pub mod io_thread;
pub mod journal;
pub mod kept;
mod left_out;
pub mod log;
pub mod memory;
pub mod message;
pub mod murmur;
pub mod outbox;
pub mod post_mortem;
pub mod publisher;
pub mod queue;
pub mod record;
pub mod registration;
pub mod route;
pub mod signature;
pub mod sockets;
pub mod stack_text;
pub mod stacks;
pub mod usage;
pub mod wake;
pub mod watch;

pub use crate::core::{Core, ExitReason, Options};
pub use crate::error::{Error, Result};
pub use crate::io_thread::Awaited;
