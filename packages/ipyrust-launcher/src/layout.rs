//! From an interpreter's path to its environment, by the rules with which Python finds its own: `pyvenv.cfg` beside or
//! above the path as it is spelled, else `lib/pythonX.Y` above the file that it really is. Starts nothing.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::files::read;
use crate::text::shown;
use crate::variables::Variables;

/// An interpreter and the environment it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Absolute path, links left as they are: links decide which environment it is.
    pub(crate) executable: PathBuf,
    /// `sys.prefix`; None when it cannot be told without starting the interpreter.
    pub(crate) prefix: Option<PathBuf>,
    /// `X.Y`, for `lib/pythonX.Y`.
    pub(crate) version: Option<String>,
    /// The installation that a virtual environment was made from; None for any other interpreter.
    pub(crate) base: Option<PathBuf>,
    /// Whether this is a virtual environment.
    pub(crate) is_virtual: bool,
    /// Whether a virtual environment sees the packages of its base, too.
    pub(crate) sees_base: bool,
}

impl Layout {
    /// The layout of a file that [`problem`] finds nothing wrong with.
    pub(crate) fn of(executable: &Path) -> Self {
        let directory = executable.parent().unwrap_or(Path::new("/"));
        let above = directory.parent().unwrap_or(Path::new("/"));
        let configuration = [directory, above]
            .iter()
            .find_map(|place| Configuration::read(&place.join("pyvenv.cfg")));
        match configuration {
            Some(configuration) => Self::of_virtual(executable, above, &configuration),
            None => Self::of_installation(executable),
        }
    }

    fn of_virtual(executable: &Path, prefix: &Path, configuration: &Configuration) -> Self {
        // The link leads to the base; only an environment made of copies needs the word of its file.
        let base = Self::of_installation(executable)
            .prefix
            .or_else(|| fs::canonicalize(configuration.home.as_deref()?.parent()?).ok());
        let version = configuration
            .version
            .clone()
            .filter(|version| library(prefix, version).is_dir())
            .or_else(|| only_version(prefix));
        Self {
            executable: executable.to_owned(),
            prefix: Some(prefix.to_owned()),
            version,
            base,
            is_virtual: true,
            sees_base: configuration.sees_base,
        }
    }

    fn of_installation(executable: &Path) -> Self {
        let unknown = Self {
            executable: executable.to_owned(),
            prefix: None,
            version: None,
            base: None,
            is_virtual: false,
            sees_base: false,
        };
        let Ok(real) = fs::canonicalize(executable) else {
            return unknown;
        };
        let Some(prefix) = real.parent().and_then(Path::parent) else {
            return unknown;
        };
        let named = real
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_prefix("python"))
            .filter(|version| version.contains('.'))
            .map(str::to_owned);
        let version = named.or_else(|| only_version(prefix));
        match version {
            Some(version) if library(prefix, &version).join("os.py").exists() => Self {
                prefix: Some(prefix.to_owned()),
                version: Some(version),
                ..unknown
            },
            _ => unknown,
        }
    }

    /// Directories with installed packages, in the order of `sys.path`; None when they cannot be told.
    pub(crate) fn site_directories(&self, variables: &Variables) -> Option<Vec<PathBuf>> {
        if variables.get("PYTHONHOME").is_some() {
            return None; // It moves every interpreter's library.
        }
        let (prefix, version) = (self.prefix.as_ref()?, self.version.as_ref()?);
        let mut found = Vec::new();
        if self.is_virtual {
            found.extend(of_prefix(prefix, version));
        }
        if self.has_user_site(variables) {
            found.push(library(&user_base(variables), version).join("site-packages"));
        }
        if !self.is_virtual {
            found.extend(of_prefix(prefix, version));
        } else if self.sees_base {
            found.extend(of_prefix(self.base.as_ref()?, version));
        }
        Some(found)
    }

    /// Whether the user's own packages are on its path (`site.ENABLE_USER_SITE`).
    pub(crate) fn has_user_site(&self, variables: &Variables) -> bool {
        variables.get("PYTHONNOUSERSITE").is_none() && (!self.is_virtual || self.sees_base)
    }
}

/// `site.getuserbase()`.
pub(crate) fn user_base(variables: &Variables) -> PathBuf {
    variables
        .get("PYTHONUSERBASE")
        .map_or_else(|| variables.home().join(".local"), PathBuf::from)
}

/// What is wrong with `path` as an interpreter, in words that follow its name; None when nothing is.
pub(crate) fn problem(path: &Path) -> Option<String> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            return Some(match fs::read_link(path) {
                Ok(target) => format!("is a link to {}, which is not there", shown(target)),
                Err(_) => reason(&error),
            });
        }
    };
    if metadata.is_dir() {
        return Some(format!(
            "is a directory: name the interpreter in it, {}",
            shown(path.join("bin/python"))
        ));
    }
    if !metadata.is_file() {
        return Some("is not a file".to_owned());
    }
    match access(path, AccessFlags::X_OK) {
        Ok(()) => None,
        Err(_) => Some("is not executable".to_owned()),
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        std::io::ErrorKind::NotADirectory => "does not exist: a part of it is a file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "may not be looked at".to_owned(),
        std::io::ErrorKind::InvalidFilename => "is too long for a path".to_owned(),
        _ => format!("cannot be used: {error}"),
    }
}

fn library(prefix: &Path, version: &str) -> PathBuf {
    prefix.join("lib").join(format!("python{version}"))
}

/// Where packages of an installation or a virtual environment are; the second half is Debian's and Fedora's.
fn of_prefix(prefix: &Path, version: &str) -> [PathBuf; 5] {
    let name = format!("python{version}");
    [
        prefix.join("lib").join(&name).join("site-packages"),
        prefix.join("lib64").join(&name).join("site-packages"),
        prefix.join("local/lib").join(&name).join("dist-packages"),
        prefix.join("lib/python3/dist-packages"),
        prefix.join("lib").join(&name).join("dist-packages"),
    ]
}

/// The version of the one library under `prefix`; None when there is none or more than one.
fn only_version(prefix: &Path) -> Option<String> {
    let mut versions = fs::read_dir(prefix.join("lib"))
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix("python")?;
            let is_one = version.contains('.') && entry.path().is_dir();
            is_one.then(|| version.to_owned())
        });
    let first = versions.next();
    if versions.next().is_some() {
        None
    } else {
        first
    }
}

/// What `pyvenv.cfg` says.
#[derive(Debug, Default)]
struct Configuration {
    home: Option<PathBuf>,
    version: Option<String>,
    sees_base: bool,
}

impl Configuration {
    fn read(path: &Path) -> Option<Self> {
        let text = read(path)?;
        let mut found = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let value = value.trim();
            match key.trim().to_lowercase().as_str() {
                "home" => found.home = Some(PathBuf::from(value)),
                "version" | "version_info" => found.version = short_version(value),
                "include-system-site-packages" => {
                    found.sees_base = value.eq_ignore_ascii_case("true");
                }
                _ => {}
            }
        }
        Some(found)
    }
}

/// `3.11.7` → `3.11`.
fn short_version(full: &str) -> Option<String> {
    let mut parts = full.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    Some(format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn executable(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn installation(root: &Path) -> PathBuf {
        executable(&root.join("bin/python3.11"));
        fs::create_dir_all(root.join("lib/python3.11/site-packages")).unwrap();
        fs::write(root.join("lib/python3.11/os.py"), "").unwrap();
        root.join("bin/python3.11")
    }

    fn virtual_environment(root: &Path, base: &Path, sees_base: bool) -> PathBuf {
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::create_dir_all(root.join("lib/python3.11/site-packages")).unwrap();
        symlink(base, root.join("bin/python")).unwrap();
        let home = base.parent().unwrap().display();
        let text = format!(
            "home = {home}\ninclude-system-site-packages = {sees_base}\nversion = 3.11.7\n"
        );
        fs::write(root.join("pyvenv.cfg"), text).unwrap();
        root.join("bin/python")
    }

    #[test]
    fn an_installation_is_found_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let real = installation(&root.join("opt"));
        let link = root.join("python3");
        symlink(&real, &link).unwrap();
        let layout = Layout::of(&link);
        assert_eq!(layout.executable, link);
        assert_eq!(layout.prefix, Some(root.join("opt")));
        assert_eq!(layout.version.as_deref(), Some("3.11"));
        assert!(!layout.is_virtual);
    }

    #[test]
    fn a_virtual_environment_is_where_its_link_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let base = installation(&root.join("opt"));
        for sees_base in [false, true] {
            let prefix = root.join(format!("env-{sees_base}"));
            let layout = Layout::of(&virtual_environment(&prefix, &base, sees_base));
            assert_eq!(layout.prefix, Some(prefix.clone()));
            assert!(layout.is_virtual);
            let variables = Variables::with(&[("HOME", OsStr::new("/home/u"))]);
            let sites = layout.site_directories(&variables).unwrap();
            assert_eq!(
                sites.first(),
                Some(&prefix.join("lib/python3.11/site-packages"))
            );
            let of_base = root.join("opt/lib/python3.11/site-packages");
            assert_eq!(sites.contains(&of_base), sees_base);
            let of_user = PathBuf::from("/home/u/.local/lib/python3.11/site-packages");
            assert_eq!(sites.contains(&of_user), sees_base);
        }
    }

    #[test]
    fn a_script_named_python_has_no_layout() {
        let folder = tempfile::tempdir().unwrap();
        let shim = folder.path().join("shims/python3");
        executable(&shim);
        let layout = Layout::of(&shim);
        assert_eq!(
            (layout.prefix.as_ref(), layout.version.as_ref()),
            (None, None)
        );
        assert_eq!(layout.site_directories(&Variables::default()), None);
    }

    #[test]
    fn pythonhome_hides_everything() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::of(&installation(folder.path()));
        let variables = Variables::with(&[("PYTHONHOME", OsStr::new("/x"))]);
        assert_eq!(layout.site_directories(&variables), None);
    }

    #[test]
    fn problems_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("python");
        assert_eq!(problem(&path).unwrap(), "does not exist");
        symlink("/nowhere/python3", &path).unwrap();
        assert_eq!(
            problem(&path).unwrap(),
            "is a link to /nowhere/python3, which is not there"
        );
        assert!(
            problem(folder.path())
                .unwrap()
                .starts_with("is a directory")
        );
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(problem(&file).unwrap(), "is not executable");
        assert!(
            problem(&file.join("x"))
                .unwrap()
                .contains("a part of it is a file")
        );
        assert_eq!(problem(Path::new("/dev/null")).unwrap(), "is not a file");
        let long = PathBuf::from(format!("/{}", "x".repeat(10_000)));
        assert_eq!(problem(&long).unwrap(), "is too long for a path");
        executable(&path.with_file_name("good"));
        assert_eq!(problem(&path.with_file_name("good")), None);
    }
}
