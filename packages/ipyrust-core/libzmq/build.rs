//! Finds or builds libzmq.
//!
//! | cargo feature | `IPYRUST_LIBZMQ`  | result                                                |
//! |---------------|-------------------|-------------------------------------------------------|
//! | `vendored`    | unset, `vendored` | libzmq 4.3.5, libsodium, compiled from their crates   |
//! | `vendored`    | `system`          | the installed libzmq >= 4.3.4, found by pkg-config    |
//! | none          | unset, `system`   | the installed libzmq >= 4.3.4, found by pkg-config    |
//! | none          | `vendored`        | an error                                              |
//!
//! Any other value is an error, and neither way falls back to the other. Nothing is downloaded: the
//! sources are part of the crates `zeromq-src` and `libsodium-sys-stable`. With the feature on,
//! cargo compiles libsodium before this script can read the variable, so a packager who wants the
//! installed libzmq passes `--no-default-features`, which needs no C or C++ compiler at all; the
//! variable alone gives the same library after a longer build.

use std::env;
use std::process::exit;

const CHOICE: &str = "IPYRUST_LIBZMQ";
const OLDEST_SYSTEM_VERSION: &str = "4.3.4";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={CHOICE}");
    let has_vendored_feature = env::var_os("CARGO_FEATURE_VENDORED").is_some();
    let choice = env::var_os(CHOICE).unwrap_or_default();
    match (choice.to_string_lossy().as_ref(), has_vendored_feature) {
        ("" | "vendored", true) => build_vendored(),
        ("" | "system", false) | ("system", true) => link_system(),
        ("vendored", false) => fail(&format!(
            "{CHOICE}=vendored needs the cargo feature `vendored`: drop --no-default-features, or \
             unset {CHOICE}"
        )),
        (other, _) => fail(&format!(
            "{CHOICE} is {other:?}; it must be `vendored`, `system` or unset"
        )),
    }
}

/// Ends the build with one line, which cargo prints without a panic's noise around it.
fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    exit(1);
}

fn link_system() {
    use pkg_config::Error::{Failure, ProbeFailure};
    let found = pkg_config::Config::new()
        .atleast_version(OLDEST_SYSTEM_VERSION)
        .probe("libzmq");
    let Err(error) = found else { return };
    let text = match &error {
        Failure { output, .. } | ProbeFailure { output, .. } => {
            String::from_utf8_lossy(&output.stderr).into_owned()
        }
        _ => error.to_string(),
    };
    let reason = text.lines().next().unwrap_or_default();
    fail(&format!(
        "ipyrust-core was asked for the installed libzmq, but pkg-config finds none \
         >= {OLDEST_SYSTEM_VERSION} ({reason}); install its development files (libzmq3-dev, \
         zeromq-devel, zeromq) and pkg-config, or point PKG_CONFIG_PATH at libzmq.pc, or build the \
         vendored one (cargo feature `vendored`, {CHOICE} unset)"
    ));
}

#[cfg(not(feature = "vendored"))]
fn build_vendored() {}

#[cfg(feature = "vendored")]
fn build_vendored() {
    let target_os = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let defines = SHARED_DEFINES.iter().chain(platform_defines(&target_os));
    let mut flags = env::var("CXXFLAGS").unwrap_or_default();
    for define in defines {
        flags.push_str(" -D");
        flags.push_str(define);
    }
    // SAFETY: this script has started no thread, so nothing reads the environment meanwhile.
    unsafe {
        env::set_var("CXXFLAGS", flags);
        // libzmq is optimised and free of debug information in every profile: nobody steps through
        // it here.
        env::set_var("OPT_LEVEL", "3");
        env::set_var("DEBUG", "false");
    }
    require_cxx_compiler();
    let (Some(library), Some(include)) = (
        env::var_os("DEP_SODIUM_LIB"),
        env::var_os("DEP_SODIUM_INCLUDE"),
    ) else {
        fail(&format!(
            "the vendored libzmq needs the vendored libsodium: unset SODIUM_LIB_DIR and \
             SODIUM_USE_PKG_CONFIG, or set {CHOICE}=system"
        ));
    };
    zeromq_src::Build::new()
        .with_libsodium(Some(zeromq_src::LibLocation::new(library, include)))
        .build();
}

/// What libzmq's own configure finds on every Unix of the last ten years; `zeromq-src` runs no such
/// check and leaves these out. Without them libzmq measures time by the wall clock, does not notice
/// that it was forked, opens file descriptors that subprocesses inherit, and cannot bind `ipc://*`
/// or an interface by its name.
#[cfg(feature = "vendored")]
const SHARED_DEFINES: [&str; 13] = [
    "NDEBUG=1",
    "HAVE_CLOCK_GETTIME=1",
    "HAVE_FORK=1",
    "HAVE_IF_NAMETOINDEX=1",
    "HAVE_MKDTEMP=1",
    "HAVE_POSIX_MEMALIGN=1",
    "ZMQ_CACHELINE_SIZE=64",
    "ZMQ_HAVE_IFADDRS=1",
    "ZMQ_HAVE_NOEXCEPT=1",
    "ZMQ_HAVE_O_CLOEXEC=1",
    "ZMQ_HAVE_SO_KEEPALIVE=1",
    "ZMQ_HAVE_TCP_KEEPCNT=1",
    "ZMQ_HAVE_TCP_KEEPINTVL=1",
];

/// The same, for what differs from one system to the next.
#[cfg(feature = "vendored")]
fn platform_defines(target_os: &str) -> &'static [&'static str] {
    match target_os {
        "linux" | "android" => &[
            "HAVE_ACCEPT4=1",
            "ZMQ_HAVE_EVENTFD=1",
            "ZMQ_HAVE_EVENTFD_CLOEXEC=1",
            "ZMQ_HAVE_PTHREAD_SETNAME_2=1",
            "ZMQ_HAVE_SOCK_CLOEXEC=1",
            "ZMQ_HAVE_TCP_KEEPIDLE=1",
            "ZMQ_IOTHREAD_POLLER_USE_EPOLL_CLOEXEC=1",
        ],
        "macos" => &[
            "ZMQ_HAVE_OSX=1",
            "ZMQ_HAVE_PTHREAD_SETNAME_1=1",
            "ZMQ_HAVE_TCP_KEEPALIVE=1",
        ],
        _ => &[],
    }
}

/// Compiles two lines first, so that a missing compiler says so instead of drowning in eighty
/// failed files.
#[cfg(feature = "vendored")]
fn require_cxx_compiler() {
    let probe = std::path::Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("probe.cpp");
    let written = std::fs::write(&probe, "#include <string>\nstd::string probe;\n");
    let compiled = cc::Build::new()
        .cpp(true)
        .cargo_metadata(false)
        .file(&probe)
        .try_compile("probe");
    if written.is_err() || compiled.is_err() {
        fail(&format!(
            "ipyrust-core builds libzmq from source and needs a C++ compiler (g++ or clang++); \
             install one, or set {CHOICE}=system (with --no-default-features) to link the \
             installed libzmq"
        ));
    }
}
