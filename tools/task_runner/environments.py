"""Virtual environments that stand in for pixi's, and environments that pixi or conda made.

There is a virtual one under `.cache/run/` for each environment of the manifest and Python version. It is left alone
while its dependency list is unchanged, grows when the list grows, and is made anew when anything else changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from task_runner.files import locked, read_json, remove, write_json
from task_runner.interpreters import find_python
from task_runner.manifest import Manifest
from task_runner.project import CACHE, ROOT, RunError, say


class Environments:
    """The virtual environments under `.cache/run/`: one for each environment of the manifest and Python version."""

    def __init__(self, manifest: Manifest, python: str, version: str) -> None:
        """`python` and its `version` serve every environment for which the manifest names no other."""
        self.manifest = manifest
        self.python = python
        self.version = version

    def interpreter(self, environment: str) -> tuple[str, str]:
        """The interpreter that makes the environment, and its version as "3.11".

        Raises:
            RunError: the manifest wants a version that is not here.
        """
        wanted = self.manifest.python(environment)
        if wanted in (None, self.version):
            return self.python, self.version
        return find_python(wanted), wanted

    def prefix(self, environment: str) -> str:
        """Directory of the virtual environment."""
        version = self.manifest.python(environment) or self.version
        return os.path.join(CACHE, f"{environment}-py{version}")

    def variables(self, environment: str) -> dict[str, str]:
        """The process environment of a command: as after `activate`."""
        prefix = self.prefix(environment)
        variables = activated(prefix, self.manifest.activation(environment))
        variables["VIRTUAL_ENV"] = prefix
        return variables

    def prepare(self, environment: str) -> None:
        """Make the virtual environment, or bring it up to date; nothing to do is the usual case."""
        prefix = self.prefix(environment)
        stamp = os.path.join(prefix, "run-stamp.json")
        requirements = self.manifest.requirements(environment)
        python, version = self.interpreter(environment)
        wanted = {
            "root": ROOT,
            "python": [version, os.path.realpath(python)],
            "requirements": requirements,
        }
        have = read_json(stamp)
        if have == wanted:
            return
        with locked(f"prepares environment {environment!r}"):
            have = read_json(stamp)
            if have == wanted:
                return
            remove(stamp)
            reusable = isinstance(have, dict) and set(have["requirements"]) <= set(requirements)
            if not (reusable and {**have, "requirements": 0} == {**wanted, "requirements": 0}):
                self._create(environment)
            self._install(environment, requirements)
            write_json(stamp, wanted)

    def _create(self, environment: str) -> None:
        prefix = self.prefix(environment)
        python, version = self.interpreter(environment)
        say(f"making the virtual environment {os.path.relpath(prefix, ROOT)} (Python {version})")
        shutil.rmtree(prefix, ignore_errors=True)
        os.makedirs(CACHE, exist_ok=True)
        made = subprocess.run(
            [python, "-m", "venv", prefix],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            reason = (made.stdout + made.stderr).strip()
            if "ensurepip" in reason:
                reason = (
                    f"Python {version} has no ensurepip; on Debian and Ubuntu install python3-venv"
                )
            raise RunError(f"cannot make a virtual environment with {python}: {reason}", 1)

    def _install(self, environment: str, requirements: Sequence[str]) -> None:
        if not requirements:
            return
        say(
            f"environment {environment!r}: installing {len(requirements)} packages and what they need"
        )
        log = os.path.join(self.prefix(environment), "pip.log")
        python = os.path.join(self.prefix(environment), "bin", "python")
        command = [python, "-m", "pip", "install", "--progress-bar", "off", *requirements]
        exit_code = run_pip(command, self.variables(environment), log)
        if exit_code != 0:
            raise RunError(
                f"pip could not install the packages of environment {environment!r}; see {log}", 1
            )


class ExistingPrefix:
    """An environment that somebody else made, conda or pixi, say. It is used as it is; its scripts are not run."""

    def __init__(self, manifest: Manifest, path: str) -> None:
        """`path` serves for every environment of the manifest.

        Raises:
            RunError: there is no Python in it.
        """
        self.manifest = manifest
        self.path = os.path.abspath(path)
        if not os.path.exists(os.path.join(self.path, "bin", "python")):
            raise RunError(f"--prefix {path}: no environment, for it has no bin/python")

    def prefix(self, environment: str) -> str:
        """Its directory."""
        return self.path

    def variables(self, environment: str) -> dict[str, str]:
        """The process environment of a command: as after activation."""
        variables = activated(self.path, self.manifest.activation(environment))
        variables["CONDA_PREFIX"] = self.path
        return variables

    def prepare(self, environment: str) -> None:
        """Nothing is installed."""


def activated(prefix: str, of_manifest: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with the programs of `prefix` first and no other environment in it."""
    hidden = {
        "PYTHONHOME",
        "CONDA_PREFIX",
        "CONDA_DEFAULT_ENV",
        "VIRTUAL_ENV",
        "__PYVENV_LAUNCHER__",
    }
    variables = {name: value for name, value in os.environ.items() if name not in hidden}
    programs = os.path.join(prefix, "bin")
    variables["PATH"] = programs + os.pathsep + os.environ.get("PATH", os.defpath)
    variables.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    variables.update(of_manifest)
    return variables


def run_pip(command: Sequence[str], variables: Mapping[str, str], log: str) -> int:
    """Run pip with its output in `log`; shows one moving line, and the end of the log when it fails."""
    moving = sys.stderr.isatty()
    lines: list[str] = []
    with (
        subprocess.Popen(
            command,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
        open(log, "w", encoding="utf-8") as file,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            file.write(line)
            first = line.split(maxsplit=1)[:1]
            if (
                moving
                and first
                and first[0] in ("Collecting", "Downloading", "Building", "Installing")
            ):
                print(f"\r\033[K  {line.strip()[:100]}", end="", file=sys.stderr, flush=True)
            elif not moving and first and first[0] in ("Installing", "Building"):
                print(f"  {line.strip()[:200]}", file=sys.stderr, flush=True)
    if moving:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    if process.returncode != 0:
        sys.stderr.write("".join(lines[-30:]))
    return process.returncode
