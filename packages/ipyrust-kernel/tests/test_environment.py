"""What the kernel changes in its environment variables, with environments made of empty files."""

from __future__ import annotations

import os
import timeit
from pathlib import Path

import pytest

from ipyrust.environment import KEEP, conda_name, enter_own_environment, first_python


@pytest.fixture
def make(tmp_path: Path):
    """Make an environment with programs in it; returns its prefix."""

    def make_environment(name: str, *programs: str, conda: bool = False) -> Path:
        prefix = tmp_path / name
        (prefix / "bin").mkdir(parents=True)
        if conda:
            (prefix / "conda-meta").mkdir()
        for program in programs or ("python", "pip"):
            (prefix / "bin" / program).touch(mode=0o755)
        return prefix

    return make_environment


def entered(prefix: Path, *, base: Path | None = None, **environ: str) -> dict[str, str]:
    """The variables after the kernel of `prefix` has started; without `base` it is no virtual environment."""
    enter_own_environment(
        environ,
        executable=str(prefix / "bin" / "python"),
        prefix=str(prefix),
        base_prefix=str(base or prefix),
    )
    return environ


def path(*prefixes: Path) -> str:
    return os.pathsep.join(str(prefix / "bin") for prefix in prefixes)


def test_the_own_programs_come_first(make) -> None:
    own, other = make("own"), make("other")
    assert entered(own, PATH=path(other))["PATH"] == path(own, other)


def test_a_path_that_is_right_stays_as_it_is(make) -> None:
    tools, own, other = make("tools", "git"), make("own"), make("other")
    right = path(tools, own, other)
    assert entered(own, PATH=right)["PATH"] == right


def test_own_programs_behind_others_are_not_enough(make) -> None:
    own, other = make("own"), make("other", "pip")
    assert entered(own, PATH=path(other, own))["PATH"] == path(own, other, own)


def test_without_a_path_there_is_one(make) -> None:
    own = make("own")
    assert entered(own)["PATH"].split(os.pathsep)[0] == str(own / "bin")


def test_a_virtual_environment_is_named(make) -> None:
    own, base = make("own"), make("base")
    assert entered(own, base=base, PATH="")["VIRTUAL_ENV"] == str(own)


def test_another_virtual_environment_is_replaced(make) -> None:
    own, base = make("own"), make("base")
    environ = entered(
        own, base=base, PATH="", VIRTUAL_ENV="/other", VIRTUAL_ENV_PROMPT="(other)", PYTHONHOME="/x"
    )
    assert environ["VIRTUAL_ENV"] == str(own)
    assert not {"VIRTUAL_ENV_PROMPT", "PYTHONHOME"} & set(environ)


def test_an_active_virtual_environment_that_is_not_ours_is_left(make) -> None:
    assert "VIRTUAL_ENV" not in entered(make("own"), PATH="", VIRTUAL_ENV="/other")


def test_a_conda_environment_is_named(make) -> None:
    own = make("envs/own", conda=True)
    environ = entered(own, PATH="", CONDA_PREFIX="/other", CONDA_DEFAULT_ENV="base")
    assert (environ["CONDA_PREFIX"], environ["CONDA_DEFAULT_ENV"]) == (str(own), "own")


def test_an_active_conda_environment_keeps_its_name(make) -> None:
    own = make("own", conda=True)
    environ = entered(own, PATH="", CONDA_PREFIX=str(own), CONDA_DEFAULT_ENV="mine")
    assert environ["CONDA_DEFAULT_ENV"] == "mine"


def test_a_virtual_environment_on_conda_leaves_condas_variables(make) -> None:
    own, base = make("own"), make("base", conda=True)
    environ = entered(own, base=base, PATH="", CONDA_PREFIX=str(base))
    assert (environ["VIRTUAL_ENV"], environ["CONDA_PREFIX"]) == (str(own), str(base))


def test_conda_names(make, tmp_path: Path) -> None:
    assert conda_name("/opt/conda/envs/science") == "science"
    (tmp_path / "condabin").mkdir()
    assert conda_name(str(tmp_path)) == "base"
    assert conda_name("/srv/project/.env") == "/srv/project/.env"


def test_the_opt_out(make) -> None:
    environ = {"PATH": "/nowhere", "VIRTUAL_ENV": "/other", KEEP: "1"}
    assert entered(make("own"), base=make("base"), **environ) == environ


def test_an_interpreter_without_a_path_changes_nothing() -> None:
    environ = {"PATH": "/nowhere"}
    enter_own_environment(environ, executable="", prefix="/p", base_prefix="/b")
    assert environ == {"PATH": "/nowhere"}


def test_folders_that_are_not_there_are_passed_over(make) -> None:
    own = make("own")
    assert first_python(os.pathsep.join(["", "/no/such/folder", str(own / "bin")])) == str(
        own / "bin"
    )


def test_it_costs_next_to_nothing(make) -> None:
    own, base = make("own"), make("base")
    best = min(timeit.repeat(lambda: entered(own, base=base, PATH=path(base)), number=1, repeat=50))
    assert best < 0.0002
