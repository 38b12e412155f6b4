"""nbclient's own test-suite, with the kernel under test standing in as `python3`."""

from __future__ import annotations

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_home import JupyterHome
from sdist_suite import SdistSuite, SuiteRun

SUITE = SdistSuite(
    project="nbclient",
    ini_options={"asyncio_default_fixture_loop_scope": "function"},
    deselected=(),
)
FEWEST_TESTS = 120
"""The suite of nbclient 0.11 has 127: far fewer means that something kept it from running."""

pytestmark = pytest.mark.timeout(700)


@pytest.fixture(scope="module")
def suite_run(jupyter_home: JupyterHome, tmp_path_factory: pytest.TempPathFactory) -> SuiteRun:
    """The suite, run once."""
    return SUITE.run(tmp_path_factory.mktemp("nbclient"))


def test_python3_is_the_kernel_under_test(jupyter_home: JupyterHome) -> None:
    """The suite starts `python3`: it must be found in our folder before any other."""
    spec = KernelSpecManager().get_kernel_spec("python3")
    assert spec.resource_dir.startswith(str(jupyter_home.root))


def test_no_test_fails(suite_run: SuiteRun) -> None:
    """Every test that is not deselected with a reason passes."""
    assert suite_run.named("failed") == [], suite_run.tail()


def test_no_test_is_skipped(suite_run: SuiteRun) -> None:
    """Nothing that the suite needs is missing."""
    assert suite_run.named("skipped") == [], suite_run.tail()


def test_the_whole_suite_ran(suite_run: SuiteRun) -> None:
    """The figures above stand for a whole suite."""
    assert len(suite_run.named("passed")) + len(SUITE.deselected) >= FEWEST_TESTS
