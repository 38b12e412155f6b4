"""The test-suites of ipykernel, jupyter_client and nbclient, with the kernel under test as `python3` and `echo`."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_home import JupyterHome
from sdist_suite import Deselected, SdistSuite, SuiteRun

SUITES = (
    SdistSuite(
        project="ipykernel",
        modules=(
            "test_message_spec.py",
            "test_kernel.py",
            "test_async.py",
            "test_subshells.py",
            "test_debugger.py",
        ),
        fewest_tests=90,
        plugin=Path(__file__).with_name("started_kernels.py"),
        deselected=(
            Deselected(
                "test_message_spec.py::test_non_execute_stop_on_error",
                "expects kernel_info to wait behind the running cell; ours is answered at once "
                "(protocol/test_gil.py). The rest of it is protocol/test_abort.py::"
                "test_other_requests_behind_an_error_are_answered.",
            ),
            Deselected(
                "test_subshells.py::test_thread_counts",
                "counts threads right after the reply to create_subshell_request; ours is answered without Python, "
                "and the thread is there when the subshell's first request runs.",
            ),
            Deselected(
                "test_kernel.py::test_print_to_correct_cell_from_thread[thread-local]",
                "wants text of a thread without a parent of its own in the newest cell; ours is in the cell that "
                "started the thread (protocol/test_parents.py).",
            ),
            Deselected(
                "test_kernel.py::test_print_to_correct_cell_from_thread[none]",
                "the same: text of a thread belongs to the cell that started it.",
            ),
            Deselected(
                "test_kernel.py::test_parent_header_and_ident",
                "asks kernel.get_parent('control') for a kernel_info_request, which never reaches Python; the shell's "
                "half is detections/test_kernel_object.py::test_the_identity_of_the_client.",
            ),
        ),
        skipped=(
            "test_capture_fd",
            "test_subprocess_peek_at_stream_fileno",
            "test_complete",
            "test_unc_paths",
            "test_shutdown_subprocesses",
        ),
    ),
    SdistSuite(
        project="jupyter_client",
        modules=(
            "test_client.py",
            "test_kernelapp.py",
            "test_runapp.py",
            "test_multikernelmanager.py",
        ),
        fewest_tests=59,
        deselected=(
            Deselected(
                "test_kernelapp.py::test_kernelapp_lifecycle",
                "expects nothing but the connection file in the runtime folder; ours has the crash journal beside it "
                "while the kernel runs. Start, end and removal of the file are in process/test_connection_files.py.",
            ),
            Deselected(
                "test_client.py::TestAsyncKernelClient::test_execute_interactive",
                "executes the word `hello`, which is fine for an echo and no valid Python.",
            ),
        ),
        skipped=("test_execute_interactive", "test_start_parallel_process_kernels"),
    ),
    SdistSuite(project="nbclient", fewest_tests=120),
)

pytestmark = pytest.mark.timeout(700)


@pytest.fixture(scope="module", params=SUITES, ids=lambda suite: suite.project)
def suite(request: pytest.FixtureRequest, jupyter_home: JupyterHome) -> SdistSuite:
    """One of the suites; `echo` is what jupyter_client's starts."""
    if "echo" not in KernelSpecManager().find_kernel_specs():
        jupyter_home.add_kernelspec("echo")
    return request.param


@pytest.fixture(scope="module")
def suite_run(suite: SdistSuite, tmp_path_factory: pytest.TempPathFactory) -> SuiteRun:
    """The suite, run once."""
    return suite.run(tmp_path_factory.mktemp(suite.project))


@pytest.mark.parametrize("name", ["python3", "echo"])
def test_the_kernel_under_test_is_found(
    suite: SdistSuite, jupyter_home: JupyterHome, name: str
) -> None:
    """The suites start kernels by name: ours must be found in our folder, before any other."""
    spec = KernelSpecManager().get_kernel_spec(name)
    assert spec.resource_dir.startswith(str(jupyter_home.root))


def test_no_test_fails(suite_run: SuiteRun) -> None:
    """Every test that is not deselected with a reason passes."""
    assert suite_run.named("failed") == [], suite_run.tail()


def test_only_what_is_meant_to_be_is_skipped(suite: SdistSuite, suite_run: SuiteRun) -> None:
    """Nothing that the suite needs is missing; what it skips everywhere on this system is listed."""
    skipped = {name.partition("::")[2].partition("[")[0] for name in suite_run.named("skipped")}
    assert skipped <= set(suite.skipped), suite_run.tail()


def test_the_whole_suite_ran(suite: SdistSuite, suite_run: SuiteRun) -> None:
    """The figures above stand for a whole suite, and each deselected test is one of it."""
    assert len(suite_run.named("passed")) + len(suite.deselected) >= suite.fewest_tests
    assert suite_run.deselected == len(suite.deselected), suite_run.tail()
