"""`./run`: on small projects with a `pixi.toml` of their own, and on ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tools"))

from task_runner.manifest import Manifest, read_manifest, version_specifier  # noqa: E402

RUN = ROOT / "run"
MANIFEST = """
[workspace]
channels = []

[activation.env]
FROM_MANIFEST = "yes"

[dependencies]
python = ">=3.11"

[tasks.show]
description = "Show arguments"
cmd = "python -c 'import sys; print(sys.argv[1:], sys.prefix != sys.base_prefix)'"

[tasks.where]
cmd = "python -c 'import os; print(os.getcwd(), os.environ[\\"A\\"], os.environ[\\"FROM_MANIFEST\\"])'"
cwd = "sub"
env = { A = "1" }

[tasks.fail]
cmd = "python -c 'raise SystemExit(7)'"

[tasks.after-failure]
cmd = "python -c 'print(1)'"
depends-on = ["fail"]

[tasks._made]
description = "Making"
cmd = "python make.py"
inputs = ["in/**/*.txt"]
outputs = ["out.txt"]

[tasks.use]
cmd = "python -c 'print(\\"used\\")'"
depends-on = ["_made"]

[tasks.group]
depends-on = ["show", "use"]

[tasks.piped]
cmd = "echo a b | tr a-z A-Z; echo"

[tasks.circle]
depends-on = ["circle2"]

[tasks.circle2]
depends-on = ["circle"]

[tasks.build]
cmd = "cargo --version"

[feature.more.tasks.elsewhere]
cmd = "python -c 'import sys; print(sys.prefix)'"

[environments]
other = ["more"]
"""
MAKE = """
import pathlib
out = pathlib.Path("out.txt")
out.write_text("".join(sorted(path.read_text() for path in pathlib.Path("in").iterdir())))
with open("times.txt", "a") as times:
    times.write("x")
"""


def make_project(directory: Path, manifest: str = MANIFEST) -> Path:
    """A project with the runner and a manifest."""
    directory.mkdir(exist_ok=True)
    (directory / "run").write_bytes(RUN.read_bytes())
    shutil.copytree(ROOT / "tools" / "task_runner", directory / "tools" / "task_runner")
    (directory / "pixi.toml").write_text(manifest)
    (directory / "make.py").write_text(MAKE)
    (directory / "sub").mkdir()
    (directory / "in").mkdir()
    (directory / "in" / "a.txt").write_text("a")
    return directory


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"))


def start(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `./run --no-pixi …` of the project from another directory."""
    return subprocess.run(
        [sys.executable, project / "run", *arguments],
        cwd="/",
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def run(project: Path, *arguments: str) -> str:
    """Run a task that succeeds; returns what it printed."""
    ended = start(project, "--no-pixi", *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def complaint(project: Path, *arguments: str, code: int = 2, **environment: str) -> str:
    """Run a task that fails with one line; returns the line."""
    ended = start(project, "--no-pixi", *arguments, **environment)
    *before, last = ended.stderr.splitlines()
    assert ended.returncode == code, ended.stderr
    assert all(line.startswith("run: ") for line in [*before, last]), ended.stderr
    return last.removeprefix("run: ")


@pytest.fixture(scope="module")
def ours() -> Manifest:
    """Our own manifest as the runner sees it."""
    return read_manifest()


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_it_lists_the_tasks(project: Path, arguments: list[str]) -> None:
    text = run(project, *arguments)
    assert re.search(r"^  show +Show arguments$", text, re.MULTILINE)
    assert "_made" not in text


def test_arguments_are_passed_on(project: Path) -> None:
    assert run(project, "show", "-k", "a b", "--help") == "['-k', 'a b', '--help'] True\n"


def test_directory_and_variables(project: Path) -> None:
    assert run(project, "where") == f"{os.path.realpath(project / 'sub')} 1 yes\n"


def test_a_shell_runs_what_needs_one(project: Path) -> None:
    assert run(project, "piped", "c d") == "A B\nc d\n"


def test_the_exit_code_is_the_tasks(project: Path) -> None:
    assert start(project, "--no-pixi", "fail").returncode == 7


def test_a_failing_dependency_ends_it(project: Path) -> None:
    text = complaint(project, "after-failure", code=7)
    assert text.startswith("task 'fail' failed (exit code 7)")


def test_a_group_runs_all(project: Path) -> None:
    assert run(project, "group").splitlines() == ["[] True", "used"]
    assert "takes no arguments" in complaint(project, "group", "x")


def test_a_task_with_inputs_runs_when_they_change(project: Path) -> None:
    def times() -> int:
        run(project, "use")
        return len((project / "times.txt").read_text())

    first = times()
    assert times() == first
    (project / "in" / "b.txt").write_text("b")
    assert times() == first + 1
    os.utime(project / "in" / "b.txt", (1, 1))
    assert times() == first + 1
    (project / "out.txt").unlink()
    assert times() == first + 2
    (project / "out.txt").write_text("somebody else's")
    assert times() == first + 3
    assert times() == first + 3


def test_a_task_that_failed_runs_again(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / "make.py").write_text("raise SystemExit(3)")
    assert "'_made' failed (exit code 3)" in complaint(project, "use", code=3)
    assert "'_made' failed (exit code 3)" in complaint(project, "use", code=3)
    (project / "make.py").write_text("")
    assert "did not make out.txt" in complaint(project, "use", code=1)


def test_an_environment_of_its_own(project: Path) -> None:
    assert Path(run(project, "elsewhere").strip()).name.startswith("other-py")
    assert "'default' has no task 'elsewhere'" in complaint(project, "-e", "default", "elsewhere")
    assert "there are: default, other" in complaint(project, "-e", "nope", "show")


def test_a_known_environment_is_not_touched(project: Path) -> None:
    run(project, "show")
    ended = start(project, "--no-pixi", "show")
    assert ended.stderr == ""


def test_unknown_tasks_and_options(project: Path) -> None:
    assert "no task 'shwo'; did you mean 'show'?" in complaint(project, "shwo")
    assert "no task 'xyzzy'; there are: show, where" in complaint(project, "xyzzy")
    assert "unknown option '--fast'" in complaint(project, "--fast", "show")
    assert "--python needs a value" in complaint(project, "--python")


def test_circles(project: Path) -> None:
    assert "circle → circle2 → circle" in complaint(project, "circle")


def test_pixi_takes_over_where_it_is_installed(project: Path, tmp_path: Path) -> None:
    pixi = tmp_path / "pixi"
    pixi.write_text('#!/bin/sh\necho pixi "$@" in "$(pwd -P)"\n')
    pixi.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    where = os.path.realpath(project)
    assert start(project, "show", "-k", "x", PATH=path).stdout == f"pixi run show -k x in {where}\n"
    ended = start(project, "-e", "other", "show", PATH=path)
    assert ended.stdout == f"pixi run -e other show in {where}\n"
    assert "pixi" not in start(project, "--no-pixi", "show", PATH=path).stdout


def test_choosing_the_interpreter(project: Path, tmp_path: Path) -> None:
    assert run(project, "--python", sys.executable, "show") == "[] True\n"
    assert "no such program" in complaint(project, "--python", "/missing/python", "show")
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexit 127\n")
    fake.chmod(0o755)
    assert "does not start as a Python" in complaint(project, "--python", str(fake), "show")
    fake.write_text("#!/bin/sh\necho 3 10\n")
    assert "Python 3.10 is too old; 3.11 or newer" in complaint(
        project, "--python", str(fake), "show"
    )


def test_an_environment_for_one_python_gets_that_one(tmp_path: Path) -> None:
    own = "{}.{}".format(*sys.version_info[:2])
    manifest = (
        MANIFEST
        + f"""
pinned = ["pinned"]
absent = ["absent"]

[feature.pinned.dependencies]
python = "{own}.*"

[feature.absent.dependencies]
python = "3.99.*"
"""
    )
    project = make_project(tmp_path / "project", manifest)
    assert run(project, "-e", "pinned", "show") == "[] True\n"
    assert (project / f".cache/run/pinned-py{own}").is_dir()
    line = complaint(project, "-e", "absent", "show")
    assert "no Python 3.99 on PATH or in pyenv's folder: install it" in line


def test_an_existing_environment_is_used_as_it_is(project: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    before = sorted(prefix.rglob("*"))
    assert run(project, "--prefix", str(prefix), "elsewhere") == f"{prefix}\n"
    assert sorted(prefix.rglob("*")) == before
    assert "it has no bin/python" in complaint(project, "--prefix", str(tmp_path), "show")
    assert "--prefix needs a value" in complaint(project, "--prefix")


def test_a_task_without_what_it_depends_on(project: Path, tmp_path: Path) -> None:
    assert run(project, "--skip-deps", "after-failure") == "1\n"
    pixi = tmp_path / "pixi"
    pixi.write_text('#!/bin/sh\necho "$@"\n')
    pixi.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert start(project, "--skip-deps", "show", PATH=path).stdout == "run --skip-deps show\n"


def test_an_old_python_is_told_so(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    script = (project / "run").read_text()
    (project / "run").write_text(
        script.replace("OLDEST_PYTHON = (3, 11)", "OLDEST_PYTHON = (3, 99)")
    )
    text = complaint(project, "show", code=1, PATH=str(tmp_path))
    assert "is too old and PATH has no newer one: install Python >= 3.99" in text


def test_no_rust(project: Path, tmp_path: Path) -> None:
    text = complaint(project, "build", PATH=str(tmp_path), code=1)
    assert text.startswith("no Rust toolchain (cargo, rustc) on PATH: install it from")


def fake_toolchain(directory: Path, rust: str, *others: str) -> str:
    for name, text in [
        ("cargo", "cargo"),
        ("rustc", f"rustc {rust} (0 2026)"),
        *((o, o) for o in others),
    ]:
        (directory / name).write_text(f"#!/bin/sh\necho {text!r}\n")
        (directory / name).chmod(0o755)
    return str(directory)


def test_no_cxx_compiler(project: Path, tmp_path: Path) -> None:
    path = fake_toolchain(tmp_path, "1.99.0")
    assert complaint(project, "build", PATH=path, CXX="", code=1).startswith(
        "no C++ compiler on PATH"
    )
    assert complaint(project, "build", PATH=path, CXX="nope -O", code=1).startswith(
        "CXX=nope -O is not"
    )
    path = fake_toolchain(tmp_path, "1.99.0", "c++")
    assert complaint(project, "build", PATH=path, CXX="", code=1).startswith("no `make` on PATH")


def test_old_rust(project: Path, tmp_path: Path) -> None:
    workspace = project / "packages" / "ipyrust-core"
    workspace.mkdir(parents=True)
    (workspace / "Cargo.toml").write_text('[workspace.package]\nrust-version = "1.88"\n')
    path = fake_toolchain(tmp_path, "1.87.1-nightly", "c++", "make")
    text = complaint(project, "build", PATH=path, CXX="", code=1)
    assert text.startswith("Rust 1.87.1-nightly is too old, 1.88 or newer is needed")
    path = fake_toolchain(tmp_path, "1.88.0", "c++", "make")
    assert start(project, "--no-pixi", "build", PATH=path, CXX="").stdout == "cargo\n"


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("[tasks", "is not TOML"),
        ('[tasks.a]\ncmd = "echo {{ x }}"', "takes template arguments, which need pixi"),
        ('[tasks.a]\ndepends-on = ["b"]', "'a' depends on 'b', which 'default' does not have"),
        ('[tasks]\na = "echo"\n[environments]\nx = ["y"]', "names an unknown feature 'y'"),
        (
            '[tasks]\na = "echo"\n[pypi-dependencies]\nb = { git = "c" }',
            "./run cannot install b = {'git': 'c'}",
        ),
    ],
)
def test_manifests_it_cannot_follow(tmp_path: Path, manifest: str, sentence: str) -> None:
    project = make_project(tmp_path / "project", manifest)
    assert sentence in complaint(project, "a")


@pytest.mark.parametrize(
    ("spec", "specifier"),
    [
        ("*", ""),
        (">=8.1,<9", ">=8.1,<9"),
        ("==1", "==1"),
        ("8.*", "==8.*"),
        ({"version": ">=1", "extras": ["a", "b"]}, "[a,b]>=1"),
    ],
)
def test_version_specifiers(spec: str | dict[str, object], specifier: str) -> None:
    assert version_specifier("x", spec) == specifier


def test_every_environment_of_ours_can_be_made(ours: Manifest) -> None:
    for environment in ours.environments:
        requirements = ours.requirements(environment)
        has_ipython = any(line.startswith("ipython>=") for line in requirements)
        assert has_ipython == ("default" in ours.environments[environment])
        names = {re.split(r"[\[<>=!~]", line)[0] for line in requirements}
        assert not names & {"python", "rust", "c-compiler", "cxx-compiler", "matplotlib-base"}


def test_every_task_of_ours_can_be_scheduled(ours: Manifest) -> None:
    for name, task in ours.visible_tasks().items():
        assert task.description, name
        assert ours.schedule(name, ours.choose_environment(name, None))[-1][0] is task


def test_the_readme_names_every_task(ours: Manifest) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    hidden_in_readme = {"install"}
    for name in ours.visible_tasks().keys() - hidden_in_readme:
        assert f"./run {name}" in readme


def test_the_readme_has_every_exit_code() -> None:
    from ipyrust.exit_codes import ExitCode

    rows = re.findall(
        r"^\| (\d+) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [int(row) for row in rows] == list(ExitCode)


def test_the_kernels_dependencies_are_those_of_the_environments(ours: Manifest) -> None:
    project = tomllib.loads((ROOT / "packages/ipyrust-kernel/pyproject.toml").read_text())[
        "project"
    ]
    wanted = {line for line in project["dependencies"] if not line.startswith("ipyrust-")}
    assert wanted <= set(ours.requirements("default"))


def test_one_licence() -> None:
    texts = {path.read_bytes() for path in [ROOT / "LICENSE", *ROOT.glob("packages/*/LICENSE")]}
    assert len(texts) == 1
