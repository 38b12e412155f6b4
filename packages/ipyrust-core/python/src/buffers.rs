//! Binary buffers between Python and the engine.
//!
//! What nobody can change is not copied: large `bytes`, and frames that came in and go out again. Everything else is
//! copied once, at the call, so that it arrives as it was then; large copies are made without the GIL.
//!
//! The engine's threads drop the frames and must not wait for the GIL. A `bytes` object that they drop waits in PyO3's
//! list until the next call into this module.

use bytes::Bytes;
use ipyrust_zmq::{BLOCK_BYTES, Block, ZERO_COPY_BYTES};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyMemoryError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

/// A copy of this many bytes takes so long that other Python threads should run meanwhile.
const LONG_COPY_BYTES: usize = 1 << 20;

/// Take Python buffers in.
pub(crate) fn take_in(py: Python<'_>, buffers: &Bound<'_, PyAny>) -> PyResult<Vec<Bytes>> {
    buffers
        .try_iter()?
        .map(|item| take_one(py, &item?))
        .collect()
}

fn take_one(py: Python<'_>, item: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(bytes) = item.cast::<PyBytes>() {
        return Ok(share(bytes));
    }
    // Exporters may leave the strides out, which PyO3 refuses; a memoryview has them.
    let item = PyMemoryView::from(item)?;
    let view = PyUntypedBuffer::get(&item)?;
    if !view.is_c_contiguous() {
        return Err(PyBufferError::new_err("buffers must be contiguous"));
    }
    match unchanging(&item, &view)? {
        Some(frame) => Ok(frame),
        None => copy(py, &view),
    }
}

/// What a memoryview shows, if it is all of something that nobody can change.
fn unchanging(item: &Bound<'_, PyMemoryView>, view: &PyUntypedBuffer) -> PyResult<Option<Bytes>> {
    let shown = item.getattr("obj")?;
    let is_whole = |content: &[u8]| {
        let start = view.buf_ptr().cast_const().cast();
        content.len() == view.len_bytes() && std::ptr::eq(content.as_ptr(), start)
    };
    // A part would keep the whole alive, which nobody counts.
    if let Ok(frame) = shown.cast::<Frame>() {
        let bytes = &frame.get().bytes;
        return Ok(is_whole(bytes).then(|| bytes.clone()));
    }
    let bytes = shown.cast::<PyBytes>().ok();
    Ok(bytes.filter(|bytes| is_whole(bytes.as_bytes())).map(share))
}

/// The content of a `bytes` object: itself if it is large, else a copy. Of a subclass a copy, too: the end of such an object
/// may run user code, and whoever has sent it drops it under locks.
pub(crate) fn share(bytes: &Bound<'_, PyBytes>) -> Bytes {
    let content = bytes.as_bytes();
    if content.len() < ZERO_COPY_BYTES || !bytes.is_exact_instance_of::<PyBytes>() {
        return Bytes::copy_from_slice(content);
    }
    Bytes::from_owner(Shared {
        start: content.as_ptr(),
        length: content.len(),
        _object: bytes.clone().unbind(),
    })
}

/// The content of a `bytes` object that is kept alive.
struct Shared {
    start: *const u8,
    length: usize,
    _object: Py<PyBytes>,
}

// SAFETY: the content may be read by any thread, and `Py` may be dropped by any.
unsafe impl Send for Shared {}

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: Python never moves or changes the content of a `bytes` object, and this one lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

fn copy(py: Python<'_>, view: &PyUntypedBuffer) -> PyResult<Bytes> {
    let length = view.len_bytes();
    let source = Source(view.buf_ptr().cast_const().cast());
    let copied = if length < LONG_COPY_BYTES {
        // SAFETY: the view is contiguous, and as long as it exists its exporter neither frees nor moves its bytes.
        unsafe { source.copy(length) }
    } else {
        // SAFETY: as above.
        py.detach(move || unsafe { source.copy(length) })
    };
    copied
        .ok_or_else(|| PyMemoryError::new_err(format!("no memory for a buffer of {length} bytes")))
}

/// Where the bytes of a buffer begin.
struct Source(*const u8);

// SAFETY: an address; who reads there says why that is sound.
unsafe impl Send for Source {}

impl Source {
    /// A copy, or None when there is no memory for it.
    ///
    /// # Safety
    /// That many bytes stay where they are during the call. User code that changes them meanwhile gets a mixture, as
    /// with any other call that lets go of the GIL.
    unsafe fn copy(&self, length: usize) -> Option<Bytes> {
        if length == 0 {
            return Some(Bytes::new()); // Its address may be null.
        }
        if length >= BLOCK_BYTES {
            // SAFETY: as the caller says.
            return unsafe { Block::copy_of(self.0, length) }.map(Bytes::from_owner);
        }
        let mut copied = Vec::new();
        copied.try_reserve_exact(length).ok()?;
        // SAFETY: as the caller says; the vector has room for that many, and all are written.
        unsafe {
            self.0.copy_to_nonoverlapping(copied.as_mut_ptr(), length);
            copied.set_len(length);
        }
        Some(Bytes::from(copied))
    }
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
