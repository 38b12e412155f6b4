//! The text that Python's `faulthandler` writes → stacks of threads.
//!
//! `faulthandler` can write where nothing else of Python can run: in the handler of a fatal signal, or while C code holds
//! the GIL. Its format is for people and differs a little between versions; what is not understood is skipped.

use serde::{Deserialize, Serialize};

use crate::record::View;

/// Bytes of a text that are read.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// Bytes of stacks that are kept, roughly; see [`bounded`].
pub const MAX_STACK_BYTES: usize = 128 << 10;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// File of the code.
    pub file: String,
    /// Line in it; None where Python could not tell.
    pub line: Option<u64>,
    /// Name of the function.
    pub function: String,
    /// Number of the cell that the code belongs to.
    #[serde(default)]
    pub cell: Option<u64>,
}

/// The calls of one thread, the innermost first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// As `threading.get_ident()`; None where the text does not name it.
    pub id: Option<u64>,
    /// Name of the thread, where the text has it (Python 3.14).
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it is the thread that wrote the text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub current: bool,
    /// Number of the cell that this thread runs.
    #[serde(default)]
    pub cell: Option<u64>,
    /// The calls; empty for a thread that runs no Python code.
    pub frames: Vec<Frame>,
}

impl Thread {
    fn size_bytes(&self) -> usize {
        128 + self
            .frames
            .iter()
            .map(|frame| 96 + frame.file.len() + frame.function.len())
            .sum::<usize>()
    }
}

/// Say which cells the threads run and which cells their code belongs to, and name the main thread.
pub fn label(threads: &mut [Thread], view: &View<'_>) {
    let cells = view.cells();
    for thread in threads {
        let runs = cells.iter().find(|cell| Some(cell.thread) == thread.id);
        thread.cell = runs.map(|cell| cell.execution_count);
        if thread.name.is_none() && thread.id == Some(view.main_thread()) {
            thread.name = Some("MainThread".into());
        }
        for frame in &mut thread.frames {
            frame.cell = view.number_of(&frame.file);
        }
    }
}

/// The threads of the last dump in `text`.
#[must_use]
pub fn parse(text: &str) -> Vec<Thread> {
    let mut threads: Vec<Thread> = Vec::new();
    let mut in_thread = false;
    for line in text.lines() {
        if line.starts_with("Fatal Python error: ") {
            threads.clear(); // An earlier dump: its process went on.
            in_thread = false;
        } else if let Some(thread) = heading(line) {
            threads.push(thread);
            in_thread = true;
        } else if line.trim().is_empty() || line.contains("C stack trace") {
            in_thread = false;
        } else if let Some((frame, thread)) =
            frame(line).filter(|_| in_thread).zip(threads.last_mut())
        {
            thread.frames.push(frame);
        }
    }
    threads
}

/// `Current thread 0x00007f… [name] (most recent call first):`
fn heading(line: &str) -> Option<Thread> {
    let rest = line.strip_suffix("(most recent call first):")?.trim_end();
    let (current, rest) = match rest.strip_prefix("Current thread ") {
        Some(rest) => (true, rest),
        None => (
            false,
            rest.strip_prefix("Thread ")
                .or((rest == "Stack").then_some(""))?,
        ),
    };
    let (id, name) = rest.split_once(' ').unwrap_or((rest, ""));
    let name = name
        .trim()
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    Some(Thread {
        id: id
            .strip_prefix("0x")
            .and_then(|hex| u64::from_str_radix(hex, 16).ok()),
        name: name.map(unescaped),
        current: current || rest.is_empty(),
        cell: None,
        frames: Vec::new(),
    })
}

/// `  File "name", line 12 in function`; the name may hold anything.
fn frame(line: &str) -> Option<Frame> {
    let rest = line.strip_prefix("  File ")?;
    let (file, rest) = rest.rsplit_once(", line ")?;
    let (number, function) = rest.split_once(" in ")?;
    Some(Frame {
        file: unescaped(file.trim_matches('"')),
        line: number.parse().ok(),
        function: unescaped(function),
        cell: None,
    })
}

/// `faulthandler` writes ASCII only: `\xe9`, `\u20ac` or `\U0001f40d` stands for what is not.
fn unescaped(text: &str) -> String {
    let (mut rest, mut plain) = (text, String::with_capacity(text.len()));
    while let Some((before, behind)) = rest.split_once('\\') {
        plain.push_str(before);
        let (char, more) = escaped(behind).unwrap_or(('\\', behind));
        plain.push(char);
        rest = more;
    }
    plain + rest
}

/// The character whose escape begins behind a backslash, and what follows it.
fn escaped(text: &str) -> Option<(char, &str)> {
    let digits = match text.as_bytes().first()? {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => return None,
    };
    let hex = text.get(1..=digits)?;
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u32::from_str_radix(hex, 16).ok().filter(|_| is_hex)?;
    // What is ASCII was a backslash in a name, or a control character, which nobody needs.
    let char = char::from_u32(number).filter(|char| !char.is_ascii() && !char.is_control())?;
    Some((char, text.get(digits + 1..)?))
}

/// The threads for which there is room, those that matter first: the current one, then the others in their order.
/// Returns how many were left out.
#[must_use]
pub fn bounded(
    mut threads: Vec<Thread>,
    matters: &dyn Fn(&Thread) -> bool,
) -> (Vec<Thread>, usize) {
    threads.sort_by_key(|thread| (!thread.current, !matters(thread)));
    let all = threads.len();
    let mut room = MAX_STACK_BYTES;
    let kept: Vec<Thread> = threads
        .into_iter()
        .map_while(|thread| {
            room = room.checked_sub(thread.size_bytes())?;
            Some(thread)
        })
        .collect();
    let left_out = all - kept.len();
    (kept, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(file: &str, line: u64, function: &str) -> Frame {
        Frame {
            file: file.into(),
            line: Some(line),
            function: function.into(),
            cell: None,
        }
    }

    #[test]
    fn what_is_not_ascii_is_read_back() {
        let text = "Current thread 0x1 [\\u5de5] (most recent call first):\n  File \"/home/jos\\xe9/x\", line 1 in na\\xefve\n\
             \x20 File \"\\U0001f40d\\x41\\x1b\\x85\\ud800\\xz\\u+0e9\\\", line 2 in \\x\n";
        let threads = parse(text);
        assert_eq!(threads[0].name.as_deref(), Some("工"));
        assert_eq!(
            threads[0].frames,
            [
                frame("/home/josé/x", 1, "naïve"),
                frame("🐍\\x41\\x1b\\x85\\ud800\\xz\\u+0e9\\", 2, "\\x")
            ]
        );
    }

    #[test]
    fn table() {
        let fatal = "Fatal Python error: Segmentation fault\n\n\
            Thread 0x00007f0000000002 (most recent call first):\n  File \"/a.py\", line 3 in wait\n\n\
            Current thread 0x00007f0000000001 (most recent call first):\n\
            \x20 File \"/tmp/x, line 1 in y\", line 12 in <module>\n  File \"/b.py\", line 4 in f\n\n\
            Extension modules: _cffi_backend, zmq (total: 2)\n";
        let threads = parse(fatal);
        assert_eq!(threads.len(), 2);
        assert_eq!(
            (threads[0].id, threads[0].current),
            (Some(0x7f00_0000_0002), false)
        );
        assert_eq!(threads[0].frames, [frame("/a.py", 3, "wait")]);
        assert!(threads[1].current);
        assert_eq!(
            threads[1].frames,
            [
                frame("/tmp/x, line 1 in y", 12, "<module>"),
                frame("/b.py", 4, "f")
            ]
        );
        for (text, expected) in [
            ("", vec![]),
            (
                "Thread 0x1 [worker 1] (most recent call first):\n  File \"a\", line 1 in f\n",
                vec![(Some(1), Some("worker 1"), false, 1)],
            ),
            (
                "Stack (most recent call first):\n  File \"a\", line 1 in f\n  ...\n",
                vec![(None, None, true, 1)],
            ),
            (
                "Thread 0x2 (most recent call first):\n  <no Python frame>\n",
                vec![(Some(2), None, false, 0)],
            ),
            (
                "Thread 0x2 (most recent call first):\n  Garbage-collecting\n  File \"a\", line ??? in f\n",
                vec![(Some(2), None, false, 1)],
            ),
            (
                "Thread 0x2 (most recent call first):\n  File \"a\", line 1 in f\n\n\
              Current thread's C stack trace (most recent call first):\n  Binary file \"/lib\", at x [0x1]\n  File \"x\", line 1 in g\n",
                vec![(Some(2), None, false, 1)],
            ),
            (
                "Thread 0xzz (most recent call first):\n  File \"a\" line 1\n  Fi",
                vec![(None, None, false, 0)],
            ),
            (
                "Fatal Python error: Aborted\n\nThread 0x1 (most recent call first):\n  File \"a\", line 1 in f\n\
              Fatal Python error: Segmentation fault\n\nThread 0x3 (most recent call first):\n  File \"b\", line 1 in g\n",
                vec![(Some(3), None, false, 1)],
            ),
        ] {
            let found: Vec<_> = parse(text);
            let found: Vec<_> = found
                .iter()
                .map(|t| (t.id, t.name.as_deref(), t.current, t.frames.len()))
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn stacks_are_bounded_and_the_current_thread_stays() {
        let thread = |id, current| Thread {
            id: Some(id),
            name: None,
            current,
            cell: None,
            frames: vec![frame(&"x".repeat(1000), 1, "f"); 100],
        };
        let threads = (1..=5).map(|id| thread(id, id == 5)).collect();
        let (kept, left_out) = bounded(threads, &|thread| thread.id == Some(3));
        assert_eq!(
            kept.iter().map(|thread| thread.id).collect::<Vec<_>>(),
            [Some(5)]
        );
        assert_eq!(left_out, 4);
        let few = vec![thread(1, false), thread(3, false)]
            .into_iter()
            .map(|mut t| {
                t.frames.truncate(1);
                t
            })
            .collect();
        let (kept, left_out) = bounded(few, &|thread| thread.id == Some(3));
        assert_eq!((kept[0].id, left_out), (Some(3), 0));
    }
}
