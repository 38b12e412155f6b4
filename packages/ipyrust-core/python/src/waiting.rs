//! Waiting with the GIL released, while signal handlers still run.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use ipyrust_engine::queue::RequestQueue;
use ipyrust_engine::{Awaited, Core, Error};
use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The longest single poll.
const SLICE: Duration = Duration::from_secs(3600);

/// What ended a wait.
#[derive(PartialEq, Eq)]
pub(crate) enum Woken {
    /// What was waited for is there.
    First,
    /// The other descriptor is readable, or the time is over, or a signal was handled, or the wait ended early.
    Other,
}

/// Wait until a request is in `queue`, or it is closed (`First`), `other` is readable, `timeout` is over, or a signal arrives
/// whose handler has run.
pub(crate) fn wait_for_request(
    py: Python<'_>,
    core: &Core,
    queue: &RequestQueue,
    other: Option<BorrowedFd<'_>>,
    timeout: Option<Duration>,
) -> PyResult<Woken> {
    wait(py, timeout, |left| core.await_request(queue, other, left))
}

/// Wait until `fd` is readable (`First`), `timeout` is over, or a signal arrives whose handler has run.
pub(crate) fn wait_readable(
    py: Python<'_>,
    fd: BorrowedFd<'_>,
    timeout: Option<Duration>,
) -> PyResult<Woken> {
    wait(py, timeout, |left| {
        let time = Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let ready = poll(
            &mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)],
            Some(&time),
        )?;
        Ok(if ready > 0 {
            Awaited::Request
        } else {
            Awaited::Nothing
        })
    })
}

/// Call `poll_once` without the GIL until it finds something, `timeout` is over, or a signal's handler has run.
fn wait(
    py: Python<'_>,
    timeout: Option<Duration>,
    poll_once: impl Fn(Duration) -> std::io::Result<Awaited> + Sync,
) -> PyResult<Woken> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    loop {
        // A signal that came before the wait began does not end it.
        py.check_signals()?;
        let left = deadline.map_or(SLICE, |at| at.saturating_duration_since(Instant::now()));
        match py.detach(|| poll_once(left)) {
            Ok(Awaited::Request) => return Ok(Woken::First),
            Ok(Awaited::Other) => return Ok(Woken::Other),
            Ok(Awaited::Nothing) if deadline.is_some_and(|at| Instant::now() >= at) => {
                return Ok(Woken::Other);
            }
            // A signal may have come that ended nothing, and its handler may have something for the event loop.
            Ok(Awaited::Nothing) if timeout.is_none() => {
                py.check_signals()?;
                return Ok(Woken::Other);
            }
            Ok(Awaited::Nothing) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                py.check_signals()?;
                return Ok(Woken::Other);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The `pause` of the engine's waits for room: nap without the GIL, then run signal handlers. What a handler raises is
/// left in `raised`.
pub(crate) fn pause<'a>(
    py: Python<'a>,
    core: &'a Core,
    raised: &'a mut Option<PyErr>,
) -> impl FnMut() -> Result<(), Error> + 'a {
    move || {
        py.detach(|| core.nap());
        py.check_signals().map_err(|error| {
            *raised = Some(error);
            Error::Interrupted
        })
    }
}

/// Run an engine call that may wait for room in the outbox.
pub(crate) fn with_pause(
    py: Python<'_>,
    core: &Core,
    call: impl FnOnce(&mut dyn FnMut() -> Result<(), Error>) -> Result<(), Error>,
) -> PyResult<()> {
    let mut raised = None;
    let result = call(&mut pause(py, core, &mut raised));
    match (result, raised) {
        (_, Some(error)) => Err(error),
        (result, None) => result.map_err(crate::errors::to_py),
    }
}
