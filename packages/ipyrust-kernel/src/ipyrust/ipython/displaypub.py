"""`display_data`, `update_display_data` and `clear_output` (messaging specification, "Display data")."""

from __future__ import annotations

from typing import Any

from IPython.core.displaypub import DisplayPublisher
from traitlets import Bool

from ipyrust.ipython.speaks_for_parent import SpeaksForParent


class ZMQDisplayPublisher(SpeaksForParent, DisplayPublisher):
    """IPython's display publisher, on IOPub."""

    topic = b"display_data"

    store_display_history = Bool(
        False, help="Keep displayed data in the history manager, for %notebook."
    ).tag(config=True)

    def publish(  # type: ignore[override]
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **_ignored: Any,
    ) -> None:
        """Publish one mime bundle.

        Raises:
            TypeError: `data` or `metadata` is no dict, or holds what JSON cannot.
        """
        self._validate_data(data, metadata)  # type: ignore[no-untyped-call]
        if self.store_display_history:
            self._store(data)
        self._publish(
            "update_display_data" if update else "display_data",
            {"data": data, "metadata": metadata or {}, "transient": transient or {}},
        )

    def clear_output(self, wait: bool = False) -> None:
        """Ask the frontend to clear the cell's output, at once or (`wait`) when new output comes."""
        self._publish("clear_output", {"wait": wait})

    def _store(self, data: dict[str, Any]) -> None:
        from IPython.core.history import HistoryOutput

        count = self.shell.execution_count - (1 if self._in_post_execute else 0)
        self.shell.history_manager.outputs[count].append(
            HistoryOutput(output_type="display_data", bundle=data)
        )


ZMQDisplayPublisher.__module__ = "ipykernel.zmqshell"
