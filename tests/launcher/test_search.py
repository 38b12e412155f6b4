"""Which interpreter the command takes, and that it takes none where none is needed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from ipyrust._version import __version__
from ipyrust.exit_codes import ExitCode
from launcher.conftest import MakeEnvironment
from launcher.environments import KERNEL, Environment, Machine


def chosen(machine: Machine, program: Path, **changes: str | bytes | None) -> tuple[str, str]:
    """Path of the interpreter that `env` names, and why."""
    lines = machine.output(program, "env", **changes).splitlines()
    values = dict(line.split(": ", 1) for line in lines if ": " in line and "=" not in line)
    return values["interpreter"], values["because"]


def test_version_is_that_of_the_kernel(machine: Machine, launcher: Path) -> None:
    assert machine.output(launcher, "--version") == f"ipyrust {__version__}\n"


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_commands_search_and_codes(machine: Machine, launcher: Path, flag: str) -> None:
    text = machine.output(launcher, flag)
    assert text.startswith("usage: ipyrust ")
    assert max(map(len, text.splitlines())) < 100
    for word in (
        "list",
        "install",
        "remove",
        "env",
        "doctor",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "-f FILE",
    ):
        assert word in text
    for code in (ExitCode.NO_PYTHON, ExitCode.BAD_PYTHON, ExitCode.FINDINGS):
        assert f"{code:d} " in text.partition("Exit codes:")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["list"],
        ["env"],
        ["install"],
        ["install", "--sys-prefix"],
        ["remove", "--help"],
        ["remove", "--sys-prefix"],
    ],
    ids=" ".join,
)
def test_no_python_is_started(
    machine: Machine, ours: Environment, tmp_path: Path, arguments: list[str]
) -> None:
    marker = tmp_path / "started"
    machine.output(ours.launcher, "install", "--sys-prefix")
    ours.trap(marker)
    machine.output(ours.launcher, *arguments)
    assert not marker.exists()
    assert machine.run(ours.launcher, "-f", "x").returncode == 99
    assert marker.exists(), "the trap does not work"


def test_its_own_environment_comes_before_variables(
    machine: Machine, ours: Environment, make: MakeEnvironment
) -> None:
    other = make("other").add_ipyrust()
    variables = {"VIRTUAL_ENV": str(other.prefix), "CONDA_PREFIX": str(other.prefix)}
    path, why = chosen(machine, ours.launcher, **variables)
    assert path == str(ours.python)
    assert why.startswith("it is in the launcher's own environment, and it has ipyrust")


def test_the_order(machine: Machine, launcher: Path, make: MakeEnvironment, tmp_path: Path) -> None:
    named, variable, virtual, conda, path = (
        make(name).add_ipyrust() for name in ("named", "variable", "virtual", "conda", "path")
    )
    alone = tmp_path / "alone" / "ipyrust"
    alone.parent.mkdir()
    shutil.copy2(launcher, alone)
    variables: dict[str, str | bytes | None] = {
        "IPYRUST_PYTHON": str(variable.python),
        "VIRTUAL_ENV": str(virtual.prefix),
        "CONDA_PREFIX": str(conda.prefix),
        "PATH": f"/usr/bin:{path.prefix / 'bin'}",
    }
    text = machine.output(alone, "--python", str(named.python), "env", **variables)
    assert f"interpreter: {named.python}\n" in text
    for name, expected in [
        ("IPYRUST_PYTHON", variable.python),
        ("VIRTUAL_ENV", virtual.python),
        ("CONDA_PREFIX", conda.python),
        ("PATH", path.prefix / "bin" / "python3"),
    ]:
        assert chosen(machine, alone, **variables)[0] == str(expected)
        del variables[name]


@pytest.mark.parametrize("name", ["", "ipyrust", "/usr/bin/env", "nonsense/ipyrust"])
def test_a_name_that_lies_about_the_program_is_not_believed(
    machine: Machine, ours: Environment, name: str
) -> None:
    ended = machine.run("/bin/bash", "-c", f"exec -a '{name}' {ours.launcher} env")
    assert f"interpreter: {ours.python}\n" in ended.stdout


def test_a_linked_environment_stays_linked(
    machine: Machine, ours: Environment, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(ours.prefix)
    assert chosen(machine, link / "bin" / "ipyrust")[0] == str(link / "bin" / "python")


def test_a_linked_command_leads_to_its_environment(
    machine: Machine, ours: Environment, tmp_path: Path
) -> None:
    link = tmp_path / "bin" / "ipyrust"
    link.parent.mkdir()
    link.symlink_to(ours.launcher)
    assert chosen(machine, link)[0] == str(ours.python)
    path = f"{link.parent}:/usr/bin:/bin"
    assert (
        machine.output("/bin/sh", "-c", "ipyrust env", PATH=path).count(f": {ours.python}\n") == 1
    )


def test_a_moved_environment_works(machine: Machine, ours: Environment, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    ours.prefix.rename(moved)
    assert chosen(machine, moved / "bin" / "ipyrust")[0] == str(moved / "bin" / "python")
    assert "python -m ipyrust" in machine.output(moved / "bin" / "ipyrust", "--help-all")


def test_a_copied_package_an_editable_finder_and_pythonpath_are_seen(
    machine: Machine, make: MakeEnvironment
) -> None:
    copied = make("copied")
    copied.copy_kernel()
    assert chosen(machine, copied.launcher)[0] == str(copied.python)
    found = make("found")
    (found.site / "__editable__.ipyrust_kernel.pth").write_text(
        "import __editable___ipyrust_kernel_finder; __editable___ipyrust_kernel_finder.install()\n"
    )
    (found.site / "__editable___ipyrust_kernel_finder.py").write_text(
        f"MAPPING: dict[str, str] = {{'ipyrust': {str(KERNEL)!r}}}\ndef install(): pass\n"
    )
    assert chosen(machine, found.launcher)[0] == str(found.python)
    nothing = make("nothing")
    where = chosen(machine, nothing.launcher, PYTHONPATH=str(KERNEL.parent))
    assert where[0] == str(nothing.python)


def test_system_packages_are_seen_where_the_environment_sees_them(
    machine: Machine, bare: Environment
) -> None:
    [version] = [path.name for path in bare.prefix.glob("lib/python3.*")]
    user_site = machine.home / "base" / "lib" / version / "site-packages"
    user_site.mkdir(parents=True)
    (user_site / "ours.pth").write_text(f"{KERNEL.parent}\n")
    variables = {"PYTHONUSERBASE": str(machine.home / "base"), "PATH": None}
    machine.complaint(ExitCode.NO_PYTHON, bare.launcher, "-f", "x", **variables)
    configuration = bare.prefix / "pyvenv.cfg"
    text = configuration.read_text().replace("packages = false", "packages = true")
    configuration.write_text(text)
    assert chosen(machine, bare.launcher, **variables)[0] == str(bare.python)


def test_an_environment_without_ipyrust_is_passed_over(
    machine: Machine, bare: Environment, ours: Environment
) -> None:
    path, why = chosen(machine, bare.launcher, VIRTUAL_ENV=str(ours.prefix))
    assert path == str(ours.python)
    assert why.startswith("VIRTUAL_ENV is its environment")


def test_none_has_it(machine: Machine, bare: Environment) -> None:
    line = machine.complaint(ExitCode.NO_PYTHON, bare.launcher, "-f", "x", PATH=None)
    assert line.endswith(f"mend it: {bare.python} -m pip install ipyrust-kernel")


def test_the_unrelated_distribution_is_named(machine: Machine, ours: Environment) -> None:
    package = ours.add_unrelated_ipyrust()
    line = machine.complaint(ExitCode.NO_PYTHON, ours.launcher, "-f", "x", PATH=None)
    assert f"has an unrelated module `ipyrust` at {package}; mend it: " in line
    assert f"{ours.python} -m pip uninstall --yes ipyrust" in line


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("/no/such/python", "does not exist"),
        ("no-such-python", "is not on PATH"),
        (b"/no/\xff\xfe", "'/no/\\xff\\xfe' does not exist"),
        ("/no\nwhere\x1b[2J", "'/no\\nwhere\\u{1b}[2J' does not exist"),
        ("/" + "x" * 100_000, "… is too long"),
        ("/tmp", "is a directory"),
        ("/dev/null", "is not a file"),
        ("/etc/passwd", "is not executable"),
        ("/etc/passwd/python", "a part of it is a file"),
    ],
    ids=["gone", "name", "bytes", "newline", "long", "directory", "device", "mode", "below-a-file"],
)
def test_an_interpreter_that_was_named_works_or_is_an_error(
    machine: Machine, ours: Environment, value: str | bytes, part: str
) -> None:
    line = machine.complaint(ExitCode.BAD_PYTHON, ours.launcher, "-f", "x", IPYRUST_PYTHON=value)
    assert line.startswith("IPYRUST_PYTHON='") and part.replace("… is", "…' is") in line
    assert line.endswith("; mend it: unset IPYRUST_PYTHON")
    line = machine.complaint(ExitCode.BAD_PYTHON, ours.launcher, "--python", value, "-f", "x")
    assert line.startswith("--python='") and line.endswith("; name another interpreter")
    assert len(line) < 1000


def test_a_named_interpreter_without_ipyrust_is_an_error(
    machine: Machine, ours: Environment, bare: Environment
) -> None:
    line = machine.complaint(
        ExitCode.BAD_PYTHON, ours.launcher, "-f", "x", IPYRUST_PYTHON=str(bare.python)
    )
    assert line.endswith(f"has no ipyrust; mend it: {bare.python} -m pip install ipyrust-kernel")


def test_the_launcher_itself_is_no_interpreter(machine: Machine, ours: Environment) -> None:
    line = machine.complaint(
        ExitCode.BAD_PYTHON, ours.launcher, "-f", "x", IPYRUST_PYTHON=str(ours.launcher)
    )
    assert "is the launcher itself" in line


@pytest.mark.parametrize("name", ["VIRTUAL_ENV", "CONDA_PREFIX"])
@pytest.mark.parametrize(
    "value",
    [
        "/no/such/environment",
        "",
        "relative",
        b"/no/\xff",
        "/no\nwhere",
        "/" + "x" * 100_000,
        "/etc/passwd",
        "/etc",
    ],
    ids=["gone", "empty", "relative", "bytes", "newline", "long", "file", "no-environment"],
)
def test_a_stale_variable_is_a_note_and_no_obstacle(
    machine: Machine, ours: Environment, name: str, value: str | bytes
) -> None:
    assert chosen(machine, ours.launcher, **{name: value})[0] == str(ours.python)
    lines = machine.output(ours.launcher, "env", **{name: value}).splitlines()
    [note] = [line for line in lines if line.startswith("note: ")]
    assert note.startswith(f"note: {name}") and note.endswith(f"; unset {name}")
    assert note.isprintable() and len(note) < 1000
    ended = machine.run(ours.launcher, "--help-all", **{name: value})
    assert (ended.returncode, ended.stderr) == (0, "")


def test_variables_that_disagree_are_a_note(
    machine: Machine, ours: Environment, bare: Environment
) -> None:
    variables = {"VIRTUAL_ENV": str(bare.prefix), "CONDA_PREFIX": str(ours.prefix)}
    lines = machine.output(ours.launcher, "env", **variables).splitlines()
    [note] = [line for line in lines if line.startswith("note: ")]
    assert str(bare.prefix) in note and str(ours.prefix) in note
    assert "are different environments, and VIRTUAL_ENV is asked first" in note


def test_a_working_directory_never_gives_the_interpreter(
    machine: Machine, bare: Environment
) -> None:
    trap = machine.home / "python3"
    trap.write_text("#!/bin/sh\necho trapped\n")
    trap.chmod(0o755)
    for path in (".", "", ":", "bin:."):
        ended = machine.run(bare.launcher, "-f", "x", PATH=path)
        assert (ended.returncode, ended.stdout) == (ExitCode.NO_PYTHON, "")


def test_what_cannot_be_told_is_taken_last(
    machine: Machine, bare: Environment, ours: Environment, tmp_path: Path
) -> None:
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "python3").write_text(f'#!/bin/sh\nexec {ours.python} "$@"\n')
    (shims / "python3").chmod(0o755)
    both = f"{shims}:{ours.prefix / 'bin'}"
    assert chosen(machine, bare.launcher, PATH=both)[0] == str(ours.prefix / "bin" / "python3")
    path, why = chosen(machine, bare.launcher, PATH=str(shims))
    assert path == str(shims / "python3")
    assert "cannot be told" in why
    assert "python -m ipyrust" in machine.output(bare.launcher, "--help-all", PATH=f"{shims}:/bin")


def test_the_search_is_told_on_request(
    machine: Machine, bare: Environment, ours: Environment
) -> None:
    variables = {"VIRTUAL_ENV": str(ours.prefix), "CONDA_PREFIX": "/gone"}
    ended = machine.run(bare.launcher, "--help-all", IPYRUST_DEBUG_PYTHON="1", **variables)
    lines = ended.stderr.splitlines()
    assert all(line.startswith("ipyrust: python: ") for line in lines), lines
    told = [line.removeprefix("ipyrust: python: ") for line in lines]
    assert told[0] == "note: CONDA_PREFIX='/gone' does not exist; unset CONDA_PREFIX"
    assert told[1] == "--python and IPYRUST_PYTHON name no interpreter"
    assert told[2].startswith(f"{bare.python} has no ipyrust")
    assert told[3].startswith(f"{ours.python} has ipyrust {__version__}")
    assert told[4] == f"chosen: {ours.python}, because VIRTUAL_ENV is its environment"
    assert len(told) == 5
    for value in ("0", "", "no"):
        assert machine.run(ours.launcher, "--help-all", IPYRUST_DEBUG_PYTHON=value).stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux only")
def test_a_path_that_is_no_text_works(machine: Machine, ours: Environment, tmp_path: Path) -> None:
    directory = os.fsencode(tmp_path) + b"/\xff env"
    os.rename(ours.prefix, directory)
    ended = machine.run(os.fsdecode(directory + b"/bin/ipyrust"), "--help-all")
    assert (ended.returncode, ended.stderr) == (0, "")
    line = machine.complaint(
        ExitCode.BAD_PYTHON, os.fsdecode(directory + b"/bin/ipyrust"), "install"
    )
    assert "\\xff env/bin/python' is not UTF-8" in line
