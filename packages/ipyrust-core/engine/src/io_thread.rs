//! The one thread that owns the sockets: it polls, reads, checks, routes, answers what needs no Python, and sends.
//!
//! Why nothing gets stranded: both directions of every socket belong to this thread, and each round reads until there
//! is nothing left to read and sends until there is nothing left to send before it sleeps. It never takes the GIL, so
//! C code that holds it cannot keep control, heartbeat or interrupts waiting.
//!
//! A panic here is caught: the reason is logged, every waiter is woken with an error, and the process exits non-zero.

use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ipyrust_zmq::{Interest, PollItem, Sent, Socket, Wait, poll};
use nix::sys::signal::SigSet;

use crate::answers::{REPLY_PATIENCE, answer};
use crate::core::{Command, Core, Counters, ExitReason};
use crate::error::{Error, Reject, Result};
use crate::fatal::CRASHES;
use crate::frames::Frames;
use crate::kept::{Kept, Kind, Limits};
use crate::message::{Channel, Request, open, push_json_string};
use crate::outbox::{Entry, Next, Outgoing, StreamName, StreamText};
use crate::publisher::{Publication, Publisher};
use crate::record::Ending;
use crate::route::{Answer, Route, route};
use crate::signature::ReplayWindow;
use crate::sockets::Sockets;
use crate::stacks::{Found as StacksFound, StackRequests};
use crate::usage::Usage;
use crate::wake::Wake;
use crate::watch::ParentWatch;

/// Digests remembered against replay.
const REPLAY_WINDOW: usize = 1 << 16;
/// Messages read off one socket before the others get their turn.
const READ_BURST: usize = 256;
/// Bursts read before an abort: a client may have so many cells on the way, but must not keep the thread for ever.
const ABORT_BURSTS: usize = 400;
/// Messages sent before the sockets are read again.
const SEND_BURST: usize = 256;
/// How long publications wait for the very first subscriber, so that a client whose subscription is still on its way
/// misses nothing.
const FIRST_SUBSCRIBER_WAIT: Duration = Duration::from_secs(1);
/// How long an interrupt may stay unnoticed before the main thread is poked.
const FIRST_POKE: Duration = Duration::from_millis(30);
/// How often memory is looked at while a cell runs.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// How long a question waits for its client to connect its stdin socket; a frontend connects its sockets one by one.
const ASK_FOR: Duration = Duration::from_secs(30);
const ASK_RETRY: Duration = Duration::from_millis(20);
/// Questions that may wait so.
const MOST_UNASKED: usize = 64;

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

/// A question whose client has not connected its stdin socket yet.
struct Unasked {
    identities: Vec<Bytes>,
    frames: Vec<Bytes>,
    until: Instant,
}

/// Whether publications may go out yet.
enum FirstSubscriber {
    /// Nothing was published before the first subscription.
    Awaited,
    /// Something was; it waits until then.
    Until(Instant),
    /// There is or was one, or the wait is over.
    Seen,
}

/// What a round of polling found.
struct Ready {
    shell: bool,
    control: bool,
    stdin: bool,
    iopub: bool,
    heartbeat: bool,
    signalled: bool,
    captured: bool,
    parent_ended: bool,
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
            if let Some(finish_by) = self.core.finish_by()
                && (Instant::now() >= finish_by
                    || (self.core.outbox.is_drained() && self.publisher.is_idle()))
            {
                return Ok(());
            }
            if let Some((at, reason)) = self.core.force_at()
                && Instant::now() >= at
            {
                self.core.log.line(
                    "force",
                    "running code ignored the shutdown; ending the process",
                );
                self.core.post_mortem.forget();
                (self.core.force_exit)(reason.exit_code());
            }
            self.poke_main();
            self.sample_memory();
            self.look_for_stacks()?;
            let ready = self.poll(self.timeout_ms(sleep_until))?;
            self.wake.clear();
            self.serve(&ready)?;
        }
    }

    /// The nearest of all moments at which something is due; -1 = only when something happens.
    fn timeout_ms(&self, sleep_until: Option<Instant>) -> i64 {
        let now = Instant::now();
        let force = self.core.force_at().map(|(at, _)| at);
        let watch = self
            .watch
            .as_ref()
            .and_then(ParentWatch::interval)
            .map(|interval| now + interval);
        let poke = self.poke_main.map(|(at, _)| at);
        let due = [sleep_until, force, self.core.finish_by(), watch, poke];
        let nearest = due
            .into_iter()
            .chain([self.stacks.next(), self.sample_at])
            .flatten()
            .min();
        nearest.map_or(-1, |at| {
            let left = at.saturating_duration_since(now);
            i64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i64::MAX)
        })
    }

    fn poll(&self, timeout_ms: i64) -> Result<Ready> {
        let sockets = &self.sockets;
        let shell_interest = if self.core.shell.is_full() {
            Interest::NONE
        } else {
            Interest::READABLE
        };
        let mut items = Vec::with_capacity(10);
        items.push(PollItem::socket(&sockets.shell, shell_interest));
        for socket in [
            &sockets.control,
            &sockets.stdin,
            &sockets.iopub,
            &sockets.heartbeat,
        ] {
            items.push(PollItem::socket(socket, Interest::READABLE));
        }
        items.push(PollItem::fd(self.wake.as_fd(), Interest::READABLE));
        items.push(PollItem::fd(self.core.arrivals.as_fd(), Interest::READABLE));
        let captured_at = items.len();
        if let Some(capture) = self
            .core
            .capture
            .as_ref()
            .filter(|_| self.core.outbox.has_room())
        {
            items.extend(capture.fds().map(|fd| PollItem::fd(fd, Interest::READABLE)));
        }
        let watched_at = items.len();
        items.extend(
            self.watch
                .as_ref()
                .filter(|_| self.core.exit_reason().is_none()) // An ended process stays readable.
                .and_then(ParentWatch::fd)
                .map(|fd| PollItem::fd(fd, Interest::READABLE)),
        );
        poll(&mut items, timeout_ms)?;
        let ready = |at: usize| items.get(at).is_some_and(|item| item.ready().readable);
        Ok(Ready {
            shell: ready(0),
            control: ready(1),
            stdin: ready(2),
            iopub: ready(3),
            heartbeat: ready(4),
            signalled: ready(6),
            captured: (captured_at..watched_at).any(ready),
            parent_ended: ready(watched_at) || self.watch.as_ref().is_some_and(ParentWatch::ended),
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

    fn poke_main_soon(&mut self) {
        self.poke_main = Some((Instant::now() + FIRST_POKE, FIRST_POKE));
    }

    /// Twice as late every time: code that holds the GIL for long need not be told often.
    fn poke_main(&mut self) {
        if let Some((at, delay)) = self.poke_main
            && Instant::now() >= at
        {
            let next = (Instant::now() + delay * 2, delay * 2);
            self.poke_main = self.core.window.poke().then_some(next);
        }
    }

    /// Between cells nobody asks for it, and nothing may wake.
    fn sample_memory(&mut self) {
        if self.sample_at.is_some_and(|at| Instant::now() >= at) {
            self.core.post_mortem.sample_memory();
            self.sample_at = self.core.is_busy().then(|| Instant::now() + SAMPLE_EVERY);
        }
    }

    fn look_for_stacks(&mut self) -> Result<()> {
        match self.stacks.look(&self.core) {
            None => Ok(()),
            Some(StacksFound::Log(text)) => {
                self.core.log.text(&text);
                Ok(())
            }
            Some(StacksFound::Reply(requests, content)) => {
                let content = Bytes::from(content.to_string());
                requests
                    .into_iter()
                    .filter(|request| request.claim_reply())
                    .try_for_each(|request| {
                        self.reply_beside(&request, content.clone(), Vec::new())
                    })
            }
        }
    }

    fn run_commands(&mut self) -> Result<()> {
        let commands = self.core.commands.lock().as_mut().map(std::mem::take);
        for Command::Abort {
            queue,
            window,
            done,
        } in commands.into_iter().flatten()
        {
            for _ in 0..ABORT_BURSTS {
                if self.read(Channel::Shell)? < READ_BURST || queue.is_full() {
                    break;
                }
            }
            let _ = done.send(queue.abort_waiting(window));
        }
        Ok(())
    }

    /// Read at most a burst of messages; returns how many there were.
    fn read(&mut self, channel: Channel) -> Result<usize> {
        for count in 0..READ_BURST {
            let socket = match channel {
                Channel::Shell => &self.sockets.shell,
                Channel::Control => &self.sockets.control,
                Channel::Stdin | Channel::Iopub => &self.sockets.stdin,
            };
            let Some(frames) = socket.receive(Wait::No)? else {
                return Ok(count);
            };
            match open(
                frames,
                channel,
                &self.core.connection.signer,
                &mut self.replay,
            ) {
                Ok(request) => self.dispatch(Arc::new(request))?,
                Err(why) => self.reject(channel, why),
            }
        }
        Ok(READ_BURST)
    }

    fn reject(&self, channel: Channel, why: Reject) {
        self.core.counters.reject(why);
        self.core.log.line(
            why.name(),
            &format!("dropped a message on {}: {why}", channel.name()),
        );
    }

    fn dispatch(&mut self, request: Arc<Request>) -> Result<()> {
        // IOPub can be read without the key: whoever does so must not be able to send us our own signed messages.
        if request.header.session == self.core.session_id() {
            self.reject(request.channel, Reject::Reflected);
            return Ok(());
        }
        Counters::add(&self.core.counters.requests);
        if request.is_execute() && self.sample_at.is_none() {
            self.sample_at = Some(Instant::now() + SAMPLE_EVERY);
        }
        if request.channel == Channel::Stdin {
            let known = request.header.msg_type == "input_reply"
                && self
                    .core
                    .questions
                    .answer(&request.identities, request.content().clone());
            if !known {
                self.reject(Channel::Stdin, Reject::UnexpectedInput);
            }
            return Ok(());
        }
        match route(request.channel, &request.header) {
            Route::Answer(kind) => self.answer(&request, kind),
            Route::Main if request.is_comm() => self.hand_to_sender(request, None),
            Route::Main => {
                self.core.outbox.expect_messages();
                self.core.shell.push(request);
                Ok(())
            }
            Route::Control if self.core.control.is_full() => {
                self.refuse(&request, "QueueFull", "too many requests wait on control")
            }
            Route::Control => {
                self.core.push_control(request);
                Ok(())
            }
            Route::Subshell => {
                let id = request.header.subshell_id.clone();
                if request.is_comm() {
                    self.hand_to_sender(request, id)
                } else {
                    self.hand_to_subshell(request, id)
                }
            }
            Route::Stacks if self.core.control.is_full() || self.stacks.is_full() => {
                self.refuse(&request, "QueueFull", "too many requests wait on control")
            }
            Route::Stacks => {
                self.stacks.push(Arc::clone(&request));
                self.core.push_control(request);
                Ok(())
            }
            Route::Unknown => {
                let msg_type = printable(&request.header.msg_type);
                let value = format!(
                    "the kernel knows no {msg_type:?} on {}",
                    request.channel.name()
                );
                self.core.log.line("unknown", &value);
                self.refuse(&request, "UnknownMessageType", &value)
            }
        }
    }

    /// A comm message goes to whoever sent on that comm, else where its header says.
    fn hand_to_sender(&mut self, request: Arc<Request>, addressed: Option<String>) -> Result<()> {
        let subshell = self
            .core
            .comm_routes
            .find(request.content())
            .unwrap_or(addressed);
        self.hand_to_subshell(request, subshell)
    }

    fn hand_to_subshell(&mut self, request: Arc<Request>, subshell: Option<String>) -> Result<()> {
        let Some(id) = subshell else {
            self.core.outbox.expect_messages();
            self.core.shell.push(request);
            return Ok(());
        };
        match self.core.subshell(&id) {
            Ok(queue) if queue.is_full() => self.refuse(
                &request,
                "QueueFull",
                "too many requests wait for this subshell",
            ),
            Ok(queue) => {
                queue.push(request);
                Ok(())
            }
            Err(error) => self.refuse(&request, "UnknownSubshellError", &error.to_string()),
        }
    }

    fn refuse(&mut self, request: &Arc<Request>, name: &str, value: &str) -> Result<()> {
        if let Some(reply) = self
            .core
            .error_reply(request, name, value)
            .filter(|_| request.claim_reply())
        {
            self.send_reply(reply)?;
        }
        let _ = self.core.statuses_beside(request);
        Ok(())
    }

    /// Answer without Python and without waiting for the output of cells.
    fn answer(&mut self, request: &Arc<Request>, kind: Answer) -> Result<()> {
        let core = Arc::clone(&self.core);
        let answered = answer(&core, &mut self.usage, &self.kept, request, kind);
        request.claim_reply();
        self.reply_beside(request, answered.content, answered.buffers)?;
        let _ = core.outbox.push_all(answered.then);
        if kind == Answer::Interrupt {
            self.poke_main_soon();
        }
        if let Some(reason) = answered.exit {
            core.request_exit(reason);
        }
        Ok(())
    }

    fn reply_beside(
        &mut self,
        request: &Arc<Request>,
        content: Bytes,
        buffers: Vec<Bytes>,
    ) -> Result<()> {
        let metadata = Bytes::from_static(b"{}");
        if let Some(reply) = self.core.reply_message(request, content, metadata, buffers) {
            self.send_reply(reply)?;
        }
        // A closed outbox means that nobody needs the statuses any more.
        let _ = self.core.statuses_beside(request);
        Ok(())
    }

    /// Greet every subscriber (JEP 65). The first one also hears `status: starting`.
    fn read_subscriptions(&mut self) -> Result<()> {
        for _ in 0..READ_BURST {
            let Some(frames) = self.sockets.iopub.receive(Wait::No)? else {
                return Ok(());
            };
            match frames
                .first()
                .map(|frame| (frame.first().copied(), frame.slice(frame.len().min(1)..)))
            {
                Some((Some(1), topic)) => self.welcome(topic)?,
                Some((Some(0), _)) => {}
                _ => self.reject(Channel::Iopub, Reject::BadSubscription),
            }
        }
        Ok(())
    }

    fn welcome(&mut self, topic: Bytes) -> Result<()> {
        let mut content = String::from("{\"subscription\":");
        push_json_string(&mut content, &String::from_utf8_lossy(&topic));
        content.push('}');
        let welcome = Outgoing {
            channel: Channel::Iopub,
            prefix: vec![topic],
            msg_type: "iopub_welcome".into(),
            parent: None,
            metadata: Bytes::from_static(b"{}"),
            content: Bytes::from(content),
            buffers: Vec::new(),
        };
        // Past the outbox: the subscriber has seen nothing yet, so nothing can be overtaken.
        self.push_past_outbox(welcome);
        self.subscribers = FirstSubscriber::Seen;
        if !std::mem::replace(&mut self.greeted, true) {
            self.push_past_outbox(self.core.starting());
        }
        self.publish().map(|_| ())
    }

    fn push_past_outbox(&mut self, message: Outgoing) {
        let frames = self.encode(message);
        self.publisher.push(Publication {
            frames,
            size_bytes: 0,
            of: None,
        });
    }

    /// Send what waits; returns when to look again, if not only after a wake-up.
    fn send_queued(&mut self) -> Result<Option<Instant>> {
        while let Some(message) = self.core.outbox.take_urgent() {
            self.send_reply(message)?;
        }
        let retry_at = [self.publish()?, self.ask_again()?]
            .into_iter()
            .flatten()
            .min();
        for _ in 0..SEND_BURST {
            let now = Instant::now();
            if let Some(until) = self.await_subscriber(now) {
                return Ok(Some(until));
            }
            match self.core.outbox.next(now) {
                Next::Urgent => return Ok(Some(now)),
                Next::Empty => return Ok(retry_at),
                Next::Hold(until) | Next::Doze(until) => {
                    return Ok(Some(retry_at.map_or(until, |retry_at| retry_at.min(until))));
                }
                Next::Send(entry) => self.send_entry(entry)?,
            }
        }
        Ok(Some(Instant::now()))
    }

    /// Until when publications wait for the first subscriber.
    fn await_subscriber(&mut self, now: Instant) -> Option<Instant> {
        match self.subscribers {
            FirstSubscriber::Seen => return None,
            FirstSubscriber::Awaited if self.core.outbox.is_drained() => return None,
            FirstSubscriber::Awaited => {
                self.subscribers = FirstSubscriber::Until(now + FIRST_SUBSCRIBER_WAIT)
            }
            FirstSubscriber::Until(_) => {}
        }
        let FirstSubscriber::Until(until) = self.subscribers else {
            return None;
        };
        if now >= until || self.dying || self.core.exit_reason().is_some() {
            self.subscribers = FirstSubscriber::Seen;
            return None;
        }
        Some(until)
    }

    fn send_entry(&mut self, entry: Entry) -> Result<()> {
        let size_bytes = entry.size_bytes();
        let message = match entry {
            Entry::Message(message) if message.channel == Channel::Iopub => message,
            Entry::Message(reply) => {
                self.send_reply(reply)?;
                self.core.outbox.sent(size_bytes);
                return Ok(());
            }
            Entry::Stream(text) => stream_message(text),
        };
        let kind = Kind::of(&message.msg_type, &message.content);
        let of = message.parent.clone().map(|parent| (parent, kind));
        let frames = self.encode(message);
        self.publisher.push(Publication {
            frames,
            size_bytes,
            of,
        });
        self.publish().map(|_| ())
    }

    /// Send publications until a subscriber has no room; returns when to try again.
    fn publish(&mut self) -> Result<Option<Instant>> {
        let progress = self.publisher.send(&self.sockets.iopub)?;
        let short = self.publisher.has_much();
        if short != std::mem::replace(&mut self.short_streams, short) {
            self.core.outbox.set_short_streams(short);
        }
        for publication in progress.sent {
            if publication.size_bytes > 0 {
                self.core.outbox.sent(publication.size_bytes);
            }
            if let Some((request, kind)) = publication.of {
                self.kept.published(&request, kind, publication.frames);
            }
        }
        if progress.given_up > 0 {
            let counter = &self.core.counters.dropped;
            counter.fetch_add(progress.given_up, Ordering::Relaxed);
            let notice = "a client stopped reading; it misses output until it reads again";
            self.core.log.line("stalled", notice);
            let text = format!("[ipyrust: {notice}]\n");
            let parent = self.core.latest_parent();
            let _ = self.core.outbox.write(&parent, StreamName::Stderr, &text);
        }
        Ok(progress.retry_at)
    }

    fn ask(&mut self, question: Outgoing) -> Result<()> {
        let (identities, until) = (question.prefix.clone(), Instant::now() + ASK_FOR);
        let frames = self.encode(question);
        if self.sockets.stdin.send(&frames)? != Sent::Yes && self.unasked.len() < MOST_UNASKED {
            self.unasked.push(Unasked {
                identities,
                frames,
                until,
            });
        }
        Ok(())
    }

    /// Try to deliver questions again whose clients were not there; returns when to try next.
    fn ask_again(&mut self) -> Result<Option<Instant>> {
        let now = Instant::now();
        let mut unasked = std::mem::take(&mut self.unasked);
        // The answer to a question that nobody waits for any more would go to the next one.
        unasked.retain(|each| each.until > now && self.core.questions.is_open(&each.identities));
        for each in unasked {
            if self.sockets.stdin.send(&each.frames)? != Sent::Yes {
                self.unasked.push(each);
            }
        }
        Ok((!self.unasked.is_empty()).then(|| now + ASK_RETRY))
    }

    /// Send to one client; one that is gone or does not read loses its reply, which is counted.
    fn send_reply(&mut self, message: Outgoing) -> Result<()> {
        let channel = message.channel;
        if channel == Channel::Stdin {
            return self.ask(message);
        }
        let parent = message.parent.clone();
        let frames = self.encode(message);
        self.deliver(channel, &frames)?;
        if let Some(request) = parent {
            self.kept.replied(&request, frames);
        }
        Ok(())
    }

    fn deliver(&self, channel: Channel, frames: &[Bytes]) -> Result<()> {
        let socket = match channel {
            Channel::Control => &self.sockets.control,
            Channel::Stdin | Channel::Shell | Channel::Iopub => &self.sockets.shell,
        };
        let give_up = Instant::now() + REPLY_PATIENCE;
        loop {
            match socket.send(frames)? {
                Sent::Yes => return Ok(()),
                Sent::WouldBlock if Instant::now() < give_up => std::thread::yield_now(),
                Sent::WouldBlock | Sent::Unroutable => {
                    Counters::add(&self.core.counters.unroutable);
                    self.core.log.line(
                        "unroutable",
                        &format!("a client on {} is gone or reads no replies", channel.name()),
                    );
                    return Ok(());
                }
            }
        }
    }

    /// Give a message its header and signature.
    fn encode(&self, message: Outgoing) -> Vec<Bytes> {
        let header = self.core.author.header(&message.msg_type);
        let parent_header = message.parent.as_ref().map_or_else(
            || Bytes::from_static(b"{}"),
            |parent| parent.header_json().clone(),
        );
        let signed = [header, parent_header, message.metadata, message.content];
        let signature = self
            .core
            .connection
            .signer
            .sign(signed.each_ref().map(|part| &part[..]));
        let frames = Frames {
            identities: message.prefix,
            signature,
            signed,
            buffers: message.buffers,
        }
        .join();
        let counters = &self.core.counters;
        Counters::add(&counters.messages_sent);
        counters.bytes_sent.fetch_add(
            frames.iter().map(|frame| frame.len() as u64).sum(),
            Ordering::Relaxed,
        );
        frames
    }
}

/// Heartbeat: whatever comes goes back.
fn echo(socket: &Socket) -> Result<()> {
    for _ in 0..READ_BURST {
        let Some(frames) = socket.receive(Wait::No)? else {
            return Ok(());
        };
        let _ = socket.send(&frames)?;
    }
    Ok(())
}

fn stream_message(stream: StreamText) -> Outgoing {
    let mut content = String::with_capacity(stream.text.len() + stream.text.len() / 16 + 40);
    content.push_str("{\"name\":\"");
    content.push_str(stream.name.name());
    content.push_str("\",\"text\":");
    push_json_string(&mut content, &stream.text);
    content.push('}');
    Outgoing {
        channel: Channel::Iopub,
        prefix: vec![Bytes::from(format!("stream.{}", stream.name.name()))],
        msg_type: "stream".into(),
        parent: stream.parent,
        metadata: Bytes::from_static(b"{}"),
        content: Bytes::from(content),
        buffers: Vec::new(),
    }
}

/// The beginning of a text from outside, fit for a log line.
fn printable(text: &str) -> String {
    text.chars()
        .take(60)
        .filter(|char| !char.is_control())
        .collect()
}
