"""`_native.pyi` is the manual of the native module, so it must be true and complete."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from ipyrust_core import _native

STUB = Path(_native.__file__).with_name("_native.pyi")
TREE = ast.parse(STUB.read_text("utf-8"))
CLASSES = {node.name: node for node in TREE.body if isinstance(node, ast.ClassDef)}
FUNCTIONS = {node.name: node for node in TREE.body if isinstance(node, ast.FunctionDef)}


def members(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    return {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}


def public(names: object) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def test_stubtest_agrees_without_exceptions(tmp_path):
    pytest.importorskip("mypy.stubtest", reason="mypy is in the lint environment only")
    command = [sys.executable, "-m", "mypy.stubtest", "ipyrust_core._native"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_public_name_of_the_module_is_in_the_stub():
    assert public(vars(_native)) == public(CLASSES) | public(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_public_member_is_in_the_stub(name):
    assert public(vars(getattr(_native, name))) == public(members(CLASSES[name]))


@pytest.mark.parametrize("name", [*sorted(CLASSES), *sorted(FUNCTIONS)])
def test_everything_is_documented(name):
    node = CLASSES.get(name) or FUNCTIONS[name]
    assert ast.get_docstring(node), name
    if isinstance(node, ast.ClassDef):
        for each, member in members(node).items():
            assert each.startswith("__") or ast.get_docstring(member), each


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_native_classes_are_final_as_the_stub_says(name):
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Derived", (getattr(_native, name),), {})
