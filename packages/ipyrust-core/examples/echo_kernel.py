"""A complete Jupyter kernel that answers with what it is told: `python echo_kernel.py CONNECTION_FILE`."""

import sys

from ipyrust_core import run_kernel

LANGUAGE = {"name": "echo", "version": "1", "mimetype": "text/plain", "file_extension": ".txt"}


class Echo:
    """A language in which every program is its own result. See `ipyrust_core.Interpreter` for the methods."""

    execution_count = 1

    def kernel_info(self):
        """Called first, before the sockets are bound."""
        return {
            "protocol_version": "5.5",
            "implementation": "echo",
            "implementation_version": "1",
            "banner": "Echo",
            "language_info": LANGUAGE,
        }

    def start(self, kernel):
        """The sockets answer; slow imports belong here."""
        self.kernel = kernel

    def runs_async(self, code):
        """No program awaits."""
        return False

    async def execute(self, cell):
        """Show the cell's code as its result."""
        count, self.execution_count = self.execution_count, self.execution_count + 1
        result = {"execution_count": count, "data": {"text/plain": cell.code}, "metadata": {}}
        self.kernel.publish("execute_result", result)
        return {"status": "ok", "execution_count": count, "user_expressions": {}, "payload": []}

    def complete(self, code, cursor_pos):
        """Nothing to complete."""
        span = {"cursor_start": cursor_pos, "cursor_end": cursor_pos}
        return {"status": "ok", "matches": [], "metadata": {}, **span}

    def inspect(self, code, cursor_pos, detail_level, omit_sections):
        """Nothing to tell."""
        return {"status": "ok", "found": False, "data": {}, "metadata": {}}

    def is_complete(self, code):
        """Every text is a program."""
        return {"status": "complete"}

    def history(self, content):
        """Nothing is remembered."""
        return {"status": "ok", "history": []}

    def comm(self, message):
        """Nobody listens."""

    def comm_info(self, target_name):
        """No comm is open."""
        return {"status": "ok", "comms": {}}

    def debug(self, request):
        """No debugger."""
        return {}

    def shutdown(self, *, restart):
        """Nothing to clean up."""


if __name__ == "__main__":
    sys.exit(run_kernel(sys.argv[1], Echo()))
