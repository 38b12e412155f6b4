"""kernel_info, connect, heartbeat: what a frontend asks before anything else."""

import re
import sys
from typing import Any

import pytest

from frontend import Frontend, busy, idle, reply

pytestmark = [pytest.mark.parity, pytest.mark.every_transport]


@pytest.fixture
def info(frontend: Frontend) -> dict[str, Any]:
    """Content of the kernel_info_reply."""
    seen = frontend.request("kernel_info_request").sees(busy, reply("ok"), idle)
    assert seen.reply
    return seen.reply.content


def test_the_protocol_is_version_5(info: dict[str, Any]) -> None:
    assert re.fullmatch(r"5\.\d+(\.\d+)?", info["protocol_version"])


def test_the_language_is_python(info: dict[str, Any]) -> None:
    language = info["language_info"]
    assert language["name"] == "python"
    assert language["mimetype"] == "text/x-python"
    assert language["file_extension"] == ".py"
    assert language["pygments_lexer"] == "ipython3"
    assert language["nbconvert_exporter"] == "python"
    assert language["codemirror_mode"] == {"name": "ipython", "version": 3}


def test_the_version_of_the_language_is_that_of_python(info: dict[str, Any]) -> None:
    assert info["language_info"]["version"] == ".".join(map(str, sys.version_info[:3]))


def test_the_implementation_has_name_and_version(info: dict[str, Any]) -> None:
    assert info["implementation"]
    assert re.match(r"\d+\.\d+", info["implementation_version"])


def test_the_banner_names_python_and_ipython(info: dict[str, Any]) -> None:
    assert info["banner"].startswith("Python ")
    assert "IPython" in info["banner"]


def test_help_links_have_text_and_address(info: dict[str, Any]) -> None:
    assert info["help_links"]
    for link in info["help_links"]:
        assert set(link) == {"text", "url"}


def test_supported_features_are_listed(info: dict[str, Any]) -> None:
    assert isinstance(info["supported_features"], list)


def test_control_tells_the_same(frontend: Frontend, info: dict[str, Any]) -> None:
    request = frontend.request("kernel_info_request", channel="control")
    seen = request.sees(busy, reply("ok"), idle)
    assert seen.reply
    assert {**seen.reply.content, "banner": ""} == {**info, "banner": ""}


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_connect_names_the_ports(frontend: Frontend, channel: str) -> None:
    request = frontend.request("connect_request", channel=channel)
    seen = request.sees(busy, reply("ok"), idle)
    assert seen.reply
    for port in ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"):
        assert seen.reply.content[port] == frontend.connection[port]


@pytest.mark.parametrize("payload", [b"ping", b"", bytes(range(256)), b"x" * 1_000_000])
def test_a_heartbeat_comes_back_as_it_was(frontend: Frontend, payload: bytes) -> None:
    assert frontend.heartbeat(payload) == payload


def test_hearts_beat_while_a_cell_runs(frontend: Frontend, gate: Any) -> None:
    cell = frontend.execute(f"_ = {gate.wait}")
    assert frontend.heartbeat() == b"ping"
    assert not cell.is_idle
    gate.open()
    cell.finish()


def test_control_answers_while_a_cell_runs(frontend: Frontend, gate: Any) -> None:
    cell = frontend.execute(f"_ = {gate.wait}")
    frontend.request("kernel_info_request", channel="control").sees(busy, reply("ok"), idle)
    assert not cell.is_idle
    gate.open()
    cell.finish()
