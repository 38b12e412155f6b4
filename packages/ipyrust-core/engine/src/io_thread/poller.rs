//! One wait for many sources, whose watching can be switched on and off by any thread while another one waits.
//!
//! Linux has all of that in an epoll. Elsewhere the sources are polled, and a switch takes effect with the next wait;
//! [`Poller::SWITCHES_AT_ONCE`] says which.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::linger::Found;
use crate::error::Result;
use crate::message::Channel;

#[cfg(target_os = "linux")]
pub(crate) use self::by_epoll::Poller;
#[cfg(not(target_os = "linux"))]
pub(crate) use self::by_poll::Poller;

/// A set of what may be ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sources(u16);

impl Sources {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const SHELL: Self = Self(1);
    pub(crate) const CONTROL: Self = Self(1 << 1);
    pub(crate) const STDIN: Self = Self(1 << 2);
    pub(crate) const IOPUB: Self = Self(1 << 3);
    pub(crate) const HEARTBEAT: Self = Self(1 << 4);
    /// Another thread has something for the sockets.
    pub(crate) const WAKE: Self = Self(1 << 5);
    /// Python has noted a signal.
    pub(crate) const SIGNALS: Self = Self(1 << 6);
    /// Something was written to a captured descriptor.
    pub(crate) const CAPTURED: Self = Self(1 << 7);
    /// The process that we belong to ended.
    pub(crate) const PARENT: Self = Self(1 << 8);
    /// The moment of [`Poller::look_within`] has come.
    pub(crate) const TIMER: Self = Self(1 << 9);

    /// The socket of a channel.
    pub(crate) fn of(channel: Channel) -> Self {
        match channel {
            Channel::Shell => Self::SHELL,
            Channel::Control => Self::CONTROL,
            Channel::Stdin => Self::STDIN,
            Channel::Iopub => Self::IOPUB,
        }
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::NONE
    }
}

impl Found for Sources {
    fn is_something(&self) -> bool {
        !self.is_empty()
    }
}

/// What to watch, by the source that it stands for; several descriptors may stand for one.
pub(crate) type Watched<'fd> = [(Sources, BorrowedFd<'fd>)];

#[cfg(target_os = "linux")]
mod by_epoll {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use parking_lot::Mutex;
    use rustix::event::Timespec;
    use rustix::event::epoll::{
        CreateFlags, Event, EventData, EventFlags, add, create, modify, wait,
    };
    use rustix::io::{Errno, fcntl_dupfd_cloexec};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create,
        timerfd_settime,
    };

    use super::{Duration, Result, Sources, Watched};
    use crate::error::Error;

    /// More than there are sources; what does not fit is told by the next wait.
    const MOST_EVENTS: usize = 16;

    /// See the module.
    #[derive(Debug)]
    pub(crate) struct Poller {
        epoll: OwnedFd,
        timer: OwnedFd,
        /// Those that can be switched, kept open by this.
        switched: Vec<(Sources, OwnedFd)>,
        off: Mutex<Sources>,
    }

    impl Poller {
        /// Whether [`Poller::watch`] and [`Poller::look_within`] reach a thread that waits already.
        pub(crate) const SWITCHES_AT_ONCE: bool = true;

        /// Watch all of these; of them, those of `switched` can be switched off and on. The descriptors must stay open as
        /// long as anybody waits.
        pub(crate) fn new(watched: &Watched<'_>, switched: Sources) -> Result<Self> {
            let epoll =
                create(CreateFlags::CLOEXEC).map_err(Error::system("cannot watch the sockets"))?;
            let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)
                .map_err(Error::system("cannot make a timer"))?;
            add(&epoll, &timer, data(Sources::TIMER), EventFlags::IN)
                .map_err(Error::system("cannot watch a timer"))?;
            let mut poller = Self {
                epoll,
                timer,
                switched: Vec::new(),
                off: Mutex::default(),
            };
            for (source, fd) in watched {
                poller.add(*source, *fd, switched.has(*source))?;
            }
            Ok(poller)
        }

        fn add(&mut self, source: Sources, fd: BorrowedFd<'_>, switched: bool) -> Result<()> {
            if !switched {
                return add(&self.epoll, fd, data(source), EventFlags::IN)
                    .map_err(Error::system("cannot watch a descriptor"));
            }
            let own =
                fcntl_dupfd_cloexec(fd, 3).map_err(Error::system("cannot keep a descriptor"))?;
            add(&self.epoll, &own, data(source), EventFlags::IN)
                .map_err(Error::system("cannot watch a descriptor"))?;
            self.switched.push((source, own));
            Ok(())
        }

        /// The descriptor of a source that can be switched, for a thread that waits for it in our place.
        pub(crate) fn switched(&self, source: Sources) -> Option<BorrowedFd<'_>> {
            let found = self.switched.iter().find(|(each, _)| each.has(source));
            found.map(|(_, fd)| fd.as_fd())
        }

        /// Watch `source` from now on, or no more. A system call if that is a change.
        pub(crate) fn watch(&self, source: Sources, on: bool) -> Result<()> {
            let mut off = self.off.lock();
            if off.has(source) != on {
                return Ok(());
            }
            *off = if on {
                off.without(source)
            } else {
                off.with(source)
            };
            let flags = if on {
                EventFlags::IN
            } else {
                EventFlags::ONESHOT // The end of a pipe or of a process is told nevertheless, but not again and again.
            };
            for (_, fd) in self.switched.iter().filter(|(each, _)| each.has(source)) {
                modify(&self.epoll, fd, data(source), flags)
                    .map_err(Error::system("cannot watch a descriptor"))?;
            }
            Ok(())
        }

        /// End a wait, also one that has begun, after `delay`; replaces what was asked for before.
        pub(crate) fn look_within(&self, delay: Duration) {
            let time = Itimerspec {
                it_interval: timespec(Duration::ZERO),
                it_value: timespec(delay),
            };
            let _ = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &time);
        }

        /// Wait until something that is watched is ready, at most `timeout` (`Duration::MAX`: for ever). Nothing when that is
        /// over, or when a signal came.
        pub(crate) fn wait(&self, timeout: Duration) -> Result<Sources> {
            let mut events = [Event {
                flags: EventFlags::empty(),
                data: EventData::new_u64(0),
            }; MOST_EVENTS];
            let timeout = (timeout < Duration::MAX).then(|| timespec(timeout));
            let count = match wait(&self.epoll, &mut events[..], timeout.as_ref()) {
                Ok(count) => count,
                Err(Errno::INTR) => 0,
                Err(errno) => return Err(Error::system("cannot wait for the sockets")(errno)),
            };
            let ready = events
                .iter()
                .take(count)
                .fold(Sources::NONE, |ready, event| {
                    let data = event.data; // The event is packed.
                    ready.with(Sources(u16::try_from(data.u64()).unwrap_or_default()))
                });
            if ready.has(Sources::TIMER) {
                let _ = rustix::io::read(&self.timer, &mut [0u8; 8]);
            }
            Ok(ready)
        }
    }

    fn data(source: Sources) -> EventData {
        EventData::new_u64(source.0.into())
    }

    fn timespec(time: Duration) -> Timespec {
        Timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        }
    }
}

#[cfg(any(test, not(target_os = "linux")))]
mod by_poll {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use parking_lot::Mutex;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{Errno, fcntl_dupfd_cloexec};

    use super::{Duration, Result, Sources, Watched};
    use crate::error::Error;

    /// See the module.
    #[derive(Debug)]
    pub(crate) struct Poller {
        fds: Vec<(Sources, OwnedFd)>,
        off: Mutex<Sources>,
    }

    impl Poller {
        /// Whether [`Poller::watch`] and [`Poller::look_within`] reach a thread that waits already.
        pub(crate) const SWITCHES_AT_ONCE: bool = false;

        /// Watch all of these. The descriptors must stay open as long as anybody waits.
        pub(crate) fn new(watched: &Watched<'_>, _switched: Sources) -> Result<Self> {
            let own = |(source, fd): &(Sources, _)| {
                let fd = fcntl_dupfd_cloexec(fd, 3)
                    .map_err(Error::system("cannot keep a descriptor"))?;
                Ok((*source, fd))
            };
            Ok(Self {
                fds: watched.iter().map(own).collect::<Result<_>>()?,
                off: Mutex::default(),
            })
        }

        /// The descriptor of a source, for a thread that waits for it in our place.
        pub(crate) fn switched(&self, source: Sources) -> Option<BorrowedFd<'_>> {
            let found = self.fds.iter().find(|(each, _)| each.has(source));
            found.map(|(_, fd)| fd.as_fd())
        }

        /// Watch `source` from the next wait on, or no more.
        pub(crate) fn watch(&self, source: Sources, on: bool) -> Result<()> {
            let mut off = self.off.lock();
            *off = if on {
                off.without(source)
            } else {
                off.with(source)
            };
            Ok(())
        }

        /// Not here: nobody may rely on it, see [`Poller::SWITCHES_AT_ONCE`].
        pub(crate) fn look_within(&self, _delay: Duration) {}

        /// Wait until something that is watched is ready, at most `timeout` (`Duration::MAX`: for ever). Nothing when that is
        /// over, or when a signal came.
        pub(crate) fn wait(&self, timeout: Duration) -> Result<Sources> {
            let off = *self.off.lock();
            let watched = self.fds.iter().filter(|(source, _)| !off.has(*source));
            let (sources, mut fds): (Vec<_>, Vec<_>) = watched
                .map(|(source, fd)| (*source, PollFd::new(fd, PollFlags::IN)))
                .unzip();
            let timeout = (timeout < Duration::MAX).then(|| Timespec {
                tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: timeout.subsec_nanos().into(),
            });
            match poll(&mut fds, timeout.as_ref()) {
                Ok(_) => {}
                Err(Errno::INTR) => return Ok(Sources::NONE),
                Err(errno) => return Err(Error::system("cannot wait for the sockets")(errno)),
            }
            let found = sources
                .iter()
                .zip(&fds)
                .filter(|(_, fd)| !fd.revents().is_empty());
            Ok(found.fold(Sources::NONE, |found, (source, _)| found.with(*source)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::wake::Wake;

    const SHORT: Duration = Duration::from_millis(1);

    macro_rules! tests_of {
        ($kind:ident) => {
            mod $kind {
                use super::*;
                use crate::io_thread::poller::$kind::Poller;

                #[test]
                fn finds_what_is_ready_and_watched() {
                    let [one, two] = [Wake::new().unwrap(), Wake::new().unwrap()];
                    let watched = [(Sources::SHELL, one.as_fd()), (Sources::WAKE, two.as_fd())];
                    let poller = Poller::new(&watched, Sources::SHELL).unwrap();
                    assert!(poller.wait(Duration::ZERO).unwrap().is_empty());
                    one.signal();
                    assert_eq!(poller.wait(Duration::MAX).unwrap(), Sources::SHELL);
                    two.signal();
                    assert_eq!(
                        poller.wait(Duration::MAX).unwrap(),
                        Sources::SHELL.with(Sources::WAKE)
                    );
                    poller.watch(Sources::SHELL, false).unwrap();
                    assert_eq!(poller.wait(Duration::MAX).unwrap(), Sources::WAKE);
                    two.clear();
                    assert!(poller.wait(SHORT).unwrap().is_empty());
                    poller.watch(Sources::SHELL, true).unwrap();
                    assert_eq!(poller.wait(Duration::MAX).unwrap(), Sources::SHELL);
                }

                #[test]
                fn lends_the_descriptor_of_a_source_that_can_be_switched() {
                    let wake = Wake::new().unwrap();
                    let watched = [(Sources::SHELL, wake.as_fd())];
                    let poller = Poller::new(&watched, Sources::SHELL).unwrap();
                    wake.signal();
                    let lent = poller.switched(Sources::SHELL).unwrap();
                    assert_eq!(rustix::io::read(lent, &mut [0; 8]), Ok(8));
                    assert!(poller.switched(Sources::WAKE).is_none());
                    poller.look_within(Duration::ZERO); // Disarms, or does nothing.
                    assert!(poller.wait(SHORT).unwrap().is_empty());
                    assert_eq!(Poller::SWITCHES_AT_ONCE, stringify!($kind) == "by_epoll");
                }

                #[test]
                fn the_end_of_what_is_not_watched_does_not_keep_the_waiter_awake() {
                    let (read, write) = rustix::pipe::pipe().unwrap();
                    let watched = [(Sources::CAPTURED, read.as_fd())];
                    let poller = Poller::new(&watched, Sources::CAPTURED).unwrap();
                    poller.watch(Sources::CAPTURED, false).unwrap();
                    drop(write);
                    let _ = poller.wait(SHORT).unwrap();
                    assert!(poller.wait(SHORT).unwrap().is_empty());
                    poller.watch(Sources::CAPTURED, true).unwrap();
                    assert_eq!(poller.wait(Duration::MAX).unwrap(), Sources::CAPTURED);
                }

                #[test]
                fn several_descriptors_are_one_source() {
                    let [one, two] = [Wake::new().unwrap(), Wake::new().unwrap()];
                    let watched = [&one, &two].map(|wake| (Sources::CAPTURED, wake.as_fd()));
                    let poller = Poller::new(&watched, Sources::CAPTURED).unwrap();
                    two.signal();
                    assert_eq!(poller.wait(Duration::MAX).unwrap(), Sources::CAPTURED);
                    poller.watch(Sources::CAPTURED, false).unwrap();
                    assert!(poller.wait(SHORT).unwrap().is_empty());
                }
            }
        };
    }

    #[cfg(target_os = "linux")]
    tests_of!(by_epoll);
    tests_of!(by_poll);

    #[cfg(target_os = "linux")]
    #[test]
    fn a_wait_that_has_begun_is_ended() {
        let wake = Wake::new().unwrap();
        let watched = [(Sources::SHELL, wake.as_fd())];
        let poller = Poller::new(&watched, Sources::SHELL).unwrap();
        wake.signal();
        poller.watch(Sources::SHELL, false).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| poller.wait(Duration::MAX).unwrap());
            poller.look_within(Duration::from_millis(1));
            assert_eq!(waits.join().unwrap(), Sources::TIMER);
            let waits = scope.spawn(|| poller.wait(Duration::MAX).unwrap());
            poller.watch(Sources::SHELL, true).unwrap();
            assert_eq!(waits.join().unwrap(), Sources::SHELL);
        });
    }
}
