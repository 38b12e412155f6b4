"""What is answered without debugpy's adapter, and what is said when debugpy is missing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_core import Frontend

from ipyrust.debugger import rich, sources
from ipyrust.debugger.session import Debugger
from ipyrust.debugger.variables import is_shown
from ipyrust.kernel_info import kernel_info


@pytest.fixture
def debugger(frontend: Frontend) -> Iterator[Debugger]:
    """The debugger of a shell in this process; no session is opened in it."""
    debugger = Debugger(
        frontend.interpreter.ipython.shell,
        publish_event=lambda event: None,
        kernel_modules=frozenset(),
    )
    yield debugger
    debugger.close()


def ask(debugger: Debugger, command: str, **arguments: Any) -> dict[str, Any]:
    return debugger.handle({"seq": 7, "command": command, "arguments": arguments})


@pytest.fixture
def no_debugpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """debugpy cannot be imported."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "debugpy":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoDebugpy(), *sys.meta_path])


class NoDebugpy:
    """A finder that finds that there is no debugpy."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == "debugpy":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.usefixtures("no_debugpy")
@pytest.mark.parametrize("command", ["initialize", "inspectVariables"])
def test_without_debugpy_the_reply_says_what_to_install(debugger: Debugger, command: str) -> None:
    response = ask(debugger, command)
    assert response["success"] is False
    assert (response["type"], response["request_seq"], response["command"]) == (
        "response",
        7,
        command,
    )
    assert "pip install 'ipyrust-kernel[debug]'" in response["message"]
    assert ask(debugger, "debugInfo")["body"]["isStarted"] is False


@pytest.mark.usefixtures("no_debugpy")
def test_without_debugpy_there_is_no_such_feature() -> None:
    assert "debugger" not in kernel_info()["supported_features"]


def test_with_debugpy_there_is_the_feature() -> None:
    pytest.importorskip("debugpy")
    assert "debugger" in kernel_info()["supported_features"]


def test_importing_debugpy_leaves_breakpoint_and_environment_alone() -> None:
    pytest.importorskip("debugpy")
    code = (
        "import os, sys\n"
        "from ipyrust.debugger.attachment import import_debugpy\n"
        "before = sys.breakpointhook, dict(os.environ)\n"
        "import_debugpy()\n"
        "assert 'pydevd' in sys.modules\n"
        "assert (sys.breakpointhook, dict(os.environ)) == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_does_not_import_debugpy() -> None:
    code = (
        "import sys, ipyrust.debugger.session\n"
        "assert not [m for m in sys.modules if 'debugpy' in m or 'pydevd' in m]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        ({"command": "stackTrace"}, "initialize"),
        ({}, "initialize"),
        ({"command": "richInspectVariables"}, "variableName"),
        ({"command": "richInspectVariables", "arguments": []}, "variableName"),
        ({"command": "copyToGlobals", "arguments": {"dstVariableName": 1}}, "dstVariableName"),
        ({"command": "variables", "arguments": {"variablesReference": 1}}, "inspectVariables"),
    ],
)
def test_bad_requests_get_a_reason(
    debugger: Debugger, request_: dict[str, Any], complaint: str
) -> None:
    response = debugger.handle(request_)
    assert response["success"] is False
    assert complaint in response["message"]


def test_a_rich_variable(debugger: Debugger, frontend: Frontend) -> None:
    frontend.execute("class R:\n    def _repr_html_(self):\n        return '<b>ü</b>'\nr = R()")
    body = ask(debugger, "richInspectVariables", variableName="r")["body"]
    assert body["data"]["text/html"] == "<b>ü</b>"
    assert ask(debugger, "richInspectVariables", variableName="nope")["body"]["data"] == {}


@pytest.mark.parametrize("quoted", [True, False])
def test_rich_text_is_decoded_as_debugpy_shows_it(frontend: Frontend, quoted: bool) -> None:
    text = rich.encoded("ü'\"")
    assert rich.decoded(repr(text) if quoted else text)["data"]["text/plain"] == repr("ü'\"")


@pytest.mark.parametrize("text", ["", "NameError(\"name 'x' is not defined\")", "'x'", "{}", "3"])
def test_what_is_no_rich_text_is_empty(text: str) -> None:
    assert rich.decoded(text) == {"data": {}, "metadata": {}}


@pytest.mark.parametrize("name", ["x", "_x", "__x", "i", "In_", "___x", "special variables"])
def test_names_of_the_users(name: str) -> None:
    assert is_shown(name)


@pytest.mark.parametrize(
    "name", ["_", "__", "_1", "_12", "_i", "_ii", "_i3", "In", "Out", "_dh", "exit", "get_ipython"]
)
def test_names_of_ipythons(name: str) -> None:
    assert not is_shown(name)


def test_sources_are_read_in_their_encoding(tmp_path: Path) -> None:
    file = tmp_path / "latin.py"
    file.write_bytes("# coding: latin-1\nx = 'é'\n".encode("latin-1"))
    assert sources.read_source(str(file)) == "# coding: latin-1\nx = 'é'\n"
    file.write_bytes(b"x = '\xff'\n")
    assert sources.read_source(str(file)) == "x = '\ufffd'\n"
    assert sources.read_source(str(tmp_path)) is None


def test_rules_name_files_and_packages() -> None:
    rules = sources.exclusion_rules(["json", "json", "sys", "not there"], ["asyncio"])
    paths = [rule["path"] for rule in rules]
    assert paths[0].endswith("json/__init__.py") and paths[1].endswith("asyncio/**")
    assert len(rules) == 2 and not any(rule["include"] for rule in rules)


def test_leading_lines_are_ipythons_again_after_a_failed_start(
    debugger: Debugger, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("debugpy")
    transforms = debugger._shell.input_transformer_manager.cleanup_transforms
    before = list(transforms)
    monkeypatch.setattr(sys, "executable", "/bin/true")
    response = ask(debugger, "initialize")
    assert response["success"] is False
    assert transforms == before
    assert ask(debugger, "debugInfo")["body"]["isStarted"] is False
