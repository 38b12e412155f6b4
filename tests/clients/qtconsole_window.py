"""A qtconsole window, driven through standard input. Run by the Python that has qtconsole, not by that of the tests.

A line on stdin is a JSON list, the name of a method of `Window` and its arguments; the line on stdout that follows is
what it returned.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from qtconsole.manager import QtKernelManager
from qtconsole.rich_jupyter_widget import RichJupyterWidget
from qtpy import QtCore, QtWidgets

OBJECT = "\N{OBJECT REPLACEMENT CHARACTER}"
"""What stands for an image in the text of a Qt document."""


class Window:
    """What a person does in the window, and what they see."""

    def __init__(self, kernel_name: str) -> None:
        self.manager = QtKernelManager(kernel_name=kernel_name)
        self.manager.start_kernel()
        client = self.manager.client()
        client.start_channels()
        self.widget = RichJupyterWidget()
        self.widget.kernel_manager = self.manager
        self.widget.kernel_client = client
        self.widget.show()

    def text(self) -> str:
        """All that is seen."""
        return str(self.widget._control.toPlainText())

    def images(self) -> int:
        """How many pictures are seen."""
        return self.text().count(OBJECT)

    def typed(self) -> str:
        """What stands behind the prompt."""
        return str(self.widget.input_buffer)

    def execute(self, code: str) -> None:
        """Type code and press Enter."""
        self.widget.execute(code)

    def complete(self, code: str) -> None:
        """Type code and press Tab."""
        self.widget.input_buffer = code
        self.widget._complete()

    def interrupt(self) -> None:
        """Choose Kernel > Interrupt."""
        self.widget.request_interrupt_kernel()

    def close(self) -> None:
        """Close the window and end the kernel."""
        self.widget.kernel_client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        QtWidgets.QApplication.instance().quit()


def main() -> None:
    """Open the window and do what stdin says."""
    application = QtWidgets.QApplication([])
    window = Window(sys.argv[1])

    def obey(*_: Any) -> None:
        line = sys.stdin.readline()
        name, *arguments = json.loads(line) if line else ["close"]
        print(json.dumps(getattr(window, name)(*arguments)), flush=True)

    notifier = QtCore.QSocketNotifier(sys.stdin.fileno(), QtCore.QSocketNotifier.Type.Read)
    notifier.activated.connect(obey)
    application.exec()


main()
