"""execute_reply.payload: the pager, the next input, the wish to exit."""

import pytest

from frontend import Frontend, busy, execute_input, idle, reply

pytestmark = pytest.mark.parity


def test_a_question_mark_pages_the_documentation(frontend: Frontend) -> None:
    cell = frontend.execute("print?")
    seen = cell.sees(busy, execute_input, reply("ok"), idle)
    [payload] = seen.reply.content["payload"]
    assert payload["source"] == "page"
    assert payload["start"] == 0
    assert "Prints the values to a stream" in payload["data"]["text/plain"]


def test_set_next_input_is_a_payload(frontend: Frontend) -> None:
    cell = frontend.execute("get_ipython().set_next_input('next')")
    [payload] = cell.reply.content["payload"]
    assert payload == {"source": "set_next_input", "text": "next", "replace": False}


def test_set_next_input_can_replace_the_cell(frontend: Frontend) -> None:
    cell = frontend.execute("get_ipython().set_next_input('next', replace=True)")
    [payload] = cell.reply.content["payload"]
    assert payload["replace"] is True


def test_only_the_last_set_next_input_of_a_cell_counts(frontend: Frontend) -> None:
    cell = frontend.execute("for n in range(3): get_ipython().set_next_input(f'cell {n}')")
    assert [payload["text"] for payload in cell.reply.content["payload"]] == ["cell 2"]


def test_payloads_do_not_leak_into_the_next_cell(frontend: Frontend) -> None:
    frontend.execute("get_ipython().set_next_input('next')").finish()
    assert frontend.execute("1").reply.content["payload"] == []


def test_load_replaces_the_cell_with_a_file(frontend: Frontend) -> None:
    source = frontend.kernel.folder / "source.py"
    source.write_text("answer = 42\n")
    [payload] = frontend.execute(f"%load {source}").reply.content["payload"]
    assert payload["source"] == "set_next_input"
    assert "answer = 42" in payload["text"]


def test_exit_asks_the_frontend(fresh: Frontend) -> None:
    payloads = fresh.execute("exit").reply.content["payload"]
    assert {"source": "ask_exit", "keepkernel": False} in payloads
    fresh.close()
    fresh.kernel.wait()


def test_exit_can_keep_the_kernel(fresh: Frontend) -> None:
    payloads = fresh.execute("exit(keep_kernel=True)").reply.content["payload"]
    assert {"source": "ask_exit", "keepkernel": True} in payloads
    assert fresh.value("1 + 1") == "2"


def test_the_pager_of_ipython_is_a_payload(frontend: Frontend) -> None:
    cell = frontend.execute("from IPython.core.page import page\npage('much text')")
    [payload] = cell.reply.content["payload"]
    assert payload["data"]["text/plain"] == "much text"


def test_edit_asks_for_an_editor(frontend: Frontend) -> None:
    source = frontend.kernel.folder / "edited.py"
    source.write_text("x = 1\n")
    [payload] = frontend.execute(f"%edit {source}").reply.content["payload"]
    assert payload["source"] == "edit_magic"
    assert payload["filename"] == str(source)
