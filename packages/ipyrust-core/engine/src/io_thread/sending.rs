//! From the outbox to the sockets: take in order, give header and signature, send.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ipyrust_zmq::Sent;

use super::IoThread;
use super::poller::Sources;
use crate::core::{Core, Counters};
use crate::error::Result;
use crate::frames::Frames;
use crate::kept::Kind;
use crate::message::Channel;
use crate::outbox::{Entry, Next, Outgoing, StreamName, StreamText, stream_message};
use crate::publisher::Publication;

/// Messages sent before the sockets are read again.
const SEND_BURST: usize = 256;
/// How long a reply may wait for room in a client's pipe before it counts as unroutable.
const REPLY_PATIENCE: Duration = Duration::from_millis(100);

impl IoThread {
    /// Send what waits; returns when to look again, if not only after a wake-up.
    pub(super) fn send_queued(&mut self) -> Result<Option<Instant>> {
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

    fn send_entry(&mut self, entry: Entry) -> Result<()> {
        let size_bytes = entry.size_bytes();
        let message = match entry {
            Entry::Message(message) if message.channel == Channel::Iopub => message,
            Entry::Message(reply) => {
                self.send_reply(reply)?;
                self.core.outbox.sent(size_bytes);
                return Ok(());
            }
            Entry::Stream(StreamText {
                parent,
                name,
                made,
                text,
                ..
            }) => stream_message(parent, name, made, &text),
        };
        let kind = Kind::of(&message.msg_type, &message.content);
        let of = message.parent.clone().map(|parent| (parent, kind));
        let msg_type = message.msg_type.clone();
        let frames = self.encode(message);
        self.publisher.push(Publication {
            frames,
            size_bytes,
            of,
            msg_type,
        });
        self.publish().map(|_| ())
    }

    /// Send publications until a subscriber has no room; returns when to try again.
    pub(super) fn publish(&mut self) -> Result<Option<Instant>> {
        if !self.publisher.is_idle() {
            self.touched = self.touched.with(Sources::IOPUB);
        }
        let core = &self.core;
        let encode = |notice| encode(core, notice);
        let (iopub, most) = (&self.sockets.iopub, core.backlog_bytes);
        let progress = self.publisher.send(iopub, most, encode)?;
        let short = self.publisher.has_much();
        if short != std::mem::replace(&mut self.short_streams, short) {
            self.core.outbox.set_short_streams(short);
        }
        for publication in progress.done {
            if publication.size_bytes > 0 {
                self.core.outbox.sent(publication.size_bytes);
            }
            if let Some((request, kind)) = publication.of {
                self.kept.published(&request, kind, publication.frames);
            }
        }
        if progress.left_out > 0 {
            let counter = &self.core.counters.left_out;
            counter.fetch_add(progress.left_out, Ordering::Relaxed);
            let notice = "a client stopped reading; large messages are left out until it reads";
            self.core.log.line("stalled", notice);
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

    /// Send to one client; one that is gone or does not read loses its reply, which is counted.
    pub(super) fn send_reply(&mut self, message: Outgoing) -> Result<()> {
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

    fn deliver(&mut self, channel: Channel, frames: &[Bytes]) -> Result<()> {
        let socket = match channel {
            Channel::Control => &self.sockets.control,
            Channel::Stdin | Channel::Shell | Channel::Iopub => &self.sockets.shell,
        };
        self.touched = self.touched.with(Sources::of(channel));
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

    /// See [`encode`].
    pub(super) fn encode(&self, message: Outgoing) -> Vec<Bytes> {
        encode(&self.core, message)
    }
}

/// Give a message its header and signature.
fn encode(core: &Core, message: Outgoing) -> Vec<Bytes> {
    let header = core.author.header(&message.msg_type, message.made);
    let parent_header = message.parent.as_ref().map_or_else(
        || Bytes::from_static(b"{}"),
        |parent| parent.header_json().clone(),
    );
    let signed = [header, parent_header, message.metadata, message.content];
    let signature = core
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
    let counters = &core.counters;
    Counters::add(&counters.messages_sent);
    counters.bytes_sent.fetch_add(
        frames.iter().map(|frame| frame.len() as u64).sum(),
        Ordering::Relaxed,
    );
    frames
}
