//! Sockets against sockets, over the system's own tcp and ipc.

// A failed unwrap is how a test fails; clippy.toml allows it in tests but not in what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub
)]

mod curve;
mod errors;
mod options;
mod polling;
mod router;
mod support;
mod xpub;
mod zero_copy;
