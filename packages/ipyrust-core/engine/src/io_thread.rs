//! The one thread that owns the sockets: it polls, reads, checks, routes, answers what needs no Python, and sends.
//!
//! Why nothing gets stranded: both directions of every socket belong to this thread, and each round reads until there
//! is nothing left to read and sends until there is nothing left to send before it sleeps. It never takes the GIL, so
//! C code that holds it cannot keep control, heartbeat or interrupts waiting.
//!
//! A panic here is caught: the reason is logged, every waiter is woken with an error, and the process exits non-zero.
//!
//! Here is the thread and its loop. A message that comes goes through `polling` and `receiving`, and is either queued for
//! Python or answered in `answering`; what the outbox holds leaves through `sending`.

mod answering;
mod polling;
mod receiving;
mod sending;
mod subscriptions;
mod timers;
mod unasked;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;

use self::polling::Ready;
use self::receiving::echo;
use self::subscriptions::FirstSubscriber;
use self::unasked::Unasked;
use crate::core::{Core, ExitReason};
use crate::error::{Error, Result};
use crate::fatal::CRASHES;
use crate::kept::{Kept, Limits};
use crate::message::Channel;
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

/// State of the thread; nothing of it is shared but `core`.
pub(crate) struct IoThread {
    core: Arc<Core>,
    sockets: Sockets,
    wake: Arc<Wake>,
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

/// Start the thread.
///
/// # Errors
/// [`Error::System`] when the system has no thread left.
pub(crate) fn spawn(mut thread: IoThread) -> Result<JoinHandle<()>> {
    Builder::new()
        .name("ipyrust-io".into())
        .spawn(move || {
            // Signals are the main thread's business: it must be the one whose system call they end. Those of a crash hit
            // the thread that caused them, and one that blocks them dies without its handler; the control thread and the
            // subshells' inherit what is blocked here.
            let mut blocked = SigSet::all();
            CRASHES.iter().for_each(|signal| blocked.remove(*signal));
            let _ = blocked.thread_block();
            let core = Arc::clone(&thread.core);
            let ended = catch_unwind(AssertUnwindSafe(|| thread.run()));
            if core.post_mortem.fatal.has_struck() {
                drop(thread); // Which waits until libzmq has sent what it has.
                core.post_mortem.fatal.set_told();
                return;
            }
            *core.commands.lock() = None; // Who waits for one of them is woken.
            let failure = match ended {
                Ok(Ok(())) => return,
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

    fn run(&mut self) -> Result<()> {
        loop {
            if self.core.post_mortem.fatal.has_struck() && !self.dying {
                self.dying = true;
                self.core.begin_dying();
            }
            let sleep_until = self.send_queued()?;
            if self.is_finished() {
                return Ok(());
            }
            self.force_exit();
            self.poke_main();
            self.sample_memory();
            self.look_for_stacks()?;
            let ready = self.poll(self.timeout_ms(sleep_until))?;
            self.wake.clear();
            self.serve(&ready)?;
        }
    }

    /// Whether everything was sent after the core was closed, or the time for it is over.
    fn is_finished(&self) -> bool {
        self.core.finish_by().is_some_and(|finish_by| {
            Instant::now() >= finish_by
                || (self.core.outbox.is_drained() && self.publisher.is_idle())
        })
    }

    fn serve(&mut self, ready: &Ready) -> Result<()> {
        if ready.parent_ended && self.core.exit_reason().is_none() {
            self.core
                .log
                .line("parent", "the parent process ended; the kernel ends, too");
            self.core.request_exit(ExitReason::ParentDied);
        }
        if ready.heartbeat {
            echo(&self.sockets.heartbeat)?;
        }
        if ready.control {
            self.read(Channel::Control)?;
        }
        if ready.stdin {
            self.read(Channel::Stdin)?;
        }
        if ready.iopub {
            self.read_subscriptions()?;
        }
        if ready.shell {
            self.read(Channel::Shell)?;
        }
        if ready.signalled && self.core.arrivals.take() && self.core.window.arrived() {
            self.poke_main_soon();
        }
        if ready.captured {
            self.core.drain_captured();
        }
        self.run_commands()
    }
}
