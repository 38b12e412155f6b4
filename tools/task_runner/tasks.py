"""Run a task after what it depends on.

A dependency with `inputs` is skipped while they and its `outputs` are as they were after its last success. The task
that was asked for replaces this process, so that signals and the terminal are its own.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

from task_runner.environments import Environments, ExistingPrefix
from task_runner.files import locked, remove, write_json
from task_runner.fingerprints import fingerprint, is_fresh
from task_runner.machine import check_machine
from task_runner.manifest import Task
from task_runner.project import RunError, say


def run_tasks(
    environments: Environments | ExistingPrefix,
    schedule: list[tuple[Task, str]],
    arguments: Sequence[str],
) -> int:
    """Run all of the schedule; the last entry is the task that was asked for."""
    for _, environment in schedule:
        environments.prepare(environment)
    *dependencies, (asked, environment) = schedule
    for task, where in dependencies:
        exit_code = run_unless_fresh(environments, task, where)
        if exit_code != 0:
            raise RunError(
                f"task {task.name!r} failed (exit code {exit_code}): {task.cmd}", exit_code
            )
    if not asked.cmd:
        if arguments:
            raise RunError(f"task {asked.name!r} only stands for others and takes no arguments")
        return 0
    if asked.inputs and not arguments:
        return run_unless_fresh(environments, asked, environment)
    return replace_by(environments, asked, environment, arguments)


def run_unless_fresh(
    environments: Environments | ExistingPrefix, task: Task, environment: str
) -> int:
    """Run a task and wait, or skip it when its inputs and outputs are as they were after its last success."""
    if not task.cmd:
        return 0
    if not task.inputs:
        return run_and_wait(environments, task, environment)
    stamp = os.path.join(environments.prefix(environment), "tasks", task.name.strip("_") + ".json")
    if is_fresh(task, stamp):
        return 0
    with locked(f"runs task {task.name!r}"):
        if is_fresh(task, stamp):
            return 0
        remove(stamp)
        exit_code = run_and_wait(environments, task, environment)
        made = fingerprint(task)
        if exit_code == 0 and made is None:
            raise RunError(
                f"task {task.name!r} ended well but did not make {', '.join(task.outputs)}", 1
            )
        if exit_code == 0:
            write_json(stamp, made)
        return exit_code


def run_and_wait(environments: Environments | ExistingPrefix, task: Task, environment: str) -> int:
    """Run a task as a child."""
    command, variables = command_of(environments, task, environment, ())
    say(f"{task.description or task.name.strip('_')}: {task.cmd}")
    return subprocess.run(command, env=variables, cwd=task.cwd, check=False).returncode


def replace_by(
    environments: Environments | ExistingPrefix,
    task: Task,
    environment: str,
    arguments: Sequence[str],
) -> NoReturn:
    """Become the task's process, so that signals and the terminal are its own."""
    command, variables = command_of(environments, task, environment, arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(task.cwd)
    os.execvpe(command[0], command, variables)


def command_of(
    environments: Environments | ExistingPrefix,
    task: Task,
    environment: str,
    arguments: Sequence[str],
) -> tuple[list[str], dict[str, str]]:
    """Program, arguments and process environment of a task; a shell only where the command line needs one."""
    variables = {**environments.variables(environment), **task.env}
    if any(character in task.cmd for character in "|&;<>$`*?~"):
        return ["sh", "-c", " ".join([task.cmd, *map(shlex.quote, arguments)])], variables
    command = [*shlex.split(task.cmd), *arguments]
    check_machine(command, variables)
    program = shutil.which(command[0], path=variables["PATH"])
    if program is None:
        raise RunError(f"task {task.name!r} needs {command[0]!r}, which is not on PATH", 127)
    return [program, *command[1:]], variables
