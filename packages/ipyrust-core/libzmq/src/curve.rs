//! CURVE key pairs in Z85 text, as Jupyter's connection files would carry them.

use std::ffi::{CString, c_char};
use std::fmt;

use crate::error::{Error, Result};
use crate::ffi;

/// Length of a key as Z85 text, in bytes.
const KEY_LENGTH_BYTES: usize = 40;

/// A CURVE key pair; each half is 40 characters of Z85. Its debug form hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct CurveKeys {
    /// The half that peers may know.
    pub public: String,
    /// The half that must stay here.
    pub secret: String,
}

impl CurveKeys {
    /// A fresh key pair from the system's randomness. Fails with `ENOTSUP` when libzmq has no
    /// CURVE.
    pub fn generate() -> Result<Self> {
        let mut public: KeyBuffer = [0; KEY_LENGTH_BYTES + 1];
        let mut secret: KeyBuffer = [0; KEY_LENGTH_BYTES + 1];
        // SAFETY: libzmq writes 41 bytes, the length of each buffer.
        match unsafe { ffi::zmq_curve_keypair(as_c_chars(&mut public), as_c_chars(&mut secret)) } {
            0 => Ok(Self {
                public: text(&public),
                secret: text(&secret),
            }),
            _ => Err(Error::last("generate", "a CURVE key pair")),
        }
    }

    /// The key pair of a known secret. Fails with `EINVAL` unless it is 40 characters of Z85, and
    /// with `ENOTSUP` when libzmq has no CURVE.
    pub fn from_secret(secret: &str) -> Result<Self> {
        let invalid = || Error::invalid("read", "a CURVE secret key");
        // libzmq decodes as many characters as it is given into 32 bytes, so the length is checked
        // on this side.
        if secret.len() != KEY_LENGTH_BYTES {
            return Err(invalid());
        }
        let text_secret = CString::new(secret).map_err(|_| invalid())?;
        let mut public: KeyBuffer = [0; KEY_LENGTH_BYTES + 1];
        // SAFETY: the secret is NUL-terminated and 40 bytes long; libzmq writes 41 bytes to
        // `public`.
        match unsafe { ffi::zmq_curve_public(as_c_chars(&mut public), text_secret.as_ptr()) } {
            0 => Ok(Self {
                public: text(&public),
                secret: secret.to_owned(),
            }),
            _ => Err(Error::last("read", "a CURVE secret key")),
        }
    }
}

impl fmt::Debug for CurveKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CurveKeys")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// A key's text and the NUL that libzmq writes after it.
type KeyBuffer = [u8; KEY_LENGTH_BYTES + 1];

fn as_c_chars(buffer: &mut KeyBuffer) -> *mut c_char {
    buffer.as_mut_ptr().cast()
}

fn text(buffer: &KeyBuffer) -> String {
    let characters = buffer.iter().take_while(|&&byte| byte != 0);
    characters.map(|&byte| char::from(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_gives_its_public_half() {
        if !crate::has("curve") {
            return;
        }
        let keys = CurveKeys::generate().unwrap();
        assert_eq!((keys.public.len(), keys.secret.len()), (40, 40));
        assert_eq!(CurveKeys::from_secret(&keys.secret).unwrap(), keys);
        assert_ne!(CurveKeys::generate().unwrap(), keys);
    }

    #[test]
    fn debug_hides_the_secret() {
        let keys = CurveKeys {
            public: "p".into(),
            secret: "hidden".into(),
        };
        assert_eq!(format!("{keys:?}"), r#"CurveKeys { public: "p", .. }"#);
    }

    #[test]
    fn refuses_what_is_no_key() {
        let nul = "\0".repeat(40);
        let long = "a".repeat(45);
        for secret in ["", "short", &nul, &long, &"é".repeat(20)] {
            assert!(CurveKeys::from_secret(secret).is_err(), "{secret:?}");
        }
    }
}
