"""What a start leaves undone until somebody needs it, and that nobody notices."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from frontend import Frontend, KernelProcess, KernelUnderTest

Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]

parity = pytest.mark.parity

LATE = {
    "IPython.core.completer",
    "IPython.core.debugger",
    "IPython.core.shellapp",
    "IPython.terminal",
    "_ssl",
    "asyncio.sslproto",
    "bz2",
    "concurrent.futures.thread",
    "ctypes",
    "debugpy",
    "email",
    "getpass",
    "gettext",
    "http",
    "importlib.metadata",
    "importlib.resources",
    "ipaddress",
    "jedi",
    "jupyter_client",
    "locale",
    "logging.config",
    "lzma",
    "matplotlib",
    "multiprocessing",
    "pdb",
    "pexpect",
    "pickle",
    "platform",
    "pprint",
    "prompt_toolkit",
    "psutil",
    "pydoc",
    "queue",
    "random",
    "shlex",
    "shutil",
    "socketserver",
    "ssl",
    "stack_data",
    "tempfile",
    "termios",
    "tornado",
    "unittest",
    "urllib.parse",
    "uuid",
    "zmq",
}
"""What neither the start nor a first cell needs; an import of IPython or asyncio would bring much of it along."""


QUICK_IPYTHON = (9, 18)
OF_SLOW_IPYTHON = {
    "IPython.core.completer",
    "IPython.core.debugger",
    "IPython.core.shellapp",
    "IPython.terminal",
    "_ssl",
    "bz2",
    "concurrent.futures.thread",
    "email",
    "gettext",
    "http",
    "importlib.metadata",
    "importlib.resources",
    "ipaddress",
    "jedi",
    "locale",
    "lzma",
    "pdb",
    "pickle",
    "platform",
    "pprint",
    "prompt_toolkit",
    "pydoc",
    "queue",
    "random",
    "shutil",
    "ssl",
    "stack_data",
    "tempfile",
    "urllib.parse",
}
"""What earlier versions of IPython use while they are imported."""


@pytest.fixture
def first_cell(start_kernel: Start, connect: Connect, tmp_path: Path) -> Callable[..., str]:
    """Value of an expression right after the first cell of a kernel that has a profile already."""
    connect(start_kernel(folder=tmp_path)).run("pass")

    def run(expression: str, **options: object) -> str:
        frontend = connect(start_kernel(folder=tmp_path, **options))
        exchange = frontend.execute("1+1", user_expressions={"value": expression})
        exchange.finish()
        found = exchange.reply.content["user_expressions"]["value"]
        assert found["status"] == "ok", found
        return str(found["data"]["text/plain"])

    return run


def test_a_first_cell_waits_for_few_imports(first_cell) -> None:
    found = first_cell("(__import__('IPython').version_info[:2], *__import__('sys').modules)")
    version, *names = ast.literal_eval(found)
    assert {"IPython", "asyncio", "logging", "argparse"} <= set(names)
    late = LATE if version >= QUICK_IPYTHON else LATE - OF_SLOW_IPYTHON
    assert late & set(names) == set()


@pytest.fixture
def plain_python(kernel_under_test: KernelUnderTest) -> Callable[[str], str]:
    """What the kernel's interpreter prints that runs code, and nothing else."""

    def run(code: str) -> str:
        command = [kernel_under_test.command[0], "-c", code]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return run


def test_a_first_cell_waits_for_few_collections(first_cell, plain_python) -> None:
    """Not more than an import of asyncio alone causes."""
    collections = "sum(each['collections'] for each in __import__('gc').get_stats())"
    alone = plain_python(f"import asyncio; print({collections})")
    assert int(first_cell(collections)) <= int(alone)


def test_the_collector_works_as_in_any_python(first_cell, plain_python) -> None:
    gc = "__import__('gc')"
    expression = f"({gc}.isenabled(), {gc}.get_threshold(), {gc}.get_freeze_count())"
    assert first_cell(expression) == plain_python(f"print({expression})")


def test_a_collector_that_the_user_switched_off_stays_off(first_cell, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import gc; gc.disable()")
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert first_cell("__import__('gc').isenabled()", env={"PYTHONPATH": paths}) == "False"


@parity
def test_modules_that_others_imported_may_be_used_as_before(frontend: Frontend) -> None:
    """Much code says `import logging` and means `import logging.config`."""
    frontend.run("import asyncio, logging, urllib")
    assert frontend.value("urllib.parse.quote('a b')") == "'a%20b'"
    assert frontend.value("logging.config.dictConfig({'version': 1})") == "None"
    assert frontend.value("asyncio.sslproto.SSLProtocol.__name__") == "'SSLProtocol'"


@pytest.mark.parametrize("name", sorted(name for name in LATE if name in sys.stdlib_module_names))
def test_an_import_of_the_users_is_an_import(frontend: Frontend, name: str) -> None:
    frontend.run(f"import {name}, sys")
    assert frontend.value(f"type({name}).__name__") == "'module'"
    assert frontend.value(f"{name} is sys.modules[{name!r}]") == "True"
    assert frontend.value(f"{name}.__spec__.name") == repr(name)


ECHO_OVER_TLS = """
import asyncio, ssl
def context(side):
    made = ssl.SSLContext(side)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers("aNULL:@SECLEVEL=0")  # which need no certificate
    return made
async def echo(reader, writer):
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()
server = await asyncio.start_server(echo, "127.0.0.1", ssl=context(ssl.PROTOCOL_TLS_SERVER))
port = server.sockets[0].getsockname()[1]
reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context(ssl.PROTOCOL_TLS_CLIENT))
writer.write(b"hello\\n")
answer = await reader.readline()
writer.close()
server.close()
"""


@parity
def test_asyncio_speaks_tls(frontend: Frontend) -> None:
    transcript = frontend.run(ECHO_OVER_TLS)
    assert frontend.value("answer") == repr(b"hello\n"), transcript


def test_an_executor_and_getpass_are_the_kernels(frontend: Frontend) -> None:
    """Both are replaced when somebody imports them."""
    frontend.run(
        dedent("""
        from concurrent.futures import ThreadPoolExecutor
        import getpass
        """)
    )
    assert frontend.value("ThreadPoolExecutor.submit.__code__.co_filename").endswith(
        "ipyrust/output/threads.py'"
    )
    assert frontend.value("getpass.getpass.__module__") == "'ipyrust.output.stdin'"


@pytest.mark.parametrize(
    "again", ["import importlib; importlib.reload(getpass)", "%reset -f --aggressive"]
)
def test_they_are_replaced_again(start_kernel: Start, connect: Connect, again: str) -> None:
    frontend = connect(start_kernel())
    frontend.run("import getpass")
    frontend.run(again)
    frontend.run("import getpass")
    assert frontend.value("getpass.getpass.__module__") == "'ipyrust.output.stdin'"


def test_an_extension_that_cannot_be_loaded_is_told_in_the_log(
    start_kernel: Start, connect: Connect, tmp_path: Path
) -> None:
    """On standard error, which a server keeps; not in a cell, which did not ask for it."""
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    config = "c.InteractiveShellApp.extensions = ['no_such_extension']\n"
    (profile / "ipython_kernel_config.py").write_text(config)
    kernel = start_kernel(env={"IPYTHONDIR": str(tmp_path / "ipython")})
    connect(kernel).value("1")
    assert "no_such_extension" in kernel.stderr and "ModuleNotFoundError" in kernel.stderr
