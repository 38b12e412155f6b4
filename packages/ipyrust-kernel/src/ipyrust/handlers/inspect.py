"""inspect_request (messaging specification, "Introspection")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyrust.ipython.shell import ZMQInteractiveShell


def inspect(
    shell: ZMQInteractiveShell,
    code: str,
    cursor_pos: int,
    detail_level: int,
    omit_sections: Sequence[str],
) -> dict[str, Any]:
    """inspect_reply's content; an object whose own code fails while it is looked at counts as not found."""
    from IPython.utils.tokenutil import token_at_cursor

    reply: dict[str, Any] = {"status": "ok", "found": False, "data": {}, "metadata": {}}
    try:
        name = token_at_cursor(code, max(0, min(cursor_pos, len(code))))
        data = shell.object_inspect_mime(  # type: ignore[no-untyped-call]
            name, detail_level=detail_level, omit_sections=set(omit_sections)
        )
    except Exception:
        return reply
    if not shell.enable_html_pager:
        data.pop("text/html", None)
    reply.update(found=True, data=data)
    return reply
