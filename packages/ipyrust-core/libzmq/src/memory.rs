//! Memory for copies of megabytes.
//!
//! A content of 32 MB is eight thousand pages, and to give a process one page costs the system more than to fill it. So
//! large copies are made in huge pages, of which there are fifteen, or in common ones where the system has no others.

use std::ptr::NonNull;

/// Contents of this many bytes or more belong in a [`Block`].
pub const BLOCK_BYTES: usize = 4 << 20;
/// A huge page on x86-64 and, with pages of 4 KiB, on ARM. With others memory is aligned for
/// nothing.
const HUGE_PAGE: usize = 2 << 20;

/// A copy of a large content, with memory of its own.
#[derive(Debug)]
pub struct Block {
    pages: Pages,
    length: usize,
}

impl Block {
    /// A copy of the `length` bytes at `source`; None when there are none, or no memory for them.
    ///
    /// # Safety
    /// They can be read during the call.
    pub unsafe fn copy_of(source: *const u8, length: usize) -> Option<Self> {
        let pages = Pages::new(length)?;
        // SAFETY: as the caller says; the pages are ours alone, and as many bytes or more.
        unsafe { source.copy_to_nonoverlapping(pages.start.as_ptr(), length) };
        Some(Self { pages, length })
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: so many bytes were written by the constructor, and nobody writes after it.
        unsafe { std::slice::from_raw_parts(self.pages.start.as_ptr(), self.length) }
    }
}

/// Whole pages from the system, which go back when dropped.
#[derive(Debug)]
struct Pages {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory has one owner, and belongs to no thread.
unsafe impl Send for Pages {}
// SAFETY: through a shared reference it can only be read.
unsafe impl Sync for Pages {}

impl Pages {
    /// Room for `length` bytes; None for none at all, and when the system has no more. They take no memory until they
    /// are written to.
    fn new(length: usize) -> Option<Self> {
        if length == 0 || length > isize::MAX as usize - 2 * HUGE_PAGE {
            return None;
        }
        let bytes = length.next_multiple_of(page_bytes());
        let reserved = map(bytes + HUGE_PAGE)?;
        let address = reserved.addr().get();
        let before = address.next_multiple_of(HUGE_PAGE) - address;
        // SAFETY: `before` is at most HUGE_PAGE, so all of it lies in what was just reserved, and
        // nobody else knows of the ends that go back. All borders are those of pages.
        unsafe {
            let start = reserved.add(before);
            unmap(reserved, before);
            unmap(start.add(bytes), HUGE_PAGE - before);
            ask_for_huge_pages(start, bytes);
            Some(Self { start, bytes })
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: nobody has them any more.
        unsafe { unmap(self.start, self.bytes) };
    }
}

fn page_bytes() -> usize {
    // SAFETY: has no precondition.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

fn map(bytes: usize) -> Option<NonNull<u8>> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANON;
    // SAFETY: new memory at an address of the system's choice.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, kind, -1, 0) };
    NonNull::new(start.cast()).filter(|_| start != libc::MAP_FAILED)
}

/// # Safety
/// Whole pages of a mapping that nobody uses.
unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
    if bytes > 0 {
        // SAFETY: as the caller says. Its error would mean that they are no such pages.
        unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
    }
}

/// The system may refuse, which does no harm.
///
/// # Safety
/// Whole pages of a mapping.
unsafe fn ask_for_huge_pages(start: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: as the caller says.
    unsafe {
        libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE)
    };
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(content: &[u8]) -> Option<Block> {
        // SAFETY: a slice can be read.
        unsafe { Block::copy_of(content.as_ptr(), content.len()) }
    }

    #[test]
    fn a_block_holds_what_was_copied() {
        for length in [1, BLOCK_BYTES - 1, BLOCK_BYTES, 3 * HUGE_PAGE + 12_345] {
            let content: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            let block = copy(&content).unwrap();
            assert!(block.as_ref() == content, "{length}");
            assert!(block.pages.start.addr().get().is_multiple_of(HUGE_PAGE));
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(copy(&[]).is_none());
        for length in [0, usize::MAX, isize::MAX as usize] {
            assert!(Pages::new(length).is_none(), "{length}");
        }
    }
}
