"""Crash reports of kernels that died: `%crash` and `python -m ipyrust crash`. Knows no IPython.

The reports are the engine's; they are beside the connection files, which are in Jupyter's runtime folder as a rule.
"""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = """\
usage: python -m ipyrust crash [--runtime-dir DIR | FILE] [--all] [--json] [--clear]

Show why the last kernel died that did not end in order.

  FILE               show this report
  --runtime-dir DIR  folder of the connection files, if it is not Jupyter's runtime folder
  --all              every report that is kept, the newest first
  --json             as JSON, one report a line; {"error": …} for one that cannot be read
  --clear            remove the reports"""


@dataclass(slots=True)
class CrashCommand:
    """What the arguments ask for."""

    file: str | None = None
    folder: str | None = None
    all: bool = False
    as_json: bool = False
    clear: bool = False


def parse(arguments: Sequence[str]) -> CrashCommand:
    """Read the arguments. Raises ValueError, with one line that names the wrong one."""
    command, rest = CrashCommand(), list(arguments)
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.partition("=")
        if argument == "--all":
            command.all = True
        elif argument == "--json":
            command.as_json = True
        elif argument == "--clear":
            command.clear = True
        elif name == "--runtime-dir":
            if not equals and not rest:
                raise ValueError("--runtime-dir needs a value: --runtime-dir DIR")
            command.folder = value if equals else rest.pop(0)
        elif argument.startswith("-") or command.file is not None:
            raise ValueError(f"unexpected argument {argument!r}: --help lists what is known")
        else:
            command.file = argument
    return command


def main(arguments: Sequence[str]) -> int:
    """Run `python -m ipyrust crash`; returns the exit code."""
    from ipyrust.exit_codes import ExitCode
    from ipyrust.jupyter_paths import runtime_dir

    if "--help" in arguments or "-h" in arguments:
        print(USAGE)
        return ExitCode.OK
    try:
        command = parse(arguments)
    except ValueError as error:
        print(f"ipyrust: {error}", file=sys.stderr)
        return ExitCode.USAGE
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # Cells may hold what no terminal here can show.
    try:
        print(run(command, command.folder or runtime_dir()))
    except OSError as error:
        print(f"ipyrust: {error}", file=sys.stderr)
        return ExitCode.NOT_FOUND
    return ExitCode.OK


def run(command: CrashCommand, folder: str, own_journal: str | None = None) -> str:
    """Do what `command` asks for; returns the text to show.

    Raises:
        OSError: the report that was named cannot be read, or some cannot be removed; the others are.
    """
    from ipyrust_core._native import crash_report, crash_reports

    if command.file is not None:
        return crash_report(command.file, as_json=command.as_json)
    paths = crash_reports(folder, own_journal=own_journal)
    if command.clear:
        return _clear(paths)
    shown = []
    for path in paths:
        try:
            shown.append(crash_report(path, as_json=command.as_json))
        except OSError as error:
            # The others may be good.
            shown.append(json.dumps({"error": str(error)}) if command.as_json else f"{error}\n")
        else:
            if not command.all:
                break
    if not shown and not command.as_json:
        return f"No crash reports in {folder}."
    return "\n".join(shown)


def _clear(paths: Sequence[str]) -> str:
    """Remove the reports; returns the text to show.

    Raises:
        OSError: some cannot be removed; the others are.
    """
    removed, kept = 0, []
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue  # Somebody else was faster.
        except OSError as error:
            kept.append(f"{path} ({error.strerror})")
        else:
            removed += 1
    done = f"Removed {removed} crash report{'s' if removed != 1 else ''}"
    if kept:
        raise OSError(f"{done}, but cannot remove {', '.join(kept)}; remove it by hand")
    return f"{done}."
