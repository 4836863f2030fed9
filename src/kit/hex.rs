//! Bytes as text, two digits each.

use std::fmt::Write as _;

/// In lower case, as PostgreSQL writes it.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // a string takes everything
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn each_byte_has_two_digits() {
        assert_eq!(hex(&[0, 7, 0x7f, 0xff]), "00077fff");
        assert_eq!(hex(&[]), "");
    }
}
