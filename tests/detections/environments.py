"""The environments that the libraries live in: one without ipykernel, and one that has it beside.

The second one holds only ipykernel and looks for everything else in the first.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ipyrust
import ipyrust_core
from pinned_environments import locked, made, site_packages

HERE = Path(__file__).parent
ALONE, BESIDE = HERE / "requirements.txt", HERE / "requirements-ipykernel.txt"


def environment(*, with_ipykernel: bool) -> Path:
    """The Python of one of the environments, made if it is not there."""
    with locked("detections") as cache:
        alone = made(cache, "alone", [ALONE])
        python = _beside(cache, alone) if with_ipykernel else alone
        _link_ipyrust(site_packages(alone))
        return python


def _beside(cache: Path, alone: Path) -> Path:
    """The Python of the environment with ipykernel, and the other one behind it."""
    python = made(cache, "beside", [ALONE, BESIDE])
    behind = site_packages(alone)
    path_file = site_packages(python) / "behind.pth"
    if not path_file.exists():
        _replace(path_file, lambda new: new.write_text(f"{behind}\n{_packages(behind)}\n"))
    return python


def _packages(modules: Path) -> Path:
    return modules.parent / "ipyrust-packages"


def _link_ipyrust(modules: Path) -> None:
    """Put the two packages under test on the path, and nothing else of the place where they are installed."""
    folder = _packages(modules)
    folder.mkdir(exist_ok=True)
    for package in (ipyrust, ipyrust_core):
        source = Path(package.__file__ or "").parent
        link = folder / source.name
        if link.is_symlink() and link.readlink() == source:
            continue
        _replace(link, lambda new, source=source: new.symlink_to(source))
    path_file = modules / "ipyrust.pth"
    if not path_file.exists():
        _replace(path_file, lambda new: new.write_text(f"{folder}\n"))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Put what `write` makes at `path` in one step: kernels of other tests start and read it all the while."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    write(new)
    new.replace(path)
