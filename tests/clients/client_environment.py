"""The environment of the clients that are programs of their own; the kernel under test runs in that of the tests.

So they meet as on most people's machines: two environments, and a kernelspec between them.
"""

from __future__ import annotations

from pathlib import Path

from pinned_environments import locked, made

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def clients_python() -> Path:
    """The Python that has the clients, in an environment that is made if it is not there."""
    with locked("clients") as cache:
        return made(cache, "clients", [REQUIREMENTS])


def clients_script(name: str) -> str:
    """The path of a command of that environment."""
    return str(clients_python().with_name(name))
