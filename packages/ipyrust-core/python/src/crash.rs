//! Crash reports, for `%crash` and `python -m ipyrust crash`.

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
) -> Vec<String> {
    let found = py.detach(|| {
        crash::take_over_all(&folder, own_journal.as_deref());
        crash::reports(&folder)
    });
    found
        .into_iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
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
pub(crate) fn journal_beside(connection_file: PathBuf) -> String {
    let path = journal::path_beside(&connection_file);
    path.to_string_lossy().into_owned()
}
