"""What a task was made from and what it made, as digests of contents. Time stamps play no part."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence

from task_runner.files import read_json
from task_runner.manifest import Task
from task_runner.project import ROOT


def is_fresh(task: Task, stamp: str) -> bool:
    """Whether inputs and outputs are as `stamp` recorded them."""
    recorded = read_json(stamp)
    return recorded is not None and recorded == fingerprint(task)


def fingerprint(task: Task) -> dict[str, str] | None:
    """What `task` was made from and what it made; None while an output is missing."""
    outputs = matching_files(task.outputs)
    if task.outputs and not outputs:
        return None
    return {
        "task": digest([task.cmd.encode(), repr(sorted(task.env.items())).encode()]),
        "inputs": digest_files(matching_files(task.inputs)),
        "outputs": digest_files(outputs),
    }


def matching_files(patterns: Sequence[str]) -> list[str]:
    """Files under the project that match any of the patterns, sorted."""
    found = {
        name
        for pattern in patterns
        for name in glob.glob(pattern, root_dir=ROOT, recursive=True)
        if os.path.isfile(os.path.join(ROOT, name)) and "__pycache__" not in name
    }
    return sorted(found)


def digest_files(names: Sequence[str]) -> str:
    """Digest of names and contents."""

    def parts() -> Iterator[bytes]:
        for name in names:
            yield name.encode()
            with open(os.path.join(ROOT, name), "rb") as file:
                yield file.read()

    return digest(parts())


def digest(parts: Iterable[bytes]) -> str:
    """One hash over length-prefixed parts."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()
