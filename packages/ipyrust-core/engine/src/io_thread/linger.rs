//! Waiting for the next message of a client that sends one as soon as it has its answer.
//!
//! A processor that has gone to sleep takes tens of microseconds to wake up, and on a virtual machine the caches it worked
//! with are cold then: the same short cell takes a quarter longer. So who has waited for a moment only looks again and
//! again the next time, for the same moment, instead of sleeping; others get the processor in between. As soon as
//! nothing comes in that time, waits are sleeps again. So a program that runs cell after cell is served without delay,
//! and a user who types, a slider that is dragged or a kernel that is idle costs nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A wait that is over before costs less if it is no sleep.
pub(super) const MOMENT: Duration = Duration::from_micros(500);

/// What a look has found.
pub(super) trait Found {
    /// Whether it has found anything.
    fn is_something(&self) -> bool;
    /// Whether that is the message of a client.
    fn is_message(&self) -> bool;
}

/// How one thread waits.
#[derive(Debug, Default)]
pub(super) struct Linger {
    /// Whether the last wait was short.
    was_short: AtomicBool,
}

impl Linger {
    /// Wait until `look`, which waits for at most the time it is given, finds something or `timeout` is over. May end early,
    /// with nothing.
    ///
    /// # Errors
    /// Those of `look`.
    pub(super) fn wait<T: Found, E>(
        &self,
        timeout: Duration,
        mut look: impl FnMut(Duration) -> Result<T, E>,
    ) -> Result<T, E> {
        let begun = Instant::now();
        let found = if self.was_short.swap(false, Ordering::Relaxed) {
            look_until(begun + timeout.min(MOMENT), look)?
        } else {
            look(timeout)?
        };
        let is_short = found.is_message() && begun.elapsed() <= MOMENT;
        self.was_short.store(is_short, Ordering::Relaxed);
        Ok(found)
    }
}

fn look_until<T: Found, E>(
    until: Instant,
    mut look: impl FnMut(Duration) -> Result<T, E>,
) -> Result<T, E> {
    loop {
        let found = look(Duration::ZERO)?;
        if found.is_something() || Instant::now() >= until {
            return Ok(found);
        }
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::convert::Infallible;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Seen {
        Nothing,
        Message,
        Other,
    }

    impl Found for Seen {
        fn is_something(&self) -> bool {
            *self != Self::Nothing
        }

        fn is_message(&self) -> bool {
            *self == Self::Message
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    /// Wait once where the looks find `seen`, one after the other; what was found, and for how long the looks could wait.
    fn waited(linger: &Linger, seen: &[Seen]) -> (Seen, Vec<Duration>) {
        let looks = RefCell::new(Vec::new());
        let look = |time| {
            looks.borrow_mut().push(time);
            let at = looks.borrow().len() - 1;
            Ok::<_, Infallible>(seen.get(at).copied().unwrap_or(Seen::Nothing))
        };
        let found = linger.wait(LONG, look).unwrap();
        (found, looks.into_inner())
    }

    #[test]
    fn a_wait_is_a_sleep_unless_the_last_one_was_short() {
        let linger = Linger::default();
        assert_eq!(waited(&linger, &[Seen::Other]), (Seen::Other, vec![LONG]));
        assert_eq!(waited(&linger, &[Seen::Message]).1, [LONG]);
        let (found, looks) = waited(&linger, &[Seen::Nothing, Seen::Nothing, Seen::Message]);
        assert_eq!((found, looks), (Seen::Message, vec![Duration::ZERO; 3]));
        assert_eq!(waited(&linger, &[Seen::Other]).1, [Duration::ZERO]);
        assert_eq!(waited(&linger, &[Seen::Message]).1, [LONG]);
    }

    #[test]
    fn looking_in_vain_ends_soon_and_is_not_repeated() {
        let linger = Linger::default();
        waited(&linger, &[Seen::Message]);
        let (found, looks) = waited(&linger, &[]);
        assert_eq!(found, Seen::Nothing);
        assert!(looks.iter().all(Duration::is_zero));
        assert_eq!(waited(&linger, &[Seen::Other]).1, [LONG]);
    }

    #[test]
    fn a_long_wait_is_followed_by_a_sleep() {
        let linger = Linger::default();
        let slow = |_| {
            std::thread::sleep(2 * MOMENT);
            Ok::<_, Infallible>(Seen::Message)
        };
        linger.wait(LONG, slow).unwrap();
        assert_eq!(waited(&linger, &[Seen::Message]).1, [LONG]);
    }
}
