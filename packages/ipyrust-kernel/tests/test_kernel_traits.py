"""Environment variables and configuration that shape the kernel."""

from __future__ import annotations

import logging

import pytest
from traitlets.config.loader import Config, DeferredConfigString

from ipyrust.ipython.kernel_traits import environment_config, kernel_trait


@pytest.mark.parametrize(
    ("variable", "text", "config"),
    [
        ("IPYRUST_USE_JEDI", "0", {"Completer": {"use_jedi": False}}),
        ("IPYRUST_USE_JEDI", "True", {"Completer": {"use_jedi": True}}),
        (
            "IPYRUST_EXPERIMENTAL_COMPLETIONS",
            "off",
            {"IPythonKernel": {"use_experimental_completions": False}},
        ),
        (
            "IPYRUST_STOP_ON_ERROR_TIMEOUT",
            "0.25",
            {"IPythonKernel": {"stop_on_error_timeout": 0.25}},
        ),
        ("IPYRUST_USE_JEDI", "", {}),
    ],
)
def test_a_variable_sets_its_trait(variable: str, text: str, config: dict) -> None:
    assert environment_config({variable: text}) == config


def test_a_wrong_value_is_reported_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("ipyrust")
    logger.addHandler(caplog.handler)
    try:
        assert environment_config({"IPYRUST_STOP_ON_ERROR_TIMEOUT": "soon"}) == {}
    finally:
        logger.removeHandler(caplog.handler)
    assert "IPYRUST_STOP_ON_ERROR_TIMEOUT=soon is no float" in caplog.text


@pytest.mark.parametrize("section", ["IPythonKernel", "Kernel"])
def test_a_trait_may_stand_in_either_class(section: str) -> None:
    config = Config({section: {"stop_on_error_timeout": 2}})
    assert kernel_trait(config, "stop_on_error_timeout", 0.0) == 2.0


def test_text_of_the_command_line_is_understood() -> None:
    config = Config(
        {"IPythonKernel": {"use_experimental_completions": DeferredConfigString("False")}}
    )
    assert kernel_trait(config, "use_experimental_completions", True) is False


def test_without_configuration_the_default_holds() -> None:
    assert kernel_trait(Config(), "stop_on_error_timeout", 0.5) == 0.5
