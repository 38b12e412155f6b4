"""history_request (messaging specification, "History")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyrust.ipython.shell import ZMQInteractiveShell


def history(shell: ZMQInteractiveShell, content: Mapping[str, Any]) -> dict[str, Any]:
    """history_reply's content: (history session, line, input) or, with `output`, (…, (input, output))."""
    # IPython calls the running session 0 in some answers; clients ask for it by its number and expect that back.
    running = shell.history_manager.session_number  # type: ignore[union-attr]
    return {
        "status": "ok",
        "history": [[session or running, *entry] for session, *entry in _look_up(shell, content)],
    }


def _look_up(shell: ZMQInteractiveShell, content: Mapping[str, Any]) -> Iterable[Any]:
    manager: Any = shell.history_manager
    kind = content.get("hist_access_type", "tail")
    options = {"raw": content.get("raw", True), "output": content.get("output", False)}
    if kind == "tail":
        entries = manager.get_tail(content.get("n"), include_latest=True, **options)
    elif kind == "range":
        entries = manager.get_range(
            content.get("session", 0), content.get("start", 0), content.get("stop"), **options
        )
    elif kind == "search":
        entries = manager.search(
            content.get("pattern") or "*",
            n=content.get("n"),
            unique=content.get("unique", False),
            **options,
        )
    else:
        entries = []
    return entries  # type: ignore[no-any-return]
