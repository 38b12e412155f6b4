//! The engine, seen by clients: what goes in on real sockets and what comes out, in order.

// A failed unwrap is how a test fails; clippy.toml allows it in tests but not in what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub
)]

#[path = "../common/mod.rs"]
mod common;

mod abort;
mod addresses;
mod answers;
mod hostile;
mod life;
mod mutations;
mod order;
mod pressure;
mod registration;
mod replay;
mod shortcut;
mod statuses;
mod stdin;
mod subshells;
