"""`ipykernel.pylab.backend_inline`: matplotlib's inline backend under its old name."""

from matplotlib_inline.backend_inline import *  # noqa: F403
