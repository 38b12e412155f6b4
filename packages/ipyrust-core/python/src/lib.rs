//! The PyO3 binding: convert, call the engine, map the error. The manual is `ipyrust_core/_native.pyi`.

mod buffers;
mod c_streams;
mod core;
mod crash;
mod errors;
mod last_signals;
mod queue;
mod request;
mod signals;
mod stream;
mod waiting;

use std::path::PathBuf;

use ipyrust_engine::connection::Connection;
use pyo3::prelude::*;

use crate::errors::to_py;

#[pyfunction]
fn libzmq_version() -> (i32, i32, i32) {
    ipyrust_zmq::version()
}

#[pyfunction]
fn libzmq_has(capability: &str) -> bool {
    ipyrust_zmq::has(capability)
}

#[pyfunction]
#[pyo3(signature = (path, *, kernel_name="ipyrust"))]
fn write_connection_file(path: PathBuf, kernel_name: &str) -> PyResult<()> {
    Connection::create(&path, kernel_name).map_err(to_py)
}

/// Raise `kind` in another thread at its next bytecode, or with None take back what was not raised yet.
#[pyfunction]
#[pyo3(signature = (thread_id, kind))]
fn raise_in_thread(thread_id: std::ffi::c_ulong, kind: Option<&Bound<'_, PyAny>>) -> bool {
    let exception = kind.map_or(std::ptr::null_mut(), |kind| kind.as_ptr());
    // SAFETY: this thread is attached to the interpreter, as the argument `kind` and the calling convention prove; a null
    // pointer means none, and Python takes a reference of its own.
    unsafe { pyo3::ffi::PyThreadState_SetAsyncExc(thread_id.cast_signed(), exception) == 1 }
}

#[pyfunction]
fn murmur2(data: &[u8], seed: u32) -> u32 {
    ipyrust_engine::murmur::murmur2(data, seed)
}

/// The native half of `ipyrust_core`.
///
/// It does not ask a free-threaded interpreter for the GIL: it has no state of its own, its classes are frozen, so PyO3
/// makes the compiler prove them `Sync`, and what they point to is the engine's, whose threads never had a GIL.
#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(libzmq_version, module)?)?;
    module.add_function(wrap_pyfunction!(murmur2, module)?)?;
    module.add_function(wrap_pyfunction!(libzmq_has, module)?)?;
    module.add_function(wrap_pyfunction!(raise_in_thread, module)?)?;
    module.add_function(wrap_pyfunction!(write_connection_file, module)?)?;
    module.add_function(wrap_pyfunction!(crash::crash_report, module)?)?;
    module.add_function(wrap_pyfunction!(crash::crash_reports, module)?)?;
    module.add_function(wrap_pyfunction!(crash::journal_beside, module)?)?;
    module.add_class::<core::KernelCore>()?;
    module.add_class::<queue::RequestQueue>()?;
    module.add_class::<request::Request>()?;
    module.add_class::<signals::SignalHandler>()?;
    module.add_class::<stream::StreamWriter>()
}
