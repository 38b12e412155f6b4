"""`ipykernel.kernelbase`, for code that asks for the running kernel."""

from __future__ import annotations

from typing import Any

from IPython.core.getipython import get_ipython


class KernelMeta(type):
    """Makes the running kernel an instance of `Kernel`."""

    def __instancecheck__(cls, instance: object) -> bool:
        shell: Any = get_ipython()
        return super().__instancecheck__(instance) or (
            shell is not None and instance is shell.kernel
        )


class Kernel(metaclass=KernelMeta):
    """The class of `get_ipython().kernel`. Kernels of one's own need the real one."""

    _instance: Any = None

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        raise RuntimeError(
            "ipyrust has no base class for kernels written in Python on ipykernel; install ipykernel for that"
        )

    @classmethod
    def initialized(cls) -> bool:
        """True in a kernel."""
        return get_ipython() is not None

    @classmethod
    def instance(cls, *_arguments: Any, **_options: Any) -> Any:
        """The running kernel."""
        shell: Any = get_ipython()
        return shell.kernel
