//! `ipyrust doctor`: looks at every kernelspec that starts ipyrust and at the interpreter that the launcher would take,
//! asks the interpreters, and says what is broken in words, with the command that mends it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};
use serde_json::{Value, json};

use crate::examination::{Examination, Part};
use crate::exit_code::ExitCode;
use crate::findings::{Finding, hidden, interpreter_gone, of_interpreter, stale, torn};
use crate::jupyter_paths::{data_dir, kernel_dirs};
use crate::kernelspecs::{Listed, kernelspecs};
use crate::layout::{Layout, problem};
use crate::packages::Presence;
use crate::search::{OwnPaths, Search, mending_command};
use crate::text::{quoted, shown};
use crate::variables::Variables;
use crate::{Answer, VERSION};

/// How long an interpreter may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Interpreters that were asked, each once with the same variables.
type Examinations = BTreeMap<(PathBuf, Vec<(String, String)>), Result<Examination, String>>;

/// Look, and say what was found.
pub(crate) fn doctor(
    found: &Search,
    variables: &Variables,
    own: &OwnPaths,
    as_json: bool,
) -> Answer {
    let jupyter = found.result.as_ref().ok().map(|one| &one.layout);
    let all = kernelspecs(&kernel_dirs(variables, jupyter));
    let mut visit = Visit {
        found,
        variables,
        jupyter,
        all: &all,
        examinations: Examinations::new(),
        findings: Vec::new(),
    };
    visit.search();
    visit.kernels();
    visit.interpreters(own);
    visit.target();
    let code = if visit.findings.is_empty() {
        ExitCode::Ok
    } else {
        ExitCode::Findings
    };
    let text = if as_json {
        visit.as_json(own)
    } else {
        visit.in_words(own)
    };
    Answer { text, code }
}

struct Visit<'a> {
    found: &'a Search,
    variables: &'a Variables,
    jupyter: Option<&'a Layout>,
    all: &'a [Listed],
    examinations: Examinations,
    findings: Vec<Finding>,
}

impl Visit<'_> {
    /// Variables, and the interpreter that the launcher would take.
    fn search(&mut self) {
        let notes = self.found.notes.iter();
        self.findings
            .extend(notes.map(|note| Finding::new("variable", &note.what, &note.cure)));
        if let Err(failure) = &self.found.result {
            let command = failure
                .cure
                .clone()
                .unwrap_or_else(|| "ipyrust env".to_owned());
            self.findings
                .push(Finding::new("no-interpreter", &failure.message, command));
        }
        for (layout, presence) in &self.found.lacking {
            if let Presence::Foreign(_) = presence {
                let message = format!("{} {}", shown(&layout.executable), presence.in_words());
                self.findings.push(Finding::new(
                    "shadowed",
                    message,
                    mending_command(layout, presence),
                ));
            }
        }
        if let Some(layout) = self.jupyter {
            self.examine(&layout.executable, Vec::new());
        }
    }

    /// Every kernelspec that starts ipyrust, or that would if it could be read.
    fn kernels(&mut self) {
        let all = self.all;
        for listed in all {
            if listed.content.is_none() && listed.name.contains("ipyrust") {
                self.findings.push(torn(listed, self.variables));
            } else if listed.is_ours() {
                self.kernel(listed);
            }
        }
        let is_usable = |listed: &&Listed| listed.is_ours() && listed.hidden_by.is_none();
        if self.jupyter.is_some() && !all.iter().any(|listed| is_usable(&listed)) {
            self.findings.push(Finding::new(
                "not-installed",
                "Jupyter lists no kernel that starts ipyrust",
                "ipyrust install --user",
            ));
        }
    }

    fn kernel(&mut self, listed: &Listed) {
        let Some(python) = listed.interpreter(self.jupyter) else {
            return; // A bare name, and no interpreter that Jupyter would put in its place.
        };
        if let Some(what) = problem(&python) {
            self.findings
                .push(interpreter_gone(listed, &python, &what, self.variables));
            return;
        }
        self.findings.extend(stale(listed, &python, self.variables));
        let winner = listed
            .hidden_by
            .as_ref()
            .and_then(|directory| self.all.iter().find(|other| other.directory == *directory));
        if let Some(by) = winner
            && !(by.is_ours()
                && by
                    .interpreter(self.jupyter)
                    .is_some_and(|other| is_same(&other, &python)))
        {
            self.findings
                .push(hidden(listed, by, &python, self.all, self.variables));
        }
        self.examine(&python, listed.env());
    }

    fn examine(&mut self, python: &Path, env: Vec<(String, String)>) {
        let is_known = |(known, with): &(PathBuf, Vec<_>)| is_same(known, python) && *with == env;
        if !self.examinations.keys().any(is_known) {
            let seen = Examination::of(python, &env, PATIENCE);
            self.examinations.insert((python.to_owned(), env), seen);
        }
    }

    fn interpreters(&mut self, own: &OwnPaths) {
        for ((python, _), seen) in &self.examinations {
            match seen {
                Ok(seen) => {
                    let launcher = is_beside(own, python).then_some(VERSION);
                    for finding in of_interpreter(python, seen, launcher) {
                        if !self.findings.contains(&finding) {
                            self.findings.push(finding);
                        }
                    }
                }
                Err(what) => self.findings.push(Finding::new(
                    "interpreter-broken",
                    format!("{} {what}", shown(python)),
                    "make its environment anew, or install the kernel for another: ipyrust install --user --python PATH",
                )),
            }
        }
    }

    /// Where `install` writes unless it is told otherwise.
    fn target(&mut self) {
        let kernels = data_dir(self.variables).join("kernels");
        if let Some(what) = unwritable(&kernels) {
            self.findings.push(Finding::new(
                "not-writable",
                format!(
                    "kernels for this user go to {}, but {what}",
                    shown(&kernels)
                ),
                "ipyrust install --sys-prefix",
            ));
        }
    }

    fn as_json(&self, own: &OwnPaths) -> String {
        let part = |part: Part| part.map_or_else(|why| json!({"error": why}), Value::String);
        let kernels = self
            .all
            .iter()
            .filter(|listed| listed.is_ours())
            .map(|listed| {
                json!({
                    "name": listed.name,
                    "directory": shown(&listed.directory),
                    "interpreter": listed.interpreter(self.jupyter).as_ref().map(shown),
                    "hidden_by": listed.hidden_by.as_ref().map(shown),
                })
            });
        let interpreters = self
            .examinations
            .iter()
            .map(|((python, _), seen)| match seen {
                Ok(seen) => json!({
                    "path": shown(python),
                    "python": seen.python(),
                    "kernel": part(seen.kernel()),
                    "core": part(seen.core()),
                    "launcher": seen.launcher(),
                    "libzmq": part(seen.libzmq()),
                }),
                Err(what) => json!({"path": shown(python), "error": what}),
            });
        let answer = json!({
            "launcher": {"version": VERSION, "path": own.real.as_ref().map(shown)},
            "interpreter": self.found.result.as_ref().ok().map(|one| shown(&one.layout.executable)),
            "kernels": kernels.collect::<Vec<_>>(),
            "interpreters": interpreters.collect::<Vec<_>>(),
            "findings": self.findings.iter().map(Finding::as_json).collect::<Vec<_>>(),
        });
        format!("{answer:#}\n")
    }

    fn in_words(&self, own: &OwnPaths) -> String {
        let path = own
            .real
            .as_ref()
            .map_or_else(|| "unknown".to_owned(), shown);
        let mut lines = vec![format!("launcher: ipyrust {VERSION}, {path}")];
        if let Ok(one) = &self.found.result {
            let python = shown(&one.layout.executable);
            lines.push(format!("interpreter: {python}: {}", one.source.in_words()));
        }
        for listed in self.all.iter().filter(|listed| listed.is_ours()) {
            let python = listed.interpreter(self.jupyter);
            let python =
                python.map_or_else(|| "an interpreter that Jupyter chooses".to_owned(), shown);
            lines.push(format!(
                "kernel {} in {}: {python}",
                quoted(&listed.name),
                shown(&listed.directory)
            ));
        }
        let or_none = |part: Part| part.unwrap_or_else(|_| "none".to_owned());
        for ((python, _), seen) in &self.examinations {
            if let Ok(seen) = seen {
                lines.push(format!(
                    "{}: Python {}, kernel {}, core {}, libzmq {}",
                    shown(python),
                    seen.python(),
                    or_none(seen.kernel()),
                    or_none(seen.core()),
                    or_none(seen.libzmq())
                ));
            }
        }
        for finding in &self.findings {
            lines.push(String::new());
            lines.push(format!("problem: {}", finding.message));
            lines.push(format!("   mend: {}", finding.command));
        }
        lines.push(String::new());
        lines.push(match self.findings.len() {
            0 => "all well".to_owned(),
            1 => "1 problem".to_owned(),
            number => format!("{number} problems"),
        });
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Whether the launcher is in the environment of this interpreter.
fn is_beside(own: &OwnPaths, python: &Path) -> bool {
    let place = |path: &Path| fs::canonicalize(path.parent()?).ok();
    let paths = [own.spelled.as_deref(), own.real.as_deref()];
    paths
        .into_iter()
        .flatten()
        .any(|path| place(path).is_some() && place(path) == place(python))
}

/// Whether two paths are one interpreter of one environment: the same directory and the same file.
fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| {
        Some((
            fs::canonicalize(path.parent()?).ok()?,
            fs::canonicalize(path).ok()?,
        ))
    };
    one == other || matches!((identity(one), identity(other)), (Some(a), Some(b)) if a == b)
}

/// Why a directory cannot be made or written; None when it can.
fn unwritable(directory: &Path) -> Option<String> {
    let nearest = directory
        .ancestors()
        .find(|above| above.is_symlink() || above.exists())?;
    if !nearest.is_dir() {
        return Some(format!("{} is not a directory", shown(nearest)));
    }
    match access(nearest, AccessFlags::W_OK | AccessFlags::X_OK) {
        Ok(()) => None,
        Err(_) => Some(format!("{} may not be written", shown(nearest))),
    }
}
