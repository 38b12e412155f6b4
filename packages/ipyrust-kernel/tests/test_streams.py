"""output/stream: sys.stdout and sys.stderr."""

from __future__ import annotations

import io
import os
import sys

import pytest
from fake_core import FakeStreamWriter, Frontend, start_frontend, stop_frontend

from ipyrust.options import KernelOptions


def test_print_enters_no_python_frame(frontend: Frontend) -> None:
    frontend.install_streams()
    write = sys.stdout.write
    assert write.__self__.__class__ is FakeStreamWriter  # type: ignore[attr-defined]
    assert write.__func__ is FakeStreamWriter.write  # type: ignore[attr-defined]


def test_the_class_is_recognised_as_a_notebooks_stream(frontend: Frontend) -> None:
    frontend.install_streams()
    kind = type(sys.stdout)
    assert (kind.__module__, kind.__name__) == ("ipykernel.iostream", "OutStream")
    assert isinstance(sys.stdout, io.TextIOBase)


def test_the_attributes_of_a_stream(frontend: Frontend) -> None:
    frontend.install_streams()
    assert (sys.stdout.name, sys.stderr.name) == ("stdout", "stderr")
    assert sys.stdout.encoding == "UTF-8"
    assert not sys.stdout.isatty()
    assert sys.stdout.writable()
    assert not sys.stdout.readable()
    assert "a\xe4".encode(sys.stdout.encoding, sys.stdout.errors) == b"a\xc3\xa4"  # type: ignore[arg-type]


def test_fileno_is_the_process_own(frontend: Frontend) -> None:
    frontend.install_streams()
    assert os.path.sameopenfile(sys.stdout.fileno(), 1)
    assert os.path.sameopenfile(sys.stderr.fileno(), 2)
    assert sys.stdout.fileno() != 1  # as wurlitzer wants it


def test_writing_no_text_is_a_type_error(frontend: Frontend) -> None:
    outcome = frontend.execute("import sys\nsys.stdout.write(b'bytes')")
    assert outcome.reply["ename"] == "TypeError"


def test_write_returns_the_number_of_characters(frontend: Frontend) -> None:
    assert frontend.execute("import sys\nsys.stderr.write('ä€😀')").result == "3"


def test_writelines(frontend: Frontend) -> None:
    assert frontend.execute("import sys\nsys.stdout.writelines(['a', 'b'])").text() == "ab"


def test_lone_surrogates_are_shown_as_escapes(frontend: Frontend) -> None:
    assert frontend.execute("print('\\ud800')").text() == "\\ud800\n"


def test_bytes_are_decoded_across_writes(frontend: Frontend) -> None:
    code = "import sys\nfor byte in '€'.encode():\n    n = sys.stdout.buffer.write(bytes([byte]))"
    assert frontend.execute(code).text() == "€"


def test_text_in_bytes_is_refused(frontend: Frontend) -> None:
    outcome = frontend.execute("import sys\nsys.stdout.buffer.write('text')")
    assert outcome.reply["ename"] == "TypeError"


def test_closing_the_stream_closes_nothing(frontend: Frontend) -> None:
    outcome = frontend.execute("import sys\nsys.stdout.close()\nprint('still here')")
    assert outcome.text() == "still here\n"


def test_a_replaced_stream_is_respected(frontend: Frontend) -> None:
    frontend.execute("import sys, io\nsys.stdout = mine = io.StringIO()")
    assert frontend.execute("print('hidden')").publications == []
    assert frontend.execute("sys.stdout = sys.__stdout__\nmine.getvalue()").result == "'hidden\\n'"


def test_a_closed_replacement_is_replaced_by_the_kernels_own(frontend: Frontend) -> None:
    frontend.execute("import sys, io\nsys.stdout = io.StringIO()\nsys.stdout.close()")
    assert frontend.execute("print('back')").text() == "back\n"


@pytest.mark.parametrize("value", ["None", "42", "object()"])
def test_nonsense_in_place_of_a_stream_breaks_no_cell(frontend: Frontend, value: str) -> None:
    assert frontend.execute(f"import sys\nsys.stdout = {value}").reply["status"] == "ok"
    assert frontend.execute("1 + 1").result == "2"


def test_a_deleted_stream_breaks_no_cell(frontend: Frontend) -> None:
    assert frontend.execute("import sys\ndel sys.stdout").reply["ename"] == "AttributeError"
    assert frontend.execute("print('back')").text() == "back\n"


def test_a_wrapper_around_the_stream_is_flushed_with_the_cell(frontend: Frontend) -> None:
    code = "import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'utf-8')\nprint('wrapped')"
    assert frontend.execute(code).text() == "wrapped\n"


def test_redirect_stdout_works(frontend: Frontend) -> None:
    code = (
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as text:\n"
        "    print('caught')\ntext.getvalue()"
    )
    outcome = frontend.execute(code)
    assert outcome.text() == ""
    assert outcome.result == "'caught\\n'"


def test_capture_magic_works(frontend: Frontend) -> None:
    outcome = frontend.execute("%%capture caught\nprint('text')\n1 + 1")
    assert outcome.publications == []
    assert frontend.execute("caught.stdout, len(caught.outputs)").result == "('text\\n', 1)"


def test_a_hook_sees_and_changes_the_text(frontend: Frontend) -> None:
    code = (
        "import sys\ndef shout(message):\n"
        "    message['content']['text'] = message['content']['text'].upper()\n    return message\n"
        "sys.stdout.register_hook(shout)\nprint('loud')\n"
        "sys.stdout.unregister_hook(shout)\nprint('quiet')"
    )
    assert frontend.execute(code).text() == "LOUD\nquiet\n"


def test_a_hook_may_swallow_the_text(frontend: Frontend) -> None:
    code = "import sys\nsys.stdout.register_hook(lambda message: None)\nprint('gone')"
    assert frontend.execute(code).publications == []


def test_after_the_last_hook_writing_is_direct_again(frontend: Frontend) -> None:
    frontend.install_streams()
    hook = dict.copy
    sys.stdout.register_hook(hook)  # type: ignore[attr-defined]
    assert sys.stdout.unregister_hook(hook)  # type: ignore[attr-defined]
    assert not sys.stdout.unregister_hook(hook)  # type: ignore[attr-defined]
    assert sys.stdout.write.__func__ is FakeStreamWriter.write  # type: ignore[attr-defined]


def test_the_parent_header_is_the_cells(frontend: Frontend) -> None:
    outcome = frontend.execute("import sys\nsys.stdout.parent_header['msg_id']")
    assert outcome.result == repr(outcome.request.msg_id)


def test_no_stdout_throws_the_text_away(options: KernelOptions) -> None:
    quiet = KernelOptions(ipython_dir=options.ipython_dir, no_stdout=True)
    frontend = start_frontend(quiet)
    outcome = frontend.execute("import sys\nprint('gone')\nprint('kept', file=sys.stderr)")
    stop_frontend(frontend)
    assert (outcome.text(), outcome.text("stderr")) == ("", "kept\n")


def test_not_quiet_copies_to_the_process_own_streams(
    options: KernelOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = io.StringIO()
    monkeypatch.setattr(sys, "__stdout__", own)
    frontend = start_frontend(KernelOptions(ipython_dir=options.ipython_dir, quiet=False))
    outcome = frontend.execute("print('both')")
    stop_frontend(frontend)
    assert (outcome.text(), own.getvalue()) == ("both\n", "both\n")


def test_the_end_restores_the_streams(options: KernelOptions) -> None:
    before = sys.stdout
    stop_frontend(start_frontend(options))
    assert sys.stdout is before


def test_subprocesses_can_inherit_the_stream(frontend: Frontend) -> None:
    code = "import subprocess, sys\nsubprocess.run(['true'], stdout=sys.stdout).returncode"
    assert frontend.execute(code).result == "0"
    assert os.name == "posix"
