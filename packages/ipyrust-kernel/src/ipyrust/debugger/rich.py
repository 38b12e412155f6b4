"""The rich representation of a variable, as IPython's display formatter makes it.

At a breakpoint the variable is known to the stopped thread only, so the expression of `expression_for` is evaluated
there; its value is text, whatever the variable is.
"""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Json = dict[str, Any]

GROUPS = {"special variables", "function variables"}
"""Names under which pydevd lists several variables."""


def expression_for(name: str) -> str:
    """An expression whose value is the rich representation of the variable `name`, encoded."""
    return f"__import__({__name__!r}, fromlist=['encoded']).encoded({name})"


def encoded(value: object) -> str:
    """The rich representation of `value` as JSON."""
    from IPython.core.getipython import get_ipython

    from ipyrust_core import wire_json

    shell: Any = get_ipython()
    data, metadata = shell.display_formatter.format(value)
    return wire_json.encode({"data": data, "metadata": metadata}).decode("utf-8")


def decoded(result: str) -> Json:
    """What `encoded` returned, from the text that debugpy shows of it; empty when it is something else (an error)."""
    try:
        value = json.loads(ast.literal_eval(result) if result[:1] in {"'", '"'} else result)
        return body(value["data"], value["metadata"])
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError):
        return body({}, {})


def of_global(shell: InteractiveShell, name: str) -> Json:
    """The rich representation of a variable of the user's namespace."""
    found = shell.user_expressions({name: name})[name]
    if found.get("status") != "ok":
        return body({}, {})
    return body(found.get("data", {}), found.get("metadata", {}))


def body(data: Json, metadata: Json) -> Json:
    """Body of the reply: metadata only for what there is."""
    return {"data": data, "metadata": {kind: metadata[kind] for kind in metadata if kind in data}}
