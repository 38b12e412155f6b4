"""The curves: a kernel's age, its queue, comms, subscribers, subshells and namespace."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

import zmq

from benchmarks.client import Client
from benchmarks.errors import UnavailableError
from benchmarks.launcher import Launcher
from benchmarks.measure import p50
from benchmarks.scale.curve import WARM_UP, Curve, round_trips, run_many

DISPLAYS_A_CELL = 5000


def cells(launcher: Launcher, sizes: Sequence[int], samples: int) -> list[float]:
    """`pass` after so many cells."""
    figures, run = [], 0
    with launcher.started() as kernel:
        for size in sizes:
            run_many(kernel.client, max(0, size - run))
            run = size
            figures.append(round_trips(kernel.client, samples))
    return figures


def messages(launcher: Launcher, sizes: Sequence[int], samples: int) -> list[float]:
    """`pass` after so many publications."""
    figures, sent = [], 0
    with launcher.started() as kernel:
        for size in sizes:
            while sent < size:
                count = min(DISPLAYS_A_CELL, size - sent)
                code = f"for i in range({count}): display({{'text/plain': 'x'}}, raw=True)"
                run_many(kernel.client, 1, code)
                sent += count
            figures.append(round_trips(kernel.client, samples))
    return figures


def queue(launcher: Launcher, sizes: Sequence[int], samples: int) -> list[float]:
    """A cell's share of the time that so many take which are sent at once."""
    with launcher.started() as kernel:
        run_many(kernel.client, WARM_UP)
        return [run_many(kernel.client, size, burst=size) / size * 1e6 for size in sizes]


def comms(launcher: Launcher, sizes: Sequence[int], samples: int) -> list[float]:
    """An echo on one comm while so many are open."""
    figures = []
    with launcher.started() as kernel:
        client = kernel.client
        client.run(
            "import comm\n_comms = []\n"
            "def _open():\n"
            "    one = comm.create_comm(target_name='benchmarks.many', data={})\n"
            "    one.on_msg(lambda message: one.send(data=message['content']['data']))\n"
            "    _comms.append(one)\n"
            "    return one.comm_id\n"
        )
        for size in sizes:
            client.run(f"while len(_comms) < {size}: _open()")
            published = client.run("display({'text/plain': _comms[-1].comm_id}, raw=True)")
            comm_id = next(
                m.content["data"]["text/plain"] for m in published if "data" in m.content
            )
            figures.append(_echoes(client, comm_id, samples))
    return figures


def _echoes(client: Client, comm_id: str, samples: int) -> float:
    taken = []
    for i in range(WARM_UP + samples):
        request = client.request("comm_msg", {"comm_id": comm_id, "data": {"i": i}})
        started = time.perf_counter()
        client.shell.send_multipart(request.frames)
        client.publication(b"comm_msg")
        taken.append(time.perf_counter() - started)
    return p50(taken[WARM_UP:]) * 1e6


def subscribers(launcher: Launcher, sizes: Sequence[int], samples: int) -> list[float]:
    """`pass` while so many others subscribe to iopub and read."""
    figures = []
    with launcher.started() as kernel, ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        connected = 0
        for size in sizes:
            while connected < size:
                socket = stack.enter_context(context.socket(zmq.SUB))
                socket.setsockopt(zmq.SUBSCRIBE, b"")
                socket.setsockopt(zmq.RCVHWM, 1)  # What it does not read is dropped on its side.
                socket.setsockopt(zmq.LINGER, 0)
                socket.connect(kernel.connection.url("iopub"))
                connected += 1
            figures.append(round_trips(kernel.client, samples))
    return figures


def subshells(launcher: Launcher, sizes: Sequence[int], samples: int) -> list[float]:
    """`pass` on the main shell while so many subshells are open."""
    figures, opened = [], 0
    with launcher.started() as kernel:
        client = kernel.client
        for size in sizes:
            while opened < size:
                request = client.request("create_subshell_request", {})
                client.control.send_multipart(request.frames)
                reply = client.reply(request, socket=client.control, timeout=5)
                if client.signer.decode(reply).content.get("status") != "ok":
                    raise UnavailableError("no subshells")
                opened += 1
            figures.append(round_trips(client, samples))
    return figures


def names(launcher: Launcher, sizes: Sequence[int], samples: int) -> list[float]:
    """`pass` with so many names in the namespace."""
    figures = []
    with launcher.started() as kernel:
        for size in sizes:
            kernel.client.run(f"globals().update((f'name_{{n}}', n) for n in range({size}))")
            figures.append(round_trips(kernel.client, samples))
    return figures


CURVES = (
    Curve(
        *("cells", "`pass`, p50", "cells run before", "µs"),
        *((100, 1000, 10_000, 100_000), (100, 1000)),
        cells,
    ),
    Curve(
        *("messages", "`pass`, p50", "messages published before", "µs"),
        *((1000, 10_000, 100_000, 1_000_000), (1000, 10_000)),
        messages,
    ),
    Curve(
        *("queue", "one cell of those queued", "cells sent at once", "µs"),
        *((10, 100, 1000, 10_000), (10, 100)),
        queue,
    ),
    Curve(
        *("comms", "comm echo, p50", "open comms", "µs"),
        *((1, 10, 100, 1000), (1, 10)),
        comms,
    ),
    Curve(
        *("subscribers", "`pass`, p50", "other subscribers", "µs"),
        *((0, 1, 5, 20), (0, 5)),
        subscribers,
    ),
    Curve(
        *("subshells", "`pass`, p50", "open subshells", "µs"),
        *((0, 1, 4, 16), (0, 4)),
        subshells,
    ),
    Curve(
        *("names", "`pass`, p50", "names in the namespace", "µs"),
        *((10, 1000, 10_000, 100_000), (10, 1000)),
        names,
    ),
)
