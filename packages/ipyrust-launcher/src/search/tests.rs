//! The search on environments made of files, with no Python among them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join(name)
    }

    /// An environment without ipyrust.
    fn bare(&self, name: &str) -> PathBuf {
        let prefix = self.path(name);
        fs::create_dir_all(prefix.join("lib/python3.11/site-packages")).unwrap();
        fs::write(prefix.join("pyvenv.cfg"), "version = 3.11.7\n").unwrap();
        program(&prefix.join("bin/python"));
        program(&prefix.join("bin/python3"));
        prefix
    }

    /// An environment with ipyrust.
    fn full(&self, name: &str) -> PathBuf {
        let prefix = self.bare(name);
        let package = prefix.join("lib/python3.11/site-packages/ipyrust");
        fs::create_dir(&package).unwrap();
        fs::write(package.join("__init__.py"), "").unwrap();
        fs::write(package.join("__main__.py"), "from ipyrust.app import main").unwrap();
        fs::write(package.join("app.py"), "").unwrap();
        prefix
    }

    /// A program named python of which nothing can be told.
    fn shim(&self, name: &str) -> PathBuf {
        let directory = self.path(name);
        program(&directory.join("python3"));
        directory
    }
}

fn program(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, path.to_str().unwrap()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn launcher_in(prefix: &Path) -> OwnPaths {
    let path = prefix.join("bin/ipyrust");
    program(&path);
    OwnPaths {
        spelled: Some(path.clone()),
        real: Some(path),
    }
}

fn look(pairs: &[(&'static str, &OsStr)], own: &OwnPaths) -> Search {
    search(None, &Variables::with(pairs), own)
}

fn chosen(search: &Search) -> (PathBuf, Source) {
    let found = search.result.as_ref().unwrap();
    (found.layout.executable.clone(), found.source)
}

#[test]
fn the_order_is_option_variable_own_virtual_env_conda_path() {
    let world = World::new();
    let names = ["option", "variable", "own", "virtual", "conda", "path"];
    let [option, variable, own, virtual_env, conda, path] = names.map(|name| world.full(name));
    let own_paths = launcher_in(&own);
    let [variable_python, path_bin] = [variable.join("bin/python"), path.join("bin")];
    let pairs = [
        ("IPYRUST_PYTHON", variable_python.as_os_str()),
        ("VIRTUAL_ENV", virtual_env.as_os_str()),
        ("CONDA_PREFIX", conda.as_os_str()),
        ("PATH", path_bin.as_os_str()),
    ];
    let named = option.join("bin/python");
    let variables = Variables::with(&pairs);
    let found = search(Some(named.as_os_str()), &variables, &own_paths);
    assert_eq!(chosen(&found), (named, Source::Option));
    assert_eq!(
        chosen(&look(&pairs, &own_paths)),
        (variable_python.clone(), Source::Variable)
    );
    let expected = (own.join("bin/python"), Source::Own);
    assert_eq!(chosen(&look(&pairs[1..], &own_paths)), expected);
    let nowhere = OwnPaths::default();
    let expected = (virtual_env.join("bin/python"), Source::VirtualEnv);
    assert_eq!(chosen(&look(&pairs[1..], &nowhere)), expected);
    let expected = (conda.join("bin/python"), Source::CondaPrefix);
    assert_eq!(chosen(&look(&pairs[2..], &nowhere)), expected);
    let expected = (path.join("bin/python3"), Source::Path);
    assert_eq!(chosen(&look(&pairs[3..], &nowhere)), expected);
}

#[test]
fn what_lacks_ipyrust_is_passed_over_unless_it_was_named() {
    let world = World::new();
    let (bare, full) = (world.bare("bare"), world.full("full"));
    let pairs = [
        ("VIRTUAL_ENV", bare.as_os_str()),
        ("CONDA_PREFIX", full.as_os_str()),
    ];
    let found = look(&pairs, &launcher_in(&bare));
    assert_eq!(
        chosen(&found),
        (full.join("bin/python"), Source::CondaPrefix)
    );
    let python = bare.join("bin/python");
    let failure = look(
        &[("IPYRUST_PYTHON", python.as_os_str())],
        &OwnPaths::default(),
    )
    .result
    .unwrap_err();
    assert_eq!(failure.code, ExitCode::BadPython);
    assert_eq!(
        failure.cure,
        Some(format!(
            "{} -m pip install ipyrust-kernel",
            python.display()
        ))
    );
}

#[test]
fn what_cannot_be_told_is_chosen_last() {
    let world = World::new();
    let (shim, full) = (world.shim("shims"), world.full("full"));
    let path = std::env::join_paths([&shim, &full.join("bin")]).unwrap();
    let found = look(&[("PATH", &path)], &OwnPaths::default());
    assert_eq!(chosen(&found), (full.join("bin/python3"), Source::Path));
    let found = look(&[("PATH", shim.as_os_str())], &OwnPaths::default());
    assert_eq!(chosen(&found), (shim.join("python3"), Source::Path));
}

#[test]
fn none_has_it() {
    let world = World::new();
    let bare = world.bare("bare");
    let failure = look(&[("VIRTUAL_ENV", bare.as_os_str())], &OwnPaths::default())
        .result
        .unwrap_err();
    assert_eq!(failure.code, ExitCode::NoPython);
    assert_eq!(
        failure.cure,
        Some(format!(
            "{}/bin/python -m pip install ipyrust-kernel",
            bare.display()
        ))
    );
    let failure = look(&[], &OwnPaths::default()).result.unwrap_err();
    assert_eq!(failure.code, ExitCode::NoPython);
}

#[test]
fn a_link_to_the_program_leads_to_its_environment() {
    let world = World::new();
    let (here, there) = (world.full("here"), world.full("there"));
    let real = launcher_in(&there).real;
    let link = here.join("bin/ipyrust");
    symlink(real.as_ref().unwrap(), &link).unwrap();
    let own = OwnPaths {
        spelled: Some(link),
        real,
    };
    assert_eq!(chosen(&look(&[], &own)).0, there.join("bin/python"));
}

#[test]
fn a_link_to_the_environment_is_kept() {
    let world = World::new();
    let full = world.full("full");
    let link = world.path("link");
    symlink(&full, &link).unwrap();
    let real = launcher_in(&full).real;
    let own = OwnPaths {
        spelled: Some(link.join("bin/ipyrust")),
        real,
    };
    assert_eq!(chosen(&look(&[], &own)).0, link.join("bin/python"));
}

#[test]
fn a_program_linked_from_a_store_without_python_is_found_by_its_link() {
    let world = World::new();
    let full = world.full("full");
    let stored = world.path("store/ipyrust");
    program(&stored);
    let link = full.join("bin/ipyrust");
    symlink(&stored, &link).unwrap();
    let own = OwnPaths {
        spelled: Some(link),
        real: Some(stored),
    };
    assert_eq!(chosen(&look(&[], &own)).0, full.join("bin/python"));
}

#[test]
fn the_launcher_is_no_python() {
    let world = World::new();
    let bare = world.bare("bare");
    let own = launcher_in(&bare);
    fs::remove_file(bare.join("bin/python")).unwrap();
    symlink(bare.join("bin/ipyrust"), bare.join("bin/python")).unwrap();
    let python = bare.join("bin/python");
    let failure = look(&[("IPYRUST_PYTHON", python.as_os_str())], &own)
        .result
        .unwrap_err();
    assert!(
        failure.message.contains("is the launcher itself"),
        "{}",
        failure.message
    );
    let found = look(&[("VIRTUAL_ENV", bare.as_os_str())], &own);
    assert_eq!(found.result.unwrap_err().code, ExitCode::NoPython);
}

#[test]
fn values_that_cannot_be_meant_are_one_line() {
    let world = World::new();
    let file = world.path("file");
    fs::write(&file, "").unwrap();
    let folder = world.path("");
    let values: Vec<OsString> = vec![
        OsString::from_vec(b"/no/\xff\xfe".to_vec()),
        "/no\nwhere\r\x1b[2J".into(),
        "x".repeat(100_000).into(),
        format!("/{}", "x/".repeat(100_000)).into(),
        folder.into(),
        file.into(),
        "no-such-python".into(),
        "/dev/null".into(),
        "/dev/null/bin".into(),
    ];
    for value in values {
        for (name, explicit) in [
            ("IPYRUST_PYTHON", true),
            ("VIRTUAL_ENV", false),
            ("CONDA_PREFIX", false),
        ] {
            let found = look(&[(name, &value)], &OwnPaths::default());
            let failure = found.result.unwrap_err();
            let line = if explicit {
                assert_eq!(failure.code, ExitCode::BadPython);
                failure.line()
            } else {
                assert_eq!(failure.code, ExitCode::NoPython);
                let [note] = found.notes.as_slice() else {
                    panic!("{:?}", found.notes)
                };
                note.line()
            };
            assert!(line.starts_with(name), "{line}");
            assert!(line.chars().count() < 1000, "{line}");
            assert!(!line.contains(char::is_control), "{line}");
            assert!(line.ends_with(&format!("unset {name}")), "{line}");
        }
    }
}

#[test]
fn an_empty_variable_is_unset_and_noted() {
    let world = World::new();
    let full = world.full("full");
    let empty = OsStr::new("");
    let pairs = [
        ("IPYRUST_PYTHON", empty),
        ("VIRTUAL_ENV", empty),
        ("CONDA_PREFIX", full.as_os_str()),
    ];
    let found = look(&pairs, &OwnPaths::default());
    assert_eq!(chosen(&found).1, Source::CondaPrefix);
    let lines: Vec<String> = found.notes.iter().map(Note::line).collect();
    assert_eq!(
        lines,
        [
            "IPYRUST_PYTHON is empty, which counts as unset; unset IPYRUST_PYTHON",
            "VIRTUAL_ENV is empty, which counts as unset; unset VIRTUAL_ENV",
        ]
    );
    let failure = search(Some(empty), &Variables::default(), &OwnPaths::default())
        .result
        .unwrap_err();
    assert_eq!(failure.code, ExitCode::BadPython);
}

#[test]
fn variables_that_disagree_are_named() {
    let world = World::new();
    let (one, other) = (world.full("one"), world.full("other"));
    let found = look(
        &[
            ("VIRTUAL_ENV", one.as_os_str()),
            ("CONDA_PREFIX", other.as_os_str()),
        ],
        &OwnPaths::default(),
    );
    assert_eq!(chosen(&found).1, Source::VirtualEnv);
    let [note] = found.notes.as_slice() else {
        panic!("{:?}", found.notes)
    };
    assert!(note.what.contains("are different environments"));
    assert_eq!(note.cure, "unset CONDA_PREFIX");
    let link = world.path("link");
    symlink(&one, &link).unwrap();
    let same = [
        ("VIRTUAL_ENV", one.as_os_str()),
        ("CONDA_PREFIX", link.as_os_str()),
    ];
    assert_eq!(look(&same, &OwnPaths::default()).notes, []);
}

#[test]
fn relative_entries_of_path_are_passed_over() {
    let found = look(&[("PATH", OsStr::new("bin::."))], &OwnPaths::default());
    assert_eq!(found.result.unwrap_err().code, ExitCode::NoPython);
    assert!(
        found
            .steps
            .iter()
            .any(|step| step.contains("'bin' is relative"))
    );
}

#[test]
fn a_dangling_link_says_so() {
    let world = World::new();
    let prefix = world.path("moved");
    fs::create_dir_all(prefix.join("bin")).unwrap();
    for name in ["python", "python3"] {
        symlink("/gone/python3.11", prefix.join("bin").join(name)).unwrap();
    }
    let found = look(&[("VIRTUAL_ENV", prefix.as_os_str())], &OwnPaths::default());
    let [note] = found.notes.as_slice() else {
        panic!("{:?}", found.notes)
    };
    assert!(
        note.what
            .contains("is a link to /gone/python3.11, which is not there"),
        "{}",
        note.what
    );
}

#[test]
fn the_search_is_told_step_by_step() {
    let world = World::new();
    let (bare, full) = (world.bare("bare"), world.full("full"));
    let path = full.join("bin");
    let pairs = [
        ("VIRTUAL_ENV", bare.as_os_str()),
        ("PATH", path.as_os_str()),
    ];
    let steps = look(&pairs, &OwnPaths::default()).steps;
    assert_eq!(steps.len(), 5, "{steps:?}");
    assert!(
        steps[2].contains("bare/bin/python has no ipyrust"),
        "{steps:?}"
    );
    assert_eq!(steps[3], "CONDA_PREFIX is not set");
    assert!(
        steps[4].contains("full/bin/python3 has ipyrust"),
        "{steps:?}"
    );
}
