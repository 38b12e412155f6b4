//! What a fuzzer feeds with bytes, and what must hold whatever they are. Shared by the cargo-fuzz targets and by
//! `tests/transcripts/mutations.rs`, which runs the same bodies in every test run.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use bytes::Bytes;
use ipyrust_engine::capture::decode_prefix;
use ipyrust_engine::connection::{Connection, Port};
use ipyrust_engine::crash::{MAX_REPORT_BYTES, Report};
use ipyrust_engine::error::Reject;
use ipyrust_engine::frames::Frames;
use ipyrust_engine::journal::Remains;
use ipyrust_engine::message::{Author, Channel, Header, json_string, open};
use ipyrust_engine::record::{RECORD_BYTES, Record, View};
use ipyrust_engine::route::route;
use ipyrust_engine::signature::{ReplayWindow, SCHEMES, Signer, unhex};
use ipyrust_engine::stack_text::{MAX_STACK_BYTES, bounded, label, parse};

/// Stands between two frames in the input; so frames with this byte in them are not tried.
pub const SEPARATOR: u8 = 0x1e;
/// Bit of the first byte: there is a key.
const KEYED: u8 = 1;
/// Bit of the first byte: the frames get a right signature, so that the checks behind it are reached.
const SIGNED: u8 = 2;

/// The first byte holds the bits above and the scheme; the rest are frames.
pub fn open_frames(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let key: &[u8] = if mode & KEYED == 0 { b"" } else { b"key" };
    let scheme = SCHEMES[usize::from(mode >> 2) % SCHEMES.len()];
    let signer = Signer::new(scheme, key).expect("a known scheme");
    let mut frames: Vec<Bytes> = rest
        .split(|byte| *byte == SEPARATOR)
        .map(Bytes::copy_from_slice)
        .collect();
    if let Ok(mut split) = Frames::split(frames.clone()) {
        assert_eq!(split.clone().join(), frames, "split and join are inverse");
        if mode & SIGNED != 0 {
            split.signature = signer.sign(split.signed.each_ref().map(|part| &part[..]));
            frames = split.join();
        }
    }
    check_open(frames, &signer);
}

fn check_open(frames: Vec<Bytes>, signer: &Signer) {
    let mut replay = ReplayWindow::new(4);
    let mut once_more = || open(frames.clone(), Channel::Shell, signer, &mut replay);
    let Ok(request) = once_more() else {
        return;
    };
    let split = Frames::split(frames.clone()).expect("what was taken has all frames");
    let parts = split.signed.each_ref().map(|part| &part[..]);
    if signer.checks() {
        let right = unhex(&signer.sign(parts));
        assert_eq!(unhex(&split.signature), right, "nothing unsigned is taken");
        assert_eq!(once_more().map(|_| ()), Err(Reject::Replayed));
    }
    let header = std::str::from_utf8(parts[0]).expect("a taken header is UTF-8");
    match serde_json::from_str::<serde_json::Value>(header) {
        Ok(header) => {
            assert_eq!(header["msg_id"], request.header.msg_id);
            assert_eq!(header["msg_type"], request.header.msg_type);
        }
        // JSON allows half a surrogate pair and any number, and most clients read them; serde_json does not.
        Err(error) => {
            let problem = error.to_string();
            let harmless = ["hex escape", "surrogate", "number out of range"];
            assert!(
                harmless.iter().any(|each| problem.contains(each)),
                "{problem}"
            );
        }
    }
    assert_eq!(request.json[..], split.signed[..]);
    assert_eq!(request.buffers, split.buffers);
    check_reply(&request.header, request.reply_type());
}

fn check_reply(header: &Header, reply_type: Option<String>) {
    for channel in [Channel::Shell, Channel::Control] {
        let _ = route(channel, header);
    }
    if let Some(msg_type) = reply_type {
        check_header(&header.msg_id, &msg_type);
    }
}

/// The input is the user name and, behind the separator, the message type of a header of ours.
pub fn write_header(data: &[u8]) {
    let mut texts = data
        .split(|byte| *byte == SEPARATOR)
        .map(String::from_utf8_lossy);
    let username = texts.next().unwrap_or_default();
    check_header(&username, &texts.next().unwrap_or_default());
}

fn check_header(username: &str, msg_type: &str) {
    let author = Author::new("session".into(), username, 7);
    let header = author.header(msg_type, std::time::SystemTime::now());
    let header: serde_json::Value = serde_json::from_slice(&header).expect("our headers are JSON");
    assert_eq!(
        (&header["username"], &header["msg_type"]),
        (&username.into(), &msg_type.into())
    );
    let back: String = serde_json::from_str(&json_string(username)).expect("and so are strings");
    assert_eq!(back, username);
}

/// The first byte says how much is read at a time from a captured descriptor; the rest is what was written to it.
pub fn decode_captured(data: &[u8]) {
    let Some((size, written)) = data.split_first() else {
        return;
    };
    let (mut kept, mut text) = (Vec::new(), String::new());
    for read in written.chunks(usize::from(*size).max(1)) {
        kept.extend_from_slice(read);
        text += &decode_prefix(&mut kept);
        assert!(kept.len() < 4, "only the beginning of a character is kept");
    }
    text += &String::from_utf8_lossy(&kept);
    assert_eq!(
        text,
        String::from_utf8_lossy(written),
        "cuts change nothing"
    );
}

/// The input is the content of a connection file.
pub fn connection_file(data: &[u8]) {
    let path = private_file(data);
    let read = Connection::read(&path);
    let _ = std::fs::remove_file(&path);
    let connection = match read {
        Ok(connection) => connection,
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains('\n'), "an error is one line: {line:?}");
            return;
        }
    };
    let told = connection.to_json();
    assert_eq!(
        connection.signer.checks(),
        told["key"].as_str() != Some(""),
        "what has a key checks signatures"
    );
    for port in Port::ALL {
        let number = connection.port(port);
        assert_eq!(told[port.key()], number);
        if let Ok(endpoint) = connection.endpoint(port, number) {
            assert!(endpoint.starts_with("tcp://") || endpoint.starts_with("ipc://"));
        }
    }
    check_secrets(&connection, &told);
}

/// What is printed of a connection by mistake tells no key. (A short key may be in there for other reasons.)
fn check_secrets(connection: &Connection, told: &serde_json::Value) {
    let shown = format!("{connection:?}");
    for secret in ["key", "curve_secretkey"] {
        let value = told[secret].as_str().unwrap_or_default();
        let elsewhere = ["ip", "transport"]
            .iter()
            .any(|field| told[field].as_str().unwrap_or_default().contains(value));
        let named = connection.path().to_string_lossy().contains(value);
        assert!(
            value.len() < 16 || elsewhere || named || !shown.contains(value),
            "{shown} tells the {secret}"
        );
    }
}

/// A file of this thread alone with this content.
fn private_file(content: &[u8]) -> PathBuf {
    let thread = std::thread::current().id();
    let name = format!("ipyrust-fuzz-{}-{thread:?}.json", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(content))
        .expect("a temporary file");
    path
}

/// The input is what `faulthandler` may have written.
pub fn stack_text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut threads = parse(&text);
    let frames: usize = threads.iter().map(|thread| thread.frames.len()).sum();
    assert!(
        threads.len() + frames <= text.lines().count(),
        "nothing is made up"
    );
    let record = Record::new(1).snapshot();
    label(&mut threads, &View::new(&record).expect("a new record"));
    let (all, current) = (threads.len(), threads.iter().any(|thread| thread.current));
    let (kept, left_out) = bounded(threads, &|thread| thread.frames.len() > 1);
    assert_eq!(kept.len() + left_out, all);
    let bytes: usize = kept
        .iter()
        .flat_map(|thread| &thread.frames)
        .map(|frame| frame.file.len() + frame.function.len())
        .sum();
    assert!(bytes <= MAX_STACK_BYTES);
    let first = kept.first().map(|thread| thread.current);
    assert_eq!(
        first.unwrap_or(current),
        current,
        "the current thread is first"
    );
}

/// The input is laid over the beginning of a journal, behind its magic number: a record, and behind the separator what
/// `faulthandler` wrote. So a report is made of whatever a broken process, or somebody else, left in the file.
pub fn crash_report(data: &[u8]) {
    let (over, stacks) = data
        .iter()
        .position(|byte| *byte == SEPARATOR)
        .map_or((data, &[][..]), |at| data.split_at(at));
    let mut record = Record::new(1).snapshot();
    // Repeated, so that every field of the record is reached by a short input.
    if !over.is_empty() {
        let fields = record.iter_mut().skip(8);
        fields
            .zip(over.iter().cycle())
            .for_each(|(to, from)| *to = *from);
    }
    let remains = Remains {
        record,
        stacks: String::from_utf8_lossy(stacks).into_owned(),
    };
    assert_eq!(remains.record.len(), RECORD_BYTES);
    let report = Report::of(&remains, "kernel-1").expect("it begins as a record does");
    for text in [report.summary("The kernel", None), report.text()] {
        let obeyed = |char: char| char.is_control() && char != '\n' && char != '\t';
        assert!(!text.contains(obeyed), "a terminal would obey {text:?}");
    }
    let kept = serde_json::to_vec_pretty(&report).expect("a report is JSON");
    assert!(
        kept.len() as u64 <= MAX_REPORT_BYTES,
        "it can be read again"
    );
    let again: Report = serde_json::from_slice(&kept).expect("and back");
    assert_eq!(again, report);
}
