"""The log of a build, kept until somebody wants to read it."""

from __future__ import annotations

from rattler_build.progress import (
    BuildStepEvent,
    DownloadCompleteEvent,
    DownloadProgressEvent,
    DownloadStartEvent,
    LogEvent,
    ProgressCallback,
)

TAIL_LINES = 40


class BuildLog(ProgressCallback):
    """Collects what a build says. It is kept in memory, for the builds here are small."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tail(self) -> str:
        """The last lines."""
        return "\n".join(self.lines[-TAIL_LINES:])

    def on_log(self, event: LogEvent) -> None:
        """A line of the build tool or of the build script."""
        self.lines += [text for text in event.message.splitlines() if text.strip()]

    def on_build_step(self, event: BuildStepEvent) -> None:
        """A step begins."""
        self.lines.append(f"{event.step_name}: {event.message}")

    def on_download_start(self, event: DownloadStartEvent) -> None:
        """Not kept."""

    def on_download_progress(self, event: DownloadProgressEvent) -> None:
        """Not kept."""

    def on_download_complete(self, event: DownloadCompleteEvent) -> None:
        """Not kept."""
