"""A Jupyter kernel for Python: IPython on the native engine of `ipyrust_core`.

Reading order: `interpreter` (what the core calls) → `handlers/` (one request each) → `ipython/` (the shell and what
it shows) → `output/` (streams, stdin, and which cell they belong to) → `comms`, `kernel_api`.
"""
