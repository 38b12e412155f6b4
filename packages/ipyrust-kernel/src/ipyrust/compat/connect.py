"""The functions of the `ipykernel` package that tell how to reach this kernel."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from subprocess import Popen

    from ipyrust.kernel_api import KernelFacade


def connection_functions(kernel: KernelFacade) -> dict[str, Callable[..., Any]]:
    """`get_connection_file`, `get_connection_info`, `connect_qtconsole` … for `kernel`."""

    def get_connection_file(app: Any = None) -> str:
        """Path of the connection file of `app`, or of this kernel."""
        return str((app or kernel.parent).connection_file)

    def get_connection_info(connection_file: str | None = None, unpack: bool = False) -> Any:
        """Content of a connection file, as text or (`unpack`) as a dict with the key as bytes."""
        with open(_path(connection_file), encoding="utf-8") as file:
            text = file.read()
        if not unpack:
            return text
        info = json.loads(text)
        info["key"] = info.get("key", "").encode()
        return info

    def connect_qtconsole(
        connection_file: str | None = None, argv: list[str] | None = None
    ) -> Popen[bytes]:
        """Start a Qt console on this kernel; returns the process."""
        import subprocess

        path = _path(connection_file)
        command = [sys.executable, "-m", "qtconsole", "--existing", path, *(argv or [])]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)

    def write_connection_file(*arguments: Any, **options: Any) -> Any:
        """As jupyter_client's."""
        return import_module("jupyter_client").write_connection_file(*arguments, **options)

    def _path(connection_file: str | None) -> str:
        if connection_file is None:
            return get_connection_file()
        if os.path.exists(connection_file):
            return connection_file
        from ipyrust.jupyter_paths import runtime_dir

        return os.path.join(runtime_dir(), connection_file)

    return {
        "get_connection_file": get_connection_file,
        "get_connection_info": get_connection_info,
        "connect_qtconsole": connect_qtconsole,
        "write_connection_file": write_connection_file,
    }
