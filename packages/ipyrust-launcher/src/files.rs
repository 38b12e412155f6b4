//! Reading files of others: never without a bound, and never one that is no file, which could keep us waiting.

use std::fs;
use std::io::Read;
use std::path::Path;

/// No file that we look at is longer; what follows is not read.
const LONGEST: u64 = 1 << 20;

/// The text of a file, what is no UTF-8 replaced; None when there is no such file or it cannot be read.
pub(crate) fn read(path: &Path) -> Option<String> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_and_only_so_much() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(read(&path), None);
        assert_eq!(read(folder.path()), None);
        assert_eq!(read(Path::new("/dev/zero")), None);
        fs::write(&path, "x".repeat(3 << 20)).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1 << 20);
    }
}
