"""is_complete_request (messaging specification, "Code completeness")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyrust.ipython.shell import ZMQInteractiveShell


def is_complete(shell: ZMQInteractiveShell, code: str) -> dict[str, Any]:
    """is_complete_reply's content; incomplete code comes with the indentation of its next line."""
    status, spaces = shell.input_transformer_manager.check_complete(code)
    if status == "incomplete":
        return {"status": status, "indent": " " * (spaces or 0)}
    return {"status": status}
