"""Files of source code and the modules they belong to."""

from __future__ import annotations

import os
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]


def read_source(path: str) -> str | None:
    """The text of a source file; None when there is no such file."""
    if not os.path.isfile(path):
        return None
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        pass
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def list_modules(arguments: Mapping[str, Any]) -> Json:
    """Body of the reply to `modules`: those that have Python source, from `startModule`, among `moduleCount`."""
    modules = list(sys.modules.copy().values())
    start = arguments.get("startModule")
    count = arguments.get("moduleCount")
    first = start if isinstance(start, int) and start > 0 else 0
    last = first + count if isinstance(count, int) and count > 0 else len(modules)
    found = []
    for number, module in enumerate(modules[first:last], first):
        path = getattr(getattr(module, "__spec__", None), "origin", None)
        if isinstance(path, str) and path.endswith(".py"):
            found.append({"id": number, "name": module.__name__, "path": path})
    return {"modules": found, "totalModules": len(modules)}


def exclusion_rules(kernel_modules: Iterable[str], packages: Iterable[str]) -> list[Json]:
    """Rules that keep stepping and stack traces out of the kernel: files of modules, and whole packages."""
    paths = [*_files(kernel_modules), *(f"{directory}/**" for directory in _directories(packages))]
    return [{"path": path, "include": False} for path in dict.fromkeys(paths)]


def _files(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        path = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(path, str):
            yield path


def _directories(packages: Iterable[str]) -> Iterator[str]:
    for name in packages:
        path = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(path, str):
            yield os.path.dirname(path)
