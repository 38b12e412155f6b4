//! From the arguments to a command. What is not ours is the kernel's, and is passed on untouched.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::exit_code::{ExitCode, Failure};
use crate::kernelspec::DEFAULT_NAME;
use crate::text::quoted;

/// What the arguments ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Print the version.
    Version,
    /// Print the help.
    Help(&'static str),
    /// Become the kernel, with these arguments.
    Run(Vec<OsString>),
    /// List kernels.
    List,
    /// Add the kernel.
    Install(InstallOptions),
    /// Remove the kernel.
    Remove(InstallOptions),
    /// Print what is read of the environment.
    Env,
    /// Look for what is broken.
    Doctor {
        /// For machines.
        as_json: bool,
    },
}

/// A command, and the value of `--python`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The command.
    pub(crate) command: Command,
    /// The interpreter that was named.
    pub(crate) python: Option<OsString>,
}

/// Where a kernelspec goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Place {
    /// The current user's.
    #[default]
    User,
    /// The interpreter's environment.
    SysPrefix,
    /// The environment at this directory.
    Prefix(PathBuf),
}

/// The flags of `install` and `remove`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstallOptions {
    /// Where.
    pub(crate) place: Place,
    /// The kernel's name.
    pub(crate) name: String,
    /// What frontends show.
    pub(crate) display_name: Option<String>,
    /// Variables for the kernel, each name once.
    pub(crate) env: Vec<(String, String)>,
    /// The IPython profile.
    pub(crate) profile: Option<String>,
    /// Start with frozen modules.
    pub(crate) frozen_modules: bool,
    /// Replace whatever has the name.
    pub(crate) replace: bool,
}

impl Default for InstallOptions {
    fn default() -> Self {
        Self {
            place: Place::User,
            name: DEFAULT_NAME.to_owned(),
            display_name: None,
            env: Vec::new(),
            profile: None,
            frozen_modules: false,
            replace: false,
        }
    }
}

/// `ipyrust --help`.
pub(crate) const HELP: &str = "\
usage: ipyrust [--python PATH] [-f FILE] [OPTION …] [-- ARGUMENT …]
       ipyrust [--python PATH] COMMAND [OPTION …]

A Jupyter kernel for Python. Without a command it finds the interpreter that has ipyrust
and becomes `python -m ipyrust` there: with -f it serves the connection file FILE; without,
it writes one and prints how to attach a client. `ipyrust --help-all` lists the kernel's flags.

commands (none of them waits for a Python to start)
  list           the kernels that Jupyter lists here, and which of them start ipyrust
  install        add ipyrust to them            (ipyrust install --help)
  remove         remove it
  env            the variables that are read, and the interpreter that is found, with the reason
  doctor [--json]
                 look for what is broken, and print the command that mends it; it asks
                 the interpreters of the kernels it finds

  --python PATH  use this interpreter
  --version      print the version and exit
  -h, --help     print this text and exit

The interpreter is that of: --python, IPYRUST_PYTHON, the launcher's own environment,
VIRTUAL_ENV, CONDA_PREFIX, PATH. IPYRUST_DEBUG_PYTHON=1 prints each step on stderr.

Exit codes: those of the kernel, and 2 wrong command line, 6 name taken, 7 not writable,
8 no such kernel, 10 no interpreter has ipyrust, 11 the named interpreter does not work,
12 doctor found something.
";

/// `ipyrust install --help`.
pub(crate) const INSTALL_HELP: &str = "\
usage: ipyrust install [OPTION …]
       ipyrust remove [--user | --sys-prefix | --prefix DIR] [--name NAME]

Add ipyrust to the kernels that Jupyter lists, or remove it; the same as
`python -m ipyrust.install`, without starting Python.

  --user                 for the current user (the default)
  --sys-prefix           into the interpreter's environment
  --prefix DIR           into the environment at DIR (DIR/share/jupyter/kernels)
  --python PATH          the interpreter that runs the kernel
  --name NAME            the kernel's name (default: ipyrust)
  --display-name TEXT    what frontends show
  --env NAME VALUE       set this variable for the kernel (repeatable)
  --profile NAME         the IPython profile the kernel loads
  --frozen-modules       start with frozen standard modules: a little faster, but the
                         debugger cannot step into those
  --replace              replace a kernel of the same name, whatever it is
  --remove               remove the kernel instead
";

/// Read all arguments, without the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, Failure> {
    let mut rest: Vec<OsString> = arguments.into_iter().collect();
    let mut python = None;
    while let Some((value, used)) = named_python(&rest)? {
        python = Some(value);
        rest.drain(..used);
    }
    let mut words = rest.iter().map(OsString::as_os_str);
    let command = match words.next().and_then(OsStr::to_str) {
        Some("--version" | "-V") => Command::Version,
        Some("--help" | "-h" | "help") => Command::Help(HELP),
        Some(word @ ("list" | "env" | "doctor" | "install" | "remove")) => {
            let mut flags = Flags::of(words, word);
            return flags.command(word, python);
        }
        _ => Command::Run(rest),
    };
    Ok(Arguments { command, python })
}

/// `--python PATH` or `--python=PATH` at the front: its value, and how many arguments it took.
fn named_python(rest: &[OsString]) -> Result<Option<(OsString, usize)>, Failure> {
    use std::os::unix::ffi::OsStrExt;
    let Some(first) = rest.first() else {
        return Ok(None);
    };
    if let Some(value) = first.as_bytes().strip_prefix(b"--python=") {
        return Ok(Some((OsStr::from_bytes(value).to_owned(), 1)));
    }
    if first != "--python" {
        return Ok(None);
    }
    match rest.get(1) {
        Some(value) => Ok(Some((value.clone(), 2))),
        None => Err(usage("ipyrust", "--python needs a value: --python PATH")),
    }
}

fn usage(command: &str, what: &str) -> Failure {
    Failure::new(
        ExitCode::Usage,
        format!("{what} (`{command} --help` lists the options)"),
    )
}

/// The arguments of one of our commands.
struct Flags<'a> {
    rest: std::vec::IntoIter<&'a OsStr>,
    command: String,
}

impl<'a> Flags<'a> {
    fn of(words: impl Iterator<Item = &'a OsStr>, word: &str) -> Self {
        Self {
            rest: words.collect::<Vec<_>>().into_iter(),
            command: format!("ipyrust {word}"),
        }
    }

    fn command(&mut self, word: &str, mut python: Option<OsString>) -> Result<Arguments, Failure> {
        let mut options = InstallOptions::default();
        let mut place = None;
        let mut as_json = false;
        let mut removes = word == "remove";
        let writes = matches!(word, "install" | "remove");
        while let Some(argument) = self.rest.next() {
            let (flag, attached) = split(argument);
            let text = flag.to_str().unwrap_or_default();
            match text {
                "-h" | "--help" if attached.is_none() => {
                    let text = if writes { INSTALL_HELP } else { HELP };
                    let command = Command::Help(text);
                    return Ok(Arguments { command, python });
                }
                "--python" => python = Some(self.value(text, attached)?.to_owned()),
                "--json" if word == "doctor" => as_json = self.switch(text, attached)?,
                "--user" if writes => self.place(&mut place, Place::User, text, attached)?,
                "--sys-prefix" if writes => {
                    self.place(&mut place, Place::SysPrefix, text, attached)?
                }
                "--prefix" if writes => {
                    let directory = PathBuf::from(self.value(text, attached)?);
                    self.place(&mut place, Place::Prefix(directory), text, None)?;
                }
                "--name" if writes => options.name = self.text(text, attached)?,
                "--display-name" if writes => {
                    options.display_name = Some(self.text(text, attached)?)
                }
                "--profile" if writes => options.profile = Some(self.text(text, attached)?),
                "--env" if writes => self.variable(&mut options.env, attached)?,
                "--frozen-modules" | "--frozen_modules" if writes => {
                    options.frozen_modules = self.switch(text, attached)?;
                }
                "--replace" if writes => options.replace = self.switch(text, attached)?,
                "--remove" if writes => removes = self.switch(text, attached)?,
                _ => return Err(self.usage(&format!("unknown argument {}", quoted(argument)))),
            }
        }
        options.place = place.unwrap_or_default();
        let command = match word {
            "list" => Command::List,
            "env" => Command::Env,
            "doctor" => Command::Doctor { as_json },
            _ if removes => Command::Remove(options),
            _ => Command::Install(options),
        };
        Ok(Arguments { command, python })
    }

    fn usage(&self, what: &str) -> Failure {
        usage(&self.command, what)
    }

    /// The value of a flag: attached with `=`, or the next argument if that is no flag.
    fn value(&mut self, flag: &str, attached: Option<&'a OsStr>) -> Result<&'a OsStr, Failure> {
        attached
            .or_else(|| self.rest.next().filter(|next| !is_flag(next)))
            .ok_or_else(|| self.usage(&format!("{flag} needs a value")))
    }

    fn text(&mut self, flag: &str, attached: Option<&'a OsStr>) -> Result<String, Failure> {
        let value = self.value(flag, attached)?;
        self.utf8(flag, value)
    }

    /// kernel.json is UTF-8, so what goes into it must be.
    fn utf8(&self, flag: &str, value: &OsStr) -> Result<String, Failure> {
        let text = value.to_str().map(str::to_owned);
        text.ok_or_else(|| self.usage(&format!("{flag} {} is not UTF-8", quoted(value))))
    }

    fn switch(&self, flag: &str, attached: Option<&OsStr>) -> Result<bool, Failure> {
        match attached {
            None => Ok(true),
            Some(value) => Err(self.usage(&format!(
                "{flag} takes no value: leave out ={}",
                quoted(value)
            ))),
        }
    }

    fn place(
        &self,
        place: &mut Option<Place>,
        wanted: Place,
        flag: &str,
        attached: Option<&OsStr>,
    ) -> Result<(), Failure> {
        self.switch(flag, attached)?;
        if place.as_ref().is_some_and(|chosen| *chosen != wanted) {
            return Err(self.usage(&format!(
                "{flag}: there is one place, --user, --sys-prefix or --prefix"
            )));
        }
        *place = Some(wanted);
        Ok(())
    }

    /// `--env NAME VALUE`: a name that comes again takes the later value.
    fn variable(
        &mut self,
        env: &mut Vec<(String, String)>,
        attached: Option<&OsStr>,
    ) -> Result<(), Failure> {
        let pair = (self.rest.next(), self.rest.next());
        let (None, (Some(name), Some(value))) = (attached, pair) else {
            return Err(self.usage("--env needs two values: --env NAME VALUE"));
        };
        let (name, value) = (self.utf8("--env", name)?, self.utf8("--env", value)?);
        match env.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => env.push((name, value)),
        }
        Ok(())
    }
}

/// `--name=value` → its halves.
fn split(argument: &OsStr) -> (&OsStr, Option<&OsStr>) {
    use std::os::unix::ffi::OsStrExt;
    let bytes = argument.as_bytes();
    let mut halves = bytes.splitn(2, |byte| *byte == b'=');
    match (halves.next(), halves.next()) {
        (Some(flag), Some(value)) if flag.starts_with(b"--") => {
            (OsStr::from_bytes(flag), Some(OsStr::from_bytes(value)))
        }
        _ => (argument, None),
    }
}

fn is_flag(argument: &OsStr) -> bool {
    argument.to_string_lossy().starts_with("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Result<Arguments, Failure> {
        parse(arguments.iter().map(OsString::from))
    }

    fn command(arguments: &[&str]) -> Command {
        of(arguments).unwrap().command
    }

    #[test]
    fn what_is_not_ours_is_passed_on() {
        for arguments in [
            &["-f", "x", "--version"][..],
            &[],
            &["--debug"],
            &["--help-all"],
            &["lists"],
        ] {
            let expected = arguments.iter().map(OsString::from).collect();
            assert_eq!(command(arguments), Command::Run(expected));
        }
    }

    #[test]
    fn an_interpreter_may_be_named_first() {
        for arguments in [
            &["--python", "/p", "-f", "x"][..],
            &["--python=/p", "-f", "x"],
        ] {
            let found = of(arguments).unwrap();
            assert_eq!(found.python, Some(OsString::from("/p")));
            assert_eq!(found.command, Command::Run(vec!["-f".into(), "x".into()]));
        }
        assert_eq!(
            of(&["install", "--python", "/p"]).unwrap().python,
            Some("/p".into())
        );
        assert_eq!(of(&["--python"]).unwrap_err().code, ExitCode::Usage);
    }

    #[test]
    fn the_flags_of_install() {
        let Command::Install(options) = command(&[
            "install",
            "--prefix=/x",
            "--name",
            "N",
            "--env",
            "A",
            "1",
            "--env",
            "B",
            "-O2",
            "--env",
            "A",
            "2",
            "--profile",
            "p",
            "--frozen_modules",
            "--replace",
            "--display-name",
            "",
        ]) else {
            panic!("not install");
        };
        assert_eq!(
            options,
            InstallOptions {
                place: Place::Prefix("/x".into()),
                name: "N".to_owned(),
                display_name: Some(String::new()),
                env: vec![("A".into(), "2".into()), ("B".into(), "-O2".into())],
                profile: Some("p".to_owned()),
                frozen_modules: true,
                replace: true,
            }
        );
    }

    #[test]
    fn wrong_ones_are_named() {
        for (arguments, part) in [
            (&["install", "--nmae", "x"][..], "'--nmae'"),
            (&["install", "--user", "--sys-prefix"], "--sys-prefix"),
            (&["install", "--env", "A"], "--env NAME VALUE"),
            (&["install", "--env=A", "B", "C"], "--env NAME VALUE"),
            (&["install", "--name"], "--name needs a value"),
            (&["install", "--name", "--user"], "--name needs a value"),
            (&["install", "--replace=1"], "--replace takes no value"),
            (&["install", "x"], "'x'"),
            (&["list", "--user"], "'--user'"),
            (&["doctor", "x"], "'x'"),
        ] {
            let failure = of(arguments).unwrap_err();
            assert_eq!(failure.code, ExitCode::Usage, "{arguments:?}");
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }
}
