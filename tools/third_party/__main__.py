"""`python tools/third_party`: write THIRDPARTY.txt and the bill of materials of every package that is built by maturin.

With `--check` nothing is written; a file that is not as it should be is named, and the exit code is 1. Both files are
part of the repository, because a wheel may be built anywhere, from the sdist and without this program.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOOLS))

from third_party.c_libraries import c_libraries  # noqa: E402
from third_party.crates import (  # noqa: E402
    CargoError,
    RustPackage,
    linked_crates,
    rust_packages,
)
from third_party.notices import notice  # noqa: E402
from third_party.sbom import bill_of_materials  # noqa: E402


def main() -> int:
    """Write or check the files; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python tools/third_party", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale")
    check = parser.parse_args().check
    stale = 0
    for package in rust_packages(TOOLS.parent / "packages"):
        try:
            files = contents(package)
        except CargoError as error:
            print(f"third_party: {error}", file=sys.stderr)
            return 2
        for path, text in files.items():
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            name = path.relative_to(TOOLS.parent)
            if check:
                stale += 1
                print(f"{name} is stale: run `python tools/third_party`", file=sys.stderr)
            else:
                path.write_text(text, encoding="utf-8")
                print(f"wrote {name}")
    return int(stale > 0)


def contents(package: RustPackage) -> dict[Path, str]:
    """Path → text of the files that belong to `package`."""
    crates = linked_crates(package)
    libraries = c_libraries(crates)
    return {
        package.folder / "THIRDPARTY.txt": notice(package, crates, libraries),
        package.folder / f"{package.name}.cdx.json": bill_of_materials(package, crates, libraries),
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"third_party: {error}")
