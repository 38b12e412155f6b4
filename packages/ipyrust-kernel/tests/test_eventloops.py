"""What %gui means, without any toolkit: names, messages, and loops that others register."""

from __future__ import annotations

import os
import sys
import threading
import types
from collections.abc import Iterator

import pytest
from IPython.core.error import UsageError

from ipyrust.eventloops import integrations, qt
from ipyrust.eventloops.joint import JointFd
from ipyrust.eventloops.names import GONE, LOOPLESS, TOOLKITS, enable_gui, make_toolkit
from ipyrust.eventloops.of_kernel import HasEventLoop


class CoreKernel:
    """The one attribute of the core's kernel that matters."""

    idle_hook = None


class Facade(HasEventLoop):
    """A kernel's façade with an event loop and nothing else."""

    def __init__(self) -> None:
        self._kernel = CoreKernel()  # type: ignore[assignment]


class OwnToolkit:
    """A toolkit that notes what happens to it."""

    def __init__(self) -> None:
        self.closed = False

    def wait(self, fds, timeout) -> None:
        """Nothing."""

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def kernel() -> Facade:
    return Facade()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    fds = os.pipe()
    yield fds
    for fd in fds:
        os.close(fd)


@pytest.fixture
def no_qt(monkeypatch: pytest.MonkeyPatch) -> None:
    """No binding of Qt is imported or installed."""
    for package in qt.BINDINGS.values():
        monkeypatch.delitem(sys.modules, f"{package}.QtCore", raising=False)
    monkeypatch.setattr(qt, "find_spec", lambda name: None)
    monkeypatch.delenv("QT_API", raising=False)


def test_setting_a_toolkit_makes_it_wait_for_the_kernel(kernel: Facade) -> None:
    toolkit = OwnToolkit()
    kernel.eventloop = toolkit
    assert kernel.eventloop is toolkit
    assert kernel._kernel.idle_hook == toolkit.wait


def test_another_toolkit_closes_the_first(kernel: Facade) -> None:
    first = kernel.eventloop = OwnToolkit()
    kernel.eventloop = OwnToolkit()
    assert first.closed


@pytest.mark.parametrize("gui", [None, "", *LOOPLESS])
def test_names_without_a_loop_end_the_present_one(kernel: Facade, gui: str | None) -> None:
    toolkit = kernel.eventloop = OwnToolkit()
    enable_gui(gui, kernel)
    assert toolkit.closed and kernel.eventloop is None and kernel._kernel.idle_hook is None


@pytest.mark.parametrize("gui", sorted(GONE))
def test_old_toolkits_name_their_successor(gui: str) -> None:
    with pytest.raises(UsageError, match="use " + GONE[gui]):
        make_toolkit(gui)


def test_a_wrong_name_lists_the_right_ones() -> None:
    with pytest.raises(UsageError) as raised:
        make_toolkit("nonsense")
    assert all(name in str(raised.value) for name in (*TOOLKITS, *LOOPLESS))


def test_a_toolkit_that_fails_leaves_the_present_one(kernel: Facade) -> None:
    toolkit = kernel.eventloop = OwnToolkit()
    with pytest.raises(UsageError):
        enable_gui("nonsense", kernel)
    assert kernel.eventloop is toolkit and not toolkit.closed


def test_another_thread_may_not_choose(kernel: Facade) -> None:
    raised: list[Exception] = []

    def choose() -> None:
        try:
            enable_gui("tk", kernel)
        except UsageError as error:
            raised.append(error)

    thread = threading.Thread(target=choose)
    thread.start()
    thread.join()
    assert "main shell" in str(raised[0])


@pytest.mark.parametrize(
    ("module", "gui", "install"),
    [
        ("tkinter", "tk", "python3-tk"),
        ("gi", "gtk3", "gir1.2-gtk-3.0"),
        ("gi", "gtk4", "gir1.2-gtk-4.0"),
        ("wx", "wx", "wxPython"),
    ],
)
def test_a_missing_toolkit_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, module: str, gui: str, install: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=rf"%gui {gui} needs .*install.*{install}"):
        make_toolkit(gui)


@pytest.mark.usefixtures("no_qt")
@pytest.mark.parametrize(
    ("gui", "install"),
    [("qt", "PyQt6"), ("qt6", "PySide6"), ("qt5", "PyQt5"), ("pyside2", "PySide2")],
)
def test_missing_qt_says_how_to_install_it(gui: str, install: str) -> None:
    with pytest.raises(UsageError, match=f"%pip install {install}"):
        qt.choose_binding(gui)


@pytest.mark.usefixtures("no_qt")
def test_qt_api_chooses_among_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qt, "find_spec", lambda name: object())
    assert qt.choose_binding("qt") == "pyqt6"
    assert qt.choose_binding("qt5") == "pyqt5"
    monkeypatch.setenv("QT_API", "PySide6")
    assert qt.choose_binding("qt") == "pyside6"
    assert qt.choose_binding("qt5") == "pyqt5"


@pytest.mark.usefixtures("no_qt")
def test_an_imported_binding_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PySide2.QtCore", types.ModuleType("PySide2.QtCore"))
    assert qt.choose_binding("qt") == "pyside2"
    with pytest.raises(UsageError, match=r"PySide2 is imported already.*restart"):
        qt.choose_binding("qt6")


def test_a_registered_loop_runs_until_something_waits(
    kernel: Facade, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = pipe
    monkeypatch.setattr(integrations, "loop_map", {None: None})
    passes = []

    @integrations.register_integration("own", "alias")
    def loop(kernel) -> None:
        while not kernel.shell_stream.flush(limit=1):
            passes.append(kernel.shell_stream.getsockopt(14))
            os.write(writing, b"x")

    ended = []
    loop.exit(ended.append)
    kernel.eventloop = integrations.loop_map["alias"]
    kernel._kernel.idle_hook([reading], None)
    assert len(passes) == 1
    kernel.eventloop = None
    assert ended == [kernel] and not hasattr(kernel, "shell_stream")


def test_several_descriptors_are_one(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    joint = JointFd()
    joint.watch([reading])
    assert not joint.input_is_ready()
    os.write(writing, b"x")
    assert joint.input_is_ready()
    joint.close()
