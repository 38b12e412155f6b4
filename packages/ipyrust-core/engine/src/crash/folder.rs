//! Crash reports as files: journals of kernels that died become reports beside them, for their owner alone.

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

use super::Report;
use crate::journal::{self, Found, Identity, open_own};

/// Reports that are kept in a folder; the oldest make room.
pub const KEPT_REPORTS: usize = 10;
/// A larger file is no report.
pub const MAX_REPORT_BYTES: u64 = 1 << 20;
/// Journals that are looked at in one go.
const MOST_JOURNALS: usize = 1000;
const PREFIX: &str = "ipyrust-crash-";

/// Turn the journal at `path`, if its kernel died, into a report in the same folder; the journal is removed. Also returns
/// where the report is, if it could be written.
#[must_use]
pub fn take_over(path: &Path) -> Option<(Report, std::io::Result<PathBuf>)> {
    let identity = Identity::of(path)?;
    let found = journal::find(path);
    if !matches!(found, Found::Dead(_) | Found::Foreign) {
        return None;
    }
    let kernel = path.file_stem().unwrap_or_default().to_string_lossy();
    let report = match &found {
        Found::Dead(remains) => Report::of(remains, &kernel),
        _ => None,
    };
    // Written before the journal goes: a death that comes in between is told twice rather than never.
    let written = report.map(|report| {
        let file = write(path.parent().unwrap_or(Path::new(".")), &report);
        (report, file)
    });
    // Not what another kernel has put there in the meantime.
    journal::remove_this(path, identity);
    written
}

/// Make reports of all journals in `folder` whose kernels died, except `own`, however the folder is spelled.
pub fn take_over_all(folder: &Path, own: Option<&Path>) {
    for path in files(folder, "", journal::SUFFIX)
        .into_iter()
        .take(MOST_JOURNALS)
    {
        let is_own = own.is_some_and(|own| journal::is_same_file(own, &path));
        if !is_own && matches!(journal::find(&path), Found::Dead(_)) {
            let _ = take_over(&path);
        }
    }
}

/// The reports in `folder`, the newest first.
#[must_use]
pub fn reports(folder: &Path) -> Vec<PathBuf> {
    let mut found = files(folder, PREFIX, "json");
    found.sort();
    found.reverse();
    found
}

/// Read a report.
///
/// # Errors
/// Whatever the system says; `InvalidData` for what is no report.
pub fn read(path: &Path) -> std::io::Result<Report> {
    let (file, _) = open_own(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_REPORT_BYTES).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Keep a report in `folder`, and no more than [`KEPT_REPORTS`] in all.
fn write(folder: &Path, report: &Report) -> std::io::Result<PathBuf> {
    let died = report.died.as_deref().or(report.memory.sampled.as_deref());
    let time: String = died
        .unwrap_or(&report.started)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let path = folder.join(format!("{PREFIX}{time}-{}.json", report.pid));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = std::fs::File::from(open(&path, flags, Mode::RUSR | Mode::WUSR)?);
    let text = serde_json::to_string_pretty(report)?;
    if let Err(error) = file.write_all(text.as_bytes()) {
        let _ = std::fs::remove_file(&path);
        return Err(error);
    }
    for old in reports(folder).into_iter().skip(KEPT_REPORTS) {
        let _ = std::fs::remove_file(old);
    }
    Ok(path)
}

fn files(folder: &Path, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension().is_some_and(|found| found == suffix)
                && path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::remains;
    use super::*;
    use crate::record::Record;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("ipyrust-crash-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    #[test]
    fn of_many_reports_the_newest_are_kept() {
        let folder = folder("many");
        let record = Record::new(1);
        let mut report = Report::of(&remains(&record, ""), "k").unwrap();
        for second in 10..10 + KEPT_REPORTS + 3 {
            report.died = Some(format!("2026-01-01T00:00:{second}.000Z"));
            assert_eq!(read(&write(&folder, &report).unwrap()).unwrap(), report);
        }
        let kept = reports(&folder);
        assert_eq!(kept.len(), KEPT_REPORTS);
        assert!(kept[0].to_string_lossy().contains("20260101T000022000Z"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        let folder = folder("garbage");
        let path = folder.join("ipyrust-crash-1.json");
        for text in ["", "{", "[]", "{\"pid\": \"x\"}"] {
            std::fs::write(&path, text).unwrap();
            assert!(read(&path).is_err(), "{text}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
