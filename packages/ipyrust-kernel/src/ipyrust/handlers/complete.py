"""complete_request (messaging specification, "Completion"). Positions are in unicode code points, as Python's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipyrust.ipython.kernel_traits import kernel_trait

if TYPE_CHECKING:
    from ipyrust.ipython.shell import ZMQInteractiveShell

TYPES_KEY = "_jupyter_types_experimental"
"""Where frontends look for the kind and signature of each match."""


def complete(shell: ZMQInteractiveShell, code: str, cursor_pos: int) -> dict[str, Any]:
    """complete_reply's content."""
    cursor_pos = max(0, min(cursor_pos, len(code)))
    if not kernel_trait(shell.config, "use_experimental_completions", True):
        return _complete_plainly(shell, code, cursor_pos)
    from IPython.core.completer import provisionalcompleter, rectify_completions

    with provisionalcompleter():
        raw = shell.Completer.completions(code, cursor_pos)
        matches = list(rectify_completions(code, raw))
    return {
        "status": "ok",
        "matches": [match.text for match in matches],
        "cursor_start": matches[0].start if matches else cursor_pos,
        "cursor_end": matches[0].end if matches else cursor_pos,
        "metadata": {
            TYPES_KEY: [
                {
                    "start": match.start,
                    "end": match.end,
                    "text": match.text,
                    "type": match.type,
                    "signature": match.signature,
                }
                for match in matches
            ]
        },
    }


def _complete_plainly(shell: ZMQInteractiveShell, code: str, cursor_pos: int) -> dict[str, Any]:
    """Completion of the cursor's line with IPython's stable interface."""
    from IPython.utils.tokenutil import line_at_cursor

    line, offset = line_at_cursor(code, cursor_pos)
    text, matches = shell.complete("", line, cursor_pos - offset)
    return {
        "status": "ok",
        "matches": matches,
        "cursor_start": cursor_pos - len(text),
        "cursor_end": cursor_pos,
        "metadata": {},
    }
