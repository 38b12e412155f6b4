"""`./run`: the command line, the list of tasks, and whether pixi does the work."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from task_runner.environments import Environments, ExistingPrefix
from task_runner.interpreters import choose_python
from task_runner.manifest import Manifest, read_manifest
from task_runner.project import ROOT, RunError
from task_runner.tasks import run_tasks

USAGE = """\
usage: ./run [--python PYTHON] [--no-pixi] [-e ENVIRONMENT] TASK [ARGUMENT …]
       ./run [--prefix DIRECTORY] [--skip-deps] [-e ENVIRONMENT] TASK [ARGUMENT …]

  --python PYTHON   make the virtual environment with this interpreter (>= 3.11): a path or a name on PATH
  --prefix DIR      run the task in the environment that is there, whatever made it, and install nothing into it
  --skip-deps       run only this task, not what it depends on
  --no-pixi         use a virtual environment even where pixi is installed
  -e ENVIRONMENT    run the task in this environment of pixi.toml
  -h, --help        show this text
"""


def start(arguments: Sequence[str]) -> int:
    """Do what the command line says; a failure is one line on stderr. Returns the exit code."""
    try:
        return main(arguments)
    except RunError as error:
        print(f"run: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `./run | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says, or become the process that does."""
    line = CommandLine(arguments)
    manifest = read_manifest()
    if line.show_help or line.task is None:
        print(list_tasks(manifest))
        return 0
    environment = manifest.choose_environment(line.task, line.environment)
    pixi = shutil.which("pixi") if line.use_pixi else None
    if pixi:
        options = ["-e", environment] if line.environment else []
        options += ["--skip-deps"] if line.skip_dependencies else []
        os.chdir(ROOT)
        os.execv(pixi, [pixi, "run", *options, line.task, *line.arguments])
    schedule = manifest.schedule(line.task, environment)
    if line.skip_dependencies:
        schedule = schedule[-1:]
    environments: Environments | ExistingPrefix
    if line.prefix is not None:
        environments = ExistingPrefix(manifest, line.prefix)
    else:
        environments = Environments(manifest, *choose_python(line.python))
    return run_tasks(environments, schedule, line.arguments)


def list_tasks(manifest: Manifest) -> str:
    """The help text."""
    tasks = manifest.visible_tasks()
    width = max(map(len, tasks), default=0)
    lines = [f"  {name:{width}}  {task.description}" for name, task in tasks.items()]
    return USAGE + "\ntasks:\n" + "\n".join(lines)


class CommandLine:
    """`./run`'s own options; everything after the task's name belongs to the task."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.python: str | None = None
        self.environment: str | None = None
        self.prefix: str | None = None
        self.skip_dependencies = False
        self.use_pixi = True
        self.show_help = False
        self.task: str | None = None
        self.arguments: list[str] = []
        rest = list(arguments)
        while rest:
            argument = rest.pop(0)
            option, equals, value = argument.partition("=")
            if option in ("--python", "--prefix", "-e", "--environment"):
                if not equals:
                    if not rest:
                        raise RunError(f"{option} needs a value (./run --help)")
                    value = rest.pop(0)
                if option == "--python":
                    self.python, self.use_pixi = value, False
                elif option == "--prefix":
                    self.prefix, self.use_pixi = value, False
                else:
                    self.environment = value
            elif argument == "--skip-deps":
                self.skip_dependencies = True
            elif argument == "--no-pixi":
                self.use_pixi = False
            elif argument in ("-h", "--help"):
                self.show_help = True
            elif argument.startswith("-"):
                raise RunError(f"unknown option {argument!r} before the task's name (./run --help)")
            else:
                self.task, self.arguments = argument, rest
                return
