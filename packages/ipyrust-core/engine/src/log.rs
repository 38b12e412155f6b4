//! The engine's log: one clear line a kind and second, on a file descriptor of its own.
//!
//! Never on descriptor 2 after capture, where a line would land in the user's cell; never keys, code or content.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

const INTERVAL: Duration = Duration::from_secs(1);
/// A pipe that polls writable takes so much at once.
const PIECE_BYTES: usize = 512;

/// Writes lines, at most one a kind and second; the next line says how many were left out.
#[derive(Debug)]
pub struct Log {
    fd: OwnedFd,
    last: Mutex<HashMap<&'static str, (Instant, u64)>>,
}

impl Log {
    /// A log that writes to `fd`.
    #[must_use]
    pub fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            last: Mutex::new(HashMap::new()),
        }
    }

    /// Write one line of this kind, unless there was one within the last second. Kinds are fixed strings, so the table
    /// stays small.
    pub fn line(&self, kind: &'static str, text: &str) {
        let left_out = {
            let mut last = self.last.lock();
            let now = Instant::now();
            match last.get_mut(kind) {
                Some((since, left_out)) if now.duration_since(*since) < INTERVAL => {
                    *left_out += 1;
                    return;
                }
                Some((since, left_out)) => {
                    *since = now;
                    std::mem::take(left_out)
                }
                None => {
                    last.insert(kind, (now, 0));
                    0
                }
            }
        };
        let more = if left_out > 0 {
            format!(" ({left_out} more like this)")
        } else {
            String::new()
        };
        let text = text.replace('\n', " ");
        if !self.takes_a_line() {
            return; // Whoever holds the other end has stopped reading; the I/O thread must not wait for it.
        }
        let _ = rustix::io::write(&self.fd, format!("ipyrust: {text}{more}\n").as_bytes());
    }

    /// Write a text of many lines, as far as whoever holds the other end takes it now.
    pub fn text(&self, text: &str) {
        for piece in text.as_bytes().chunks(PIECE_BYTES) {
            if !self.takes_a_line() || rustix::io::write(&self.fd, piece).is_err() {
                return;
            }
        }
    }

    fn takes_a_line(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(&self.fd, PollFlags::OUT)];
        poll(
            &mut fds,
            Some(&Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            }),
        )
        .is_ok_and(|ready| ready > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn log() -> (Log, std::fs::File) {
        let (read, write) = rustix::pipe::pipe().unwrap();
        (Log::new(write), std::fs::File::from(read))
    }

    fn written(log: Log, mut read: std::fs::File) -> String {
        drop(log);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_full_pipe_holds_up_nobody() {
        use rustix::fs::{OFlags, fcntl_setfl};
        let (log, _read) = log();
        fcntl_setfl(&log.fd, OFlags::NONBLOCK).unwrap();
        while rustix::io::write(&log.fd, &[b'x'; 4096]).is_ok() {}
        fcntl_setfl(&log.fd, OFlags::empty()).unwrap();
        log.line("kind", "this write would block for ever");
    }

    #[test]
    fn one_line_a_kind_and_second() {
        let (log, read) = log();
        for _ in 0..3 {
            log.line("one", "first");
        }
        log.line("two", "second\nkind");
        assert_eq!(written(log, read), "ipyrust: first\nipyrust: second kind\n");
    }

    #[test]
    fn the_next_line_says_how_many_were_left_out() {
        let (log, read) = log();
        for _ in 0..4 {
            log.line("kind", "text");
        }
        for (since, _) in log.last.lock().values_mut() {
            *since -= INTERVAL;
        }
        log.line("kind", "text");
        assert!(written(log, read).ends_with("ipyrust: text (3 more like this)\n"));
    }

    #[test]
    fn a_log_that_nobody_reads_is_no_error() {
        let (log, read) = log();
        drop(read);
        log.line("kind", "text");
    }
}
