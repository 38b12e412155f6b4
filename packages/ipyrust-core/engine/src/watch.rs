//! Notice the end of the parent process, without polling where the system can tell.
//!
//! Linux: a pidfd is readable when its process ends. Elsewhere, and where pidfds are missing, [`ParentWatch::ended`]
//! must be asked now and then ([`ParentWatch::interval`]).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::unistd::getppid;
use rustix::process::Pid;

/// Watches one process.
#[derive(Debug)]
pub struct ParentWatch {
    pid: i32,
    was_parent: bool,
    ended_before: bool,
    handle: Option<OwnedFd>,
}

impl ParentWatch {
    /// Watch `pid`; None for 0 and 1, which never end.
    #[must_use]
    pub fn new(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok().filter(|pid| *pid > 1)?;
        let was_parent = getppid().as_raw() == pid;
        let (handle, ended_before) = open(pid);
        Some(Self {
            pid,
            was_parent,
            ended_before,
            handle,
        })
    }

    /// A descriptor that becomes readable when the process ends, where the system has such.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.handle.as_ref().map(AsFd::as_fd)
    }

    /// How often to ask [`ParentWatch::ended`] when there is no descriptor.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.handle.is_none().then_some(Duration::from_secs(1))
    }

    /// Whether the process is known to have ended. A readable descriptor says so by itself.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended_before || (self.was_parent && getppid().as_raw() != self.pid)
    }
}

#[cfg(target_os = "linux")]
fn open(pid: i32) -> (Option<OwnedFd>, bool) {
    use rustix::process::{PidfdFlags, pidfd_open};
    match Pid::from_raw(pid).map(|pid| pidfd_open(pid, PidfdFlags::empty())) {
        Some(Ok(handle)) => (Some(handle), false),
        Some(Err(rustix::io::Errno::SRCH)) => (None, true),
        _ => (None, false),
    }
}

#[cfg(not(target_os = "linux"))]
fn open(pid: i32) -> (Option<OwnedFd>, bool) {
    let gone = Pid::from_raw(pid)
        .is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH));
    (None, gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_watches_init() {
        assert!(ParentWatch::new(0).is_none());
        assert!(ParentWatch::new(1).is_none());
    }

    #[test]
    fn a_living_process_has_not_ended_and_an_ended_one_has() {
        assert!(!ParentWatch::new(std::process::id()).unwrap().ended());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(ParentWatch::new(pid).unwrap().ended());
    }
}
