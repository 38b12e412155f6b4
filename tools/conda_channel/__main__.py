"""`python tools/conda_channel`: make the stand-in channel under `.cache/conda/`; see the package's first lines."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from conda_channel.channel import make_channel
from conda_channel.places import ChannelError


def main() -> int:
    """Make the channel; a failure is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(prog="./run channel", description="Make the stand-in channel.")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="3.X",
        help="a CPython that must be in it (repeatable); by default those that the machine has",
    )
    options = parser.parse_args()
    try:
        make_channel(options.python)
    except ChannelError as error:
        print(f"channel: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
