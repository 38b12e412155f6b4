"""A notebook: cells run in a kernel process, and what they show."""

from __future__ import annotations

import textwrap

from frontend import Frontend, Message, Transcript

PATIENCE = 90.0
"""Seconds for a cell: large libraries are compiled at their first import."""


class Notebook:
    """One client of one kernel process."""

    def __init__(self, frontend: Frontend) -> None:
        self.frontend = frontend

    def run(self, code: str) -> Transcript:
        """Run a cell that must succeed."""
        transcript = self.frontend.execute(textwrap.dedent(code)).finish(PATIENCE)
        assert transcript.reply and transcript.reply.content["status"] == "ok", str(transcript)
        return transcript

    def value(self, code: str) -> str:
        """`text/plain` of a cell's last expression."""
        return self.run(code).one("execute_result").content["data"]["text/plain"]

    def shown(self, code: str) -> dict[str, str]:
        """The mime bundle of a cell's result, or of the one thing that it displayed."""
        [message] = displays(self.run(code))
        return message.content["data"]

    def close(self) -> None:
        """Disconnect, and end the process."""
        self.frontend.close()
        self.frontend.kernel.close()


def displays(transcript: Transcript) -> list[Message]:
    """What was displayed, in order."""
    types = ("display_data", "execute_result")
    return [message for message in transcript.published if message.msg_type in types]
