//! The sockets and the thread that serves them: it polls, reads, checks, routes, answers what needs no Python, and sends.
//!
//! Why nothing gets stranded: both directions of every socket belong to one owner, behind one lock, and each round
//! reads until there is nothing left to read and sends until there is nothing left to send before the thread sleeps.
//! The thread never takes the GIL, so C code that holds it cannot keep control, heartbeat or interrupts waiting.
//!
//! The lock is free while the thread sleeps. So that a short cell need not wait for two changes of threads, the main
//! thread may then do a little of the work itself (`shortcut`).
//!
//! A panic here is caught: the reason is logged, every waiter is woken with an error, and the process exits non-zero.
//!
//! Here is the thread and its loop. A message that comes goes through `polling` and `receiving`, and is either queued for
//! Python or answered in `answering`; what the outbox holds leaves through `sending`.

mod answering;
mod linger;
mod poller;
mod polling;
mod receiving;
mod sending;
mod shortcut;
mod subscriptions;
mod timers;
mod unasked;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;

use parking_lot::Mutex;

use self::linger::Linger;
use self::poller::{Poller, Sources};
pub use self::shortcut::Awaited;
use self::subscriptions::FirstSubscriber;
use self::unasked::Unasked;
use crate::core::{Core, ExitReason};
use crate::error::{Error, Result};
use crate::fatal::CRASHES;
use crate::kept::{Kept, Limits};
use crate::publisher::Publisher;
use crate::record::Ending;
use crate::signature::ReplayWindow;
use crate::sockets::Sockets;
use crate::stacks::StackRequests;
use crate::usage::Usage;
use crate::wake::Wake;
use crate::watch::ParentWatch;

/// Digests remembered against replay.
const REPLAY_WINDOW: usize = 1 << 16;

/// The sockets with what belongs to them, and the wait for them, which needs no lock.
pub(crate) struct Io {
    /// None once the thread has ended.
    state: Mutex<Option<IoThread>>,
    poller: Poller,
    /// How our thread waits.
    linger: Linger,
    /// How the main thread waits in our place.
    main_linger: Linger,
}

/// What the thread works on; others borrow it for a moment while it sleeps.
pub(crate) struct IoThread {
    core: Arc<Core>,
    sockets: Sockets,
    wake: Arc<Wake>,
    /// Sockets that were used since they were last found empty, see `polling`.
    touched: Sources,
    /// What can be received although no descriptor may tell of it.
    found: Sources,
    /// Whether the main thread waits for the shell socket itself.
    lent: bool,
    /// What failed when another thread did our work.
    failure: Option<Error>,
    watch: Option<ParentWatch>,
    replay: ReplayWindow,
    usage: Usage,
    publisher: Publisher,
    kept: Kept,
    /// What the outbox was told last.
    short_streams: bool,
    /// Questions that could not be delivered.
    unasked: Vec<Unasked>,
    subscribers: FirstSubscriber,
    /// Whether `status: starting` was published.
    greeted: bool,
    /// When to see whether an interrupt was felt, and how long to wait after that.
    poke_main: Option<(Instant, Duration)>,
    /// Clients that wait for stacks.
    stacks: StackRequests,
    /// When to see how much memory there is; None while no cell runs, so that an idle kernel sleeps.
    sample_at: Option<Instant>,
    /// A signal ends the process, and what could be said is queued.
    dying: bool,
}

impl Io {
    /// Sockets whose thread has not started.
    ///
    /// # Errors
    /// [`Error::System`] when the process has no file descriptor left.
    pub(crate) fn new(thread: IoThread) -> Result<Self> {
        let watch = thread.watch.as_ref();
        let poller = polling::poller(&thread.core, &thread.sockets, &thread.wake, watch)?;
        Ok(Self {
            state: Mutex::new(Some(thread)),
            poller,
            linger: Linger::default(),
            main_linger: Linger::default(),
        })
    }

    /// Work and sleep in turn until the core is closed.
    fn run(&self) -> Result<()> {
        loop {
            let Some(timeout) = self.with_state(|io| io.work(&self.poller))?.flatten() else {
                return Ok(());
            };
            let found = self
                .linger
                .wait(timeout, |timeout| self.poller.wait(timeout))?;
            if self.with_state(|io| io.serve(found))? == Some(true) {
                self.linger.was_for_a_request();
            }
        }
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut IoThread) -> Result<T>) -> Result<Option<T>> {
        self.state.lock().as_mut().map(act).transpose()
    }

    /// Close the sockets. Waits until libzmq has sent what it has.
    fn end(&self) {
        let state = self.state.lock().take();
        drop(state);
    }
}

/// Start the thread.
///
/// # Errors
/// [`Error::System`] when the system has no thread left.
pub(crate) fn spawn(core: Arc<Core>, io: Arc<Io>) -> Result<JoinHandle<()>> {
    Builder::new()
        .name("ipyrust-io".into())
        .spawn(move || {
            // Signals are the main thread's business: it must be the one whose system call they end. Those of a crash hit
            // the thread that caused them, and one that blocks them dies without its handler; the control thread and the
            // subshells' inherit what is blocked here.
            let mut blocked = SigSet::all();
            CRASHES.iter().for_each(|signal| blocked.remove(*signal));
            let _ = blocked.thread_block();
            let ended = catch_unwind(AssertUnwindSafe(|| io.run()));
            if core.post_mortem.fatal.has_struck() {
                io.end();
                core.post_mortem.fatal.set_told();
                return;
            }
            *core.commands.lock() = None; // Who waits for one of them is woken.
            let failure = match ended {
                Ok(Ok(())) => return io.end(),
                Ok(Err(error)) => error.to_string(),
                Err(panic) => format!("panic: {}", panic_text(panic.as_ref())),
            };
            core.log.line(
                "io",
                &format!("the I/O thread failed ({failure}); the kernel ends"),
            );
            core.post_mortem.record.note_ending(Ending::IoError);
            core.request_exit(ExitReason::IoError);
            core.outbox.close();
            std::thread::sleep(core.stop_grace); // The clock: the grace time of a shutdown, before the exit by force.
            (core.force_exit)(ExitReason::IoError.exit_code());
        })
        .map_err(|source| Error::System {
            what: "cannot start the I/O thread",
            source,
        })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "without a message".to_owned())
}

impl IoThread {
    pub(crate) fn new(
        core: Arc<Core>,
        sockets: Sockets,
        wake: Arc<Wake>,
        parent_pid: Option<u32>,
        replay_bytes: usize,
    ) -> Self {
        Self {
            core,
            sockets,
            wake,
            touched: Sources::NONE,
            found: Sources::NONE,
            lent: false,
            failure: None,
            watch: parent_pid.and_then(ParentWatch::new),
            replay: ReplayWindow::new(REPLAY_WINDOW),
            usage: Usage::default(),
            publisher: Publisher::new(),
            kept: Kept::new(Limits::of(replay_bytes)),
            short_streams: false,
            unasked: Vec::new(),
            subscribers: FirstSubscriber::Awaited,
            greeted: false,
            poke_main: None,
            stacks: StackRequests::default(),
            sample_at: None,
            dying: false,
        }
    }

    /// Do what can be done; returns how long to sleep, or None when it is the end.
    fn work(&mut self, poller: &Poller) -> Result<Option<Duration>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.core.post_mortem.fatal.has_struck() && !self.dying {
            self.dying = true;
            self.core.begin_dying();
        }
        let sleep_until = self.send_queued()?;
        if self.is_finished() {
            return Ok(None);
        }
        self.force_exit();
        self.poke_main();
        self.sample_memory();
        self.look_for_stacks()?;
        self.found = self.readable_after_use()?;
        self.choose_what_to_watch(poller)?;
        let must_not_sleep = !self.found.is_empty();
        let timeout = self.timeout(sleep_until);
        Ok(Some(if must_not_sleep {
            Duration::ZERO
        } else {
            timeout
        }))
    }

    /// Whether everything was sent after the core was closed, or the time for it is over.
    fn is_finished(&self) -> bool {
        self.core.finish_by().is_some_and(|finish_by| {
            Instant::now() >= finish_by
                || (self.core.outbox.is_drained() && self.publisher.is_idle())
        })
    }

    /// Deal with what the wait has found, and with what was found before it. Whether there was a request on control: who
    /// sends one on shell waits for Python next, which needs the processor.
    fn serve(&mut self, found: Sources) -> Result<bool> {
        let requests = self.core.counters.requests.load(Ordering::Relaxed);
        let found = found.with(std::mem::take(&mut self.found));
        self.core.outbox.begin_reading(); // What we queue ourselves need not wake us.
        if found.has(Sources::WAKE) {
            self.wake.clear();
        }
        let ended = self.watch.as_ref().is_some_and(ParentWatch::ended);
        if (found.has(Sources::PARENT) || ended) && self.core.exit_reason().is_none() {
            self.core
                .log
                .line("parent", "the parent process ended; the kernel ends, too");
            self.core.request_exit(ExitReason::ParentDied);
        }
        self.read_sockets(found)?;
        if found.has(Sources::SIGNALS) {
            self.hear_of_signals();
        }
        if found.has(Sources::CAPTURED) {
            self.core.drain_captured();
        }
        self.run_commands()?;
        let had_requests = self.core.counters.requests.load(Ordering::Relaxed) != requests;
        Ok(had_requests && found.has(Sources::CONTROL))
    }
}
