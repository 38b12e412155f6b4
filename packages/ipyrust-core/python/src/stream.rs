//! `StreamWriter`: the hot end of `sys.stdout` and `sys.stderr`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ipyrust_engine::Core;
use ipyrust_engine::outbox::{Parent, StreamName};
use parking_lot::Mutex;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::request::Request;
use crate::waiting::with_pause;

/// The longest that a flush waits.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

#[pyclass(frozen, module = "ipyrust_core._native")]
pub(crate) struct StreamWriter {
    pub(crate) core: Arc<Core>,
    pub(crate) name: StreamName,
    pub(crate) parent: Py<PyAny>,
    pub(crate) fallback: Option<Py<PyAny>>,
    /// In a forked child: the line that is not complete. Whole lines of several children do not mix in a pipe.
    pub(crate) unfinished: Mutex<String>,
}

#[pymethods]
impl StreamWriter {
    #[pyo3(signature = (text, /))]
    fn write(&self, py: Python<'_>, text: &Bound<'_, PyAny>) -> PyResult<usize> {
        let Ok(text) = text.cast::<PyString>() else {
            let kind = text.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "write() argument must be str, not {kind}"
            )));
        };
        if text.is_empty()? {
            return Ok(0);
        }
        let mut parent = self.parent.bind(py).call0()?;
        if let Some(fallback) = self.fallback.as_ref().filter(|_| parent.is_none()) {
            parent = fallback.bind(py).call0()?;
        }
        if self.core.is_forked() {
            self.write_in_child(py, &readable(text)?, false);
        } else {
            write_text(
                py,
                &self.core,
                self.name,
                text,
                &parent_of(&self.core, &parent)?,
            )?;
        }
        text.len()
    }

    fn flush(&self, py: Python<'_>) {
        if self.core.is_forked() {
            self.write_in_child(py, "", true);
            return;
        }
        if let Some(number) = self.core.outbox.flush(false) {
            py.detach(|| {
                let _ = self.core.outbox.wait_until_sent(number, FLUSH_TIMEOUT);
            });
        }
    }
}

impl StreamWriter {
    /// Write whole lines, and everything when flushing.
    fn write_in_child(&self, py: Python<'_>, text: &str, flush: bool) {
        let mut unfinished = self.unfinished.lock();
        unfinished.push_str(text);
        let end = if flush {
            unfinished.len()
        } else {
            unfinished.rfind('\n').map_or(0, |at| at + 1)
        };
        let lines: String = unfinished.drain(..end).collect();
        drop(unfinished);
        if !lines.is_empty() {
            py.detach(|| self.core.write_to_fd(self.name, &lines));
        }
    }
}

/// The text, with lone surrogates as visible escapes.
fn readable<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    if let Ok(text) = text.to_str() {
        return Ok(Cow::Borrowed(text));
    }
    let escaped: Vec<u8> = text
        .call_method1("encode", ("utf-8", "backslashreplace"))?
        .extract()?;
    Ok(Cow::Owned(String::from_utf8_lossy(&escaped).into_owned()))
}

/// Queue text for `parent`; a forked child writes it to the descriptor.
pub(crate) fn write_text(
    py: Python<'_>,
    core: &Core,
    name: StreamName,
    text: &Bound<'_, PyString>,
    parent: &Parent,
) -> PyResult<()> {
    let text = readable(text)?;
    if core.is_forked() {
        py.detach(|| core.write_to_fd(name, &text));
        return Ok(());
    }
    with_pause(py, core, |pause| {
        core.write_stream(parent, name, &text, pause)
    })
}

/// The engine's side of a Python `Request | None`; None means whatever the main thread ran last.
fn parent_of(core: &Core, parent: &Bound<'_, PyAny>) -> PyResult<Parent> {
    if parent.is_none() {
        return Ok(core.latest_parent());
    }
    Ok(Some(Arc::clone(&parent.cast::<Request>()?.get().inner)))
}
