//! Where Jupyter keeps kernelspecs: the rules of `jupyter_core.paths`, for a Jupyter that runs in a given interpreter.
//! The tests compare them with the original.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use crate::layout::{Layout, user_base};
use crate::variables::Variables;

/// The user's data directory.
pub(crate) fn data_dir(variables: &Variables) -> PathBuf {
    if let Some(chosen) = variables.get("JUPYTER_DATA_DIR") {
        return PathBuf::from(chosen);
    }
    if uses_platform_dirs(variables) {
        return platform_data_dir(variables);
    }
    let home = variables.home();
    let home = fs::canonicalize(&home).unwrap_or(home);
    if cfg!(target_os = "macos") {
        return home.join("Library/Jupyter");
    }
    variables
        .get("XDG_DATA_HOME")
        .map_or_else(|| home.join(".local/share"), PathBuf::from)
        .join("jupyter")
}

/// The data directory of an environment.
pub(crate) fn prefix_data_dir(prefix: &Path) -> PathBuf {
    prefix.join("share/jupyter")
}

/// All directories with kernelspecs, the first wins; `layout` is Jupyter's interpreter.
pub(crate) fn kernel_dirs(variables: &Variables, layout: Option<&Layout>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = variables
        .entries("JUPYTER_PATH")
        .iter()
        .map(|entry| entry.components().collect())
        .collect();
    let mut user = vec![data_dir(variables)];
    if layout.is_some_and(|layout| layout.has_user_site(variables)) {
        user.push(user_base(variables).join("share/jupyter"));
    }
    let system = system_data_dirs(variables);
    let mut environment: Vec<PathBuf> = layout
        .and_then(|layout| layout.prefix.as_deref())
        .map(prefix_data_dir)
        .into_iter()
        .filter(|directory| !system.contains(directory))
        .collect();
    if prefers_environment(variables, layout) {
        found.append(&mut environment);
        found.append(&mut user);
    } else {
        found.append(&mut user);
        found.append(&mut environment);
    }
    found.extend(system);
    let mut found: Vec<PathBuf> = found
        .iter()
        .map(|directory| directory.join("kernels"))
        .collect();
    found.push(ipython_dir(variables).join("kernels"));
    let mut unique = Vec::new();
    for directory in found {
        if !unique.contains(&directory) {
            unique.push(directory);
        }
    }
    unique
}

fn ipython_dir(variables: &Variables) -> PathBuf {
    variables.get("IPYTHONDIR").map_or_else(
        || variables.home().join(".ipython"),
        |chosen| expand_user(Path::new(chosen), variables),
    )
}

fn prefers_environment(variables: &Variables, layout: Option<&Layout>) -> bool {
    if let Some(chosen) = variables.jupyter_switch("JUPYTER_PREFER_ENV_PATH") {
        return chosen;
    }
    let Some(layout) = layout else {
        return false;
    };
    let Some(prefix) = layout.prefix.as_deref() else {
        return false;
    };
    let in_conda = variables.raw("CONDA_PREFIX").is_some_and(|conda| {
        let starts = prefix
            .to_string_lossy()
            .starts_with(conda.to_string_lossy().as_ref());
        starts
            && variables
                .raw("CONDA_DEFAULT_ENV")
                .is_some_and(|name| name != "base")
    });
    (layout.is_virtual || in_conda) && is_own(prefix)
}

fn is_own(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.uid() == nix::unistd::geteuid().as_raw())
}

fn uses_platform_dirs(variables: &Variables) -> bool {
    variables.jupyter_switch("JUPYTER_PLATFORM_DIRS") == Some(true)
}

/// `platformdirs.user_data_dir`.
fn platform_data_dir(variables: &Variables) -> PathBuf {
    let (name, default) = if cfg!(target_os = "macos") {
        ("Jupyter", "Library/Application Support")
    } else {
        ("jupyter", ".local/share")
    };
    variables
        .get("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|chosen| chosen.is_absolute())
        .unwrap_or_else(|| variables.home().join(default))
        .join(name)
}

fn system_data_dirs(variables: &Variables) -> Vec<PathBuf> {
    let usual = ["/usr/local/share", "/usr/share"];
    if !uses_platform_dirs(variables) {
        return usual
            .iter()
            .map(|directory| Path::new(directory).join("jupyter"))
            .collect();
    }
    if cfg!(target_os = "macos") {
        return vec![PathBuf::from("/Library/Application Support/Jupyter")];
    }
    let chosen = variables.entries("XDG_DATA_DIRS");
    if chosen.is_empty() {
        usual
            .iter()
            .map(|directory| Path::new(directory).join("jupyter"))
            .collect()
    } else {
        chosen
            .iter()
            .map(|directory| directory.join("jupyter"))
            .collect()
    }
}

/// `~` and `~/…` as Python's `expanduser`; another user's home is left as it is.
pub(crate) fn expand_user(path: &Path, variables: &Variables) -> PathBuf {
    path.strip_prefix("~").map_or_else(
        |_| path.to_owned(),
        |rest| {
            variables
                .home()
                .components()
                .chain(rest.components())
                .collect()
        },
    )
}

/// Python's `os.path.abspath`: from the working directory, `.` and `..` taken out by name.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    if !path.is_absolute() {
        found.push(env::current_dir().unwrap_or_else(|_| PathBuf::from("/")));
    }
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                found.pop();
            }
            other => found.push(other),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn paths_are_made_absolute_by_name() {
        assert_eq!(absolute(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(absolute(Path::new("/../a")), Path::new("/a"));
        assert_eq!(
            absolute(Path::new("x")),
            env::current_dir().unwrap().join("x")
        );
    }

    #[test]
    fn home_is_expanded() {
        let variables = Variables::with(&[("HOME", OsStr::new("/home/u"))]);
        assert_eq!(
            expand_user(Path::new("~/a"), &variables),
            Path::new("/home/u/a")
        );
        assert_eq!(
            expand_user(Path::new("~"), &variables),
            Path::new("/home/u")
        );
        assert_eq!(
            expand_user(Path::new("~other/a"), &variables),
            Path::new("~other/a")
        );
        assert_eq!(expand_user(Path::new("/a"), &variables), Path::new("/a"));
    }

    #[test]
    fn a_chosen_data_dir_wins() {
        let variables = Variables::with(&[("JUPYTER_DATA_DIR", OsStr::new("/data"))]);
        assert_eq!(data_dir(&variables), Path::new("/data"));
    }
}
