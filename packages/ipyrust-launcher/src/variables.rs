//! The environment variables that this program reads, taken once. Everything else gets them as a value.

use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Every variable that is read, in the order in which `env` lists them.
pub(crate) const NAMES: [&str; 18] = [
    "IPYRUST_PYTHON",
    "IPYRUST_DEBUG_PYTHON",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONNOUSERSITE",
    "PYTHONUSERBASE",
    "JUPYTER_PATH",
    "JUPYTER_DATA_DIR",
    "JUPYTER_PLATFORM_DIRS",
    "JUPYTER_PREFER_ENV_PATH",
    "IPYTHONDIR",
    "XDG_DATA_HOME",
    "XDG_DATA_DIRS",
    "HOME",
];

/// What Jupyter takes for false in a switch.
const JUPYTER_FALSE: [&str; 6] = ["no", "n", "false", "off", "0", "0.0"];

/// Their values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(HashMap<&'static str, OsString>);

impl Variables {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        Self(
            NAMES
                .iter()
                .filter_map(|name| Some((*name, env::var_os(name)?)))
                .collect(),
        )
    }

    /// The value, also when it is empty.
    pub(crate) fn raw(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// The value; an empty one counts as unset.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// A switch of ours: anything but nothing, 0, false, no and off.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| {
            let value = value.to_string_lossy().to_lowercase();
            !["0", "false", "no", "off"].contains(&value.as_str())
        })
    }

    /// A switch of Jupyter's; None when it is not set.
    pub(crate) fn jupyter_switch(&self, name: &str) -> Option<bool> {
        let value = self.raw(name)?.to_string_lossy().to_lowercase();
        Some(!JUPYTER_FALSE.contains(&value.as_str()))
    }

    /// The entries of a search path such as PATH, empty ones left out.
    pub(crate) fn entries(&self, name: &str) -> Vec<PathBuf> {
        self.get(name)
            .map(|value| env::split_paths(value).filter(|entry| !entry.as_os_str().is_empty()))
            .map(Iterator::collect)
            .unwrap_or_default()
    }

    /// The home directory, as Python's `expanduser("~")`.
    pub(crate) fn home(&self) -> PathBuf {
        match self.raw("HOME") {
            Some(home) if home.is_empty() => PathBuf::from("/"),
            Some(home) => PathBuf::from(home),
            None => env::home_dir().unwrap_or_else(|| PathBuf::from("/")),
        }
    }
}

#[cfg(test)]
impl Variables {
    /// Given ones.
    pub(crate) fn with(pairs: &[(&'static str, &OsStr)]) -> Self {
        let pairs = pairs.iter().map(|(name, value)| (*name, value.into()));
        Self(pairs.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_unset_and_yet_known() {
        let variables = Variables::with(&[("VIRTUAL_ENV", OsStr::new(""))]);
        assert_eq!(variables.get("VIRTUAL_ENV"), None);
        assert_eq!(variables.raw("VIRTUAL_ENV"), Some(OsStr::new("")));
    }

    #[test]
    fn switches() {
        for (value, ours, jupyters) in [
            ("1", true, true),
            ("off", false, false),
            ("N", true, false),
            ("", false, true),
        ] {
            let variables = Variables::with(&[("IPYRUST_DEBUG_PYTHON", OsStr::new(value))]);
            assert_eq!(variables.is_on("IPYRUST_DEBUG_PYTHON"), ours, "{value}");
            assert_eq!(
                variables.jupyter_switch("IPYRUST_DEBUG_PYTHON"),
                Some(jupyters)
            );
        }
        assert_eq!(Variables::default().jupyter_switch("PATH"), None);
    }
}
