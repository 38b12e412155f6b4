//! The fuzz bodies over mutated seeds: always the same pseudo-random cases, so that a failure can be repeated.

#[path = "../../fuzz/bodies.rs"]
mod bodies;

use std::path::Path;

/// Pieces that get further than random bytes do.
const TOKENS: [&[u8]; 30] = [
    b"<IDS|MSG>",
    &[bodies::SEPARATOR],
    &[bodies::SEPARATOR, bodies::SEPARATOR],
    b"{",
    b"}",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\"msg_id\":",
    b"\"msg_type\":",
    b"\"subshell_id\":null,",
    b"_request",
    b"null",
    b"-1e999",
    b"\xff",
    b"\xf0\x9f\x98",
    b"\xe2\x82",
    b"\0",
    b"\"transport\":\"ipc\",",
    b"\"ip\":\"",
    b"\"key\":\"\",",
    b"\"shell_port\":65536,",
    b"\"curve_secretkey\":\"",
    b"\nThread 0x",
    b" (most recent call first):\n",
    b"\n  File \"",
    b"\", line 1 in ",
    b"\x01\0\0\0",
];

/// Xorshift: small, fast, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % bound
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut paths: Vec<_> = directory
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

fn mutate(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(input.len() + 1);
    let end = (at + random.below(9)).min(input.len());
    match random.below(7) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = random.next().to_le_bytes()[0],
        2 => drop(input.drain(at..end)),
        3 => drop(input.splice(at..at, input[at..end].to_vec())),
        4 => drop(input.splice(at..end, other[random.below(other.len())..].iter().copied())),
        5 => input.truncate(at),
        _ => drop(input.splice(at..at, TOKENS[random.below(TOKENS.len())].iter().copied())),
    }
}

fn run(target: &str, cases: usize, body: fn(&[u8])) {
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| body(seed));
    let mut random = Random(0x5eed_5eed_5eed_5eed);
    for _ in 0..cases {
        let mut input = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            let other = random.below(seeds.len());
            mutate(&mut random, &mut input, &seeds[other]);
        }
        if let Err(panic) = std::panic::catch_unwind(|| body(&input)) {
            let shown = input.escape_ascii();
            let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!("{target} fails on b\"{shown}\": {message}");
        }
    }
}

#[test]
fn frames() {
    run("open_frames", 100_000, bodies::open_frames);
}

#[test]
fn headers() {
    run("write_header", 50_000, bodies::write_header);
}

#[test]
fn captured_bytes() {
    run("decode_captured", 50_000, bodies::decode_captured);
}

#[test]
fn connection_files() {
    run("connection_file", 10_000, bodies::connection_file);
}

#[test]
fn stack_texts() {
    run("stack_text", 20_000, bodies::stack_text);
}

#[test]
fn crash_reports() {
    run("crash_report", 2_000, bodies::crash_report);
}
