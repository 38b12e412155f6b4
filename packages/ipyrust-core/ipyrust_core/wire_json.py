"""JSON as it goes over the wire: strict on output, forgiving about what users put in.

`encode` first tries the C encoder as it is; only a value that JSON does not know (a numpy scalar, bytes, NaN, a set, a
key that is not a string, a lone surrogate) takes the slow path, which converts it the way Jupyter frontends expect.

Every message passes here, and what `json` does around its C code (a new encoder for each value, the search for white
space and for an encoding) takes longer than the C code itself for small ones. So it is called directly, and `json`
where that does not succeed.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from numbers import Integral, Real
from typing import Any, cast

_strict = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
)
_escaped = json.JSONEncoder(
    ensure_ascii=True, allow_nan=False, check_circular=False, separators=(",", ":")
)

_scan: Callable[[str, int], tuple[Any, int]] = cast(Any, json.JSONDecoder()).scan_once


def _chunks() -> Callable[[Any, int], Iterable[str]]:
    """What `_strict` makes for each value that it encodes, made once; it keeps nothing of one."""
    make: Callable[..., Callable[[Any, int], Iterable[str]]] | None
    make = cast(Any, json.encoder).c_make_encoder
    if make is None:  # A Python without the C encoder.
        return lambda value, _level: _strict.iterencode(value)
    separators = (_strict.key_separator, _strict.item_separator)
    encode_string = json.encoder.encode_basestring
    return make(None, _strict.default, encode_string, None, *separators, False, False, False)


_strict_chunks = _chunks()


def encode(value: Any) -> bytes:
    """Encode `value` as UTF-8 JSON. Raises ValueError or TypeError when it cannot be converted or nests too deeply."""
    try:
        return "".join(_strict_chunks(value, 0)).encode("utf-8")
    except UnicodeEncodeError:
        return _escaped.encode(value).encode("ascii")
    except (TypeError, ValueError, RecursionError):
        return _encode_cleaned(value)


def _encode_cleaned(value: Any) -> bytes:
    try:
        return _escaped.encode(clean(value)).encode("ascii")
    except RecursionError as error:
        raise ValueError("the value nests too deeply for JSON") from error
    except OverflowError as error:
        raise ValueError(f"the value holds a number or date out of range: {error}") from error


def decode(data: bytes) -> Any:
    """Decode one JSON frame. Raises ValueError when it is not JSON."""
    try:
        text = data.decode()
        value, end = _scan(text, 0)
    except (StopIteration, ValueError):
        return json.loads(data)
    return value if end == len(text) else json.loads(data)


def clean(value: Any, _ancestors: tuple[int, ...] = ()) -> Any:
    """Turn `value` into plain JSON types: NaN and infinities to strings, bytes to base64, dates to ISO 8601."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if number - number == 0.0 else repr(number)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.astimezone()
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if id(value) in _ancestors:
        raise ValueError(f"circular reference through a {type(value).__name__}")
    ancestors = (*_ancestors, id(value))
    if isinstance(value, Mapping):
        return _clean_mapping(value, ancestors)
    if hasattr(
        value, "tolist"
    ):  # numpy's arrays, and those of its scalars that are no Python number
        return clean(value.tolist(), ancestors)
    if isinstance(value, Iterable):
        return [clean(item, ancestors) for item in value]
    raise TypeError(f"a {type(value).__name__} cannot be sent as JSON: {value!r:.100}")


def _clean_mapping(value: Mapping[Any, Any], ancestors: tuple[int, ...]) -> dict[str, Any]:
    cleaned = {_key(key): clean(item, ancestors) for key, item in value.items()}
    if len(cleaned) != len(value):
        raise ValueError("two keys of a mapping become the same string in JSON")
    return cleaned


def _key(key: Any) -> str:
    """As the C encoder writes it, and the text of what it refuses."""
    constants = {None: "null", True: "true", False: "false"}
    return constants[key] if key is None or isinstance(key, bool) else str(key)
