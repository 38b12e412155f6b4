"""Much output: many lines, one huge text, many displays. A figure counts only if all arrived."""

from __future__ import annotations

import time

from benchmarks.client import Client
from benchmarks.errors import NoAnswerError, UnavailableError
from benchmarks.launcher import Launcher
from benchmarks.measure import Better, Effort, Figures, Measure, Row, p50
from benchmarks.wire import Frames, has_type

LINES = 100_000
TEXT_BYTES = 30_000_000
DISPLAYS = 5000

PRINTED_LINES = Row(
    "lines", "100 000 printed lines, none lost", "lines/s", Better.HIGHER, "string_io"
)
HUGE_PRINT = Row("print_30mb", "one print of 30 MB", "ms")
SHOWN = Row("displays", "5 000 displays in one cell", "displays/s", Better.HIGHER)


def lines(launcher: Launcher, effort: Effort) -> Figures:
    """A loop of print(i), until reply and idle; the text is then compared byte by byte."""
    code = f"for i in range({LINES}): print(i)"
    expected = "".join(f"{i}\n" for i in range(LINES))
    with launcher.started() as kernel:
        return {PRINTED_LINES.name: LINES / _printed(kernel.client, code, expected)}


def huge_print(launcher: Launcher, effort: Effort) -> Figures:
    """print of one string, until reply and idle."""
    expected = "x" * TEXT_BYTES + "\n"
    with launcher.started() as kernel:
        samples = [
            _printed(kernel.client, f"print('x' * {TEXT_BYTES})", expected)
            for _ in range(effort.large_messages)
        ]
    return {HUGE_PRINT.name: p50(samples) * 1e3}


def displays(launcher: Launcher, effort: Effort) -> Figures:
    """IPython's display() of a ready mime bundle, counted on arrival."""
    code = f"for i in range({DISPLAYS}): _bench_display({{'text/plain': str(i)}}, raw=True)"
    with launcher.started() as kernel:
        client = kernel.client
        client.run("from IPython.display import display as _bench_display")
        elapsed, published = _run(client, code)
        arrived = [
            m.content["data"]["text/plain"]
            for m in map(client.signer.decode, published)
            if m.msg_type == "display_data"
        ]
        if arrived != [str(i) for i in range(DISPLAYS)]:
            raise UnavailableError(f"{len(arrived)} of {DISPLAYS} displays arrived by idle")
    return {SHOWN.name: DISPLAYS / elapsed}


def _run(client: Client, code: str) -> tuple[float, list[Frames]]:
    """Seconds until reply and idle, and what was published."""
    request = client.execute_request(code)
    started = time.perf_counter()
    client.shell.send_multipart(request.frames)
    published = client.publications(request)
    client.reply(request)
    return time.perf_counter() - started, published


def _printed(client: Client, code: str, expected: str) -> float:
    """Seconds a printing cell took; UnavailableError unless exactly `expected` was printed."""
    elapsed, published = _run(client, code)
    text = _stdout(client, published)
    if text != expected:
        late = _stdout(client, _stragglers(client))
        if len(text) + len(late) < len(expected):
            lost = len(expected) - len(text) - len(late)
            raise UnavailableError(f"lost {lost:,} of {len(expected):,} characters")
        raise UnavailableError(f"{len(late):,} characters after idle" if late else "wrong text")
    return elapsed


def _stdout(client: Client, published: list[Frames]) -> str:
    """The printed text in these publications."""
    messages = [client.signer.decode(frames) for frames in published if has_type(frames, b"stream")]
    return "".join(m.content["text"] for m in messages if m.content["name"] == "stdout")


def _stragglers(client: Client) -> list[Frames]:
    """What still arrives after idle, until a second of silence."""
    late: list[Frames] = []
    while True:
        try:
            late.append(client.receive(client.iopub, time.monotonic() + 1.0))
        except NoAnswerError:
            return late


MEASURES = (
    Measure("lines", (PRINTED_LINES,), lines),
    Measure("print_30mb", (HUGE_PRINT,), huge_print),
    Measure("displays", (SHOWN,), displays),
)
