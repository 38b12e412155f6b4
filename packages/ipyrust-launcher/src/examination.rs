//! What an interpreter itself says about ipyrust. This starts it: only `doctor` does, and waits a bounded time.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::text::shown;

/// No answer is longer; what follows is not read.
const LONGEST_ANSWER: u64 = 1 << 20;

/// Prints one line of JSON, whatever is installed.
const QUESTION: &str = include_str!("question.py");

/// The answer of one interpreter.
#[derive(Debug, Clone)]
pub(crate) struct Examination(Value);

/// A part of the answer: a version, or why there is none.
pub(crate) type Part = Result<String, String>;

impl Examination {
    /// Ask the interpreter at `python`, with these variables besides ours, and wait at most `patience`. The error says, in
    /// words that follow its path, why there is no answer.
    pub(crate) fn of(
        python: &Path,
        env: &[(String, String)],
        patience: Duration,
    ) -> Result<Self, String> {
        let mut child = Command::new(python)
            .args(["-c", QUESTION])
            .envs(env.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot be started: {error}"))?;
        let deadline = Instant::now() + patience;
        let output = child.stdout.take().map(read_all);
        let errors = child.stderr.take().map(read_all);
        let output = received(output, deadline);
        let errors = received(errors, deadline);
        let in_time = output.is_some();
        end(&mut child);
        if !in_time {
            return Err(format!("did not answer within {} s", patience.as_secs()));
        }
        let line = output.as_deref().and_then(last_line).unwrap_or_default();
        serde_json::from_str(line).map(Self).map_err(|_| {
            let why = errors
                .as_deref()
                .and_then(last_line)
                .unwrap_or("it says nothing");
            format!("does not run: {}", shown(why))
        })
    }

    /// Version of ipyrust-kernel.
    pub(crate) fn kernel(&self) -> Part {
        self.part("kernel")
    }

    /// Version of ipyrust-core.
    pub(crate) fn core(&self) -> Part {
        self.part("core")
    }

    /// Version of libzmq.
    pub(crate) fn libzmq(&self) -> Part {
        self.part("libzmq")
    }

    /// Version of Python.
    pub(crate) fn python(&self) -> &str {
        self.text("python").unwrap_or("unknown")
    }

    /// Where the module `ipyrust` is.
    pub(crate) fn module(&self) -> Option<&str> {
        self.text("module")
    }

    /// Whether that starts our kernel.
    pub(crate) fn is_ours(&self) -> bool {
        self.0.get("is_ours").and_then(Value::as_bool) == Some(true)
    }

    /// Version of the unrelated distribution `ipyrust`, if that is installed.
    pub(crate) fn foreign(&self) -> Option<&str> {
        self.text("foreign")
    }

    /// Version of the distribution ipyrust-launcher, if that is installed.
    pub(crate) fn launcher(&self) -> Option<&str> {
        self.text("launcher")
    }

    /// Modules that the kernel needs and that are not there.
    pub(crate) fn missing(&self) -> Vec<&str> {
        let list = self.0.get("missing").and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn part(&self, name: &str) -> Part {
        let why = || {
            self.text(&format!("{name}_error"))
                .unwrap_or("unknown")
                .to_owned()
        };
        self.text(name).map(str::to_owned).ok_or_else(why)
    }
}

/// Read a pipe to its end on a thread of its own. The thread outlives this program's interest in it if somebody keeps the
/// pipe open.
fn read_all(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.by_ref().take(LONGEST_ANSWER).read_to_end(&mut bytes); // What came before an error counts.
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned()); // Nobody waits any more: nobody to tell.
    });
    receiver
}

fn received(pipe: Option<Receiver<String>>, deadline: Instant) -> Option<String> {
    pipe?
        .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        .ok()
}

fn end(child: &mut Child) {
    let _ = child.kill(); // It has ended, or it is stuck: both ways it is reaped here.
    let _ = child.wait();
}

fn last_line(text: &str) -> Option<&str> {
    text.lines().rev().find(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const LONG: Duration = Duration::from_secs(60);

    fn examined(script: &str, patience: Duration) -> Result<Examination, String> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("python");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Examination::of(&program, &[], patience)
    }

    #[test]
    fn the_last_line_is_the_answer() {
        let seen = examined(
            "echo noise; echo '{\"kernel\": \"1.2\", \"core_error\": \"no\"}'",
            LONG,
        )
        .unwrap();
        assert_eq!(seen.kernel(), Ok("1.2".to_owned()));
        assert_eq!(seen.core(), Err("no".to_owned()));
        assert_eq!(seen.foreign(), None);
    }

    #[test]
    fn one_that_hangs_is_ended() {
        let started = Instant::now();
        let error = examined("exec sleep 1000", Duration::from_millis(100)).unwrap_err();
        assert_eq!(error, "did not answer within 0 s");
        assert!(started.elapsed() < LONG);
    }

    #[test]
    fn one_that_leaves_the_pipe_open_is_not_waited_for() {
        let error = examined("sleep 5 & exec sleep 5", Duration::from_millis(100)).unwrap_err();
        assert_eq!(error, "did not answer within 0 s");
    }

    #[test]
    fn one_that_floods_is_not_read_to_the_end() {
        let error = examined("exec yes", LONG).unwrap_err();
        assert!(error.starts_with("does not run: "), "{error}");
    }
}
