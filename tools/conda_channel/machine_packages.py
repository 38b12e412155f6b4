"""Packages made of what the machine has: its CPythons, compilers, make, pkg-config, and Debian's libzmq."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rattler_build import (
    PlatformConfig,
    RenderConfig,
    Stage0Recipe,
    ToolConfiguration,
    VariantConfig,
    rattler_build_version,
)

from conda_channel.build_log import BuildLog
from conda_channel.interpreters import OLDEST_MINOR, Interpreter, minor_number
from conda_channel.places import STANDIN_RECIPES, ChannelError, output_of, say
from conda_channel.store import Store, digest_of, key_of

BUNDLER = "cargo-bundle-licenses"
BUNDLER_VERSION = "5.0.0"
DEBIAN_LIBZMQ = "libzmq5"
EVERY_SYSTEM_HAS = re.compile(
    r"(libc6|libgcc-s1|libstdc\+\+6|libcrypt1|gcc-.*-base|debconf.*)(:.*)?"
)
PART_OF_LIBZMQ = ("libzmq3-dev",)
"""Its headers and libzmq.pc; what that package depends on serves static linking only."""


@dataclass(frozen=True)
class Toolchain:
    """The machine's programs that a build needs."""

    gcc: str
    gxx: str
    gcc_version: str
    rust_sysroot: str
    rust_version: str
    cargo_home: str
    make: str
    make_version: str
    pkg_config: str
    pkg_config_version: str
    glibc_version: str
    cargo_profile: str
    """Shell code: the `CARGO_PROFILE_…` variables of this process, which a build would not see otherwise."""


def build_recipe(name: str, context: dict[str, Any], store: Store) -> Path:
    """Build one of `recipes/*.yaml`; returns the directory with the subdirectories of its packages.

    Raises:
        ChannelError: the build failed, with the end of its log.
    """
    path = STANDIN_RECIPES / f"{name}.yaml"

    def build(folder: Path) -> None:
        say(
            f"making {name} {' '.join(str(value) for key, value in context.items() if 'version' in key)}"
        )
        recipe = Stage0Recipe.from_file(path)
        platforms = PlatformConfig(experimental=True)
        log = BuildLog()
        try:
            for variant in recipe.render(
                VariantConfig(), RenderConfig(platform=platforms, extra_context=context)
            ):
                variant.run_build(
                    ToolConfiguration(test_strategy="skip"),
                    output_dir=folder,
                    channels=[],
                    no_build_id=True,
                    package_format="conda:1",
                    progress_callback=log,
                )
        except Exception as error:  # the API has no narrower class
            raise ChannelError(
                f"cannot build the stand-in {path.name}: {error}\n{log.tail()}"
            ) from error
        shutil.rmtree(folder / "bld", ignore_errors=True)

    key = key_of(name, path.read_text(encoding="utf-8"), context, rattler_build_version())
    return store.make(key, build)


def python_package(interpreter: Interpreter, store: Store) -> Path:
    """`python` and the metapackages that go with it."""
    minor = minor_number(interpreter.minor_version)
    context = {
        "interpreter_version": interpreter.version,
        "interpreter_base": str(interpreter.base),
        "python_build": "cpython" if minor < 13 else f"cp3{minor}",
        "content": digest_of(interpreter.executable),
    }
    return build_recipe("python", context, store)


def abi3_package(store: Store) -> Path:
    """`python-abi3` for the oldest Python that ipyrust supports."""
    return build_recipe("python-abi3", {"oldest_minor_version": f"3.{OLDEST_MINOR}"}, store)


def zeromq_package(store: Store) -> tuple[Path, str]:
    """`zeromq`, and its version."""
    archives = store.make(key_of("zeromq", debian_version()), fetch_debian_libzmq)
    version = debian_version().partition("-")[0]
    context = {"zeromq_version": version, "debian_packages": str(archives)}
    return build_recipe("zeromq", context, store), version


def debian_version() -> str:
    """What apt calls its version of libzmq."""
    shown = output_of(
        ["apt-cache", "show", "--no-all-versions", DEBIAN_LIBZMQ], "find libzmq in apt"
    )
    found = re.search(r"^Version: (?:\d+:)?(\S+)$", shown, re.MULTILINE)
    if found is None:
        raise ChannelError(
            f"apt knows no {DEBIAN_LIBZMQ}: run `apt-get update`, on Debian or Ubuntu"
        )
    return found[1]


def fetch_debian_libzmq(folder: Path) -> None:
    """Download libzmq and the libraries it is linked to, with apt, without installing anything."""
    relations = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"]
    listing = output_of(
        [
            "apt-cache",
            "depends",
            "--recurse",
            *(f"--no-{each}" for each in relations),
            DEBIAN_LIBZMQ,
        ],
        "ask apt what libzmq needs",
    )
    names = {line for line in listing.splitlines() if re.match(r"[a-z0-9]", line)}
    wanted = sorted(name for name in names if not EVERY_SYSTEM_HAS.fullmatch(name))
    say(f"fetching libzmq and {len(wanted) - 1} libraries with apt")
    script = 'cd "$0" && exec apt-get download -qq "$@"'
    output_of(
        ["sh", "-c", script, str(folder), *wanted, *PART_OF_LIBZMQ], "fetch libzmq with apt-get"
    )


def toolchain() -> Toolchain:
    """Find the machine's build programs.

    Raises:
        ChannelError: one is missing.
    """
    programs = {
        name: program(name) for name in ("gcc", "g++", "rustc", "cargo", "make", "pkg-config")
    }
    rust_version = output_of([programs["rustc"], "--version"], "ask rustc for its version").split()[
        1
    ]
    return Toolchain(
        gcc=programs["gcc"],
        gxx=programs["g++"],
        gcc_version=output_of([programs["gcc"], "-dumpfullversion"], "ask gcc").strip(),
        rust_sysroot=output_of([programs["rustc"], "--print", "sysroot"], "ask rustc").strip(),
        rust_version=rust_version.partition("-")[0],
        cargo_home=os.environ.get("CARGO_HOME") or str(Path.home() / ".cargo"),
        make=programs["make"],
        make_version=output_of([programs["make"], "--version"], "ask make").split()[2],
        pkg_config=programs["pkg-config"],
        pkg_config_version=output_of([programs["pkg-config"], "--version"], "ask it").strip(),
        glibc_version=platform.libc_ver()[1],
        cargo_profile=exports("CARGO_PROFILE_"),
    )


def exports(prefix: str) -> str:
    """Shell code that sets the variables of this process whose names begin with `prefix`."""
    chosen = {name: value for name, value in sorted(os.environ.items()) if name.startswith(prefix)}
    return "; ".join(f"export {name}={shlex.quote(value)}" for name, value in chosen.items()) or ":"


def program(name: str) -> str:
    """Path of a program.

    Raises:
        ChannelError: it is not on PATH.
    """
    path = shutil.which(name)
    if path is None:
        raise ChannelError(
            f"no {name!r} on PATH: the channel needs it to build the recipe; install it"
        )
    return path


def toolchain_packages(tools: Toolchain, store: Store) -> Path:
    """Compilers and build programs under conda-forge's names."""
    installed = store.make(key_of(BUNDLER, BUNDLER_VERSION, tools.rust_version), compile_bundler)
    context = {
        **vars(tools),
        "bundle": str(installed / "bin" / BUNDLER),
        "bundle_version": BUNDLER_VERSION,
    }
    return build_recipe("toolchain", context, store)


def compile_bundler(folder: Path) -> None:
    """Compile cargo-bundle-licenses from crates.io: quickly, for it runs only once a build."""
    say(f"compiling {BUNDLER} {BUNDLER_VERSION}")
    command = ["cargo", "install", "--quiet", "--locked", "--debug", "--no-track"]
    output_of(
        [*command, "--root", str(folder), "--version", BUNDLER_VERSION, BUNDLER],
        f"compile {BUNDLER}",
        env={
            **os.environ,
            "CARGO_PROFILE_DEV_DEBUG": "0",
            "CARGO_TARGET_DIR": str(folder / "target"),
        },
    )
    shutil.rmtree(folder / "target")
