"""What display hook and display publisher share: parent, hooks and the attributes that libraries read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ipyrust_core.parent import parent

if TYPE_CHECKING:
    from contextvars import Token

    from ipyrust.ipython.session_facade import PublishingSocket, SessionFacade
    from ipyrust.output.publisher import Publisher
    from ipyrust_core._native import Request

Message = dict[str, Any]
MessageHook = Callable[[Message], Message | None]


class SpeaksForParent:
    """Mix-in of the objects that publish what a cell shows. `attach` must be called before the first publication."""

    topic: bytes | None = None
    session: SessionFacade | None = None
    pub_socket: PublishingSocket | None = None
    _publisher: Publisher
    _thread_local: threading.local
    _hooked = False

    def attach(
        self, publisher: Publisher, session: SessionFacade, pub_socket: PublishingSocket
    ) -> None:
        """Connect to what publishes."""
        self._publisher = publisher
        self._thread_local = threading.local()
        self.session = session
        self.pub_socket = pub_socket

    @property
    def _hooks(self) -> list[MessageHook]:
        hooks: list[MessageHook] | None = getattr(self._thread_local, "hooks", None)
        if hooks is None:
            hooks = self._thread_local.hooks = []
        return hooks

    def register_hook(self, hook: MessageHook) -> None:
        """Show `hook` each message that the calling thread is about to publish.

        What it returns is published in its stead; None means that it is not published.
        """
        self._hooks.append(hook)
        self._hooked = True

    def unregister_hook(self, hook: MessageHook) -> bool:
        """Take `hook` off again; False if the calling thread had not registered it."""
        try:
            self._hooks.remove(hook)
        except ValueError:
            return False
        return True

    def _publish(self, msg_type: str, content: Mapping[str, Any]) -> None:
        """Publish, past the hooks of the calling thread."""
        metadata: Mapping[str, Any] | None = None
        if self._hooked and self._hooks:
            assert self.session is not None
            message = self.session.msg(msg_type, content, parent=self.parent_header)
            for hook in self._hooks:
                changed = hook(message)
                if changed is None:
                    return
                message = changed
            content, metadata = message["content"], message.get("metadata")
            msg_type = message["header"]["msg_type"]
        self._publisher.publish(msg_type, content, metadata=metadata, topic=self.topic)

    @property
    def parent_header(self) -> Message:
        """Header of the request that the next output will belong to."""
        return self._publisher.messages.header(self._publisher.current_parent())

    @parent_header.setter
    def parent_header(self, header: Message) -> None:
        self.set_parent(header)

    def set_parent(self, message: Message) -> None:
        """Make the request that `message` names the parent of the calling task or thread; unknown ones are ignored."""
        request = self._publisher.messages.find(message)
        if request is not None:
            parent.set(request)

    def set_thread_parent(self, message: Message) -> Token[Request | None]:
        """As `set_parent`, returning the token that `reset_thread_parent` takes."""
        request = self._publisher.messages.find(message)
        return parent.set(request or self._publisher.current_parent())

    def reset_thread_parent(self, token: Token[Request | None]) -> None:
        """Undo the `set_thread_parent` that returned `token`."""
        parent.reset(token)
