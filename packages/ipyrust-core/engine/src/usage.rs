//! CPU and memory figures for `usage_request`, read from the system without Python and without psutil.

use std::time::Instant;

use serde_json::{Value, json};

/// Remembers the last reading, because CPU shares are differences.
#[derive(Debug, Default)]
pub struct Usage {
    last: Option<Reading>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Instant,
    own_ticks: u64,
    host_busy: u64,
    host_total: u64,
}

impl Usage {
    /// Content of a usage_reply. Memory is in bytes; CPU in percent since the last call (0 at the first).
    pub fn content(&mut self) -> Value {
        let mut content = json!({
            "status": "ok",
            "hostname": hostname(),
            "pid": std::process::id(),
            "cpu_count": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        });
        if let (Some(fields), Value::Object(more)) = (content.as_object_mut(), self.figures()) {
            fields.extend(more);
        }
        content
    }

    #[cfg(not(target_os = "linux"))]
    fn figures(&mut self) -> Value {
        Value::Null
    }

    #[cfg(target_os = "linux")]
    fn figures(&mut self) -> Value {
        let processes = linux::family(std::process::id());
        // One reading of the host's counters: two would not belong together.
        let (host_busy, host_total) = linux::host_ticks();
        let now = Reading {
            at: Instant::now(),
            own_ticks: processes.iter().map(|process| process.ticks).sum(),
            host_busy,
            host_total,
        };
        let (own_percent, host_percent) =
            self.last.map_or((0.0, 0.0), |last| percents(&last, &now));
        self.last = Some(now);
        let memory = linux::host_memory();
        json!({
            "kernel_cpu": own_percent,
            "kernel_memory": processes.iter().map(|process| process.resident_bytes).sum::<u64>(),
            "host_cpu_percent": host_percent,
            "host_virtual_memory": memory,
        })
    }
}

#[cfg(target_os = "linux")]
#[allow(clippy::cast_precision_loss)]
fn percents(last: &Reading, now: &Reading) -> (f64, f64) {
    let seconds = now.at.duration_since(last.at).as_secs_f64().max(1e-3);
    let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
    let own = now.own_ticks.saturating_sub(last.own_ticks) as f64 / ticks_per_second / seconds;
    let host = now.host_busy.saturating_sub(last.host_busy) as f64
        / (now.host_total.saturating_sub(last.host_total).max(1) as f64);
    (
        (own * 1000.0).round() / 10.0,
        (host.min(1.0) * 1000.0).round() / 10.0,
    )
}

fn hostname() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::fs;

    use serde_json::{Value, json};

    /// One process, as far as we care.
    pub(super) struct Process {
        parent: u32,
        pub(super) ticks: u64,
        pub(super) resident_bytes: u64,
    }

    /// A process and all its descendants.
    pub(super) fn family(pid: u32) -> Vec<Process> {
        let mut all: HashMap<u32, Process> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| Some((pid, read_process(pid)?)))
            .collect();
        let mut members = vec![pid];
        let mut at = 0;
        while let Some(parent) = members.get(at).copied() {
            members.extend(
                all.iter()
                    .filter(|(_, process)| process.parent == parent)
                    .map(|(pid, _)| *pid),
            );
            at += 1;
        }
        members
            .into_iter()
            .filter_map(|pid| all.remove(&pid))
            .collect()
    }

    fn read_process(pid: u32) -> Option<Process> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in brackets may hold anything; the fields start after the last bracket.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok());
        Some(Process {
            parent: u32::try_from(field(1)?).ok()?,
            ticks: field(11)? + field(12)?,
            resident_bytes: field(21)? * rustix::param::page_size() as u64,
        })
    }

    /// Busy and total ticks of all processors since boot.
    pub(super) fn host_ticks() -> (u64, u64) {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let ticks: Vec<u64> = stat
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .take(8)
            .filter_map(|text| text.parse().ok())
            .collect();
        let total: u64 = ticks.iter().sum();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        (total - idle, total)
    }

    /// The figures that clients read of psutil's virtual_memory, in bytes.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn host_memory() -> Value {
        let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let bytes = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
                .unwrap_or(0)
                * 1024
        };
        let (total, available, free) = (bytes("MemTotal"), bytes("MemAvailable"), bytes("MemFree"));
        let used = total.saturating_sub(available);
        let percent = (used as f64 / (total.max(1) as f64) * 1000.0).round() / 10.0;
        json!({
            "total": total, "available": available, "percent": percent, "used": used, "free": free,
            "active": bytes("Active"), "inactive": bytes("Inactive"), "buffers": bytes("Buffers"),
            "cached": bytes("Cached"), "shared": bytes("Shmem"), "slab": bytes("Slab"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_plausible() {
        let mut usage = Usage::default();
        let content = usage.content();
        assert_eq!(content["pid"], std::process::id());
        assert!(
            content["hostname"]
                .as_str()
                .is_some_and(|name| !name.is_empty())
        );
        if cfg!(target_os = "linux") {
            let own = content["kernel_memory"].as_u64().unwrap();
            assert!(
                own > 100_000 && own < content["host_virtual_memory"]["total"].as_u64().unwrap()
            );
            assert!(usage.content()["host_cpu_percent"].as_f64().unwrap() <= 100.0);
        }
    }
}
