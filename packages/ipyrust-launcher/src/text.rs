//! Values of others in our lines: whatever they hold, a line stays one line of bounded length.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Longest value that a line shows in full, in characters.
const SHOWN: usize = 200;

/// `value` with control characters and bytes that are no UTF-8 as escapes, cut at [`SHOWN`] characters.
pub(crate) fn shown(value: impl AsRef<OsStr>) -> String {
    cut(value.as_ref(), SHOWN)
}

/// The same, cut at `longest` characters.
pub(crate) fn cut(value: &OsStr, longest: usize) -> String {
    let mut text = String::new();
    let mut count = 0_usize;
    for chunk in value.as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            count += 1;
            if count > longest {
                text.push('…');
                return text;
            }
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            count += 1;
            if count > longest {
                text.push('…');
                return text;
            }
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// [`shown`] in single quotes, as the Python side names values.
pub(crate) fn quoted(value: impl AsRef<OsStr>) -> String {
    format!("'{}'", shown(value))
}

/// One word of a command line to be pasted into a shell.
pub(crate) fn shell_word(value: impl AsRef<OsStr>) -> String {
    let value = value.as_ref();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:@%,".contains(byte);
    let bytes = value.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return value.to_string_lossy().into_owned();
    }
    match value.to_str() {
        Some(text) if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => format!(
            "$'{}'",
            bytes.iter().fold(String::new(), |mut word, byte| {
                if plain(byte) {
                    word.push(char::from(*byte));
                } else {
                    word.push_str(&format!("\\x{byte:02x}"));
                }
                word
            })
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_one_line() {
        assert_eq!(
            shown(OsStr::from_bytes(b"a\nb\x1b\xffc")),
            "a\\nb\\u{1b}\\xffc"
        );
        assert_eq!(shown("é"), "é");
    }

    #[test]
    fn a_long_value_is_cut() {
        let text = shown("x".repeat(100_000));
        assert_eq!(text.chars().count(), SHOWN + 1);
        assert!(text.ends_with('…'));
    }

    #[test]
    fn words_for_a_shell() {
        assert_eq!(shell_word("/usr/bin/python3"), "/usr/bin/python3");
        assert_eq!(shell_word("/a b/it's"), r"'/a b/it'\''s'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(
            shell_word(OsStr::from_bytes(b"/a\n\xff")),
            "$'/a\\x0a\\xff'"
        );
    }
}
