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
const MOMENT: Duration = Duration::from_micros(500);

/// What a look has found.
pub(super) trait Found {
    /// Whether it has found anything.
    fn is_something(&self) -> bool;
}

/// How one thread waits.
#[derive(Debug)]
pub(super) struct Linger {
    /// How long a short wait is, and how long to look instead of sleeping.
    moment: Duration,
    /// Whether the last wait was short.
    was_short: AtomicBool,
    /// Whether it is worth while to look again and again.
    looks: AtomicBool,
    /// Whether that was in vain the last time: the next wait goes on where that one ended.
    was_in_vain: AtomicBool,
}

impl Default for Linger {
    fn default() -> Self {
        Self {
            moment: MOMENT,
            was_short: AtomicBool::default(),
            looks: AtomicBool::default(),
            was_in_vain: AtomicBool::default(),
        }
    }
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
        let went_before = self.was_in_vain.swap(false, Ordering::Relaxed);
        self.was_short.store(false, Ordering::Relaxed);
        let found = if self.looks.swap(false, Ordering::Relaxed) {
            look_until(begun + timeout.min(self.moment), look)?
        } else {
            look(timeout)?
        };
        let is_short = !went_before && begun.elapsed() <= self.moment;
        self.was_short.store(is_short, Ordering::Relaxed);
        let is_in_vain = !found.is_something();
        self.was_in_vain.store(is_in_vain, Ordering::Relaxed);
        Ok(found)
    }

    /// What the last wait found was a request. Who has not signed one must not keep the processor busy by sending anything
    /// else twice in a moment.
    pub(super) fn was_for_a_request(&self) {
        let was_short = self.was_short.load(Ordering::Relaxed);
        self.looks.store(was_short, Ordering::Relaxed);
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

    impl Found for bool {
        fn is_something(&self) -> bool {
            *self
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    /// Wait once where the looks find `seen`, one after the other; what was found, and for how long the looks could wait.
    fn waited(linger: &Linger, seen: &[bool]) -> (bool, Vec<Duration>) {
        let looks = RefCell::new(Vec::new());
        let look = |time| {
            looks.borrow_mut().push(time);
            let at = looks.borrow().len() - 1;
            Ok::<_, Infallible>(seen.get(at).copied().unwrap_or(false))
        };
        let found = linger.wait(LONG, look).unwrap();
        (found, looks.into_inner())
    }

    fn linger(moment: Duration) -> Linger {
        Linger {
            moment,
            ..Linger::default()
        }
    }

    #[test]
    fn a_wait_is_a_sleep_unless_the_last_one_was_short_and_for_a_request() {
        let linger = linger(LONG);
        assert_eq!(waited(&linger, &[true]), (true, vec![LONG]));
        assert_eq!(waited(&linger, &[true]).1, [LONG]);
        linger.was_for_a_request();
        let (found, looks) = waited(&linger, &[false, false, true]);
        assert_eq!((found, looks), (true, vec![Duration::ZERO; 3]));
        linger.was_for_a_request();
        assert_eq!(waited(&linger, &[true]).1, [Duration::ZERO]);
        assert_eq!(waited(&linger, &[true]).1, [LONG]);
    }

    #[test]
    fn looking_in_vain_ends_soon_and_is_not_repeated() {
        let mut linger = linger(Duration::from_micros(1));
        linger.looks.store(true, Ordering::Relaxed);
        let (found, looks) = waited(&linger, &[]);
        assert!(!found);
        assert!(looks.iter().all(Duration::is_zero));
        // The request that comes then has been waited for since before.
        linger.moment = LONG;
        assert_eq!(waited(&linger, &[true]).1, [LONG]);
        linger.was_for_a_request();
        assert_eq!(waited(&linger, &[true]).1, [LONG]);
        linger.was_for_a_request();
        assert_eq!(waited(&linger, &[true]).1, [Duration::ZERO]);
    }

    #[test]
    fn a_long_wait_is_followed_by_a_sleep() {
        let linger = Linger::default();
        let slow = |_| {
            std::thread::sleep(2 * MOMENT);
            Ok::<_, Infallible>(true)
        };
        linger.wait(LONG, slow).unwrap();
        linger.was_for_a_request();
        assert_eq!(waited(&linger, &[true]).1, [LONG]);
    }
}
