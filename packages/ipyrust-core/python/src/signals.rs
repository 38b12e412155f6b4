//! `SignalHandler`: raises without leaving a frame of ours in the user's traceback.

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

#[pyclass(frozen, module = "ipyrust_core._native")]
pub(crate) struct SignalHandler {
    wanted: Py<PyAny>,
}

#[pymethods]
impl SignalHandler {
    #[new]
    fn new(wanted: Py<PyAny>) -> Self {
        Self { wanted }
    }

    #[pyo3(signature = (_signum, frame, /))]
    fn __call__(
        &self,
        py: Python<'_>,
        _signum: &Bound<'_, PyAny>,
        frame: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if self.wanted.bind(py).call1((frame,))?.is_truthy()? {
            return Err(PyKeyboardInterrupt::new_err(()));
        }
        Ok(())
    }
}
