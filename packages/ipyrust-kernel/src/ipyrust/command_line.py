"""From the arguments of `python -m ipyrust` to values. Knows no files, no sockets and no IPython.

The flags are those of ipykernel's `IPKernelApp`, so that kernelspecs and launchers written for it work: single flags,
aliases with a value (`--ip=…`, `--ip …`), and any configurable trait (`--Class.trait=…`). This runs before the sockets
are bound, so it is tables and string operations: no argparse, no traitlets.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

ALIASES = {
    "f": "IPKernelApp.connection_file",
    "connection-file": "IPKernelApp.connection_file",
    "ip": "IPKernelApp.ip",
    "transport": "IPKernelApp.transport",
    "shell": "IPKernelApp.shell_port",
    "iopub": "IPKernelApp.iopub_port",
    "stdin": "IPKernelApp.stdin_port",
    "control": "IPKernelApp.control_port",
    "hb": "IPKernelApp.hb_port",
    "ident": "Session.session",
    "user": "Session.username",
    "keyfile": "Session.keyfile",
    "profile": "BaseIPythonApplication.profile",
    "profile-dir": "ProfileDir.location",
    "ipython-dir": "BaseIPythonApplication.ipython_dir",
    "config": "BaseIPythonApplication.extra_config_file",
    "log-level": "Application.log_level",
    "autocall": "InteractiveShell.autocall",
    "cache-size": "InteractiveShell.cache_size",
    "colors": "InteractiveShell.colors",
    "theme": "InteractiveShell.colors",
    "logfile": "InteractiveShell.logfile",
    "logappend": "InteractiveShell.logappend",
    "c": "InteractiveShellApp.code_to_run",
    "m": "InteractiveShellApp.module_to_run",
    "ext": "InteractiveShellApp.extra_extensions",
    "gui": "InteractiveShellApp.gui",
    "matplotlib": "InteractiveShellApp.matplotlib",
    "pylab": "InteractiveShellApp.pylab",
}
"""Short name → the trait it sets."""

SWITCHES = {
    "autoindent": "InteractiveShell.autoindent",
    "automagic": "InteractiveShell.automagic",
    "pdb": "InteractiveShell.pdb",
    "pprint": "PlainTextFormatter.pprint",
    "color-info": "InteractiveShell.color_info",
    "ignore-cwd": "InteractiveShellApp.ignore_cwd",
}
"""Flags that `--NAME` turns on and `--no-NAME` off."""

FLAGS = {
    "debug": (("Application.log_level", "DEBUG"),),
    "quiet": (("Application.log_level", "CRITICAL"),),
    "init": (
        ("BaseIPythonApplication.copy_config_files", "True"),
        ("BaseIPythonApplication.auto_create", "True"),
    ),
    "no-stdout": (("IPKernelApp.no_stdout", "True"),),
    "no-stderr": (("IPKernelApp.no_stderr", "True"),),
    "matplotlib": (("InteractiveShellApp.matplotlib", "auto"),),
    "pylab": (("InteractiveShellApp.pylab", "auto"),),
    "trio-loop": (("IPKernelApp.trio_loop", "True"),),
    "nosep": (
        ("InteractiveShell.separate_in", ""),
        ("InteractiveShell.separate_out", ""),
        ("InteractiveShell.separate_out2", ""),
    ),
    "secure": (("Session.key", "new"),),
    "no-secure": (("Session.key", ""),),
    **{name: ((trait, "True"),) for name, trait in SWITCHES.items()},
    **{f"no-{name}": ((trait, "False"),) for name, trait in SWITCHES.items()},
}
"""Flag → the traits it sets."""

APPLICATION_CLASSES = {
    "IPKernelApp",
    "BaseIPythonApplication",
    "InteractiveShellApp",
    "Application",
}
"""Classes that are one object in a running kernel: any of them may be used to name its traits."""

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
TEXT_OPTIONS = (
    "profile",
    "ipython_dir",
    "matplotlib",
    "gui",
    "pylab",
    "code_to_run",
    "module_to_run",
    "file_to_run",
)
LIST_OPTIONS = {
    "extra_config_file": "config_files",
    "exec_lines": "exec_lines",
    "exec_files": "exec_files",
    "extensions": "extensions",
    "extra_extensions": "extensions",
}
BOOL_OPTIONS = {
    "no_stdout": "no_stdout",
    "no_stderr": "no_stderr",
    "quiet": "quiet",
    "trio_loop": "trio_loop",
    "capture_fd_output": "capture_fds",
    "crash_reports": "crash_reports",
}
HELP = {"h", "help", "help-all"}
VERSION = {"version", "V"}
SHOW_CONFIG = {"show-config", "show-config-json"}


class UsageError(Exception):
    """The command line is wrong; the message says which argument and what would be right."""


class CommandLine:
    """What the arguments ask for."""

    __slots__ = (
        "action",
        "arguments",
        "config",
        "connection",
        "connection_file",
        "environment",
        "options",
        "quiet",
    )

    def __init__(self) -> None:
        self.action: Literal["run", "help", "version", "show-config", "show-config-json"] = "run"
        self.connection_file: str | None = None
        self.connection: dict[str, object] = {}
        """Entries of a connection file that were given one by one: ip, transport, *_port, key, signature_scheme."""
        self.options: dict[str, object] = {}
        """Fields of KernelOptions."""
        self.config: list[tuple[str, str]] = []
        """All other traits, as (`Class.trait`, text)."""
        self.environment: dict[str, str] = {}
        """Environment variables that do the same as the arguments that set them."""
        self.arguments: list[str] = []
        """What follows `--`, and what clients append for themselves (`jupyter run FILE`)."""
        self.quiet = False
        """Say nothing but errors."""


def parse(arguments: Sequence[str]) -> CommandLine:
    """Read all arguments.

    Raises:
        UsageError: one of them is unknown, lacks its value or has a wrong one.
    """
    line = CommandLine()
    rest = list(arguments)
    stray: str | None = None
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            line.arguments += rest
            break
        if not argument.startswith("-") or argument == "-":
            line.arguments.append(argument)
            stray = stray or argument
            continue
        name, value = _split(argument)
        if value is None and (name in HELP or name in VERSION):
            line.action = "help" if name in HELP else "version"
            break
        if value is None and name in SHOW_CONFIG:
            line.action = name  # type: ignore[assignment]
            continue
        next_is_value = bool(rest) and not rest[0].startswith("-")
        if value is None and name in FLAGS and not (name in ALIASES and next_is_value):
            for trait, text in FLAGS[name]:
                _set(line, trait, text, argument)
            continue
        trait = name if _is_trait(name) else ALIASES.get(name, "")
        if not trait:
            raise UsageError(_unknown(argument, name, value))
        if value is None:
            if not rest:
                raise UsageError(f"{argument} needs a value: {argument}=VALUE")
            value = rest.pop(0)
        _set(line, trait, value, argument)
    if stray is not None and line.connection_file is None:
        raise UsageError(
            f"unexpected argument {stray!r}: options start with --, and so does what sets a trait"
        )
    return line


def _split(argument: str) -> tuple[str, str | None]:
    """`--name=value` → name, value; `-fFILE` → f, FILE; no value → None."""
    name, equals, value = argument.partition("=")
    if name.startswith("--"):
        name = name[2:]
    elif len(name) > 2 and name[1] in ALIASES:
        return name[1], argument[2:]
    else:
        name = name[1:]
    return name, value if equals else None


def _is_trait(name: str) -> bool:
    """Whether `name` looks like `Class.trait`."""
    class_name, dot, trait = name.partition(".")
    return bool(dot) and class_name[:1].isupper() and trait.isidentifier()


def _set(line: CommandLine, trait: str, value: str, argument: str) -> None:
    """Put one trait's text where it belongs."""
    class_name, _, name = trait.partition(".")
    if class_name == "Session" and name in {"key", "keyfile", "signature_scheme"}:
        _set_signing(line, name, value, argument)
    elif trait == "ProfileDir.location":
        line.options["profile_dir"] = _unquoted(value)
    elif class_name not in APPLICATION_CLASSES:
        line.config.append((trait, value))
    elif name == "connection_file":
        line.connection_file = _unquoted(value)
    elif name in {"ip", "transport"}:
        line.connection[name] = _unquoted(value)
    elif name in PORTS:
        line.connection[name] = _number(value, argument, highest=65535)
    elif name in TEXT_OPTIONS:
        line.options[name] = _unquoted(value) if name != "code_to_run" else value
    elif name in LIST_OPTIONS:
        field = LIST_OPTIONS[name]
        line.options[field] = (*line.options.get(field, ()), _unquoted(value))  # type: ignore[misc]
    elif name in BOOL_OPTIONS:
        line.options[BOOL_OPTIONS[name]] = _bool(value, argument)
    elif name == "log_level":
        level = _level(value, argument)
        line.options["debug"] = level <= 10
        line.quiet = level >= 50
    elif name in {"parent_handle", "interrupt"}:
        variable = "JPY_PARENT_PID" if name == "parent_handle" else "JPY_INTERRUPT_EVENT"
        line.environment[variable] = str(_number(value, argument, highest=2**63 - 1))
    else:
        line.config.append((trait, value))


def _set_signing(line: CommandLine, name: str, value: str, argument: str) -> None:
    """`--Session.key=b"…"`, `--Session.signature_scheme=…`, `--keyfile=…`, `--secure`, `--no-secure`."""
    if argument == "--secure":
        line.connection.pop("key", None)  # every connection file that we write has a random key
    elif name == "key":
        line.connection["key"] = _text_of_bytes(value, argument)
    elif name == "signature_scheme":
        line.connection[name] = _unquoted(value)
    else:
        try:
            with open(_unquoted(value), encoding="utf-8") as file:
                line.connection["key"] = file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{argument}: the key cannot be read: {error}") from None


def _text_of_bytes(value: str, argument: str) -> str:
    """A key as traitlets takes it, `b"…"`, `b'…'` or bare, as the text of a connection file."""
    if not (value[:2] in {'b"', "b'"} and value[-1] == value[1] and len(value) > 2):
        return _unquoted(value)
    from ast import literal_eval

    try:
        return str(literal_eval(value).decode("utf-8"))
    except (ValueError, SyntaxError):
        raise UsageError(f"{argument}: the key must be UTF-8 text") from None


def _unquoted(value: str) -> str:
    """Launchers without a shell hand quotes through; they are not part of the value."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _number(value: str, argument: str, *, highest: int) -> int:
    if not (value.isascii() and value.isdigit() and int(value) <= highest):
        raise UsageError(f"{argument}: {value!r} must be a number from 0 to {highest}")
    return int(value)


def _bool(value: str, argument: str) -> bool:
    if value.lower() not in {"true", "1", "false", "0"}:
        raise UsageError(f"{argument}: {value!r} must be True or False")
    return value.lower() in {"true", "1"}


def _level(value: str, argument: str) -> int:
    names = {"DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
    if value.upper() in names:
        return names[value.upper()]
    if value.isascii() and value.isdigit():
        return int(value)
    raise UsageError(f"{argument}: {value!r} must be a number or one of {', '.join(names)}")


def _unknown(argument: str, name: str, value: str | None) -> str:
    """Name the flag, and the known one that it resembles."""
    from difflib import get_close_matches

    known = [*ALIASES, *FLAGS, *SHOW_CONFIG, "help", "version"]
    if value is not None and name in FLAGS:
        return f"--{name} takes no value: leave out ={value}"
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = (
        f"did you mean {'-' if len(near[0]) == 1 else '--'}{near[0]}?"
        if near
        else "--help lists what is known"
    )
    return f"unknown option {argument.partition('=')[0]}; {hint}"
