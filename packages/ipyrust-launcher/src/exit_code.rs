//! The exit codes of the command: those of `python -m ipyrust` (`ipyrust/exit_codes.py`, which owns the numbers).

/// Why the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// It did its work.
    Ok = 0,
    /// The command line is wrong.
    Usage = 2,
    /// The interpreter was found and could not be started.
    Start = 5,
    /// Another kernel has this name, or the kernel of this name is not ours.
    NameTaken = 6,
    /// A directory or file cannot be written.
    NotWritable = 7,
    /// There is no such kernel.
    NotFound = 8,
    /// No interpreter has ipyrust.
    NoPython = 10,
    /// The interpreter that `--python` or `IPYRUST_PYTHON` names does not work.
    BadPython = 11,
    /// `doctor` found something.
    Findings = 12,
}

/// A failure: a code, one line that names the value, and the command that mends it if one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Exit code of the process.
    pub(crate) code: ExitCode,
    /// What is wrong, without a newline in it.
    pub(crate) message: String,
    /// What to type.
    pub(crate) cure: Option<String>,
}

impl Failure {
    /// A failure whose line says all there is to say.
    pub(crate) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            cure: None,
        }
    }

    /// With the command that mends it.
    pub(crate) fn cured_by(self, command: impl Into<String>) -> Self {
        Self {
            cure: Some(command.into()),
            ..self
        }
    }

    /// The whole line.
    pub(crate) fn line(&self) -> String {
        match &self.cure {
            Some(command) => format!("{}; mend it: {command}", self.message),
            None => self.message.clone(),
        }
    }
}
