"""jupyter_client's Session as oracle: the kernel reads what it packs, it reads what the kernel packs."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontend import Frontend, busy, comm_msg, idle, reply

session_module = pytest.importorskip("jupyter_client.session")
pytestmark = pytest.mark.parity

ECHO = """
import comm
c = comm.create_comm(target_name="there")
c.on_msg(lambda m: c.send(m["content"]["data"], m["metadata"], m["buffers"]))
"""
bounded = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda children: st.lists(children, max_size=5) | st.dictionaries(text, children, max_size=5),
    max_leaves=20,
)


@pytest.fixture
def oracle(frontend: Frontend) -> Iterator[Any]:
    """A Session with the kernel's key and this client's session id."""
    session = session_module.Session(
        key=frontend.signer.key,
        signature_scheme=frontend.connection["signature_scheme"],
        session=frontend.session_id,
    )
    frontend.raw = []
    yield session
    session.digest_history.clear()


@pytest.fixture
def echo(frontend: Frontend) -> str:
    """The comm_id of a comm that echoes."""
    frontend.run(ECHO)
    return frontend.value("c.comm_id").strip("'")


@bounded
@given(data=json_values)
def test_any_json_comes_back_through_a_comm(frontend: Frontend, echo: str, data: Any) -> None:
    exchange = frontend.request("comm_msg", {"comm_id": echo, "data": {"any": data}})
    assert exchange.reaches(comm_msg).content["data"] == {"any": data}


@bounded
@given(buffers=st.lists(st.binary(max_size=1000), max_size=8))
def test_any_buffers_come_back_through_a_comm(
    frontend: Frontend, echo: str, buffers: list[bytes]
) -> None:
    exchange = frontend.request("comm_msg", {"comm_id": echo, "data": {}}, buffers=buffers)
    assert list(exchange.reaches(comm_msg).buffers) == buffers


@bounded
@given(printed=text)
def test_any_text_can_be_printed(frontend: Frontend, printed: str) -> None:
    seen = frontend.execute(f"print({printed!a}, end='')", store_history=False).finish()
    assert seen.text() == printed


@bounded
@given(metadata=st.dictionaries(text, json_values, max_size=5), content=json_values)
def test_what_the_oracle_packs_is_answered(
    frontend: Frontend, oracle: Any, metadata: dict[str, Any], content: Any
) -> None:
    message = oracle.msg("kernel_info_request", {"x": content}, metadata=metadata)
    request = frontend.expect(message["header"])
    frontend.send_frames(oracle.serialize(message))
    request.sees(busy, reply("ok"), idle)


def test_the_oracle_reads_everything_that_a_rich_cell_causes(
    frontend: Frontend, oracle: Any
) -> None:
    code = "import sys; print('é😀'); print(1, file=sys.stderr); display({'a': 1}); 1/0"
    frontend.execute(code).finish()
    for channel, frames in frontend.raw or []:
        _, rest = oracle.feed_identities(frames)
        message = oracle.deserialize(rest)
        assert message["msg_type"] == message["header"]["msg_type"], channel


def test_the_oracle_reads_buffers(frontend: Frontend, oracle: Any, echo: str) -> None:
    buffers = [b"", b"<IDS|MSG>", bytes(100_000)]
    frontend.request("comm_msg", {"comm_id": echo, "data": {}}, buffers=buffers).reaches(comm_msg)
    messages = [oracle.deserialize(oracle.feed_identities(f)[1]) for _, f in frontend.raw or []]
    [answer] = [message for message in messages if message["msg_type"] == "comm_msg"]
    assert [bytes(buffer) for buffer in answer["buffers"]] == buffers


def test_no_two_signatures_are_the_same(frontend: Frontend, oracle: Any) -> None:
    frontend.run("for n in range(100): display(n)")
    signatures = [oracle.feed_identities(frames)[1][0] for _, frames in frontend.raw or []]
    assert len(set(signatures)) == len(signatures)
