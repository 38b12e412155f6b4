"""`ipyrust doctor`: every finding on a real broken environment, and its command, run where that needs no network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ipyrust._version import __version__
from ipyrust.exit_codes import ExitCode
from launcher.conftest import MakeEnvironment
from launcher.environments import Environment, Machine, tree
from launcher.test_list import add


def examine(
    machine: Machine, program: Path, *, code: int = ExitCode.FINDINGS, **changes: Any
) -> dict[str, Any]:
    """The answer of `doctor --json`, which must agree with the words of `doctor`."""
    ended = machine.run(program, "doctor", "--json", **changes)
    assert (ended.returncode, ended.stderr) == (code, ""), ended
    answer: dict[str, Any] = json.loads(ended.stdout)
    words = machine.run(program, "doctor", **changes)
    assert (words.returncode, words.stderr) == (code, ""), words
    told = [
        line.removeprefix("problem: ")
        for line in words.stdout.splitlines()
        if line.startswith("problem: ")
    ]
    assert told == [finding["message"] for finding in answer["findings"]]
    cures = [
        line.removeprefix("   mend: ")
        for line in words.stdout.splitlines()
        if line.startswith("   mend: ")
    ]
    assert cures == [finding["command"] for finding in answer["findings"]]
    assert all(line.isprintable() for line in words.stdout.splitlines())
    return answer


def finding(answer: dict[str, Any], expected: str) -> dict[str, Any]:
    """The one finding, which is this one."""
    assert [found["id"] for found in answer["findings"]] == [expected], answer["findings"]
    return dict(answer["findings"][0])


def mend(machine: Machine, environment: Environment, command: str) -> None:
    """Type the command that the doctor prints."""
    path = f"{environment.prefix / 'bin'}:/usr/bin:/bin"
    ended = machine.run("/bin/sh", "-c", command, PATH=path)
    assert ended.returncode == 0, ended


@pytest.fixture
def well(machine: Machine, ours: Environment) -> Environment:
    """An environment with ipyrust and its kernelspec."""
    machine.output(ours.launcher, "install", "--sys-prefix")
    return ours


def test_all_well(machine: Machine, well: Environment) -> None:
    answer = examine(machine, well.launcher, code=ExitCode.OK)
    assert answer["findings"] == []
    assert answer["launcher"] == {"version": __version__, "path": str(well.launcher)}
    assert answer["interpreter"] == str(well.python)
    [kernel] = answer["kernels"]
    assert kernel["directory"] == str(well.kernels / "ipyrust")
    assert kernel["interpreter"] == str(well.python)
    [seen] = answer["interpreters"]
    assert (seen["path"], seen["kernel"], seen["core"]) == (
        str(well.python),
        __version__,
        __version__,
    )
    assert seen["libzmq"].startswith("4.")
    assert machine.output(well.launcher, "doctor").endswith("\nall well\n")


def test_the_wheels_kernelspec_is_well(machine: Machine, ours: Environment) -> None:
    add(ours.kernels, "ipyrust", "python", "-m", "ipyrust", "-f", "{connection_file}")
    path = ours.kernels / "ipyrust" / "kernel.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "kernel_protocol_version": "5.5"}))
    assert examine(machine, ours.launcher, code=ExitCode.OK)["kernels"][0]["interpreter"] == str(
        ours.python
    )


def test_no_kernel_is_listed(machine: Machine, ours: Environment) -> None:
    found = finding(examine(machine, ours.launcher), "not-installed")
    mend(machine, ours, found["command"])
    examine(machine, ours.launcher, code=ExitCode.OK)


def test_an_interpreter_is_gone(machine: Machine, well: Environment, make: MakeEnvironment) -> None:
    other = make("other").add_ipyrust()
    machine.output(other.launcher, "install", "--name", "old")
    shutil.rmtree(other.prefix)
    found = finding(examine(machine, well.launcher), "interpreter-gone")
    assert found["kernel"] == "old"
    assert f"starts {other.python}, which does not exist" in found["message"]
    assert found["command"] == "ipyrust remove --user --name old"
    mend(machine, well, found["command"])
    examine(machine, well.launcher, code=ExitCode.OK)


def test_the_base_of_an_environment_is_gone(
    machine: Machine, well: Environment, make: MakeEnvironment
) -> None:
    other = make("other")
    add(
        machine.user_kernels,
        "dangling",
        str(other.python),
        "-m",
        "ipyrust",
        "-f",
        "{connection_file}",
    )
    other.python.unlink()
    other.python.symlink_to("/gone/python3.11")
    found = finding(examine(machine, well.launcher), "interpreter-gone")
    assert "which is a link to /gone/python3.11, which is not there" in found["message"]


def test_two_environments_with_one_name(
    machine: Machine, well: Environment, make: MakeEnvironment
) -> None:
    other = make("other").add_ipyrust()
    variable = ["--env", "A", "b c", "--display-name", "It's other", "--profile", "p"]
    machine.output(other.launcher, "install", *variable)
    found = finding(examine(machine, well.launcher), "hidden")
    assert found["message"] == (
        f"kernel 'ipyrust' in {machine.user_kernels / 'ipyrust'}, which starts {other.python}, is hidden by the one "
        f"in {well.kernels / 'ipyrust'}, which starts {well.python}"
    )
    mend(machine, well, found["command"])
    mended = json.loads((machine.user_kernels / "ipyrust-2" / "kernel.json").read_text())
    hidden = json.loads((machine.user_kernels / "ipyrust" / "kernel.json").read_text())
    assert mended == hidden
    assert mended["env"] == {"A": "b c"}


def test_one_environment_twice_is_well(machine: Machine, well: Environment) -> None:
    machine.output(well.launcher, "install", "--user")
    assert len(examine(machine, well.launcher, code=ExitCode.OK)["kernels"]) == 2


def test_ipyrust_was_removed_from_an_interpreter(
    machine: Machine, well: Environment, bare: Environment
) -> None:
    add(machine.user_kernels, "bare", str(bare.python), "-m", "ipyrust", "-f", "{connection_file}")
    write_protocol(machine.user_kernels / "bare")
    found = finding(examine(machine, well.launcher), "not-importable")
    assert f"{bare.python} (Python " in found["message"]
    assert "No module named 'ipyrust'" in found["message"]
    assert found["command"] == f"{bare.python} -m pip install ipyrust-kernel"


def test_the_variables_of_a_kernelspec_count(
    machine: Machine, well: Environment, bare: Environment
) -> None:
    directory = add(
        machine.user_kernels, "path", str(bare.python), "-m", "ipyrust", "{connection_file}"
    )
    write_protocol(directory)
    assert finding(examine(machine, well.launcher), "not-importable")
    content = json.loads((directory / "kernel.json").read_text())
    paths = [line for file in well.site.glob("*.pth") for line in file.read_text().splitlines()]
    content["env"] = {"PYTHONPATH": ":".join(paths), "A": "${B}", "": "x", "C": 1}
    (directory / "kernel.json").write_text(json.dumps(content))
    examine(machine, well.launcher, code=ExitCode.OK)


def test_a_half_installed_engine(machine: Machine, make: MakeEnvironment) -> None:
    half = make("half")
    half.copy_kernel()
    half.copy_core(native=False)
    half.add_dependencies()
    machine.output(half.launcher, "install", "--sys-prefix")
    found = finding(examine(machine, half.launcher), "core-broken")
    assert "No module named 'ipyrust_core._native'" in found["message"]
    assert found["command"] == (
        f"{half.python} -m pip install --force-reinstall --no-deps ipyrust-core=={__version__}"
    )


def test_kernel_and_engine_of_different_versions(machine: Machine, make: MakeEnvironment) -> None:
    mixed = make("mixed")
    mixed.copy_kernel("99.0")
    mixed.add_ipyrust()
    machine.output(mixed.launcher, "install", "--sys-prefix")
    found = finding(examine(machine, mixed.launcher), "version-mismatch")
    assert found["message"] == (
        f"{mixed.python} has ipyrust-kernel 99.0, but ipyrust-core {__version__} and "
        f"ipyrust-launcher {__version__}"
    )
    assert "ipyrust-kernel==99.0 ipyrust-core==99.0 ipyrust-launcher==99.0" in found["command"]


def test_a_launcher_of_another_version(machine: Machine, well: Environment) -> None:
    well.add_distribution("ipyrust-launcher", "98.0")
    found = finding(examine(machine, well.launcher), "version-mismatch")
    assert found["message"].endswith(f"has ipyrust-kernel {__version__}, but ipyrust-launcher 98.0")


def test_what_the_kernel_needs_is_missing(machine: Machine, make: MakeEnvironment) -> None:
    lacking = make("lacking")
    lacking.copy_kernel()
    lacking.copy_core(native=True)
    machine.output(lacking.launcher, "install", "--sys-prefix")
    found = finding(examine(machine, lacking.launcher), "missing-dependency")
    assert found["message"].endswith("needs: IPython, comm, matplotlib_inline, traitlets")


def test_the_unrelated_distribution_over_ours(
    machine: Machine, well: Environment, make: MakeEnvironment
) -> None:
    other = make("other").add_ipyrust()
    other.copy_kernel()
    machine.output(other.launcher, "install", "--name", "other")
    other.add_unrelated_ipyrust()
    found = finding(examine(machine, well.launcher), "shadowed")
    assert f"{other.python} has the distribution `ipyrust` 0.0.1" in found["message"]
    assert found["command"] == (
        f"{other.python} -m pip uninstall --yes ipyrust && "
        f"{other.python} -m pip install --force-reinstall --no-deps ipyrust-kernel"
    )


def test_an_unrelated_module_without_metadata(
    machine: Machine, well: Environment, make: MakeEnvironment
) -> None:
    other = make("other").add_ipyrust()
    machine.output(other.launcher, "install", "--name", "other")
    (other.site / "ipyrust").mkdir()
    (other.site / "ipyrust" / "__init__.py").write_text("")
    found = finding(examine(machine, well.launcher), "shadowed")
    assert (
        f"imports an unrelated module `ipyrust` from {other.site}/ipyrust/__init__.py"
        in found["message"]
    )
    mv = found["command"].partition(" && ")[0]
    mend(machine, well, mv)
    examine(machine, well.launcher, code=ExitCode.OK)


def test_its_own_environment_is_shadowed(machine: Machine, well: Environment) -> None:
    well.add_unrelated_ipyrust()
    answer = examine(machine, well.launcher, PATH=None)
    assert {found["id"] for found in answer["findings"]} == {"no-interpreter", "shadowed"}


def test_a_stale_kernelspec(machine: Machine, well: Environment) -> None:
    command = [str(well.python), "-m", "ipyrust", "-f", "{connection_file}", "--profile", "p q"]
    add(machine.user_kernels, "old", *command)
    found = finding(examine(machine, well.launcher), "stale-kernelspec")
    assert "its kernel_protocol_version is not 5.5" in found["message"]
    mend(machine, well, found["command"])
    examine(machine, well.launcher, code=ExitCode.OK)
    spec = json.loads((machine.user_kernels / "old" / "kernel.json").read_text())
    assert spec["argv"][-2:] == ["--profile", "p q"]


def test_a_torn_kernelspec(machine: Machine, well: Environment) -> None:
    (add(machine.user_kernels, "ipyrust-ml", "x") / "kernel.json").write_text('{"argv": [')
    (add(machine.user_kernels, "of-others", "x") / "kernel.json").write_text('{"argv": [')
    found = finding(examine(machine, well.launcher), "torn-kernelspec")
    assert found["kernel"] == "ipyrust-ml"
    mend(machine, well, found["command"])
    examine(machine, well.launcher, code=ExitCode.OK)


@pytest.mark.parametrize("name", ["VIRTUAL_ENV", "CONDA_PREFIX"])
@pytest.mark.parametrize("value", ["/gone", "", b"/\xff\n"], ids=["gone", "empty", "bytes"])
def test_a_stale_variable(
    machine: Machine, well: Environment, name: str, value: str | bytes
) -> None:
    found = finding(examine(machine, well.launcher, **{name: value}), "variable")
    assert found["message"].startswith(name)
    assert found["command"] == f"unset {name}"


def test_an_interpreter_that_was_named_does_not_work(machine: Machine, well: Environment) -> None:
    found = finding(examine(machine, well.launcher, IPYRUST_PYTHON="/gone"), "no-interpreter")
    assert found["message"] == "IPYRUST_PYTHON='/gone' does not exist"
    assert found["command"] == "unset IPYRUST_PYTHON"


def test_no_interpreter_at_all(machine: Machine, bare: Environment) -> None:
    found = finding(examine(machine, bare.launcher, PATH=None), "no-interpreter")
    assert found["command"] == f"{bare.python} -m pip install ipyrust-kernel"


def test_the_users_kernels_cannot_be_written(machine: Machine, well: Environment) -> None:
    (machine.home / "data").write_text("a file")
    found = finding(examine(machine, well.launcher), "not-writable")
    assert (
        f"go to {machine.user_kernels}, but {machine.home / 'data'} is not a directory"
        in found["message"]
    )
    mend(machine, well, found["command"])


def test_an_interpreter_that_talks_nonsense_or_fails(
    machine: Machine, well: Environment, tmp_path: Path
) -> None:
    for name, script in [("says", "echo nonsense; echo 'so\x1b[2J' >&2"), ("fails", "exit 3")]:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        add(machine.user_kernels, name, str(program), "-m", "ipyrust", "-f", "{connection_file}")
        write_protocol(machine.user_kernels / name)
    answer = examine(machine, well.launcher)
    assert [(found["id"], found["message"]) for found in answer["findings"]] == [
        ("interpreter-broken", f"{tmp_path / 'fails'} does not run: it says nothing"),
        ("interpreter-broken", f"{tmp_path / 'says'} does not run: so\\u{{1b}}[2J"),
    ]


def test_it_changes_nothing(machine: Machine, well: Environment) -> None:
    before = tree(machine.home), tree(well.prefix)
    machine.run(well.launcher, "doctor")
    assert (tree(machine.home), tree(well.prefix)) == before


def write_protocol(directory: Path) -> None:
    """Bring a kernelspec up to date, so that its interpreter is all that is wrong."""
    path = directory / "kernel.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "kernel_protocol_version": "5.5"}))
