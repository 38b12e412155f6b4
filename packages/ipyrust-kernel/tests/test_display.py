"""ipython/displaypub and displayhook: what a cell shows."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from fake_core import Frontend


def test_display_data(frontend: Frontend) -> None:
    outcome = frontend.execute("display('text')")
    (shown,) = outcome.publications
    assert shown.msg_type == "display_data"
    assert shown.content == {"data": {"text/plain": "'text'"}, "metadata": {}, "transient": {}}
    assert shown.topic == b"display_data"
    assert shown.parent is outcome.request


def test_a_display_can_be_updated(frontend: Frontend) -> None:
    outcome = frontend.execute("handle = display(1, display_id='here')\nhandle.update(2)")
    first, second = outcome.publications
    assert (first.msg_type, second.msg_type) == ("display_data", "update_display_data")
    assert first.content["transient"] == second.content["transient"] == {"display_id": "here"}
    assert second.content["data"] == {"text/plain": "2"}


def test_clear_output(frontend: Frontend) -> None:
    outcome = frontend.execute("from IPython.display import clear_output\nclear_output(wait=True)")
    (cleared,) = outcome.publications
    assert (cleared.msg_type, cleared.content) == ("clear_output", {"wait": True})


def test_rich_representations(frontend: Frontend) -> None:
    outcome = frontend.execute("from IPython.display import HTML\nHTML('<b>bold</b>')")
    assert outcome.of_type("execute_result")[0].content["data"]["text/html"] == "<b>bold</b>"


def test_bytes_are_sent_as_base64(frontend: Frontend) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(20)
    outcome = frontend.execute(f"display({{'image/png': {picture!r}}}, raw=True)")
    assert base64.b64decode(outcome.publications[0].content["data"]["image/png"]) == picture


def test_data_that_is_no_dict_is_a_type_error(frontend: Frontend) -> None:
    code = "get_ipython().display_pub.publish(['no dict'])"
    assert frontend.execute(code).reply["ename"] == "TypeError"


def test_odd_values_can_be_displayed(frontend: Frontend) -> None:
    code = "display({'application/json': {'nan': float('nan'), 'set': {1}, 3: b'x'}}, raw=True)"
    content = frontend.execute(code).publications[0].content
    assert content["data"]["application/json"] == {"nan": "nan", "set": [1], "3": "eA=="}


def test_a_publisher_hook_sees_the_message(frontend: Frontend) -> None:
    code = (
        "seen = []\ndef note(message):\n"
        "    seen.append((message['header']['msg_type'], message['content']['data']))\n"
        "    return message\n"
        "pub = get_ipython().display_pub\npub.register_hook(note)\ndisplay(1)\n"
        "pub.unregister_hook(note)\ndisplay(2)\nseen"
    )
    outcome = frontend.execute(code)
    assert outcome.result == "[('display_data', {'text/plain': '1'})]"
    assert outcome.types == ["display_data", "display_data", "execute_result"]


def test_a_hook_may_keep_the_message(frontend: Frontend) -> None:
    code = "get_ipython().display_pub.register_hook(lambda message: None)\ndisplay(1)"
    assert frontend.execute(code).publications == []


def test_hooks_belong_to_their_thread(frontend: Frontend) -> None:
    code = (
        "import threading\npub = get_ipython().display_pub\n"
        "thread = threading.Thread(target=pub.register_hook, args=(lambda message: None,))\n"
        "thread.start(); thread.join()\ndisplay(1)"
    )
    assert frontend.execute(code).types == ["display_data"]


def test_a_result_hook_may_change_the_result(frontend: Frontend) -> None:
    code = (
        "def change(message):\n    message['content']['data'] = {'text/plain': 'changed'}\n"
        "    return message\nget_ipython().displayhook.register_hook(change)\n42"
    )
    assert frontend.execute(code).result == "changed"


def test_the_attributes_that_libraries_read(frontend: Frontend) -> None:
    code = (
        "pub = get_ipython().display_pub\n"
        "pub.session.send(pub.pub_socket, 'display_data', {'data': {}}, parent=pub.parent_header)"
    )
    outcome = frontend.execute(code + ";")
    (sent,) = outcome.publications
    assert sent.msg_type == "display_data"
    assert sent.parent is outcome.request


def test_display_history_is_kept_on_request(frontend: Frontend) -> None:
    frontend.execute("%config ZMQDisplayPublisher.store_display_history = True")
    frontend.execute("display(1)")
    code = "[o.bundle for os in get_ipython().history_manager.outputs.values() for o in os]"
    assert frontend.execute(code).result == "[{'text/plain': '1'}]"


@pytest.mark.parametrize(
    ("options", "magic"),
    [("", "%matplotlib inline"), ("", ""), (", matplotlib='inline'", "")],
    ids=["magic", "no magic", "command line"],
)
def test_matplotlib_figures_appear_before_the_reply(
    tmp_path: Path, options: str, magic: str
) -> None:
    """In a process of its own: matplotlib is set up once, for the first shell."""
    cell = f"{magic}\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    code = (
        "from fake_core import start_frontend\nfrom ipyrust.options import KernelOptions\n"
        f"frontend = start_frontend(KernelOptions(ipython_dir={str(tmp_path)!r}{options}))\n"
        f"outcome = frontend.execute({cell!r})\n"
        "assert outcome.reply['status'] == 'ok'\n"
        "assert 'image/png' in outcome.of_type('display_data')[-1].content['data']\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=True)


def test_pandas_shows_a_table(frontend: Frontend) -> None:
    outcome = frontend.execute("import pandas\npandas.DataFrame({'a': [1]})")
    assert "<table" in outcome.of_type("execute_result")[0].content["data"]["text/html"]
