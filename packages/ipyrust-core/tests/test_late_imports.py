"""Modules that are imported when they are used, and the collector that waits meanwhile."""

from __future__ import annotations

import gc
import importlib
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ipyrust_core.collector import no_collections
from ipyrust_core.late_imports import late_imports

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes modules that can be imported until the test is over."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write_module(name: str, text: str) -> None:
        path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        importlib.invalidate_caches()

    yield write_module
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def user(write: Write) -> Callable[[], Any]:
    """Imports `user`, which imports `late` at its top, with `late` late."""
    write("late", "value = 1\ndef double(number):\n    return 2 * number\nclass Kind:\n    pass\n")
    write("user", "import late\nfrom late import double\n")

    def import_user() -> Any:
        with late_imports({"late": ("double",)}):
            return importlib.import_module("user")

    return import_user


def test_it_is_imported_when_it_is_used(user) -> None:
    module = user()
    assert "late" not in sys.modules
    assert module.late.value == 1
    assert type(sys.modules["late"]) is ModuleType


def test_a_function_imports_it_when_it_is_called(user) -> None:
    module = user()
    assert (module.double.__module__, module.double.__name__) == ("late", "double")
    assert "late" not in sys.modules
    assert module.double(4) == 8
    assert "late" in sys.modules


def test_a_function_may_be_called_meanwhile(write: Write) -> None:
    write("late", "def double(number):\n    return 2 * number\n")
    write("user", "from late import double\nfour = double(2)\n")
    with late_imports({"late": ("double",)}):
        assert importlib.import_module("user").four == 4


def test_a_class_is_the_class_itself(write: Write) -> None:
    write("late", "class Kind:\n    pass\n")
    write("user", "from late import Kind\n")
    with late_imports({"late": ()}):
        module = importlib.import_module("user")
    assert module.Kind is sys.modules["late"].Kind


def test_a_later_import_gets_the_module_itself(user) -> None:
    module = user()
    late = importlib.import_module("late")
    assert type(late) is ModuleType
    assert module.late.Kind is late.Kind


def test_what_is_replaced_in_the_module_counts(user, monkeypatch: pytest.MonkeyPatch) -> None:
    module = user()
    late = importlib.import_module("late")
    monkeypatch.setattr(late, "value", 5)
    monkeypatch.setattr(late, "double", lambda _: "replaced")
    assert (module.late.value, module.double(1)) == (5, "replaced")


def test_what_is_set_and_deleted_is_so_in_the_module(user) -> None:
    module = user()
    module.late.new = 3
    del module.late.value
    late = sys.modules["late"]
    assert late.new == 3
    assert not hasattr(late, "value")
    assert {"new", "Kind"} <= set(dir(module.late))


def test_it_is_pickled_as_the_module(user) -> None:
    assert pickle.loads(pickle.dumps(user().late)) is sys.modules["late"]


def test_what_is_imported_already_stays(write: Write) -> None:
    write("late", "")
    late = importlib.import_module("late")
    with late_imports({"late": ()}):
        assert importlib.import_module("late") is late
    assert sys.modules["late"] is late


def test_a_module_that_fails_fails_where_it_is_used_and_each_time(write: Write) -> None:
    write("late", "raise ValueError('broken')")
    write("user", "import late\n")
    with late_imports({"late": ()}):
        module = importlib.import_module("user")
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            _ = module.late.value


def test_nothing_is_left_behind_when_an_import_fails(write: Write) -> None:
    write("late", "")
    with suppress(ZeroDivisionError), late_imports({"late": ()}):
        raise ZeroDivisionError
    assert "late" not in sys.modules


def test_a_submodule_stays_an_attribute_of_its_package(write: Write) -> None:
    write("package.__init__", "")
    write("package.late", "value = 1\n")
    with late_imports({"package.late": ()}):
        package: Any = importlib.import_module("package")
    assert "package.late" not in sys.modules
    assert package.late.value == 1
    assert package.late is sys.modules["package.late"]


def test_a_submodule_that_its_package_imports(write: Write) -> None:
    write("package.__init__", "from . import inner\n")
    write("package.inner", "from . import late\n")
    write("package.late", "value = 1\n")
    with late_imports({"package.late": ()}):
        package: Any = importlib.import_module("package")
    assert "package.late" not in sys.modules
    assert package.inner.late.value == 1


def test_threads_that_use_it_at_once_import_it_once(write: Write) -> None:
    write("late", "import gate\ngate.count += 1\ngate.entered.set()\ngate.go.wait(30)\nvalue = 1\n")
    gate: Any = ModuleType("gate")
    gate.count, gate.entered, gate.go = 0, threading.Event(), threading.Event()
    sys.modules["gate"] = gate
    write("user", "import late\n")
    with late_imports({"late": ()}):
        module = importlib.import_module("user")
        seen: list[int] = []
        threads = [
            threading.Thread(target=lambda: seen.append(module.late.value)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        assert gate.entered.wait(30)
        gate.go.set()
        for thread in threads:
            thread.join(30)
    assert (seen, gate.count) == ([1] * 4, 1)


def test_nothing_is_collected_meanwhile() -> None:
    phases: list[str] = []
    gc.callbacks.append(lambda phase, _: phases.append(phase))
    try:
        with no_collections():
            kept: list[Any] = [[] for _ in range(5 * gc.get_threshold()[0])]
            assert not gc.isenabled()
        assert (gc.isenabled(), phases) == (True, [])
    finally:
        gc.callbacks.pop()
    assert any(each is kept for each in gc.get_objects(generation=2))
    assert gc.get_freeze_count() == 0


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        with no_collections():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_somebody_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        with no_collections():
            kept = [[] for _ in range(5 * gc.get_threshold()[0])]
        assert gc.get_freeze_count() > 0
        assert kept
    finally:
        gc.unfreeze()
