"""pdb that an interrupt ends.

Python's own pdb takes an interrupt for a wish to see its prompt again, so a cell that waits in it could not be
stopped. IPython has a debugger that leaves instead, and it takes the place of both pdb's and IPython's usual one, as
soon as either is imported: importing them at the start of the kernel would delay it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ipyrust.replaced import replaced
from ipyrust.when_imported import when_imported

AWAITED = ("pdb", "IPython.core.debugger")


@contextmanager
def interruptible_pdb() -> Iterator[None]:
    """While it is entered, a debugger that a cell opens ends with an interrupt."""
    with ExitStack() as stack, when_imported(AWAITED, lambda: _replace(stack)):
        yield


def _replace(stack: ExitStack) -> None:
    """Put the interruptible debugger in the place of the others, until `stack` is closed."""
    import pdb

    from IPython.core import debugger

    ours = debugger.InterruptiblePdb
    stack.enter_context(replaced(debugger, "Pdb", ours))
    stack.enter_context(replaced(pdb, "Pdb", ours))
    stack.enter_context(replaced(pdb, "set_trace", debugger.set_trace))
