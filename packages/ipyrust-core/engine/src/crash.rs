//! The report of a kernel that died: made of its journal, kept as a file for its owner alone, told as text.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use nix::sys::signal::Signal;
use rustix::fs::{Mode, OFlags, open};
use serde::{Deserialize, Serialize};

use crate::fatal::CRASHES;
use crate::journal::{self, Found, Identity, Remains, open_own};
use crate::memory::kills;
use crate::record::{Ending, View};
use crate::stack_text::{Thread, bounded, label, parse};

/// Reports that are kept in a folder; the oldest make room.
pub const KEPT_REPORTS: usize = 10;
/// A larger file is no report.
pub const MAX_REPORT_BYTES: u64 = 1 << 20;
/// Journals that are looked at in one go.
const MOST_JOURNALS: usize = 1000;
const PREFIX: &str = "ipyrust-crash-";
const CODE_LINES: usize = 5;
const CODE_COLUMNS: usize = 120;
const STACK_LINES: usize = 12;

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

    /// One line without an end: what happened to `whom`.
    #[must_use]
    pub fn headline(&self, whom: &str) -> String {
        let cells: Vec<String> = self
            .cells
            .iter()
            .map(|cell| name_of(cell.execution_count))
            .collect();
        let running = match &cells[..] {
            [] => "while no cell ran".to_owned(),
            [one] => format!("while {one} ran"),
            many => format!("while {} ran", many.join(" and ")),
        };
        format!("{whom} (pid {}) {} {running}", self.pid, self.cause)
    }

    /// A few lines for somebody who did not ask; `path` is where the report is kept.
    #[must_use]
    pub fn summary(&self, whom: &str, path: Option<&Path>) -> String {
        let mut text = format!("{}.\n", self.headline(whom));
        for cell in self.cells.iter().rev().take(1) {
            push_code(&mut text, cell, CODE_LINES);
        }
        if let Some(thread) = self.main_witness() {
            text.push_str("Its stack, the innermost call first:\n");
            push_stack(&mut text, thread, user_frames(thread).min(STACK_LINES));
        }
        push_memory(&mut text, &self.memory);
        match path {
            Some(path) => {
                let _ = writeln!(text, "%crash shows the whole report, {}", path.display());
            }
            None => text.push_str("The next kernel's %crash shows the whole report.\n"),
        }
        printable(&text)
    }

    /// All of it, as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}.\n", self.headline(&format!("Kernel {}", self.kernel)));
        let _ = writeln!(
            text,
            "Started {}, died {}.",
            self.started,
            self.died
                .as_deref()
                .unwrap_or("at a moment that nobody saw")
        );
        push_memory(&mut text, &self.memory);
        for cell in &self.cells {
            let _ = writeln!(
                text,
                "\n{}, since {} ({}):",
                name_of(cell.execution_count),
                cell.started,
                cell.msg_id
            );
            push_code(&mut text, cell, usize::MAX);
        }
        if self.more_cells > 0 {
            let _ = writeln!(text, "\nBeside these {} more cells ran.", self.more_cells);
        }
        for thread in &self.threads {
            let _ = writeln!(text, "\n{}, the innermost call first:", title(thread));
            push_stack(&mut text, thread, usize::MAX);
        }
        if self.threads.is_empty() {
            text.push_str("\nNo stacks: nothing of Python could run any more.\n");
        }
        if self.more_threads > 0 {
            let _ = writeln!(text, "\n{} more threads are left out.", self.more_threads);
        }
        printable(&text)
    }

    /// The thread whose stack says most: the one that died, else one with a cell, else the main thread.
    fn main_witness(&self) -> Option<&Thread> {
        let of = |is: fn(&Thread) -> bool| self.threads.iter().find(|thread| is(thread));
        of(|thread| thread.current)
            .or_else(|| of(|thread| thread.cell.is_some()))
            .or_else(|| of(|thread| thread.name.as_deref() == Some("MainThread")))
            .filter(|thread| !thread.frames.is_empty())
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Signal { number, name } => write!(f, "died of {name} ({})", meaning(*number)),
            Self::ExitNow { code } => write!(f, "ended itself with os._exit({code})"),
            Self::Exit => f.write_str("was ended by C code that called exit()"),
            Self::IoError => f.write_str("ended as its I/O thread failed, its log says how,"),
            Self::Killed {
                out_of_memory: true,
            } => f.write_str("was killed (SIGKILL), most likely because memory ran out,"),
            Self::Killed {
                out_of_memory: false,
            } => f.write_str(
                "was killed from outside (SIGKILL), possibly because memory ran out, \
                 or ended by C code that called _exit(),",
            ),
        }
    }
}

fn meaning(signal: i32) -> &'static str {
    match Signal::try_from(signal) {
        Ok(Signal::SIGSEGV) => "segmentation fault",
        Ok(Signal::SIGABRT) => "abort",
        Ok(Signal::SIGBUS) => "bus error",
        Ok(Signal::SIGFPE) => "arithmetic error",
        Ok(Signal::SIGILL) => "illegal instruction",
        Ok(Signal::SIGSYS) => "forbidden system call",
        Ok(Signal::SIGXCPU) => "limit of processor time",
        Ok(Signal::SIGTERM | Signal::SIGHUP) => "somebody asked it to end",
        _ => "a signal",
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

fn name_of(execution_count: Option<u64>) -> String {
    execution_count.map_or_else(
        || "a silent cell".to_owned(),
        |count| format!("In [{count}]"),
    )
}

fn title(thread: &Thread) -> String {
    let id = thread.id.map_or_else(String::new, |id| format!(" {id:#x}"));
    let name = thread.name.as_deref().unwrap_or("Thread");
    let runs = thread.cell.map_or_else(String::new, |count| {
        format!(" of {}", name_of(Some(count).filter(|count| *count > 0)))
    });
    format!(
        "{}{name}{id}{runs}",
        if thread.current { "Current: " } else { "" }
    )
}

/// How many frames, from the innermost, end with the cell's own code: what called the cell is of no interest.
fn user_frames(thread: &Thread) -> usize {
    thread
        .frames
        .iter()
        .rposition(|frame| frame.cell.is_some())
        .map_or(thread.frames.len(), |last| last + 1)
}

fn push_stack(text: &mut String, thread: &Thread, count: usize) {
    for frame in thread.frames.iter().take(count) {
        let place = match frame.cell {
            Some(number) => name_of(Some(number)),
            None => frame.file.clone(),
        };
        let line = frame
            .line
            .map_or_else(|| "?".to_owned(), |line| line.to_string());
        let _ = writeln!(text, "    {place}, line {line}, in {}", frame.function);
    }
    if thread.frames.is_empty() {
        text.push_str("    no Python code\n");
    }
}

fn push_code(text: &mut String, cell: &Cell, lines: usize) {
    let all = cell.code.lines().count();
    for line in cell.code.lines().take(lines) {
        let shown: String = line.chars().take(CODE_COLUMNS).collect();
        let _ = writeln!(text, "    {shown}");
    }
    if all > lines || cell.code_bytes > cell.code.len() as u64 {
        text.push_str("    …\n");
    }
}

fn push_memory(text: &mut String, memory: &MemoryReport) {
    let Some(resident) = memory.resident else {
        return;
    };
    let _ = write!(text, "Memory: {} resident", megabytes(resident));
    if let Some(peak) = memory.peak {
        let _ = write!(text, ", {} at most", megabytes(peak));
    }
    if let Some(limit) = memory.limit {
        let _ = write!(text, ", {} allowed", megabytes(limit));
    }
    text.push_str(".\n");
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1 << 20))
}

/// Without characters that a terminal would obey.
fn printable(text: &str) -> String {
    text.chars()
        .map(|char| {
            if char.is_control() && char != '\n' && char != '\t' {
                '\u{fffd}'
            } else {
                char
            }
        })
        .collect()
}

/// Turn the journal at `path`, if its kernel died, into a report in the same folder; the journal is removed. Also returns
/// where the report is, if it could be written.
#[must_use]
pub fn take_over(path: &Path) -> Option<(Report, std::io::Result<PathBuf>)> {
    let identity = Identity::of(path)?;
    let found = journal::find(path);
    if !matches!(found, Found::Dead(_) | Found::Foreign) {
        return None;
    }
    let kernel = path.file_stem().unwrap_or_default().to_string_lossy();
    let report = match &found {
        Found::Dead(remains) => Report::of(remains, &kernel),
        _ => None,
    };
    // Written before the journal goes: a death that comes in between is told twice rather than never.
    let written = report.map(|report| {
        let file = write(path.parent().unwrap_or(Path::new(".")), &report);
        (report, file)
    });
    // Not what another kernel has put there in the meantime.
    journal::remove_this(path, identity);
    written
}

/// Make reports of all journals in `folder` whose kernels died, except `own`, however the folder is spelled.
pub fn take_over_all(folder: &Path, own: Option<&Path>) {
    for path in files(folder, "", journal::SUFFIX)
        .into_iter()
        .take(MOST_JOURNALS)
    {
        let is_own = own.is_some_and(|own| journal::is_same_file(own, &path));
        if !is_own && matches!(journal::find(&path), Found::Dead(_)) {
            let _ = take_over(&path);
        }
    }
}

/// The reports in `folder`, the newest first.
#[must_use]
pub fn reports(folder: &Path) -> Vec<PathBuf> {
    let mut found = files(folder, PREFIX, "json");
    found.sort();
    found.reverse();
    found
}

/// Read a report.
///
/// # Errors
/// Whatever the system says; `InvalidData` for what is no report.
pub fn read(path: &Path) -> std::io::Result<Report> {
    let (file, _) = open_own(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_REPORT_BYTES).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Keep a report in `folder`, and no more than [`KEPT_REPORTS`] in all.
fn write(folder: &Path, report: &Report) -> std::io::Result<PathBuf> {
    let died = report.died.as_deref().or(report.memory.sampled.as_deref());
    let time: String = died
        .unwrap_or(&report.started)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let path = folder.join(format!("{PREFIX}{time}-{}.json", report.pid));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = std::fs::File::from(open(&path, flags, Mode::RUSR | Mode::WUSR)?);
    let text = serde_json::to_string_pretty(report)?;
    if let Err(error) = file.write_all(text.as_bytes()) {
        let _ = std::fs::remove_file(&path);
        return Err(error);
    }
    for old in reports(folder).into_iter().skip(KEPT_REPORTS) {
        let _ = std::fs::remove_file(old);
    }
    Ok(path)
}

fn files(folder: &Path, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension().is_some_and(|found| found == suffix)
                && path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    fn remains(record: &Record, stacks: &str) -> Remains {
        Remains {
            record: record.snapshot(),
            stacks: stacks.into(),
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("ipyrust-crash-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        folder
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

    #[test]
    fn of_many_reports_the_newest_are_kept() {
        let folder = folder("many");
        let record = Record::new(1);
        let mut report = Report::of(&remains(&record, ""), "k").unwrap();
        for second in 10..10 + KEPT_REPORTS + 3 {
            report.died = Some(format!("2026-01-01T00:00:{second}.000Z"));
            assert_eq!(read(&write(&folder, &report).unwrap()).unwrap(), report);
        }
        let kept = reports(&folder);
        assert_eq!(kept.len(), KEPT_REPORTS);
        assert!(kept[0].to_string_lossy().contains("20260101T000022000Z"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        let folder = folder("garbage");
        let path = folder.join("ipyrust-crash-1.json");
        for text in ["", "{", "[]", "{\"pid\": \"x\"}"] {
            std::fs::write(&path, text).unwrap();
            assert!(read(&path).is_err(), "{text}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
