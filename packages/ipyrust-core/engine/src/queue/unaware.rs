//! Which cells were sent before their client could know that an earlier one had failed.
//!
//! A frontend sends all cells of a notebook at once, but they arrive one after the other: those that come after the reply
//! of a cell that failed quickly are not in the queue yet when it is aborted. So the reply waits until the client has had
//! [`SENT_TOGETHER`] to send the rest, counted from when the cell came, and as long as cells follow each other
//! ([`UNBROKEN`], [`LONGEST`]); a cell that ran longer is replied to at once. What arrives even later is known by the dates in
//! the headers, which are of one clock, the client's: made sooner after the failed cell than its reply after its arrival,
//! the client cannot have had the reply.
//!
//! Who waits for the reply and then sends the next cell is not taken for one of these. Of dates without a fraction of a
//! second, that are always the same, or that a browser has rounded to tenths, nothing is concluded, nor of those of a cell
//! that ran for long, in which clocks may drift ([`MOST_CERTAIN`]).

use std::time::{Duration, Instant, UNIX_EPOCH};

use serde::Deserialize;

use crate::message::Request;

/// How long a client has at least to send what it sends together.
const SENT_TOGETHER: Duration = Duration::from_millis(20);
/// Distance of two requests of one burst.
const UNBROKEN: Duration = Duration::from_millis(5);
/// How long a reply waits for a burst at most.
const LONGEST: Duration = Duration::from_millis(200);
/// How late a request may arrive. Also bounds what a client's clock can do that is set back.
const ARRIVES_WITHIN: Duration = Duration::from_secs(2);
/// How long after a failed cell another one may have been made for its date to tell something.
const MOST_CERTAIN: Duration = Duration::from_secs(2);
/// What a browser that hides the time rounds it to.
const ROUNDED_MS: u128 = 100;
/// Where the fraction begins in "2026-01-31T12:00:00.123Z".
const FRACTION_AT: usize = 19;

/// The clients' requests that are not to run any more.
#[derive(Debug)]
pub(super) struct Unaware {
    session: String,
    /// When the client made the failed request, since 1970.
    failed: Duration,
    /// How long after the failed one a request may have been made without knowledge of the reply.
    replied_after: Duration,
    /// When nothing more is expected.
    ends: Instant,
}

impl Unaware {
    /// Of the failure of a cell that is replied to now. None if its header has no date.
    pub(super) fn of(failed: &Request) -> Option<Self> {
        let made = made_at(failed)?;
        // Browsers tell whole milliseconds, so a difference may be one too small.
        let replied_after = failed.received.elapsed().min(MOST_CERTAIN);
        Some(Self {
            session: failed.header.session.clone(),
            failed: made,
            replied_after: replied_after.saturating_sub(Duration::from_millis(1)),
            ends: Instant::now() + ARRIVES_WITHIN,
        })
    }

    /// Whether the client made this request before it could know of the failure.
    pub(super) fn includes(&self, request: &Request) -> bool {
        if request.header.session != self.session || Instant::now() > self.ends {
            return false;
        }
        let since = made_at(request).and_then(|made| made.checked_sub(self.failed));
        since.is_some_and(|since| since.as_millis() % ROUNDED_MS != 0 && since < self.replied_after)
    }
}

/// How long the reply of a failed request must wait at least for what was sent together with it, of which `last` has come
/// last.
pub(super) fn reply_waits(failed: &Request, last: Option<&Request>) -> Duration {
    let waited = failed.received.elapsed();
    let for_next = last.map_or(Duration::ZERO, |last| {
        UNBROKEN.saturating_sub(last.received.elapsed())
    });
    SENT_TOGETHER
        .saturating_sub(waited)
        .max(for_next)
        .min(LONGEST.saturating_sub(waited))
}

/// The date in the header, if it has a fraction. The zone is left out: it is the same in all requests of a client, and only
/// differences count.
fn made_at(request: &Request) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Dated<'a> {
        #[serde(borrow)]
        date: std::borrow::Cow<'a, str>,
    }
    let Dated { date } = serde_json::from_slice(request.header_json()).ok()?;
    let fraction = date.get(FRACTION_AT..)?.strip_prefix('.')?;
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let time = humantime::parse_rfc3339_weak(date.get(..=FRACTION_AT + digits)?).ok()?;
    time.duration_since(UNIX_EPOCH).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::dated;

    /// A request of `session` made so many milliseconds after the minute.
    fn made(session: &str, ms: u32) -> Request {
        let date = format!("2026-01-31T12:00:{:02}.{:03}Z", ms / 1000, ms % 1000);
        dated(session, &date)
    }

    /// After a failure that was replied to 30 ms after it came.
    fn unaware() -> Unaware {
        let mut failed = made("s", 1000);
        failed.received -= Duration::from_millis(30);
        Unaware {
            replied_after: Duration::from_millis(30),
            ..Unaware::of(&failed).unwrap()
        }
    }

    #[test]
    fn what_was_made_before_the_reply_is_included() {
        for (ms, included) in [
            (1001, true),
            (1029, true),
            (1030, false),
            (1000, false),
            (999, false),
        ] {
            assert_eq!(unaware().includes(&made("s", ms)), included, "{ms}");
        }
    }

    #[test]
    fn rounded_dates_and_long_cells_say_nothing() {
        let mut failed = made("s", 1000);
        failed.received -= Duration::from_secs(5);
        let unaware = Unaware::of(&failed).unwrap();
        for (ms, included) in [(1150, true), (1200, false), (2990, true), (3001, false)] {
            assert_eq!(unaware.includes(&made("s", ms)), included, "{ms}");
        }
    }

    #[test]
    fn other_clients_late_requests_and_such_without_a_date_are_not_included() {
        assert!(!unaware().includes(&made("other", 1001)));
        for date in ["soon", "2026-01-31T12:00:01Z", "2026-01-31T12:00:01.Z", ""] {
            assert!(!unaware().includes(&dated("s", date)), "{date}");
        }
        let mut late = unaware();
        late.ends = Instant::now() - Duration::from_secs(1);
        assert!(!late.includes(&made("s", 1001)));
        assert!(Unaware::of(&dated("s", "")).is_none());
    }

    #[test]
    fn dates_are_read_in_every_form_that_clients_write() {
        let first = made_at(&dated("s", "2026-01-31T12:00:01.000Z")).unwrap();
        for date in [
            "2026-01-31T12:00:01.250Z",
            "2026-01-31T12:00:01.250000+00:00",
            "2026-01-31T12:00:01.25",
            "2026-01-31 12:00:01.250-05:00",
        ] {
            let made = made_at(&dated("s", date)).unwrap();
            assert_eq!(made - first, Duration::from_millis(250), "{date}");
        }
    }

    /// A request that came so many milliseconds ago.
    fn came(ms_ago: u64) -> Request {
        let mut request = made("s", 0);
        request.received -= Duration::from_millis(ms_ago);
        request
    }

    #[test]
    fn a_reply_waits_only_as_long_as_something_may_be_on_its_way() {
        assert!(reply_waits(&came(0), None) > SENT_TOGETHER / 2);
        assert!(reply_waits(&came(20), None).is_zero());
        assert!(reply_waits(&came(20), Some(&came(5))).is_zero());
        assert!(reply_waits(&came(20), Some(&came(0))) > UNBROKEN / 2);
        assert!(reply_waits(&came(200), Some(&came(0))).is_zero());
    }
}
