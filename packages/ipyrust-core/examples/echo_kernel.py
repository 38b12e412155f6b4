"""A complete Jupyter kernel that answers with what it is told: `python echo_kernel.py CONNECTION_FILE`."""

import sys

from ipyrust_core import Cell, Kernel, run_kernel


class Echo:
    execution_count = 1

    def kernel_info(self):
        return {
            "protocol_version": "5.5",
            "implementation": "echo",
            "implementation_version": "1",
            "banner": "Echo",
            "language_info": {
                "name": "echo",
                "version": "1",
                "mimetype": "text/plain",
                "file_extension": ".txt",
            },
        }

    def start(self, kernel: Kernel):
        self.kernel = kernel

    def runs_async(self, code):
        return False

    async def execute(self, cell: Cell):
        count, self.execution_count = self.execution_count, self.execution_count + 1
        self.kernel.publish(
            "execute_result",
            {"execution_count": count, "data": {"text/plain": cell.code}, "metadata": {}},
        )
        return {"status": "ok", "execution_count": count, "user_expressions": {}, "payload": []}

    def complete(self, code, cursor_pos):
        return {
            "status": "ok",
            "matches": [],
            "cursor_start": cursor_pos,
            "cursor_end": cursor_pos,
            "metadata": {},
        }

    def inspect(self, code, cursor_pos, detail_level, omit_sections):
        return {"status": "ok", "found": False, "data": {}, "metadata": {}}

    def is_complete(self, code):
        return {"status": "complete"}

    def history(self, content):
        return {"status": "ok", "history": []}

    def comm(self, message):
        pass

    def comm_info(self, target_name):
        return {"status": "ok", "comms": {}}

    def debug(self, request):
        return {}

    def shutdown(self, *, restart):
        pass


if __name__ == "__main__":
    sys.exit(run_kernel(sys.argv[1], Echo()))
