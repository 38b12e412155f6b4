"""IPython's compiler, with file names for cells that other tools know (`ipyrust.debugger.cells`)."""

from __future__ import annotations

from IPython.core.compilerop import CachingCompiler

from ipyrust.debugger.cells import cell_file_name


class CellCompiler(CachingCompiler):
    """Names each cell by what is in it."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        """Name of the cell that holds `raw_code`."""
        return cell_file_name(raw_code)
