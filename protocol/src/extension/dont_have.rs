//! `lt_donthave` (BEP 54): a piece that was announced is not here any more.

use super::ExtensionError;

/// The payload that takes back what was said of a piece.
#[must_use]
pub const fn encode_dont_have(piece: u32) -> [u8; 4] {
    piece.to_be_bytes()
}

/// The number of the piece that the peer no longer has. Whether there is such a piece only the
/// content tells.
///
/// # Errors
/// Refuses anything but four bytes.
pub fn decode_dont_have(payload: &[u8]) -> Result<u32, ExtensionError> {
    let piece = payload.try_into();
    let piece = piece.map_err(|_| ExtensionError::PieceNumber(payload.len()))?;
    Ok(u32::from_be_bytes(piece))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn anything_but_four_bytes_is_refused() {
        for length in (0..20).filter(|&length| length != 4) {
            let error = decode_dont_have(&vec![0; length]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("a piece's number has {length} bytes; it must have 4")
            );
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_the_same(piece in any::<u32>()) {
            prop_assert_eq!(decode_dont_have(&encode_dont_have(piece)), Ok(piece));
        }
    }
}
