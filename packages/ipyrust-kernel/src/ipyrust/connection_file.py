"""Find the connection file that the command line means, or write one.

Reading and checking a connection file is the engine's work; this module only decides which file it reads.

| the command line gives                 | the kernel serves                                                    |
|----------------------------------------|----------------------------------------------------------------------|
| a file                                 | that file; a bare name is also looked for in Jupyter's runtime folder |
| a file and addresses (`--shell=…`, …)  | that file with these entries replaced; it is written if it is missing |
| addresses only, or nothing             | a new file `kernel-<pid>.json` in the runtime folder                  |

A file that this process wrote, it removes when the kernel ends. Files with keys are made for their owner alone.

The file may also be a launcher's registration file (JEP 66). Then the engine tells the launcher its ports, leaves that
file alone and writes a connection file at `free_path()`, for other clients.
"""

from __future__ import annotations

import os

from ipyrust.jupyter_paths import runtime_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class ConnectionFile:
    """A connection file and whose it is."""

    __slots__ = ("is_ours", "path")

    def __init__(self, path: str, *, is_ours: bool) -> None:
        self.path = path
        self.is_ours = is_ours

    @property
    def short_name(self) -> str:
        """What `jupyter console --existing` takes: the bare name if the file is in the runtime folder."""
        directory, name = os.path.split(self.path)
        return name if directory == runtime_dir() else self.path

    def served_as(self, path: str) -> None:
        """Note that the kernel wrote this other file, because the launcher's was a registration file."""
        self.path = path
        self.is_ours = True

    def remove(self) -> None:
        """Remove the file if this process wrote it."""
        if self.is_ours:
            try:
                os.unlink(self.path)
            except OSError:
                pass


def prepare(named: str | None, entries: Mapping[str, object]) -> ConnectionFile:
    """The connection file for `named` and the `entries` that the command line gives one by one.

    Raises:
        OSError: a file or the runtime folder cannot be written.
        ValueError: the file to change is not a JSON object.
    """
    if named is None:
        path = free_path()
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        _write_new(path, entries)
        return ConnectionFile(path, is_ours=True)
    path = _find(named)
    if not entries:
        return ConnectionFile(path, is_ours=False)
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        _write_new(path, entries)
        return ConnectionFile(path, is_ours=True)
    _change(path, entries)
    return ConnectionFile(path, is_ours=False)


def _find(named: str) -> str:
    """`named` itself, or the file of that bare name in the runtime folder when there is none here."""
    if os.path.dirname(named) or os.path.exists(named):
        return os.path.abspath(named)
    elsewhere = os.path.join(runtime_dir(), named)
    return elsewhere if os.path.exists(elsewhere) else os.path.abspath(named)


def free_path() -> str:
    """A name in the runtime folder that is not taken; the folder may be missing."""
    directory = runtime_dir()
    path = os.path.join(directory, f"kernel-{os.getpid()}.json")
    if os.path.exists(path):
        path = os.path.join(directory, f"kernel-{os.getpid()}-{os.urandom(4).hex()}.json")
    return path


def _write_new(path: str, entries: Mapping[str, object]) -> None:
    """Write a file with a random key and ports 0 (chosen when the kernel binds), less what `entries` say."""
    import json

    content = {
        "transport": "tcp",
        "ip": "127.0.0.1",
        "shell_port": 0,
        "iopub_port": 0,
        "stdin_port": 0,
        "control_port": 0,
        "hb_port": 0,
        "key": os.urandom(16).hex(),
        "signature_scheme": "hmac-sha256",
        "kernel_name": "ipyrust",
        **entries,
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)


def _change(path: str, entries: Mapping[str, object]) -> None:
    """Replace entries of an existing file, so that a reader sees the old content or the new."""
    import json

    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    changed = {**content, **entries}
    if changed == content:
        return
    beside = f"{path}.{os.getpid()}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(changed, file, indent=2)
    os.replace(beside, path)
