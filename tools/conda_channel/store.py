"""What was made once and is used again, by the content that it was made from."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Store:
    """Directories named after a digest. An entry appears when it is complete, or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, key: str, fill: Callable[[Path], object]) -> Path:
        """The directory for `key`; when it is missing, `fill` is called with an empty one first."""
        place = self.folder / key
        if not place.is_dir():
            making = self.folder / f"{key}.new"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            fill(making)
            making.rename(place)
        return place


def key_of(*parts: Any) -> str:
    """A digest of values that JSON or `str` can write, short enough for a path."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def digest_of(*paths: Path) -> str:
    """A digest of the contents of files."""
    state = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            state.update(hashlib.file_digest(file, "sha256").digest())
    return state.hexdigest()
