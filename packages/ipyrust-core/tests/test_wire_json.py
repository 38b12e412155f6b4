"""`wire_json` against `json.loads`, and its rules for what JSON does not know."""

from __future__ import annotations

import array
import base64
import enum
import json
from collections import ChainMap, OrderedDict, deque
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction

import numpy
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ipyrust_core import wire_json

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
keys = st.text() | st.integers() | st.booleans() | st.none() | st.floats()
anything = st.recursive(
    scalars | st.datetimes(timezones=st.just(UTC)) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=15,
)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


def strict(encoded):
    """What a strict reader of JSON gets."""

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(encoded.decode("utf-8"), parse_constant=refuse)


def back(value):
    return strict(wire_json.encode(value))


@settings(deadline=None)
@given(plain)
def test_plain_values_come_back_as_they_were(value):
    assert back(value) == value


@settings(deadline=None)
@given(anything)
def test_whatever_is_encoded_is_strict_json(value):
    try:
        encoded = wire_json.encode(value)
    except ValueError as error:
        assume("same string" not in str(error))  # Keys that collide, and nothing else, are refused.
        raise
    strict(encoded)


@settings(deadline=None)
@given(plain)
def test_the_slow_path_agrees_with_the_fast_one(value):
    assert wire_json.clean(value) == value


class Colour(enum.IntEnum):
    RED = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (-float("inf"), "-inf"),
        ([1.5, float("nan")], [1.5, "nan"]),
        (numpy.int8(-3), -3),
        (numpy.uint64(2**64 - 1), 2**64 - 1),
        (numpy.float32(0.5), 0.5),
        (numpy.float64("nan"), "nan"),
        (numpy.bool_(True), True),
        (numpy.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (numpy.array(7), 7),
        (array.array("h", [1, -2]), [1, -2]),
        (b"\x00\xff", base64.b64encode(b"\x00\xff").decode()),
        (bytearray(b"a" * 100), base64.b64encode(b"a" * 100).decode()),
        (memoryview(b"abc"), "YWJj"),
        ("\ud800", "\ud800"),
        ({"\udfff": ["é"]}, {"\udfff": ["é"]}),
        (10**40, 10**40),
        (-(2**63) - 1, -(2**63) - 1),
        (Fraction(1, 4), 0.25),
        (Colour.RED, 3),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:00:00Z"),
        (date(2026, 1, 2), "2026-01-02"),
        ({1: "a"}, {"1": "a"}),
        ({True: 1, None: 2}, {"true": 1, "null": 2}),
        ({True: {1}, None: {2}, False: {3}}, {"true": [1], "null": [2], "false": [3]}),
        ({(1, 2): "tuple"}, {"(1, 2)": "tuple"}),
        ((1, (2,)), [1, [2]]),
        ({4}, [4]),
        (frozenset(), []),
        (deque([1]), [1]),
        (range(3), [0, 1, 2]),
        (OrderedDict(a=1), {"a": 1}),
        (ChainMap({"a": {1}}), {"a": [1]}),
    ],
    ids=lambda value: "memoryview" if isinstance(value, memoryview) else repr(value),
)
def test_rules(value, expected):
    result = back(value)
    assert (result, type(result)) == (expected, type(expected))


def test_generators_are_read_once():
    assert back(number**2 for number in range(4)) == [0, 1, 4, 9]


def test_a_naive_datetime_is_local_time():
    naive = datetime(2026, 6, 1, 12)
    assert datetime.fromisoformat(back(naive)) == naive.astimezone(UTC)


def test_text_is_utf_8_and_not_escaped():
    assert wire_json.encode({"é": "😀"}) == '{"é":"😀"}'.encode()


def test_the_same_object_twice_is_not_a_circle():
    shared = {1}
    assert back([shared, {"again": shared}]) == [[1], {"again": [1]}]


def circle_of_lists():
    circle = []
    circle.append([circle])
    return circle


def circle_of_dicts():
    circle = {}
    circle["self"] = {"inner": circle}
    return circle


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (circle_of_lists(), "circular reference through a list"),
        (circle_of_dicts(), "circular reference through a dict"),
        (object(), "a object cannot be sent as JSON"),
        (1j, "a complex cannot be sent as JSON"),
        ([{"x": object}], "a type cannot be sent as JSON"),
        ({1: {0}, "1": {0}}, "same string"),
        (Fraction(10**400), "out of range"),
        (10**5000, "4300"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_sent_is_a_plain_error(value, message):
    with pytest.raises((TypeError, ValueError), match=message):
        wire_json.encode(value)


def test_nesting_beyond_measure_is_a_plain_error():
    with pytest.raises(ValueError, match="too deeply"):
        wire_json.encode(deep())


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"nul", b'"\n"'])
def test_decode_refuses_what_is_not_json(data):
    with pytest.raises(ValueError):  # noqa: PT011 - json's and UTF-8's errors have nothing else in common
        wire_json.decode(data)
