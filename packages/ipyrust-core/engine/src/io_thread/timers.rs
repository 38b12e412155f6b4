//! What is done because time has passed: poke the main thread, look at memory, end a process that will not stop.

use std::time::{Duration, Instant};

use super::IoThread;

/// How long an interrupt may stay unnoticed before the main thread is poked.
const FIRST_POKE: Duration = Duration::from_millis(30);
/// How often memory is looked at while a cell runs.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

impl IoThread {
    /// A signal that comes just before the main thread begins to wait does not end the wait. An interrupt, which may also
    /// have to end a system call of the cell, is repeated until it was felt; of others the next wait is over at once.
    pub(super) fn hear_of_signals(&mut self) {
        let noted = self.core.arrivals.take();
        if noted.interrupt && self.core.window.arrived() {
            self.poke_main_soon();
        }
        if noted.other {
            self.core.shell.nudge();
        }
    }

    pub(super) fn poke_main_soon(&mut self) {
        self.poke_main = Some((Instant::now() + FIRST_POKE, FIRST_POKE));
    }

    /// Twice as late every time: code that holds the GIL for long need not be told often.
    pub(super) fn poke_main(&mut self) {
        if let Some((at, delay)) = self.poke_main
            && Instant::now() >= at
        {
            let next = (Instant::now() + delay * 2, delay * 2);
            self.poke_main = self.core.window.poke().then_some(next);
        }
    }

    /// A cell comes: look at memory while it runs.
    pub(super) fn sample_soon(&mut self) {
        if self.sample_at.is_none() {
            self.sample_at = Some(Instant::now() + SAMPLE_EVERY);
        }
    }

    /// Between cells nobody asks for it, and nothing may wake.
    pub(super) fn sample_memory(&mut self) {
        if self.sample_at.is_some_and(|at| Instant::now() >= at) {
            self.core.post_mortem.sample_memory();
            self.sample_at = self.core.is_busy().then(|| Instant::now() + SAMPLE_EVERY);
        }
    }

    /// End the process when running code has ignored a shutdown for the whole grace time.
    pub(super) fn force_exit(&self) {
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
    }
}
