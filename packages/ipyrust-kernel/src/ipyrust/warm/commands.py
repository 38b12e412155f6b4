"""`python -m ipyrust.warm install | remove | status | stop`."""

from __future__ import annotations

import socket
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from ipyrust import install, jupyter_paths
from ipyrust.exit_codes import ExitCode
from ipyrust.kernelspec import kernelspec, python_options
from ipyrust.warm.key import socket_path, template_key

NAME = "ipyrust-warm"
PROVISIONER = "ipyrust-warm"


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    parser = ArgumentParser(prog="python -m ipyrust.warm", description=__doc__, allow_abbrev=False)
    parser.add_argument("command", choices=["install", "remove", "status", "stop"])
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--user", action="store_true", help="for the current user (the default)")
    place.add_argument(
        "--sys-prefix", action="store_true", help="into this interpreter's environment"
    )
    place.add_argument("--prefix", help="into the environment at PREFIX")
    parser.add_argument("--name", default=NAME, help="the kernel's name (default: %(default)s)")
    parser.add_argument("--display-name", default="Python 3 (ipyrust, warm)")
    parser.add_argument("--modules", default="", metavar="A,B", help="import these beforehand, too")
    parser.add_argument(
        "--idle-seconds",
        type=float,
        default=3600.0,
        metavar="N",
        help="a template that nobody needs ends after so many seconds (default: %(default).0f)",
    )
    options = parser.parse_args(arguments)
    if options.command in ("status", "stop"):
        try:
            return _status() if options.command == "status" else _stop()
        except OSError as error:
            print(f"ipyrust.warm: cannot look for templates: {error}", file=sys.stderr)
            return ExitCode.NOT_WRITABLE
    try:
        kernels = Path(_data_dir(options.prefix, options.sys_prefix)) / "kernels"
        name = install.checked_name(options.name)
        if options.command == "remove":
            print(f"removed kernel {name!r} from {install.remove(kernels, name)}")
            return ExitCode.OK
        config = {
            "modules": [each for each in options.modules.split(",") if each],
            "idle_seconds": options.idle_seconds,
        }
        where = install.install(kernels, name, _spec(options.display_name, config))
        print(f"installed kernel {name!r} in {where}")
    except install.InstallError as error:
        print(f"ipyrust.warm: {error}", file=sys.stderr)
        return error.code
    return ExitCode.OK


def _data_dir(prefix: str | None, sys_prefix: bool) -> str:
    if sys_prefix:
        return jupyter_paths.prefix_data_dir(sys.prefix)
    return jupyter_paths.prefix_data_dir(prefix) if prefix else jupyter_paths.data_dir()


def _spec(display_name: str, config: dict[str, object]) -> dict[str, object]:
    spec = kernelspec(
        python=sys.executable,
        display_name=display_name,
        python_options=python_options(frozen_modules=False),
    )
    provisioner = {"provisioner_name": PROVISIONER, "config": config}
    spec["metadata"]["kernel_provisioner"] = provisioner
    return spec


def _sockets() -> list[Path]:
    directory = socket_path(template_key([sys.executable], {}, [])).parent
    return sorted(directory.glob("warm-*.sock"))


def _is_alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as link:
        try:
            link.connect(str(path))
        except OSError:
            return False
        return True


def _status() -> int:
    for path in _sockets():
        print(f"{path}: {'ready' if _is_alive(path) else 'gone'}")
        notes = path.with_suffix(".txt")
        if notes.exists():
            print("  " + notes.read_text(encoding="utf-8").replace("\n", "\n  ").rstrip())
    return ExitCode.OK


def _stop() -> int:
    """A template whose socket has been removed retires when it looks, which a connection makes it do at once."""
    for path in _sockets():
        with socket.socket(socket.AF_UNIX) as link:
            try:
                link.connect(str(path))
            except OSError:
                pass
            path.unlink(missing_ok=True)
        for beside in (".txt", ".lock"):
            path.with_suffix(beside).unlink(missing_ok=True)
        print(f"stopped {path}")
    return ExitCode.OK
