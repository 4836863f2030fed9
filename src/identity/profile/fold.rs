//! Names in the form in which they are searched: without what people leave out when they type.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Folds a name: in lower case, without accents and Arabic vowel marks (tashkeel) and elongations (tatweel), and with
/// single blanks.
pub(super) fn name(text: &str) -> String {
    let bare: String = text.nfkd().filter(|c| !is_combining_mark(*c) && *c != '\u{0640}').collect();
    bare.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A folded name in which every letter beyond ASCII is replaced by an ASCII letter, because trigrams (`pg_trgm`) contain
/// no other letters under the locale C. Equal letters stay equal, which is all that similarity by trigrams needs. Some
/// different letters become the same one; which ones has no meaning.
pub(super) fn letters(folded: &str) -> String {
    let letter = |c: char| match c {
        _ if c.is_ascii() || !c.is_alphanumeric() => c,
        _ => char::from(b'a' + (u32::from(c) * 7 % 26) as u8),
    };
    folded.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::{letters, name};

    #[test]
    fn case_accents_and_marks_make_no_difference() {
        for (text, folded) in [
            ("Zoë  ÉLOÏSE", "zoe eloise"),
            ("  Layla ", "layla"),
            ("مُحَمَّد", "محمد"),
            ("محمــد", "محمد"),
            ("ＬＡＹＬＡ", "layla"),
            ("Ωmega", "ωmega"),
        ] {
            assert_eq!(name(text), folded);
        }
    }

    #[test]
    fn letters_of_any_script_are_compared() {
        assert_eq!(letters("layla 7"), "layla 7");
        let (one, other) = (letters("محمد علي"), letters("محمد"));
        assert!(one.is_ascii() && one.starts_with(&other), "{one} {other}");
    }
}
