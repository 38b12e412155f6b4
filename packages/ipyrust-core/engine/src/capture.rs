//! File descriptors 1 and 2 as streams: what C code and child processes write becomes `stream` messages.
//!
//! Pipes are put over both descriptors. The I/O thread reads them as it polls, without the GIL; a thread that is about
//! to publish drains them first, so that C output keeps its place among Python's prints. Text belongs to the request
//! that the main thread runs, or ran last. A character that is cut by the end of a read waits for its rest.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use parking_lot::Mutex;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_setfd, read};
use rustix::pipe::pipe;
use rustix::stdio::{dup2_stderr, dup2_stdout};

use crate::error::{Error, Result};
use crate::outbox::{Outbox, Parent, StreamName};

/// Bytes read at once; a pipe holds no more by default.
const READ_BYTES: usize = 64 << 10;
/// Descriptors of ours stay clear of 0, 1 and 2.
const FIRST_FD: i32 = 3;

#[derive(Debug)]
struct Captured {
    name: StreamName,
    read: OwnedFd,
    /// Kept open: once user code has closed the descriptor itself, a pipe without a writer would never cease to be
    /// ready.
    _write: OwnedFd,
    original: OwnedFd,
    /// The beginning of a character whose rest has not arrived.
    tail: Mutex<Vec<u8>>,
}

/// Both descriptors, captured until [`Capture::restore`].
#[derive(Debug)]
pub struct Capture {
    streams: [Captured; 2],
    waiting: Waiting,
}

impl Capture {
    /// Put pipes over descriptors 1 and 2.
    ///
    /// # Errors
    /// [`Error::System`] when one of them is closed or no descriptor is left.
    pub fn install() -> Result<Self> {
        let streams = [
            Captured::install(StreamName::Stdout)?,
            Captured::install(StreamName::Stderr)?,
        ];
        let waiting = Waiting::new(streams.iter().map(|stream| stream.read.as_fd()))?;
        Ok(Self { streams, waiting })
    }

    /// Descriptors to poll.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.streams.iter().map(|stream| stream.read.as_fd())
    }

    /// Whether something waits in a pipe, or is on its way from there to the outbox: one system call.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        // What another thread has read but not queued yet is no longer in the pipe; it holds the lock until then.
        self.waiting.any() || self.streams.iter().any(|stream| stream.tail.is_locked())
    }

    /// Queue what waits in the pipes now, for the parent of this moment; with `wait_for_room` only while the outbox has
    /// room. Returns whether there was anything.
    pub fn drain(&self, parent: &dyn Fn() -> Parent, outbox: &Outbox, wait_for_room: bool) -> bool {
        let mut found = false;
        if !self.is_waiting() {
            return found;
        }
        for stream in &self.streams {
            found |= stream.drain(parent, outbox, wait_for_room);
        }
        found
    }

    /// The descriptor as it was before.
    #[must_use]
    pub fn original(&self, name: StreamName) -> BorrowedFd<'_> {
        match (name, &self.streams) {
            (StreamName::Stdout, [stdout, _]) => stdout.original.as_fd(),
            (StreamName::Stderr, [_, stderr]) => stderr.original.as_fd(),
        }
    }

    /// Put the original descriptors back.
    pub fn restore(&self) {
        for stream in &self.streams {
            let _ = put_over(stream.name, &stream.original);
        }
    }
}

impl Captured {
    fn install(name: StreamName) -> Result<Self> {
        let stdio = if name == StreamName::Stdout {
            rustix::stdio::stdout()
        } else {
            rustix::stdio::stderr()
        };
        let original = fcntl_dupfd_cloexec(stdio, FIRST_FD)
            .map_err(Error::system("cannot keep the original output"))?;
        let (read, write) = pipe().map_err(Error::system("cannot make a pipe"))?;
        // The reading end must not block the I/O thread; the writing end stays blocking for those who write.
        rustix::fs::fcntl_setfl(&read, rustix::fs::OFlags::NONBLOCK)
            .map_err(Error::system("cannot set O_NONBLOCK"))?;
        for fd in [&read, &write] {
            fcntl_setfd(fd, FdFlags::CLOEXEC).map_err(Error::system("cannot set FD_CLOEXEC"))?;
        }
        put_over(name, &write).map_err(Error::system("cannot capture output"))?;
        Ok(Self {
            name,
            read,
            _write: write,
            original,
            tail: Mutex::default(),
        })
    }

    fn drain(&self, parent: &dyn Fn() -> Parent, outbox: &Outbox, wait_for_room: bool) -> bool {
        let mut tail = self.tail.lock();
        // Asked under the lock: what another thread reads before a cell begins is not filed under that cell, nor the
        // other way round.
        let parent = &parent();
        let mut found = false;
        while !wait_for_room || outbox.has_room() {
            tail.reserve(READ_BYTES);
            match read(&self.read, spare_capacity(&mut tail)) {
                Ok(0) | Err(Errno::AGAIN) => break,
                Ok(_) => {
                    found = true;
                    let text = decode_prefix(&mut tail);
                    let _ = outbox.write(parent, self.name, &text);
                }
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        found
    }
}

/// Tells whether any of some descriptors is readable. Asked before every `print`, so it has to be quick: epoll keeps a
/// list of those that are, where poll asks each of them.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Waiting {
    epoll: OwnedFd,
}

#[cfg(target_os = "linux")]
impl Waiting {
    fn new<'fd>(fds: impl Iterator<Item = BorrowedFd<'fd>>) -> Result<Self> {
        use rustix::event::epoll::{CreateFlags, EventData, EventFlags, add, create};
        let epoll = create(CreateFlags::CLOEXEC).map_err(Error::system("cannot make an epoll"))?;
        for fd in fds {
            add(&epoll, fd, EventData::new_u64(0), EventFlags::IN)
                .map_err(Error::system("cannot watch a pipe"))?;
        }
        Ok(Self { epoll })
    }

    fn any(&self) -> bool {
        use rustix::event::epoll::{Event, EventData, EventFlags, wait};
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }];
        wait(&self.epoll, &mut events[..], Some(&NO_TIME)).is_ok_and(|ready| ready > 0)
    }
}

/// Tells whether any of some descriptors is readable.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct Waiting {
    fds: Vec<OwnedFd>,
}

#[cfg(not(target_os = "linux"))]
impl Waiting {
    fn new<'fd>(fds: impl Iterator<Item = BorrowedFd<'fd>>) -> Result<Self> {
        let fds = fds
            .map(|fd| {
                fcntl_dupfd_cloexec(fd, FIRST_FD).map_err(Error::system("cannot watch a pipe"))
            })
            .collect::<Result<_>>()?;
        Ok(Self { fds })
    }

    fn any(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, poll};
        let mut fds: Vec<_> = self
            .fds
            .iter()
            .map(|fd| PollFd::new(fd, PollFlags::IN))
            .collect();
        poll(&mut fds, Some(&NO_TIME)).is_ok_and(|ready| ready > 0)
    }
}

const NO_TIME: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

fn put_over(name: StreamName, fd: &OwnedFd) -> std::result::Result<(), Errno> {
    match name {
        StreamName::Stdout => dup2_stdout(fd),
        StreamName::Stderr => dup2_stderr(fd),
    }
}

/// Take all whole characters from the front of `bytes`; what is not UTF-8 becomes U+FFFD.
#[must_use]
pub fn decode_prefix(bytes: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut used = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        used += chunk.valid().len();
        let at_end = used + chunk.invalid().len() == bytes.len();
        if at_end && is_cut(chunk.invalid()) {
            break;
        }
        used += chunk.invalid().len();
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    bytes.drain(..used);
    text
}

/// Whether these bytes may be the beginning of a character.
fn is_cut(bytes: &[u8]) -> bool {
    let wanted = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => return false,
    };
    bytes.len() < wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_survive_any_cut() {
        let text = "aé€😀\u{fffd}z";
        for at in 0..text.len() {
            let mut bytes = text.as_bytes()[..at].to_vec();
            let mut decoded = decode_prefix(&mut bytes);
            bytes.extend_from_slice(&text.as_bytes()[at..]);
            decoded += &decode_prefix(&mut bytes);
            assert_eq!(decoded, text, "cut at {at}");
            assert!(bytes.is_empty());
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_never_kept() {
        let mut bytes = b"a\xff\xfeb\x80".to_vec();
        assert_eq!(decode_prefix(&mut bytes), "a\u{fffd}\u{fffd}b\u{fffd}");
        assert!(bytes.is_empty());
    }
}
