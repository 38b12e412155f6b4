//! Whether an interpreter can import ipyrust, from its files alone.
//!
//! The directories of `sys.path` are looked through in their order: PYTHONPATH, then every directory of packages with
//! what its `.pth` files add. Editable installations are `.pth` lines or the table of a finder. What only running code
//! could tell is [`Presence::Unknown`], never a guess.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::read;
use crate::layout::Layout;
use crate::text::shown;
use crate::variables::Variables;

/// What `import ipyrust` would find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The kernel.
    Ours {
        /// Directory of the package.
        package: PathBuf,
        /// Its version; None when `_version.py` does not say.
        version: Option<String>,
    },
    /// Something else of that name, at this path.
    Foreign(PathBuf),
    /// Nothing.
    Absent,
    /// Only the interpreter could tell; the text says why.
    Unknown(&'static str),
}

/// Look for ipyrust as the interpreter of `layout` would.
pub(crate) fn presence(layout: &Layout, variables: &Variables) -> Presence {
    if let Some(found) = variables
        .entries("PYTHONPATH")
        .iter()
        .filter(|entry| entry.is_absolute())
        .find_map(|entry| in_directory(entry))
    {
        return found;
    }
    let Some(sites) = layout.site_directories(variables) else {
        return Presence::Unknown("its directories of packages cannot be told from its files");
    };
    let mut mapped = Vec::new();
    for site in &sites {
        if let Some(found) = in_directory(site) {
            return found;
        }
        let added = PathFiles::of(site);
        if let Some(found) = added
            .directories
            .iter()
            .find_map(|entry| in_directory(entry))
        {
            return found;
        }
        mapped.extend(added.mapped);
    }
    if let Some(found) = mapped.iter().find_map(|package| at(package)) {
        return found;
    }
    if sites.iter().any(|site| is_recorded(site)) {
        return Presence::Unknown(
            "ipyrust-kernel is recorded as installed, and its files are elsewhere",
        );
    }
    Presence::Absent
}

/// What `ipyrust` is in one directory of `sys.path`.
fn in_directory(directory: &Path) -> Option<Presence> {
    at(&directory.join("ipyrust")).or_else(|| {
        let module = directory.join("ipyrust.py");
        module.is_file().then_some(Presence::Foreign(module))
    })
}

/// What the package at this path is; None when there is none. A directory without `__init__.py` is found last of all by
/// Python, so it is none.
fn at(package: &Path) -> Option<Presence> {
    if !package.join("__init__.py").is_file() {
        return None;
    }
    // An unrelated distribution that was installed over ours replaces `__main__.py` and leaves our other files.
    let starts_ours =
        read(&package.join("__main__.py")).is_some_and(|text| text.contains("ipyrust.app"));
    if !(starts_ours && package.join("app.py").is_file()) {
        return Some(Presence::Foreign(package.to_owned()));
    }
    let version = read(&package.join("_version.py")).and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("__version__"))?;
        Some(line.split_once('"')?.1.split_once('"')?.0.to_owned())
    });
    Some(Presence::Ours {
        package: package.to_owned(),
        version,
    })
}

/// What the `.pth` files of a directory of packages add.
#[derive(Debug, Default)]
struct PathFiles {
    /// Entries of `sys.path`.
    directories: Vec<PathBuf>,
    /// Directories that the finders of editable installations give for `ipyrust`.
    mapped: Vec<PathBuf>,
}

impl PathFiles {
    fn of(site: &Path) -> Self {
        let mut names: Vec<PathBuf> = names_in(site)
            .filter(|name| name.extension().is_some_and(|extension| extension == "pth"))
            .collect();
        names.sort();
        let mut found = Self::default();
        for text in names.iter().filter_map(|name| read(&site.join(name))) {
            for line in text.lines().map(str::trim_end) {
                if let Some(code) = line
                    .strip_prefix("import ")
                    .or(line.strip_prefix("import\t"))
                {
                    found.mapped.extend(mapped_by(site, code));
                } else if !line.is_empty() && !line.starts_with('#') {
                    found.directories.push(site.join(line));
                }
            }
        }
        found
    }
}

/// The directory that a finder made by setuptools gives for `ipyrust`; `code` is what follows `import` in the `.pth`.
fn mapped_by(site: &Path, code: &str) -> Option<PathBuf> {
    let module = code.split([';', ' ', ',']).next()?;
    if !module.starts_with("__editable__") {
        return None;
    }
    let text = read(&site.join(format!("{module}.py")))?;
    let after = text.split_once("'ipyrust': '")?.1;
    Some(PathBuf::from(after.split_once('\'')?.0))
}

/// Whether the metadata of ipyrust-kernel is in this directory.
fn is_recorded(site: &Path) -> bool {
    names_in(site).any(|name| {
        name.to_str()
            .and_then(|name| name.strip_prefix("ipyrust_kernel-"))
            .is_some_and(|rest| rest.ends_with(".dist-info"))
    })
}

fn names_in(directory: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| PathBuf::from(entry.file_name()))
}

impl Presence {
    /// In words that follow the interpreter's name.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Ours { package, version } => format!(
                "has ipyrust {} in {}",
                version.as_deref().unwrap_or("of unknown version"),
                shown(package)
            ),
            Self::Foreign(path) => {
                format!("has an unrelated module `ipyrust` at {}", shown(path))
            }
            Self::Absent => "has no ipyrust".to_owned(),
            Self::Unknown(why) => format!("may have ipyrust: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    struct Environment {
        folder: tempfile::TempDir,
        layout: Layout,
    }

    impl Environment {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let layout = Layout {
                executable: folder.path().join("bin/python"),
                prefix: Some(folder.path().to_owned()),
                version: Some("3.11".to_owned()),
                base: None,
                is_virtual: true,
                sees_base: false,
            };
            fs::create_dir_all(folder.path().join("lib/python3.11/site-packages")).unwrap();
            Self { folder, layout }
        }

        fn site(&self) -> PathBuf {
            self.folder.path().join("lib/python3.11/site-packages")
        }

        fn presence(&self) -> Presence {
            presence(&self.layout, &Variables::default())
        }
    }

    fn ours(directory: &Path) -> Presence {
        let package = directory.join("ipyrust");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("__init__.py"), "").unwrap();
        fs::write(
            package.join("__main__.py"),
            "from ipyrust.app import main\n",
        )
        .unwrap();
        fs::write(package.join("app.py"), "").unwrap();
        fs::write(
            package.join("_version.py"),
            "\"\"\"V\"\"\"\n__version__ = \"1.2.3\"\n",
        )
        .unwrap();
        Presence::Ours {
            package,
            version: Some("1.2.3".to_owned()),
        }
    }

    #[test]
    fn installed_or_not() {
        let environment = Environment::new();
        assert_eq!(environment.presence(), Presence::Absent);
        let expected = ours(&environment.site());
        assert_eq!(environment.presence(), expected);
    }

    #[test]
    fn a_line_of_a_path_file_counts() {
        let environment = Environment::new();
        let elsewhere = tempfile::tempdir().unwrap();
        let expected = ours(elsewhere.path());
        let line = format!("# no\nimport os\n{}\n", elsewhere.path().display());
        fs::write(environment.site().join("_ipyrust_kernel.pth"), line).unwrap();
        assert_eq!(environment.presence(), expected);
    }

    #[test]
    fn the_table_of_an_editable_finder_counts() {
        let environment = Environment::new();
        let elsewhere = tempfile::tempdir().unwrap();
        let expected = ours(elsewhere.path());
        let name = "__editable___ipyrust_kernel_1_2_3_finder";
        fs::write(
            environment
                .site()
                .join("__editable__.ipyrust_kernel-1.2.3.pth"),
            format!("import {name}; {name}.install()"),
        )
        .unwrap();
        let table = format!(
            "MAPPING: dict[str, str] = {{'ipyrust': '{}'}}\n",
            elsewhere.path().join("ipyrust").display()
        );
        fs::write(environment.site().join(format!("{name}.py")), table).unwrap();
        assert_eq!(environment.presence(), expected);
    }

    #[test]
    fn a_record_without_files_is_not_decided() {
        let environment = Environment::new();
        fs::create_dir(environment.site().join("ipyrust_kernel-1.2.3.dist-info")).unwrap();
        assert!(matches!(environment.presence(), Presence::Unknown(_)));
    }

    #[test]
    fn an_unrelated_package_is_told_apart() {
        let environment = Environment::new();
        let package = environment.site().join("ipyrust");
        fs::create_dir(&package).unwrap();
        fs::write(package.join("__init__.py"), "").unwrap();
        fs::write(package.join("__main__.py"), "print()").unwrap();
        assert_eq!(environment.presence(), Presence::Foreign(package.clone()));
        ours(&environment.site());
        fs::write(package.join("__main__.py"), "print()").unwrap();
        assert_eq!(environment.presence(), Presence::Foreign(package));
    }

    #[test]
    fn pythonpath_comes_first_and_counts_only_when_absolute() {
        let environment = Environment::new();
        let elsewhere = tempfile::tempdir().unwrap();
        let expected = ours(elsewhere.path());
        let variables = Variables::with(&[("PYTHONPATH", elsewhere.path().as_os_str())]);
        assert_eq!(presence(&environment.layout, &variables), expected);
        let variables = Variables::with(&[("PYTHONPATH", OsStr::new("relative:"))]);
        assert_eq!(presence(&environment.layout, &variables), Presence::Absent);
    }

    #[test]
    fn files_that_are_no_files_do_not_hang() {
        let environment = Environment::new();
        std::os::unix::fs::symlink("/dev/zero", environment.site().join("zero.pth")).unwrap();
        let pipe = environment.site().join("pipe.pth");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(environment.presence(), Presence::Absent);
    }
}
