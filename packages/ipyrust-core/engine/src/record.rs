//! What outlives the process: which cells run, in how much memory, and what ended it, in one fixed-size block.
//!
//! The block may be a file mapped into memory ([`crate::journal`]): then a plain store is all that a cell costs, and what
//! was stored last is in the file however the process ends. Here is only the layout: [`Record`] writes it, [`View`]
//! reads it. A view trusts nothing, because the file may be torn or made by somebody else: what does not fit is absent.

use parking_lot::Mutex;

/// Bytes of a record.
pub const RECORD_BYTES: usize = 32 << 10;
/// Cells that are recorded while they run at the same time; further ones are counted only.
pub const CELL_SLOTS: usize = 8;
/// Bytes of a cell's code that are kept.
pub const CODE_BYTES: usize = 2000;
/// Names of cells' files that are kept; the oldest is forgotten.
pub const NAME_SLOTS: usize = 64;

const MAGIC: [u8; 8] = *b"ipyrust\x01";
const GROUP_BYTES: usize = 240;
const MSG_ID_BYTES: usize = 120;
const NAME_BYTES: usize = 172;
const SLOT: usize = 2304;
const NAME_SLOT: usize = 192;

/// Where the fatal signal's handler stores its number (`i32`); it can call nothing of this module.
pub const SIGNAL_AT: usize = 12;
/// Where the handler stores the time, in milliseconds since 1970 (`u64`).
pub const DIED_AT: usize = 16;
/// Where the handler stores the thread it ran on (`u64`, as `pthread_self`).
pub const THREAD_AT: usize = 24;
/// Where C's `exit` leaves [`EXIT_CALLED`] (`u32`), unless something else stands there.
pub const ENDING_AT: usize = 40;
/// See [`ENDING_AT`].
pub const EXIT_CALLED: u32 = 2;

const PID_AT: usize = 8;
const STARTED_AT: usize = 32;
const CODE_AT: usize = 44;
const RESIDENT_AT: usize = 48;
const PEAK_AT: usize = 56;
const SAMPLED_AT: usize = 64;
const LIMIT_AT: usize = 72;
const GROUP_KILLS_AT: usize = 80;
const HOST_KILLS_AT: usize = 88;
const TOLD_AT: usize = 96;
const MORE_AT: usize = 100;
const MAIN_AT: usize = 104;
const NEXT_NAME_AT: usize = 112;
const GROUP_AT: usize = 120;
const SLOTS_AT: usize = 512;
const NAMES_AT: usize = SLOTS_AT + CELL_SLOTS * SLOT;

const _: () = {
    assert!(40 + 2 + MSG_ID_BYTES + 2 + CODE_BYTES <= SLOT);
    assert!(8 + 2 + NAME_BYTES <= NAME_SLOT);
    assert!(GROUP_AT + 2 + GROUP_BYTES <= SLOTS_AT);
    assert!(NAMES_AT + NAME_SLOTS * NAME_SLOT <= RECORD_BYTES);
};

/// How the process ended itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// `os._exit`, which runs nothing any more.
    ExitNow(i32),
    /// C's `exit`, called by something else than the kernel.
    Exit,
    /// The I/O thread failed.
    IoError,
}

/// Memory of this process at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident bytes; 0 where the system does not tell.
    pub resident_bytes: u64,
    /// Most resident bytes so far.
    pub peak_bytes: u64,
    /// When this was read, in milliseconds since 1970.
    pub sampled_ms: u64,
    /// Processes that the system ended for want of memory: in our control group, and on the whole host.
    pub group_kills: u64,
    /// See `group_kills`.
    pub host_kills: u64,
}

/// A cell that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCell {
    /// The execute_request.
    pub msg_id: String,
    /// Its number; 0 for one that has none (`silent`).
    pub execution_count: u64,
    /// The thread that runs it, as `pthread_self`.
    pub thread: u64,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// The beginning of its code.
    pub code: String,
    /// Bytes of the whole code.
    pub code_bytes: u64,
}

/// Where a record is kept: the heap, or a file mapped into memory.
pub type Block = Box<dyn AsMut<[u8]> + Send>;

/// Writes a record. Every method takes a lock for less than a microsecond.
pub struct Record {
    block: Mutex<Block>,
}

impl Record {
    /// An empty record on the heap. The calling thread is the main thread.
    #[must_use]
    pub fn new(main_thread: u64) -> Self {
        let mut block = vec![0u8; RECORD_BYTES];
        put(&mut block, 0, &MAGIC);
        put(&mut block, PID_AT, &std::process::id().to_le_bytes());
        put(&mut block, STARTED_AT, &now_ms().to_le_bytes());
        put(&mut block, MAIN_AT, &main_thread.to_le_bytes());
        Self {
            block: Mutex::new(Box::new(block)),
        }
    }

    /// Go on in `block`, which takes over what was recorded so far.
    pub fn move_to(&self, mut block: Block) {
        let mut current = self.block.lock();
        (*block)
            .as_mut()
            .get_mut(..RECORD_BYTES)
            .zip((**current).as_mut().get(..RECORD_BYTES))
            .into_iter()
            .for_each(|(to, from)| to.copy_from_slice(from));
        *current = block;
    }

    /// A copy of the record as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        (**self.block.lock()).as_mut().to_vec()
    }

    /// A cell begins. Returns its slot for [`Record::end_cell`].
    pub fn begin_cell(&self, thread: u64, msg_id: &str, execution_count: u64, code: &str) -> usize {
        self.with(|block| {
            let slot = (0..CELL_SLOTS)
                .find(|slot| u32_at(block, slot_at(*slot)) == 0)
                .unwrap_or(CELL_SLOTS);
            if slot == CELL_SLOTS {
                let more = u32_at(block, MORE_AT).saturating_add(1);
                put(block, MORE_AT, &more.to_le_bytes());
                return slot;
            }
            let at = slot_at(slot);
            put(block, at + 8, &execution_count.to_le_bytes());
            put(block, at + 16, &thread.to_le_bytes());
            put(block, at + 24, &now_ms().to_le_bytes());
            put(block, at + 32, &(code.len() as u64).to_le_bytes());
            put_text(block, at + 40, msg_id, MSG_ID_BYTES);
            put_text(block, at + 40 + 2 + MSG_ID_BYTES, code, CODE_BYTES);
            // Last, so that a slot that says it is taken is whole.
            std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::Release);
            put(block, at, &1u32.to_le_bytes());
            slot
        })
    }

    /// The cell of this slot is over.
    pub fn end_cell(&self, slot: usize) {
        self.with(|block| {
            if slot < CELL_SLOTS {
                put(block, slot_at(slot), &0u32.to_le_bytes());
            } else {
                let more = u32_at(block, MORE_AT).saturating_sub(1);
                put(block, MORE_AT, &more.to_le_bytes());
            }
        });
    }

    /// Tracebacks call the code of this cell `name`. The oldest of [`NAME_SLOTS`] names makes room.
    pub fn name_cell(&self, name: &str, execution_count: u64) {
        if name.len() > NAME_BYTES {
            return;
        }
        self.with(|block| {
            let next = u32_at(block, NEXT_NAME_AT) as usize % NAME_SLOTS;
            let at = NAMES_AT + next * NAME_SLOT;
            put(block, at, &execution_count.to_le_bytes());
            put_text(block, at + 8, name, NAME_BYTES);
            let next = u32::try_from(next + 1).unwrap_or_default();
            put(block, NEXT_NAME_AT, &next.to_le_bytes());
        });
    }

    /// Memory was sampled.
    pub fn note_memory(&self, memory: &Memory) {
        self.with(|block| {
            for (at, value) in [
                (RESIDENT_AT, memory.resident_bytes),
                (PEAK_AT, memory.peak_bytes),
                (SAMPLED_AT, memory.sampled_ms),
                (GROUP_KILLS_AT, memory.group_kills),
                (HOST_KILLS_AT, memory.host_kills),
            ] {
                put(block, at, &value.to_le_bytes());
            }
        });
    }

    /// The control group whose memory limit holds for us, and the limit in bytes (0 = none).
    pub fn note_limit(&self, group: &str, limit_bytes: u64) {
        self.with(|block| {
            put_text(block, GROUP_AT, group, GROUP_BYTES);
            put(block, LIMIT_AT, &limit_bytes.to_le_bytes());
        });
    }

    /// The process is about to end itself. Only the first reason counts.
    pub fn note_ending(&self, ending: Ending) {
        let (kind, code) = match ending {
            Ending::ExitNow(code) => (1u32, code),
            Ending::Exit => (EXIT_CALLED, 0),
            Ending::IoError => (3, 0),
        };
        self.with(|block| {
            if u32_at(block, ENDING_AT) == 0 {
                put(block, CODE_AT, &code.to_le_bytes());
                put(block, ENDING_AT, &kind.to_le_bytes());
                put(block, DIED_AT, &now_ms().to_le_bytes());
            }
        });
    }

    /// Clients were told while the process died.
    pub fn note_told(&self) {
        self.with(|block| put(block, TOLD_AT, &1u32.to_le_bytes()));
    }

    fn with<T>(&self, change: impl FnOnce(&mut [u8]) -> T) -> T {
        change((**self.block.lock()).as_mut())
    }
}

/// Reads a record, whoever wrote it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a>(&'a [u8]);

impl<'a> View<'a> {
    /// None unless these bytes begin as a record and are as long as one.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (bytes.len() >= RECORD_BYTES && bytes.starts_with(&MAGIC)).then_some(Self(bytes))
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        u32_at(self.0, PID_AT)
    }

    /// The signal that ended it; None if its handler did not run.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        let signal = u32_at(self.0, SIGNAL_AT).cast_signed();
        (1..=64).contains(&signal).then_some(signal)
    }

    /// How it ended itself.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        let code = u32_at(self.0, CODE_AT).cast_signed();
        match u32_at(self.0, ENDING_AT) {
            1 => Some(Ending::ExitNow(code)),
            EXIT_CALLED => Some(Ending::Exit),
            3 => Some(Ending::IoError),
            _ => None,
        }
    }

    /// When it died, in milliseconds since 1970; None when nobody saw it.
    #[must_use]
    pub fn died_ms(&self) -> Option<u64> {
        Some(u64_at(self.0, DIED_AT)).filter(|time| *time > 0)
    }

    /// When the kernel was started.
    #[must_use]
    pub fn started_ms(&self) -> u64 {
        u64_at(self.0, STARTED_AT)
    }

    /// The thread that the signal hit.
    #[must_use]
    pub fn thread(&self) -> u64 {
        u64_at(self.0, THREAD_AT)
    }

    /// The main thread.
    #[must_use]
    pub fn main_thread(&self) -> u64 {
        u64_at(self.0, MAIN_AT)
    }

    /// Memory when it was sampled last.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory {
            resident_bytes: u64_at(self.0, RESIDENT_AT),
            peak_bytes: u64_at(self.0, PEAK_AT),
            sampled_ms: u64_at(self.0, SAMPLED_AT),
            group_kills: u64_at(self.0, GROUP_KILLS_AT),
            host_kills: u64_at(self.0, HOST_KILLS_AT),
        }
    }

    /// The control group and its memory limit in bytes (0 = none).
    #[must_use]
    pub fn limit(&self) -> (String, u64) {
        (
            text_at(self.0, GROUP_AT, GROUP_BYTES),
            u64_at(self.0, LIMIT_AT),
        )
    }

    /// Whether clients were told while the process died.
    #[must_use]
    pub fn told(&self) -> bool {
        u32_at(self.0, TOLD_AT) == 1
    }

    /// Cells that ran, the oldest first.
    #[must_use]
    pub fn cells(&self) -> Vec<OpenCell> {
        let mut cells: Vec<OpenCell> = (0..CELL_SLOTS)
            .map(slot_at)
            .filter(|at| u32_at(self.0, *at) == 1)
            .map(|at| OpenCell {
                execution_count: u64_at(self.0, at + 8),
                thread: u64_at(self.0, at + 16),
                started_ms: u64_at(self.0, at + 24),
                code_bytes: u64_at(self.0, at + 32),
                msg_id: text_at(self.0, at + 40, MSG_ID_BYTES),
                code: text_at(self.0, at + 40 + 2 + MSG_ID_BYTES, CODE_BYTES),
            })
            .collect();
        cells.sort_by_key(|cell| cell.started_ms);
        cells
    }

    /// Cells that ran without a slot of their own.
    #[must_use]
    pub fn more_cells(&self) -> u32 {
        u32_at(self.0, MORE_AT)
    }

    /// The number of the cell whose code has this file name.
    #[must_use]
    pub fn number_of(&self, name: &str) -> Option<u64> {
        if name.is_empty() {
            return None;
        }
        // The newest first: the same code run again has the same name.
        let next = u32_at(self.0, NEXT_NAME_AT) as usize % (NAME_SLOTS + 1);
        (1..=NAME_SLOTS)
            .map(|back| NAMES_AT + ((next + NAME_SLOTS - back) % NAME_SLOTS) * NAME_SLOT)
            .find(|at| text_at(self.0, *at + 8, NAME_BYTES) == name)
            .map(|at| u64_at(self.0, at))
    }
}

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|time| u64::try_from(time.as_millis()).ok())
        .unwrap_or_default()
}

fn slot_at(slot: usize) -> usize {
    SLOTS_AT + slot * SLOT
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(target) = block.get_mut(at..at + bytes.len()) {
        target.copy_from_slice(bytes);
    }
}

/// Length, then as much of `text` as fits, cut between two characters.
fn put_text(block: &mut [u8], at: usize, text: &str, room: usize) {
    let kept = (0..=room.min(text.len()))
        .rev()
        .find_map(|end| text.get(..end))
        .unwrap_or_default();
    let length = u16::try_from(kept.len()).unwrap_or_default();
    put(block, at, &length.to_le_bytes());
    put(block, at + 2, kept.as_bytes());
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes
        .get(at..at.saturating_add(N))
        .and_then(|found| found.try_into().ok())
        .unwrap_or([0; N])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn text_at(bytes: &[u8], at: usize, room: usize) -> String {
    let length = usize::from(u16::from_le_bytes(array_at(bytes, at))).min(room);
    let text = bytes.get(at + 2..at + 2 + length).unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let record = Record::new(7);
        let slot = record.begin_cell(7, "a-1", 3, "1/0");
        record.name_cell("/tmp/cell.py", 3);
        record.note_limit("/a", 1 << 30);
        record.note_ending(Ending::ExitNow(-3));
        record.note_ending(Ending::Exit);
        let memory = Memory {
            resident_bytes: 5,
            peak_bytes: 6,
            sampled_ms: 7,
            group_kills: 8,
            host_kills: 9,
        };
        record.note_memory(&memory);
        let bytes = record.snapshot();
        let view = View::new(&bytes).unwrap();
        let [cell] = &view.cells()[..] else { panic!() };
        assert_eq!(
            (&*cell.msg_id, cell.execution_count, &*cell.code),
            ("a-1", 3, "1/0")
        );
        assert_eq!((view.pid(), view.main_thread()), (std::process::id(), 7));
        assert_eq!(
            view.ending(),
            Some(Ending::ExitNow(-3)),
            "the first reason counts"
        );
        assert_eq!(
            (view.memory(), view.limit()),
            (memory, ("/a".into(), 1 << 30))
        );
        assert_eq!(
            (view.number_of("/tmp/cell.py"), view.number_of("/x")),
            (Some(3), None)
        );
        assert_eq!(view.signal(), None);
        record.end_cell(slot);
        assert!(View::new(&record.snapshot()).unwrap().cells().is_empty());
    }

    #[test]
    fn long_code_is_cut_between_characters_and_further_cells_are_counted() {
        let record = Record::new(1);
        let code = "é".repeat(CODE_BYTES);
        let slots: Vec<_> = (0..CELL_SLOTS + 2)
            .map(|_| record.begin_cell(1, "m", 1, &code))
            .collect();
        let bytes = record.snapshot();
        let view = View::new(&bytes).unwrap();
        assert_eq!((view.cells().len(), view.more_cells()), (CELL_SLOTS, 2));
        assert_eq!(view.cells()[0].code, "é".repeat(CODE_BYTES / 2));
        assert_eq!(view.cells()[0].code_bytes, code.len() as u64);
        slots.into_iter().for_each(|slot| record.end_cell(slot));
        let bytes = record.snapshot();
        let view = View::new(&bytes).unwrap();
        assert_eq!((view.cells().len(), view.more_cells()), (0, 0));
    }

    #[test]
    fn of_many_names_the_last_ones_are_known() {
        let record = Record::new(1);
        for number in 0..NAME_SLOTS as u64 + 3 {
            record.name_cell(&format!("/{number}"), number);
        }
        record.name_cell("/10", 99);
        let bytes = record.snapshot();
        let view = View::new(&bytes).unwrap();
        assert_eq!(
            (view.number_of("/0"), view.number_of("/66")),
            (None, Some(66))
        );
        assert_eq!(view.number_of("/10"), Some(99), "the newest of two");
    }

    #[test]
    fn garbage_is_read_without_harm() {
        assert!(View::new(b"").is_none());
        assert!(View::new(&[0; RECORD_BYTES]).is_none());
        let mut bytes = vec![0xff; RECORD_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        assert!(View::new(&bytes[..RECORD_BYTES - 1]).is_none(), "torn");
        let view = View::new(&bytes).unwrap();
        assert_eq!(
            (view.signal(), view.ending(), view.cells()),
            (None, None, vec![])
        );
        bytes[SLOTS_AT..SLOTS_AT + 4].copy_from_slice(&1u32.to_le_bytes());
        let view = View::new(&bytes).unwrap();
        assert_eq!(view.cells().len(), 1);
        assert_eq!(view.number_of("x"), None);
    }
}
