"""`ipykernel.ipkernel`, for code that asks for the running kernel."""

from __future__ import annotations

from importlib import import_module
from typing import Any

IPythonKernel: Any = import_module("ipykernel.kernelbase").Kernel
