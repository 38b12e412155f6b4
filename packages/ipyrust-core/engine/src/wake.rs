//! Wake a thread that polls: a file descriptor that is readable from `signal` until `clear`.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::error::{Error, Result};

/// A pollable flag. Setting it twice is the same as setting it once.
#[derive(Debug)]
pub struct Wake {
    read: OwnedFd,
    #[cfg(not(target_os = "linux"))]
    write: OwnedFd,
}

impl Wake {
    /// A flag that is not set.
    ///
    /// # Errors
    /// [`Error::System`] when the process has no file descriptor left.
    #[cfg(target_os = "linux")]
    pub fn new() -> Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let read = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(Error::system("cannot make an eventfd"))?;
        Ok(Self { read })
    }

    /// A flag that is not set.
    ///
    /// # Errors
    /// [`Error::System`] when the process has no file descriptor left.
    #[cfg(not(target_os = "linux"))]
    pub fn new() -> Result<Self> {
        let (read, write) = nonblocking_pipe()?;
        Ok(Self { read, write })
    }

    /// The descriptor to which a signal's handler may write 8 bytes instead of calling [`Wake::signal`].
    #[must_use]
    pub fn write_fd(&self) -> RawFd {
        #[cfg(target_os = "linux")]
        let target = &self.read;
        #[cfg(not(target_os = "linux"))]
        let target = &self.write;
        target.as_raw_fd()
    }

    /// Set the flag. A full pipe or counter means that it is set already.
    pub fn signal(&self) {
        #[cfg(target_os = "linux")]
        let target = &self.read;
        #[cfg(not(target_os = "linux"))]
        let target = &self.write;
        let _ = rustix::io::write(target, &1u64.to_ne_bytes());
    }

    /// Unset the flag.
    pub fn clear(&self) {
        let mut bytes = [0u8; 64];
        #[cfg(target_os = "linux")]
        let _ = rustix::io::read(&self.read, &mut bytes[..8]);
        #[cfg(not(target_os = "linux"))]
        while matches!(rustix::io::read(&self.read, &mut bytes), Ok(n) if n == bytes.len()) {}
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}

/// Both ends, (read, write), of a pipe that never blocks and that no child inherits.
pub(crate) fn nonblocking_pipe() -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe().map_err(Error::system("cannot make a pipe"))?;
    for fd in [&read, &write] {
        rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)
            .map_err(Error::system("cannot set FD_CLOEXEC"))?;
        rustix::fs::fcntl_setfl(fd, rustix::fs::OFlags::NONBLOCK)
            .map_err(Error::system("cannot set O_NONBLOCK"))?;
    }
    Ok((read, write))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn is_set(wake: &Wake) -> bool {
        let mut fds = [PollFd::new(wake, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut fds, Some(&now)).unwrap() == 1
    }

    #[test]
    fn is_set_until_cleared_however_often_it_was_set() {
        let wake = Wake::new().unwrap();
        assert!(!is_set(&wake));
        for times in [1, 2, 100_000] {
            (0..times).for_each(|_| wake.signal());
            assert!(is_set(&wake));
            wake.clear();
            assert!(!is_set(&wake), "after {times}");
        }
        wake.clear(); // Does not block.
    }
}
