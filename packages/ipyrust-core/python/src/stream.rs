//! `StreamWriter`: the hot end of `sys.stdout` and `sys.stderr`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ipyrust_engine::Core;
use ipyrust_engine::outbox::{Parent, StreamName};
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
        write_text(
            py,
            &self.core,
            self.name,
            text,
            &parent_of(&self.core, &parent)?,
        )?;
        text.len()
    }

    fn flush(&self, py: Python<'_>) {
        if self.core.is_forked() {
            return;
        }
        if let Some(number) = self.core.outbox.flush(false) {
            py.detach(|| {
                let _ = self.core.outbox.wait_until_sent(number, FLUSH_TIMEOUT);
            });
        }
    }
}

/// Queue text for `parent`. Lone surrogates become visible escapes.
pub(crate) fn write_text(
    py: Python<'_>,
    core: &Core,
    name: StreamName,
    text: &Bound<'_, PyString>,
    parent: &Parent,
) -> PyResult<()> {
    let escaped: Vec<u8>;
    let text = if let Ok(text) = text.to_str() {
        Cow::Borrowed(text)
    } else {
        escaped = text
            .call_method1("encode", ("utf-8", "backslashreplace"))?
            .extract()?;
        String::from_utf8_lossy(&escaped)
    };
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
