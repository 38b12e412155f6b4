"""comm_open, comm_msg, comm_close and comm_info_request (messaging specification, "Custom Messages")."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyrust.comms import KernelCommManager
    from ipyrust.output.parent_lookup import ParentMessages
    from ipyrust_core.interpreter import CommMessage

log = logging.getLogger("ipyrust.comm")


def comm(manager: KernelCommManager, messages: ParentMessages, message: CommMessage) -> None:
    """Deliver one comm message to the comm it names; one without the fields it needs is logged."""
    handlers = {
        "comm_open": manager.comm_open,
        "comm_msg": manager.comm_msg,
        "comm_close": manager.comm_close,
    }
    needed = ("comm_id", "target_name") if message.msg_type == "comm_open" else ("comm_id",)
    missing = [name for name in needed if not isinstance(message.content.get(name), str)]
    if missing:
        log.warning("%s without %s", message.msg_type, " and ".join(missing))
        return
    messages.remember(message.request)
    as_message = message.as_message()
    as_message["content"].setdefault("data", {})
    handlers[message.msg_type](None, "", as_message)  # type: ignore[arg-type]


def comm_info(manager: KernelCommManager, target_name: str | None) -> dict[str, Any]:
    """comm_info_reply's content: the open comms, of one target if it is named."""
    return {
        "status": "ok",
        "comms": {
            comm_id: {"target_name": comm.target_name}
            for comm_id, comm in list(manager.comms.items())
            if target_name is None or comm.target_name == target_name
        },
    }
