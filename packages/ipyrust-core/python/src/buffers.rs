//! Binary buffers between Python and the engine.

use bytes::Bytes;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

/// Copy Python buffers. A copy, because the engine's threads drop them and must not wait for the GIL.
pub(crate) fn copy_in(py: Python<'_>, buffers: &Bound<'_, PyAny>) -> PyResult<Vec<Bytes>> {
    buffers
        .try_iter()?
        .map(|item| copy_one(py, &item?))
        .collect()
}

fn copy_one(py: Python<'_>, item: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(bytes) = item.cast::<PyBytes>() {
        return Ok(Bytes::copy_from_slice(bytes.as_bytes()));
    }
    if let Some(frame) = received_frame(item)? {
        return Ok(frame);
    }
    let flat = py
        .import("builtins")?
        .getattr("memoryview")?
        .call1((item,))?;
    let flat = flat
        .call_method1("cast", ("B",))
        .map_err(|_| PyBufferError::new_err("buffers must be contiguous"))?;
    let view = PyBuffer::<u8>::get(&flat)?;
    Ok(Bytes::from(view.to_vec(py)?))
}

/// The frame behind a memoryview that [`view`] made, if it shows all of it: what comes in and goes out again is not
/// copied.
fn received_frame(item: &Bound<'_, PyAny>) -> PyResult<Option<Bytes>> {
    if !item.is_instance_of::<PyMemoryView>() {
        return Ok(None);
    }
    let (exporter, length) = (
        item.getattr("obj")?,
        item.getattr("nbytes")?.extract::<usize>()?,
    );
    let whole = exporter
        .cast::<Frame>()
        .ok()
        .map(|frame| frame.get().bytes.clone());
    Ok(whole.filter(|bytes| bytes.len() == length))
}

/// A read-only memoryview of a received frame, without a copy: the exporter keeps the frame alive.
pub(crate) fn view<'py>(py: Python<'py>, frame: &Bytes) -> PyResult<Bound<'py, PyAny>> {
    let exporter = Bound::new(
        py,
        Frame {
            bytes: frame.clone(),
        },
    )?;
    py.import("builtins")?
        .getattr("memoryview")?
        .call1((exporter,))
}

/// Exports a frame through the buffer protocol.
#[pyclass(frozen, module = "ipyrust_core._native")]
struct Frame {
    bytes: Bytes,
}

#[pymethods]
impl Frame {
    /// # Safety
    /// Called by Python with a valid, writable `Py_buffer`.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut pyo3::ffi::Py_buffer,
        flags: std::ffi::c_int,
    ) -> PyResult<()> {
        let bytes = &slf.get().bytes;
        let length =
            isize::try_from(bytes.len()).map_err(|_| PyBufferError::new_err("frame too large"))?;
        let pointer = bytes.as_ptr().cast_mut().cast();
        // SAFETY: `view` comes from Python; the memory is immutable (`readonly` is 1) and lives as long as `slf`, which
        // PyBuffer_FillInfo keeps referenced in `view.obj`.
        let filled =
            unsafe { pyo3::ffi::PyBuffer_FillInfo(view, slf.as_ptr(), pointer, length, 1, flags) };
        if filled == 0 {
            Ok(())
        } else {
            Err(PyErr::fetch(slf.py()))
        }
    }
}
