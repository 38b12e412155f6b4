//! The handle that ties the engine together: what the binding holds and the I/O thread shares.
//!
//! Everything here may be called from any thread. Nothing blocks but what says so, and what blocks takes a `pause`: it
//! is called between short waits and may end the wait (a signal handler raised).

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::capture::Capture;
use crate::comm_routes::CommRoutes;
use crate::connection::{Connection, random_hex};
use crate::error::{Error, Reject, Result};
use crate::fatal::Fatal;
use crate::input::Questions;
use crate::interrupt::{Arrivals, InterruptWindow};
use crate::io_thread::{self, IoThread};
use crate::log::Log;
use crate::message::{Author, Channel, Request, json_string};
use crate::outbox::{MAX_STREAM_BYTES, Outbox, Outgoing, Parent, StreamName};
use crate::post_mortem::{MapFile, PostMortem, own_thread};
use crate::queue::{RequestQueue, Taken};
use crate::record::Ending;
use crate::sockets::Sockets;
use crate::wake::Wake;

/// How long a blocked writer sleeps between two calls of `pause`.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a dying kernel may talk.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Subshells that may be open at once.
pub const MAX_SUBSHELLS: usize = 256;

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

/// Counts of what happened, for tests and for the curious.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests taken.
    pub requests: AtomicU64,
    /// Messages sent.
    pub messages_sent: AtomicU64,
    /// Bytes sent.
    pub bytes_sent: AtomicU64,
    /// execute_requests answered `aborted`.
    pub aborted: AtomicU64,
    /// Replies that found no client.
    pub unroutable: AtomicU64,
    /// Publications that a stalled subscriber lost after the stall limit.
    pub dropped: AtomicU64,
    rejected: [AtomicU64; Reject::ALL.len()],
}

impl Counters {
    /// Count one.
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Count a rejected message; returns how many of its kind there were.
    pub fn reject(&self, why: Reject) {
        for (counter, kind) in self.rejected.iter().zip(Reject::ALL) {
            if kind == why {
                Self::add(counter);
            }
        }
    }
}

/// The requests that the main shell works on, for clients that look at the latest `status` only.
type Running = Vec<Arc<Request>>;

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
    pub(crate) stop_grace: Duration,
    pub(crate) force_exit: fn(i32),
    pub(crate) ask_for_stacks: fn() -> bool,
    control_needed: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// None once the I/O thread has ended.
    pub(crate) commands: Mutex<Option<Vec<Command>>>,
    wake: Arc<Wake>,
    asking: Mutex<()>,
    running: Mutex<Running>,
    latest: Mutex<Parent>,
    /// Cells that run, with their threads, in the order in which they began.
    cells: Mutex<Vec<(u64, Arc<Request>)>>,
    exit: Mutex<Option<(ExitReason, Instant)>>,
    finish_by: Mutex<Option<Instant>>,
    io: Mutex<Option<JoinHandle<()>>>,
    forked: AtomicBool,
}

/// What other threads ask of the I/O thread, beside sending.
pub(crate) enum Command {
    /// Take everything off the shell socket, then abort what waits in this queue.
    Abort {
        queue: Arc<RequestQueue>,
        window: Duration,
        done: std::sync::mpsc::Sender<usize>,
    },
}

impl Core {
    /// Bind all sockets, register with the launcher if it wants that (waits for its answer), and start answering. The
    /// calling thread becomes the one that interrupts are aimed at.
    ///
    /// # Errors
    /// [`Error::ConnectionFile`], [`Error::Bind`] or [`Error::Registration`].
    pub fn start(options: Options) -> Result<Arc<Self>> {
        let mut connection = Connection::read(&options.connection_file)?;
        let sockets = Sockets::bind(&mut connection)?;
        let author = Author::new(random_hex(16)?, &options.username, std::process::id());
        if let Some(registration) = &connection.registration {
            registration.register(&sockets.context, &connection, &author)?;
            if let Some(file) = options.registered_file {
                connection.write_to(file)?;
            }
        } else if connection.changed {
            connection.write_back()?;
        }
        let wake = Arc::new(Wake::new()?);
        let core = Arc::new(Self {
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
            stop_grace: options.stop_grace,
            force_exit: options.force_exit,
            ask_for_stacks: options.ask_for_stacks,
            control_needed: Mutex::new(Some(options.control_needed)),
            commands: Mutex::new(Some(Vec::new())),
            wake: Arc::clone(&wake),
            asking: Mutex::default(),
            running: Mutex::default(),
            latest: Mutex::default(),
            cells: Mutex::default(),
            exit: Mutex::default(),
            finish_by: Mutex::default(),
            io: Mutex::default(),
            forked: AtomicBool::new(false),
        });
        if let Some(warning) = &core.connection.warning {
            core.log.line("warning", warning);
        }
        let thread = IoThread::new(
            Arc::clone(&core),
            sockets,
            wake,
            options.parent_pid,
            options.replay_bytes,
        );
        *core.io.lock() = Some(io_thread::spawn(thread)?);
        Ok(core)
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

    /// Take the next request of a queue; aborted ones are answered on the way.
    ///
    /// # Errors
    /// [`Error::Closed`] when the queue is closed.
    pub fn take(&self, queue: &RequestQueue, comms_only: bool) -> Result<Option<Arc<Request>>> {
        loop {
            match queue.take(comms_only)? {
                None => return Ok(None),
                Some(Taken::Serve(request)) => return Ok(Some(request)),
                Some(Taken::Abort(request)) => self.answer_aborted(&request)?,
            }
        }
    }

    /// Queue a request for the control thread, which is started when the first one comes.
    pub(crate) fn push_control(&self, request: Arc<Request>) {
        self.control.push(request);
        if let Some(start) = self.control_needed.lock().take() {
            start();
        }
    }

    /// Abort what waits in `queue` or in the shell socket; waits for one round of the I/O thread. Returns how many.
    ///
    /// # Errors
    /// [`Error::Closed`] when the I/O thread is gone.
    pub fn abort_pending(&self, queue: &Arc<RequestQueue>, window: Duration) -> Result<usize> {
        if self.is_forked() {
            return Ok(0); // There is no I/O thread in a forked child.
        }
        let (done, counted) = std::sync::mpsc::channel();
        let command = Command::Abort {
            queue: Arc::clone(queue),
            window,
            done,
        };
        self.commands
            .lock()
            .as_mut()
            .ok_or(Error::Closed)?
            .push(command);
        self.wake.signal();
        counted.recv().map_err(|_| Error::Closed)
    }

    /// `status: busy` for a request. On the main shell it is also remembered as running until [`Core::leave`].
    ///
    /// # Errors
    /// [`Error::Closed`] when the core is closed.
    pub fn enter(&self, request: &Arc<Request>) -> Result<()> {
        if self.is_forked() {
            return Ok(());
        }
        let mut running = self.running.lock();
        if self.is_main(request) {
            running.push(Arc::clone(request));
        }
        self.outbox.push(self.status(Some(request), "busy"))
    }

    /// `status: idle`, after an error reply if nobody replied.
    ///
    /// # Errors
    /// [`Error::Closed`] when the core is closed.
    pub fn leave(&self, request: &Arc<Request>) -> Result<()> {
        if self.is_forked() {
            return Ok(());
        }
        let answer = request
            .claim_reply()
            .then(|| self.error_reply(request, "Unanswered", "the kernel has no answer"));
        let mut running = self.running.lock();
        running.retain(|each| !Arc::ptr_eq(each, request));
        self.outbox.push_all(
            answer
                .flatten()
                .into_iter()
                .chain([self.status(Some(request), "idle")]),
        )
    }

    /// Statuses around an answer that the I/O thread gave beside a running cell. On shell, where kernels used to answer
    /// only between cells, clients that show the latest status, whoever its parent, are told again that the cell is
    /// still busy.
    pub(crate) fn statuses_beside(&self, request: &Arc<Request>) -> Result<()> {
        let running = self.running.lock();
        let on_shell = request.channel == Channel::Shell;
        let again = running
            .last()
            .filter(|_| on_shell)
            .map(|each| self.status(Some(each), "busy"));
        let pair = [
            self.status(Some(request), "busy"),
            self.status(Some(request), "idle"),
        ];
        self.outbox.push_all(pair.into_iter().chain(again))
    }

    fn is_main(&self, request: &Request) -> bool {
        request.channel == Channel::Shell && request.header.subshell_id.is_none()
    }

    fn status(&self, parent: Option<&Arc<Request>>, state: &str) -> Outgoing {
        self.publication(
            "status",
            Bytes::from(format!("{{\"execution_state\":\"{state}\"}}")),
            parent.cloned(),
        )
    }

    pub(crate) fn starting(&self) -> Outgoing {
        self.status(None, "starting")
    }

    fn answer_aborted(&self, request: &Arc<Request>) -> Result<()> {
        Counters::add(&self.counters.aborted);
        let reply = request.claim_reply().then(|| {
            let content = Bytes::from_static(b"{\"status\":\"aborted\"}");
            self.reply_message(
                request,
                content,
                reply_metadata(request, "aborted"),
                Vec::new(),
            )
        });
        let (busy, idle) = (
            self.status(Some(request), "busy"),
            self.status(Some(request), "idle"),
        );
        self.outbox
            .push_all([busy].into_iter().chain(reply.flatten()).chain([idle]))
    }

    /// An error reply; None for messages that have none.
    pub(crate) fn error_reply(
        &self,
        request: &Arc<Request>,
        name: &str,
        value: &str,
    ) -> Option<Outgoing> {
        let content = json!({"status": "error", "ename": name, "evalue": value, "traceback": []});
        self.reply_message(
            request,
            Bytes::from(content.to_string()),
            reply_metadata(request, "error"),
            Vec::new(),
        )
    }

    /// The reply to a request, ready to queue; None for messages that have none.
    #[must_use]
    pub fn reply_message(
        &self,
        request: &Arc<Request>,
        content: Bytes,
        metadata: Bytes,
        buffers: Vec<Bytes>,
    ) -> Option<Outgoing> {
        Some(Outgoing {
            channel: request.channel,
            prefix: request.identities.clone(),
            msg_type: request.reply_type()?.into(),
            parent: Some(Arc::clone(request)),
            metadata,
            content,
            buffers,
        })
    }

    /// Queue the reply to a request.
    ///
    /// # Errors
    /// [`Error::AlreadyReplied`], or [`Error::Closed`].
    pub fn reply(
        &self,
        request: &Arc<Request>,
        content: Bytes,
        metadata: Bytes,
        buffers: Vec<Bytes>,
    ) -> Result<()> {
        if self.is_forked() {
            return Ok(());
        }
        if !request.claim_reply() {
            return Err(Error::AlreadyReplied {
                msg_type: request.header.msg_type.clone(),
            });
        }
        match self.reply_message(request, content, metadata, buffers) {
            Some(reply) => self.outbox.push(reply),
            None => Ok(()),
        }
    }

    fn publication(&self, msg_type: &'static str, content: Bytes, parent: Parent) -> Outgoing {
        Outgoing {
            channel: Channel::Iopub,
            prefix: vec![self.topic(msg_type)],
            msg_type: msg_type.into(),
            parent,
            metadata: Bytes::from_static(b"{}"),
            content,
            buffers: Vec::new(),
        }
    }

    /// The topic of publications that have none of their own.
    #[must_use]
    pub fn topic(&self, msg_type: &str) -> Bytes {
        Bytes::from(format!("kernel.{}.{msg_type}", self.author.session_id()))
    }

    /// Queue a publication; output waits while the outbox is full, calling `pause` every 50 ms. What a cell has one of,
    /// its input and its error, does not wait: an interrupted cell must get to its reply.
    ///
    /// # Errors
    /// [`Error::Closed`], or what `pause` returns.
    pub fn publish(&self, message: Outgoing, pause: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if self.is_forked() {
            return Ok(());
        }
        self.drain_captured();
        if !matches!(&*message.msg_type, "error" | "execute_input") {
            self.wait_for_room(pause)?;
        }
        self.outbox.push(message)
    }

    /// Queue stream text; waits while the outbox is full, calling `pause` every 50 ms.
    ///
    /// # Errors
    /// [`Error::Closed`], or what `pause` returns.
    pub fn write_stream(
        &self,
        parent: &Parent,
        name: StreamName,
        text: &str,
        pause: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        // What C code wrote before comes before; the end of a line (`print` writes it by itself) follows its line.
        if text != "\n" && self.capture.as_ref().is_some_and(Capture::is_waiting) {
            self.drain_captured();
        }
        let mut rest = text;
        while rest.len() > MAX_STREAM_BYTES {
            let at = (0..=MAX_STREAM_BYTES)
                .rev()
                .find(|at| rest.is_char_boundary(*at))
                .unwrap_or(rest.len());
            let (chunk, more) = rest.split_at(at);
            self.wait_for_room(pause)?;
            self.outbox.write(parent, name, chunk)?;
            rest = more;
        }
        self.wait_for_room(pause)?;
        self.outbox.write(parent, name, rest)
    }

    /// Wait until the outbox has room; the caller may wait in `pause` only.
    fn wait_for_room(&self, pause: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if self.outbox.has_room() {
            return Ok(());
        }
        while !self.outbox.wait_for_room(Duration::ZERO) {
            if self.outbox.is_closed() {
                return Err(Error::Closed);
            }
            pause()?;
        }
        Ok(())
    }

    /// Sleep at most 50 ms for room in the outbox; for use in a `pause`.
    pub fn nap(&self) {
        let _ = self.outbox.wait_for_room(PAUSE);
    }

    /// The request that output without a parent of its own belongs to.
    #[must_use]
    pub fn latest_parent(&self) -> Parent {
        if self.is_forked() {
            return None; // Another thread may have held the lock when this process was forked.
        }
        self.latest.lock().clone()
    }

    /// Open the interrupt window for a cell; captured output belongs to it from now on.
    pub fn begin_execution(&self, request: &Arc<Request>) {
        self.drain_captured_now(false);
        *self.latest.lock() = Some(Arc::clone(request));
        self.window.open();
    }

    /// Close the interrupt window. True if an interrupt was aimed at the cell and not seen.
    pub fn end_execution(&self) -> bool {
        let missed = self.window.close();
        self.drain_captured_now(false);
        missed
    }

    /// Queue what C code and children wrote until now, for the latest parent.
    pub fn drain_captured(&self) {
        self.drain_captured_now(true);
    }

    fn drain_captured_now(&self, wait_for_room: bool) {
        if let Some(capture) = self.capture.as_ref().filter(|_| !self.is_forked()) {
            capture.drain(&|| self.latest_parent(), &self.outbox, wait_for_room);
        }
    }

    /// Keep a journal beside the connection file, see [`PostMortem::keep_journal`].
    pub fn keep_journal(&self, map: MapFile) -> Option<RawFd> {
        self.post_mortem
            .keep_journal(self.connection.path(), map, &self.log)
    }

    /// The descriptor that wakes the I/O thread when 8 bytes are written to it.
    #[must_use]
    pub fn wake_fd(&self) -> RawFd {
        self.wake.write_fd()
    }

    /// Note that the calling thread begins a cell. Returns its slot for [`Core::end_cell`].
    #[must_use]
    pub fn begin_cell(&self, request: &Arc<Request>, execution_count: u64, code: &str) -> usize {
        if self.is_forked() {
            return usize::MAX; // The record is shared with the parent.
        }
        let thread = own_thread();
        let msg_id = &request.header.msg_id;
        let record = &self.post_mortem.record;
        let slot = record.begin_cell(thread, msg_id, execution_count, code);
        self.cells.lock().push((thread, Arc::clone(request)));
        slot
    }

    /// Note that the cell that the calling thread began last is over.
    pub fn end_cell(&self, slot: usize) {
        if self.is_forked() {
            return;
        }
        self.post_mortem.record.end_cell(slot);
        let thread = own_thread();
        let mut cells = self.cells.lock();
        if let Some(at) = cells.iter().rposition(|(each, _)| *each == thread) {
            cells.remove(at);
        }
    }

    /// Note what tracebacks call the code of a cell.
    pub fn name_cell(&self, name: &str, execution_count: u64) {
        if !self.is_forked() {
            self.post_mortem.record.name_cell(name, execution_count);
        }
    }

    /// The process is about to end itself, not in order: clients are told, if they listen, within `timeout`.
    pub fn end_abruptly(&self, ending: Ending, timeout: Duration) {
        if self.is_forked() {
            return;
        }
        let words = self.post_mortem.note_ending(ending);
        self.drain_captured_now(false);
        self.say_last(words.as_deref());
        if let Some(number) = self.outbox.flush(true) {
            let _ = self.outbox.wait_until_sent(number, timeout);
        }
    }

    /// Queue the last words for the cell that runs, or ran last.
    pub(crate) fn say_last(&self, words: Option<&str>) {
        if let Some(words) = words {
            let parent = self.parent_of_the_end();
            let _ = self.outbox.write(&parent, StreamName::Stderr, words);
        }
    }

    /// The cell of the thread that dies, else the one that began last, else what ran last.
    fn parent_of_the_end(&self) -> Parent {
        let cells = self.cells.lock();
        let thread = self.post_mortem.struck_thread().unwrap_or_else(own_thread);
        let of_thread = cells.iter().rev().find(|(each, _)| *each == thread);
        let cell = of_thread.or(cells.last()).map(|(_, cell)| Arc::clone(cell));
        cell.or_else(|| self.latest_parent())
    }

    /// I/O thread: a signal ends the process as soon as its handler lets go; say what can be said by then.
    pub(crate) fn begin_dying(&self) {
        let words = self.post_mortem.last_words();
        self.drain_captured_now(false);
        self.say_last(words.as_deref());
        let _ = self.outbox.flush(true);
        self.outbox.close();
        *self.finish_by.lock() = Some(Instant::now() + LAST_WORDS);
    }

    /// Whether the main shell works on something, or will soon, or a cell runs elsewhere.
    pub(crate) fn is_busy(&self) -> bool {
        !self.cells.lock().is_empty() || !self.running.lock().is_empty() || !self.shell.is_empty()
    }

    /// Ask the client of `parent` a question. Returns the open question, whose descriptor becomes readable.
    ///
    /// # Errors
    /// [`Error::Closed`], or [`Error::System`] when there is no file descriptor left.
    pub fn ask(
        &self,
        prompt: &str,
        password: bool,
        parent: &Arc<Request>,
    ) -> Result<Arc<crate::input::Question>> {
        if self.is_forked() {
            return Err(Error::Closed);
        }
        // The question must not overtake what the cell printed before it.
        if let Some(number) = self.outbox.flush(true) {
            let _ = self.outbox.wait_until_sent(number, Duration::from_secs(1));
        }
        // Two cells that ask at once must be asked in the order in which they wait for the answers.
        let _asking = self.asking.lock();
        let question = self.questions.open(&parent.identities)?;
        self.outbox.push(Outgoing {
            channel: Channel::Stdin,
            prefix: parent.identities.clone(),
            msg_type: "input_request".into(),
            parent: Some(Arc::clone(parent)),
            metadata: Bytes::from_static(b"{}"),
            content: Bytes::from(format!(
                "{{\"prompt\":{},\"password\":{password}}}",
                json_string(prompt)
            )),
            buffers: Vec::new(),
        })?;
        Ok(question)
    }

    /// The queue of an open subshell.
    ///
    /// # Errors
    /// [`Error::UnknownSubshell`].
    pub fn subshell(&self, subshell_id: &str) -> Result<Arc<RequestQueue>> {
        self.subshells
            .lock()
            .get(subshell_id)
            .cloned()
            .ok_or_else(|| Error::UnknownSubshell(subshell_id.to_owned()))
    }

    /// Close a subshell's queue; what waited in it is answered with an error. Unknown ids are ignored.
    pub fn close_subshell(&self, subshell_id: &str) {
        let Some(queue) = self.subshells.lock().remove(subshell_id) else {
            return;
        };
        self.comm_routes.subshell_gone(subshell_id);
        self.close_queue(
            &queue,
            "SubshellDeleted",
            "the subshell was deleted before it got to this",
        );
    }

    /// Close a queue; what waited in it is answered with an error.
    pub fn close_queue(&self, queue: &RequestQueue, name: &str, value: &str) {
        for request in queue.close() {
            let reply = request
                .claim_reply()
                .then(|| self.error_reply(&request, name, value))
                .flatten();
            let (busy, idle) = (
                self.status(Some(&request), "busy"),
                self.status(Some(&request), "idle"),
            );
            let _ = self
                .outbox
                .push_all([busy].into_iter().chain(reply).chain([idle]));
        }
    }

    /// Ids of the open subshells.
    #[must_use]
    pub fn subshell_ids(&self) -> Vec<String> {
        self.subshells.lock().keys().cloned().collect()
    }

    /// Stop serving: the queues are closed, a running cell is interrupted, and if the core is not closed within the
    /// grace time the process is ended. Only the first reason counts.
    pub fn request_exit(&self, reason: ExitReason) {
        let mut exit = self.exit.lock();
        if exit.is_some() {
            return;
        }
        *exit = Some((reason, Instant::now()));
        drop(exit);
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
        if let Some((_, since)) = &mut *self.exit.lock() {
            *since = (Instant::now() + budget)
                .checked_sub(self.stop_grace)
                .unwrap_or(*since);
        }
        self.wake.signal();
    }

    /// Why the kernel stops serving; None while it serves.
    #[must_use]
    pub fn exit_reason(&self) -> Option<ExitReason> {
        self.exit.lock().map(|(reason, _)| reason)
    }

    /// When running code must be ended by force; None unless the kernel is to stop.
    pub(crate) fn force_at(&self) -> Option<(Instant, ExitReason)> {
        let (reason, since) = (*self.exit.lock())?;
        (reason != ExitReason::Closed).then(|| (since + self.stop_grace, reason))
    }

    pub(crate) fn finish_by(&self) -> Option<Instant> {
        *self.finish_by.lock()
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
        *self.finish_by.lock() = Some(Instant::now() + timeout);
        self.request_exit(ExitReason::Closed);
        self.outbox.close();
        self.wake.signal();
        let handle = self.io.lock().take();
        if let Some(handle) = handle {
            let _ = handle.join();
            self.post_mortem
                .end(self.exit_reason() == Some(ExitReason::IoError));
        }
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

    /// Counts by name.
    #[must_use]
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        let mut counts = vec![
            ("requests", read(&counters.requests)),
            ("messages_sent", read(&counters.messages_sent)),
            ("bytes_sent", read(&counters.bytes_sent)),
            ("aborted", read(&counters.aborted)),
            ("unroutable", read(&counters.unroutable)),
            ("dropped", read(&counters.dropped)),
            ("outbox_most_bytes", self.outbox.most_bytes() as u64),
        ];
        counts.extend(
            Reject::ALL
                .iter()
                .zip(&counters.rejected)
                .map(|(kind, counter)| (kind.name(), read(counter))),
        );
        counts
    }

    /// Where a forked child writes text: the descriptor itself.
    pub fn write_to_fd(&self, name: StreamName, text: &str) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let fd = if name == StreamName::Stdout {
                rustix::stdio::stdout()
            } else {
                rustix::stdio::stderr()
            };
            match rustix::io::write(fd.as_fd(), rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}

/// Metadata of an execute_reply that the engine writes itself; `{}` for other types.
fn reply_metadata(request: &Request, status: &str) -> Bytes {
    if !request.is_execute() {
        return Bytes::from_static(b"{}");
    }
    let started = humantime::format_rfc3339_micros(request.received_at);
    Bytes::from(format!(
        "{{\"started\":\"{started}\",\"status\":\"{status}\",\"dependencies_met\":true}}"
    ))
}
