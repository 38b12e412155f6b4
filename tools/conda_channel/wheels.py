"""One wheel → one conda package."""

from __future__ import annotations

import configparser
import re
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from rattler_build import assemble_package

from conda_channel.names import Names
from conda_channel.places import ChannelError
from conda_channel.resolution import Distribution, Resolution

MADE = datetime(2026, 1, 1, tzinfo=UTC)
"""Of every package, so that equal wheels make equal packages."""
BUILD = "standin"
DATA_FILE = re.compile(r"[^/]+\.data/(\w+)/(.+)")
SCRIPT = """\
#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
import sys
from {module} import {name}
sys.exit({call}())
"""
"""A command that starts the interpreter beside it, wherever the environment is."""


class WheelConverter:
    """Makes packages of wheels that one resolution chose."""

    def __init__(self, resolution: Resolution, names: Names) -> None:
        self.resolution = resolution
        self.names = names

    def depends(self, item: Distribution, python: str) -> list[str]:
        """The package's `depends`; `python` is the minor version, which only compiled wheels are tied to."""
        needed = item.python if item.serves_every_python else f"{python}.*"
        found = {f"python {needed}".strip()}
        for each in self.resolution.dependencies(item):
            version = ",".join(sorted(str(part) for part in each.specifier))
            found.add(f"{self.names.conda(each.name)} {version}".strip())
        return sorted(found)

    def subdir(self, item: Distribution) -> str:
        """Which part of the channel the package belongs to."""
        return "noarch" if item.is_pure else "linux-64"

    def build_string(self, item: Distribution, python: str) -> str:
        """Says which Python a compiled package is for, and that it is a stand-in."""
        return BUILD if item.serves_every_python else f"py{python.replace('.', '')}_{BUILD}"

    def convert(self, item: Distribution, wheel: Path, python: str, folder: Path) -> None:
        """Write the package into a subdirectory of `folder`."""
        with tempfile.TemporaryDirectory() as scratch:
            layout = Layout(Path(scratch), None if item.serves_every_python else python)
            layout.unpack(wheel)
            subdir = self.subdir(item)
            assemble_package(
                self.names.conda(item.name),
                item.version.replace("-", "_"),
                subdir,
                self.build_string(item, python),
                folder / subdir,
                files_dir=scratch,
                depends=self.depends(item, python),
                noarch="python" if item.serves_every_python else None,
                license=item.licence or None,
                summary=f"{item.summary} [stand-in, made of PyPI's {item.filename}]".strip(),
                timestamp=MADE,
                compression_level=1,
                compression_threads=1,
                detect_prefix=False,
            )


class Layout:
    """Where the files of a wheel go in a package."""

    def __init__(self, root: Path, python: str | None) -> None:
        """`python`: the one version it is for; None means that each installation decides the directory."""
        self.root = root
        self.site_packages = (
            root / "site-packages" if python is None else root / f"lib/python{python}/site-packages"
        )
        self.programs = root / ("python-scripts" if python is None else "bin")

    def unpack(self, wheel: Path) -> None:
        """Unpack the wheel and make its commands."""
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    place, mode = self._place(member.filename)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(archive.read(member))
                    place.chmod(mode)
        info = next(self.site_packages.glob("*.dist-info"), None)
        if info is None:
            raise ChannelError(f"{wheel.name} is no wheel: it has no .dist-info")
        (info / "INSTALLER").write_text("conda\n", encoding="utf-8")
        self._make_commands(info / "entry_points.txt")

    def _place(self, name: str) -> tuple[Path, int]:
        match = DATA_FILE.fullmatch(name)
        if match is None:
            return self.site_packages / name, 0o644
        kind, rest = match.groups()
        folder = {"scripts": self.programs, "data": self.root, "headers": self.root / "include"}
        return folder.get(kind, self.site_packages) / rest, 0o755 if kind == "scripts" else 0o644

    def _make_commands(self, entry_points: Path) -> None:
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read(entry_points, encoding="utf-8")
        for group in ("console_scripts", "gui_scripts"):
            for command, target in parser.items(group) if parser.has_section(group) else ():
                module, _, call = target.partition("[")[0].strip().partition(":")
                self.programs.mkdir(parents=True, exist_ok=True)
                script = self.programs / command
                name = call.split(".")[0]
                script.write_text(
                    SCRIPT.format(module=module, name=name, call=call), encoding="utf-8"
                )
                script.chmod(0o755)
