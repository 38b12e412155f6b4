"""Caches that recognise a notebook's code by its file name, so that a restarted kernel finds what the last one kept."""

from pathlib import Path

from detections.conftest import StartNotebook
from detections.notebook import Notebook

JOBLIB = """
    import joblib
    memory = joblib.Memory({place!r}, verbose=0)
    @memory.cache
    def double(x):
        print("computed")
        return 2 * x
    double(21)
"""
NUMBA = """
    import numba
    @numba.njit(cache=True)
    def double(x):
        return 2 * x
    double(21)
    type(double._cache._impl._locator).__name__, sum(double.stats.cache_hits.values())
"""


def test_joblib_finds_the_result_after_a_restart(
    start_notebook: StartNotebook, tmp_path: Path
) -> None:
    code = JOBLIB.format(place=str(tmp_path / "cache"))
    assert start_notebook("first").run(code).text() == "computed\n"
    assert start_notebook("second").run(code).text() == ""


def test_numba_finds_the_code_after_a_restart(
    start_notebook: StartNotebook, tmp_path: Path
) -> None:
    first = start_notebook("first", XDG_CACHE_HOME=str(tmp_path))
    assert first.value(NUMBA) == "('IPythonCacheLocator', 0)"
    second = start_notebook("second", XDG_CACHE_HOME=str(tmp_path))
    assert second.value(NUMBA) == "('IPythonCacheLocator', 1)"


def test_the_name_that_datasets_recognises(notebook: Notebook) -> None:
    """Its pickler of functions (`save_code`) leaves file names out that look like this."""
    code = """
        import os.path
        def function(): pass
        name = function.__code__.co_filename
        os.path.basename(os.path.dirname(name)).startswith("ipykernel_") and name.endswith(".py")
    """
    assert notebook.value(code) == "True"


def test_joblib_runs_functions_of_a_cell_in_processes(notebook: Notebook) -> None:
    code = """
        import joblib
        def double(x): return 2 * x
        joblib.Parallel(n_jobs=2)(joblib.delayed(double)(x) for x in range(3))
    """
    assert notebook.value(code) == "[0, 2, 4]"
