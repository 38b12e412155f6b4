"""Fixtures of the detections: a notebook in a fresh kernel, in each situation.

Each test runs three times: on ipyrust where ipykernel is not installed, on ipyrust where it is, and on ipykernel
itself, so that what is expected is what ipykernel does. `@pytest.mark.ours` leaves the third out, with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from detections.environments import environment
from detections.notebook import Notebook
from frontend import Frontend, KernelProcess, KernelUnderTest

SITUATIONS = ("ipyrust alone", "ipyrust beside ipykernel", "ipykernel")
HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "ours(why): ipykernel itself behaves otherwise")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Making the environments counts into the first test; ipykernel is left out where it differs."""
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        item.add_marker(pytest.mark.timeout(400))
        ours = item.get_closest_marker("ours")
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if ours is not None and parameters.get("situation") == "ipykernel":
            item.add_marker(pytest.mark.skip(reason=f"ipykernel differs: {ours.args[0]}"))


@pytest.fixture(params=SITUATIONS)
def situation(request: pytest.FixtureRequest) -> str:
    """Which kernel, and whether ipykernel is installed beside it."""
    return request.param


@pytest.fixture
def kernel(situation: str) -> KernelUnderTest:
    """The kernel of the situation."""
    python = str(environment(with_ipykernel=situation != SITUATIONS[0]))
    module = "ipykernel_launcher" if situation == "ipykernel" else "ipyrust"
    return KernelUnderTest((python, "-m", module, "-f", "{connection_file}"))


class NamedKernel(KernelProcess):
    """A kernel whose connection file is named as a server names it."""

    def before_start(self) -> None:
        """Put the kernel's id into the name."""
        self.connection_file = self.connection_file.rename(self.folder / "kernel-0123.json")


StartNotebook = Callable[..., Notebook]


@pytest.fixture
def start_notebook(kernel: KernelUnderTest, tmp_path: Path) -> Iterator[StartNotebook]:
    """Start a kernel with these environment variables and open a notebook on it."""
    opened: list[Notebook] = []

    def start(folder: str = "kernel", **env: str | None) -> Notebook:
        place = tmp_path / folder
        place.mkdir()
        changes = {name: None for name in os.environ if name.startswith(("VSCODE", "CI", "GITHUB"))}
        process = NamedKernel(kernel, place, env={**changes, **env})
        opened.append(Notebook(Frontend(process)))
        return opened[-1]

    yield start
    for notebook in opened:
        notebook.close()


@pytest.fixture
def notebook(start_notebook: StartNotebook) -> Notebook:
    """A notebook on a fresh kernel."""
    return start_notebook()
