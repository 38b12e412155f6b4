"""The shape of DAP responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
Content = Mapping[str, Any]


class RequestError(Exception):
    """A request cannot be fulfilled; the text is for the person who debugs."""


def success(request: Content, body: Json | None = None) -> Json:
    """A positive response to `request`."""
    response = {
        "type": "response",
        "request_seq": request.get("seq", 0),
        "success": True,
        "command": request.get("command", ""),
    }
    if body is not None:
        response["body"] = body
    return response


def failure(request: Content, message: str, body: Json | None = None) -> Json:
    """A negative response, with the reason."""
    return {**success(request, body), "success": False, "message": message}


def relayed(request: Content, response: Json) -> Json:
    """debugpy's response to a request of ours, as the response to the frontend's `request`."""
    return {
        **response,
        "request_seq": request.get("seq", 0),
        "command": request.get("command", ""),
    }


def argument(request: Content, name: str, kind: type) -> Any:
    """`request.arguments[name]`. Raises RequestError when it is missing or not a `kind`."""
    arguments = request.get("arguments")
    value = arguments.get(name) if isinstance(arguments, Mapping) else None
    if not isinstance(value, kind):
        raise RequestError(f"arguments.{name} must be a {kind.__name__}, not {value!r:.80}")
    return value
