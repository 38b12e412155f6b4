//! Multipart frames ↔ their named parts. Knows order and length; knows no JSON and no key.

use bytes::Bytes;

use crate::error::Reject;

/// The frame between the routing prefix and the message.
pub const DELIMITER: &[u8] = b"<IDS|MSG>";

/// One multipart message, split but not yet trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    /// Return address put in front by ROUTER.
    pub identities: Vec<Bytes>,
    /// Hex digest as sent; empty when the connection has no key.
    pub signature: Bytes,
    /// header, parent_header, metadata, content: exactly what the signature covers.
    pub signed: [Bytes; 4],
    /// Binary buffers; the specification leaves them unsigned.
    pub buffers: Vec<Bytes>,
}

impl Frames {
    /// Name the parts of a received message.
    ///
    /// # Errors
    /// [`Reject::NoDelimiter`], or [`Reject::TooFewFrames`] when fewer than five frames follow it.
    pub fn split(mut frames: Vec<Bytes>) -> Result<Self, Reject> {
        let delimiter = frames
            .iter()
            .position(|frame| frame == DELIMITER)
            .ok_or(Reject::NoDelimiter)?;
        let mut rest = frames.split_off(delimiter).into_iter().skip(1);
        let (Some(signature), Some(header), Some(parent_header), Some(metadata), Some(content)) = (
            rest.next(),
            rest.next(),
            rest.next(),
            rest.next(),
            rest.next(),
        ) else {
            return Err(Reject::TooFewFrames);
        };
        let signed = [header, parent_header, metadata, content];
        Ok(Self {
            identities: frames,
            signature,
            signed,
            buffers: rest.collect(),
        })
    }

    /// Put the parts in the order of the wire.
    #[must_use]
    pub fn join(self) -> Vec<Bytes> {
        let mut frames = self.identities;
        frames.reserve(6 + self.buffers.len());
        frames.push(Bytes::from_static(DELIMITER));
        frames.push(self.signature);
        frames.extend(self.signed);
        frames.extend(self.buffers);
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(texts: &[&'static str]) -> Vec<Bytes> {
        texts
            .iter()
            .map(|text| Bytes::from_static(text.as_bytes()))
            .collect()
    }

    #[test]
    fn names_every_part() {
        let wire = frames(&[
            "id1",
            "id2",
            "<IDS|MSG>",
            "sig",
            "h",
            "p",
            "m",
            "c",
            "b1",
            "b2",
        ]);
        let split = Frames::split(wire.clone()).unwrap();
        assert_eq!(split.identities, frames(&["id1", "id2"]));
        assert_eq!(split.signature, "sig");
        assert_eq!(split.signed.to_vec(), frames(&["h", "p", "m", "c"]));
        assert_eq!(split.buffers, frames(&["b1", "b2"]));
        assert_eq!(split.join(), wire);
    }

    #[test]
    fn table_of_torn_messages() {
        for (wire, why) in [
            (&[][..], Reject::NoDelimiter),
            (&["id"], Reject::NoDelimiter),
            (
                &["id", "<ids|msg>", "s", "h", "p", "m", "c"],
                Reject::NoDelimiter,
            ),
            (&["<IDS|MSG>"], Reject::TooFewFrames),
            (&["<IDS|MSG>", "s", "h", "p", "m"], Reject::TooFewFrames),
        ] {
            assert_eq!(Frames::split(frames(wire)), Err(why), "{wire:?}");
        }
    }

    #[test]
    fn a_second_delimiter_is_a_buffer() {
        let wire = frames(&["<IDS|MSG>", "s", "h", "p", "m", "c", "<IDS|MSG>"]);
        assert_eq!(Frames::split(wire).unwrap().buffers, frames(&["<IDS|MSG>"]));
    }
}
