//! `ipyrust install` and `ipyrust remove`: what `ipyrust/install.py` does, with the same files as the result.
//!
//! A kernelspec is made complete beside its destination and then moved there, so a failure at any point leaves what was
//! there before. A kernel of the same name that starts something else is not touched without `--replace`.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::exit_code::{ExitCode, Failure};
use crate::jupyter_paths::{absolute, data_dir, expand_user, prefix_data_dir};
use crate::kernelspec::{
    DEFAULT_DISPLAY_NAME, DEFAULT_NAME, Kernelspec, LOGOS, argv, is_ours, read, rendered,
};
use crate::layout::Layout;
use crate::options::{InstallOptions, Place};
use crate::text::{quoted, shown};
use crate::variables::Variables;

/// The interpreter in the kernelspec that the wheel brings: in its own environment, that environment's.
const WHEELS_PYTHON: &str = "python";

/// Add the kernel; returns what to print.
pub(crate) fn install(
    options: &InstallOptions,
    layout: &Layout,
    variables: &Variables,
) -> Result<String, Failure> {
    let name = checked_name(&options.name)?;
    check_env(&options.env)?;
    let kernels = kernels_dir(&options.place, Some(layout), variables)?;
    let python = layout.executable.to_str().ok_or_else(|| {
        Failure::new(
            ExitCode::BadPython,
            format!(
                "{} is not UTF-8, so no kernel.json can hold it; name the interpreter by another path",
                quoted(&layout.executable)
            ),
        )
    })?;
    let display_name = display_name(options, &name);
    let content = Kernelspec {
        python,
        display_name: &display_name,
        env: &options.env,
        profile: options.profile.as_deref(),
        frozen_modules: options.frozen_modules,
    }
    .content();
    let is_own = layout
        .prefix
        .as_deref()
        .is_some_and(|prefix| kernels == prefix_data_dir(prefix).join("kernels"));
    if !options.replace && is_there(&kernels.join(&name)) {
        check_replaceable(&kernels, &name, &content, is_own)?;
    }
    let destination = write(&kernels, &name, &content)?;
    Ok(format!(
        "installed kernel {} in {}\n",
        quoted(&name),
        shown(&destination)
    ))
}

/// Remove the kernel; returns what to print. `layout` may be missing where the place does not depend on it.
pub(crate) fn remove(
    options: &InstallOptions,
    layout: Option<&Layout>,
    variables: &Variables,
) -> Result<String, Failure> {
    let name = checked_name(&options.name)?;
    let kernels = kernels_dir(&options.place, layout, variables)?;
    let destination = kernels.join(&name);
    if !is_there(&destination) {
        return Err(Failure::new(
            ExitCode::NotFound,
            format!(
                "no kernel {} in {}; `ipyrust list` shows where kernels are (--user, --sys-prefix or --prefix choose \
                 the place)",
                quoted(&name),
                shown(&kernels)
            ),
        ));
    }
    if !read(&destination).is_some_and(|content| is_ours(&content)) {
        return Err(Failure::new(
            ExitCode::NameTaken,
            format!(
                "kernel {} in {} does not start ipyrust, so it stays; `jupyter kernelspec remove {name}` removes any \
                 kernel",
                quoted(&name),
                shown(&kernels)
            ),
        ));
    }
    if destination.is_symlink() {
        fs::remove_file(&destination)
    } else {
        // Moved away whole before it is taken apart: a failure leaves all of it or nothing.
        Staging::new(kernels.parent().unwrap_or(&kernels))
            .and_then(|staging| fs::rename(&destination, staging.0.join("old")))
    }
    .map_err(|error| not_writable(&destination, &error))?;
    Ok(format!(
        "removed kernel {} from {}\n",
        quoted(&name),
        shown(&destination)
    ))
}

/// A kernel's name as Jupyter takes it.
fn checked_name(name: &str) -> Result<String, Failure> {
    let lowered = name.to_lowercase();
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if lowered.is_empty() || !lowered.bytes().all(is_allowed) || lowered == "." || lowered == ".." {
        return Err(Failure::new(
            ExitCode::Usage,
            format!(
                "--name {}: a kernel's name may have letters, digits, hyphen, underscore and period",
                quoted(name)
            ),
        ));
    }
    Ok(lowered)
}

fn check_env(env: &[(String, String)]) -> Result<(), Failure> {
    match env
        .iter()
        .find(|(name, _)| name.is_empty() || name.contains('='))
    {
        None => Ok(()),
        Some((name, _)) => Err(Failure::new(
            ExitCode::Usage,
            format!(
                "--env {}: this is no name of an environment variable",
                quoted(name)
            ),
        )),
    }
}

fn display_name(options: &InstallOptions, name: &str) -> String {
    if let Some(chosen) = &options.display_name {
        return chosen.clone();
    }
    let shown = if name == DEFAULT_NAME {
        DEFAULT_DISPLAY_NAME
    } else {
        name
    };
    match options.profile.as_deref() {
        Some(profile) if !profile.is_empty() => format!("{shown} [profile={profile}]"),
        _ => shown.to_owned(),
    }
}

/// Where the command line wants the kernelspec.
fn kernels_dir(
    place: &Place,
    layout: Option<&Layout>,
    variables: &Variables,
) -> Result<PathBuf, Failure> {
    let directory = match place {
        Place::User => data_dir(variables),
        Place::Prefix(prefix) => prefix_data_dir(&absolute(&expand_user(prefix, variables))),
        Place::SysPrefix => match layout.and_then(|layout| layout.prefix.as_deref()) {
            Some(prefix) => prefix_data_dir(prefix),
            None => {
                return Err(Failure::new(
                    ExitCode::BadPython,
                    "--sys-prefix: the interpreter's environment cannot be told from its path; say --prefix DIR",
                ));
            }
        },
    };
    Ok(directory.join("kernels"))
}

/// Write the kernelspec `name` into the directory `kernels`; returns the directory it is in.
fn write(kernels: &Path, name: &str, content: &Value) -> Result<PathBuf, Failure> {
    let destination = kernels.join(name);
    fs::create_dir_all(kernels).map_err(|error| not_writable(kernels, &error))?;
    // Not in `kernels` itself: Jupyter would list the half-made directory as a kernel.
    let beside = kernels.parent().unwrap_or(kernels);
    let staging = Staging::new(beside).map_err(|error| not_writable(kernels, &error))?;
    staging
        .make(content)
        .and_then(|made| staging.move_into_place(&made, &destination))
        .map_err(|error| not_writable(&destination, &error))?;
    Ok(destination)
}

/// A kernel of this name that starts the same interpreter is brought up to date; any other needs `--replace`. `is_own`:
/// the kernelspecs are those of the interpreter's own environment.
fn check_replaceable(
    kernels: &Path,
    name: &str,
    content: &Value,
    is_own: bool,
) -> Result<(), Failure> {
    let present = read(&kernels.join(name)).filter(is_ours);
    let started = present
        .as_ref()
        .and_then(argv)
        .and_then(|argv| argv.first().copied());
    let is_wheels = is_own && started == Some(WHEELS_PYTHON);
    if is_wheels
        || started.is_some() && started == argv(content).and_then(|argv| argv.first().copied())
    {
        return Ok(());
    }
    Err(Failure::new(
        ExitCode::NameTaken,
        format!(
            "kernel {} exists in {} and starts {}; choose another --name, or --replace it",
            quoted(name),
            shown(kernels),
            shown(started.unwrap_or("something else"))
        ),
    ))
}

fn is_there(path: &Path) -> bool {
    path.is_symlink() || path.exists()
}

fn not_writable(place: &Path, error: &io::Error) -> Failure {
    Failure::new(
        ExitCode::NotWritable,
        format!(
            "cannot write {}: {}; use --user, or --prefix with a directory of yours",
            shown(place),
            in_words(error)
        ),
    )
}

/// The system's words for an error, without the number.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error")
        .map_or(text.clone(), |(words, _)| words.to_owned())
}

/// A directory beside the destination, gone when this is dropped.
struct Staging(PathBuf);

impl Staging {
    fn new(beside: &Path) -> io::Result<Self> {
        for number in 0.. {
            let path = beside.join(format!(".ipyrust-{}-{number}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1000 => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn make(&self, content: &Value) -> io::Result<PathBuf> {
        let made = self.0.join("new");
        fs::create_dir(&made)?;
        for (name, bytes) in LOGOS {
            fs::write(made.join(name), bytes)?;
        }
        fs::write(made.join("kernel.json"), rendered(content)?)?;
        Ok(made)
    }

    /// Put `made` where `destination` is, in one step where the system can; what was there comes back if it fails.
    fn move_into_place(&self, made: &Path, destination: &Path) -> io::Result<()> {
        if !is_there(destination) {
            return fs::rename(made, destination);
        }
        if exchanged(made, destination) {
            return Ok(());
        }
        let aside = self.0.join("old");
        fs::rename(destination, &aside)?;
        fs::rename(made, destination).inspect_err(|_| {
            let _ = fs::rename(&aside, destination); // The first error is the one to tell.
        })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // What is left over harms nobody: it is no kernel's directory.
    }
}

/// Swap two directories in one step; false where the system or the file system cannot.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn exchanged(one: &Path, other: &Path) -> bool {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE).is_ok()
}

/// There is no such call here.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn exchanged(_one: &Path, _other: &Path) -> bool {
    false
}
