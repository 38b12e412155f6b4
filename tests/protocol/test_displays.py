"""display_data, update_display_data, clear_output and the representations of objects."""

import base64

import pytest

from frontend import (
    Frontend,
    busy,
    clear_output,
    display_data,
    execute_input,
    execute_result,
    idle,
    reply,
    stdout,
    update_display_data,
)

pytestmark = pytest.mark.parity


def test_display_publishes_display_data(frontend: Frontend) -> None:
    cell = frontend.execute("display(42)")
    cell.sees(busy, execute_input, display_data({"text/plain": "42"}), reply("ok"), idle)


def test_a_mapping_can_be_displayed_raw(frontend: Frontend) -> None:
    cell = frontend.execute("display({'text/x-own': 'as is'}, raw=True)")
    assert cell.finish().one("display_data").content["data"] == {"text/x-own": "as is"}


def test_display_carries_metadata(frontend: Frontend) -> None:
    cell = frontend.execute("display({'text/x-own': 'a'}, raw=True, metadata={'k': [1, None]})")
    cell.sees(busy, execute_input, display_data(metadata={"k": [1, None]}), reply("ok"), idle)


def test_a_display_id_is_in_transient(frontend: Frontend) -> None:
    cell = frontend.execute("_ = display(1, display_id='mine')")
    cell.sees(
        busy, execute_input, display_data(transient={"display_id": "mine"}), reply("ok"), idle
    )


def test_update_display_publishes_an_update(frontend: Frontend) -> None:
    cell = frontend.execute("h = display(1, display_id='mine')\nh.update(2)")
    updated = update_display_data({"text/plain": "2"}, transient={"display_id": "mine"})
    cell.sees(busy, execute_input, display_data, updated, reply("ok"), idle)


def test_an_update_belongs_to_the_cell_that_made_it(frontend: Frontend) -> None:
    frontend.run("h = display(1, display_id=True)")
    cell = frontend.execute("h.update('new')")
    updated = update_display_data({"text/plain": "'new'"})
    cell.sees(busy, execute_input, updated, reply("ok"), idle)


@pytest.mark.parametrize("wait", [True, False])
def test_clear_output_says_whether_to_wait(frontend: Frontend, wait: bool) -> None:
    code = f"from IPython.display import clear_output\nclear_output(wait={wait})"
    frontend.execute(code).sees(busy, execute_input, clear_output(wait), reply("ok"), idle)


def test_clear_output_keeps_its_place(frontend: Frontend) -> None:
    code = "from IPython.display import clear_output\nprint(1)\nclear_output()\nprint(2)"
    cell = frontend.execute(code)
    cell.sees(
        busy, execute_input, stdout("1\n"), clear_output(False), stdout("2\n"), reply("ok"), idle
    )


@pytest.mark.parametrize(
    ("method", "mimetype"),
    [
        ("_repr_html_", "text/html"),
        ("_repr_markdown_", "text/markdown"),
        ("_repr_latex_", "text/latex"),
        ("_repr_svg_", "image/svg+xml"),
        ("_repr_javascript_", "application/javascript"),
    ],
)
def test_a_text_representation_is_in_the_result(
    frontend: Frontend, method: str, mimetype: str
) -> None:
    cell = frontend.execute(f"class R:\n    def {method}(self): return '<rich>'\nR()")
    data = cell.finish().one("execute_result").content["data"]
    assert data[mimetype] == "<rich>"
    assert "text/plain" in data


@pytest.mark.parametrize(
    ("method", "mimetype"), [("_repr_png_", "image/png"), ("_repr_jpeg_", "image/jpeg")]
)
def test_an_image_is_base64_in_the_result(frontend: Frontend, method: str, mimetype: str) -> None:
    cell = frontend.execute(f"class R:\n    def {method}(self): return bytes(range(256))\nR()")
    data = cell.finish().one("execute_result").content["data"]
    assert base64.b64decode(data[mimetype]) == bytes(range(256))


def test_json_stays_json(frontend: Frontend) -> None:
    code = "class R:\n    def _repr_json_(self): return {'deep': [1, {'a': None}]}\nR()"
    data = frontend.execute(code).finish().one("execute_result").content["data"]
    assert data["application/json"] == {"deep": [1, {"a": None}]}


def test_a_mimebundle_adds_types_of_its_own(frontend: Frontend) -> None:
    code = (
        "class R:\n"
        "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        return {'text/x-own': 'bundle'}, {'text/x-own': {'meta': 1}}\n"
        "R()"
    )
    content = frontend.execute(code).finish().one("execute_result").content
    assert content["data"]["text/x-own"] == "bundle"
    assert content["metadata"] == {"text/x-own": {"meta": 1}}


def test_ipython_display_takes_the_place_of_the_result(frontend: Frontend) -> None:
    code = "class R:\n    def _ipython_display_(self): print('my own way')\nR()"
    cell = frontend.execute(code)
    cell.sees(busy, execute_input, stdout("my own way\n"), reply("ok"), idle)


def test_numbers_that_json_does_not_know_are_text(frontend: Frontend) -> None:
    code = "display({'application/json': {'x': float('nan')}}, raw=True)"
    seen = frontend.execute(code).finish()
    assert seen.one("display_data").content["data"]["application/json"] == {"x": "nan"}


def test_many_displays_arrive_in_order(frontend: Frontend) -> None:
    seen = frontend.execute("for n in range(500): display(n)").finish()
    shown = [m.content["data"]["text/plain"] for m in seen.published if "data" in m.content]
    assert shown == [str(n) for n in range(500)]


def test_a_publication_has_buffers_and_metadata_of_its_own(frontend: Frontend) -> None:
    cell = frontend.execute("from IPython.display import HTML\nHTML('<b>x</b>')")
    cell.sees(busy, execute_input, execute_result({"text/html": "<b>x</b>"}), reply("ok"), idle)


def test_a_display_hook_can_swallow_a_message(frontend: Frontend) -> None:
    code = (
        "pub = get_ipython().display_pub; caught = []\n"
        "hook = lambda msg: caught.append(msg['msg_type'])\n"
        "pub.register_hook(hook); display(1); pub.unregister_hook(hook)"
    )
    cell = frontend.execute(code)
    seen = cell.finish()
    assert "display_data" not in [message.msg_type for message in seen.published]
    assert frontend.value("caught") == "['display_data']"
