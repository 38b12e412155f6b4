//! The single place where an engine error becomes a Python exception. The classes live in `ipyrust_core.errors`.

use ipyrust_engine::Error;
use pyo3::exceptions::{PyKeyError, PyOSError, PyValueError};
use pyo3::prelude::*;

pyo3::import_exception!(ipyrust_core.errors, ConnectionFileError);
pyo3::import_exception!(ipyrust_core.errors, BindError);
pyo3::import_exception!(ipyrust_core.errors, RegistrationError);
pyo3::import_exception!(ipyrust_core.errors, CoreClosedError);
pyo3::import_exception!(ipyrust_core.errors, AlreadyRepliedError);

/// Map by blame. `Interrupted` means that a signal handler has raised: its exception is on its way already.
pub(crate) fn to_py(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::ConnectionFile { .. } => ConnectionFileError::new_err(text),
        Error::Bind { .. } => BindError::new_err(text),
        Error::Registration { .. } => RegistrationError::new_err(text),
        Error::Closed => CoreClosedError::new_err(text),
        Error::AlreadyReplied { .. } => AlreadyRepliedError::new_err(text),
        Error::BadInputReply => PyValueError::new_err(text),
        Error::UnknownSubshell(id) => PyKeyError::new_err(id),
        Error::Interrupted | Error::Zmq(_) | Error::System { .. } => PyOSError::new_err(text),
    }
}
