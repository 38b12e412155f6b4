//! Becoming the kernel.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::exit_code::{ExitCode, Failure};
use crate::kernelspec::UNFROZEN;
use crate::search::Found;
use crate::text::quoted;

/// Replace this process by `python -m ipyrust` with these arguments: same process id, terminal, descriptors and
/// signals, and the exit code is the kernel's. Returns only if that fails.
pub(crate) fn become_kernel(found: &Found, arguments: &[OsString]) -> Failure {
    let error = Command::new(&found.layout.executable)
        .args([UNFROZEN, "-m", "ipyrust"])
        .args(arguments)
        .exec();
    Failure::new(
        ExitCode::Start,
        format!(
            "{} cannot be started: {error}; name another interpreter with --python",
            quoted(&found.layout.executable)
        ),
    )
}
