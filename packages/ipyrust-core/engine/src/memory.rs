//! How much memory this process has, how much it may have, and whether the system ended processes for want of it.
//!
//! Read from files of the system, so never on the way of a cell.

use std::fs;
use std::path::{Path, PathBuf};

use crate::record::{Memory, now_ms};

/// Where control groups are mounted.
const GROUPS: &str = "/sys/fs/cgroup";

/// The control group that limits our memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its folder; empty when there is none.
    pub folder: String,
    /// Bytes that its processes may have together; 0 = no limit.
    pub limit_bytes: u64,
}

impl Group {
    /// The group that this process is in, and the lowest limit on the way up.
    #[must_use]
    pub fn own() -> Self {
        let Some(folder) = own_folder() else {
            return Self::default();
        };
        let limit_bytes = folder
            .ancestors()
            .take_while(|folder| folder.starts_with(GROUPS))
            .filter_map(|folder| {
                ["memory.max", "memory.limit_in_bytes"]
                    .iter()
                    .find_map(|name| read_number(&folder.join(name)))
            })
            .filter(|limit| *limit < 1 << 60) // "no limit" in version 1 is a huge number
            .min()
            .unwrap_or(0);
        Self {
            folder: folder.to_string_lossy().into_owned(),
            limit_bytes,
        }
    }
}

/// Memory of this process now.
#[must_use]
pub fn sample(group: &str) -> Memory {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |name: &str| field(&status, name).unwrap_or(0) * 1024;
    let (group_kills, host_kills) = kills(group);
    Memory {
        resident_bytes: bytes("VmRSS:"),
        peak_bytes: bytes("VmHWM:"),
        sampled_ms: now_ms(),
        group_kills,
        host_kills,
    }
}

/// Processes ended for want of memory since the group was made and since the host was started.
#[must_use]
pub fn kills(group: &str) -> (u64, u64) {
    let counted = |file: &Path| {
        fs::read_to_string(file)
            .ok()
            .and_then(|text| field(&text, "oom_kill"))
    };
    let of_group = Some(Path::new(group))
        .filter(|folder| folder.starts_with(GROUPS) && !group.contains(".."))
        .and_then(|folder| {
            counted(&folder.join("memory.events")).or(counted(&folder.join("memory.oom_control")))
        });
    let of_host = counted(Path::new("/proc/vmstat"));
    (of_group.unwrap_or(0), of_host.unwrap_or(0))
}

/// `0::/user.slice/…` in version 2, `4:memory:/…` in version 1.
fn own_folder() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut lines = text
        .lines()
        .map(|line| line.splitn(3, ':').collect::<Vec<_>>());
    lines.find_map(|parts| match parts[..] {
        ["0", "", path] => folder_of(GROUPS, path, "memory.max"),
        [_, "memory", path] => {
            folder_of(&format!("{GROUPS}/memory"), path, "memory.limit_in_bytes")
        }
        _ => None,
    })
}

/// In a container the path may be the host's; then the mount itself is the group.
fn folder_of(mount: &str, path: &str, file: &str) -> Option<PathBuf> {
    let inner = Path::new(mount).join(path.trim_start_matches('/'));
    [inner, PathBuf::from(mount)]
        .into_iter()
        .find(|folder| folder.join(file).exists())
}

fn read_number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The number after `name` at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .find_map(|rest| {
            rest.starts_with(char::is_whitespace)
                .then(|| rest.split_whitespace().next()?.parse().ok())
                .flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "oom 4\noom_kill 2\noom_group_kill 1\nVmRSS:\t  12 kB\n";
        assert_eq!(field(text, "oom_kill"), Some(2));
        assert_eq!(field(text, "VmRSS:"), Some(12));
        assert_eq!(field(text, "oom_k"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_some_memory() {
        let memory = sample(&Group::own().folder);
        assert!(memory.resident_bytes > 100_000 && memory.peak_bytes >= memory.resident_bytes / 2);
    }

    #[test]
    fn a_group_outside_of_the_mount_is_not_read() {
        assert_eq!(kills("/etc").0, 0);
        assert_eq!(kills("/sys/fs/cgroup/../../etc").0, 0);
    }
}
