//! Passwords as they are hashed: the profile OpaqueString of RFC 8265 (section 4.2). The same password typed on another
//! device may be other bytes: composed or decomposed letters, a no-break space for a space.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The password as it is hashed: each space beyond ASCII (general category `Zs`) is U+0020, and the text is in NFC.
/// Nothing else is changed; case and width make a difference.
pub(super) fn prepared(password: &str) -> Cow<'_, str> {
    if password.is_ascii() || !password.contains(is_other_space) && is_nfc(password) {
        return Cow::Borrowed(password);
    }
    password.replace(is_other_space, " ").nfc().collect::<String>().into()
}

/// The category `Zs` without U+0020.
const fn is_other_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::prepared;

    #[test]
    fn the_examples_of_the_rfc_hold() {
        // RFC 8265, section 4.3: the first five.
        for (typed, hashed) in [
            ("correct horse battery staple", "correct horse battery staple"),
            ("Correct Horse Battery Staple", "Correct Horse Battery Staple"),
            ("πßå", "πßå"),
            ("Jack of ♦s", "Jack of ♦s"),
            ("foo\u{1680}bar", "foo bar"),
        ] {
            assert_eq!(prepared(typed), hashed);
        }
    }

    #[test]
    fn what_devices_make_of_one_password_is_one() {
        assert_eq!(prepared("cafe\u{301} au lait"), prepared("café\u{a0}au\u{3000}lait"));
        assert_eq!(prepared("\u{1100}\u{1161}"), "가");
        assert!(matches!(prepared("café au lait"), Cow::Borrowed(_)));
        assert_ne!(prepared("Ａ"), "A", "the width stays");
        for text in ["cafe\u{301}", "a\u{2003}b", "ﬁ", "\u{1e9b}\u{323}"] {
            assert_eq!(prepared(&prepared(text)), prepared(text));
        }
    }
}
