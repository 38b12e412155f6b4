"""Why a cell of the table has no figure. Each text is what stands there after "n/a: "."""


class UnavailableError(Exception):
    """The kernel lacks the feature, or its figure cannot be trusted."""


class KernelDiedError(UnavailableError):
    """The kernel process ended while something was expected of it."""


class NoAnswerError(UnavailableError):
    """The kernel lived but did not answer within the time limit."""
