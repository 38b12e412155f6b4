"""kernel_info_reply's content (messaging specification, "Kernel info"), made without importing IPython.

It is on the way of the kernel's first answer, so the version of IPython comes from its release file alone.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import find_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROTOCOL_VERSION = "5.5"


def kernel_info() -> dict[str, Any]:
    """Content of kernel_info_reply, less `status`."""
    ipython_version = find_ipython_version()
    return {
        "protocol_version": PROTOCOL_VERSION,
        "implementation": "ipython",
        "implementation_version": ipython_version,
        "language_info": language_info(),
        "banner": banner(ipython_version),
        "help_links": help_links(),
        "supported_features": supported_features(),
    }


def supported_features() -> list[str]:
    """What may be asked of this kernel besides the basics. debugpy is looked for, not imported."""
    try:
        has_debugger = find_spec("debugpy") is not None
    except (ImportError, ValueError):
        has_debugger = False
    features = ["kernel subshells", "stack dumps"]
    return [*features, "debugger"] if has_debugger else features


def find_ipython_version() -> str:
    """IPython's version, from `IPython/core/release.py`; "unknown" when IPython cannot be found."""
    spec = PathFinder.find_spec("IPython")
    if spec is None or not spec.submodule_search_locations:
        return "unknown"
    path = f"{spec.submodule_search_locations[0]}/core/release.py"
    namespace: dict[str, Any] = {"__name__": "IPython.core.release"}
    code = SourceFileLoader("IPython.core.release", path).get_code("IPython.core.release")
    if code is None:
        return "unknown"
    exec(code, namespace)
    return str(namespace.get("version", "unknown"))


def language_info() -> dict[str, Any]:
    """The `language_info` of a Python kernel."""
    return {
        "name": "python",
        "version": sys.version.split()[0],
        "mimetype": "text/x-python",
        "codemirror_mode": {"name": "ipython", "version": sys.version_info[0]},
        "pygments_lexer": "ipython3",
        "nbconvert_exporter": "python",
        "file_extension": ".py",
    }


def banner(ipython_version: str) -> str:
    """Text that a console shows at the start."""
    return (
        f"Python {sys.version.split()[0]} on {sys.platform}\n"
        f"IPython {ipython_version} on ipyrust. Type '?' for help.\n"
    )


def help_links() -> list[dict[str, str]]:
    """Entries of a frontend's help menu."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return [
        {"text": "Python Reference", "url": f"https://docs.python.org/{python}"},
        {"text": "IPython Reference", "url": "https://ipython.readthedocs.io/en/stable/"},
        {"text": "NumPy Reference", "url": "https://numpy.org/doc/stable/reference/"},
        {"text": "SciPy Reference", "url": "https://docs.scipy.org/doc/scipy/reference/"},
        {"text": "Matplotlib Reference", "url": "https://matplotlib.org/stable/"},
        {"text": "SymPy Reference", "url": "https://docs.sympy.org/latest/"},
        {"text": "pandas Reference", "url": "https://pandas.pydata.org/docs/"},
    ]
