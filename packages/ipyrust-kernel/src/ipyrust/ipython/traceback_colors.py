"""The colours of tracebacks, worked out once for each theme.

For every traceback IPython makes a style of the theme's and a formatter of that, which looks for the nearest of 256
colours for each kind of token: half of the time that an error takes to be shown. Both depend on the theme alone, so
what was found is kept while the kernel runs. Nothing is imported for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any

from ipyrust.replaced import replaced
from ipyrust.when_imported import when_imported

FORMATTERS = "pygments.formatters.terminal256"
ATTRIBUTES = ("usebold", "useunderline", "useitalic")
"""What a formatter may be told to leave out."""
KEPT = 16
"""Styles of which the colours are kept, and changes of styles that are kept; the one used longest ago makes room."""


@contextmanager
def kept_traceback_colors() -> Iterator[None]:
    """While it is entered, no traceback works out again what an earlier one did."""
    with (
        ExitStack() as stack,
        when_imported(("stack_data",), lambda: _keep_styles(stack)),
        when_imported((FORMATTERS,), lambda: _keep_colors(stack)),
    ):
        yield


def _keep_styles(stack: ExitStack) -> None:
    stack_data = sys.modules["stack_data"]
    make = getattr(stack_data, "style_with_executing_node", None)
    if make is not None:  # Else nobody calls it.
        kept = lru_cache(KEPT)(make)
        stack.enter_context(replaced(stack_data, "style_with_executing_node", kept))


def _keep_colors(stack: ExitStack) -> None:
    formatter: Any = getattr(sys.modules[FORMATTERS], "Terminal256Formatter", None)
    find_colors = getattr(formatter, "_setup_styles", None)
    if find_colors is not None:  # Else this pygments finds them in another way.
        stack.enter_context(replaced(formatter, "_setup_styles", _keeping(find_colors)))


def _keeping(find_colors: Any) -> Any:
    """`find_colors`, which fills two tables of a formatter, called once for each style and choice of attributes."""

    @lru_cache(KEPT)
    def tables_of(
        _kind: type, _style: object, _attributes: tuple[bool, ...]
    ) -> list[dict[Any, Any]]:
        return []

    def find_colors_once(formatter: Any) -> None:
        attributes = tuple(getattr(formatter, name, True) for name in ATTRIBUTES)
        tables = tables_of(formatter.__class__, formatter.style, attributes)
        if not tables:
            find_colors(formatter)
            tables[:] = [formatter.style_string.copy(), formatter.best_match.copy()]
        formatter.style_string, formatter.best_match = (table.copy() for table in tables)

    return find_colors_once
