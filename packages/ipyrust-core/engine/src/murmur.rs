//! The 32-bit `MurmurHash2` that names the files of cells.
//!
//! Debugging frontends compute it too, and the names are keys of other libraries' caches, so it must agree with the
//! reference implementation bit by bit, over little-endian words. It is on the way of every cell.

const MULTIPLIER: u32 = 0x5bd1_e995;

/// Hash `data`. Lengths count modulo 2³².
#[must_use]
#[allow(clippy::cast_possible_truncation)]
pub fn murmur2(data: &[u8], seed: u32) -> u32 {
    let (words, rest) = data.as_chunks::<4>();
    let mut hash = words.iter().fold(seed ^ data.len() as u32, |hash, word| {
        hash.wrapping_mul(MULTIPLIER) ^ mix(u32::from_le_bytes(*word))
    });
    if !rest.is_empty() {
        let tail = rest
            .iter()
            .rev()
            .fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(MULTIPLIER);
    hash ^ hash >> 15
}

fn mix(word: u32) -> u32 {
    let word = word.wrapping_mul(MULTIPLIER);
    (word ^ word >> 24).wrapping_mul(MULTIPLIER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_reference() {
        for (text, expected) in [
            ("", 3_990_065_800),
            ("a", 2_167_009_006),
            ("ab", 2_805_137_849),
            ("abc", 3_350_977_461),
            ("abcd", 804_720_481),
            ("1 + 1", 2_359_671_083),
            ("print('é世界')\n", 666_375_696),
        ] {
            assert_eq!(murmur2(text.as_bytes(), 0xc70f_6907), expected, "{text:?}");
        }
    }
}
