"""`ipykernel.pylab`: the old home of matplotlib's inline backend."""
