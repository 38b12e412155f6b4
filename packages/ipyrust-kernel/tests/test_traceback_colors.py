"""The colours of tracebacks are those that they would be, and are worked out once."""

from collections.abc import Iterator

import pytest
import stack_data
from IPython.core.ultratb import AutoFormattedTB
from pygments import highlight
from pygments.formatters.terminal256 import Terminal256Formatter, TerminalTrueColorFormatter
from pygments.lexers.python import PythonLexer
from pygments.style import Style
from pygments.styles import get_style_by_name
from pygments.token import Name

from ipyrust.ipython.traceback_colors import KEPT, kept_traceback_colors

CODE = "def f(x):\n    return [f'{x}', 1, None]  # why\n"
ATTRIBUTES = [{}, {"nobold": True}, {"nounderline": True}, {"noitalic": True}]


@pytest.fixture
def kept() -> Iterator[None]:
    with kept_traceback_colors():
        yield


def coloured(style: str, **options: object) -> str:
    return highlight(CODE, PythonLexer(), Terminal256Formatter(style=style, **options))


def traceback() -> list[str]:
    shower = AutoFormattedTB(mode="Context", theme_name="linux", tb_offset=0)
    try:
        [].pop()
    except IndexError as error:
        lines: list[str] = shower.structured_traceback(type(error), error, error.__traceback__)
        return lines
    raise AssertionError


@pytest.mark.parametrize("style", ["default", "monokai", "native"])
@pytest.mark.parametrize("options", ATTRIBUTES, ids=str)
def test_colours_are_the_same(style: str, options: dict[str, bool]) -> None:
    plain = coloured(style, **options)
    with kept_traceback_colors():
        assert [coloured(style, **options) for _ in range(3)] == [plain] * 3


def test_tracebacks_are_the_same() -> None:
    plain = traceback()
    assert "\x1b[" in "".join(plain)
    with kept_traceback_colors():
        assert [traceback() for _ in range(3)] == [plain] * 3


def test_what_was_found_is_not_looked_for_again(
    kept: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = traceback()

    def fail(*_: object) -> int:
        raise AssertionError("looked for again")

    monkeypatch.setattr(Terminal256Formatter, "_color_index", fail)
    assert traceback() == first


def test_a_style_is_changed_once(kept: None) -> None:
    style = get_style_by_name("default")
    changed = stack_data.style_with_executing_node(style, "bg:#005f00")
    assert stack_data.style_with_executing_node(style, "bg:#005f00") is changed
    assert stack_data.style_with_executing_node(style, "bg:#00005f") is not changed


def test_formatters_do_not_share_their_tables(kept: None) -> None:
    one, other = Terminal256Formatter(style="default"), Terminal256Formatter(style="default")
    one.style_string.clear()
    assert other.style_string
    assert Terminal256Formatter(style="default").style_string == other.style_string


def test_other_formatters_keep_their_own_colours(kept: None) -> None:
    Terminal256Formatter(style="default")
    code = highlight("x = 1", PythonLexer(), TerminalTrueColorFormatter(style="default"))
    assert "38;2;" in code


def test_only_so_many_styles_are_kept(kept: None, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_for: list[str] = []
    find = Terminal256Formatter._color_index

    def noting(formatter: Terminal256Formatter, color: str) -> int:
        looked_for.append(color)
        index: int = find(formatter, color)
        return index

    monkeypatch.setattr(Terminal256Formatter, "_color_index", noting)
    styles = [
        type("Own", (Style,), {"styles": {Name: f"#{10 * number:02x}0000"}})
        for number in range(KEPT + 1)
    ]

    def colour(style: type) -> str:
        return highlight("name", PythonLexer(), Terminal256Formatter(style=style))

    seen = [colour(style) for style in styles]
    looked_for.clear()
    assert colour(styles[-1]) == seen[-1] and not looked_for
    assert colour(styles[0]) == seen[0] and looked_for


def test_what_was_replaced_comes_back() -> None:
    before = (Terminal256Formatter._setup_styles, stack_data.style_with_executing_node)
    with kept_traceback_colors():
        assert Terminal256Formatter._setup_styles is not before[0]
        assert stack_data.style_with_executing_node is not before[1]
    assert (Terminal256Formatter._setup_styles, stack_data.style_with_executing_node) == before


def test_versions_that_do_it_otherwise_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Terminal256Formatter, "_setup_styles")
    monkeypatch.delattr(stack_data, "style_with_executing_node")
    with kept_traceback_colors():
        assert not hasattr(Terminal256Formatter, "_setup_styles")
