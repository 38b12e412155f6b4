//! Which interpreter: the search of `docs/launcher.md`, step by step. Starts nothing and prints nothing.
//!
//! An explicit choice (`--python`, `IPYRUST_PYTHON`) works or is an error. The others are tried in order: one that
//! surely lacks ipyrust is passed over, one whose files do not tell is remembered for the case that no other has it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::exit_code::{ExitCode, Failure};
use crate::layout::{Layout, problem};
use crate::packages::{Presence, presence};
use crate::text::{quoted, shell_word, shown};
use crate::variables::Variables;

/// The oldest Python that runs ipyrust.
const OLDEST_MINOR: u32 = 11;

/// Names of an environment's interpreter in its `bin`, the first that is there.
const NAMES: [&str; 2] = ["python", "python3"];

/// Where an interpreter was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// `--python`
    Option,
    /// `IPYRUST_PYTHON`
    Variable,
    /// Beside the launcher.
    Own,
    /// `VIRTUAL_ENV`
    VirtualEnv,
    /// `CONDA_PREFIX`
    CondaPrefix,
    /// `PATH`
    Path,
}

impl Source {
    /// In words.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Option => "--python names it",
            Self::Variable => "IPYRUST_PYTHON names it",
            Self::Own => "it is in the launcher's own environment",
            Self::VirtualEnv => "VIRTUAL_ENV is its environment",
            Self::CondaPrefix => "CONDA_PREFIX is its environment",
            Self::Path => "it is on PATH",
        }
    }
}

/// An interpreter to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// It and its environment.
    pub(crate) layout: Layout,
    /// Why this one.
    pub(crate) source: Source,
    /// Whether it has ipyrust: `Ours` or `Unknown`.
    pub(crate) presence: Presence,
}

/// The whole search.
#[derive(Debug)]
pub(crate) struct Search {
    /// What was tried and what came of it, one line each.
    pub(crate) steps: Vec<String>,
    /// Variables that are stale, contradict each other or cannot be meant, one line each.
    pub(crate) notes: Vec<Note>,
    /// Interpreters that were passed over because they have no ipyrust, or another one.
    pub(crate) lacking: Vec<(Layout, Presence)>,
    /// The interpreter, or why there is none.
    pub(crate) result: Result<Found, Failure>,
}

/// A variable that is stale, contradicts another or cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// What is wrong with it.
    pub(crate) what: String,
    /// What to type.
    pub(crate) cure: String,
}

impl Note {
    fn new(name: &str, what: String) -> Self {
        let cure = format!("unset {name}");
        Self { what, cure }
    }

    /// Both in one line.
    pub(crate) fn line(&self) -> String {
        format!("{}; {}", self.what, self.cure)
    }
}

/// The paths by which this program was started.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnPaths {
    /// As it was spelled, made absolute; links left as they are.
    pub(crate) spelled: Option<PathBuf>,
    /// The file that it really is.
    pub(crate) real: Option<PathBuf>,
}

impl OwnPaths {
    /// Those of this process. `name` is `argv[0]`, which may be anything: it counts only if it leads to this file.
    pub(crate) fn of_process(name: Option<&OsStr>, variables: &Variables) -> Self {
        let real = env::current_exe()
            .ok()
            .map(|path| fs::canonicalize(&path).unwrap_or(path));
        let is_this = |path: &PathBuf| real.is_some() && fs::canonicalize(path).ok() == real;
        let spelled = name.and_then(|name| {
            if name.as_bytes().contains(&b'/') {
                std::path::absolute(name).ok().filter(is_this)
            } else {
                let places = variables.entries("PATH").into_iter();
                places.map(|place| place.join(name)).find(is_this)
            }
        });
        Self { spelled, real }
    }

    /// Directories in which its environment's interpreter would be. A link to the program itself leads away from where
    /// it stands, a link to a directory above it does not.
    fn directories(&self) -> Vec<PathBuf> {
        let spelled = self.spelled.as_deref();
        let is_link = spelled.is_some_and(Path::is_symlink);
        let (first, second) = if is_link {
            (self.real.as_deref(), spelled)
        } else {
            (spelled, self.real.as_deref())
        };
        let mut found: Vec<PathBuf> = Vec::new();
        for directory in [first, second]
            .into_iter()
            .flatten()
            .filter_map(Path::parent)
        {
            if !found.iter().any(|other| is_same(other, directory)) {
                found.push(directory.to_owned());
            }
        }
        found
    }
}

/// Search. `named` is the value of `--python`.
pub(crate) fn search(named: Option<&OsStr>, variables: &Variables, own: &OwnPaths) -> Search {
    let mut walk = Walk::new(variables, own);
    let result = match (named, variables.get("IPYRUST_PYTHON")) {
        (Some(value), _) => walk.explicit(value, Source::Option, "--python"),
        (None, Some(value)) => walk.explicit(value, Source::Variable, "IPYRUST_PYTHON"),
        (None, None) => {
            walk.step("--python and IPYRUST_PYTHON name no interpreter");
            walk.implicit()
        }
    };
    Search {
        notes: notes(variables),
        steps: walk.steps,
        lacking: walk.lacking,
        result,
    }
}

struct Walk<'a> {
    variables: &'a Variables,
    own: &'a OwnPaths,
    steps: Vec<String>,
    seen: Vec<PathBuf>,
    undecided: Option<Found>,
    lacking: Vec<(Layout, Presence)>,
}

impl<'a> Walk<'a> {
    fn new(variables: &'a Variables, own: &'a OwnPaths) -> Self {
        Self {
            variables,
            own,
            steps: Vec::new(),
            seen: Vec::new(),
            undecided: None,
            lacking: Vec::new(),
        }
    }

    fn step(&mut self, text: impl Into<String>) {
        self.steps.push(text.into());
    }

    /// The interpreter that the user named.
    fn explicit(&mut self, value: &OsStr, source: Source, name: &str) -> Result<Found, Failure> {
        let bad = |what: String| {
            let message = format!("{name}={} {what}", quoted(value));
            match source {
                Source::Option => Failure::new(
                    ExitCode::BadPython,
                    format!("{message}; name another interpreter"),
                ),
                _ => Failure::new(ExitCode::BadPython, message).cured_by(format!("unset {name}")),
            }
        };
        if value.is_empty() {
            return Err(bad("names no interpreter".to_owned()));
        }
        let path = self
            .resolve(value)
            .ok_or_else(|| bad("is not on PATH".to_owned()))?;
        if let Some(problem) = problem(&path) {
            return Err(bad(problem));
        }
        if self.is_own(&path) {
            return Err(bad("is the launcher itself, not a Python".to_owned()));
        }
        let layout = Layout::of(&path);
        let presence = presence(&layout, self.variables);
        self.step(format!("{name}: {} {}", shown(&path), presence.in_words()));
        match presence {
            Presence::Absent | Presence::Foreign(_) => Err(Failure::new(
                ExitCode::BadPython,
                format!("{name}={} {}", quoted(value), presence.in_words()),
            )
            .cured_by(mending_command(&layout, &presence))),
            presence => Ok(Found {
                layout,
                source,
                presence,
            }),
        }
    }

    /// An absolute path for what the user wrote: a bare name is looked for on PATH.
    fn resolve(&self, value: &OsStr) -> Option<PathBuf> {
        if value.as_bytes().contains(&b'/') {
            return std::path::absolute(value).ok();
        }
        let places = self.variables.entries("PATH").into_iter();
        places
            .filter(|place| place.is_absolute())
            .map(|place| place.join(value))
            .find(|path| problem(path).is_none())
    }

    fn implicit(&mut self) -> Result<Found, Failure> {
        let directories = self.own.directories();
        if directories.is_empty() {
            self.step("the launcher does not know its own path");
        }
        for directory in directories {
            if let Some(found) = self.try_directory(&directory, Source::Own) {
                return Ok(found);
            }
        }
        for (name, source) in [
            ("VIRTUAL_ENV", Source::VirtualEnv),
            ("CONDA_PREFIX", Source::CondaPrefix),
        ] {
            if let Some(found) = self.try_variable(name, source) {
                return Ok(found);
            }
        }
        for directory in self.variables.entries("PATH") {
            if !directory.is_absolute() {
                self.step(format!(
                    "PATH: {} is relative: passed over",
                    quoted(&directory)
                ));
            } else if let Some(found) = self.try_path(&directory) {
                return Ok(found);
            }
        }
        if let Some(found) = self.undecided.take() {
            self.step(format!(
                "no other has ipyrust: {}",
                shown(&found.layout.executable)
            ));
            return Ok(found);
        }
        Err(self.nothing())
    }

    fn try_variable(&mut self, name: &str, source: Source) -> Option<Found> {
        let Some(value) = self.variables.get(name) else {
            self.step(format!("{name} is not set"));
            return None;
        };
        let prefix = Path::new(value);
        if let Some(what) = environment_problem(prefix) {
            self.step(format!("{name}={} {what}: passed over", quoted(value)));
            return None;
        }
        self.try_directory(&prefix.join("bin"), source)
    }

    /// The interpreter of an environment whose programs are in `directory`.
    fn try_directory(&mut self, directory: &Path, source: Source) -> Option<Found> {
        let candidates = NAMES.map(|name| directory.join(name));
        let Some(path) = candidates.iter().find(|path| problem(path).is_none()) else {
            self.step(format!("{} has no interpreter", shown(directory)));
            return None;
        };
        self.judge(path, source)
    }

    fn try_path(&mut self, directory: &Path) -> Option<Found> {
        for name in NAMES.iter().rev() {
            let path = directory.join(name);
            if problem(&path).is_none()
                && let Some(found) = self.judge(&path, Source::Path)
            {
                return Some(found);
            }
        }
        None
    }

    /// Take an interpreter that has ipyrust, remember one that may.
    fn judge(&mut self, path: &Path, source: Source) -> Option<Found> {
        let directory = path
            .parent()
            .map(|above| fs::canonicalize(above).unwrap_or(above.to_owned()));
        let identity = directory
            .unwrap_or_default()
            .join(fs::canonicalize(path).ok()?.file_name()?);
        if self.seen.contains(&identity) {
            return None;
        }
        self.seen.push(identity);
        if self.is_own(path) {
            self.step(format!(
                "{} is the launcher itself: passed over",
                shown(path)
            ));
            return None;
        }
        let layout = Layout::of(path);
        let presence = presence(&layout, self.variables);
        self.step(format!(
            "{} {} ({})",
            shown(path),
            presence.in_words(),
            source.in_words()
        ));
        match presence {
            Presence::Ours { .. } => Some(Found {
                layout,
                source,
                presence,
            }),
            Presence::Unknown(_) => {
                self.undecided.get_or_insert(Found {
                    layout,
                    source,
                    presence,
                });
                None
            }
            Presence::Absent | Presence::Foreign(_) => {
                self.lacking.push((layout, presence));
                None
            }
        }
    }

    fn is_own(&self, path: &Path) -> bool {
        self.own.real.is_some() && fs::canonicalize(path).ok() == self.own.real
    }

    /// Nothing was found: say how to mend the first interpreter that could have it.
    fn nothing(&self) -> Failure {
        let can_have_it = |layout: &Layout| is_new_enough(layout.version.as_deref());
        let (what, command) = match self.lacking.iter().find(|(layout, _)| can_have_it(layout)) {
            Some((layout, presence)) => (
                format!("{} {}", shown(&layout.executable), presence.in_words()),
                mending_command(layout, presence),
            ),
            None => (
                "there is no Python 3.11 or newer".to_owned(),
                "python3 -m pip install ipyrust-kernel".to_owned(),
            ),
        };
        Failure::new(
            ExitCode::NoPython,
            format!(
                "no interpreter with ipyrust (IPYRUST_DEBUG_PYTHON=1 shows the search): {what}"
            ),
        )
        .cured_by(command)
    }
}

/// What makes ipyrust importable in an interpreter that lacks it.
pub(crate) fn mending_command(layout: &Layout, presence: &Presence) -> String {
    let python = shell_word(&layout.executable);
    match presence {
        Presence::Foreign(_) => format!(
            "{python} -m pip uninstall --yes ipyrust && \
             {python} -m pip install --force-reinstall --no-deps ipyrust-kernel"
        ),
        _ => format!("{python} -m pip install ipyrust-kernel"),
    }
}

/// Unknown counts as new enough.
fn is_new_enough(version: Option<&str>) -> bool {
    let minor = version
        .and_then(|version| version.strip_prefix("3."))
        .map(|minor| minor.trim_end_matches('t').parse());
    match (version, minor) {
        (None, _) => true,
        (Some(_), Some(Ok(minor))) => u32::ge(&minor, &OLDEST_MINOR),
        _ => false,
    }
}

/// What is wrong with the variables, whether the search got to them or not.
fn notes(variables: &Variables) -> Vec<Note> {
    let mut found = Vec::new();
    for name in ["IPYRUST_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX", "PATH"] {
        if variables.raw(name).is_some_and(OsStr::is_empty) {
            found.push(Note::new(
                name,
                format!("{name} is empty, which counts as unset"),
            ));
        }
    }
    let mut prefixes = Vec::new();
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        let Some(value) = variables.get(name) else {
            continue;
        };
        match environment_problem(Path::new(value)) {
            Some(what) => found.push(Note::new(name, format!("{name}={} {what}", quoted(value)))),
            None => prefixes.push((name, value)),
        }
    }
    if let [(first, one), (second, other)] = prefixes.as_slice()
        && !is_same(Path::new(one), Path::new(other))
    {
        let values = format!("{first}={} and {second}={}", quoted(one), quoted(other));
        found.push(Note::new(
            second,
            format!("{values} are different environments, and {first} is asked first"),
        ));
    }
    if let Some(value) = variables.get("PYTHONHOME") {
        let what = format!(
            "PYTHONHOME={} moves the library of every interpreter",
            quoted(value)
        );
        found.push(Note::new("PYTHONHOME", what));
    }
    found
}

/// What is wrong with the value of VIRTUAL_ENV or CONDA_PREFIX; None when nothing is.
fn environment_problem(prefix: &Path) -> Option<String> {
    if !prefix.is_absolute() {
        return Some("is not an absolute path".to_owned());
    }
    match fs::metadata(prefix) {
        Err(_) => return problem(prefix),
        Ok(metadata) if !metadata.is_dir() => return Some("is not a directory".to_owned()),
        Ok(_) => {}
    }
    let problems = NAMES.map(|name| problem(&prefix.join("bin").join(name)));
    match problems {
        [Some(what), Some(_)] => Some(format!("has no interpreter (bin/python {what})")),
        _ => None,
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests;
