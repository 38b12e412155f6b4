//! From a socket to where a request goes: read, check, route, queue.

use std::sync::Arc;

use ipyrust_zmq::Wait;

use super::IoThread;
use super::poller::Sources;
use crate::core::{Command, Counters};
use crate::error::{Reject, Result};
use crate::message::{Channel, Request, open};
use crate::route::{Route, route};

/// Messages read off one socket before the others get their turn.
pub(super) const READ_BURST: usize = 256;

/// Bursts read before an abort: a client may have so many cells on the way, but must not keep the thread for ever.
const ABORT_BURSTS: usize = 400;

impl IoThread {
    /// Read a burst from each of these sockets, what must not wait first.
    pub(super) fn read_sockets(&mut self, sources: Sources) -> Result<()> {
        if sources.has(Sources::HEARTBEAT) {
            self.echo()?;
        }
        if sources.has(Sources::CONTROL) {
            self.read(Channel::Control)?;
        }
        if sources.has(Sources::STDIN) {
            self.read(Channel::Stdin)?;
        }
        if sources.has(Sources::IOPUB) {
            self.read_subscriptions()?;
        }
        if sources.has(Sources::SHELL) {
            self.read(Channel::Shell)?;
        }
        Ok(())
    }

    /// Heartbeat: whatever comes goes back.
    fn echo(&mut self) -> Result<()> {
        let socket = &self.sockets.heartbeat;
        for _ in 0..READ_BURST {
            let Some(frames) = socket.receive(Wait::No)? else {
                self.touched = self.touched.without(Sources::HEARTBEAT);
                return Ok(());
            };
            let _ = socket.send(&frames)?;
        }
        self.touched = self.touched.with(Sources::HEARTBEAT);
        Ok(())
    }

    /// Read at most a burst of messages; returns how many there were.
    pub(super) fn read(&mut self, channel: Channel) -> Result<usize> {
        let source = Sources::of(channel);
        for count in 0..READ_BURST {
            let socket = match channel {
                Channel::Shell => &self.sockets.shell,
                Channel::Control => &self.sockets.control,
                Channel::Stdin | Channel::Iopub => &self.sockets.stdin,
            };
            let Some(frames) = socket.receive(Wait::No)? else {
                self.touched = self.touched.without(source);
                return Ok(count);
            };
            self.touched = self.touched.with(source);
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

    pub(super) fn reject(&self, channel: Channel, why: Reject) {
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
        if request.is_execute() {
            self.sample_soon();
        }
        if request.channel == Channel::Stdin {
            self.take_input(&request);
            return Ok(());
        }
        self.hand_on(request)
    }

    fn take_input(&self, request: &Request) {
        let known = request.header.msg_type == "input_reply"
            && self
                .core
                .questions
                .answer(&request.identities, request.content().clone());
        if !known {
            self.reject(Channel::Stdin, Reject::UnexpectedInput);
        }
    }

    /// To where the header and the channel say.
    fn hand_on(&mut self, request: Arc<Request>) -> Result<()> {
        match route(request.channel, &request.header) {
            Route::Answer(kind) => self.answer(&request, kind),
            Route::Main if request.is_comm() => self.hand_to_sender(request, None),
            Route::Main => self.hand_to_subshell(request, None),
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
            Route::Unknown => self.refuse_unknown(&request),
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

    fn refuse_unknown(&mut self, request: &Arc<Request>) -> Result<()> {
        let msg_type = printable(&request.header.msg_type);
        let value = format!(
            "the kernel knows no {msg_type:?} on {}",
            request.channel.name()
        );
        self.core.log.line("unknown", &value);
        self.refuse(request, "UnknownMessageType", &value)
    }

    pub(super) fn run_commands(&mut self) -> Result<()> {
        let commands = self.core.commands.lock().as_mut().map(std::mem::take);
        for Command::Abort {
            queue,
            failed,
            window,
            done,
        } in commands.into_iter().flatten()
        {
            for _ in 0..ABORT_BURSTS {
                if self.read(Channel::Shell)? < READ_BURST || queue.is_full() {
                    break;
                }
            }
            let _ = done.send(queue.abort_waiting(&failed, window));
        }
        Ok(())
    }
}

/// The beginning of a text from outside, fit for a log line.
fn printable(text: &str) -> String {
    text.chars()
        .take(60)
        .filter(|char| !char.is_control())
        .collect()
}
