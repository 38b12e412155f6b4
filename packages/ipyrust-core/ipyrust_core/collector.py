"""The cyclic garbage collector while modules are imported, when there is much to look through and nothing to find."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collections() -> Iterator[None]:
    """While it is entered, nothing is collected; what was made meanwhile counts as old afterwards.

    Leaves a collector alone that somebody else has switched off. No code of the user's may run within.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > gc.get_threshold()[0] and not gc.get_freeze_count():
            # Without looking at them, moves all objects to where several collections would have got them.
            gc.freeze()
            gc.unfreeze()
        gc.enable()
