"""Traits of ipykernel's kernel class that this kernel knows, and the environment variables that set them.

There is no object with these traits here: they are read from the configuration, where a file, IPYRUST_… or the command
line has put them. A later one of these wins.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from traitlets.config.loader import Config

Value = TypeVar("Value", bool, float)

SECTIONS = ("IPythonKernel", "Kernel")
"""Where the traits may stand, the strongest first."""

VARIABLES: dict[str, tuple[str, type[bool | float]]] = {
    "IPYRUST_USE_JEDI": ("Completer.use_jedi", bool),
    "IPYRUST_EXPERIMENTAL_COMPLETIONS": ("IPythonKernel.use_experimental_completions", bool),
    "IPYRUST_STOP_ON_ERROR_TIMEOUT": ("IPythonKernel.stop_on_error_timeout", float),
}
"""Environment variable → the trait it sets."""

WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def kernel_trait(
    config: Config, name: str, default: Value, *, sections: Sequence[str] = SECTIONS
) -> Value:
    """The configured value of a trait of the kernel; `default` where there is none, or one that cannot be used.

    The command line leaves texts in the configuration, and "False" is a text that is true.
    """
    for section in sections:
        if section in config and name in config[section]:
            value = parse(config[section][name], f"{section}.{name}", type(default))
            return default if value is None else value
    return default


def parse(value: Any, name: str, kind: type[Value]) -> Value | None:
    """`value`, or the value that the text `value` means; None for a wrong one, which is reported."""
    try:
        return kind(WORDS[value.lower()] if kind is bool and isinstance(value, str) else value)
    except (KeyError, ValueError, TypeError):
        import logging

        logger = logging.getLogger("ipyrust")
        logger.warning("%s=%s is no %s and is ignored", name, value, kind.__name__)
        return None


def environment_config(environ: Mapping[str, str] = os.environ) -> dict[str, dict[str, Any]]:
    """What the environment variables configure, as {"Class": {"trait": value}}."""
    config: dict[str, dict[str, Any]] = {}
    for variable, (target, kind) in VARIABLES.items():
        text = environ.get(variable, "")
        value = parse(text, variable, kind) if text else None
        if value is not None:
            section, _, trait = target.partition(".")
            config.setdefault(section, {})[trait] = value
    return config
