//! `RequestQueue`: the requests of one channel or subshell.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use ipyrust_engine::Core;
use ipyrust_engine::queue::RequestQueue as EngineQueue;
use pyo3::prelude::*;

use crate::errors::to_py;
use crate::request::Request;
use crate::waiting::{Woken, wait_for_request};

#[pyclass(frozen, module = "ipyrust_core._native")]
pub(crate) struct RequestQueue {
    pub(crate) core: Arc<Core>,
    pub(crate) inner: Arc<EngineQueue>,
}

#[pymethods]
impl RequestQueue {
    #[pyo3(signature = (timeout=None, *, fd=-1), text_signature = "($self, timeout=None, *, fd=-1)")]
    fn get(&self, py: Python<'_>, timeout: Option<f64>, fd: RawFd) -> PyResult<Option<Request>> {
        // Not by taking: that would forget a nudge, which is for this wait.
        if self.inner.is_empty() {
            // SAFETY: the caller owns `fd` and keeps it open during the call, as `_native.pyi` asks.
            let second = (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) });
            let timeout =
                timeout.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default());
            if wait_for_request(py, &self.core, &self.inner, second, timeout)? != Woken::First {
                return Ok(None);
            }
        }
        self.get_nowait(false)
    }

    #[pyo3(signature = (*, comms_only=false))]
    fn get_nowait(&self, comms_only: bool) -> PyResult<Option<Request>> {
        let taken = self.core.take(&self.inner, comms_only).map_err(to_py)?;
        Ok(taken.map(|inner| Request {
            core: Arc::clone(&self.core),
            inner,
        }))
    }

    #[pyo3(signature = (*, comms_only=false))]
    fn fileno(&self, comms_only: bool) -> RawFd {
        if comms_only {
            self.inner.comm_fd().as_raw_fd()
        } else {
            self.inner.as_fd().as_raw_fd()
        }
    }

    #[pyo3(signature = (failed, window=0.0))]
    fn abort_pending(&self, py: Python<'_>, failed: &Request, window: f64) -> PyResult<usize> {
        let window = Duration::try_from_secs_f64(window).unwrap_or_default();
        let failed = &failed.inner;
        py.detach(|| self.core.abort_pending(&self.inner, failed, window))
            .map_err(to_py)
    }

    fn close(&self) {
        self.core.close_queue(
            &self.inner,
            "QueueClosed",
            "the kernel takes no more requests",
        );
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }
}
