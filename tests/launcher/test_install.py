"""`ipyrust install` and `remove`: the same files as `python -m ipyrust.install`, and no harm when something fails."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontend import DEADLINE
from ipyrust.exit_codes import ExitCode
from ipyrust.kernelspec import kernelspec
from launcher.environments import Environment, Machine, tree

TEXT = 'x "y" \\ é\u2028\x01\x7f\t ü'


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--user"],
        ["--sys-prefix"],
        ["--prefix", "~/some/../prefix"],
        ["--prefix=relative"],
        ["--name", "My.Kernel_1-2"],
        ["--display-name", TEXT],
        ["--display-name="],
        ["--env", "A", "1", "--env", "B", TEXT, "--env", "A", "2", "--env", "C", ""],
        ["--profile", "work"],
        ["--name", "ml", "--profile", "work"],
        ["--profile="],
        ["--frozen-modules"],
        ["--frozen_modules", "--replace"],
    ],
    ids=lambda arguments: " ".join(arguments).encode("unicode_escape").decode() or "none",
)
def test_the_same_files_as_the_module(
    machine: Machine, ours: Environment, arguments: list[str]
) -> None:
    def written() -> dict[str, bytes | str]:
        places = [machine.home, ours.prefix / "share"]
        found = {
            f"{place.name}/{name}": value for place in places for name, value in tree(place).items()
        }
        for place in machine.home.iterdir():
            shutil.rmtree(place)
        shutil.rmtree(ours.prefix / "share", ignore_errors=True)
        return found

    said = machine.output(ours.python, "-m", "ipyrust.install", *arguments)
    expected = written()
    assert any(name.endswith("kernel.json") for name in expected)
    assert machine.output(ours.launcher, "install", *arguments) == said
    assert written() == expected


def test_removing_says_and_does_the_same(machine: Machine, ours: Environment) -> None:
    by_module = [ours.python, "-m", "ipyrust.install", "--remove"]
    machine.output(ours.launcher, "install", "--name", "a")
    said = machine.output(*by_module, "--name", "a")
    assert list(machine.user_kernels.iterdir()) == []
    for arguments in (["remove"], ["install", "--remove"]):
        machine.output(*by_module[:-1], "--name", "a")
        assert machine.output(ours.launcher, *arguments, "--name", "a") == said
        assert list(machine.user_kernels.iterdir()) == []


def test_the_interpreter_may_be_named(machine: Machine, ours: Environment) -> None:
    python = ours.prefix / "bin" / "python3"
    machine.output(ours.launcher, "install", "--python", python)
    assert spec(machine.user_kernels / "ipyrust")["argv"][0] == str(python)


def test_no_interpreter_without_ipyrust_is_registered(
    machine: Machine, ours: Environment, bare: Environment
) -> None:
    line = machine.complaint(ExitCode.BAD_PYTHON, ours.launcher, "install", "--python", bare.python)
    assert "has no ipyrust; mend it: " in line
    assert not machine.user_kernels.exists()


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "ü", "..", "a\nb"])
def test_bad_names(machine: Machine, ours: Environment, name: str) -> None:
    line = machine.complaint(ExitCode.USAGE, ours.launcher, "install", f"--name={name}")
    assert line.startswith("--name '")
    assert not machine.user_kernels.exists()


@pytest.mark.parametrize("variable", ["", "A=B"])
def test_bad_variables(machine: Machine, ours: Environment, variable: str) -> None:
    line = machine.complaint(ExitCode.USAGE, ours.launcher, "install", "--env", variable, "1")
    assert f"'{variable}'" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["install", "--nmae", "x"],
        ["install", "--user", "--sys-prefix"],
        ["list", "x"],
        ["--python"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_one_line(
    machine: Machine, ours: Environment, arguments: list[str]
) -> None:
    assert "--help` lists the options" in machine.complaint(
        ExitCode.USAGE, ours.launcher, *arguments
    )


def test_an_argument_that_is_no_text(machine: Machine, ours: Environment) -> None:
    line = machine.complaint(ExitCode.USAGE, ours.launcher, "install", b"--display-name=\xff")
    assert "--display-name '\\xff' is not UTF-8" in line


@pytest.mark.parametrize(
    "content",
    [
        '{"argv": ["R", "--slave"], "language": "R"}',
        '{"argv": ["/other/python", "-m", "ipyrust", "-f", "{connection_file}"]}',
        "{torn",
        '{"argv": []}',
        '{"argv": "python -m ipyrust"}',
        "[]",
    ],
)
def test_another_kernel_of_the_same_name_stays(
    machine: Machine, ours: Environment, content: str
) -> None:
    other = machine.user_kernels / "ipyrust"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text(content)
    before = tree(machine.home)
    line = machine.complaint(ExitCode.NAME_TAKEN, ours.launcher, "install")
    assert "kernel 'ipyrust' exists in" in line and "--replace" in line
    assert tree(machine.home) == before
    machine.output(ours.launcher, "install", "--replace")
    assert spec(other)["argv"][0] == str(ours.python)


def test_the_wheels_kernel_is_brought_up_to_date_in_its_own_environment(
    machine: Machine, ours: Environment
) -> None:
    brought = kernelspec(python="python")
    for command in ([ours.python, "-m", "ipyrust"], [ours.launcher]):
        for place in (ours.kernels, machine.user_kernels):
            (place / "ipyrust").mkdir(parents=True, exist_ok=True)
            (place / "ipyrust" / "kernel.json").write_text(json.dumps(brought))
        machine.output(*command, "install", "--sys-prefix")
        assert spec(ours.kernels / "ipyrust")["argv"][0] == str(ours.python)
    line = machine.complaint(ExitCode.NAME_TAKEN, ours.launcher, "install", "--user")
    assert "and starts python;" in line


def test_again_brings_it_up_to_date_and_leaves_nothing(machine: Machine, ours: Environment) -> None:
    machine.output(ours.launcher, "install")
    (machine.user_kernels / "ipyrust" / "stale.txt").write_text("left over")
    machine.output(ours.launcher, "install", "--display-name", "New")
    assert spec(machine.user_kernels / "ipyrust")["display_name"] == "New"
    assert not (machine.user_kernels / "ipyrust" / "stale.txt").exists()
    assert os.listdir(machine.user_kernels.parent) == ["kernels"]


def test_a_place_below_a_file(machine: Machine, ours: Environment) -> None:
    file = machine.home / "file"
    file.write_text("mine")
    line = machine.complaint(ExitCode.NOT_WRITABLE, ours.launcher, "install", "--prefix", file)
    assert line.startswith(f"cannot write {file}/share/jupyter/kernels: Not a directory; ")
    assert file.read_text() == "mine"


def test_remove_what_is_not_there_or_not_ours(machine: Machine, ours: Environment) -> None:
    assert "'nope'" in machine.complaint(
        ExitCode.NOT_FOUND, ours.launcher, "remove", "--name", "nope"
    )
    other = machine.user_kernels / "ir"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": ["R"]}')
    line = machine.complaint(ExitCode.NAME_TAKEN, ours.launcher, "remove", "--name", "ir")
    assert "does not start ipyrust, so it stays" in line
    assert (other / "kernel.json").exists()


def test_a_link_is_replaced_and_removed_but_not_followed(
    machine: Machine, ours: Environment, tmp_path: Path
) -> None:
    machine.output(ours.launcher, "install", "--prefix", tmp_path / "elsewhere")
    elsewhere = tmp_path / "elsewhere" / "share" / "jupyter" / "kernels" / "ipyrust"
    before = tree(elsewhere)
    machine.user_kernels.mkdir(parents=True)
    (machine.user_kernels / "ipyrust").symlink_to(elsewhere)
    machine.output(ours.launcher, "install", "--display-name", "New")
    assert not (machine.user_kernels / "ipyrust").is_symlink()
    (machine.user_kernels / "linked").symlink_to(elsewhere)
    machine.output(ours.launcher, "remove", "--name", "linked")
    assert tree(elsewhere) == before


class Account:
    """A user who is not root, with a home of their own that nobody shares."""

    def __init__(self, home: Path, launcher: Path, python: Path) -> None:
        self.machine = Machine(home)
        self.launcher = home / "ipyrust"
        self.python = home / "env" / "bin" / "python"
        shutil.copy2(launcher, self.launcher)
        self.python.parent.mkdir(parents=True)
        shutil.copy2("/bin/sh", self.python)
        package = home / "env" / "lib" / "python3.11" / "site-packages" / "ipyrust"
        package.mkdir(parents=True)
        (home / "env" / "pyvenv.cfg").write_text("version = 3.11.0\n")
        for name in ("__init__.py", "app.py"):
            (package / name).write_text("")
        (package / "__main__.py").write_text("from ipyrust.app import main\n")

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the command as a user whom permissions bind."""
        identity = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.run(
            [self.launcher, "--python", self.python, *arguments],
            env=self.machine.variables(),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
            **identity,
        )

    def own(self) -> None:
        """Give everything in the home to that user."""
        if os.geteuid() == 0:
            for path in [self.machine.home, *self.machine.home.rglob("*")]:
                os.chown(path, 65534, 65534, follow_symlinks=False)


@pytest.fixture
def account(launcher: Path) -> Iterator[Account]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        Path(folder).chmod(0o755)
        account = Account(home, launcher, Path(sys.executable))
        account.own()
        yield account
        for path in [home, *home.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)


def test_a_user_may_install_at_home(account: Account) -> None:
    ended = account.run("install")
    assert (ended.returncode, ended.stderr) == (0, "")
    made = account.machine.user_kernels / "ipyrust"
    assert stat.S_IMODE(made.stat().st_mode) & 0o700 == 0o700


@pytest.mark.parametrize("locked", ["data", "data/kernels"])
def test_without_permission_the_old_kernel_stays_whole(account: Account, locked: str) -> None:
    assert account.run("install", "--display-name", "Old").returncode == 0
    directory = account.machine.home / locked
    directory.chmod(0o755)
    before = tree(account.machine.home / "data")
    directory.chmod(0o500)
    for arguments in (["install", "--display-name", "New"], ["remove"]):
        ended = account.run(*arguments)
        assert ended.returncode == ExitCode.NOT_WRITABLE, ended
        assert ended.stderr.count("\n") == 1
        assert (
            "Permission denied; use --user, or --prefix with a directory of yours" in ended.stderr
        )
        directory.chmod(0o755)
        assert tree(account.machine.home / "data") == before
        directory.chmod(0o500)


def test_a_full_disk_leaves_the_old_kernel(machine: Machine, ours: Environment) -> None:
    machine.output(ours.launcher, "install", "--display-name", "Old")
    before = tree(machine.home)
    shell = f'ulimit -f 1; trap "" XFSZ; exec "{ours.launcher}" install --display-name New'
    ended = machine.run("/bin/sh", "-c", shell)
    assert ended.returncode == ExitCode.NOT_WRITABLE, ended
    assert ended.stderr.startswith("ipyrust: cannot write ") and ended.stderr.count("\n") == 1
    assert "File too large" in ended.stderr
    assert tree(machine.home) == before


def spec(directory: Path) -> dict:
    return json.loads((directory / "kernel.json").read_text())
