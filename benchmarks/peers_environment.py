"""Makes and keeps the virtual environment of the peers. ipyrust is never installed into it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.kernels import Environment

PINS = Path(__file__).parent / "peers.txt"
DEFAULT = Path(__file__).parent.parent / ".cache" / "bench-peers"
INSTALL_TIMEOUT = 1200.0


def peers_environment(directory: Path | None) -> Environment:
    """Use `directory` as it is, or the kept environment, which follows `peers.txt`."""
    if directory is not None:
        prefix = directory.absolute()
        if not (prefix / "bin" / "python").exists():
            raise SystemExit(f"--peers-venv {directory}: no virtual environment there")
    else:
        prefix = DEFAULT
        _install(prefix)
    return Environment(prefix, prefix / "bin" / "python", inherits_pythonpath=False)


def _install(prefix: Path) -> None:
    """Create the environment and install the pins, unless the same pins are installed already."""
    stamp = prefix / "pins.sha256"
    wanted = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing the peers into {prefix} …", file=sys.stderr, flush=True)
    python = prefix / "bin" / "python"
    make: list[str | Path] = [sys.executable, "-m", "venv", "--clear", prefix]
    install: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "-r",
        PINS,
    ]
    try:
        subprocess.run(make, check=True, timeout=120)
        subprocess.run(install, check=True, timeout=INSTALL_TIMEOUT, stdout=sys.stderr)
    except (subprocess.SubprocessError, OSError) as error:
        raise SystemExit(f"cannot install the peers ({PINS.name}): {error}") from None
    stamp.write_text(wanted)
