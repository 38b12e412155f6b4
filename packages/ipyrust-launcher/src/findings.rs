//! What can be wrong with an installation, each with the command that mends it. Pure: from what was seen to findings.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::examination::Examination;
use crate::jupyter_paths::data_dir;
use crate::kernelspec::{DEFAULT_DISPLAY_NAME, argv};
use crate::kernelspecs::Listed;
use crate::text::{quoted, shell_word, shown};
use crate::variables::Variables;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// A fixed word for machines.
    pub(crate) id: &'static str,
    /// Name of the kernel it is about, if it is about one.
    pub(crate) kernel: Option<String>,
    /// What is wrong, in one line.
    pub(crate) message: String,
    /// What to type.
    pub(crate) command: String,
}

impl Finding {
    /// A finding that is about no kernel in particular.
    pub(crate) fn new(
        id: &'static str,
        message: impl Into<String>,
        command: impl Into<String>,
    ) -> Self {
        Self {
            id,
            kernel: None,
            message: message.into(),
            command: command.into(),
        }
    }

    /// The same about this kernel.
    pub(crate) fn about(self, listed: &Listed) -> Self {
        Self {
            kernel: Some(listed.name.clone()),
            ..self
        }
    }

    /// For machines.
    pub(crate) fn as_json(&self) -> Value {
        json!({"id": self.id, "kernel": self.kernel, "message": self.message, "command": self.command})
    }
}

/// What is wrong with ipyrust in one interpreter. `launcher` is our own version where this launcher belongs to it.
pub(crate) fn of_interpreter(
    python: &Path,
    seen: &Examination,
    launcher: Option<&str>,
) -> Vec<Finding> {
    let name = shown(python);
    let pip = format!("{} -m pip", shell_word(python));
    if let Some(finding) = shadowing(&name, &pip, seen) {
        return vec![finding];
    }
    let kernel = match seen.kernel() {
        Ok(version) => version,
        Err(why) => {
            return vec![Finding::new(
                "not-importable",
                format!(
                    "{name} (Python {}) cannot import ipyrust: {why}",
                    seen.python()
                ),
                format!("{pip} install ipyrust-kernel"),
            )];
        }
    };
    let mut found = Vec::new();
    match seen.core() {
        Err(why) => found.push(Finding::new(
            "core-broken",
            format!("{name} cannot import the engine, ipyrust-core: {why}"),
            format!("{pip} install --force-reinstall --no-deps ipyrust-core=={kernel}"),
        )),
        Ok(core) => {
            if let Some(which) = differing(&kernel, &core, seen.launcher().or(launcher)) {
                found.push(Finding::new(
                    "version-mismatch",
                    format!("{name} has ipyrust-kernel {kernel}, but {which}"),
                    format!(
                        "{pip} install ipyrust-kernel=={kernel} ipyrust-core=={kernel} ipyrust-launcher=={kernel}"
                    ),
                ));
            }
            if let Err(why) = seen.libzmq() {
                found.push(Finding::new(
                    "libzmq",
                    format!("{name} finds no libzmq: {why}"),
                    format!("{pip} install --force-reinstall --no-deps ipyrust-core=={kernel}"),
                ));
            }
        }
    }
    let missing = seen.missing();
    if !missing.is_empty() {
        found.push(Finding::new(
            "missing-dependency",
            format!("{name} lacks what the kernel needs: {}", missing.join(", ")),
            format!("{pip} install ipyrust-kernel=={kernel}"),
        ));
    }
    found
}

fn shadowing(name: &str, pip: &str, seen: &Examination) -> Option<Finding> {
    let reinstall = format!("{pip} install --force-reinstall --no-deps ipyrust-kernel");
    if let Some(version) = seen.foreign() {
        return Some(Finding::new(
            "shadowed",
            format!(
                "{name} has the distribution `ipyrust` {version}, an unrelated project with a module of our name"
            ),
            format!("{pip} uninstall --yes ipyrust && {reinstall}"),
        ));
    }
    let module = seen.module().filter(|_| !seen.is_ours())?;
    Some(Finding::new(
        "shadowed",
        format!(
            "{name} imports an unrelated module `ipyrust` from {}",
            shown(module)
        ),
        format!(
            "mv {0} {0}.aside && {reinstall}",
            shell_word(package_of(module))
        ),
    ))
}

/// `…/ipyrust/__init__.py` → `…/ipyrust`; a module of one file is itself.
fn package_of(module: &str) -> PathBuf {
    let path = Path::new(module);
    match path.parent() {
        Some(package) if path.ends_with("__init__.py") => package.to_owned(),
        _ => path.to_owned(),
    }
}

/// Which of the others has another version than the kernel.
fn differing(kernel: &str, core: &str, launcher: Option<&str>) -> Option<String> {
    let others = [("ipyrust-core", Some(core)), ("ipyrust-launcher", launcher)];
    let wrong: Vec<String> = others
        .iter()
        .filter_map(|(name, version)| Some((name, version.filter(|version| *version != kernel)?)))
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    (!wrong.is_empty()).then(|| wrong.join(" and "))
}

/// A kernelspec whose interpreter cannot be used; `what` follows its path.
pub(crate) fn interpreter_gone(
    listed: &Listed,
    python: &Path,
    what: &str,
    variables: &Variables,
) -> Finding {
    Finding::new(
        "interpreter-gone",
        format!(
            "kernel {} in {} starts {}, which {what}",
            quoted(&listed.name),
            shown(&listed.directory),
            shown(python)
        ),
        removal(listed, variables),
    )
    .about(listed)
}

/// A kernelspec that this version would write otherwise; None when it is up to date.
pub(crate) fn stale(listed: &Listed, python: &Path, variables: &Variables) -> Option<Finding> {
    let content = listed.content.as_ref()?;
    let entry = |name: &str| content.get(name).and_then(Value::as_str);
    let takes_file = argv(content)?.contains(&"{connection_file}");
    let what = if !takes_file {
        "its command has no {connection_file}".to_owned()
    } else if entry("language") != Some("python") {
        "its language is not python".to_owned()
    } else if entry("kernel_protocol_version") != Some("5.5") {
        "its kernel_protocol_version is not 5.5".to_owned()
    } else {
        return None;
    };
    let finding = Finding::new(
        "stale-kernelspec",
        format!(
            "kernel {} in {} is out of date: {what}",
            quoted(&listed.name),
            shown(&listed.directory)
        ),
        installation(listed, python, &listed.name, variables) + " --replace",
    );
    Some(finding.about(listed))
}

/// A kernelspec that cannot be read.
pub(crate) fn torn(listed: &Listed, variables: &Variables) -> Finding {
    Finding::new(
        "torn-kernelspec",
        format!(
            "{} cannot be read, so Jupyter skips it",
            shown(listed.directory.join("kernel.json"))
        ),
        match place_of(listed, variables) {
            Some(place) => format!("ipyrust install {place} --name {} --replace", listed.name),
            None => removal(listed, variables),
        },
    )
    .about(listed)
}

/// A kernelspec that no Jupyter reaches, because another has its name and starts something else.
pub(crate) fn hidden(
    listed: &Listed,
    by: &Listed,
    python: &Path,
    all: &[Listed],
    variables: &Variables,
) -> Finding {
    let free = (2..)
        .map(|number| format!("{}-{number}", listed.name))
        .find(|name| all.iter().all(|other| other.name != *name))
        .unwrap_or_default();
    Finding::new(
        "hidden",
        format!(
            "kernel {} in {}, which starts {}, is hidden by the one in {}, which starts {}",
            quoted(&listed.name),
            shown(&listed.directory),
            shown(python),
            shown(&by.directory),
            shown(by.program().unwrap_or("nothing"))
        ),
        installation(listed, python, &free, variables),
    )
    .about(listed)
}

/// The command that writes this kernelspec anew under a name, with its own settings.
fn installation(listed: &Listed, python: &Path, name: &str, variables: &Variables) -> String {
    let place = place_of(listed, variables).unwrap_or_else(|| "--user".to_owned());
    let mut command = format!(
        "ipyrust install {place} --python {} --name {}",
        shell_word(python),
        shell_word(name)
    );
    let content = listed.content.as_ref();
    let entry = |name: &str| content.and_then(|content| content.get(name));
    let shown_name = entry("display_name").and_then(Value::as_str);
    if let Some(text) = shown_name.filter(|text| *text != DEFAULT_DISPLAY_NAME) {
        command.push_str(&format!(" --display-name={}", shell_word(text)));
    }
    for (variable, value) in entry("env")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let value = value.as_str().unwrap_or_default();
        command.push_str(&format!(
            " --env {} {}",
            shell_word(variable),
            shell_word(value)
        ));
    }
    let words = content.and_then(argv).unwrap_or_default();
    if let Some([_, profile]) = words
        .windows(2)
        .find(|pair| pair.first() == Some(&"--profile"))
    {
        command.push_str(&format!(" --profile={}", shell_word(profile)));
    }
    command
}

/// The command that removes a kernelspec.
fn removal(listed: &Listed, variables: &Variables) -> String {
    match place_of(listed, variables) {
        Some(place) => format!("ipyrust remove {place} --name {}", listed.name),
        None => format!("rm -r {}", shell_word(&listed.directory)),
    }
}

/// The flag of `install` that means the place where a kernelspec is; None when no flag does.
fn place_of(listed: &Listed, variables: &Variables) -> Option<String> {
    let data = listed.directory.parent()?.parent()?;
    if data == data_dir(variables) {
        return Some("--user".to_owned());
    }
    let prefix = data.parent()?.parent()?;
    data.ends_with("share/jupyter")
        .then(|| format!("--prefix {}", shell_word(prefix)))
}
