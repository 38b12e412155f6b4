"""inspect_request (messaging specification, "Introspection").

IPython renders what it finds as text and as HTML, and the HTML, which takes longer than all the rest, is dropped unless
the user enabled it. So it is not made then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyrust.ipython.shell import ZMQInteractiveShell

_drops_html: ContextVar[bool] = ContextVar("ipyrust_drops_html", default=False)


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
    _make_html_only_if_shown()
    token = _drops_html.set(not shell.enable_html_pager)
    try:
        name = token_at_cursor(code, max(0, min(cursor_pos, len(code))))
        data = shell.object_inspect_mime(  # type: ignore[no-untyped-call]
            name, detail_level=detail_level, omit_sections=set(omit_sections)
        )
    except Exception:
        return reply
    finally:
        _drops_html.reset(token)
    if not shell.enable_html_pager:
        data.pop("text/html", None)
    reply.update(found=True, data=data)
    return reply


@cache
def _make_html_only_if_shown() -> None:
    """Let the function that colours HTML for IPython do nothing where the result is dropped."""
    from IPython.core import oinspect

    colour: Callable[..., str] = oinspect.pylight

    @wraps(colour)
    def colour_if_shown(code: str) -> str:
        return "" if _drops_html.get() else colour(code)

    oinspect.pylight = colour_if_shown
