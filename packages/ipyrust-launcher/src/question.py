"""What `ipyrust doctor` asks an interpreter: one line of JSON about the ipyrust that is installed there.

This parses on any Python 3, so that an old one gets to say what it lacks.
"""

import json
import sys

if sys.path and sys.path[0] in ("", "/"):
    del sys.path[0]
sys.dont_write_bytecode = True
found = {"python": ".".join(map(str, sys.version_info[:3]))}


def tell(name, ask):
    """Put the answer into `found`, or why there is none."""
    try:
        found[name] = ask()
    except BaseException as error:
        found[name + "_error"] = " ".join((type(error).__name__ + ": " + str(error)).split())


def kernel():
    """Version of the kernel, if its command can be imported."""
    import ipyrust

    found["module"] = ipyrust.__file__
    import ipyrust.app
    from ipyrust._version import __version__

    return __version__


def is_ours():
    """Whether `python -m ipyrust` is the kernel: an unrelated distribution may have been installed over it."""
    from importlib.util import find_spec

    with open(find_spec("ipyrust.__main__").origin, encoding="utf-8") as file:
        return "ipyrust.app" in file.read()


def core():
    """Version of the engine."""
    import ipyrust_core

    return ipyrust_core.__version__


def libzmq():
    """Version of the libzmq that the engine uses."""
    import ipyrust_core

    return ".".join(map(str, ipyrust_core.libzmq_version()))


def missing():
    """Modules that the kernel imports and that nobody installed."""
    from importlib.util import find_spec

    wanted = ("IPython", "comm", "matplotlib_inline", "traitlets")
    return [name for name in wanted if find_spec(name) is None]


def version_of(distribution):
    """Version of a distribution; None when it is not installed."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


tell("kernel", kernel)
tell("is_ours", is_ours)
tell("core", core)
tell("libzmq", libzmq)
tell("missing", missing)
tell("foreign", lambda: version_of("ipyrust"))
tell("launcher", lambda: version_of("ipyrust-launcher"))
print("\n" + json.dumps(found))
