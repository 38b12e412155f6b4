"""File names of cells, and the files."""

import os
import stat
import time
from pathlib import Path

import pytest

from ipyrust.debugger import cells
from ipyrust.debugger.cells import HASH_SEED, CellFiles, cell_directory, cell_file_name
from ipyrust.ipython.compiler import CellCompiler
from ipyrust_core._native import murmur2

KNOWN = {
    "": 3990065800,
    "a": 2167009006,
    "ab": 2805137849,
    "abc": 3350977461,
    "abcd": 804720481,
    "1 + 1": 2359671083,
    "print('é世界')\n": 666375696,
    "x" * 1000: 2976633443,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cells lie under this folder."""
    monkeypatch.setattr(cells, "temporary_directory", lambda: str(tmp_path))
    monkeypatch.delenv("IPYKERNEL_CELL_NAME", raising=False)
    return tmp_path


@pytest.mark.parametrize(("text", "expected"), KNOWN.items())
def test_the_hash_has_known_values(text: str, expected: int) -> None:
    assert murmur2(text.encode(), HASH_SEED) == expected


def test_the_hash_agrees_with_ipykernels() -> None:
    oracle = pytest.importorskip("ipykernel.compiler").murmur2_x86
    for length in range(70):
        text = ("aé世🦀\n\x00" * 20)[:length]
        for seed in (0, 1, HASH_SEED, 2**32 - 1):
            assert murmur2(text.encode(), seed) == oracle(text, seed), (text, seed)


def test_the_hash_takes_no_time() -> None:
    code = b"x = 1\n" * 1_000_000
    start = time.perf_counter()
    murmur2(code, HASH_SEED)
    assert time.perf_counter() - start < 0.5


def test_the_name_is_ipykernels(folder: Path) -> None:
    assert cell_file_name("1 + 1") == f"{folder}/ipykernel_{os.getpid()}/2359671083.py"
    assert CellCompiler().get_code_name("1 + 1", "ignored", 1) == cell_file_name("1 + 1")


def test_the_name_can_be_fixed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYKERNEL_CELL_NAME", "<cell>")
    assert cell_file_name("1 + 1") == "<cell>"


def test_lone_surrogates_have_a_name(folder: Path) -> None:
    assert cell_file_name("'\ud800'").endswith(".py")


def test_files_are_private_and_removed(folder: Path) -> None:
    files = CellFiles()
    paths = [Path(files.write(code)) for code in ("a", "é\r\n", "a")]
    assert paths[1].read_bytes() == "é\r\n".encode()
    assert stat.S_IMODE(paths[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(os.stat(cell_directory()).st_mode) == 0o700
    files.remove()
    assert list(folder.iterdir()) == []
    files.remove()


def test_files_of_others_stay(folder: Path) -> None:
    files = CellFiles()
    files.write("a")
    other = Path(cell_directory(), "other.py")
    other.write_text("")
    files.remove()
    assert other.exists()


def test_a_link_in_the_place_of_a_file_is_not_followed(folder: Path) -> None:
    os.mkdir(cell_directory())
    target = folder / "target"
    target.write_text("precious")
    Path(cell_file_name("a")).symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        CellFiles().write("a")
    assert target.read_text() == "precious"


def test_a_link_in_the_place_of_the_directory_is_refused(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    os.symlink(folder / "elsewhere", cell_directory())
    with pytest.raises(PermissionError, match="not a directory of this user's"):
        CellFiles().write("a")


def test_a_forked_child_removes_nothing(folder: Path) -> None:
    files = CellFiles()
    path = files.write("a")
    pid = os.fork()
    if pid == 0:
        files.remove()
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.path.exists(path)
