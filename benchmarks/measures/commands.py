"""A command that only prints: the native one, and the module that it stands for. Spawn until exit.

The system takes its time to start and end any program, more than a hundredth of what an interpreter takes. So what the
two commands add to that is set against each other, with `true` as the program that does nothing. Kernels without a
native command have no figure.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.errors import UnavailableError
from benchmarks.kernels import IPYRUST
from benchmarks.launcher import Launcher
from benchmarks.measure import Effort, Figures, Measure, Row, p50

SAMPLES_PER_START = 10
"""The native command is short: its median needs more samples than a start of an interpreter."""

VERSION = Row("command_version", "`ipyrust --version`", "ms", floor="true")
HELP = Row("command_help", "`ipyrust --help`", "ms", floor="true")
MODULE = Row("module_version", "`python -m ipyrust --version`", "ms", floor="python")
VERSION_ADDED = Row("command_version_added", "`ipyrust --version`, less `true`", "ms")
HELP_ADDED = Row("command_help_added", "`ipyrust --help`, less `true`", "ms")
MODULE_ADDED = Row("module_version_added", "`python -m ipyrust --version`, less `true`", "ms")
ADDED = {VERSION: VERSION_ADDED, HELP: HELP_ADDED, MODULE: MODULE_ADDED}


def version(launcher: Launcher, effort: Effort) -> Figures:
    """All commands take turns, so that noise meets them all."""
    if launcher.name != IPYRUST.name:
        raise UnavailableError("no native command")
    python = launcher.argv[0]
    native = str(Path(python).with_name("ipyrust"))
    if not os.access(native, os.X_OK):
        raise UnavailableError("the native command is not installed")
    nothing: list[float] = []
    samples: dict[Row, list[float]] = {row: [] for row in ADDED}
    for _ in range(effort.starts):
        for _ in range(SAMPLES_PER_START):
            nothing.append(spawned([path_of_true()], launcher.env))
            samples[VERSION].append(spawned([native, "--version"], launcher.env))
            samples[HELP].append(spawned([native, "--help"], launcher.env))
        command = [python, "-m", "ipyrust", "--version"]
        samples[MODULE].append(spawned(command, launcher.env))
    figures = {row.name: p50(found) for row, found in samples.items()}
    least = p50(nothing)
    added = {ADDED[row].name: max(figures[row.name] - least, 0.0) for row in ADDED}
    return {**figures, **added}


def path_of_true() -> str:
    """The program that does nothing."""
    program = shutil.which("true")
    if program is None:
        raise UnavailableError("there is no `true`")
    return program


def spawned(argv: list[str], env: Mapping[str, str]) -> float:
    """Milliseconds from spawn to exit, output thrown away."""
    null = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    started = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=[null])
    _, status = os.waitpid(pid, 0)
    elapsed = (time.perf_counter() - started) * 1e3
    if status != 0:
        raise UnavailableError(
            f"{Path(argv[0]).name} ends with {os.waitstatus_to_exitcode(status)}"
        )
    return elapsed


MEASURES = (Measure("command_version", (*ADDED, *ADDED.values()), version),)
