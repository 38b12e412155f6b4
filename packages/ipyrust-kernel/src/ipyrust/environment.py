"""The kernel's own environment comes first for whatever it starts: `!pip`, `!python`, subprocesses.

A launcher starts kernels of other environments by the path of their Python, without activating them. What activation
would have done is done here, by the rules of its two makers: a virtual environment (`sys.prefix` differs from
`sys.base_prefix`) has VIRTUAL_ENV, a conda environment (`conda-meta` in `sys.prefix`) has CONDA_PREFIX and
CONDA_DEFAULT_ENV, and both have their programs first on PATH. IPYRUST_KEEP_PATH=1 leaves everything as it was.

This runs at every start, so it imports nothing and looks at few files.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping

KEEP = "IPYRUST_KEEP_PATH"


def enter_own_environment(
    environ: MutableMapping[str, str] = os.environ,
    *,
    executable: str | None = sys.executable,
    prefix: str = sys.prefix,
    base_prefix: str = sys.base_prefix,
) -> None:
    """Change `environ` as activating the environment of `executable` would."""
    if environ.get(KEEP, "") not in ("", "0") or not executable:
        return
    programs = os.path.dirname(executable)
    path = environ.get("PATH", os.defpath)
    if first_python(path) != programs:
        environ["PATH"] = programs + os.pathsep + path
    if prefix != base_prefix:
        if environ.get("VIRTUAL_ENV") != prefix:
            environ["VIRTUAL_ENV"] = prefix
            environ.pop("VIRTUAL_ENV_PROMPT", None)  # the other environment's name
        environ.pop(
            "PYTHONHOME", None
        )  # as `activate` does: it would lead children to another library
    elif "VIRTUAL_ENV" in environ:
        # Activated by the launcher, and not ours: pip, uv and poetry would install there.
        del environ["VIRTUAL_ENV"]
        environ.pop("VIRTUAL_ENV_PROMPT", None)
    if is_conda(prefix) and environ.get("CONDA_PREFIX") != prefix:
        environ["CONDA_PREFIX"] = prefix
        environ["CONDA_DEFAULT_ENV"] = conda_name(prefix)


def first_python(path: str) -> str | None:
    """The folder of `path` in which `python` or `pip` would be found first."""
    for folder in path.split(os.pathsep):
        for program in ("python", "python3", "pip"):
            if folder and os.access(os.path.join(folder, program), os.X_OK):
                return folder
    return None


def is_conda(prefix: str) -> bool:
    """Whether `prefix` is a conda environment."""
    return os.path.isdir(os.path.join(prefix, "conda-meta"))


def conda_name(prefix: str) -> str:
    """What conda calls the environment: its name, `base`, or its path if it lies elsewhere."""
    if os.path.basename(os.path.dirname(prefix)) == "envs":
        return os.path.basename(prefix)
    return "base" if os.path.isdir(os.path.join(prefix, "condabin")) else prefix
