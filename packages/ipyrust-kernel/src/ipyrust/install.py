"""`python -m ipyrust.install`: add the kernel to Jupyter's list, or remove it.

A kernelspec is a directory. It is made complete beside its destination and then moved there, so a failure at any
point leaves what was there before. A kernel of the same name that starts something else is not touched without
`--replace`. Jupyter itself is not imported: `jupyter_paths` knows its directories.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ipyrust import jupyter_paths
from ipyrust.exit_codes import ExitCode
from ipyrust.kernelspec import (
    DEFAULT_DISPLAY_NAME,
    DEFAULT_NAME,
    is_ours,
    kernelspec,
    python_options,
)

KERNEL_NAME = re.compile(r"[a-z0-9._-]+", re.ASCII)
RESOURCES = Path(__file__).parent / "resources"
WHEELS_PYTHON = "python"
"""The interpreter in the kernelspec that the wheel brings: in its own environment, that environment's."""
LOGOS = ("logo-32x32.png", "logo-64x64.png", "logo-svg.svg")


class InstallError(Exception):
    """Why nothing was changed, in one line that says what to do."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        name = checked_name(options.name)
        kernels = _kernels_dir(options)
        if options.remove:
            print(f"removed kernel {name!r} from {remove(kernels, name)}")
            return ExitCode.OK
        destination = install(kernels, name, _spec(options, name), replace=options.replace)
    except InstallError as error:
        print(f"ipyrust.install: {error}", file=sys.stderr)
        return error.code
    print(f"installed kernel {name!r} in {destination}")
    return ExitCode.OK


def install(kernels: Path, name: str, spec: dict[str, Any], *, replace: bool = False) -> Path:
    """Write the kernelspec `name` into the directory `kernels`; returns the directory it is in.

    A spec of this name that starts the same interpreter is brought up to date; any other needs `replace`.

    Raises:
        InstallError: the name is taken, or something cannot be written.
    """
    destination = kernels / name
    if destination.is_symlink() or destination.exists():
        _check_replaceable(destination, spec, replace=replace)
    try:
        kernels.mkdir(parents=True, exist_ok=True)
        # Not in `kernels` itself: Jupyter would list the half-made directory as a kernel.
        staging = Path(tempfile.mkdtemp(prefix=".ipyrust-", dir=kernels.parent))
    except OSError as error:
        raise _not_writable(kernels, error) from None
    try:
        made = staging / "new"
        made.mkdir()
        _write_spec(made, spec)
        _move_into_place(made, destination, staging / "old")
    except OSError as error:
        raise _not_writable(destination, error) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return destination


def remove(kernels: Path, name: str) -> Path:
    """Remove the kernelspec `name`; returns the directory it was in.

    Raises:
        InstallError: there is none, it starts something else, or it cannot be removed.
    """
    destination = kernels / name
    if not (destination.is_symlink() or destination.exists()):
        raise InstallError(
            ExitCode.NOT_FOUND,
            f"no kernel {name!r} in {kernels}; `jupyter kernelspec list` shows where kernels are "
            f"(--user, --sys-prefix or --prefix choose the place)",
        )
    if not is_ours(_read_spec(destination)):
        raise InstallError(
            ExitCode.NAME_TAKEN,
            f"kernel {name!r} in {kernels} does not start ipyrust, so it stays; "
            f"`jupyter kernelspec remove {name}` removes any kernel",
        )
    try:
        if destination.is_symlink():
            destination.unlink()
        else:
            _remove_whole(destination)
    except OSError as error:
        raise _not_writable(destination, error) from None
    return destination


def _remove_whole(directory: Path) -> None:
    """Move a kernelspec away before it is taken apart: a failure leaves all of it or nothing."""
    staging = Path(tempfile.mkdtemp(prefix=".ipyrust-", dir=directory.parent.parent))
    try:
        directory.rename(staging / "old")
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def checked_name(name: str) -> str:
    """A kernel's name as Jupyter takes it.

    Raises:
        InstallError: it has characters that Jupyter refuses.
    """
    lowered = name.lower()
    if not KERNEL_NAME.fullmatch(lowered) or lowered in {".", ".."}:
        raise InstallError(
            ExitCode.USAGE,
            f"--name {name!r}: a kernel's name may have letters, digits, hyphen, underscore and period",
        )
    return lowered


def _check_replaceable(destination: Path, spec: dict[str, Any], *, replace: bool) -> None:
    if replace:
        return
    present = _read_spec(destination)
    started = (
        present["argv"][0] if isinstance(present, dict) and is_ours(present) else "something else"
    )
    if started == spec["argv"][0] or (
        started == WHEELS_PYTHON and destination.parent == _kernels_of(sys.prefix)
    ):
        return
    raise InstallError(
        ExitCode.NAME_TAKEN,
        f"kernel {destination.name!r} exists in {destination.parent} and starts {started}; "
        f"choose another --name, or --replace it",
    )


def _read_spec(directory: Path) -> object:
    """The content of kernel.json; None when there is none or it is torn."""
    try:
        return json.loads((directory / "kernel.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_spec(directory: Path, spec: dict[str, Any]) -> None:
    for logo in LOGOS:
        shutil.copyfile(RESOURCES / logo, directory / logo)
    text = json.dumps(spec, indent=1, ensure_ascii=False) + "\n"
    (directory / "kernel.json").write_text(text, encoding="utf-8")


def _move_into_place(made: Path, destination: Path, aside: Path) -> None:
    """Put `made` where `destination` is; what was there comes back if that fails."""
    if not (destination.is_symlink() or destination.exists()):
        made.rename(destination)
        return
    destination.rename(aside)
    try:
        made.rename(destination)
    except BaseException:
        aside.rename(destination)
        raise


def _not_writable(where: Path, error: OSError) -> InstallError:
    reason = error.strerror or type(error).__name__
    return InstallError(
        ExitCode.NOT_WRITABLE,
        f"cannot write {where}: {reason}; use --user, or --prefix with a directory of yours",
    )


def _kernels_dir(options: Namespace) -> Path:
    """Where the command line wants the kernelspec."""
    if options.sys_prefix:
        return _kernels_of(sys.prefix)
    if options.prefix is not None:
        return _kernels_of(os.path.abspath(os.path.expanduser(options.prefix)))
    return Path(jupyter_paths.data_dir()) / "kernels"


def _kernels_of(prefix: str) -> Path:
    """Where the environment `prefix` has its kernelspecs."""
    return Path(jupyter_paths.prefix_data_dir(prefix)) / "kernels"


def _spec(options: Namespace, name: str) -> dict[str, Any]:
    """The kernelspec that the command line describes."""
    if not sys.executable:
        raise InstallError(
            ExitCode.FAILED, "Python does not know its own path (sys.executable is empty)"
        )
    for variable, _ in options.env:
        if not variable or "=" in variable or "\0" in variable:
            raise InstallError(
                ExitCode.USAGE, f"--env {variable!r}: this is no name of an environment variable"
            )
    display_name = options.display_name
    if display_name is None:
        display_name = DEFAULT_DISPLAY_NAME if name == DEFAULT_NAME else name
        if options.profile:
            display_name += f" [profile={options.profile}]"
    return kernelspec(
        python=sys.executable,
        display_name=display_name,
        env=dict(options.env),
        profile=options.profile,
        python_options=python_options(frozen_modules=options.frozen_modules),
    )


class _Parser(ArgumentParser):
    """An ArgumentParser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit."""
        self.exit(ExitCode.USAGE, f"ipyrust.install: {message} (--help lists the options)\n")


def _parser() -> ArgumentParser:
    parser = _Parser(
        prog="python -m ipyrust.install",
        description="Add ipyrust to the kernels that Jupyter lists. The kernel will run with this interpreter: "
        + sys.executable,
        allow_abbrev=False,
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--user", action="store_true", help="for the current user (the default)")
    place.add_argument(
        "--sys-prefix",
        action="store_true",
        help=f"into this interpreter's environment: {sys.prefix}",
    )
    place.add_argument(
        "--prefix", metavar="DIR", help="into the environment at DIR (DIR/share/jupyter/kernels)"
    )
    parser.add_argument(
        "--name", default=DEFAULT_NAME, help="the kernel's name (default: %(default)s)"
    )
    parser.add_argument("--display-name", metavar="TEXT", help="what frontends show")
    parser.add_argument(
        "--env",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set this variable for the kernel (repeatable)",
    )
    parser.add_argument("--profile", metavar="NAME", help="the IPython profile the kernel loads")
    parser.add_argument(
        "--frozen-modules",
        "--frozen_modules",
        action="store_true",
        help="start with frozen standard modules: a little faster, but the debugger cannot step into those",
    )
    parser.add_argument(
        "--replace", action="store_true", help="replace a kernel of the same name, whatever it is"
    )
    parser.add_argument("--remove", action="store_true", help="remove the kernel instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
