"""Which connection file a kernel serves, and what happens to it."""

import json
import os
import stat
from pathlib import Path

import pytest

from ipyrust.connection_file import prepare


@pytest.fixture
def runtime_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    directory = tmp_path / "runtime"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(directory))
    monkeypatch.chdir(tmp_path)
    return directory


def test_without_a_name_it_writes_one_in_the_runtime_folder(runtime_dir: Path) -> None:
    file = prepare(None, {})
    assert file.path == str(runtime_dir / f"kernel-{os.getpid()}.json")
    assert file.short_name == f"kernel-{os.getpid()}.json"
    content = json.loads(Path(file.path).read_text())
    assert {content[f"{name}_port"] for name in ("shell", "iopub", "stdin", "control", "hb")} == {0}
    assert content["ip"] == "127.0.0.1"
    assert len(content["key"]) == 32


def test_a_written_file_is_for_its_owner_alone(runtime_dir: Path) -> None:
    file = prepare(None, {})
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(runtime_dir).st_mode) == 0o700


def test_two_files_of_one_process_differ(runtime_dir: Path) -> None:
    first, second = prepare(None, {}), prepare(None, {})
    assert first.path != second.path


def test_a_written_file_is_removed_and_a_given_one_stays(runtime_dir: Path) -> None:
    ours = prepare(None, {})
    ours.remove()
    assert not os.path.exists(ours.path)
    Path("given.json").write_text("{}")
    prepare("given.json", {}).remove()
    assert os.path.exists("given.json")


def test_a_bare_name_is_looked_for_here_and_in_the_runtime_folder(runtime_dir: Path) -> None:
    runtime_dir.mkdir()
    (runtime_dir / "k.json").write_text("{}")
    assert prepare("k.json", {}).path == str(runtime_dir / "k.json")
    Path("k.json").write_text("{}")
    assert prepare("k.json", {}).path == str(Path("k.json").absolute())


def test_a_missing_file_is_left_to_the_engine_to_complain_about(runtime_dir: Path) -> None:
    assert prepare("missing.json", {}).path == str(Path("missing.json").absolute())


def test_addresses_make_a_file_that_is_missing(runtime_dir: Path, tmp_path: Path) -> None:
    file = prepare(str(tmp_path / "new" / "k.json"), {"shell_port": 9, "key": "secret"})
    content = json.loads(Path(file.path).read_text())
    assert (content["shell_port"], content["iopub_port"], content["key"]) == (9, 0, "secret")
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o600
    assert file.is_ours


def test_addresses_replace_entries_and_leave_the_others(runtime_dir: Path) -> None:
    Path("k.json").write_text('{"key": "old", "hb_port": 1, "more": [2]}')
    file = prepare("k.json", {"hb_port": 7})
    assert json.loads(Path("k.json").read_text()) == {"key": "old", "hb_port": 7, "more": [2]}
    assert stat.S_IMODE(os.stat("k.json").st_mode) == 0o600
    assert not file.is_ours


def test_nothing_is_written_when_nothing_changes(runtime_dir: Path) -> None:
    Path("k.json").write_text('{"hb_port":   7}')
    prepare("k.json", {"hb_port": 7})
    assert Path("k.json").read_text() == '{"hb_port":   7}'


@pytest.mark.parametrize("content", ["[]", "{", "\udcff"])
def test_a_file_to_change_must_be_an_object(runtime_dir: Path, content: str) -> None:
    Path("k.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=r"JSON|Expecting|codec"):
        prepare("k.json", {"hb_port": 7})


def test_a_runtime_folder_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "file" / "runtime"))
    with pytest.raises(NotADirectoryError):
        prepare(None, {})
