"""Where things are, and what can go wrong with a message for the user."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("IPYRUST_CONDA_CACHE") or ROOT / ".cache" / "conda").absolute()
"""Where everything is made; `IPYRUST_CONDA_CACHE` names another directory."""
CHANNEL = CACHE / "channel"
"""Packages that can be installed."""
RECORDS = CACHE / "records"
"""A channel of metadata without packages, for solving only; see `records`."""
RECIPE = ROOT / "recipes" / "ipyrust" / "recipe.yaml"
VARIANTS = ROOT / "recipes" / "variants.yaml"
STANDIN_VARIANTS = CHANNEL / "variants.yaml"
"""What replaces conda-forge's pins by the versions that the stand-in channel holds."""
STANDIN_RECIPES = Path(__file__).parent / "recipes"


class ChannelError(Exception):
    """Something the user can mend; the message is one line that says how."""


def say(text: str) -> None:
    """Tell what happens now, on stderr."""
    print(f"channel: {text}", file=sys.stderr, flush=True)


def output_of(command: Sequence[str], purpose: str, env: Mapping[str, str] | None = None) -> str:
    """Standard output of a program.

    Raises:
        ChannelError: it is missing or fails; the message ends with the last line it wrote.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env=None if env is None else dict(env),
        )
    except OSError as error:
        raise ChannelError(f"cannot {purpose}: {command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        said = [line for line in lines if line.lower().startswith(("error", "e:"))] or lines
        raise ChannelError(f"cannot {purpose}: {said[-1].strip()}")
    return done.stdout
