//! The kernelspecs that Jupyter would find, in its order: of several with one name the first wins.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::kernelspec::{argv, is_ours, read};
use crate::layout::Layout;

/// One directory with a kernel.json.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// The kernel's name.
    pub(crate) name: String,
    /// Its directory.
    pub(crate) directory: PathBuf,
    /// kernel.json; None when it is torn.
    pub(crate) content: Option<Value>,
    /// The directory that Jupyter takes for this name instead.
    pub(crate) hidden_by: Option<PathBuf>,
}

impl Listed {
    /// Whether it starts ipyrust.
    pub(crate) fn is_ours(&self) -> bool {
        self.content.as_ref().is_some_and(is_ours)
    }

    /// The first word of its command.
    pub(crate) fn program(&self) -> Option<&str> {
        argv(self.content.as_ref()?)?.first().copied()
    }

    /// Variables that Jupyter sets for the kernel, less those that it makes of others (`$NAME`).
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let entries = self
            .content
            .as_ref()
            .and_then(|content| content.get("env")?.as_object());
        entries
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .filter(|(name, value)| {
                let is_name = !name.is_empty() && !name.contains(['=', '\0']);
                is_name && !value.contains(['$', '\0'])
            })
            .collect()
    }

    /// The environment whose data directory it is in, if that has an interpreter.
    pub(crate) fn prefix(&self) -> Option<&Path> {
        let data = self.directory.parent()?.parent()?;
        let prefix = data.parent()?.parent()?;
        (data.ends_with("share/jupyter") && prefix.join("bin/python").is_file()).then_some(prefix)
    }

    /// The file that Jupyter would start: a bare `python` is the interpreter that Jupyter itself runs in, which for the
    /// kernelspec of an environment is that of the environment; `jupyter` is used for the others.
    pub(crate) fn interpreter(&self, jupyter: Option<&Layout>) -> Option<PathBuf> {
        let program = self.program()?;
        if program.contains('/') {
            return Some(PathBuf::from(program));
        }
        if !program.starts_with("python") {
            return None;
        }
        match self.prefix() {
            Some(prefix) => Some(prefix.join("bin/python")),
            None => jupyter.map(|layout| layout.executable.clone()),
        }
    }
}

/// All kernelspecs in these directories, sorted by name, the one that wins first.
pub(crate) fn kernelspecs(directories: &[PathBuf]) -> Vec<Listed> {
    let mut found: Vec<Listed> = Vec::new();
    for kernels in directories {
        let mut names: Vec<String> = fs::read_dir(kernels)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| is_valid(name) && kernels.join(name).join("kernel.json").is_file())
            .collect();
        names.sort();
        for name in names {
            let directory = kernels.join(&name);
            let name = name.to_lowercase();
            let hidden_by = found
                .iter()
                .find(|other| other.name == name)
                .map(|other| other.directory.clone());
            found.push(Listed {
                content: read(&directory),
                name,
                directory,
                hidden_by,
            });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name)); // Stable: the winner stays first.
    found
}

fn is_valid(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
