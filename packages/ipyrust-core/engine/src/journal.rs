//! The file that tells how a kernel died: a record ([`crate::record`]) and behind it what `faulthandler` wrote.
//!
//! A kernel makes it beside its connection file and removes it when it ends in order; a file that is left and that no
//! living process holds the lock of is the last word of a kernel that died. Nothing here follows a symbolic link, takes
//! a file of another user, or reads more than a bound.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags, fcntl_lock, fstat, open};
use rustix::io::Errno;

use crate::record::{RECORD_BYTES, View};
use crate::stack_text::MAX_TEXT_BYTES;

/// What journals end in.
pub const SUFFIX: &str = "ipyrust-journal";

/// Our own journal: open, locked, and as long as a record at least.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

/// What a kernel that died left behind.
#[derive(Debug, PartialEq, Eq)]
pub struct Remains {
    /// The record; see [`crate::record::View::new`].
    pub record: Vec<u8>,
    /// What `faulthandler` wrote.
    pub stacks: String,
}

/// What is at a journal's path.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// The journal of a kernel that lives.
    Living,
    /// The journal of one that died.
    Dead(Remains),
    /// Something else, which is not read.
    Foreign,
}

/// Where the journal of the kernel with this connection file is.
#[must_use]
pub fn path_beside(connection_file: &Path) -> PathBuf {
    connection_file.with_extension(SUFFIX)
}

impl Journal {
    /// Make a journal at `path`, where nothing may be. All its space is reserved: a mapped page without room on the disk
    /// would be a bus error later.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn create(path: &Path) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let flags = flags | OFlags::APPEND | OFlags::CLOEXEC;
        let mut file = File::from(open(path, flags, Mode::RUSR | Mode::WUSR)?);
        // Locked while it is empty, and so too short to be taken for the journal of a kernel that died.
        let journal = match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            // Without locks a reader cannot tell that we live; its own test of our pid must do.
            Ok(()) | Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::INVAL) => reserve(&mut file),
            Err(errno) => Err(errno.into()),
        };
        if let Err(error) = journal {
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// The file, for mapping the record and for `faulthandler`, whose text is appended.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `faulthandler` has written so far.
    #[must_use]
    pub fn stacks(&self) -> String {
        let mut text = vec![0; MAX_TEXT_BYTES];
        let count = rustix::io::pread(self.file.as_fd(), &mut text[..], RECORD_BYTES as u64);
        text.truncate(count.unwrap_or(0));
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The kernel ends in order.
    pub fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn reserve(file: &mut File) -> Result<()> {
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(
        &*file,
        rustix::fs::FallocateFlags::empty(),
        0,
        RECORD_BYTES as u64,
    ) {
        Ok(()) => return Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
        Err(errno) => return Err(errno.into()),
    }
    file.write_all(&[0; RECORD_BYTES])
}

/// Look what is at `path`, without changing it.
#[must_use]
pub fn find(path: &Path) -> Found {
    let (mut file, len) = match open_own(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Found::Nothing,
        Err(_) => return Found::Foreign,
    };
    if len < RECORD_BYTES as u64 {
        return Found::Foreign; // Torn, or just being made by a kernel, whose lock ours would be in the way of.
    }
    let lock = fcntl_lock(&file, FlockOperation::NonBlockingLockShared);
    if matches!(lock, Err(Errno::AGAIN | Errno::ACCESS)) {
        return Found::Living;
    }
    let mut record = vec![0; RECORD_BYTES];
    let mut stacks = Vec::new();
    if file.read_exact(&mut record).is_err()
        || (&mut file)
            .take(MAX_TEXT_BYTES as u64)
            .read_to_end(&mut stacks)
            .is_err()
    {
        return Found::Foreign;
    }
    // User code that opens and closes its kernel's journal ends the lock, too.
    let is_kept = |pid| lives(pid) && (lock.is_err() || has_open(pid, &file));
    if View::new(&record).is_some_and(|view| is_kept(view.pid())) {
        return Found::Living;
    }
    Found::Dead(Remains {
        record,
        stacks: String::from_utf8_lossy(&stacks).into_owned(),
    })
}

/// Which file is at a path. A number that another file had before is told apart by the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    number: u64,
    changed: (i64, i64),
}

impl Identity {
    /// Of what is at `path` now, without following a symbolic link; None if there is nothing.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::symlink_metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            number: metadata.ino(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

/// Remove the file at `path` if it is this one, and nothing that was put there in its place. No system removes a file by
/// anything but its name; so it gets a name that nobody else uses, and if it is another one, its own again.
pub fn remove_this(path: &Path, identity: Identity) {
    let aside = path.with_extension(format!("{}-aside.{SUFFIX}", std::process::id()));
    if Identity::of(path) != Some(identity) || std::fs::rename(path, &aside).is_err() {
        return;
    }
    put_back_or_remove(path, &aside, identity);
}

/// Second half of [`remove_this`].
fn put_back_or_remove(path: &Path, aside: &Path, identity: Identity) {
    if Identity::of(aside) == Some(identity) && std::fs::remove_file(aside).is_ok() {
        return;
    }
    // A link does not replace what a third one has put there meanwhile; then it stays aside, where it is found, too.
    match std::fs::hard_link(aside, path) {
        Ok(()) => {
            let _ = std::fs::remove_file(aside);
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(_) => {
            let _ = std::fs::rename(aside, path); // A file system without links.
        }
    }
}

/// Whether two paths lead to the same file, without opening it: the locks of a process on a file end as soon as it closes
/// any descriptor of that file.
#[must_use]
pub fn is_same_file(path: &Path, other: &Path) -> bool {
    let file = |path: &Path| {
        let metadata = std::fs::symlink_metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    file(path).is_some_and(|found| file(other) == Some(found))
}

/// Whether another process has this file open; false where the system does not tell.
fn has_open(pid: u32, file: &File) -> bool {
    let Ok(wanted) = file.metadata() else {
        return false;
    };
    if pid == std::process::id() {
        return false; // It is we who look; the record is of one that had our number before us.
    }
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .filter_map(|entry| std::fs::metadata(entry.ok()?.path()).ok())
        .any(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
}

/// Whether there is such a process.
fn lives(pid: u32) -> bool {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH))
}

/// Open a regular file of our own with no other name, for reading; also returns its length.
///
/// # Errors
/// Whatever the system says, and `PermissionDenied` for anything else than such a file.
pub fn open_own(path: &Path) -> Result<(File, u64)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty())?);
    let status = fstat(&file)?;
    let is_ours = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile
        && status.st_uid == rustix::process::geteuid().as_raw()
        && status.st_nlink == 1;
    if !is_ours {
        return Err(Error::from(ErrorKind::PermissionDenied));
    }
    Ok((file, u64::try_from(status.st_size).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("ipyrust-journal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    #[test]
    fn a_journal_that_is_left_tells_what_was_recorded() {
        let folder = folder("left");
        let path = path_beside(&folder.join("kernel-1.json"));
        assert_eq!(path.file_name().unwrap(), "kernel-1.ipyrust-journal");
        assert_eq!(find(&path), Found::Nothing);
        let mut journal = Journal::create(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(Journal::create(&path).is_err(), "there is one already");
        journal
            .file
            .write_all(b"Fatal Python error: Aborted\n")
            .unwrap();
        assert_eq!(journal.stacks(), "Fatal Python error: Aborted\n");
        drop(journal);
        // The record as a map would have left it.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[..RECORD_BYTES].copy_from_slice(&Record::new(1).snapshot());
        std::fs::write(&path, bytes).unwrap();
        let Found::Dead(remains) = find(&path) else {
            panic!()
        };
        assert_eq!(
            View::new(&remains.record).unwrap().pid(),
            std::process::id()
        );
        assert_eq!(remains.stacks, "Fatal Python error: Aborted\n");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_the_file_that_was_looked_at_is_removed() {
        let folder = folder("this");
        let path = folder.join("kernel-1.ipyrust-journal");
        let names = || std::fs::read_dir(&folder).unwrap().count();
        std::fs::write(&path, b"old").unwrap();
        let old = Identity::of(&path).unwrap();
        // Another kernel takes the old one away and makes its own, before the removal and in the middle of it.
        std::fs::rename(&path, folder.join("gone")).unwrap();
        std::fs::write(&path, b"new").unwrap();
        remove_this(&path, old);
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let aside = folder.join("aside");
        std::fs::rename(&path, &aside).unwrap();
        put_back_or_remove(&path, &aside, old);
        assert_eq!((std::fs::read(&path).unwrap(), names()), (b"new".into(), 2));
        // A third one has made its own.
        std::fs::rename(&path, &aside).unwrap();
        std::fs::write(&path, b"third").unwrap();
        put_back_or_remove(&path, &aside, old);
        assert_eq!(std::fs::read(&path).unwrap(), b"third");
        assert_eq!(std::fs::read(&aside).unwrap(), b"new");
        remove_this(&path, Identity::of(&path).unwrap());
        assert_eq!((Identity::of(&path), names()), (None, 2));
        std::fs::create_dir(&path).unwrap();
        remove_this(&path, Identity::of(&path).unwrap());
        assert!(path.is_dir(), "somebody's folder keeps its name");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_is_itself_by_any_name() {
        let folder = folder("names");
        let (one, other) = (folder.join("one"), folder.join("other"));
        std::fs::write(&one, b"").unwrap();
        std::fs::write(&other, b"").unwrap();
        symlink(&folder, folder.join("link")).unwrap();
        assert!(is_same_file(&one, &folder.join("link").join("one")));
        assert!(!is_same_file(&one, &other));
        assert!(!is_same_file(&folder.join("none"), &folder.join("none")));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_no_journal_of_ours_is_not_read() {
        let folder = folder("foreign");
        let path = folder.join("k.ipyrust-journal");
        std::fs::write(folder.join("other"), vec![0; RECORD_BYTES]).unwrap();
        symlink(folder.join("other"), &path).unwrap();
        assert_eq!(find(&path), Found::Foreign, "a symbolic link");
        assert!(Journal::create(&path).is_err());
        std::fs::remove_file(&path).unwrap();
        std::fs::hard_link(folder.join("other"), &path).unwrap();
        assert_eq!(find(&path), Found::Foreign, "a second name of another file");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(find(&path), Found::Foreign, "a directory");
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(find(&path), Found::Foreign, "a torn file");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
