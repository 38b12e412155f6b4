//! Becoming the kernel.

use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;

use nix::unistd::execv;

use crate::exit_code::{ExitCode, Failure};
use crate::kernelspec::UNFROZEN;
use crate::search::Found;
use crate::text::quoted;

/// Replace this process by `python -m ipyrust` with these arguments: same process id, terminal, descriptors and signal
/// dispositions, and the exit code is the kernel's. Returns only if that fails.
pub(crate) fn become_kernel(found: &Found, arguments: &[OsString]) -> Failure {
    let python = found.layout.executable.as_os_str();
    let words = [python, UNFROZEN.as_ref(), "-m".as_ref(), "ipyrust".as_ref()];
    let words = words
        .into_iter()
        .chain(arguments.iter().map(OsString::as_os_str));
    // Not std's `exec`: that would reset SIGPIPE, and hand a file that is no program to a shell.
    let words: Result<Vec<CString>, _> = words.map(|word| CString::new(word.as_bytes())).collect();
    let error = match words {
        Ok(words) => replaced_by(words),
        Err(error) => io::Error::from(error),
    };
    Failure::new(
        ExitCode::Start,
        format!(
            "{} cannot be started: {error}; name another interpreter with --python",
            quoted(python)
        ),
    )
}

fn replaced_by(words: Vec<CString>) -> io::Error {
    let Some(program) = words.first() else {
        return io::ErrorKind::InvalidInput.into();
    };
    match execv(program, &words) {
        Ok(never) => match never {},
        Err(error) => error.into(),
    }
}
