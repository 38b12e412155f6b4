//! `Request`: one checked request, shared with the engine.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use ipyrust_engine::Core;
use ipyrust_engine::message::Request as EngineRequest;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::buffers::{share, take_in, view};
use crate::errors::to_py;

#[pyclass(frozen, weakref, module = "ipyrust_core._native")]
pub(crate) struct Request {
    pub(crate) core: Arc<Core>,
    pub(crate) inner: Arc<EngineRequest>,
}

impl Request {
    fn json<'py>(&self, py: Python<'py>, at: usize) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.json.get(at).map_or(&[], |part| &part[..]))
    }
}

#[pymethods]
impl Request {
    #[getter]
    fn msg_type(&self) -> &str {
        &self.inner.header.msg_type
    }

    #[getter]
    fn msg_id(&self) -> &str {
        &self.inner.header.msg_id
    }

    #[getter]
    fn session_id(&self) -> &str {
        &self.inner.header.session
    }

    #[getter]
    fn channel(&self) -> &'static str {
        self.inner.channel.name()
    }

    #[getter]
    fn subshell_id(&self) -> Option<&str> {
        self.inner.header.subshell_id.as_deref()
    }

    #[getter]
    fn identities<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.inner
            .identities
            .iter()
            .map(|identity| PyBytes::new(py, identity))
            .collect()
    }

    #[getter]
    fn header<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.json(py, 0)
    }

    #[getter]
    fn parent_header<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.json(py, 1)
    }

    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.json(py, 2)
    }

    #[getter]
    fn content<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.json(py, 3)
    }

    #[getter]
    fn buffers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let views = self
            .inner
            .buffers
            .iter()
            .map(|frame| view(py, frame))
            .collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, views)
    }

    #[getter]
    fn size_bytes(&self) -> usize {
        self.inner.size_bytes()
    }

    #[getter]
    fn received_at(&self) -> f64 {
        self.inner
            .received_at
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |time| time.as_secs_f64())
    }

    #[getter]
    fn is_replied(&self) -> bool {
        self.inner.is_replied()
    }

    #[pyo3(signature = (content, *, metadata=None, buffers=None))]
    fn reply(
        &self,
        py: Python<'_>,
        content: &Bound<'_, PyBytes>,
        metadata: Option<&[u8]>,
        buffers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let buffers = buffers.map_or_else(|| Ok(Vec::new()), |buffers| take_in(py, buffers))?;
        let metadata = Bytes::copy_from_slice(metadata.unwrap_or(b"{}"));
        self.core
            .reply(&self.inner, share(content), metadata, buffers)
            .map_err(to_py)
    }

    fn reply_to_cell(
        &self,
        content: &Bound<'_, PyBytes>,
        status: &str,
        started: f64,
    ) -> PyResult<()> {
        let since = Duration::try_from_secs_f64(started).unwrap_or_default();
        self.core
            .reply_to_cell(&self.inner, share(content), status, UNIX_EPOCH + since)
            .map_err(to_py)
    }

    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        let this = slf.get();
        this.core.enter(&this.inner).map_err(to_py)?;
        Ok(slf)
    }

    #[pyo3(signature = (_kind, _value, _traceback, /))]
    fn __exit__(
        &self,
        _kind: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        self.core.leave(&self.inner).map_err(to_py)
    }

    fn __repr__(&self) -> String {
        format!(
            "<Request {} {} on {}>",
            self.inner.header.msg_type,
            self.inner.header.msg_id,
            self.channel()
        )
    }
}
