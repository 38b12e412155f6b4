"""The public surface is what `__all__` lists, and it is lazy."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ipyrust_core
from ipyrust_core import errors

PUBLIC = [
    "AlreadyRepliedError",
    "BindError",
    "Cell",
    "CommMessage",
    "ConnectionFileError",
    "Content",
    "CoreClosedError",
    "CoreError",
    "Interpreter",
    "Kernel",
    "KernelCore",
    "RegistrationError",
    "Request",
    "RequestQueue",
    "StdinNotAllowedError",
    "StreamWriter",
    "__version__",
    "libzmq_has",
    "libzmq_version",
    "run_kernel",
    "write_connection_file",
]


def test_all_is_pinned():
    assert ipyrust_core.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_is_there_and_listed(name):
    assert getattr(ipyrust_core, name) is not None
    assert name in dir(ipyrust_core)


def test_star_import_gives_exactly_all():
    namespace: dict[str, object] = {}
    exec("from ipyrust_core import *", namespace)
    assert sorted(set(namespace) - {"__builtins__"}) == sorted(PUBLIC)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ipyrust_core.nonsense


def test_errors_have_one_root_and_are_exported():
    defined = {name: each for name, each in vars(errors).items() if isinstance(each, type)}
    for name, each in defined.items():
        assert issubclass(each, errors.CoreError)
        assert getattr(ipyrust_core, name) is each


def test_the_engine_raises_these_very_classes(tmp_path):
    with pytest.raises(errors.ConnectionFileError, match="does not exist"):
        ipyrust_core.KernelCore(str(tmp_path / "missing.json"), kernel_info=b"{}")
    ipyrust_core.write_connection_file(str(tmp_path / "new.json"))
    with pytest.raises(errors.ConnectionFileError, match="cannot be created"):
        ipyrust_core.write_connection_file(str(tmp_path / "new.json"))


def test_importing_run_kernel_imports_no_asyncio():
    code = "import sys; from ipyrust_core import run_kernel; print('asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
