"""`ipykernel.inprocess`: there is none, and this says what to use instead."""

from ipyrust.compat.contents import IN_PROCESS

raise ImportError(f"in-process kernels need ipykernel itself. {IN_PROCESS}")
