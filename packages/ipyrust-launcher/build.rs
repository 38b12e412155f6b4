//! Links GCC's unwinder into the program instead of loading it as a shared library: a program that answers at once
//! spends much of its time on the libraries it loads. Where the archive is not found, the shared one is used.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    if let Some(directory) = directory_of_unwinder() {
        println!("cargo:rustc-link-search=native={directory}");
        println!("cargo:rustc-link-lib=static:+whole-archive=gcc_eh");
    }
}

/// Where the linker's compiler has `libgcc_eh.a`; None when it has none, or one for another machine.
fn directory_of_unwinder() -> Option<String> {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let uses_gcc = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu");
    let is_static = env::var("CARGO_CFG_TARGET_FEATURE")
        .is_ok_and(|features| features.split(',').any(|feature| feature == "crt-static"));
    if !uses_gcc || is_static || env::var("HOST") != env::var("TARGET") {
        return None;
    }
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let output = Command::new(linker)
        .arg("-print-file-name=libgcc_eh.a")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let path = Path::new(text.trim());
    let directory = path.is_absolute().then(|| path.parent())??;
    path.is_file()
        .then(|| directory.to_str().map(str::to_owned))?
}
