"""when_imported: what is done to a module once somebody imports it."""

from __future__ import annotations

import copy
import importlib
import importlib.machinery
import importlib.util
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipyrust.when_imported import when_imported

NAMES = ("awaited_one", "awaited_two")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path with the modules of NAMES in it."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("value = 1\n")
    importlib.invalidate_caches()
    before = list(sys.meta_path)
    yield tmp_path
    for name in NAMES:
        sys.modules.pop(name, None)
    assert sys.meta_path == before


@pytest.mark.parametrize("name", NAMES)
def test_the_action_follows_the_import(folder: Path, name: str) -> None:
    done: list[int] = []
    with when_imported(NAMES, lambda: done.append(sys.modules[name].value)):
        assert done == []
        importlib.import_module(name)
        assert done == [1]


def test_it_follows_each_import(folder: Path) -> None:
    done: list[str] = []
    with when_imported(NAMES, lambda: done.append("now")):
        module = importlib.import_module(NAMES[0])
        importlib.reload(module)
        del sys.modules[NAMES[0]]
        importlib.import_module(NAMES[0])
    assert done == ["now"] * 3


def test_it_waits_for_one_that_imports_the_other(folder: Path) -> None:
    (folder / "awaited_one.py").write_text("import awaited_two\nvalue = 1\n")
    done: list[int] = []
    with when_imported(NAMES, lambda: done.append(sys.modules["awaited_one"].value)):
        importlib.import_module(NAMES[0])
    assert done == [1]


def test_two_may_wait_for_one(folder: Path) -> None:
    done: list[str] = []
    with (
        when_imported(NAMES, lambda: done.append("outer")),
        when_imported(NAMES, lambda: done.append("inner")),
    ):
        importlib.import_module(NAMES[0])
    assert sorted(done) == ["inner", "outer"]


def test_it_is_called_at_once_if_the_module_is_there(folder: Path) -> None:
    importlib.import_module(NAMES[1])
    done: list[str] = []
    with when_imported(NAMES, lambda: done.append("now")):
        assert done == ["now"]


def test_afterwards_nothing_happens(folder: Path) -> None:
    done: list[str] = []
    with when_imported(NAMES, lambda: done.append("now")):
        pass
    importlib.import_module(NAMES[0])
    assert done == []


def test_the_module_is_as_if_nobody_had_waited(folder: Path) -> None:
    with when_imported(NAMES, lambda: None):
        module = importlib.import_module(NAMES[0])
    assert module.__file__ == str(folder / "awaited_one.py")
    assert module.__spec__ is not None
    assert type(module.__loader__) is importlib.machinery.SourceFileLoader
    assert module.__spec__.loader is module.__loader__
    assert module.__spec__.cached == module.__cached__


def test_a_spec_without_a_module_is_of_use(folder: Path) -> None:
    with when_imported(NAMES, lambda: None):
        spec = importlib.util.find_spec("awaited_one")
        assert spec is not None
        loader: Any = spec.loader
        assert loader.get_source("awaited_one") == "value = 1\n"
        assert not loader.is_package("awaited_one")
        assert copy.copy(loader).get_source("awaited_one") == "value = 1\n"
        assert runpy.run_module("awaited_one")["value"] == 1


def test_a_finder_that_finds_no_specs_is_passed_over(folder: Path) -> None:
    done: list[str] = []
    with when_imported(NAMES, lambda: done.append("now")):
        before = list(sys.meta_path)
        sys.meta_path.insert(1, object())  # type: ignore[arg-type]
        try:
            importlib.import_module(NAMES[0])
        finally:
            sys.meta_path[:] = before
    assert done == ["now"]


def test_an_import_that_failed_may_be_tried_again(folder: Path) -> None:
    (folder / "awaited_one.py").write_text("1 / 0")
    done: list[str] = []
    with when_imported(NAMES, lambda: done.append("now")):
        with pytest.raises(ZeroDivisionError):
            importlib.import_module(NAMES[0])
        assert done == []
        (folder / "awaited_one.py").write_text("value = 'mended'\n")
        importlib.invalidate_caches()
        assert importlib.import_module(NAMES[0]).value == "mended"
        assert done == ["now"]


def test_a_module_that_there_is_not(folder: Path) -> None:
    with when_imported(("awaited_none",), lambda: None), pytest.raises(ModuleNotFoundError):
        importlib.import_module("awaited_none")
