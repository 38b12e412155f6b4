"""Messages that are well-formed but go nowhere: unknown types, unknown subshells."""

import pytest

from frontend import Frontend, busy, idle, reply
from wire.hostile import lives_on

parity = pytest.mark.parity
on_both = pytest.mark.parametrize("channel", ["shell", "control"])


@on_both
def test_an_unknown_request_gets_an_error_reply(target: Frontend, channel: str) -> None:
    request = target.request("nonsense_request", channel=channel)
    seen = request.sees(busy, reply("error"), idle)
    assert seen.reply and seen.reply.msg_type == "nonsense_reply"
    assert "nonsense_request" in seen.reply.content["evalue"]


@parity
@on_both
@pytest.mark.parametrize("msg_type", ["nonsense_request", "nonsense", "", "_request", "x" * 10_000])
def test_an_unknown_type_is_survived(target: Frontend, channel: str, msg_type: str) -> None:
    target.request(msg_type, channel=channel)
    lives_on(target)


@parity
@pytest.mark.parametrize("msg_type", ["execute_reply", "status", "stream", "iopub_welcome"])
def test_a_message_only_kernels_send_is_survived(target: Frontend, msg_type: str) -> None:
    target.request(msg_type, {"execution_state": "idle", "name": "stdout", "text": "x"})
    lives_on(target)


@parity
@pytest.mark.parametrize("msg_type", ["execute_request", "complete_request"])
def test_an_unknown_subshell_is_an_error(target: Frontend, msg_type: str) -> None:
    content = {"code": "1", "cursor_pos": 1}
    request = target.request(msg_type, content, header={"subshell_id": "no such subshell"})
    request.sees(busy, reply("error", ename="UnknownSubshellError"), idle)


@parity
def test_a_cell_for_an_unknown_subshell_does_not_run(target: Frontend) -> None:
    target.run("ran = False")
    header = {"subshell_id": "no such subshell"}
    target.request("execute_request", {"code": "ran = True"}, header=header).finish()
    assert target.value("ran") == "False"


@parity
def test_an_empty_subshell_id_means_the_main_shell(target: Frontend) -> None:
    request = target.request("kernel_info_request", header={"subshell_id": None})
    request.sees(busy, reply("ok"), idle)
