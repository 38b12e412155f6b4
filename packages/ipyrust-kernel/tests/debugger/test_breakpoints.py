"""`breakpoint()` and its hook."""

import sys
from types import FrameType

import pytest

from ipyrust.debugger.breakpoints import BreakpointHook, kept_breakpointhook


@pytest.fixture(autouse=True)
def pythons_own_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest has a hook of its own."""
    monkeypatch.delenv("PYTHONBREAKPOINT", raising=False)
    monkeypatch.setattr(sys, "breakpointhook", sys.__breakpointhook__)


def test_the_hook_gets_the_callers_frame_until_it_is_restored() -> None:
    frames: list[FrameType] = []
    hook = BreakpointHook()
    hook.install(frames.append)
    breakpoint()
    assert frames == [sys._getframe()]
    hook.restore()
    assert sys.breakpointhook is sys.__breakpointhook__


def test_a_hook_of_the_users_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    own = lambda: None  # noqa: E731
    sys.breakpointhook = own
    hook = BreakpointHook()
    hook.install(lambda frame: None)
    assert sys.breakpointhook is own
    hook.restore()
    assert sys.breakpointhook is own


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONBREAKPOINT", "0")
    BreakpointHook().install(lambda frame: None)
    assert sys.breakpointhook is sys.__breakpointhook__


def test_a_hook_set_meanwhile_stays() -> None:
    hook = BreakpointHook()
    hook.install(lambda frame: None)
    own = sys.breakpointhook = lambda: None
    hook.restore()
    assert sys.breakpointhook is own


def test_the_hook_is_kept() -> None:
    with kept_breakpointhook():
        sys.breakpointhook = lambda: None
    assert sys.breakpointhook is sys.__breakpointhook__
