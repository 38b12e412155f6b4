//! The `ipyrust` command: finds the interpreter that has ipyrust and becomes `python -m ipyrust` there.
//!
//! Reading order: `options` (what is asked) → `search` (which interpreter), which asks `layout` and `packages` → `run`,
//! or one of the commands that need no Python: `list`, `install`, `environment`, `doctor`. Each of them returns an
//! [`Answer`]; only this file prints.

// Rust's own start reads the memory map, which takes as long as all the rest of `--version`, and ignores SIGPIPE, which
// the kernel would inherit.
#![cfg_attr(not(test), no_main)]

mod doctor;
mod environment;
mod examination;
mod exit_code;
mod files;
mod findings;
mod install;
mod jupyter_paths;
mod kernelspec;
mod kernelspecs;
mod layout;
mod list;
mod options;
mod packages;
mod run;
mod search;
mod text;
mod variables;

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write};

use crate::exit_code::{ExitCode, Failure};
use crate::options::{Arguments, Command, Place, parse};
use crate::search::{OwnPaths, Search, search};
use crate::variables::Variables;

/// Our version, which is that of the kernel.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a command prints, and how it ends.
#[derive(Debug)]
pub(crate) struct Answer {
    /// For stdout.
    pub(crate) text: String,
    /// Exit code.
    pub(crate) code: ExitCode,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        let code = ExitCode::Ok;
        Self { text, code }
    }
}

/// Where the C library starts us.
// The attribute is unsafe because the name might be taken twice: this is the only `main` of the program.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[allow(unsafe_code)]
extern "C" fn main() -> i32 {
    let mut arguments = env::args_os();
    let name = arguments.next();
    let ended = parse(arguments).and_then(|arguments| match arguments.command {
        Command::Version => Ok(Answer::from(format!("ipyrust {VERSION}\n"))),
        Command::Help(text) => Ok(Answer::from(text.to_owned())),
        _ => search_and_answer(arguments, name.as_deref()),
    });
    let ended = ended.and_then(|answer| match print(io::stdout().lock(), &answer.text) {
        Ok(()) => Ok(answer.code),
        Err(error) => Err(Failure::new(
            ExitCode::NotWritable,
            format!("cannot write to standard output: {error}"),
        )),
    });
    let code = ended.unwrap_or_else(|failure| {
        complain(&format!("ipyrust: {}\n", failure.line()));
        failure.code
    });
    code as i32
}

/// Everything that needs to know the interpreter.
fn search_and_answer(arguments: Arguments, name: Option<&OsStr>) -> Result<Answer, Failure> {
    let variables = Variables::of_process();
    let own = OwnPaths::of_process(name, &variables);
    let found = search(arguments.python.as_deref(), &variables, &own);
    if variables.is_on("IPYRUST_DEBUG_PYTHON") {
        complain(&trace(&found));
    }
    answer(arguments.command, &found, &variables, &own)
}

fn answer(
    command: Command,
    found: &Search,
    variables: &Variables,
    own: &OwnPaths,
) -> Result<Answer, Failure> {
    let needed = found.result.as_ref().map_err(Clone::clone);
    match command {
        Command::Run(arguments) => Err(run::become_kernel(needed?, &arguments)),
        Command::Install(options) => {
            install::install(&options, &needed?.layout, variables).map(Answer::from)
        }
        Command::Remove(options) => {
            let layout = match options.place {
                Place::SysPrefix => Some(&needed?.layout),
                Place::User | Place::Prefix(_) => None,
            };
            install::remove(&options, layout, variables).map(Answer::from)
        }
        Command::List => Ok(Answer::from(list::list(found, variables))),
        Command::Env => Ok(environment::environment(found, variables, own)),
        Command::Doctor { as_json } => Ok(doctor::doctor(found, variables, own, as_json)),
        Command::Version | Command::Help(_) => Ok(Answer::from(String::new())), // These need no search.
    }
}

/// The steps of the search, a line each.
fn trace(found: &Search) -> String {
    let notes = found
        .notes
        .iter()
        .map(|note| format!("note: {}", note.line()));
    let result = match &found.result {
        Ok(found) => format!(
            "chosen: {}, because {}",
            text::shown(&found.layout.executable),
            found.source.in_words()
        ),
        Err(failure) => format!("none: {}", failure.line()),
    };
    notes
        .chain(found.steps.iter().cloned())
        .chain([result])
        .map(|line| format!("ipyrust: python: {line}\n"))
        .collect()
}

fn print(mut stream: impl Write, text: &str) -> io::Result<()> {
    stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush())
}

fn complain(text: &str) {
    let _ = print(io::stderr().lock(), text); // There is nobody else to tell.
}
