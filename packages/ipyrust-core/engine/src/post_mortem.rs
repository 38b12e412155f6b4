//! Why did it die: what is recorded while the kernel lives, said while it dies, and told by the next one.
//!
//! Goal: after a crash the user learns the reason, the cell, the stacks and the memory, though the process that knows them
//! is gone, nobody supervises it, and cells must not pay for it. So the kernel stores what runs in a block of memory that
//! is mapped to a file ([`crate::journal`]); `faulthandler` writes the stacks behind it; and whoever finds such a file
//! without a living owner (the next kernel of the same connection file, or `%crash`) makes a report of it
//! ([`crate::crash`]).
//!
//! | end | told by the dying kernel | reason in the report | stacks |
//! |---|---|---|---|
//! | SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL | yes, if the I/O thread still can within a second | the signal | of all threads |
//! | SIGSYS, SIGXCPU, SIGTERM, SIGHUP | no | the signal | none |
//! | `os._exit` | yes | the exit code | of all threads |
//! | C's `exit` | no | that it was called | none |
//! | SIGKILL, C's `_exit` | no | killed, and whether memory ran out meanwhile | none |
//!
//! What still fails: a stack that overflowed in another thread than the main one leaves its handler no room, so that
//! reads as a kill; so does a process that replaced itself with `exec`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::OnceLock;

use nix::sys::pthread::pthread_self;
use parking_lot::Mutex;

use crate::crash::{Report, take_over, take_over_all};
use crate::error::{Error, Result};
use crate::fatal::Fatal;
use crate::journal::{Journal, Remains, path_beside};
use crate::log::Log;
use crate::memory::{Group, sample};
use crate::record::{Block, Ending, RECORD_BYTES, Record, View};
use crate::stack_text::MAX_TEXT_BYTES;

/// Maps the first bytes of a file into memory, shared with the file.
pub type MapFile = fn(&File, usize) -> std::io::Result<Block>;

/// See the module.
pub struct PostMortem {
    /// What runs.
    pub record: Record,
    /// What the handlers of signals say.
    pub fatal: &'static Fatal,
    journal: OnceLock<Journal>,
    group: OnceLock<Group>,
    notice: Mutex<Option<String>>,
    stacks: OnceLock<File>,
}

impl PostMortem {
    /// Nothing is kept on disk yet. The calling thread is the main thread.
    pub fn new(fatal: &'static Fatal) -> Self {
        Self {
            record: Record::new(own_thread()),
            fatal,
            journal: OnceLock::new(),
            group: OnceLock::new(),
            notice: Mutex::default(),
            stacks: OnceLock::new(),
        }
    }

    /// Take over what a kernel with this connection file left, and keep a journal from now on. Returns the descriptor for
    /// `faulthandler`. A folder that cannot be written costs the journal, not the kernel: one line in the log says so.
    pub fn keep_journal(&self, connection_file: &Path, map: MapFile, log: &Log) -> Option<RawFd> {
        let path = path_beside(connection_file);
        if let Some((report, file)) = take_over(&path) {
            self.note_predecessor(&report, file, log);
        }
        let journal = Journal::create(&path).and_then(|journal| {
            let block = map(journal.file(), RECORD_BYTES).inspect_err(|_| journal.remove())?;
            self.record.move_to(block);
            Ok(journal)
        });
        match journal {
            Ok(journal) => {
                let group = self.group.get_or_init(Group::own);
                self.record.note_limit(&group.folder, group.limit_bytes);
                self.sample_memory();
                Some(self.journal.get_or_init(|| journal).file().as_raw_fd())
            }
            Err(error) => {
                log.line(
                    "journal",
                    &format!(
                        "no report if this kernel dies: cannot make {}: {error}",
                        path.display()
                    ),
                );
                None
            }
        }
    }

    fn note_predecessor(
        &self,
        report: &Report,
        file: std::io::Result<std::path::PathBuf>,
        log: &Log,
    ) {
        let whom = "the kernel before this one";
        let kept = match &file {
            Ok(path) => format!("the report is {}", path.display()),
            Err(error) => format!("the report cannot be kept: {error}"),
        };
        log.line("predecessor", &format!("{}; {kept}", report.headline(whom)));
        if report.is_news() {
            let text = report.summary("The kernel before this one", file.as_deref().ok());
            *self.notice.lock() = Some(text);
        }
    }

    /// What the user should hear of the kernel before this one; once.
    pub fn take_notice(&self) -> Option<String> {
        self.notice.lock().take()
    }

    /// The thread that a fatal signal hit; None while there was none.
    #[must_use]
    pub fn struck_thread(&self) -> Option<u64> {
        let record = self.record.snapshot();
        let thread = View::new(&record)?.thread();
        Some(thread).filter(|thread| *thread != 0)
    }

    /// Path of our own journal.
    #[must_use]
    pub fn journal_path(&self) -> Option<&Path> {
        self.journal.get().map(Journal::path)
    }

    /// Note how much memory there is now; reads files of the system.
    pub fn sample_memory(&self) {
        if self.journal.get().is_some() {
            let group = self.group.get().map_or("", |group| &group.folder);
            self.record.note_memory(&sample(group));
        }
    }

    /// The process ends itself, not in order. Returns what to tell the clients; None without a journal.
    pub fn note_ending(&self, ending: Ending) -> Option<String> {
        self.record.note_ending(ending);
        self.last_words()
    }

    /// What a dying kernel tells its clients; None without a journal.
    pub fn last_words(&self) -> Option<String> {
        let journal = self.journal.get()?;
        self.sample_memory();
        let remains = Remains {
            record: self.record.snapshot(),
            stacks: journal.stacks(),
        };
        self.record.note_told();
        Some(Report::of(&remains, "")?.summary("The kernel", None))
    }

    /// The kernel has ended, `failed` or in order. What others left behind in the folder is made into reports on the way.
    pub fn end(&self, failed: bool) {
        let Some(journal) = self.journal.get() else {
            return;
        };
        if failed {
            self.record.note_ending(Ending::IoError);
            return;
        }
        journal.remove();
        if let Some(folder) = journal.path().parent() {
            take_over_all(folder, None);
        }
    }

    /// The process is ended on purpose, in a hurry: nothing is left to report.
    pub fn forget(&self) {
        if let Some(journal) = self.journal.get() {
            journal.remove();
        }
    }

    /// The descriptor to which a signal's handler writes the stacks of all threads on request.
    ///
    /// # Errors
    /// [`Error::System`] when it cannot be made.
    pub fn stack_fd(&self) -> Result<RawFd> {
        if let Some(file) = self.stacks.get() {
            return Ok(file.as_raw_fd());
        }
        let file = anonymous_file()?;
        Ok(self.stacks.get_or_init(|| file).as_raw_fd())
    }

    /// The stacks that were written since the last call.
    pub fn take_stacks(&self) -> String {
        let mut bytes = Vec::new();
        if let Some(mut file) = self.stacks.get() {
            let _ = file.seek(SeekFrom::Start(0));
            let _ = file.take(MAX_TEXT_BYTES as u64).read_to_end(&mut bytes);
            let _ = file.seek(SeekFrom::Start(0));
            let _ = file.set_len(0);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The calling thread, as Python's `threading.get_ident()`.
#[must_use]
pub fn own_thread() -> u64 {
    pthread_self() as u64
}

#[cfg(target_os = "linux")]
fn anonymous_file() -> Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    memfd_create("ipyrust-stacks", MemfdFlags::CLOEXEC)
        .map(File::from)
        .map_err(Error::system("cannot make a file in memory"))
}

#[cfg(not(target_os = "linux"))]
fn anonymous_file() -> Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    let name = format!("ipyrust-stacks-{}", crate::connection::random_hex(16)?);
    let path = std::env::temp_dir().join(name);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = open(&path, flags, Mode::RUSR | Mode::WUSR)
        .map_err(Error::system("cannot make a temporary file"))?;
    let _ = std::fs::remove_file(path);
    Ok(file.into())
}
