"""Warm start's two sides on real sockets, where one of them does what it should not."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ipyrust.warm import wire
from ipyrust.warm.commands import main
from ipyrust.warm.freshness import Freshness
from ipyrust.warm.key import MAX_SOCKET_PATH_BYTES, directory_of, socket_path, template_key
from ipyrust.warm.process import WarmProcess

pytestmark = pytest.mark.timeout(120)


def test_messages_that_arrive_together_are_told_apart() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send(theirs, {"pid": 1})
        wire.send(theirs, {"status": 0})
        assert wire.receive(ours) == ({"pid": 1}, [])
        assert wire.receive(ours) == ({"status": 0}, [])


@pytest.mark.parametrize("data", [b"[]\n", b"no JSON\n", b"[" * 100_000 + b"\n", b'{"torn": ', b""])
def test_descriptors_that_come_with_nonsense_are_closed(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        before = os.listdir("/dev/fd")
        if data:
            socket.send_fds(theirs, [data], [0, 1, 2])
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(wire.WireError):
            wire.receive(ours, fds=3)
        assert len(os.listdir("/dev/fd")) == len(before)


def test_descriptors_are_closed_when_the_rest_does_not_come() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        before = os.listdir("/dev/fd")
        socket.send_fds(theirs, [b"{"], [0, 1, 2])
        ours.settimeout(0.01)
        with pytest.raises(TimeoutError):
            wire.receive(ours, fds=3)
        assert len(os.listdir("/dev/fd")) == len(before)


def test_a_server_may_have_thousands_of_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2048
    if hard not in (-1, resource.RLIM_INFINITY) and hard < wanted:
        pytest.skip(f"this machine allows {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    ours, theirs = socket.socketpair()
    high = socket.socket(fileno=os.dup2(ours.fileno(), 1500))
    ours.close()
    try:
        process = WarmProcess(os.getpid(), high)
        assert process.poll() is None
        wire.send(theirs, {"status": -9})
        assert process.wait(60) == -9
    finally:
        high.close()
        theirs.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_commands_look_where_templates_listen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = template_key([sys.executable], {}, [])
    longest = MAX_SOCKET_PATH_BYTES - len(f"/ipyrust-warm/warm-{key}.sock")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", f"{folder}/".ljust(longest + 1, "x"))
        path = socket_path(key)
    assert path.parent.name == f"ipyrust-warm-{os.geteuid()}", "the other one is a byte too long"
    path.touch()
    try:
        assert main(["status"]) == 0
        assert f"{path}: gone" in capsys.readouterr().out
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("pythonpath", "expected"),
    [("", "/"), ("/a:/b", "/"), ("src", "/work"), ("/a:", "/work"), (":/a", "/work")],
)
def test_a_relative_pythonpath_binds_a_template_to_its_directory(
    pythonpath: str, expected: str
) -> None:
    environment = {"PYTHONPATH": pythonpath}
    assert directory_of(environment, "/work") == expected
    same = template_key(["python"], environment, [])
    assert (template_key(["python"], environment, [], expected) == same) == (expected == "/")


def test_a_file_that_was_written_while_it_was_imported_is_not_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "module.py"
    file.touch()
    written = file.stat().st_mtime_ns
    module = ModuleType("written_meanwhile")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert Freshness(written).is_lost()
    monkeypatch.setattr(sys, "modules", {module.__name__: module})
    freshness = Freshness(written + 1)
    assert not freshness.is_lost()
    os.utime(file, ns=(written, written - 1))
    assert freshness.is_lost(), "an older file has taken its place"


def test_one_template_gets_ready_at_a_time(tmp_path: Path) -> None:
    """The first one hangs in an import; those that come meanwhile end at once."""
    (tmp_path / "endless.py").write_text(
        "import os, time\nif not os.path.exists('begun'): open('begun', 'w')\ntime.sleep(600)\n"
    )
    path = tmp_path / "warm.sock"
    command = [sys.executable, "-m", "ipyrust.warm", "template", "--socket", str(path)]
    command += ["--modules", "endless"]
    python_path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": python_path}
    with subprocess.Popen(command, env=env, cwd=tmp_path, start_new_session=True) as first:
        try:
            tries = threading.Event()
            while not (tmp_path / "begun").exists():
                assert first.poll() is None
                tries.wait(0.05)
            assert subprocess.run(command, env=env, cwd=tmp_path, timeout=60).returncode == 0
            assert first.poll() is None and not path.exists()
        finally:
            os.killpg(first.pid, signal.SIGKILL)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder for sockets, whose addresses have little room."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_a_kernel_whose_starter_gave_up_does_not_stay(tmp_path: Path, short_folder: Path) -> None:
    """The starter has begun another kernel in its place; two would fight for the connection file."""
    path = short_folder / "warm.sock"
    command = [sys.executable, "-m", "ipyrust.warm", "template", "--socket", str(path)]
    with subprocess.Popen([*command, "--idle", "60"], stderr=subprocess.DEVNULL) as template:
        try:
            link = connected(path, template)
            connection = tmp_path / "kernel.json"
            request = {
                "arguments": ["-f", str(connection), "--ip=127.0.0.1"],
                "directory": str(tmp_path),
                "environment": dict(os.environ),
            }
            null = os.open(os.devnull, os.O_RDWR)
            wire.send(link, request, (null, null, null))
            os.close(null)
            link.close()
            answered = connected(
                path, template
            )  # After the first one, as the template serves one by one.
            wire.send(answered, {})
            answered.settimeout(60)
            with pytest.raises(wire.WireError):
                wire.receive(answered)
            answered.close()
        finally:
            template.terminate()
            # It ends when its kernels have: a kernel without a starter would keep it for ever.
            assert template.wait(60) == 0


def test_a_request_that_drips_does_not_keep_the_template(short_folder: Path) -> None:
    """Others wait for as long as one request may take, whatever the pieces that it comes in."""
    path = short_folder / "warm.sock"
    command = [sys.executable, "-m", "ipyrust.warm", "template", "--socket", str(path)]
    with subprocess.Popen([*command, "--idle", "60"], stderr=subprocess.DEVNULL) as template:
        try:
            slow, ended = connected(path, template), threading.Event()
            begun = time.monotonic()

            def drip() -> None:
                try:
                    while time.monotonic() - begun < 60:
                        slow.send(b" ")
                        ended.wait(0.05)  # the clock: how slowly it comes
                except OSError:
                    ended.set()

            dripping = threading.Thread(target=drip)
            dripping.start()
            answered = connected(path, template)
            wire.send(answered, {})
            answered.settimeout(30)
            with pytest.raises(wire.WireError):
                wire.receive(answered)  # It has been refused, and so it was its turn.
            dripping.join(30)
            assert ended.is_set(), "the slow one has been hung up on"
            answered.close()
            slow.close()
        finally:
            template.terminate()
            assert template.wait(60) == 0


def test_a_message_has_a_time_in_all() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b'{"torn": ')
        with pytest.raises(TimeoutError):
            wire.receive(ours, within=0.01)
        theirs.sendall(b"1}\n")
        with pytest.raises(TimeoutError, match="too long"):
            wire.receive(ours, within=0)


def test_a_template_that_was_replaced_leaves_the_notes_of_its_successor(
    short_folder: Path,
) -> None:
    path = short_folder / "warm.sock"
    notes = path.with_suffix(".txt")
    command = [sys.executable, "-m", "ipyrust.warm", "template", "--socket", str(path)]
    command += ["--idle", "60", "--modules"]
    with subprocess.Popen([*command, "missing_one"]) as first:
        connected(path, first).close()
        inode = path.stat().st_ino
        assert "missing_one" in notes.read_text()
        with subprocess.Popen([*command, "missing_two"]) as second:
            try:
                tries = threading.Event()
                while path.stat().st_ino == inode:
                    assert second.poll() is None
                    tries.wait(0.05)
                first.terminate()
                assert first.wait(60) == 0
                assert "missing_two" in notes.read_text()
            finally:
                first.kill()
                second.terminate()
                assert second.wait(60) == 0
    assert list(short_folder.iterdir()) == [path.with_suffix(".lock")], "its own go with it"


def connected(path: Path, template: subprocess.Popen[bytes]) -> socket.socket:
    """A connection to the template, once it listens."""
    tries = threading.Event()
    while template.poll() is None:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect(str(path))
        except OSError:
            link.close()
            tries.wait(0.05)
        else:
            return link
    raise AssertionError(f"the template ended with {template.returncode}")
