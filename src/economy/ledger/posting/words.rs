//! The canonical bytes of a detail: a number has 8 bytes, little endian; a list or a text follows its length.
//!
//! The bytes are hashed and kept for ever, so each content has exactly one form.

/// The bytes of a detail that is being written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words(Vec<u8>);

impl Default for Words {
    /// No bytes, with memory for most details.
    fn default() -> Self {
        Self(Vec::with_capacity(64))
    }
}

impl Words {
    /// Adds a number.
    #[must_use]
    pub fn number(mut self, number: i64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        let mut with_length =
            self.number(i64::try_from(text.len()).expect("a text in memory is shorter than 2^63 bytes"));
        with_length.0.extend_from_slice(text.as_bytes());
        with_length
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads the bytes of a detail, from the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a>(&'a [u8]);

impl<'a> Reading<'a> {
    /// Begins to read these bytes.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next number; `None` at the end of the bytes.
    pub fn number(&mut self) -> Option<i64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(i64::from_le_bytes(*number))
    }

    /// The next text; `None` if the bytes are no text.
    pub fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    /// `Some` if everything has been read; `None` if bytes are left, because then they do not have the expected form.
    pub fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_other_bytes_are_refused() {
        let bytes = Words::default().number(-7).text("a rose").number(i64::MAX).into_bytes();
        let mut reading = Reading::of(&bytes);
        assert_eq!((reading.number(), reading.text(), reading.number()), (Some(-7), Some("a rose"), Some(i64::MAX)));
        assert_eq!((reading.number(), reading.end()), (None, Some(())));
        assert_eq!(Reading::of(&bytes[..9]).end(), None);
        let too_long = Words::default().number(9).into_bytes();
        assert_eq!(Reading::of(&too_long).text(), None);
        let negative = Words::default().number(-1).into_bytes();
        assert_eq!(Reading::of(&negative).text(), None);
    }
}
