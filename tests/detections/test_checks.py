"""Libraries that ask once whether this is a notebook, and expressions of those that are too large to install."""

import pytest

from detections.conftest import StartNotebook
from detections.notebook import Notebook

TENSORBOARD = "get_ipython() is not None and get_ipython().has_trait('kernel')"
WANDB = """
    import sys
    module = get_ipython().__module__
    "terminal" in module or "spyder" in sys.modules
"""
SPACY = """
    try: jupyter = get_ipython().__class__.__name__ == "ZMQInteractiveShell"
    except NameError: jupyter = False
    jupyter
"""
LIGHTNING = "import sys; hasattr(sys, 'ps1') or bool(sys.flags.interactive)"
SCRIPT = """
    import sys, pathlib
    pathlib.Path(sys.argv[0]).stem, sys.argv[1], sys.argv[2].endswith(".json"), "ipykernel" in sys.modules
"""


def test_huggingface_hub(notebook: Notebook) -> None:
    code = "from huggingface_hub.utils import is_notebook; is_notebook()"
    assert notebook.value(code) == "True"


def test_scooby(notebook: Notebook) -> None:
    assert (
        notebook.value("import scooby; scooby.in_ipykernel(), scooby.in_ipython()")
        == "(True, True)"
    )


def test_distributed(notebook: Notebook) -> None:
    assert notebook.value("from distributed.utils import is_kernel; is_kernel()") == "True"


@pytest.mark.parametrize(
    ("code", "answer"),
    [(TENSORBOARD, "True"), (WANDB, "False"), (SPACY, "True"), (LIGHTNING, "True")],
    ids=["tensorboard", "wandb", "spacy", "lightning"],
)
def test_the_expression_of_a_large_library(notebook: Notebook, code: str, answer: str) -> None:
    assert notebook.value(code) == answer


def test_a_script_sees_ipykernels_command_line(notebook: Notebook) -> None:
    assert notebook.value(SCRIPT) == "('ipykernel_launcher', '-f', True, True)"


def test_nest_asyncio(notebook: Notebook) -> None:
    code = """
        import asyncio, nest_asyncio
        nest_asyncio.apply()
        async def answer():
            await asyncio.sleep(0.01)
            return 42
        asyncio.get_event_loop().run_until_complete(answer()), asyncio.run(answer())
    """
    assert notebook.value(code) == "(42, 42)"


def test_nest_asyncio_in_a_cell_that_awaits(notebook: Notebook) -> None:
    code = """
        import asyncio, nest_asyncio
        nest_asyncio.apply()
        async def answer():
            await asyncio.sleep(0.01)
            return 42
        await answer(), asyncio.get_event_loop().run_until_complete(answer()), asyncio.run(answer())
    """
    assert notebook.value(code) == "(42, 42, 42)"
    assert notebook.value("await answer()") == "42"


def test_ipynbname_knows_the_kernel(notebook: Notebook) -> None:
    assert notebook.value("import ipynbname; ipynbname._get_kernel_id()") == "'0123'"


def test_the_parents_pid_is_passed_on(start_notebook: StartNotebook) -> None:
    code = "import os; os.environ['JPY_PARENT_PID'] == str(os.getppid())"
    assert start_notebook().value(code) == "True"


def test_environment_of_an_editor_is_passed_on(start_notebook: StartNotebook) -> None:
    notebook = start_notebook(VSCODE_PID="17", VSCODE_CWD="/tmp")
    assert (
        notebook.value("import os; os.environ['VSCODE_PID'], os.environ['VSCODE_CWD']")
        == "('17', '/tmp')"
    )
