//! `SignalHandler`: raises without leaving a frame of ours in the user's traceback.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

#[pyclass(frozen, module = "ipyrust_core._native")]
pub(crate) struct SignalHandler {
    wanted: Py<PyAny>,
    put_off: Py<PyAny>,
    /// How many threads are forking. Native, so that no signal can come between the hooks and these counts.
    forking: AtomicUsize,
}

#[pymethods]
impl SignalHandler {
    #[new]
    fn new(wanted: Py<PyAny>, put_off: Py<PyAny>) -> Self {
        Self {
            wanted,
            put_off,
            forking: AtomicUsize::new(0),
        }
    }

    fn fork_begins(&self) {
        self.forking.fetch_add(1, Ordering::Relaxed);
    }

    fn fork_ended(&self) {
        self.forking.fetch_sub(1, Ordering::Relaxed);
    }

    /// The child has one thread, and it does not fork.
    fn forked(&self) {
        self.forking.store(0, Ordering::Relaxed);
    }

    #[pyo3(signature = (_signum, frame, /))]
    fn __call__(
        &self,
        py: Python<'_>,
        _signum: &Bound<'_, PyAny>,
        frame: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if self.forking.load(Ordering::Relaxed) > 0 {
            self.put_off.bind(py).call0()?;
            return Ok(());
        }
        if self.wanted.bind(py).call1((frame,))?.is_truthy()? {
            return Err(PyKeyboardInterrupt::new_err(()));
        }
        Ok(())
    }
}
