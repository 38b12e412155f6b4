"""compat: the stand-ins for ipykernel's modules."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from fake_core import Frontend, start_frontend, stop_frontend

from ipyrust.options import KernelOptions


@pytest.fixture(autouse=True)
def real_ipykernel_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what another test may have imported: the stand-ins give way to the real one."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "ipykernel":
            monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("name", ["ipykernel", "ipykernel.zmqshell", "ipykernel.iostream"])
def test_the_modules_are_there(frontend: Frontend, name: str) -> None:
    assert frontend.execute(f"import sys\n{name!r} in sys.modules").result == "True"


@pytest.mark.parametrize(
    "expression",
    [
        "isinstance(get_ipython(), ipykernel.zmqshell.ZMQInteractiveShell)",
        "isinstance(sys.stdout, ipykernel.iostream.OutStream)",
        "ipykernel.version_info >= (6, 18)",
        "isinstance(ipykernel.__version__, str)",
        "ipykernel.get_connection_file() == 'kernel-test.json'",
        "ipykernel.kernelapp.IPKernelApp.initialized()",
        "ipykernel.kernelapp.IPKernelApp.instance().kernel is get_ipython().kernel",
        "importlib.util.find_spec('ipykernel') is not None",
    ],
)
def test_what_libraries_ask(frontend: Frontend, expression: str) -> None:
    frontend.execute("import importlib.util, sys, ipykernel.iostream, ipykernel.zmqshell")
    assert frontend.execute(expression).result == "True"


def test_ipykernels_comm_is_ours(frontend: Frontend) -> None:
    code = "from ipykernel.comm import Comm\nc = Comm('target', data={'a': 1}, comm_id='c1')"
    (opened,) = frontend.execute(code).publications
    assert (opened.msg_type, opened.content["target_name"]) == ("comm_open", "target")


def test_none_of_it_imports_the_real_ipykernel(frontend: Frontend) -> None:
    frontend.execute("import ipykernel.zmqshell, ipykernel.comm\nipykernel.version_info")
    assert "ipykernel.ipkernel" not in sys.modules


def test_the_rest_comes_from_the_real_one(frontend: Frontend) -> None:
    if importlib.util.find_spec("ipykernel.jsonutil") is None:
        pytest.skip("ipykernel is not installed")
    assert (
        frontend.execute("import ipykernel.jsonutil\nipykernel.jsonutil.json_clean(1)").result
        == "1"
    )


def test_an_unknown_name_is_an_attribute_error(frontend: Frontend) -> None:
    assert (
        frontend.execute("import ipykernel\nipykernel.nonsense").reply["ename"] == "AttributeError"
    )


def test_inspect_finds_the_source_of_our_classes(frontend: Frontend) -> None:
    code = "import inspect, sys\ninspect.getsource(type(sys.stdout)).startswith('class OutStream')"
    assert frontend.execute(code).result == "True"
    frontend.execute("shell_class = type(get_ipython())")
    assert "InteractiveShell):" in str(frontend.execute("shell_class??").reply["payload"])


def test_the_end_removes_them(options: KernelOptions) -> None:
    stop_frontend(start_frontend(options))
    assert "ipykernel.zmqshell" not in sys.modules
