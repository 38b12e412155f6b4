//! Text sent now rather than held: flushes, of which only so many a second are obeyed, and the wait until they are done.

use std::time::{Duration, Instant};

use super::{Outbox, State};

/// Explicit flushes that are obeyed at once, a second; more are merged like unflushed text.
pub(super) const FLUSHES_PER_SECOND: u32 = 200;

impl Outbox {
    /// Ask that what is queued now be sent rather than held. Returns the number to wait for with
    /// [`Outbox::wait_until_sent`], or None when so many flushes were asked for lately that this one is merged.
    #[must_use]
    pub fn flush(&self, force: bool) -> Option<u64> {
        let mut state = self.state.lock();
        let last = state.last_number();
        if !force && !state.spend_flush() {
            return None;
        }
        if state.sent < last {
            state.flush_to = last;
            self.wake_reader(state, true);
        }
        Some(last)
    }

    /// Wait until entry `number` was handed to libzmq, at most `timeout`; false if it was not.
    #[must_use]
    pub fn wait_until_sent(&self, number: u64, timeout: Duration) -> bool {
        self.wait(Instant::now() + timeout, |state| state.sent >= number)
    }
}

impl State {
    fn spend_flush(&mut self) -> bool {
        let now = Instant::now();
        if now.duration_since(self.flush_refilled) >= Duration::from_secs(1) {
            self.flush_refilled = now;
            self.flush_tokens = FLUSHES_PER_SECOND;
        }
        let allowed = self.flush_tokens > 0;
        self.flush_tokens = self.flush_tokens.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::tests::outbox;
    use crate::outbox::{Next, StreamName};

    #[test]
    fn text_is_held_until_it_is_flushed() {
        let outbox = outbox();
        outbox.write(&None, StreamName::Stdout, "a").unwrap();
        assert_eq!(outbox.flush(false), Some(1));
        assert!(matches!(outbox.next(Instant::now()), Next::Send(_)));
        assert!(!outbox.wait_until_sent(1, Duration::ZERO));
        outbox.sent(1);
        assert!(outbox.wait_until_sent(1, Duration::ZERO));
    }

    #[test]
    fn too_many_flushes_are_merged() {
        let outbox = outbox();
        outbox.write(&None, StreamName::Stdout, "a").unwrap();
        let obeyed = (0..2 * FLUSHES_PER_SECOND)
            .filter(|_| outbox.flush(false).is_some())
            .count();
        assert!(obeyed < 2 * FLUSHES_PER_SECOND as usize);
        assert!(outbox.flush(true).is_some());
    }
}
