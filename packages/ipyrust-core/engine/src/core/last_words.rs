//! What a kernel that dies tells its clients, and the journal that tells the next one.

use std::os::fd::RawFd;
use std::time::Duration;

use super::Core;
use crate::outbox::StreamName;
use crate::post_mortem::MapFile;
use crate::record::Ending;

/// How long a dying kernel may talk.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl Core {
    /// Keep a journal beside the connection file, see [`crate::post_mortem::PostMortem::keep_journal`].
    pub fn keep_journal(&self, map: MapFile) -> Option<RawFd> {
        self.post_mortem
            .keep_journal(self.connection.path(), map, &self.log)
    }

    /// The process is about to end itself, not in order: clients are told, if they listen, within `timeout`. Blocks until
    /// that is on its way out of the process; nothing can be sent afterwards.
    pub fn end_abruptly(&self, ending: Ending, timeout: Duration) {
        if self.is_forked() {
            return;
        }
        let words = self.post_mortem.note_ending(ending);
        self.drain_captured_now(false);
        self.say_last(words.as_deref());
        // What libzmq has taken is not yet in the hands of the system: only the end of its sockets waits for that.
        self.end_io_thread(timeout);
    }

    /// Queue the last words for the cell that runs, or ran last.
    pub(crate) fn say_last(&self, words: Option<&str>) {
        if let Some(words) = words {
            let parent = self.parent_of_the_end();
            let _ = self.outbox.write(&parent, StreamName::Stderr, words);
        }
    }

    /// I/O thread: a signal ends the process as soon as its handler lets go; say what can be said by then.
    pub(crate) fn begin_dying(&self) {
        let words = self.post_mortem.last_words();
        self.drain_captured_now(false);
        self.say_last(words.as_deref());
        let _ = self.outbox.flush(true);
        self.outbox.close();
        self.exit.finish_within(LAST_WORDS);
    }
}
