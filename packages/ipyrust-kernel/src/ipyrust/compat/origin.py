"""Where a stand-in comes from: the real module's place if ipykernel is installed, else the files in `modules/`."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

from ipyrust.compat import PACKAGES

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(HERE, "modules")
SOURCES = {
    "ipykernel.zmqshell": "ipython/shell.py",
    "ipykernel.iostream": "output/stream.py",
    "ipykernel.displayhook": "ipython/displayhook.py",
    "ipykernel.kernelapp": "kernel_api.py",
}
"""Where `inspect` finds the classes that say they are from these modules."""


def find_origin(name: str) -> dict[str, Any]:
    """`__spec__`, `__loader__` and, where they apply, `__path__` and `__file__` of the module `name`."""
    parent, _, _ = name.rpartition(".")
    path = sys.modules[parent].__path__ if parent else None
    real = PathFinder.find_spec(name, path)
    if real is not None and real.origin is None:
        real = None  # A folder without files of Python.
    is_package = name in PACKAGES
    spec = real or ModuleSpec(name, None, is_package=is_package)
    found: dict[str, Any] = {"__spec__": spec, "__loader__": spec.loader}
    if name in SOURCES:
        found["__file__"] = os.path.join(os.path.dirname(HERE), *SOURCES[name].split("/"))
    elif real is not None and real.origin is not None:
        found["__file__"] = real.origin
    if is_package:
        ours = [OURS] if name == "ipykernel" else []
        found["__path__"] = list((real and real.submodule_search_locations) or ours)
        spec.submodule_search_locations = found["__path__"]
    return found
