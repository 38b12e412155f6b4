"""Which kernel is tested: a name, or a command line with `{connection_file}` in it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

KNOWN = {
    "ipyrust": (sys.executable, "-m", "ipyrust", "-f", "{connection_file}"),
    "ipykernel": (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
}


@dataclass(frozen=True)
class KernelUnderTest:
    """A way to start a kernel."""

    command: tuple[str, ...]

    @classmethod
    def named(cls, name: str) -> KernelUnderTest:
        """`name` is a key of KNOWN or a whole command line."""
        return cls(KNOWN.get(name) or tuple(shlex.split(name)))

    @property
    def is_ipyrust(self) -> bool:
        """Whether it is this project's kernel, and not one that parity is compared with."""
        return not any("ipykernel" in word for word in self.command)

    def argv(self, connection_file: Path) -> list[str]:
        """The command line for one connection file."""
        return [word.replace("{connection_file}", str(connection_file)) for word in self.command]
