"""Where things are, and how the user is told about them."""

from __future__ import annotations

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
MANIFEST = os.path.join(ROOT, "pixi.toml")
CACHE = os.path.join(ROOT, ".cache", "run")
RUST_WORKSPACE = os.path.join(ROOT, "packages", "ipyrust-core", "Cargo.toml")


class RunError(Exception):
    """Something the user can mend; the message is one line that says how."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def say(text: str) -> None:
    """Tell what happens now, on stderr."""
    line = f"run: {text}"
    print(f"\033[1m{line}\033[0m" if sys.stderr.isatty() else line, file=sys.stderr, flush=True)
