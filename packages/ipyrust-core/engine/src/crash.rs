//! The report of a kernel that died: made of its journal, kept as a file for its owner alone, told as text.

mod folder;
mod text;

use std::time::{Duration, UNIX_EPOCH};

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

pub use self::folder::{KEPT_REPORTS, MAX_REPORT_BYTES, read, reports, take_over, take_over_all};
use crate::fatal::CRASHES;
use crate::journal::Remains;
use crate::memory::kills;
use crate::record::{Ending, View};
use crate::stack_text::{Thread, bounded, label, parse};

/// Why a kernel ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// A signal whose handler ran.
    Signal {
        /// Its number.
        number: i32,
        /// Its name, as in `signal.h`.
        name: String,
    },
    /// `os._exit` was called.
    ExitNow {
        /// With this code.
        code: i32,
    },
    /// C's `exit` was called, by something else than the kernel.
    Exit,
    /// The I/O thread failed.
    IoError,
    /// Nothing in the process saw it: SIGKILL, or C code that called `_exit`.
    Killed {
        /// Whether the system ended processes for want of memory since memory was sampled last.
        out_of_memory: bool,
    },
}

/// A cell that ran when the kernel died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Its number; None for one that has none (`silent`).
    pub execution_count: Option<u64>,
    /// The execute_request.
    pub msg_id: String,
    /// The beginning of its code.
    pub code: String,
    /// Bytes of the whole code.
    pub code_bytes: u64,
    /// When it began.
    pub started: String,
}

/// Memory when it was sampled last, in bytes; None where the system does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryReport {
    /// Resident.
    pub resident: Option<u64>,
    /// Most that was ever resident.
    pub peak: Option<u64>,
    /// What the control group allows.
    pub limit: Option<u64>,
    /// When.
    pub sampled: Option<String>,
}

/// What is known of the death of a kernel. Times are RFC 3339, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The process.
    pub pid: u32,
    /// Name of the connection file, without its suffix.
    pub kernel: String,
    /// When the kernel was started.
    pub started: String,
    /// When it died; None when nothing in the process saw it.
    pub died: Option<String>,
    /// Why.
    pub cause: Cause,
    /// The cells that ran, the oldest first.
    pub cells: Vec<Cell>,
    /// Cells that ran beside these.
    pub more_cells: u32,
    /// Stacks of Python's threads, the one that died first; empty when nobody could write them.
    pub threads: Vec<Thread>,
    /// Threads that are left out for want of room.
    pub more_threads: usize,
    /// Memory.
    pub memory: MemoryReport,
    /// Whether clients were told while the kernel died.
    pub told: bool,
}

impl Report {
    /// Make a report; None if the record is none.
    #[must_use]
    pub fn of(remains: &Remains, kernel: &str) -> Option<Self> {
        let view = View::new(&remains.record)?;
        // What stands there otherwise is of somebody else, a child that C code forked for instance.
        let mut threads = if has_stacks(&view) {
            parse(&remains.stacks)
        } else {
            Vec::new()
        };
        label(&mut threads, &view);
        if !threads.iter().any(|thread| thread.current) {
            let struck = Some(view.thread()).filter(|id| *id != 0);
            for thread in &mut threads {
                thread.current = struck.is_some() && thread.id == struck;
            }
        }
        let (threads, more_threads) = bounded(threads, &|thread| thread.cell.is_some());
        let cells = view.cells().into_iter().map(|cell| Cell {
            execution_count: Some(cell.execution_count).filter(|count| *count > 0),
            msg_id: cell.msg_id,
            code: cell.code,
            code_bytes: cell.code_bytes,
            started: moment(cell.started_ms),
        });
        Some(Self {
            pid: view.pid(),
            kernel: kernel.to_owned(),
            started: moment(view.started_ms()),
            died: view.died_ms().map(moment),
            cause: cause(&view, kills(&view.limit().0)),
            cells: cells.collect(),
            more_cells: view.more_cells(),
            threads,
            more_threads,
            memory: memory(&view),
            told: view.told(),
        })
    }

    /// Whether somebody who did not ask should hear of it: not of an idle kernel that somebody ended from outside.
    #[must_use]
    pub fn is_news(&self) -> bool {
        !self.cells.is_empty()
            || !matches!(
                (&self.cause, self.ended_on_request()),
                (
                    Cause::Killed {
                        out_of_memory: false
                    },
                    _
                ) | (_, true)
            )
    }

    fn ended_on_request(&self) -> bool {
        let asking = [Signal::SIGTERM, Signal::SIGHUP].map(|signal| signal as i32);
        matches!(&self.cause, Cause::Signal { number, .. } if asking.contains(number))
    }
}

/// `kills_now` are counted as in [`crate::record::Memory`]: in our group, on the host.
fn cause(view: &View<'_>, kills_now: (u64, u64)) -> Cause {
    if let Some(number) = view.signal() {
        let name = Signal::try_from(number).map_or("an unknown signal", Signal::as_str);
        return Cause::Signal {
            number,
            name: name.to_owned(),
        };
    }
    match view.ending() {
        Some(Ending::ExitNow(code)) => Cause::ExitNow { code },
        Some(Ending::Exit) => Cause::Exit,
        Some(Ending::IoError) => Cause::IoError,
        None => {
            let before = view.memory();
            Cause::Killed {
                out_of_memory: kills_now.0 > before.group_kills || kills_now.1 > before.host_kills,
            }
        }
    }
}

/// Whether this end is one for which `faulthandler` wrote the stacks.
fn has_stacks(view: &View<'_>) -> bool {
    match view.signal().map(Signal::try_from) {
        Some(signal) => signal.is_ok_and(|signal| CRASHES.contains(&signal)),
        None => matches!(view.ending(), Some(Ending::ExitNow(_))),
    }
}

fn memory(view: &View<'_>) -> MemoryReport {
    let (memory, known) = (view.memory(), |bytes: u64| {
        Some(bytes).filter(|bytes| *bytes > 0)
    });
    MemoryReport {
        resident: known(memory.resident_bytes),
        peak: known(memory.peak_bytes),
        limit: known(view.limit().1),
        sampled: known(memory.sampled_ms).map(moment),
    }
}

/// Milliseconds since 1970 as RFC 3339; a time that no calendar has becomes its beginning.
fn moment(ms: u64) -> String {
    let most = Duration::from_secs(253_402_300_799); // The end of the year 9999.
    let since = Duration::from_millis(ms).min(most);
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::Record;

    pub(in crate::crash) fn remains(record: &Record, stacks: &str) -> Remains {
        Remains {
            record: record.snapshot(),
            stacks: stacks.into(),
        }
    }

    #[test]
    fn a_segmentation_fault_is_told_with_cell_and_stack() {
        let record = Record::new(1);
        record.begin_cell(1, "m-1", 3, "import ctypes\nctypes.string_at(0)");
        record.name_cell("/c.py", 3);
        let mut remains = remains(
            &record,
            "Fatal Python error: Segmentation fault\n\nThread 0x2 (most recent call first):\n  File \"/w.py\", line 9 in wait\n\n\
             Current thread 0x1 (most recent call first):\n  File \"/lib.py\", line 5 in string_at\n\
             \x20 File \"/c.py\", line 2 in <module>\n  File \"/machinery.py\", line 5 in run\n",
        );
        remains.record[12] = 11;
        let report = Report::of(&remains, "kernel-1").unwrap();
        assert_eq!(report.threads[0].name.as_deref(), Some("MainThread"));
        let summary = report.summary("The kernel", None);
        let expected = format!(
            "The kernel (pid {}) died of SIGSEGV (segmentation fault) while In [3] ran.\n    import ctypes\n    ctypes.string_at(0)\n\
             Its stack, the innermost call first:\n    /lib.py, line 5, in string_at\n    In [3], line 2, in <module>\n\
             The next kernel's %crash shows the whole report.\n",
            std::process::id()
        );
        assert_eq!(summary, expected);
        assert!(report.text().contains("machinery") && report.text().contains("/w.py"));
        assert!(report.is_news());
    }

    #[test]
    fn of_an_idle_kernel_that_was_killed_nobody_is_told() {
        let record = Record::new(1);
        record.note_memory(&crate::memory::sample(""));
        let report = Report::of(&remains(&record, ""), "k").unwrap();
        assert_eq!(
            report.cause,
            Cause::Killed {
                out_of_memory: false
            }
        );
        assert!(!report.is_news());
        assert!(report.text().contains("No stacks"));
    }

    #[test]
    fn a_kill_for_want_of_memory_is_told_by_the_systems_counters() {
        let record = Record::new(1);
        record.note_memory(&crate::record::Memory {
            group_kills: 1,
            host_kills: 4,
            ..Default::default()
        });
        let bytes = record.snapshot();
        let view = View::new(&bytes).unwrap();
        for (kills_now, out_of_memory) in [((1, 4), false), ((2, 4), true), ((0, 5), true)] {
            let found = cause(&view, kills_now);
            assert_eq!(found, Cause::Killed { out_of_memory }, "{kills_now:?}");
            assert!(found.to_string().contains("memory ran out"));
        }
    }

    #[test]
    fn stacks_that_a_child_left_are_not_taken_for_the_kernels() {
        let record = Record::new(1);
        let stacks = "Fatal Python error: Aborted\n\nThread 0x1 (most recent call first):\n  File \"a\", line 1 in f\n";
        let killed = Report::of(&remains(&record, stacks), "k").unwrap();
        assert!(killed.threads.is_empty());
        record.note_ending(Ending::ExitNow(4));
        let ended = Report::of(&remains(&record, stacks), "k").unwrap();
        assert_eq!(
            (ended.cause, ended.threads.len()),
            (Cause::ExitNow { code: 4 }, 1)
        );
    }

    #[test]
    fn terminals_are_not_obeyed() {
        let record = Record::new(1);
        record.begin_cell(1, "m", 1, "\u{1b}[31mred\rx");
        let report = Report::of(&remains(&record, ""), "k").unwrap();
        assert!(!report.text().contains('\u{1b}') && !report.summary("K", None).contains('\r'));
    }
}
