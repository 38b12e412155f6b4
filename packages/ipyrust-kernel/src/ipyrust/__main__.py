"""`python -m ipyrust`.

The interpreter put the working directory first on the path to find this module. It is taken off again before anything
is imported, so that a `random.py` beside the notebook cannot break the kernel; IPython puts it back for user code.
"""

import os
import sys

try:
    here = os.getcwd()
except OSError:  # the directory was removed
    here = ""
if sys.path and not sys.flags.safe_path and sys.path[0] in ("", here):
    del sys.path[0]

from ipyrust.app import main

sys.exit(main(sys.argv[1:]))
