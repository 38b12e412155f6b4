"""Jupyter's conformance suite for kernels, `jupyter_kernel_test`, with every optional part switched on."""

from __future__ import annotations

import jupyter_kernel_test
import pytest

pytestmark = pytest.mark.timeout(240)

PRINT_HELLO = "print('hello, world')"
RICH = """\
class Everything:
    def _repr_html_(self):
        return "<b>html</b>"

    def _repr_markdown_(self):
        return "**markdown**"

    def _repr_latex_(self):
        return "$latex$"

    def _repr_json_(self):
        return {"json": True}

    def _repr_svg_(self):
        return "<svg xmlns='http://www.w3.org/2000/svg'/>"

Everything()"""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class TestKernel(jupyter_kernel_test.KernelTests):
    """The whole of `KernelTests`."""

    kernel_name = "python3"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = PRINT_HELLO
    code_stderr = "import sys; print('oh no', file=sys.stderr)"
    completion_samples = [
        {"text": "zi", "matches": {"zip"}},
        {"text": "import itertools; itertools.acc", "matches": {"accumulate"}},
    ]
    complete_code_samples = ["1", "print('hello, world')", "def f(x):\n  return x*2\n\n\n", "%cd"]
    incomplete_code_samples = ["print('''hello", "def f(x):\n  x*2", "for i in range(3):", "f("]
    invalid_code_samples = ["import = 7q", "a b c", "1 +* 2"]
    code_page_something = "zip?"
    code_generate_error = "raise ValueError('made on purpose')"
    code_execute_result = [
        {"code": "1+2+3", "result": "6"},
        {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"},
        {"code": "{'hello': 'world'}", "result": "{'hello': 'world'}"},
        {"code": RICH, "mime": "text/html", "result": "<b>html</b>"},
        {"code": RICH, "mime": "text/markdown", "result": "**markdown**"},
        {"code": RICH, "mime": "text/latex", "result": "$latex$"},
        {"code": RICH, "mime": "image/svg+xml"},
        {"code": RICH, "mime": "application/json"},
    ]
    code_display_data = [
        {
            "code": "from IPython.display import HTML, display; display(HTML('<b>x</b>'))",
            "mime": "text/html",
        },
        {
            "code": "from IPython.display import Math, display; display(Math('x^2'))",
            "mime": "text/latex",
        },
        {
            "code": f"import base64; from IPython.display import Image, display\n"
            f"display(Image(base64.b64decode('{PIXEL}')))",
            "mime": "image/png",
        },
    ]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"

    def test_every_optional_part_is_switched_on(self) -> None:
        """A feature that is left empty would make its test of the suite skip."""
        features = [
            name
            for name, value in vars(jupyter_kernel_test.KernelTests).items()
            if not callable(value) and not name.startswith("_") and name not in ("kc", "km")
        ]
        assert features
        assert [name for name in features if not getattr(self, name)] == []


class TestIopubWelcome(jupyter_kernel_test.IopubWelcomeTests):
    """The first thing a subscriber hears is `iopub_welcome` (JEP 65)."""

    kernel_name = "python3"
    support_iopub_welcome = True
