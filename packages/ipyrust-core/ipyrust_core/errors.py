"""The exceptions of the core.

CoreError
├── ConnectionFileError   the connection file cannot be used (the launcher's fault)
├── BindError             an address of the connection file cannot be bound (somebody else has it)
├── RegistrationError     the launcher does not take the ports (its registration socket is gone, or it refuses)
├── CoreClosedError       the kernel is shutting down; nothing more can be sent or received
├── AlreadyRepliedError   a request was answered twice (our bug)
└── StdinNotAllowedError  the client takes no input_request (the user's choice of client)

The native engine raises these very classes; every message names the offending value and what to do about it.
"""


class CoreError(Exception):
    """Base of everything the core raises."""


class ConnectionFileError(CoreError):
    """The connection file is missing, torn, unreadable, unsafe, or names something unknown."""


class BindError(CoreError):
    """A socket could not be bound: address in use or not available on this machine."""


class RegistrationError(CoreError):
    """The launcher whose registration file this is did not answer in time, refused, or is not who signed the file."""


class CoreClosedError(CoreError):
    """The core is closed: the kernel is shutting down, or its I/O thread failed."""


class AlreadyRepliedError(CoreError):
    """A request was answered a second time."""


class StdinNotAllowedError(CoreError):
    """The client that asked does not answer questions (`allow_stdin` is false), or there is no such client."""
