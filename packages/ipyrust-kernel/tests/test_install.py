"""`python -m ipyrust.install`: what it writes, and that a failure leaves everything as it was."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from ipyrust import install as installer
from ipyrust.exit_codes import ExitCode
from ipyrust.install import main
from ipyrust.kernelspec import kernelspec

RESOURCES = Path(installer.__file__).parent / "resources"


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    return tmp_path / "prefix" / "share" / "jupyter" / "kernels"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> tuple[int, str]:
        code = main(["--prefix", str(tmp_path / "prefix"), *arguments])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def spec_of(directory: Path) -> dict:
    return json.loads((directory / "kernel.json").read_text())


def tree(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_what_is_written(run, kernels: Path) -> None:
    assert run() == (0, f"installed kernel 'ipyrust' in {kernels / 'ipyrust'}\n")
    assert spec_of(kernels / "ipyrust") == {
        "argv": [
            sys.executable,
            "-Xfrozen_modules=off",
            "-m",
            "ipyrust",
            "-f",
            "{connection_file}",
        ],
        "display_name": "Python 3 (ipyrust)",
        "language": "python",
        "interrupt_mode": "signal",
        "kernel_protocol_version": "5.5",
        "metadata": {"debugger": True, "supported_encryption": ["curve"]},
    }
    assert set(os.listdir(kernels / "ipyrust")) == {
        "kernel.json",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
    }


def test_the_wheels_spec_is_the_same_for_the_interpreter_python() -> None:
    assert spec_of(RESOURCES) == kernelspec(python="python")


def test_jupyter_finds_it(run, kernels: Path) -> None:
    module = pytest.importorskip("jupyter_client.kernelspec")
    run("--name", "Mine", "--display-name", "My kernel", "--env", "A", "1", "--env", "B", "x=y")
    spec = module.KernelSpecManager(kernel_dirs=[str(kernels)]).get_kernel_spec("mine")
    assert spec.display_name == "My kernel"
    assert spec.env == {"A": "1", "B": "x=y"}
    assert spec.interrupt_mode == "signal"


def test_a_name_is_shown_when_nothing_else_is_given(run, kernels: Path) -> None:
    run("--name", "work", "--profile", "p")
    spec = spec_of(kernels / "work")
    assert spec["display_name"] == "work [profile=p]"
    assert spec["argv"][-2:] == ["--profile", "p"]


def test_the_debugger_wants_frozen_modules_off(run, kernels: Path) -> None:
    run()
    assert spec_of(kernels / "ipyrust")["argv"][1] == "-Xfrozen_modules=off"
    run("--frozen-modules")
    assert spec_of(kernels / "ipyrust")["argv"][1] == "-m"


@pytest.mark.parametrize("arguments", [[], ["--user"]])
def test_for_the_user_is_the_default(monkeypatch, tmp_path: Path, arguments: list[str]) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    assert main(arguments) == 0
    assert (tmp_path / "data" / "kernels" / "ipyrust" / "kernel.json").exists()


def test_into_the_environment(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert main(["--sys-prefix"]) == 0
    assert (tmp_path / "share" / "jupyter" / "kernels" / "ipyrust" / "kernel.json").exists()


def test_the_wheels_kernel_is_brought_up_to_date_in_its_own_environment(
    monkeypatch, tmp_path: Path, capsys
) -> None:
    brought = tmp_path / "environment" / "share" / "jupyter" / "kernels" / "ipyrust"
    shutil.copytree(RESOURCES, brought)
    assert main(["--prefix", str(tmp_path / "environment")]) == ExitCode.NAME_TAKEN
    assert "starts python; " in capsys.readouterr().err
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    assert main(["--sys-prefix"]) == 0
    assert spec_of(brought)["argv"][0] == sys.executable


def test_again_brings_it_up_to_date(run, kernels: Path) -> None:
    run()
    (kernels / "ipyrust" / "stale.txt").write_text("left over")
    assert run("--display-name", "New")[0] == 0
    assert spec_of(kernels / "ipyrust")["display_name"] == "New"
    assert not (kernels / "ipyrust" / "stale.txt").exists()


@pytest.mark.parametrize(
    "content",
    [
        '{"argv": ["R", "--slave"], "language": "R"}',
        '{"argv": ["/other/python", "-m", "ipyrust", "-f", "{connection_file}"]}',
        "{torn",
        '{"argv": []}',
        "[]",
    ],
)
def test_another_kernel_of_the_same_name_stays(run, kernels: Path, content: str) -> None:
    other = kernels / "ipyrust"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text(content)
    code, text = run()
    assert code == ExitCode.NAME_TAKEN
    assert "--replace" in text
    assert text.count("\n") == 1
    assert (other / "kernel.json").read_text() == content
    assert run("--replace")[0] == 0
    assert spec_of(other)["argv"][0] == sys.executable


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "ü", "..", "."])
def test_bad_names(run, kernels: Path, name: str) -> None:
    code, text = run("--name", name)
    assert (code, text.count("\n")) == (ExitCode.USAGE, 1)
    assert repr(name) in text
    assert not kernels.exists()


@pytest.mark.parametrize("variable", ["", "A=B"])
def test_bad_variables(run, kernels: Path, variable: str) -> None:
    code, text = run("--env", variable, "1")
    assert code == ExitCode.USAGE
    assert repr(variable) in text
    assert not kernels.exists()


@pytest.mark.parametrize(
    "arguments", [["--nmae", "x"], ["--user", "--sys-prefix"], ["--env", "A"], ["x"]]
)
def test_a_wrong_command_line_is_one_line(capsys, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == ExitCode.USAGE
    assert capsys.readouterr().err.count("\n") == 1


def test_a_place_that_cannot_be_written(tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("")
    code = main(["--prefix", str(tmp_path / "file")])
    text = capsys.readouterr().err
    assert code == ExitCode.NOT_WRITABLE
    assert str(tmp_path / "file") in text
    assert text.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert main(["--prefix", str(tmp_path / "prefix")]) == ExitCode.NOT_WRITABLE
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("failing", ["_write_spec", "_move_into_place"])
def test_a_failure_leaves_the_old_kernel(monkeypatch, run, kernels: Path, failing: str) -> None:
    run("--display-name", "Old")
    before = tree(kernels.parent)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(installer, failing, fail)
    code, text = run("--display-name", "New")
    assert code == ExitCode.NOT_WRITABLE
    assert "No space left on device" in text
    assert tree(kernels.parent) == before
    assert os.listdir(kernels.parent) == ["kernels"]


def test_a_failing_last_move_brings_the_old_kernel_back(monkeypatch, run, kernels: Path) -> None:
    run("--display-name", "Old")
    before = tree(kernels.parent)
    rename = Path.rename

    def rename_once(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_once)
    assert run("--display-name", "New")[0] == ExitCode.NOT_WRITABLE
    assert tree(kernels.parent) == before


def test_remove(run, kernels: Path) -> None:
    run()
    assert run("--remove") == (0, f"removed kernel 'ipyrust' from {kernels / 'ipyrust'}\n")
    assert os.listdir(kernels) == []


def test_a_failing_removal_leaves_the_whole_kernel(monkeypatch, run, kernels: Path) -> None:
    run()
    before = tree(kernels.parent)

    def fail(*_: object) -> None:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", fail)
    code, text = run("--remove")
    assert (code, text.count("\n")) == (ExitCode.NOT_WRITABLE, 1)
    assert tree(kernels.parent) == before
    assert os.listdir(kernels.parent) == ["kernels"]


def test_remove_what_is_not_there(run) -> None:
    code, text = run("--remove", "--name", "nope")
    assert (code, text.count("\n")) == (ExitCode.NOT_FOUND, 1)
    assert "'nope'" in text


def test_remove_only_our_own(run, kernels: Path) -> None:
    other = kernels / "ir"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": ["R"]}')
    assert run("--remove", "--name", "ir")[0] == ExitCode.NAME_TAKEN
    assert (other / "kernel.json").exists()


def test_a_symlink_is_replaced_and_removed_but_not_followed(
    run, kernels: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kernel.json").write_text(json.dumps(kernelspec(python=sys.executable)))
    kernels.mkdir(parents=True)
    (kernels / "ipyrust").symlink_to(elsewhere)
    assert run("--display-name", "New")[0] == 0
    assert not (kernels / "ipyrust").is_symlink()
    (kernels / "linked").symlink_to(elsewhere)
    assert run("--remove", "--name", "linked")[0] == 0
    assert (elsewhere / "kernel.json").exists()
