//! Signing and checking of messages, in constant time, and the replay window.
//!
//! The signature is the hex HMAC of the four JSON frames as they are sent; buffers are not covered (specification,
//! "The Wire Protocol").

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

/// Schemes that a connection file may name.
pub const SCHEMES: [&str; 6] = [
    "hmac-sha256",
    "hmac-sha512",
    "hmac-sha384",
    "hmac-sha224",
    "hmac-sha1",
    "hmac-md5",
];

#[derive(Clone)]
enum Keyed {
    None,
    Md5(Hmac<Md5>),
    Sha1(Hmac<Sha1>),
    Sha224(Hmac<Sha224>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

/// Signs and checks with one key. Cloning is cheap; the key schedule is computed once.
#[derive(Clone)]
pub struct Signer {
    keyed: Keyed,
}

/// Run `$body` with `$mac` bound to a fresh copy of whichever MAC this signer holds.
macro_rules! with_mac {
    ($keyed:expr, $mac:ident => $body:expr, none => $none:expr) => {
        match $keyed {
            Keyed::None => $none,
            Keyed::Md5(mac) => {
                let mut $mac = mac.clone();
                $body
            }
            Keyed::Sha1(mac) => {
                let mut $mac = mac.clone();
                $body
            }
            Keyed::Sha224(mac) => {
                let mut $mac = mac.clone();
                $body
            }
            Keyed::Sha256(mac) => {
                let mut $mac = mac.clone();
                $body
            }
            Keyed::Sha384(mac) => {
                let mut $mac = mac.clone();
                $body
            }
            Keyed::Sha512(mac) => {
                let mut $mac = mac.clone();
                $body
            }
        }
    };
}

impl Signer {
    /// A signer for `scheme` (one of [`SCHEMES`]); an empty key signs nothing and accepts everything.
    ///
    /// Returns None when the scheme is unknown.
    #[must_use]
    pub fn new(scheme: &str, key: &[u8]) -> Option<Self> {
        let keyed = match scheme {
            "hmac-md5" => Keyed::Md5(Hmac::new_from_slice(key).ok()?),
            "hmac-sha1" => Keyed::Sha1(Hmac::new_from_slice(key).ok()?),
            "hmac-sha224" => Keyed::Sha224(Hmac::new_from_slice(key).ok()?),
            "hmac-sha256" => Keyed::Sha256(Hmac::new_from_slice(key).ok()?),
            "hmac-sha384" => Keyed::Sha384(Hmac::new_from_slice(key).ok()?),
            "hmac-sha512" => Keyed::Sha512(Hmac::new_from_slice(key).ok()?),
            _ => return None,
        };
        Some(Self {
            keyed: if key.is_empty() { Keyed::None } else { keyed },
        })
    }

    /// Whether there is a key to check against.
    #[must_use]
    pub fn checks(&self) -> bool {
        !matches!(self.keyed, Keyed::None)
    }

    /// Hex signature of the four JSON frames; empty without a key.
    #[must_use]
    pub fn sign(&self, parts: [&[u8]; 4]) -> Bytes {
        with_mac!(&self.keyed, mac => {
            parts.iter().for_each(|part| mac.update(part));
            Bytes::from(hex(&mac.finalize().into_bytes()))
        }, none => Bytes::new())
    }

    /// Whether `digest` is the signature of `parts`; compares in constant time.
    #[must_use]
    pub fn verify(&self, parts: [&[u8]; 4], digest: &[u8]) -> bool {
        with_mac!(&self.keyed, mac => {
            parts.iter().for_each(|part| mac.update(part));
            mac.verify_slice(digest).is_ok()
        }, none => true)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("checks", &self.checks())
            .finish_non_exhaustive()
    }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The bytes that a hex text (either case) stands for; None when it is not hex.
#[must_use]
pub fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    let mut pairs = text.chunks_exact(2);
    let bytes = pairs
        .by_ref()
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect::<Option<Vec<u8>>>()?;
    pairs.remainder().is_empty().then_some(bytes)
}

/// Remembers the newest digests, so that a recorded message cannot be sent again.
///
/// Bound: `capacity` digests; at the bound the oldest is forgotten. Only digests that verified are recorded, so a
/// forger can neither fill it nor push out what is in it.
#[derive(Debug)]
pub struct ReplayWindow {
    capacity: usize,
    order: VecDeque<Box<[u8]>>,
    seen: HashSet<Box<[u8]>>,
}

impl ReplayWindow {
    /// A window of `capacity` digests.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            order: VecDeque::new(),
            seen: HashSet::new(),
        }
    }

    /// Record a verified digest; false when it was seen before.
    pub fn record(&mut self, digest: Vec<u8>) -> bool {
        let digest = digest.into_boxed_slice();
        if !self.seen.insert(digest.clone()) {
            return false;
        }
        self.order.push_back(digest);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    /// How many digests are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: [&[u8]; 4] = [b"{\"a\":1}", b"{}", b"{}", b"{}"];

    #[test]
    fn known_digest() {
        // python: hmac.new(b"key", b'{"a":1}{}{}{}', "sha256").hexdigest()
        let signer = Signer::new("hmac-sha256", b"key").unwrap();
        let other = Signer::new("hmac-sha256", b"kez").unwrap();
        let signature = signer.sign(PARTS);
        assert_eq!(signature.len(), 64);
        assert!(signer.verify(PARTS, &unhex(&signature).unwrap()));
        assert!(!other.verify(PARTS, &unhex(&signature).unwrap()));
    }

    #[test]
    fn every_scheme_verifies_its_own_and_no_other() {
        for scheme in SCHEMES {
            let signer = Signer::new(scheme, b"key").unwrap();
            let digest = unhex(&signer.sign(PARTS)).unwrap();
            for other in SCHEMES {
                let verifies = Signer::new(other, b"key").unwrap().verify(PARTS, &digest);
                assert_eq!(verifies, other == scheme, "{scheme} {other}");
            }
        }
        assert!(Signer::new("hmac-md4", b"key").is_none());
    }

    #[test]
    fn an_empty_key_signs_nothing() {
        let signer = Signer::new("hmac-sha256", b"").unwrap();
        assert!(!signer.checks());
        assert!(signer.sign(PARTS).is_empty());
        assert!(signer.verify(PARTS, b"anything"));
    }

    #[test]
    fn hex_round_trip_and_refusal() {
        assert_eq!(unhex(b"00ffA9").unwrap(), [0, 255, 0xa9]);
        assert_eq!(unhex(b"0"), None);
        assert_eq!(unhex(b"0g"), None);
        assert_eq!(unhex(&hex(&[1, 2, 250])).unwrap(), [1, 2, 250]);
    }

    #[test]
    fn the_window_forgets_the_oldest() {
        let mut window = ReplayWindow::new(2);
        assert!(window.record(vec![1]) && window.record(vec![2]));
        assert!(!window.record(vec![1]));
        assert!(window.record(vec![3]));
        assert!(window.record(vec![1]), "1 was the oldest and is forgotten");
        assert_eq!(window.len(), 2);
    }
}
