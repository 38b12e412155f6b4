"""From arguments to values: every form that launchers use, and every wrong one with its sentence."""

import pytest

from ipyrust.command_line import UsageError, parse
from ipyrust.options import KernelOptions


@pytest.mark.parametrize(
    "arguments",
    [
        ["-f", "k.json"],
        ["-f=k.json"],
        ["-fk.json"],
        ["--f", "k.json"],
        ["--f=k.json"],
        ['--f="k.json"'],
        ["--connection-file", "k.json"],
        ["--connection-file=k.json"],
        ["--IPKernelApp.connection_file=k.json"],
        ["--IPKernelApp.connection_file", "k.json"],
    ],
)
def test_every_way_to_name_the_connection_file(arguments: list[str]) -> None:
    line = parse(arguments)
    assert (line.action, line.connection_file, line.connection) == ("run", "k.json", {})


def test_addresses_and_key_one_by_one_as_old_launchers_give_them() -> None:
    line = parse(
        [
            "--ip=127.0.0.1",
            "--stdin=9003",
            "--control=9001",
            "--hb=9000",
            '--Session.signature_scheme="hmac-sha256"',
            '--Session.key=b"6a1a-b2"',
            "--shell=9002",
            '--transport="tcp"',
            "--iopub=9004",
            "--f=/tmp/kernel-1.json",
        ]
    )
    assert line.connection_file == "/tmp/kernel-1.json"
    assert line.connection == {
        "ip": "127.0.0.1",
        "transport": "tcp",
        "shell_port": 9002,
        "iopub_port": 9004,
        "stdin_port": 9003,
        "control_port": 9001,
        "hb_port": 9000,
        "signature_scheme": "hmac-sha256",
        "key": "6a1a-b2",
    }


@pytest.mark.parametrize(
    ("text", "key"),
    [('b"abc"', "abc"), ("b'a-b'", "a-b"), (r"b'\x61'", "a"), ("abc", "abc"), ("b", "b"), ("", "")],
)
def test_a_key_is_bytes_literal_or_bare(text: str, key: str) -> None:
    assert parse([f"--Session.key={text}"]).connection == {"key": key}


def test_no_secure_and_secure() -> None:
    assert parse(["--no-secure"]).connection == {"key": ""}
    assert parse(["--no-secure", "--secure"]).connection == {}


def test_keyfile(tmp_path) -> None:
    file = tmp_path / "key"
    file.write_text("secret\n")
    assert parse(["--keyfile", str(file)]).connection == {"key": "secret"}
    with pytest.raises(UsageError, match="--keyfile=/missing: the key cannot be read"):
        parse(["--keyfile=/missing"])


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--profile", "work"], {"profile": "work"}),
        (["--profile-dir=/p"], {"profile_dir": "/p"}),
        (["--ipython-dir=/i"], {"ipython_dir": "/i"}),
        (["--config=a.py", "--config=b.py"], {"config_files": ("a.py", "b.py")}),
        (["--ext", "autoreload"], {"extensions": ("autoreload",)}),
        (["--InteractiveShellApp.extensions=a"], {"extensions": ("a",)}),
        (["--IPKernelApp.exec_lines=a=1"], {"exec_lines": ("a=1",)}),
        (["--InteractiveShellApp.exec_files=x.py"], {"exec_files": ("x.py",)}),
        (["-c", "print('a=b')"], {"code_to_run": "print('a=b')"}),
        (["-m", "this"], {"module_to_run": "this"}),
        (["--matplotlib"], {"matplotlib": "auto"}),
        (["--matplotlib", "inline"], {"matplotlib": "inline"}),
        (["--matplotlib=inline"], {"matplotlib": "inline"}),
        (["--matplotlib", "--debug"], {"matplotlib": "auto", "debug": True}),
        (["--pylab"], {"pylab": "auto"}),
        (["--gui=qt"], {"gui": "qt"}),
        (["--no-stdout", "--no-stderr"], {"no_stdout": True, "no_stderr": True}),
        (["--IPKernelApp.quiet=False"], {"quiet": False}),
        (["--IPKernelApp.capture_fd_output=0"], {"capture_fds": False}),
        (["--trio-loop"], {"trio_loop": True}),
        (["--log-level=10"], {"debug": True}),
        (["--log-level", "info"], {"debug": False}),
    ],
)
def test_options_of_the_interpreter(arguments: list[str], options: dict[str, object]) -> None:
    line = parse(arguments)
    assert line.options == options
    KernelOptions(**line.options)


@pytest.mark.parametrize(
    ("arguments", "config"),
    [
        (["--colors=linux"], [("InteractiveShell.colors", "linux")]),
        (["--no-automagic"], [("InteractiveShell.automagic", "False")]),
        (["--pdb"], [("InteractiveShell.pdb", "True")]),
        (["--no-pprint"], [("PlainTextFormatter.pprint", "False")]),
        (["--cache-size", "0"], [("InteractiveShell.cache_size", "0")]),
        (
            ["--HistoryManager.enabled=False", "--HistoryManager.hist_file", ":memory:"],
            [("HistoryManager.enabled", "False"), ("HistoryManager.hist_file", ":memory:")],
        ),
    ],
)
def test_all_other_traits_are_configuration(
    arguments: list[str], config: list[tuple[str, str]]
) -> None:
    assert parse(arguments).config == config


def test_the_parent_is_told_by_the_environment() -> None:
    assert parse(["--IPKernelApp.parent_handle=42"]).environment == {"JPY_PARENT_PID": "42"}


def test_what_follows_two_dashes_is_for_the_users_code() -> None:
    assert parse(["-f", "k", "--", "--what", "x"]).arguments == ["--what", "x"]


@pytest.mark.parametrize(
    ("argument", "action"),
    [("--help", "help"), ("-h", "help"), ("--help-all", "help"), ("--version", "version")],
)
def test_information(argument: str, action: str) -> None:
    assert parse([argument]).action == action


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--conection-file=x"],
            "unknown option --conection-file; did you mean --connection-file?",
        ),
        (["--matplotlb"], "unknown option --matplotlb; did you mean --matplotlib?"),
        (["--xyzzy"], "unknown option --xyzzy; --help lists what is known"),
        (["--debug=1"], "--debug takes no value: leave out =1"),
        (["-f"], "-f needs a value: -f=VALUE"),
        (["--shell=http"], "--shell=http: 'http' must be a number from 0 to 65535"),
        (["--hb", "70000"], "--hb: '70000' must be a number from 0 to 65535"),
        (["--IPKernelApp.quiet=maybe"], "--IPKernelApp.quiet=maybe: 'maybe' must be True or False"),
        (["--log-level=loud"], "--log-level=loud: 'loud' must be a number or one of DEBUG, "),
        (["notebook.ipynb"], "unexpected argument 'notebook.ipynb': "),
        ([r'--Session.key=b"\xff"'], "the key must be UTF-8 text"),
    ],
)
def test_wrong_arguments(arguments: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(arguments)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [["-f", "c.json", "a.py", "b"], ["a.py", "-f", "c.json", "--", "b"]]
)
def test_a_client_may_append_arguments_of_its_own(arguments: list[str]) -> None:
    line = parse(arguments)
    assert line.connection_file == "c.json"
    assert line.arguments == ["a.py", "b"]


def test_it_knows_every_flag_and_alias_of_ipykernel() -> None:
    kernelapp = pytest.importorskip("ipykernel.kernelapp")
    for alias in kernelapp.IPKernelApp().aliases:
        names = [alias] if isinstance(alias, str) else alias
        for name in names:
            dashes = "-" if len(name) == 1 else "--"
            parse([f"{dashes}{name}", __file__ if name == "keyfile" else "1"])
    for flag in kernelapp.IPKernelApp().flags:
        parse([f"--{flag}"])
