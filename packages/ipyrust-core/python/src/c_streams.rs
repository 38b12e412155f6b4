//! C's own `stdout` and `stderr`: text in their buffers must reach the captured descriptors before a cell is done.

use std::ffi::c_int;

use libc::FILE;

unsafe extern "C" {
    #[cfg_attr(target_os = "macos", link_name = "__stdoutp")]
    static stdout: *mut FILE;
    #[cfg_attr(target_os = "macos", link_name = "__stderrp")]
    static stderr: *mut FILE;
    fn ftrylockfile(stream: *mut FILE) -> c_int;
    fn funlockfile(stream: *mut FILE);
}

/// Write out what C code has left in its buffers. A stream that another thread holds is skipped rather than waited for;
/// not `fflush(NULL)`, which waits for every stream, also one that a thread reads from.
pub(crate) fn flush() {
    // SAFETY: both are C's own streams, which live as long as the process; they are only read here.
    for stream in unsafe { [stdout, stderr] } {
        // SAFETY: as above; the stream is unlocked by the thread that locked it, right after it was flushed.
        unsafe {
            if !stream.is_null() && ftrylockfile(stream) == 0 {
                libc::fflush(stream);
                funlockfile(stream);
            }
        }
    }
}
