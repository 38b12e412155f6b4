//! What was left out because a subscriber does not read, and the notices that tell everybody else.
//!
//! A notice stands where the messages would have been: before the next status or a message of another request. While a
//! cell goes on, one notice a second tells of all that were left out meanwhile.

use std::time::{Duration, Instant, SystemTime};

use crate::outbox::{Outgoing, Parent, StreamName, stream_message};
use crate::publisher::Publication;

/// Distance of notices while messages are left out again and again.
const INTERVAL: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    messages: usize,
    bytes: usize,
    /// Type and request of the last one.
    msg_type: String,
    parent: Parent,
    told: Option<Instant>,
    due: Option<Instant>,
}

impl LeftOut {
    /// Note a publication of so many bytes; after [`LeftOut::notice_before`] it.
    pub(crate) fn add(&mut self, publication: &Publication, bytes: usize, now: Instant) {
        self.messages += 1;
        self.bytes += bytes;
        self.msg_type.clear();
        self.msg_type.push_str(&publication.msg_type);
        self.parent = parent(publication);
        let at = self.told.map_or(now, |told| now.max(told + INTERVAL));
        self.due.get_or_insert(at);
    }

    /// When a notice is due even if nothing follows; None if there is nothing to tell.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The notice that has to go before the next publication, if one has to.
    pub(crate) fn notice_before(
        &mut self,
        next: Option<&Publication>,
        now: Instant,
    ) -> Option<Outgoing> {
        let ends = |next: &Publication| {
            let id = |parent: &Parent| parent.as_ref().map(|each| each.header.msg_id.clone());
            next.msg_type == "status" || id(&parent(next)) != id(&self.parent)
        };
        if self.due? > now && !next.is_some_and(ends) {
            return None;
        }
        self.told = Some(now);
        let notice = self.notice();
        (self.messages, self.bytes, self.due) = (0, 0, None);
        Some(notice)
    }

    fn notice(&self) -> Outgoing {
        let what = match self.messages {
            1 => format!("a message ({}) of", self.msg_type),
            many => format!("{many} messages of together"),
        };
        let text = format!(
            "[ipyrust: {what} {:.1} MB left out for all, because a client stopped reading]\n",
            self.bytes as f64 / 1e6
        );
        stream_message(
            self.parent.clone(),
            StreamName::Stderr,
            SystemTime::now(),
            &text,
        )
    }
}

fn parent(publication: &Publication) -> Parent {
    publication.of.as_ref().map(|(request, _)| request.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kept::Kind;
    use crate::publisher::tests::publication;
    use crate::queue::tests::request;

    fn of(msg_id: &str, msg_type: &'static str) -> Publication {
        Publication {
            of: Some((request("execute_request", msg_id), Kind::Output)),
            ..publication(msg_type, 500_000)
        }
    }

    fn text(notice: Option<Outgoing>) -> Option<String> {
        notice.map(|notice| String::from_utf8(notice.content.to_vec()).unwrap())
    }

    #[test]
    fn the_first_is_told_at_once_and_then_all_of_a_second_together() {
        let (mut left_out, display) = (LeftOut::default(), of("1", "display_data"));
        let now = Instant::now();
        assert!(left_out.notice_before(Some(&display), now).is_none());
        left_out.add(&display, 1_500_000, now);
        let first = text(left_out.notice_before(None, now)).unwrap();
        assert!(
            first.contains("a message (display_data) of 1.5 MB"),
            "{first}"
        );
        for _ in 0..3 {
            left_out.add(&display, 1_000_000, now);
            assert!(left_out.notice_before(Some(&display), now).is_none());
        }
        assert_eq!(left_out.due(), Some(now + INTERVAL));
        let then = text(left_out.notice_before(Some(&display), now + INTERVAL)).unwrap();
        assert!(then.contains("3 messages of together 3.0 MB"), "{then}");
        assert_eq!(left_out.due(), None);
    }

    #[test]
    fn a_notice_comes_before_the_end_of_its_cell_and_before_another_request() {
        for next in [of("1", "status"), of("2", "stream")] {
            let (mut left_out, display) = (LeftOut::default(), of("1", "display_data"));
            let now = Instant::now();
            left_out.told = Some(now);
            left_out.add(&display, 1, now);
            assert!(
                left_out
                    .notice_before(Some(&of("1", "stream")), now)
                    .is_none()
            );
            let notice = left_out.notice_before(Some(&next), now).unwrap();
            assert_eq!(notice.parent.unwrap().header.msg_id, "1");
        }
    }
}
