//! `KernelCore`: the engine's handle.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ipyrust_engine::message::Channel;
use ipyrust_engine::outbox::{Outgoing, StreamName};
use ipyrust_engine::publisher::BACKLOG_BYTES;
use ipyrust_engine::record::Ending;
use ipyrust_engine::stack_text::Thread;
use ipyrust_engine::stacks::content;
use ipyrust_engine::{Core, ExitReason, Options};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::buffers::{share, take_in};
use crate::errors::to_py;
use crate::last_signals::{FATAL, ask_for_stacks, map_file, watch_endings, watch_stack_signal};
use crate::queue::RequestQueue;
use crate::request::Request;
use crate::stream::{StreamWriter, write_text};
use crate::waiting::{wait_readable, with_pause};

/// How long `os._exit` may take to say that it was called.
const LAST_WORDS: Duration = Duration::from_millis(300);

#[pyclass(frozen, module = "ipyrust_core._native")]
pub(crate) struct KernelCore {
    core: Arc<Core>,
}

impl KernelCore {
    fn queue(&self, inner: &Arc<ipyrust_engine::queue::RequestQueue>) -> RequestQueue {
        RequestQueue {
            core: Arc::clone(&self.core),
            inner: Arc::clone(inner),
        }
    }
}

fn stream_name(name: &str) -> PyResult<StreamName> {
    match name {
        "stdout" => Ok(StreamName::Stdout),
        "stderr" => Ok(StreamName::Stderr),
        other => Err(PyValueError::new_err(format!(
            "a stream is \"stdout\" or \"stderr\", not {other:?}"
        ))),
    }
}

/// End the process at once; the last resort when user code ignores a shutdown.
fn force_exit(code: i32) {
    // SAFETY: _exit takes any code, runs no handlers and does not return.
    unsafe { libc::_exit(code) }
}

/// Run Python's `serve_control` in a thread of its own. The I/O thread must not wait for the GIL, so the new thread does.
fn start_control_thread(serve_control: Option<Py<PyAny>>) {
    let Some(callable) = serve_control else {
        return;
    };
    let _ = std::thread::Builder::new()
        .name("ipyrust-control".into())
        .spawn(move || {
            Python::attach(|py| {
                if let Err(error) = callable.call0(py) {
                    error.print(py);
                }
            });
        });
}

fn duplicate(fd: RawFd) -> PyResult<OwnedFd> {
    // SAFETY: the descriptor is only duplicated during this call; a closed one gives EBADF.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    borrowed
        .try_clone_to_owned()
        .map_err(|error| PyOSError::new_err(format!("file descriptor {fd}: {error}")))
}

#[pymethods]
impl KernelCore {
    #[new]
    #[pyo3(signature = (connection_file, *, registered_file=None, kernel_info, log_fd=2, parent_pid=None, capture_fds=false, stop_grace=2.0, replay_bytes=0, backlog_bytes=None, username="kernel", serve_control=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        connection_file: PathBuf,
        registered_file: Option<PathBuf>,
        kernel_info: &[u8],
        log_fd: RawFd,
        parent_pid: Option<u32>,
        capture_fds: bool,
        stop_grace: f64,
        replay_bytes: usize,
        backlog_bytes: Option<usize>,
        username: &str,
        serve_control: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let options = Options {
            connection_file,
            registered_file,
            kernel_info: Bytes::copy_from_slice(kernel_info),
            log_fd: duplicate(log_fd)?,
            parent_pid,
            capture_fds,
            stop_grace: Duration::try_from_secs_f64(stop_grace).unwrap_or_default(),
            replay_bytes,
            backlog_bytes: backlog_bytes.unwrap_or(BACKLOG_BYTES),
            username: username.to_owned(),
            force_exit,
            fatal: &FATAL,
            ask_for_stacks,
            control_needed: Box::new(move || start_control_thread(serve_control)),
        };
        let core = py.detach(|| Core::start(options)).map_err(to_py)?;
        Ok(Self { core })
    }

    #[getter]
    fn connection_file(&self) -> String {
        self.core.connection_path().to_string_lossy().into_owned()
    }

    #[getter]
    fn connection_info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = self.core.connection_info().to_string();
        py.import("json")?.call_method1("loads", (text,))
    }

    #[getter]
    fn session_id(&self) -> &str {
        self.core.session_id()
    }

    #[getter]
    fn shell(&self) -> RequestQueue {
        self.queue(&self.core.shell)
    }

    #[getter]
    fn control(&self) -> RequestQueue {
        self.queue(&self.core.control)
    }

    #[getter]
    fn exit_reason(&self) -> Option<&'static str> {
        self.core.exit_reason().map(|reason| reason.name())
    }

    fn set_kernel_info(&self, content: &[u8]) {
        self.core.set_kernel_info(Bytes::copy_from_slice(content));
    }

    #[pyo3(signature = (msg_type, content, *, parent, metadata=None, buffers=None, topic=None))]
    #[allow(clippy::too_many_arguments)]
    fn publish(
        &self,
        py: Python<'_>,
        msg_type: &str,
        content: &Bound<'_, PyBytes>,
        parent: Option<&Request>,
        metadata: Option<&[u8]>,
        buffers: Option<&Bound<'_, PyAny>>,
        topic: Option<&[u8]>,
    ) -> PyResult<()> {
        let message = Outgoing {
            made: SystemTime::now(),
            channel: Channel::Iopub,
            prefix: vec![topic.map_or_else(|| self.core.topic(msg_type), Bytes::copy_from_slice)],
            msg_type: msg_type.to_owned().into(),
            parent: parent.map(|parent| Arc::clone(&parent.inner)),
            metadata: Bytes::copy_from_slice(metadata.unwrap_or(b"{}")),
            content: share(content),
            buffers: buffers.map_or_else(|| Ok(Vec::new()), |buffers| take_in(py, buffers))?,
        };
        with_pause(py, &self.core, |pause| self.core.publish(message, pause))
    }

    #[pyo3(signature = (name, text, *, parent))]
    fn write_stream(
        &self,
        py: Python<'_>,
        name: &str,
        text: &Bound<'_, PyString>,
        parent: Option<&Request>,
    ) -> PyResult<()> {
        let parent = parent.map(|parent| Arc::clone(&parent.inner));
        write_text(py, &self.core, stream_name(name)?, text, &parent)
    }

    #[pyo3(signature = (name, parent, fallback=None))]
    fn stream_writer(
        &self,
        name: &str,
        parent: Py<PyAny>,
        fallback: Option<Py<PyAny>>,
    ) -> PyResult<StreamWriter> {
        Ok(StreamWriter {
            core: Arc::clone(&self.core),
            name: stream_name(name)?,
            parent,
            fallback,
            unfinished: parking_lot::Mutex::default(),
        })
    }

    #[pyo3(signature = (timeout=10.0))]
    fn flush(&self, py: Python<'_>, timeout: f64) -> bool {
        if self.core.is_forked() {
            return true;
        }
        self.core.drain_captured();
        let timeout = Duration::try_from_secs_f64(timeout).unwrap_or_default();
        let number = self.core.outbox.flush(true).unwrap_or_default();
        py.detach(|| self.core.outbox.wait_until_sent(number, timeout))
    }

    #[pyo3(signature = (prompt, *, password, parent))]
    fn request_input(
        &self,
        py: Python<'_>,
        prompt: &str,
        password: bool,
        parent: &Request,
    ) -> PyResult<String> {
        let question = py
            .detach(|| self.core.ask(prompt, password, &parent.inner))
            .map_err(to_py)?;
        let answer = loop {
            match question.answer().map_err(to_py).transpose() {
                Some(answer) => break answer,
                None if self.core.exit_reason().is_some() => {
                    break Err(to_py(ipyrust_engine::Error::Closed));
                }
                None => {}
            }
            let slice = Some(Duration::from_millis(100));
            if let Err(error) = wait_readable(py, std::os::fd::AsFd::as_fd(&*question), slice) {
                break Err(error);
            }
        };
        self.core
            .questions
            .withdraw(&parent.inner.identities, &question);
        answer
    }

    fn begin_execution(&self, request: &Request) {
        self.core.begin_execution(&request.inner);
    }

    fn end_execution(&self, py: Python<'_>) -> bool {
        if self.core.capture.is_some() {
            py.detach(crate::c_streams::flush);
        }
        self.core.end_execution()
    }

    fn interrupt_wanted(&self) -> bool {
        !self.core.is_forked() && self.core.window.wanted()
    }

    fn put_interrupt_off(&self) {
        if !self.core.is_forked() && self.core.window.put_off() {
            self.core.arrivals.note_again();
        }
    }

    fn interrupt_lost(&self) {
        if !self.core.is_forked() && self.core.window.lost() {
            self.core.arrivals.note_again();
        }
    }

    fn open_subshell(&self, subshell_id: &str) -> PyResult<RequestQueue> {
        self.core
            .subshell(subshell_id)
            .map(|queue| self.queue(&queue))
            .map_err(to_py)
    }

    fn subshell_ids(&self) -> Vec<String> {
        self.core.subshell_ids()
    }

    #[pyo3(signature = (comm_id, message_id, subshell_id))]
    fn comm_sent(&self, comm_id: &str, message_id: Option<&str>, subshell_id: Option<String>) {
        self.core.comm_routes.sent(comm_id, message_id, subshell_id);
    }

    fn comm_closed(&self, comm_id: &str) {
        self.core.comm_routes.closed(comm_id);
    }

    fn close_subshell(&self, subshell_id: &str) {
        self.core.close_subshell(subshell_id);
    }

    fn drain_captured(&self) {
        self.core.drain_captured();
    }

    fn original_fd(&self, fd: RawFd) -> PyResult<RawFd> {
        let name = match fd {
            1 => StreamName::Stdout,
            2 => StreamName::Stderr,
            other => {
                return Err(PyValueError::new_err(format!(
                    "only 1 and 2 are captured, not {other}"
                )));
            }
        };
        Ok(self
            .core
            .capture
            .as_ref()
            .map_or(fd, |capture| capture.original(name).as_raw_fd()))
    }

    fn signal_fd(&self) -> RawFd {
        self.core.arrivals.write_end().as_raw_fd()
    }

    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = PyDict::new(py);
        for (name, count) in self.core.counts() {
            counts.set_item(name, count)?;
        }
        Ok(counts)
    }

    fn keep_journal(&self, py: Python<'_>) -> Option<RawFd> {
        py.detach(|| self.core.keep_journal(map_file))
    }

    #[getter]
    fn journal_path(&self) -> Option<String> {
        let path = self.core.post_mortem.journal_path()?;
        Some(path.to_string_lossy().into_owned())
    }

    fn watch_endings(&self) {
        watch_endings(&self.core);
    }

    fn stack_fd(&self) -> PyResult<RawFd> {
        self.core.post_mortem.stack_fd().map_err(to_py)
    }

    fn watch_stack_signal(&self) {
        watch_stack_signal(&self.core);
    }

    fn begin_cell(
        &self,
        request: &Request,
        execution_count: u64,
        code: &Bound<'_, PyString>,
    ) -> usize {
        let code = code.to_string_lossy();
        self.core.begin_cell(&request.inner, execution_count, &code)
    }

    fn end_cell(&self, slot: usize) {
        self.core.end_cell(slot);
    }

    fn name_cell(&self, name: &Bound<'_, PyString>, execution_count: u64) {
        self.core
            .name_cell(&name.to_string_lossy(), execution_count);
    }

    fn take_crash_notice(&self) -> Option<String> {
        self.core.post_mortem.take_notice()
    }

    fn note_exit(&self, py: Python<'_>, code: i32) {
        py.detach(|| self.core.end_abruptly(Ending::ExitNow(code), LAST_WORDS));
    }

    fn stack_content(&self, threads: &[u8]) -> PyResult<Vec<u8>> {
        let threads: Vec<Thread> = serde_json::from_slice(threads)
            .map_err(|error| PyValueError::new_err(format!("not a list of threads: {error}")))?;
        Ok(content(&self.core, threads, "python")
            .to_string()
            .into_bytes())
    }

    #[pyo3(signature = (*, restart=false))]
    fn request_exit(&self, restart: bool) {
        self.core.request_exit(if restart {
            ExitReason::Restart
        } else {
            ExitReason::Shutdown
        });
    }

    #[pyo3(signature = (budget=5.0))]
    fn begin_cleanup(&self, budget: f64) {
        self.core
            .begin_cleanup(Duration::try_from_secs_f64(budget).unwrap_or_default());
    }

    fn child_after_fork(&self) {
        self.core.child_after_fork();
    }

    #[pyo3(signature = (timeout=1.0))]
    fn close(&self, py: Python<'_>, timeout: f64) {
        let timeout = Duration::try_from_secs_f64(timeout).unwrap_or_default();
        py.detach(|| self.core.close(timeout));
    }
}
