"""The kernel provisioner `ipyrust-warm`, for jupyter_client; it runs in the process that starts kernels.

Everything but the start is jupyter_client's own `LocalProvisioner`: a kernel that was forked is watched, signalled and
ended like one that was spawned.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Float, List, Unicode

from ipyrust.warm import wire
from ipyrust.warm.key import directory_of, socket_path, template_key
from ipyrust.warm.process import WarmProcess

PATIENCE = 5.0
"""Seconds that a template has for an answer; then the kernel is started in the ordinary way."""
PLAIN = frozenset(
    {"env", "cwd", "independent", "stdout", "stderr", "stdin", "kernel_id", "extra_arguments"}
)
"""Launch options that a fork can honour."""


class WarmProvisioner(LocalProvisioner):
    """Forks kernels from a template where one fits, and spawns them otherwise.

    Configured by the kernelspec (`metadata.kernel_provisioner.config`) or by Jupyter's configuration.
    """

    modules = List(Unicode(), help="imported beforehand, beside IPython").tag(config=True)
    idle_seconds = Float(3600.0, help="a template that nobody needs ends after this").tag(
        config=True
    )

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel `cmd`, which has to be `PYTHON [OPTION …] -m ipyrust …`."""
        command = _Command.of([os.path.expanduser(part) for part in cmd])
        if command is None or not set(kwargs) <= PLAIN or kwargs.get("stdin") is not None:
            return await super().launch_kernel(cmd, **kwargs)
        environment = dict(kwargs.get("env") or os.environ)
        if not kwargs.get("independent", False):
            environment["JPY_PARENT_PID"] = str(os.getpid())
        try:
            directory = os.path.abspath(kwargs.get("cwd") or os.getcwd())
            place = directory_of(environment, directory)
            key = template_key(command.python, environment, self.modules, place)
            path = str(socket_path(key))
        except OSError as error:
            self.log.warning("no warm start: %s", error)
            return await super().launch_kernel(cmd, **kwargs)
        # In a thread: a template that hangs must not hold up everything else that this process serves.
        process = await asyncio.to_thread(self._forked, path, command, environment, kwargs)
        if process is None:
            info = await super().launch_kernel(cmd, **kwargs)
            self._start_template(path, command, environment, place)
            return info
        self.process: Any = process
        self.pid = self.pgid = process.pid  # It leads a session, and so a group, of its own.
        self.cwd = kwargs.get("cwd") or directory
        return self.connection_info

    def _forked(
        self,
        path: str,
        command: _Command,
        environment: Mapping[str, str],
        kwargs: Mapping[str, Any],
    ) -> WarmProcess | None:
        """The kernel that the template at `path` forks; None if there is none, or it does not want to."""
        link = socket.socket(socket.AF_UNIX)
        try:
            link.settimeout(PATIENCE)
            link.connect(path)
            if not wire.is_own_user(link):
                raise wire.WireError(f"{path} is another user's")
            with _StandardStreams(kwargs) as fds:
                directory = os.path.abspath(kwargs.get("cwd") or os.getcwd())
                if not os.path.isdir(directory):
                    raise NotADirectoryError(directory)
                request = {
                    "arguments": command.arguments,
                    "directory": directory,
                    "environment": dict(environment),
                }
                wire.send(link, request, fds)
                answer, _ = wire.receive(link)
            if "pid" not in answer:
                self.log.info("no warm start: %s", answer.get("refused"))
                link.close()
                return None
            wire.send(link, wire.GO)
            link.settimeout(None)
            return WarmProcess(int(answer["pid"]), link)
        except (FileNotFoundError, ConnectionRefusedError):
            link.close()
            return None
        except (OSError, ValueError) as error:
            self.log.warning("no warm start: %s", error)
            link.close()
            return None

    def _start_template(
        self, path: str, command: _Command, environment: Mapping[str, str], place: str
    ) -> None:
        """Start a template for the kernels to come, in the background; without one they start in the ordinary way."""
        arguments = ["-m", "ipyrust.warm", "template", "--socket", path]
        arguments += ["--modules", ",".join(self.modules), "--idle", str(self.idle_seconds)]
        try:
            subprocess.Popen(
                [*command.python, *arguments],
                env=dict(environment),
                cwd=place,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self.log.warning("no template for warm starts: %s", error)


class _Command:
    """A kernel's command line in its two parts."""

    def __init__(self, python: Sequence[str], arguments: Sequence[str]) -> None:
        self.python, self.arguments = list(python), list(arguments)

    @classmethod
    def of(cls, cmd: Sequence[str]) -> _Command | None:
        """None if it does not start ipyrust."""
        for at in range(1, len(cmd) - 1):
            if cmd[at] == "-m":
                return cls(cmd[:at], cmd[at + 2 :]) if cmd[at + 1] == "ipyrust" else None
        return None


class _StandardStreams:
    """Descriptors for a kernel's stdin, stdout and stderr: an empty stdin, and our own or what the caller gave."""

    def __init__(self, kwargs: Mapping[str, Any]) -> None:
        self._wanted = [kwargs.get("stdout"), kwargs.get("stderr")]

    def __enter__(self) -> tuple[int, int, int]:
        self._null = os.open(os.devnull, os.O_RDWR)
        stdout, stderr = (
            own if wanted is None else self._null if wanted == subprocess.DEVNULL else wanted
            for own, wanted in zip((1, 2), self._wanted, strict=True)
        )
        if stderr == subprocess.STDOUT:
            stderr = stdout
        fds = [fd if isinstance(fd, int) else fd.fileno() for fd in (stdout, stderr)]
        if subprocess.PIPE in fds:
            os.close(self._null)
            raise ValueError("the caller wants pipes, which a fork cannot give")
        return self._null, fds[0], fds[1]

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._null)
