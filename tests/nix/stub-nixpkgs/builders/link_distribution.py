"""Links a distribution of this Python, and everything it requires, into a directory: NAME DIRECTORY."""

import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(name: str, seen: set[str]) -> None:
    """Add the canonical names of a distribution and of all that it requires here to `seen`."""
    if canonicalize_name(name) in seen:
        return
    seen.add(canonicalize_name(name))
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            closure(requirement.name, seen)


def link(name: str, directory: Path) -> None:
    """Link the top-level files and directories of one distribution into `directory`."""
    found = distribution(name)
    tops = {Path(file).parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    for top in tops:
        link = directory / top
        if not link.is_symlink():
            link.symlink_to(found.locate_file(top))


if __name__ == "__main__":
    names: set[str] = set()
    closure(sys.argv[1], names)
    Path(sys.argv[2]).mkdir(parents=True)
    for name in sorted(names):
        link(name, Path(sys.argv[2]))
