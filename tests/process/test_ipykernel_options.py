"""Every flag, alias and trait on ipykernel's command line starts this kernel, and does what it is for."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from frontend import Frontend, KernelProcess, KernelUnderTest, busy, execute_input, idle, reply
from frontend.process import CHANNEL_PORTS
from process.ipykernel_options import ALIASES, FLAGS, PRINTING_FLAGS, TRAITS, VERSION

Connect = Callable[[KernelProcess], Frontend]
StartWith = Callable[..., Frontend]
KEY = "the key in the file"


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port: int = holder.getsockname()[1]
    return port


@pytest.fixture
def fill(tmp_path: Path, free_port: int) -> Callable[[str], str]:
    """Put this test's files and port into a text; the files exist."""
    (tmp_path / "more.py").write_text("c.InteractiveShell.cache_size = 88\n")
    (tmp_path / "own_module.py").write_text("name_of_module = 'own'\n")
    (tmp_path / "key.txt").write_text(KEY + "\n")

    def filled(text: str) -> str:
        for name, value in {
            "{folder}": str(tmp_path),
            "{port}": str(free_port),
            "{connection_file}": str(tmp_path / "kernel.json"),
        }.items():
            text = text.replace(name, value)
        return text

    return filled


@pytest.fixture
def start_with(
    kernel_under_test: KernelUnderTest, tmp_path: Path, connect: Connect
) -> Iterator[StartWith]:
    """Start a kernel with these arguments, and connect."""
    started = []

    def start(*arguments: str) -> Frontend:
        started.append(KernelProcess(kernel_under_test, tmp_path, arguments=arguments))
        return connect(started[-1])

    yield start
    for process in started:
        process.close()


def names(options: dict[object, object]) -> set[str]:
    """The names of flags or aliases, of which some come in pairs."""
    return {name for each in options for name in ((each,) if isinstance(each, str) else each)}  # type: ignore[attr-defined]


def test_the_lists_are_those_of_ipykernel() -> None:
    import ipykernel
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp()
    listed = {*FLAGS, *PRINTING_FLAGS}, {*ALIASES}
    found = names(app.flags), names(app.aliases)
    if ipykernel.__version__ == VERSION:
        assert found == listed
    assert found[0] <= listed[0] and found[1] <= listed[1]


def test_the_traits_are_those_of_ipykernel() -> None:
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp()
    same = {"ConnectionFileMixin": "IPKernelApp"}
    found = {
        f"{same.get(cls.__name__, cls.__name__)}.{name}"
        for cls in app._classes_inc_parents()
        for name in cls.class_own_traits(config=True)
    }
    assert found <= {*TRAITS}


def dashed(name: str) -> str:
    """As it is written on the command line."""
    return f"-{name}" if len(name) == 1 else f"--{name}"


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag(start_with: StartWith, flag: str) -> None:
    expression, expected = FLAGS[flag]
    assert start_with(f"--{flag}").value(expression) == expected


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias(start_with: StartWith, fill: Callable[[str], str], alias: str) -> None:
    value, expression, expected = map(fill, ALIASES[alias])
    assert start_with(f"{dashed(alias)}={value}").value(expression) == expected


@pytest.mark.parametrize("alias", ["shell", "iopub", "stdin", "control", "hb"])
def test_a_port(start_with: StartWith, free_port: int, alias: str) -> None:
    assert start_with(f"--{alias}", str(free_port)).connection[f"{alias}_port"] == free_port


def test_addresses(start_with: StartWith, tmp_path: Path) -> None:
    where = str(tmp_path / "k")
    connection = start_with("--transport=ipc", f"--ip={where}").connection
    assert (connection["transport"], connection["ip"]) == ("ipc", where)


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("--no-secure",), ""),
        (("--keyfile={folder}/key.txt",), KEY),
        (('--Session.key=b"abc"',), "abc"),
        (("--Session.key=''",), ""),
    ],
    ids=["no-secure", "keyfile", "bytes", "empty"],
)
def test_keys(
    start_with: StartWith, fill: Callable[[str], str], arguments: tuple[str, ...], key: str
) -> None:
    assert start_with(*map(fill, arguments)).connection["key"] == key


@pytest.mark.parametrize(("flag", "name"), [("no-stdout", "stdout"), ("no-stderr", "stderr")])
def test_a_stream_that_is_thrown_away(start_with: StartWith, flag: str, name: str) -> None:
    code = f"import sys; _ = sys.{name}.write('gone')"
    start_with(f"--{flag}").execute(code).sees(busy, execute_input, reply("ok"), idle)


@pytest.mark.parametrize("flag", PRINTING_FLAGS)
def test_a_flag_that_prints(kernel_under_test: KernelUnderTest, tmp_path: Path, flag: str) -> None:
    process = KernelProcess(kernel_under_test, tmp_path, arguments=(f"--{flag}", "--cache-size=9"))
    try:
        assert process.wait() == 0
        assert "cache_size" in process.stdout and "9" in process.stdout
        assert flag == "show-config" or json.loads(process.stdout)
    finally:
        process.close()


@pytest.mark.parametrize("trait", [name for name, value in TRAITS.items() if value is not None])
def test_a_trait_is_understood(
    trait: str, fill: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ipyrust.command_line import parse

    value = fill(TRAITS[trait] or "")
    line = parse([f"--{trait}={value}"])
    assert line.action == "run"


def test_all_traits_at_once(start_with: StartWith, fill: Callable[[str], str]) -> None:
    """A kernel that is given every trait starts, and says nothing about any of them."""
    arguments = [f"--{name}={fill(value)}" for name, value in TRAITS.items() if value is not None]
    client = start_with(*arguments)
    assert client.value("(name, line, get_ipython().colors)") == "(1, 1, 'linux')"
    assert client.kernel.stderr == ""


def test_a_command_line_of_vs_code(start_with: StartWith, tmp_path: Path) -> None:
    """As its releases of 2022 and 2023 start a kernel: everything one by one, and the file last."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in CHANNEL_PORTS]
    hb, control, shell, iopub, stdin = (holder.getsockname()[1] for holder in holders)
    for holder in holders:
        holder.close()
    client = start_with(
        "--ip=127.0.0.1",
        f"--stdin={stdin}",
        f"--control={control}",
        f"--hb={hb}",
        '--Session.signature_scheme="hmac-sha256"',
        '--Session.key=b"0d2b1a4e-6b2e-4bd2-9c3b-5b1f8e3f9a77"',
        f"--shell={shell}",
        '--transport="tcp"',
        f"--iopub={iopub}",
        f"--f={tmp_path / 'kernel.json'}",
    )
    assert client.connection["key"] == "0d2b1a4e-6b2e-4bd2-9c3b-5b1f8e3f9a77"
    assert [client.connection[f"{name}_port"] for name in ("hb", "shell", "iopub")] == [
        hb,
        shell,
        iopub,
    ]
    assert client.value("1 + 1") == "2"
