//! How the kernel stops serving: why, by when, and what is done by force.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Core;

/// Why the kernel stops serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// A shutdown_request.
    Shutdown,
    /// A shutdown_request with `restart`.
    Restart,
    /// The process that we belong to ended.
    ParentDied,
    /// The I/O thread failed.
    IoError,
    /// Python closed the core.
    Closed,
}

impl ExitReason {
    /// Name for Python.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::Restart => "restart",
            Self::ParentDied => "parent_died",
            Self::IoError => "io_error",
            Self::Closed => "closed",
        }
    }

    /// Exit code of a process that has to be ended by force.
    #[must_use]
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Shutdown | Self::Restart | Self::Closed => 0,
            Self::ParentDied | Self::IoError => 1,
        }
    }
}

/// Why and when the kernel stops; nothing while it serves.
#[derive(Default)]
pub(super) struct Exit {
    /// The first reason, and the moment from which the grace time counts.
    asked: Mutex<Option<(ExitReason, Instant)>>,
    /// When the I/O thread ends even if something still waits.
    finish_by: Mutex<Option<Instant>>,
}

impl Exit {
    /// The I/O thread may still send for so long.
    pub(super) fn finish_within(&self, timeout: Duration) {
        *self.finish_by.lock() = Some(Instant::now() + timeout);
    }
}

impl Core {
    /// Stop serving: the queues are closed, a running cell is interrupted, and if the core is not closed within the
    /// grace time the process is ended. Only the first reason counts.
    pub fn request_exit(&self, reason: ExitReason) {
        let mut asked = self.exit.asked.lock();
        if asked.is_some() {
            return;
        }
        *asked = Some((reason, Instant::now()));
        drop(asked);
        self.shell.close();
        self.control.close();
        for queue in self.subshells.lock().values() {
            queue.close();
        }
        if self.window.is_open() {
            self.window.interrupt();
        }
        self.wake.signal();
    }

    /// User code has come to its end: what follows may take `budget` from now on before the process is ended by force.
    pub fn begin_cleanup(&self, budget: Duration) {
        if let Some((_, since)) = &mut *self.exit.asked.lock() {
            *since = (Instant::now() + budget)
                .checked_sub(self.stop_grace)
                .unwrap_or(*since);
        }
        self.wake.signal();
    }

    /// Why the kernel stops serving; None while it serves.
    #[must_use]
    pub fn exit_reason(&self) -> Option<ExitReason> {
        self.exit.asked.lock().map(|(reason, _)| reason)
    }

    /// When running code must be ended by force; None unless the kernel is to stop.
    pub(crate) fn force_at(&self) -> Option<(Instant, ExitReason)> {
        let (reason, since) = (*self.exit.asked.lock())?;
        (reason != ExitReason::Closed).then(|| (since + self.stop_grace, reason))
    }

    pub(crate) fn finish_by(&self) -> Option<Instant> {
        *self.exit.finish_by.lock()
    }

    /// Send what is queued (at most `timeout`), close the sockets and end the I/O thread. Blocks until then.
    pub fn close(&self, timeout: Duration) {
        if self.is_forked() {
            return;
        }
        self.drain_captured();
        if let Some(capture) = &self.capture {
            capture.restore();
        }
        self.request_exit(ExitReason::Closed);
        if self.end_io_thread(timeout) {
            self.post_mortem
                .end(self.exit_reason() == Some(ExitReason::IoError));
        }
    }

    /// Have the I/O thread send what is queued, within `timeout`, and end; waits for that. False if it had ended before.
    pub(super) fn end_io_thread(&self, timeout: Duration) -> bool {
        self.exit.finish_within(timeout);
        self.outbox.close();
        self.wake.signal();
        let handle = self.io_thread.lock().take();
        handle.is_some_and(|handle| handle.join().is_ok())
    }
}
