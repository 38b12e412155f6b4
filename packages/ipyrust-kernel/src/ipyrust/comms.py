"""Comms: `comm.create_comm()` and `comm.get_comm_manager()` of a kernel.

Opening, closing and callbacks are those of the `comm` package; a `KernelComm` only publishes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import comm
from comm.base_comm import BaseComm, CommManager

if TYPE_CHECKING:
    from ipyrust.kernel_api import KernelFacade
    from ipyrust.output.publisher import Publisher


class KernelComm(BaseComm):
    """A comm whose messages are published on IOPub, with the topic of the comm and with binary buffers."""

    publisher: Publisher
    kernel: KernelFacade | None = None
    comm_id: str = ""
    """Of the class, too: ipykernel's is a trait, and mocks made of the class have what it has."""

    def publish_msg(
        self,
        msg_type: str,
        data: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        buffers: list[Any] | None = None,
        **keys: Any,
    ) -> None:
        """Publish one message of this comm; what comes back on it is for the subshell that this is sent from."""
        self._note_sender(msg_type, data)
        self.publisher.publish(
            msg_type,
            {"comm_id": self.comm_id, "data": data if data is not None else {}, **keys},
            metadata=metadata,
            buffers=[contiguous(buffer) for buffer in buffers or ()],
            topic=self.topic,
        )

    def _note_sender(self, msg_type: str, data: Any) -> None:
        core = self.publisher.core
        if msg_type == "comm_close":
            core.comm_closed(self.comm_id)
            return
        request = self.publisher.current_parent()
        subshell_id = request.subshell_id if request is not None else None
        core.comm_sent(self.comm_id, request_id(data), subshell_id)


def request_id(data: Any) -> str | None:
    """The id that the answer to a message repeats, in the convention of ipykernel's clients: `data.content.id`."""
    content = data.get("content") if isinstance(data, dict) else None
    found = content.get("id") if isinstance(content, dict) else None
    return found if isinstance(found, str) else None


class KernelCommManager(CommManager):
    """The manager of the kernel's comms; `kernel` and `comm_manager.register_target` as in ipykernel."""

    kernel: KernelFacade | None = None
    comm_class: type[KernelComm]

    def forget_all(self) -> None:
        """At the end of the kernel: objects that die later shall not try to close their comm."""
        for open_comm in self.comms.values():
            open_comm._closed = True
        self.comms.clear()


def contiguous(buffer: Any) -> Any:
    """`buffer` itself, or a copy if its bytes do not lie in one piece."""
    view = memoryview(buffer)
    return view if view.c_contiguous else view.tobytes()


@contextmanager
def kernel_comms(publisher: Publisher, kernel: KernelFacade | None) -> Iterator[KernelCommManager]:
    """While it is entered, the `comm` package opens comms of this kernel."""
    manager = KernelCommManager()
    manager.kernel = kernel

    class BoundComm(KernelComm):
        pass

    BoundComm.__name__ = BoundComm.__qualname__ = "KernelComm"
    BoundComm.publisher = publisher
    BoundComm.kernel = kernel
    manager.comm_class = BoundComm

    def create_comm(*args: Any, **kwargs: Any) -> BaseComm:
        return BoundComm(*args, **kwargs)

    def get_comm_manager() -> CommManager:
        return manager

    before = comm.create_comm, comm.get_comm_manager
    comm.create_comm, comm.get_comm_manager = create_comm, get_comm_manager
    try:
        yield manager
    finally:
        manager.forget_all()
        if comm.create_comm is create_comm:
            comm.create_comm = before[0]
        if comm.get_comm_manager is get_comm_manager:
            comm.get_comm_manager = before[1]
