"""`pixi.toml` as pixi reads it: valid, every environment solves, and every task starts in its environment.

There is no pixi here. The schema is pixi's own, the solver and installer are the libraries that pixi is made of, and
`./run --prefix` runs the command lines.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rattler.exceptions import SolverError
from support import OUTPUT, pythons

from conda_channel.places import CHANNEL, RECORDS, ROOT
from conda_channel.prefixes import Prefix, solve_specs
from task_runner.manifest import Manifest, Task, read_manifest

pytestmark = pytest.mark.timeout(1800)  # the first test waits for the build
SCHEMA = Path(__file__).parent / "schemas" / "pixi.schema.json"
OURS = read_manifest()
QUICK = {
    "demo": [],
    "console": ["--help"],
    "lab": ["--version"],
    "bench": ["--help"],
    "_ruff-format": [],
    "_rustfmt": [],
    "_wheel-kernel": [],
}
"""Tasks that are run to their end, with arguments that keep them short."""


def manifest() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pixi.toml").read_text(encoding="utf-8"))


def schema() -> Any:
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def specs_of(environment: str, ours: Manifest = OURS) -> list[str]:
    """The conda dependencies of an environment, of all its features together."""
    return [
        f"{name} {'' if spec == '*' else spec}".strip()
        for feature in ours.environments[environment]
        for name, spec in ours.features[feature].get("dependencies", {}).items()
    ]


def test_the_manifest_is_valid() -> None:
    jsonschema.validate(manifest(), schema())


def test_the_schema_refuses_a_misspelt_key() -> None:
    content = manifest()
    content["workspace"]["chanels"] = content["workspace"].pop("channels")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema())


def test_it_names_the_platforms_that_the_recipe_is_for() -> None:
    assert set(manifest()["workspace"]["platforms"]) == {
        "linux-64",
        "linux-aarch64",
        "osx-64",
        "osx-arm64",
    }


@pytest.mark.parametrize("environment", OURS.environments)
def test_every_environment_solves(environment: str) -> None:
    """Python 3.14 is solved with metadata alone where the machine has no such interpreter."""
    version = OURS.python(environment)
    channels = [CHANNEL] if version in (None, pythons()[0]) else [CHANNEL, RECORDS]
    records = solve_specs(specs_of(environment), channels)
    python = next(record for record in records if record.name.normalized == "python")
    if version is not None:
        assert str(python.version).startswith(version + ".")
        assert ("standin" in str(python.build)) == (version in pythons())
    only_metadata = sorted(
        record.name.normalized for record in records if "records" in str(record.build)
    )
    print(f"{environment}: {len(records)} packages, of which metadata only: {only_metadata}")


def test_an_environment_that_cannot_be_is_refused() -> None:
    with pytest.raises(SolverError, match="ipython"):
        solve_specs([*specs_of("default"), "ipython <8"], [CHANNEL, RECORDS])


@pytest.fixture(scope="module")
def prefix_of(packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Environments of the manifest as pixi would install them; our packages replace the task `install`."""
    made: dict[str, Prefix] = {}

    def make(environment: str) -> Prefix:
        if environment not in made:
            prefix = Prefix(tmp_path_factory.mktemp("environments") / environment)
            specs = [*specs_of(environment), "ipyrust", f"python {pythons()[0]}.*"]
            prefix.install(specs, [OUTPUT, CHANNEL])
            made[environment] = prefix
        return made[environment]

    return make


def task_commands() -> list[tuple[str, Task]]:
    """Every task with a command line, and the environment that it runs in."""
    found: dict[str, tuple[str, Task]] = {}
    for environment in OURS.environments:
        for feature in OURS.environments[environment]:
            for name, task in OURS.tasks[feature].items():
                if task.cmd:
                    found.setdefault(name, (task.default_environment or environment, task))
    return list(found.values())


@pytest.mark.parametrize(
    ("environment", "task"), [pytest.param(*item, id=item[1].name) for item in task_commands()]
)
def test_the_program_of_every_task_is_in_its_environment(
    environment: str, task: Task, prefix_of: Any
) -> None:
    program = shlex.split(task.cmd)[0]
    bin_folder = prefix_of(environment).path / "bin"
    assert shutil.which(program, path=str(bin_folder)) is not None


@pytest.mark.parametrize("name", QUICK)
def test_quick_tasks_run_in_their_environment(name: str, prefix_of: Any, tmp_path: Path) -> None:
    environment, _ = next(item for item in task_commands() if item[1].name == name)
    run_task(prefix_of(environment).path, environment, name, *QUICK[name])


def run_task(prefix: Path, environment: str, name: str, *arguments: str) -> str:
    command = [sys.executable, ROOT / "run", "--prefix", prefix, "--skip-deps", "-e", environment]
    done = subprocess.run(
        [*command, name, *arguments],
        env=without_python_path(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def without_python_path() -> dict[str, str]:
    """This process's environment; the packages under test are those of the prefix."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def test_the_kernel_task_serves_a_client(prefix_of: Any, tmp_path: Path) -> None:
    """`kernel` prints how to attach, answers, and ends when it is told to."""
    prefix: Prefix = prefix_of("default")
    command = [sys.executable, str(ROOT / "run"), "--prefix", str(prefix.path), "--skip-deps"]
    client = prefix_of("lab")
    script = tmp_path / "client.py"
    script.write_text(ATTACH, encoding="utf-8")
    done = subprocess.run(
        [client.program("python"), script, json.dumps([*command, "kernel"])],
        env=without_python_path(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout == f"{prefix.path}\n"


ATTACH = """
import json, re, subprocess, sys
from jupyter_client import find_connection_file
from jupyter_client.blocking.client import BlockingKernelClient

def show(message):
    print(message["content"].get("text", ""), end="")

kernel = subprocess.Popen(json.loads(sys.argv[1]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
client = BlockingKernelClient()
try:
    names = (re.search(r"kernel-\\S+?\\.json", line) for line in kernel.stdout)
    name = next((found[0] for found in names if found), None)
    if name is None:
        sys.exit("the kernel named no connection file")
    client.load_connection_file(find_connection_file(name))
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.execute_interactive("import sys; print(sys.prefix)", timeout=60, output_hook=show)
    client.shutdown(reply=True, timeout=60)
    sys.exit(kernel.wait(timeout=60))
finally:
    client.stop_channels()
    kernel.kill()
"""
