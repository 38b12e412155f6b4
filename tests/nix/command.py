"""Nix on a flake, offline and without a daemon: store, state and home are below one directory."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from nix.host import program

SYSTEM = "x86_64-linux"
CONFIGURATION = """
experimental-features = nix-command flakes
build-users-group =
builders =
flake-registry =
max-jobs = 1
substituters =
sandbox = false
warn-dirty = false
"""


class Nix:
    """Commands on one flake, with a stand-in for its nixpkgs.

    Args:
        flake: directory of the flake; taken as it is, tracked by git or not.
        nixpkgs: directory of the stand-in.
        state: where Nix keeps its store and everything else.
    """

    def __init__(self, flake: Path, nixpkgs: Path, state: Path) -> None:
        self.flake = flake
        self.nixpkgs = nixpkgs
        self.state = state

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever its exit code; the flake itself is `.` or begins with `.#`."""
        named = [
            f"path:{self.flake}{item[1:]}" if item == "." or item.startswith(".#") else item
            for item in arguments
        ]
        split = named.index("--") if "--" in named else len(named)
        options = ["--offline", "--no-write-lock-file"]
        options += ["--override-input", "nixpkgs", f"path:{self.nixpkgs}"]
        return self._start(program("nix"), *named[:split], *options, *named[split:])

    def output(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, f"nix {' '.join(arguments)}\n{ended.stderr}"
        return ended.stdout.strip()

    def error(self, *arguments: str) -> str:
        """What a command says when it fails; it must fail."""
        ended = self.run(*arguments)
        assert ended.returncode != 0, f"nix {' '.join(arguments)} succeeded:\n{ended.stdout}"
        return ended.stderr

    def build(self, attribute: str) -> Path:
        """Build an attribute, so that it outlives `collect_garbage`; returns its output."""
        link = self.state / "roots" / attribute
        link.parent.mkdir(exist_ok=True)
        self.output("build", "--out-link", str(link), "-L", f".#{attribute}")
        return link.resolve(strict=True)

    def collect_garbage(self) -> None:
        """Delete what nothing that was built needs: the copies of the flake, above all."""
        self._start(program("nix"), "store", "gc")

    def parse(self, file: Path) -> None:
        """Check the syntax of one file."""
        ended = self._start(program("nix-instantiate"), "--parse", str(file))
        assert ended.returncode == 0, ended.stderr

    def metadata(self) -> str:
        """`nix flake metadata` with the true input: fails if flake.lock does not fit flake.nix."""
        ended = self._start(
            program("nix"),
            *("flake", "metadata", "--json", "--offline", "--no-update-lock-file"),
            f"path:{self.flake}",
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def _start(self, *command: str) -> subprocess.CompletedProcess[str]:
        for name in ("home", "store", "tmp"):
            (self.state / name).mkdir(parents=True, exist_ok=True)
        variables = {
            "HOME": str(self.state / "home"),
            "NIX_CONFIG": CONFIGURATION,
            "NIX_LOG_DIR": str(self.state / "log"),
            "NIX_STATE_DIR": str(self.state / "state"),
            "NIX_STORE_DIR": str(self.state / "store"),
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.state / "tmp"),
        }
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
