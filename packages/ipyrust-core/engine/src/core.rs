//! The handle that ties the engine together: what the binding holds and the I/O thread shares.
//!
//! Everything here may be called from any thread. Nothing blocks but what says so, and what blocks takes a `pause`: it
//! is called between short waits and may end the wait (a signal handler raised).
//!
//! Here is what a core consists of and how it starts. Each file of `core/` holds what it does with one kind of thing, and
//! owns the state that only this needs: a request goes through `requests` to Python, `statuses` around it, what it
//! prints and shows through `streams` and `publications`, its answer through `replies`.

mod cells;
mod counters;
mod exit;
mod last_words;
mod publications;
mod questions;
mod replies;
mod requests;
mod statuses;
mod streams;
mod subshells;

use std::collections::BTreeMap;
use std::os::fd::{OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;

use self::cells::Cells;
pub use self::counters::Counters;
use self::exit::Exit;
pub use self::exit::ExitReason;
pub(crate) use self::requests::Command;
use self::statuses::Running;
pub use self::subshells::MAX_SUBSHELLS;
use crate::capture::Capture;
use crate::comm_routes::CommRoutes;
use crate::connection::{Connection, random_hex};
use crate::error::Result;
use crate::fatal::Fatal;
use crate::input::Questions;
use crate::interrupt::{Arrivals, InterruptWindow};
use crate::io_thread::{self, Io, IoThread};
use crate::log::Log;
use crate::message::Author;
use crate::outbox::Outbox;
use crate::post_mortem::PostMortem;
use crate::queue::RequestQueue;
use crate::sockets::Sockets;
use crate::wake::Wake;

/// What a core is made from.
pub struct Options {
    /// Path of the connection file, or of the launcher's registration file.
    pub connection_file: PathBuf,
    /// Where a kernel that got a registration file writes its connection file; None = nowhere.
    pub registered_file: Option<PathBuf>,
    /// Content of kernel_info_reply.
    pub kernel_info: Bytes,
    /// Where log lines go.
    pub log_fd: OwnedFd,
    /// Process whose end ends the kernel.
    pub parent_pid: Option<u32>,
    /// Whether descriptors 1 and 2 become streams.
    pub capture_fds: bool,
    /// How long a shutdown waits for running code.
    pub stop_grace: Duration,
    /// Bytes of publications kept for `replay_request`; 0 keeps nothing.
    pub replay_bytes: usize,
    /// Bytes of large publications that may be on their way to subscribers, see [`crate::publisher`].
    pub backlog_bytes: usize,
    /// `username` of our headers.
    pub username: String,
    /// Ends the process at once with this code; called when running code ignores a shutdown.
    pub force_exit: fn(i32),
    /// What the handlers of signals say, which belong to the process.
    pub fatal: &'static Fatal,
    /// Makes the main thread write the stacks of all threads to [`PostMortem::stack_fd`] from a signal's handler, which
    /// then calls [`Fatal::set_dumped`] and wakes the I/O thread. False when it cannot.
    pub ask_for_stacks: fn() -> bool,
    /// Called once, on the I/O thread, when the first request for the control queue arrives; must not block. A kernel
    /// that nobody debugs needs no control thread.
    pub control_needed: Box<dyn FnOnce() + Send>,
}

/// See the module.
pub struct Core {
    /// What waits to be sent.
    pub outbox: Outbox,
    /// Requests for the main thread.
    pub shell: Arc<RequestQueue>,
    /// Requests for the control thread.
    pub control: Arc<RequestQueue>,
    /// Open questions to users.
    pub questions: Questions,
    /// The main thread's interrupt window.
    pub window: InterruptWindow,
    /// Where Python notes the signals that came.
    pub arrivals: Arrivals,
    /// Descriptors 1 and 2, if captured.
    pub capture: Option<Capture>,
    /// Who gets the answers on comms.
    pub comm_routes: CommRoutes,
    /// Counts.
    pub counters: Counters,
    /// Log lines.
    pub log: Log,
    /// Why did it die.
    pub post_mortem: PostMortem,
    pub(crate) author: Author,
    pub(crate) connection: Connection,
    pub(crate) subshells: Mutex<BTreeMap<String, Arc<RequestQueue>>>,
    pub(crate) kernel_info: Mutex<Bytes>,
    pub(crate) backlog_bytes: usize,
    pub(crate) stop_grace: Duration,
    pub(crate) force_exit: fn(i32),
    pub(crate) ask_for_stacks: fn() -> bool,
    control_needed: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// None once the I/O thread has ended.
    pub(crate) commands: Mutex<Option<Vec<Command>>>,
    wake: Arc<Wake>,
    /// Held by the thread that asks a question.
    asking: Mutex<()>,
    running: Mutex<Running>,
    cells: Cells,
    exit: Exit,
    io: OnceLock<Arc<Io>>,
    io_thread: Mutex<Option<JoinHandle<()>>>,
    /// Whether this is a forked child, which has no I/O thread.
    forked: AtomicBool,
}

impl Core {
    /// Bind all sockets, register with the launcher if it wants that (waits for its answer), and start answering. The
    /// calling thread becomes the one that interrupts are aimed at.
    ///
    /// # Errors
    /// [`crate::Error::ConnectionFile`], [`crate::Error::Bind`] or [`crate::Error::Registration`].
    pub fn start(options: Options) -> Result<Arc<Self>> {
        let mut connection = Connection::read(&options.connection_file)?;
        let sockets = Sockets::bind(&mut connection)?;
        let author = Author::new(random_hex(16)?, &options.username, std::process::id());
        announce(
            &mut connection,
            &sockets,
            &author,
            options.registered_file.clone(),
        )?;
        let wake = Arc::new(Wake::new()?);
        let (parent_pid, replay_bytes) = (options.parent_pid, options.replay_bytes);
        let core = Self::new(options, connection, author, Arc::clone(&wake))?;
        let core = Arc::new(core);
        if let Some(warning) = &core.connection.warning {
            core.log.line("warning", warning);
        }
        let thread = IoThread::new(Arc::clone(&core), sockets, wake, parent_pid, replay_bytes);
        let io = Arc::new(Io::new(thread)?);
        let _ = core.io.set(Arc::clone(&io));
        *core.io_thread.lock() = Some(io_thread::spawn(Arc::clone(&core), io)?);
        Ok(core)
    }

    /// A core whose I/O thread has not started.
    fn new(
        options: Options,
        connection: Connection,
        author: Author,
        wake: Arc<Wake>,
    ) -> Result<Self> {
        Ok(Self {
            outbox: Outbox::new(Arc::clone(&wake)),
            shell: Arc::new(RequestQueue::new()?),
            control: Arc::new(RequestQueue::new()?),
            questions: Questions::default(),
            window: InterruptWindow::new(),
            arrivals: Arrivals::new()?,
            capture: if options.capture_fds {
                Some(Capture::install()?)
            } else {
                None
            },
            comm_routes: CommRoutes::default(),
            counters: Counters::default(),
            log: Log::new(options.log_fd),
            post_mortem: PostMortem::new(options.fatal),
            author,
            connection,
            subshells: Mutex::default(),
            kernel_info: Mutex::new(options.kernel_info),
            backlog_bytes: options.backlog_bytes,
            stop_grace: options.stop_grace,
            force_exit: options.force_exit,
            ask_for_stacks: options.ask_for_stacks,
            control_needed: Mutex::new(Some(options.control_needed)),
            commands: Mutex::new(Some(Vec::new())),
            wake,
            asking: Mutex::default(),
            running: Mutex::default(),
            cells: Cells::default(),
            exit: Exit::default(),
            io: OnceLock::new(),
            io_thread: Mutex::default(),
            forked: AtomicBool::new(false),
        })
    }

    /// `header.session` of what we send.
    #[must_use]
    pub fn session_id(&self) -> &str {
        self.author.session_id()
    }

    /// The connection file as bound.
    #[must_use]
    pub fn connection_info(&self) -> Value {
        self.connection.to_json()
    }

    /// Path of the connection file.
    #[must_use]
    pub fn connection_path(&self) -> &std::path::Path {
        self.connection.path()
    }

    /// Replace the content of kernel_info_reply.
    pub fn set_kernel_info(&self, content: Bytes) {
        *self.kernel_info.lock() = content;
    }

    /// The descriptor that wakes the I/O thread when 8 bytes are written to it.
    #[must_use]
    pub fn wake_fd(&self) -> RawFd {
        self.wake.write_fd()
    }

    /// The sockets, unless they have not been made yet.
    pub(crate) fn io(&self) -> Option<&Io> {
        self.io.get().map(|io| &**io)
    }

    /// Have the I/O thread look at everything.
    pub(crate) fn wake_io(&self) {
        self.wake.signal();
    }

    /// In a forked child: the sockets belong to the parent.
    pub fn child_after_fork(&self) {
        self.forked.store(true, Ordering::Release);
    }

    /// Whether this is a forked child.
    #[must_use]
    pub fn is_forked(&self) -> bool {
        self.forked.load(Ordering::Acquire)
    }
}

/// Tell whoever waits for it which ports were bound: the launcher, or the connection file.
fn announce(
    connection: &mut Connection,
    sockets: &Sockets,
    author: &Author,
    registered_file: Option<PathBuf>,
) -> Result<()> {
    if let Some(registration) = &connection.registration {
        registration.register(&sockets.context, connection, author)?;
        if let Some(file) = registered_file {
            connection.write_to(file)?;
        }
    } else if connection.changed {
        connection.write_back()?;
    }
    Ok(())
}
