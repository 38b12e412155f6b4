"""output/parent_lookup: requests as message dicts, and how many of them are kept."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest
from fake_core import FakeRequest

from ipyrust.output.parent_lookup import (
    LARGE,
    REMEMBERED_LARGE,
    REMEMBERED_LARGE_BYTES,
    REMEMBERED_MESSAGES,
    ParentMessages,
)


def plain() -> FakeRequest:
    return FakeRequest("execute_request", {"code": "1"})


def with_buffers() -> FakeRequest:
    return FakeRequest("comm_msg", buffers=[memoryview(bytes(LARGE))])


def with_content() -> FakeRequest:
    return FakeRequest("comm_msg", {"data": "x" * LARGE})


def remember(messages: ParentMessages, make: Callable[[], FakeRequest], count: int) -> list[str]:
    """Remember new requests that nobody else keeps, and return their ids."""
    ids = []
    for _ in range(count):
        request = make()
        messages.remember(request)  # type: ignore[arg-type]
        ids.append(request.msg_id)
    del request
    gc.collect()
    return ids


def known(messages: ParentMessages, ids: list[str]) -> list[str]:
    return [name for name in ids if messages.find({"msg_id": name}) is not None]


@pytest.mark.parametrize("make", [with_buffers, with_content])
def test_few_large_requests_are_kept(make: Callable[[], FakeRequest]) -> None:
    messages = ParentMessages()
    ids = remember(messages, make, 20)
    assert known(messages, ids) == ids[-REMEMBERED_LARGE:]


def test_large_requests_keep_few_bytes() -> None:
    messages = ParentMessages()
    half = memoryview(bytes(REMEMBERED_LARGE_BYTES // 2))
    ids = remember(messages, lambda: FakeRequest("comm_msg", buffers=[half]), 3)
    assert known(messages, ids) == ids[-1:]  # Two of them are too large by their contents.
    ids += remember(messages, with_buffers, 1)
    assert known(messages, ids) == ids[-2:]


def test_a_huge_request_is_known_only_while_it_is_in_use() -> None:
    messages = ParentMessages()
    huge = FakeRequest("comm_msg", buffers=[memoryview(bytes(REMEMBERED_LARGE_BYTES))])
    message = messages.message(huge)  # type: ignore[arg-type]
    assert messages.find(message) is huge
    del huge
    gc.collect()
    assert messages.find(message) is None


def test_many_small_requests_are_kept() -> None:
    messages = ParentMessages()
    ids = remember(messages, plain, REMEMBERED_MESSAGES + 10)
    assert known(messages, ids) == ids[10:]


def test_large_requests_do_not_displace_cells() -> None:
    messages = ParentMessages()
    cell = plain()
    message = messages.message(cell)  # type: ignore[arg-type]
    reference = weakref.ref(cell)
    del cell
    remember(messages, with_buffers, REMEMBERED_MESSAGES * 2)
    assert messages.find(message) is reference() is not None


def test_a_large_request_in_use_is_known() -> None:
    messages = ParentMessages()
    used = with_buffers()
    messages.remember(used)  # type: ignore[arg-type]
    remember(messages, with_buffers, 20)
    assert messages.find({"msg_id": used.msg_id}) is used


def test_asking_again_makes_a_large_request_the_newest() -> None:
    messages = ParentMessages()
    ids = remember(messages, with_buffers, REMEMBERED_LARGE)
    messages.header(messages.find({"msg_id": ids[0]}))
    remember(messages, with_buffers, REMEMBERED_LARGE - 1)
    assert known(messages, ids) == ids[:1]
