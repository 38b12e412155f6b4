"""complete_request and inspect_request, one at a time until the reply."""

from __future__ import annotations

import time

from benchmarks.client import Client
from benchmarks.errors import NoAnswerError, UnavailableError
from benchmarks.launcher import Launcher
from benchmarks.measure import Effort, Figures, Measure, Row, p50

WARM_UP = 2

COMPLETE = Row("complete", "completion of `os.pa`, p50", "ms")
INSPECT = Row("inspect", "inspection of `os.path.join`, p50", "ms")


def complete(launcher: Launcher, effort: Effort) -> Figures:
    """An attribute of an imported module; the reply must offer `path`."""
    content = {"code": "os.pa", "cursor_pos": 5}
    with launcher.started() as kernel:
        seconds = _ask(kernel.client, "complete_request", content, b"path", effort)
    return {COMPLETE.name: seconds * 1e3}


def inspect(launcher: Launcher, effort: Effort) -> Figures:
    """A function with a docstring; the reply must show it."""
    content = {"code": "os.path.join", "cursor_pos": 12, "detail_level": 0}
    with launcher.started() as kernel:
        seconds = _ask(kernel.client, "inspect_request", content, b"pathname", effort)
    return {INSPECT.name: seconds * 1e3}


def _ask(
    client: Client, msg_type: str, content: dict[str, object], expected: bytes, effort: Effort
) -> float:
    """Median seconds until the reply; each next request waits for idle."""
    client.run("import os")
    samples = []
    for request in [client.request(msg_type, content) for _ in range(WARM_UP + effort.requests)]:
        started = time.perf_counter()
        client.shell.send_multipart(request.frames)
        try:
            reply = client.reply(request, timeout=5.0)
        except NoAnswerError:
            raise UnavailableError(f"no reply to {msg_type} within 5 s") from None
        samples.append(time.perf_counter() - started)
        if expected not in reply[-1]:
            raise UnavailableError(f"the reply lacks {expected.decode()!r}")
        client.idle(request)
    return p50(samples[WARM_UP:])


MEASURES = (
    Measure("complete", (COMPLETE,), complete),
    Measure("inspect", (INSPECT,), inspect),
)
