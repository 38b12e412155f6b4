"""The content of a kernelspec: what Jupyter needs to know to start this kernel. Touches no files.

`resources/kernel.json`, which the wheel also carries as `share/jupyter/kernels/ipyrust/kernel.json`, is the same
content for the interpreter `python`, which Jupyter replaces by its own; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

DEFAULT_NAME = "ipyrust"
DEFAULT_DISPLAY_NAME = "Python 3 (ipyrust)"

SUPPORTS_DEBUGGER = True
"""Whether frontends may offer their debugger; without debugpy, switching it on says what to install."""


def kernelspec(
    *,
    python: str,
    display_name: str = DEFAULT_DISPLAY_NAME,
    env: Mapping[str, str] | None = None,
    profile: str | None = None,
    python_options: Sequence[str] = (),
) -> dict[str, Any]:
    """The content of a kernel.json that starts this kernel with the interpreter `python`."""
    argv = [python, *python_options, "-m", "ipyrust", "-f", "{connection_file}"]
    if profile is not None:
        argv += ["--profile", profile]
    spec: dict[str, Any] = {
        "argv": argv,
        "display_name": display_name,
        "language": "python",
        "interrupt_mode": "signal",
        "kernel_protocol_version": "5.5",
        "metadata": {"debugger": SUPPORTS_DEBUGGER, "supported_encryption": ["curve"]},
    }
    if env:
        spec["env"] = dict(env)
    return spec


def python_options(*, frozen_modules: bool) -> list[str]:
    """Options between interpreter and `-m`: the debugger cannot step into frozen modules, so it wants them off."""
    return ["-Xfrozen_modules=off"] if SUPPORTS_DEBUGGER and not frozen_modules else []


def is_ours(spec: object) -> bool:
    """Whether a kernel.json starts ipyrust."""
    argv = spec.get("argv") if isinstance(spec, dict) else None
    if not isinstance(argv, list):
        return False
    return ("-m", "ipyrust") in pairwise(argv)
