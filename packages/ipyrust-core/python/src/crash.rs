//! Crash reports, for `%crash` and `python -m ipyrust crash`.

use std::ffi::OsString;
use std::path::PathBuf;

use ipyrust_engine::{crash, journal};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

#[pyfunction]
#[pyo3(signature = (folder, *, own_journal=None))]
pub(crate) fn crash_reports(
    py: Python<'_>,
    folder: PathBuf,
    own_journal: Option<PathBuf>,
) -> Vec<OsString> {
    let found = py.detach(|| {
        crash::take_over_all(&folder, own_journal.as_deref());
        crash::reports(&folder)
    });
    found.into_iter().map(PathBuf::into_os_string).collect()
}

#[pyfunction]
#[pyo3(signature = (path, *, as_json=false))]
pub(crate) fn crash_report(path: PathBuf, as_json: bool) -> PyResult<String> {
    let report = crash::read(&path)
        .map_err(|error| PyOSError::new_err(format!("{}: {error}", path.display())))?;
    if as_json {
        return serde_json::to_string(&report)
            .map_err(|error| PyOSError::new_err(error.to_string()));
    }
    Ok(report.text())
}

#[pyfunction]
pub(crate) fn journal_beside(connection_file: PathBuf) -> OsString {
    journal::path_beside(&connection_file).into_os_string()
}
