"""Libraries that choose between a terminal's output and a notebook's: tqdm, rich, click, loguru."""

from detections.notebook import Notebook


def test_tqdm_shows_a_widget(notebook: Notebook) -> None:
    code = """
        import warnings; warnings.simplefilter("ignore")
        from tqdm.autonotebook import tqdm
        tqdm.__name__
    """
    assert notebook.value(code) == "'tqdm_notebook'"


def test_tqdms_widget_moves(notebook: Notebook) -> None:
    code = "from tqdm.notebook import tqdm\nfor _ in tqdm(range(3)): pass"
    seen = notebook.run(code)
    assert "application/vnd.jupyter.widget-view+json" in seen.one("display_data").content["data"]
    assert sum(message.msg_type == "comm_open" for message in seen.published) > 5


def test_rich_is_in_jupyter(notebook: Notebook) -> None:
    assert notebook.value("import rich.console; rich.console.Console().is_jupyter") == "True"


def test_rich_prints_html(notebook: Notebook) -> None:
    data = notebook.shown("from rich import print\nprint('[bold red]stop[/]')")
    assert "font-weight: bold" in data["text/html"]


def test_click_keeps_colours(notebook: Notebook) -> None:
    seen = notebook.run("import click; click.echo(click.style('red', fg='red'))")
    assert seen.text() == "\x1b[31mred\x1b[0m\n"


def test_loguru_colours(notebook: Notebook) -> None:
    seen = notebook.run("from loguru import logger; logger.warning('look')")
    assert "\x1b[33m\x1b[1mWARNING" in seen.text("stderr")
