"""Start the kernel by its kernelspec, execute a cell, and exit with 1 unless it printed what it should."""

import sys

from jupyter_client.manager import start_new_kernel

CELL = "import sys, zlib; print(6 * 7, sys.prefix)"
DEADLINE = 60


def main() -> int:
    """Run the cell; returns the exit code."""
    manager, client = start_new_kernel(kernel_name="ipyrust", startup_timeout=DEADLINE)
    printed = []

    def keep(message: dict) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    try:
        reply = client.execute_interactive(CELL, timeout=DEADLINE, output_hook=keep)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    expected = f"42 {sys.prefix}\n"
    print(f"{reply['content']['status']}: {''.join(printed)!r}")
    return 0 if reply["content"]["status"] == "ok" and "".join(printed) == expected else 1


if __name__ == "__main__":
    sys.exit(main())
