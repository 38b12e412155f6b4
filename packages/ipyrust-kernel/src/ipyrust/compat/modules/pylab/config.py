"""`ipykernel.pylab.config`: the inline backend's configuration under its old name."""

from matplotlib_inline.config import *  # noqa: F403
