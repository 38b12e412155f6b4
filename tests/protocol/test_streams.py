"""stream: what is printed arrives whole, in order, and before idle."""

import re

import pytest

from frontend import (
    Frontend,
    busy,
    display_data,
    error,
    execute_input,
    idle,
    reply,
    result,
    stderr,
    stdout,
)

parity = pytest.mark.parity
pytestmark = pytest.mark.every_transport


@parity
def test_print_goes_to_stdout(frontend: Frontend) -> None:
    frontend.execute("print('a')").sees(busy, execute_input, stdout("a\n"), reply("ok"), idle)


@parity
def test_stderr_has_its_own_name(frontend: Frontend) -> None:
    cell = frontend.execute("import sys; print('e', file=sys.stderr)")
    cell.sees(busy, execute_input, stderr("e\n"), reply("ok"), idle)


@parity
def test_unfinished_lines_arrive(frontend: Frontend) -> None:
    cell = frontend.execute("print('no newline', end='')")
    cell.sees(busy, execute_input, stdout("no newline"), reply("ok"), idle)


@parity
def test_unicode_is_unharmed(frontend: Frontend) -> None:
    cell = frontend.execute("print('ünï 😀 \\x00 \\u2028')")
    cell.sees(busy, execute_input, stdout("ünï 😀 \x00 \u2028\n"), reply("ok"), idle)


@parity
def test_flushed_text_arrives_while_the_cell_runs(frontend: Frontend) -> None:
    cell = frontend.execute("print('waiting', flush=True); input()", allow_stdin=True)
    cell.reaches(stdout("waiting\n"))
    frontend.answer(frontend.input_request(), "go on")
    cell.sees(busy, execute_input, stdout("waiting\n"), result("'go on'"), reply("ok"), idle)


@parity
def test_unflushed_text_arrives_while_the_cell_runs(frontend: Frontend) -> None:
    cell = frontend.execute("print('waiting')\nimport time\nwhile True: time.sleep(.01)")
    cell.reaches(stdout("waiting\n"))
    frontend.interrupt()
    cell.sees(busy, execute_input, stdout("waiting\n"), error, reply("error"), idle)


@parity
def test_displays_keep_their_place_between_prints(frontend: Frontend) -> None:
    cell = frontend.execute("print('before'); display('shown'); print('after')")
    shown = display_data({"text/plain": "'shown'"})
    cell.sees(busy, execute_input, stdout("before\n"), shown, stdout("after\n"), reply("ok"), idle)


def test_stdout_and_stderr_keep_their_order(frontend: Frontend) -> None:
    code = "import sys\nprint(1)\nprint(2, file=sys.stderr)\nprint(3)"
    cell = frontend.execute(code)
    cell.sees(busy, execute_input, stdout("1\n"), stderr("2\n"), stdout("3\n"), reply("ok"), idle)


@parity
def test_ten_thousand_lines_arrive_in_order(frontend: Frontend) -> None:
    cell = frontend.execute("for n in range(10_000): print(n)")
    expected = "".join(f"{n}\n" for n in range(10_000))
    cell.sees(busy, execute_input, stdout(expected), reply("ok"), idle)


@parity
def test_five_megabytes_arrive_in_one_piece(frontend: Frontend) -> None:
    seen = frontend.execute("print('0123456789' * 500_000)").finish()
    assert seen.text() == "0123456789" * 500_000 + "\n"


def test_neighbouring_writes_become_few_messages(frontend: Frontend) -> None:
    cell = frontend.execute("for n in range(10_000): print(n)")
    cell.finish()
    streams = [message for message in cell.published if message.msg_type == "stream"]
    assert len(streams) < 1_000


@parity
def test_write_returns_how_many_characters(frontend: Frontend) -> None:
    cell = frontend.execute("import sys; sys.stdout.write('a😀b')")
    cell.sees(busy, execute_input, stdout("a😀b"), result("3"), reply("ok"), idle)


@parity
def test_write_takes_text_only(frontend: Frontend) -> None:
    cell = frontend.execute("import sys; sys.stdout.write(b'bytes')")
    cell.sees(busy, execute_input, error("TypeError"), reply("error"), idle)


@parity
def test_writelines_writes_them_all(frontend: Frontend) -> None:
    cell = frontend.execute("import sys; sys.stdout.writelines(['a\\n', 'b\\n'])")
    cell.sees(busy, execute_input, stdout("a\nb\n"), reply("ok"), idle)


@parity
@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("isatty()", "False"),
        ("encoding.lower()", "'utf-8'"),
        ("writable()", "True"),
        ("closed", "False"),
        ("name", "'<stdout>'"),
    ],
)
def test_stdout_describes_itself(frontend: Frontend, attribute: str, value: str) -> None:
    expected = value if attribute != "name" else repr(re.sub("[<>]", "", value.strip("'")))
    assert frontend.value(f"__import__('sys').stdout.{attribute}") == expected


@parity
def test_stdout_has_a_file_descriptor(frontend: Frontend) -> None:
    assert int(frontend.value("__import__('sys').stdout.fileno()")) >= 0


@parity
def test_output_of_logging_arrives(frontend: Frontend) -> None:
    code = "import logging\nlogging.getLogger('x').warning('careful')"
    cell = frontend.execute(code)
    cell.sees(busy, execute_input, stderr(re.compile("careful")), reply("ok"), idle)


@parity
def test_text_printed_before_an_error_comes_before_it(frontend: Frontend) -> None:
    cell = frontend.execute("print('about to fail'); 1/0")
    cell.sees(busy, execute_input, stdout("about to fail\n"), error, reply("error"), idle)


@parity
def test_the_topic_of_a_stream_names_it(frontend: Frontend) -> None:
    topic = frontend.run("print(1)").one("stream").topic
    assert topic.endswith(b"stdout")


@parity
def test_redirected_output_is_not_published(frontend: Frontend) -> None:
    code = "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as f: print('x')"
    frontend.execute(code).sees(busy, execute_input, reply("ok"), idle)
    assert frontend.value("f.getvalue()") == repr("x\n")


@parity
def test_text_written_to_the_file_descriptor_arrives(frontend: Frontend) -> None:
    cell = frontend.execute("import os; _ = os.write(1, b'from fd 1\\n')")
    cell.reaches(stdout("from fd 1\n"))
    assert cell.finish().reply.content["status"] == "ok"


def test_text_written_to_the_file_descriptor_comes_before_idle(frontend: Frontend) -> None:
    cell = frontend.execute("import os; _ = os.write(1, b'from fd 1\\n')")
    cell.sees(busy, execute_input, stdout("from fd 1\n"), reply("ok"), idle)


def test_characters_are_not_split_between_chunks_of_the_file_descriptor(
    frontend: Frontend,
) -> None:
    cell = frontend.execute("import os; _ = os.write(1, ('x' + '€' * 9_999 + '\\n').encode())")
    cell.sees(busy, execute_input, stdout("x" + "€" * 9_999 + "\n"), reply("ok"), idle)


def test_a_child_process_prints_into_the_cell(frontend: Frontend) -> None:
    cell = frontend.execute("import subprocess; subprocess.run(['echo', 'from a child']);")
    cell.sees(busy, execute_input, stdout("from a child\n"), reply("ok"), idle)
