//! Handlers of signals that end the process, and of the one that asks for stacks.
//!
//! A handler may run in the middle of anything, so these store numbers, write to a descriptor, wait, and call nothing
//! else. The I/O thread does the rest. They belong to the process, hence the statics; a forked child has them too and is
//! told from the kernel by its process id.

use std::ffi::c_int;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

use ipyrust_engine::Core;
use ipyrust_engine::fatal::{CRASHES, Fatal};
use ipyrust_engine::post_mortem::own_thread;
use ipyrust_engine::record::{Block, DIED_AT, ENDING_AT, EXIT_CALLED, SIGNAL_AT, THREAD_AT};

/// What the handlers tell the engine.
pub(crate) static FATAL: Fatal = Fatal::new();

/// The kernel's process, as opposed to a forked child of it.
static KERNEL: AtomicI32 = AtomicI32::new(0);
/// The record, while it is mapped to a file.
static RECORD: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// Wakes the I/O thread.
static WAKE_FD: AtomicI32 = AtomicI32::new(-1);
/// faulthandler's handler, which writes the stacks.
static DUMPER: AtomicUsize = AtomicUsize::new(0);
/// Whether [`called_exit`] is registered.
static SEES_EXIT: AtomicBool = AtomicBool::new(false);

/// Signals that end a process that has no handler; only noted.
const ENDINGS: [c_int; 4] = [libc::SIGSYS, libc::SIGXCPU, libc::SIGTERM, libc::SIGHUP];
/// The signal that asks for the stacks of all threads, as it does in a JVM.
const STACKS: c_int = libc::SIGQUIT;
/// How often and how long, in milliseconds, a dying thread waits for the I/O thread.
const WAITS: c_int = 200;
const WAIT_MS: c_int = 5;

/// The record, mapped. Never unmapped: a handler may run at any time.
struct Mapped {
    start: *mut u8,
    len: usize,
}

// SAFETY: the memory belongs to no thread; the engine guards it with a lock.
unsafe impl Send for Mapped {}

impl AsMut<[u8]> for Mapped {
    fn as_mut(&mut self) -> &mut [u8] {
        // SAFETY: the map has `len` bytes and is never undone, its file has space for all of them, and the engine holds
        // the only `Mapped`. The handlers write whole aligned numbers to it that the engine only reads.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }
}

/// Map the first `len` bytes of `file`; the handlers note there what they see.
pub(crate) fn map_file(file: &File, len: usize) -> std::io::Result<Block> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the system chooses a place that nothing else is at.
    let start = unsafe {
        libc::mmap(
            null_mut(),
            len,
            access,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error());
    }
    let start = start.cast::<u8>();
    RECORD.store(start, Ordering::Release);
    Ok(Box::new(Mapped { start, len }))
}

/// Watch the signals that end this process; those that have a handler already are left alone.
pub(crate) fn watch_endings(core: &Core) {
    own(core);
    for signal in CRASHES {
        replace_default(signal as c_int, on_crash as *const () as usize);
    }
    for signal in ENDINGS {
        replace_default(signal, on_ending as *const () as usize);
    }
    if !SEES_EXIT.swap(true, Ordering::AcqRel) {
        // SAFETY: the function lives as long as the process, as this library is never unloaded.
        unsafe { libc::atexit(called_exit) };
    }
}

/// Put a handler in front of the one that faulthandler has just registered for [`STACKS`].
pub(crate) fn watch_stack_signal(core: &Core) {
    own(core);
    let registered = handler_of(STACKS);
    let ours = on_stack_signal as *const () as usize;
    if registered != libc::SIG_DFL && registered != libc::SIG_IGN && registered != ours {
        DUMPER.store(registered, Ordering::Release);
        // Whatever system call it comes into the middle of goes on afterwards, where the system can do that.
        set_handler(STACKS, ours, libc::SA_RESTART | libc::SA_ONSTACK);
    }
}

/// Make the main thread write all stacks; false if the signal's handler is not ours any more.
pub(crate) fn ask_for_stacks() -> bool {
    if handler_of(STACKS) != on_stack_signal as *const () as usize {
        return false;
    }
    // SAFETY: a directed kill needs no more than two numbers. On Linux the main thread's id is the process's.
    unsafe { send_to_main_thread() == 0 }
}

#[cfg(target_os = "linux")]
unsafe fn send_to_main_thread() -> c_int {
    // SAFETY: tgkill takes any numbers.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::getpid(), STACKS) };
    if sent == 0 { 0 } else { -1 }
}

#[cfg(not(target_os = "linux"))]
unsafe fn send_to_main_thread() -> c_int {
    // SAFETY: kill takes any numbers; the I/O thread blocks all signals, so another one handles it.
    unsafe { libc::kill(libc::getpid(), STACKS) }
}

fn own(core: &Core) {
    // SAFETY: getpid cannot fail.
    KERNEL.store(unsafe { libc::getpid() }, Ordering::Release);
    WAKE_FD.store(core.wake_fd(), Ordering::Release);
}

fn handler_of(signal: c_int) -> usize {
    // SAFETY: zeros are a valid sigaction, and the call fills it in.
    unsafe {
        let mut current: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut current);
        current.sa_sigaction
    }
}

fn set_handler(signal: c_int, handler: usize, flags: c_int) {
    // SAFETY: zeros are a valid sigaction with an empty mask; `handler` is SIG_DFL or a function that takes the number of
    // a signal and calls nothing that is forbidden in a handler.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigaction(signal, &raw const action, null_mut());
    }
}

fn replace_default(signal: c_int, handler: usize) {
    if handler_of(signal) == libc::SIG_DFL {
        set_handler(signal, handler, libc::SA_ONSTACK);
    }
}

fn is_kernel() -> bool {
    // SAFETY: getpid cannot fail and may be called in a handler.
    unsafe { libc::getpid() == KERNEL.load(Ordering::Acquire) }
}

/// faulthandler has written the stacks and calls the handler before it: this one.
extern "C" fn on_crash(signal: c_int) {
    if is_kernel() {
        if FATAL.strike(signal) {
            note(signal);
            wake();
        }
        for _ in 0..WAITS {
            if FATAL.is_told() {
                break;
            }
            // SAFETY: poll without descriptors only waits, and may be called in a handler.
            unsafe { libc::poll(null_mut(), 0, WAIT_MS) };
        }
    }
    die_of(signal);
}

extern "C" fn on_ending(signal: c_int) {
    if is_kernel() {
        note(signal);
    }
    die_of(signal);
}

/// The signal is blocked while its handler runs, so it takes effect when this one returns.
fn die_of(signal: c_int) {
    set_handler(signal, libc::SIG_DFL, 0);
    // SAFETY: raise takes any number and may be called in a handler.
    unsafe { libc::raise(signal) };
}

extern "C" fn on_stack_signal(signal: c_int) {
    if !is_kernel() {
        return die_of(signal);
    }
    keep_errno(|| {
        let dumper = DUMPER.load(Ordering::Acquire);
        if dumper != 0 {
            // SAFETY: this was the handler of the signal, so it is a function that takes its number.
            unsafe { std::mem::transmute::<usize, extern "C" fn(c_int)>(dumper)(signal) };
        }
        FATAL.set_dumped();
        wake();
    });
}

extern "C" fn called_exit() {
    if is_kernel() {
        store(|record| {
            // SAFETY: see `store`; the place is aligned.
            let ending = unsafe { AtomicU32::from_ptr(record.add(ENDING_AT).cast()) };
            let _ = ending.compare_exchange(0, EXIT_CALLED, Ordering::AcqRel, Ordering::Acquire);
        });
    }
}

fn note(signal: c_int) {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is good for the call, which may be made in a handler.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    let ms = now.tv_sec * 1000 + now.tv_nsec / 1_000_000;
    store(|record| {
        // SAFETY: see `store`; the three places are aligned.
        unsafe {
            AtomicU64::from_ptr(record.add(THREAD_AT).cast())
                .store(own_thread(), Ordering::Relaxed);
            AtomicU64::from_ptr(record.add(DIED_AT).cast())
                .store(ms.cast_unsigned(), Ordering::Relaxed);
            AtomicU32::from_ptr(record.add(SIGNAL_AT).cast())
                .store(signal.cast_unsigned(), Ordering::Release);
        }
    });
}

/// Call `write` with the record, if it is mapped: page-aligned, `RECORD_BYTES` long, and never unmapped.
fn store(write: impl FnOnce(*mut u8)) {
    let record = RECORD.load(Ordering::Acquire);
    if !record.is_null() {
        write(record);
    }
}

fn wake() {
    let one = 1u64.to_ne_bytes();
    // SAFETY: the bytes are good for the call, which may be made in a handler; a bad descriptor is refused.
    unsafe {
        libc::write(
            WAKE_FD.load(Ordering::Acquire),
            one.as_ptr().cast(),
            one.len(),
        )
    };
}

/// What the handler interrupted must find `errno` as it was.
fn keep_errno(work: impl FnOnce()) {
    #[cfg(target_os = "linux")]
    // SAFETY: the place of this thread's errno is always valid.
    let place = unsafe { libc::__errno_location() };
    #[cfg(not(target_os = "linux"))]
    // SAFETY: as above.
    let place = unsafe { libc::__error() };
    // SAFETY: as above.
    let before = unsafe { *place };
    work();
    // SAFETY: as above.
    unsafe { *place = before };
}
