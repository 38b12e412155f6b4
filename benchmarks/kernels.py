"""The table of kernels, and how each becomes a `Launcher`.

A command is read from the kernelspec that the kernel's own installation brought along. To add a
kernel, add a line to `KERNELS` (and its pin to `peers.txt`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import UnavailableError
from benchmarks.launcher import InterruptMode, Launcher


@dataclass(frozen=True, slots=True)
class Kernel:
    """One competitor."""

    name: str
    distribution: str
    """Name of the installed distribution, for its version."""
    kernelspec: str
    """Folder name under share/jupyter/kernels."""
    peer: bool = True
    """Lives in the peers' environment; else in the one the suite itself runs in."""
    fallback_argv: tuple[str, ...] = ()
    """Command when no kernelspec is installed (a source checkout)."""


IPYRUST = Kernel(
    "ipyrust",
    "ipyrust-kernel",
    "ipyrust",
    peer=False,
    fallback_argv=("python", "-m", "ipyrust", "-f", "{connection_file}"),
)
KERNELS = (
    IPYRUST,
    Kernel("ipykernel", "ipykernel", "python3"),
    Kernel("ipymini", "ipymini", "py"),
    Kernel("xeus-python", "xeus-python", "xpython"),
    Kernel("akernel", "akernel", "akernel"),
)
BY_NAME = {kernel.name: kernel for kernel in KERNELS}

LEFT_OUT = {"VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
"""Variables that no kernel gets: a checkout would be compiled at every start, and an installed kernel never is."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment that has kernels installed."""

    prefix: Path
    python: Path
    inherits_pythonpath: bool

    def version(self, distribution: str) -> str:
        """Installed version; UnavailableError when it is not installed."""
        code = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
        done = subprocess.run(
            [self.python, "-c", code, distribution],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env=self.variables(Path()),
        )
        if done.returncode != 0:
            raise UnavailableError(f"{distribution} is not installed")
        return done.stdout.strip()

    def variables(self, scratch: Path) -> dict[str, str]:
        """Environment variables of a kernel: this prefix first, history and settings in scratch."""
        variables = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
        if not self.inherits_pythonpath:
            variables.pop("PYTHONPATH", None)
        return variables | {
            "PATH": f"{self.prefix / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "IPYTHONDIR": str(scratch / "ipython"),
            "JUPYTER_CONFIG_DIR": str(scratch / "config"),
            "JUPYTER_DATA_DIR": str(scratch / "data"),
            "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
            "JPY_PARENT_PID": str(os.getpid()),
        }


OWN = Environment(Path(sys.prefix), Path(sys.executable), inherits_pythonpath=True)


def launcher(kernel: Kernel, environment: Environment, scratch: Path) -> Launcher:
    """Read the kernelspec and make the launcher; UnavailableError when there is nothing to run."""
    path = environment.prefix / "share/jupyter/kernels" / kernel.kernelspec / "kernel.json"
    interrupt_mode: InterruptMode = "signal"
    if path.exists():
        spec = json.loads(path.read_text())
        argv = tuple(spec["argv"])
        interrupt_mode = spec.get("interrupt_mode", "signal")
    elif kernel.fallback_argv:
        argv = kernel.fallback_argv
    else:
        raise UnavailableError(f"no kernelspec {kernel.kernelspec!r} in the environment")
    folder = scratch / kernel.name
    folder.mkdir(parents=True, exist_ok=True)
    return Launcher(
        kernel.name,
        (_program(argv[0], environment), *argv[1:]),
        environment.variables(folder),
        folder,
        interrupt_mode,
    )


def _program(name: str, environment: Environment) -> str:
    """Resolve argv[0] inside the environment; any `python…` is its interpreter, as in Jupyter."""
    if Path(name).name.startswith("python"):
        return str(environment.python)
    return str(environment.prefix / "bin" / name)
