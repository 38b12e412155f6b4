"""What belongs to one cell while it runs: its number, its payloads and the errors it has shown.

IPython keeps these on the shell, of which there is one; cells of subshells run at the same time on threads of their
own. So they are kept in a ContextVar (tasks of a cell inherit it), and what IPython reads and writes on the shell is
led here: `CellNumber` is its `execution_count`, `CellPayloads` its payload manager.

Numbers are given out when a request is taken, before `execute_input` tells the clients, so that two cells never show
the same one. A cell that turns out not to need its number gives it back.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Any

from IPython.core.payload import PayloadManager
from traitlets import All, Integer


class ShownErrors:
    """The errors that one cell has shown."""

    __slots__ = ("error", "in_result", "traceback")

    def __init__(self) -> None:
        self.error: BaseException | None = None
        """The last one."""
        self.traceback: list[str] | None = None
        """Its lines."""
        self.in_result = False
        """Whether one was shown while the cell's result was being formatted."""

    def note(self, error: BaseException, traceback: list[str]) -> None:
        """Remember the error shown last."""
        self.error, self.traceback = error, traceback


class RunningCell:
    """One cell."""

    __slots__ = ("first_number", "number", "payloads", "shown", "source")

    def __init__(self, number: int, source: str) -> None:
        self.first_number = number
        """Its number when it began; IPython counts on from there."""
        self.number = number
        """`execution_count` as its code sees it."""
        self.source = source
        """Its code after the input transformers."""
        self.shown = ShownErrors()
        self.payloads: list[dict[str, Any]] = []


running_cell: ContextVar[RunningCell | None] = ContextVar("ipyrust_running_cell", default=None)
"""The cell that the calling task or thread runs; None between cells and in threads that a cell started."""

of_no_cell = ShownErrors()
"""Errors shown by code outside of cells."""


def shown_errors() -> ShownErrors:
    """Those of the cell that runs here."""
    cell = running_cell.get()
    return cell.shown if cell is not None else of_no_cell


class CellNumber(Integer):  # type: ignore[type-arg]
    """`execution_count`: within a cell that cell's own, elsewhere the number that the next one gets."""

    def get(self, obj: Any, cls: Any = None) -> int:
        """The number."""
        cell = running_cell.get()
        return cell.number if cell is not None else self.next_number(obj)

    def next_number(self, obj: Any) -> int:
        """The number that the next cell gets, wherever this is asked."""
        return int(super().get(obj) or 0)

    def set_next_number(self, obj: Any, number: int) -> None:
        """Have the next cell get this number."""
        if self._is_watched(obj):
            super().set(obj, number)
        else:  # It is set twice for every cell.
            obj._trait_values[self.name] = int(number)

    def _is_watched(self, obj: Any) -> bool:
        """Whether anybody observes the number. An observer who left has left an empty list behind."""
        handlers: dict[Any, dict[Any, list[Any]]] = obj._trait_notifiers
        of_this, of_all = handlers.get(self.name), handlers.get(All)
        return bool(of_this and any(of_this.values())) or bool(of_all and any(of_all.values()))

    def set(self, obj: Any, value: Any) -> None:
        """Count on, or begin anew if it is any other number (%reset)."""
        cell = running_cell.get()
        counted = cell is not None and value == cell.number + 1
        if cell is not None:
            cell.number = value
        if not counted or value > self.next_number(obj):
            self.set_next_number(obj, value)


class CellPayloads(PayloadManager):
    """The payloads of the calling cell; those of other code go with the next reply."""

    def __init__(self, **options: Any) -> None:
        self._of_no_cell: list[dict[str, Any]] = []
        super().__init__(**options)

    @property
    def _payload(self) -> list[dict[str, Any]]:  # type: ignore[override]
        cell = running_cell.get()
        return cell.payloads if cell is not None else self._of_no_cell

    def take(self) -> list[dict[str, Any]]:
        """What goes with the reply of the calling cell."""
        others, self._of_no_cell = self._of_no_cell, []
        return others + self._payload

    def clear_payload(self) -> None:
        """Forget what the calling cell has written."""
        self._payload.clear()


class Numbers:
    """Gives out the numbers of cells."""

    def __init__(self, trait: CellNumber, shell: Any) -> None:
        self._trait = trait
        self._shell = shell
        self._lock = threading.Lock()
        self._reserved = threading.local()

    def reserve(self) -> int:
        """The number of the next cell of this thread."""
        number: int | None = getattr(self._reserved, "number", None)
        if number is None:
            number = self._reserved.number = self._take()
        return number

    def begin(self, *, stored: bool) -> int:
        """The number of the cell that begins now; one that is not stored shows a number but does not use it up."""
        number: int | None = getattr(self._reserved, "number", None)
        self._reserved.number = None
        if number is None:
            return self._take() if stored else self._next()
        if not stored:
            self.give_back(number)
        return number

    def give_back(self, number: int) -> None:
        """`number` was not used; it is lost if later ones are given out already."""
        with self._lock:
            if self._next() == number + 1:
                self._trait.set_next_number(self._shell, number)

    def _take(self) -> int:
        with self._lock:
            number = self._next()
            self._trait.set_next_number(self._shell, number + 1)
            return number

    def _next(self) -> int:
        return self._trait.next_number(self._shell)


class CellScope:
    """While it is entered, the calling task or thread runs a cell. Not a generator: it is entered for every cell."""

    def __init__(self, numbers: Numbers, source: str, *, stored: bool) -> None:
        self._numbers = numbers
        self._source = source
        self._stored = stored

    def __enter__(self) -> RunningCell:
        number = self._numbers.begin(stored=self._stored)
        self._cell = RunningCell(number, self._source)
        self._token = running_cell.set(self._cell)
        return self._cell

    def __exit__(self, *exc_info: object) -> None:
        running_cell.reset(self._token)
        number = self._cell.first_number
        if self._stored and self._cell.number == number:
            self._numbers.give_back(number)
