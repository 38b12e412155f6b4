"""A frontend that speaks raw ZMQ to a kernel in a process of its own, and transcripts of what it sees.

- `wire`: frames ↔ message, signature made and checked.
- `kernels`: the command line of the kernel under test.
- `process`: one kernel process, from its connection file to its certain end.
- `patterns`: what a message may look like: `busy`, `stdout("a\\n")`, `reply("ok")`.
- `transcript`: messages compared with patterns, in order and nothing left over.
- `gate`: what kernel and test wait for each other with.
- `client`: the sockets, the requests and their exchanges.

A test reads `frontend.execute("1/0").sees(busy, execute_input, error, reply("error"), idle)`.
"""

from frontend.client import DEADLINE, Exchange, Frontend
from frontend.gate import Gate, Lifeline, printed_when_waiting
from frontend.kernels import KernelUnderTest
from frontend.patterns import (
    Pattern,
    busy,
    clear_output,
    comm_close,
    comm_msg,
    comm_open,
    display_data,
    error,
    execute_input,
    execute_result,
    idle,
    reply,
    result,
    starting,
    stderr,
    stdout,
    update_display_data,
)
from frontend.process import KernelProcess
from frontend.transcript import Transcript
from frontend.wire import DELIMITER, Message, Signer

__all__ = [
    "DEADLINE",
    "DELIMITER",
    "Exchange",
    "Frontend",
    "Gate",
    "KernelProcess",
    "KernelUnderTest",
    "Lifeline",
    "Message",
    "Pattern",
    "Signer",
    "Transcript",
    "busy",
    "clear_output",
    "comm_close",
    "comm_msg",
    "comm_open",
    "display_data",
    "error",
    "execute_input",
    "execute_result",
    "idle",
    "printed_when_waiting",
    "reply",
    "result",
    "starting",
    "stderr",
    "stdout",
    "update_display_data",
]
