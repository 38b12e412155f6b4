//! A crash report as text: a line, a few lines, all of it.

use std::fmt::Write as _;
use std::path::Path;

use nix::sys::signal::Signal;

use super::{Cause, Cell, MemoryReport, Report};
use crate::stack_text::Thread;

const CODE_LINES: usize = 5;
const CODE_COLUMNS: usize = 120;
const STACK_LINES: usize = 12;

impl Report {
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
