"""Virtual environments that stand in for pixi's.

There is one under `.cache/run/` for each environment of the manifest and Python version. It is left alone while its
dependency list is unchanged, grows when the list grows, and is made anew when anything else changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from task_runner.files import locked, read_json, remove, write_json
from task_runner.manifest import Manifest
from task_runner.project import CACHE, ROOT, RunError, say


class Environments:
    """The virtual environments under `.cache/run/`: one for each environment of the manifest and Python version."""

    def __init__(self, manifest: Manifest, python: str, version: str) -> None:
        self.manifest = manifest
        self.python = python
        self.version = version

    def prefix(self, environment: str) -> str:
        """Directory of the virtual environment."""
        return os.path.join(CACHE, f"{environment}-py{self.version}")

    def variables(self, environment: str) -> dict[str, str]:
        """The process environment of a command: as after `activate`."""
        prefix = self.prefix(environment)
        hidden = {"PYTHONHOME", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "__PYVENV_LAUNCHER__"}
        variables = {name: value for name, value in os.environ.items() if name not in hidden}
        variables["VIRTUAL_ENV"] = prefix
        variables["PATH"] = (
            os.path.join(prefix, "bin") + os.pathsep + os.environ.get("PATH", os.defpath)
        )
        variables.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        variables.update(self.manifest.activation(environment))
        return variables

    def prepare(self, environment: str) -> None:
        """Make the virtual environment, or bring it up to date; nothing to do is the usual case."""
        prefix = self.prefix(environment)
        stamp = os.path.join(prefix, "run-stamp.json")
        requirements = self.manifest.requirements(environment)
        wanted = {
            "root": ROOT,
            "python": [self.version, os.path.realpath(self.python)],
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
        say(
            f"making the virtual environment {os.path.relpath(prefix, ROOT)} (Python {self.version})"
        )
        shutil.rmtree(prefix, ignore_errors=True)
        os.makedirs(CACHE, exist_ok=True)
        made = subprocess.run(
            [self.python, "-m", "venv", prefix],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            reason = (made.stdout + made.stderr).strip()
            if "ensurepip" in reason:
                reason = f"Python {self.version} has no ensurepip; on Debian and Ubuntu install python3-venv"
            raise RunError(f"cannot make a virtual environment with {self.python}: {reason}", 1)

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
