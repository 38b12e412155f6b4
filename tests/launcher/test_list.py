"""`ipyrust list`, and the directories it looks in, beside Jupyter's own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from ipyrust.exit_codes import ExitCode
from launcher.conftest import MakeEnvironment
from launcher.environments import Environment, Machine

KERNEL_DIRS = """
import json, sys
from jupyter_client.kernelspec import KernelSpecManager
manager = KernelSpecManager(ensure_native_kernel=False)
print(json.dumps([manager.kernel_dirs, manager.find_kernel_specs()]))
"""


def add(kernels: Path, name: str, *argv: str) -> Path:
    """A kernelspec that starts `argv`."""
    directory = kernels / name
    directory.mkdir(parents=True)
    (directory / "kernel.json").write_text(json.dumps({"argv": argv, "language": "python"}))
    return directory


def lines(machine: Machine, program: Path, **changes: str | None) -> list[list[str]]:
    """The columns of `list`."""
    found = machine.output(program, "list", **changes).splitlines()
    return [line.split(maxsplit=2) for line in found]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"JUPYTER_DATA_DIR": None},
        {"JUPYTER_DATA_DIR": None, "XDG_DATA_HOME": "xdg"},
        {"JUPYTER_DATA_DIR": None, "JUPYTER_PLATFORM_DIRS": "1"},
        {"JUPYTER_DATA_DIR": None, "JUPYTER_PLATFORM_DIRS": "1", "XDG_DATA_HOME": "relative"},
        {"JUPYTER_PLATFORM_DIRS": "1", "XDG_DATA_DIRS": "/one:/two"},
        {"JUPYTER_PLATFORM_DIRS": "off"},
        {"JUPYTER_PATH": "/a:/b/"},
        {"JUPYTER_PREFER_ENV_PATH": "1"},
        {"JUPYTER_PREFER_ENV_PATH": "0"},
        {"JUPYTER_PREFER_ENV_PATH": ""},
        {"PYTHONNOUSERSITE": "1"},
        {"PYTHONUSERBASE": "/userbase"},
        {"IPYTHONDIR": "~/i"},
    ],
    ids=lambda changes: " ".join(f"{name}={value}" for name, value in changes.items()) or "none",
)
@pytest.mark.parametrize("sees_base", [False, True], ids=["alone", "sees-base"])
def test_the_directories_are_jupyters(
    machine: Machine, ours: Environment, changes: dict[str, str | None], sees_base: bool
) -> None:
    configuration = ours.prefix / "pyvenv.cfg"
    if sees_base:
        text = configuration.read_text().replace("packages = false", "packages = true")
        configuration.write_text(text)
    add(ours.kernels, "of-environment", "R")
    machine.output(ours.launcher, "install", **changes)
    told = machine.run(ours.python, "-c", KERNEL_DIRS, **changes)
    assert told.returncode == 0, told.stderr
    directories, specs = json.loads(told.stdout)
    shown = machine.output(ours.launcher, "env", **changes)
    found = shown.partition("kernels are looked for in:\n")[2].split()
    assert found == list(dict.fromkeys(directories))
    listed = machine.output(ours.launcher, "list", **changes).splitlines()
    shown_first = {line.split()[0]: line.split()[1] for line in reversed(listed)}
    assert shown_first == specs


def test_what_each_kernel_starts(
    machine: Machine, ours: Environment, make: MakeEnvironment
) -> None:
    other = make("other").add_ipyrust()
    machine.output(ours.launcher, "install", "--sys-prefix")
    machine.output(other.launcher, "install", "--name", "other")
    add(machine.user_kernels, "gone", "/gone/python", "-m", "ipyrust", "-f", "{connection_file}")
    add(machine.user_kernels, "ir", "R", "--slave")
    add(machine.user_kernels, "ipyrust", str(other.python), "-m", "ipyrust", "-f", "x")
    add(ours.kernels, "wheel", "python", "-m", "ipyrust", "-f", "{connection_file}")
    (add(machine.user_kernels, "torn") / "kernel.json").write_text("{torn")
    add(machine.user_kernels, "not a name", "x")
    user, prefix = machine.user_kernels, ours.kernels
    found = lines(machine, ours.launcher, JUPYTER_PATH=None)
    assert [line for line in found if not line[1].startswith("/usr")] == [
        ["gone", str(user / "gone"), "ipyrust with /gone/python, which does not exist"],
        ["ipyrust", str(prefix / "ipyrust"), f"ipyrust with {ours.python}"],
        [
            "ipyrust",
            str(user / "ipyrust"),
            f"ipyrust with {other.python}; hidden by {prefix / 'ipyrust'}",
        ],
        ["ir", str(user / "ir"), "other: R"],
        ["other", str(user / "other"), f"ipyrust with {other.python}"],
        ["torn", str(user / "torn"), "kernel.json cannot be read"],
        ["wheel", str(prefix / "wheel"), f"ipyrust with {ours.python} (Jupyter's own)"],
    ]
    hidden = lines(machine, ours.launcher, JUPYTER_PREFER_ENV_PATH="0")
    assert [user / "ipyrust", prefix / "ipyrust"] == [
        Path(line[1]) for line in hidden if line[0] == "ipyrust"
    ]


def test_no_kernels(machine: Machine, ours: Environment) -> None:
    text = machine.output(ours.launcher, "list", JUPYTER_PLATFORM_DIRS="1", XDG_DATA_DIRS="/none")
    assert text.startswith(
        f"no kernels in {ours.kernels}, {machine.user_kernels}, /none/jupyter/kernels"
    )


def test_it_needs_no_interpreter(machine: Machine, bare: Environment) -> None:
    add(machine.user_kernels, "a", "/gone/python", "-m", "ipyrust")
    found = lines(machine, bare.launcher, PATH=None)
    assert [
        "a",
        str(machine.user_kernels / "a"),
        "ipyrust with /gone/python, which does not exist",
    ] in found


def test_a_hostile_kernel_json_stays_one_line(machine: Machine, ours: Environment) -> None:
    directory = add(machine.user_kernels, "a", "/no\nwhere\x1b[2J" + "x" * 100_000, "-m", "ipyrust")
    os.truncate(add(machine.user_kernels, "b", "x") / "kernel.json", 1 << 30)
    text = machine.output(ours.launcher, "list")
    assert text.count("\n") >= 2 and len(text) < 5000
    assert all(line.isprintable() for line in text.splitlines())
    assert str(directory) in text


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_output_that_is_lost_is_a_failure(machine: Machine, ours: Environment) -> None:
    ended = machine.run("/bin/sh", "-c", f"exec {ours.launcher} list > /dev/full")
    assert ended.returncode == ExitCode.NOT_WRITABLE
    assert ended.stderr.startswith(
        "ipyrust: cannot write to standard output: No space left on device"
    )
    assert ended.stderr.count("\n") == 1


def test_a_reader_that_goes_away_is_no_failure(machine: Machine, ours: Environment) -> None:
    ended = machine.run("/bin/sh", "-c", f"{ours.launcher} env | head -n 1")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("launcher: ")
