"""`python -m ipyrust.warm`: install or remove the warm kernelspec, list the templates, end them."""

from __future__ import annotations

import os
import sys

if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
    # As in `python -m ipyrust`: a `random.py` beside the notebook must not break the kernel.
    del sys.path[0]

if sys.argv[1:2] == ["template"]:
    from ipyrust.warm.template import main
else:
    from ipyrust.warm.commands import main

sys.exit(main(sys.argv[2:] if sys.argv[1:2] == ["template"] else sys.argv[1:]))
