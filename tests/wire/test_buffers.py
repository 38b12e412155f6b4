"""Buffers of a kernel's comms: they arrive as they were when they were sent, and few of them stay in memory."""

import pytest

from frontend import Frontend

SIZES = [1000, 100_000, 2_000_000, 20_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_a_buffer_that_is_changed_after_it_was_sent(frontend: Frontend, size: int) -> None:
    code = f"""
import comm
channel = comm.create_comm(target_name="there")
changing = bytearray(b"a") * {size}
for letter in b"bcd":
    channel.send({{}}, buffers=[changing, memoryview(changing).cast("B", ({size // 10}, 10))[:1]])
    changing[:] = bytes([letter]) * {size}
"""
    published = frontend.execute(code).finish().published
    sent = [message.buffers for message in published if message.msg_type == "comm_msg"]
    letters = [(set(whole), len(whole), part) for whole, part in sent]
    assert letters == [({letter}, size, bytes([letter]) * 10) for letter in b"abc"]
