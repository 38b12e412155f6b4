"""What pip and the build say where there is no wheel, no compiler or no Rust."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from wheels.building import Builds, CommandError, build_from_sdist, build_wheel, run
from wheels.machine import is_supported, make_environment, pythons
from wheels.project import CORE, KERNEL, release_environment


def pip_dry_run(*arguments: object) -> str:
    """What pip says when it refuses."""
    with pytest.raises(CommandError) as failure:
        run(
            sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index",
            "--only-binary=:all:", "--target", "nowhere", *arguments,
        )  # fmt: skip
    return failure.value.output


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(("--platform", "manylinux2014_x86_64"), id="older glibc"),
        pytest.param(("--platform", "musllinux_1_2_x86_64"), id="musl"),
        pytest.param(("--platform", "win_amd64"), id="Windows"),
        pytest.param(("--python-version", "3.10"), id="older Python"),
    ],
)
def test_pip_refuses_an_engine_that_would_not_run(builds: Builds, target: tuple[str, str]) -> None:
    wheel = builds.shipped[CORE.name]
    assert f"{wheel.name} is not a supported wheel on this platform" in pip_dry_run(*target, wheel)
    said = pip_dry_run(*target, "--find-links", wheel.parent, CORE.name)
    assert f"No matching distribution found for {CORE.name}" in said


def test_pip_of_an_older_python_refuses_the_kernel(builds: Builds, tmp_path: Path) -> None:
    older = [path for version, path in pythons().items() if not is_supported(version)]
    if not older and "CI" not in os.environ:
        pytest.skip("no CPython < 3.11 on this machine")
    environment = make_environment(older[-1], tmp_path / "environment")
    with pytest.raises(CommandError) as failure:
        environment.run("-m", "pip", "install", "--no-deps", builds.shipped[KERNEL.name])
    assert re.search(
        r"'ipyrust-kernel' requires a different Python: 3\.\d+\.\d+ not in '>=3\.11'",
        failure.value.output,
    )


def path_without(folder: Path, *hidden: str) -> str:
    """A PATH with every program of the present one but `hidden`."""
    folder.mkdir()
    for directory in os.get_exec_path():
        for name in os.listdir(directory) if os.path.isdir(directory) else []:
            link = folder / name
            if name not in hidden and not link.is_symlink():
                link.symlink_to(Path(directory, name))
    assert [name for name in hidden if shutil.which(name, path=str(folder))] == []
    return str(folder)


def cxx_compilers() -> set[str]:
    """Every program on PATH that may be a C++ compiler."""
    return {
        name
        for directory in os.get_exec_path()
        if os.path.isdir(directory)
        for name in os.listdir(directory)
        if "++" in name
    }


def test_missing_cxx_compiler_is_told_in_one_line(builds: Builds, tmp_path: Path) -> None:
    variables = release_environment(CORE)
    variables["PATH"] = path_without(tmp_path / "bin", *cxx_compilers())
    variables.pop("CXX", None)
    # Everything is compiled here already, so that only libzmq's script runs again.
    os.utime(builds.tree / "packages" / CORE.folder.name / "libzmq" / "build.rs")
    with pytest.raises(CommandError) as failure:
        build_wheel(CORE, builds.tree, tmp_path / "out", variables)
    # cargo repeats it with what else the script printed.
    lines = failure.value.output.splitlines()
    errors = [line for line in lines if line.startswith("error: ") and "a C++ compiler" in line]
    assert len(errors) == 1
    assert "install one" in errors[0] and "g++ or clang++" in errors[0]


def test_missing_rust_is_told_by_the_build_backend(builds: Builds, tmp_path: Path) -> None:
    variables = release_environment(CORE)
    variables["PATH"] = path_without(tmp_path / "bin", "cargo", "rustc", "rustup")
    # Left alone, maturin downloads a toolchain into the user's cache and goes on.
    variables["MATURIN_NO_INSTALL_RUST"] = "1"
    with pytest.raises(CommandError) as failure:
        build_from_sdist(CORE, builds.sdists[CORE.name], tmp_path / "out", variables)
    assert "Cargo, the Rust package manager, is not installed" in failure.value.output
    assert "https://rustup.rs" in failure.value.output
