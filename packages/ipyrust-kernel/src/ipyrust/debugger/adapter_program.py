"""The program that runs as debugpy's adapter, with no socket that others could connect to.

debugpy's adapter always listens on a loopback port for debugging clients. Its client is this kernel, over two pipes;
but any user of the machine could connect to that port and ask it to start or debug programs as the kernel's user. And
it goes on listening for processes to debug when the only one, the kernel, has connected long ago. Here it does neither:
the port for clients is never opened, and the one that pydevd connects to is closed behind it.

Started as `python adapter_program.py DIRECTORY`, where DIRECTORY is the package `debugpy/adapter`. Imports none of our
modules.
"""

import runpy
import socket
import sys
from importlib import import_module
from typing import Any


def main(directory: str) -> None:
    """Run the adapter until its standard input ends."""
    sys.path[0] = (
        f"{directory}/../.."  # as the adapter itself does it, and only until debugpy is imported
    )
    clients: Any = import_module("debugpy.adapter.clients")
    servers: Any = import_module("debugpy.adapter.servers")

    def serve_no_clients(host: str, port: int) -> tuple[str, int]:
        clients.listener = None
        return host, port

    wait_for_connection = servers.wait_for_connection

    def wait_for_one_connection(*arguments: Any, **options: Any) -> Any:
        try:
            return wait_for_connection(*arguments, **options)
        finally:
            if servers.listener is not None:
                # Closing alone does not wake the thread that accepts, and while it waits the port is open.
                servers.listener.shutdown(socket.SHUT_RDWR)
                servers.stop_serving()

    clients.serve = serve_no_clients
    servers.wait_for_connection = wait_for_one_connection
    del sys.path[0]
    runpy.run_path(directory, run_name="__main__")


if __name__ == "__main__":
    del sys.argv[0]
    main(sys.argv[0])
