//! Which cells run, and which request output without a parent of its own belongs to.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Core;
use crate::message::Request;
use crate::outbox::Parent;
use crate::post_mortem::own_thread;

/// See the module.
#[derive(Default)]
pub(super) struct Cells {
    /// Cells that run, with their threads, in the order in which they began.
    open: Mutex<Vec<(u64, Arc<Request>)>>,
    /// What the main thread runs, or ran last.
    latest: Mutex<Parent>,
}

impl Cells {
    /// What ran last stays the parent of stray output, and must not keep the buffers of a comm message in memory as long.
    fn let_go_of_buffers(&self) {
        let mut latest = self.latest.lock();
        let lighter = latest
            .as_ref()
            .and_then(|request| request.without_buffers());
        let heavier = lighter.and_then(|lighter| latest.replace(Arc::new(lighter)));
        drop(latest);
        drop(heavier); // Giving much memory back takes long; nobody waits for the lock meanwhile.
    }
}

impl Core {
    /// The request that output without a parent of its own belongs to.
    #[must_use]
    pub fn latest_parent(&self) -> Parent {
        if self.is_forked() {
            return None; // Another thread may have held the lock when this process was forked.
        }
        self.cells.latest.lock().clone()
    }

    /// Open the interrupt window for a cell; captured output belongs to it from now on.
    pub fn begin_execution(&self, request: &Arc<Request>) {
        self.drain_captured_now(false);
        *self.cells.latest.lock() = Some(Arc::clone(request));
        self.window.open();
    }

    /// Close the interrupt window. True if an interrupt was aimed at the cell and not seen.
    pub fn end_execution(&self) -> bool {
        let missed = self.window.close();
        self.drain_captured_now(false);
        if !self.is_forked() {
            self.cells.let_go_of_buffers();
        }
        missed
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
        self.cells.open.lock().push((thread, Arc::clone(request)));
        slot
    }

    /// Note that the cell that the calling thread began last is over.
    pub fn end_cell(&self, slot: usize) {
        if self.is_forked() {
            return;
        }
        self.post_mortem.record.end_cell(slot);
        let thread = own_thread();
        let mut cells = self.cells.open.lock();
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

    /// Whether the main shell works on something, or will soon, or a cell runs elsewhere.
    pub(crate) fn is_busy(&self) -> bool {
        !self.cells.open.lock().is_empty()
            || !self.running.lock().is_empty()
            || !self.shell.is_empty()
    }

    /// The cell of the thread that dies, else the one that began last, else what ran last.
    pub(super) fn parent_of_the_end(&self) -> Parent {
        let cells = self.cells.open.lock();
        let thread = self.post_mortem.struck_thread().unwrap_or_else(own_thread);
        let of_thread = cells.iter().rev().find(|(each, _)| *each == thread);
        let cell = of_thread.or(cells.last()).map(|(_, cell)| Arc::clone(cell));
        cell.or_else(|| self.latest_parent())
    }
}
