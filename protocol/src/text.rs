//! The rules of texts that people write: names, lines, reasons, titles. They go by the properties that Unicode gives to
//! characters, and are the same on the socket and in REST.
//!
//! - **Length** is counted as the text was sent, in characters, which are Unicode's code points, as JSON Schema counts.
//! - **Controls** (general category `Cc`, so U+0000 too) are refused. A text of several lines may have tab, line feed
//!   and carriage return; one line has no separator of lines or paragraphs either.
//! - **A text that shows nothing** counts as empty: only white space, marks without a letter, format characters,
//!   variation selectors, fillers.
//! - **Marks** are at most eight in a row, so that no text reaches into the lines around it.
//! - **Bidirectional controls** (U+202A to U+202E, U+2066 to U+2069) stay where they are balanced within their paragraph. The
//!   others are removed, because they would reorder the text that follows.
//! - **White space** around one line is removed.
//!
//! What is left is stored and sent as it was written; nothing is normalised.

use std::borrow::Cow;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointMapDataBorrowed, CodePointSetData, CodePointSetDataBorrowed};

use crate::error::ErrorBody;

const CATEGORIES: CodePointMapDataBorrowed<'static, GeneralCategory> = CodePointMapData::<GeneralCategory>::new();
const IGNORABLE: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<DefaultIgnorableCodePoint>();

/// The patterns of JSON Schema that say the rules, but for the marks in a row.
#[cfg(feature = "schemars")]
pub mod pattern {
    macro_rules! patterns {
        (blank $blank:literal, controls $controls:literal, visible $visible:literal) => {
            /// One line that shows something.
            pub const LINE: &str = concat!(
                "^[",
                $blank,
                "]*[^",
                $controls,
                r"\t\n\r\u2028\u2029]*",
                $visible,
                "[^",
                $controls,
                r"\t\n\r\u2028\u2029]*[",
                $blank,
                "]*$"
            );
            /// One line, which may be empty.
            pub const LINE_OR_NOTHING: &str =
                concat!("^[", $blank, "]*[^", $controls, r"\t\n\r\u2028\u2029]*[", $blank, "]*$");
            /// One or several lines that show something.
            pub const LINES: &str = concat!("^[^", $controls, "]*", $visible, "[^", $controls, "]*$");
            /// One or several lines, which may be empty.
            pub const LINES_OR_NOTHING: &str = concat!("^[^", $controls, "]*$");
        };
    }

    patterns! {
        blank r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
        controls r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f",
        visible r"[^\p{Cc}\p{Cf}\p{M}\p{Z}\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\u{e0000}-\u{e0fff}]"
    }

    /// A text of machines, as a token.
    pub const NO_NUL: &str = r"^[^\u0000]*$";
}

/// The most marks in a row: as many as any script puts on one letter, and a few more.
const MARKS: usize = 8;

/// What a text may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    max: usize,
    is_one_line: bool,
    may_be_empty: bool,
}

impl Rule {
    /// One line of at most `max` characters that shows something.
    pub const fn line(max: usize) -> Self {
        Self { max, is_one_line: true, may_be_empty: false }
    }

    /// One or several lines, of at most `max` characters together, that show something.
    pub const fn lines(max: usize) -> Self {
        Self { max, is_one_line: false, may_be_empty: false }
    }

    /// The same, and a text that shows nothing is taken as the empty one.
    #[must_use]
    pub const fn or_nothing(self) -> Self {
        Self { may_be_empty: true, ..self }
    }

    /// The text as it is stored and sent. It is borrowed if nothing had to be removed within it.
    ///
    /// # Errors
    /// The rule that the text breaks, in words for the client.
    pub fn apply<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, String> {
        let trimmed = if self.is_one_line { text.trim() } else { text };
        let seen = if trimmed.is_ascii() { self.look_at_ascii(trimmed) } else { self.look_at(trimmed) }?;
        let around = if trimmed.len() == text.len() { 0 } else { text.chars().count() - trimmed.chars().count() };
        if seen.chars + around > self.max || !seen.shows_something && !self.may_be_empty {
            return Err(match self.may_be_empty {
                true => format!("at most {} characters", self.max),
                false => format!("1 to {} characters, not blank", self.max),
            });
        }
        if !seen.shows_something {
            return Ok(Cow::Borrowed(""));
        }
        let tidy = if seen.has_bidi { balanced(trimmed) } else { Cow::Borrowed(trimmed) };
        Ok(match tidy {
            Cow::Owned(text) if self.is_one_line => Cow::Owned(text.trim().to_owned()),
            tidy => tidy,
        })
    }

    fn look_at_ascii(&self, text: &str) -> Result<Seen, String> {
        let bytes = text.as_bytes();
        if bytes.iter().any(|byte| byte.is_ascii_control() && !self.takes_control(char::from(*byte))) {
            return Err(NO_CONTROLS.to_owned());
        }
        let shows_something = bytes.iter().any(u8::is_ascii_graphic);
        Ok(Seen { chars: bytes.len(), shows_something, has_bidi: false })
    }

    fn look_at(&self, text: &str) -> Result<Seen, String> {
        let mut seen = Seen::default();
        let mut marks = 0;
        for c in text.chars() {
            seen.chars += 1;
            if c.is_control() && !self.takes_control(c) || self.is_one_line && matches!(c, '\u{2028}' | '\u{2029}') {
                return Err(NO_CONTROLS.to_owned());
            }
            seen.has_bidi |= is_scoped_bidi(c);
            seen.shows_something = seen.shows_something || is_visible(c);
            // No character before U+0300 is a mark.
            if c >= '\u{300}' {
                match CATEGORIES.get(c) {
                    GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark => marks += 1,
                    // A format character between two marks does not part them.
                    GeneralCategory::Format => {}
                    _ => marks = 0,
                }
            } else {
                marks = 0;
            }
            if marks > MARKS {
                return Err(format!("at most {MARKS} marks on one letter"));
            }
        }
        Ok(seen)
    }

    const fn takes_control(&self, c: char) -> bool {
        !self.is_one_line && matches!(c, '\t' | '\n' | '\r')
    }
}

const NO_CONTROLS: &str = "no control characters";

/// What one look at a text has found.
#[derive(Default)]
struct Seen {
    chars: usize,
    shows_something: bool,
    has_bidi: bool,
}

/// Applies the rule to a field of a request: it is replaced by the text as it is stored, or the rule that it breaks is
/// added to `error`.
#[must_use]
pub fn take(error: ErrorBody, field: &str, text: &mut String, rule: Rule) -> ErrorBody {
    match rule.apply(text) {
        Ok(Cow::Borrowed(tidy)) if tidy.len() == text.len() => error,
        Ok(tidy) => {
            *text = tidy.into_owned();
            error
        }
        Err(why) => error.field(field, why),
    }
}

/// Whether a character shows something by itself. Unassigned ones do: a newer version of Unicode may have them.
fn is_visible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_graphic();
    }
    // The blank pattern of Braille is a symbol by its category.
    c != '\u{2800}'
        && !c.is_whitespace()
        && !GeneralCategoryGroup::Mark.contains(CATEGORIES.get(c))
        && !matches!(CATEGORIES.get(c), GeneralCategory::Control | GeneralCategory::Format)
        && !IGNORABLE.contains(c)
}

/// Whether it is a bidirectional control that holds until another one ends it: an embedding, an override, an isolate, or
/// their end.
const fn is_scoped_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text without the bidirectional controls that have no counterpart in their paragraph (UAX #9, 3.3.2 to 3.3.5).
fn balanced(text: &str) -> Cow<'_, str> {
    // The places of the controls that begin something which has not ended yet, and whether it is an isolate.
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut open_isolates = 0_usize;
    let mut lone: Vec<usize> = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '\u{202a}' | '\u{202b}' | '\u{202d}' | '\u{202e}' => open.push((at, false)),
            '\u{2066}'..='\u{2068}' => {
                open.push((at, true));
                open_isolates += 1;
            }
            '\u{202c}' if open.last().is_some_and(|(_, is_isolate)| !is_isolate) => _ = open.pop(),
            '\u{2069}' if open_isolates > 0 => {
                open_isolates -= 1;
                // The end of an isolate ends the embeddings in it too.
                while let Some((inner, false)) = open.pop() {
                    lone.push(inner);
                }
            }
            '\u{202c}' | '\u{2069}' => lone.push(at),
            '\n' | '\r' | '\u{85}' | '\u{2029}' => {
                lone.extend(open.drain(..).map(|(at, _)| at));
                open_isolates = 0;
            }
            _ => {}
        }
    }
    lone.extend(open.iter().map(|(at, _)| *at));
    if lone.is_empty() {
        return Cow::Borrowed(text);
    }
    lone.sort_unstable();
    let kept = text.char_indices().filter(|(at, _)| lone.binary_search(at).is_err());
    Cow::Owned(kept.map(|(_, c)| c).collect())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::{Rule, balanced, is_scoped_bidi, take};
    use crate::error::{ErrorBody, ErrorCode};

    fn line(text: &str) -> Result<String, String> {
        Rule::line(40).apply(text).map(Cow::into_owned)
    }

    #[test]
    fn a_line_is_trimmed_and_counted_in_characters() {
        assert_eq!(line("  Layla\u{3000} ").as_deref(), Ok("Layla"));
        assert_eq!(line(&"ل".repeat(40)).map(|text| text.chars().count()), Ok(40));
        assert!(line(&"l".repeat(41)).is_err() && line(&"ل".repeat(41)).is_err());
    }

    #[test]
    fn a_text_that_shows_nothing_is_empty() {
        for nothing in [
            "",
            "   ",
            "\u{a0}",
            "\u{200b}\u{200d}",
            "\u{fe0f}",
            "\u{301}",
            "\u{301}\u{302} \u{303}",
            "\u{903}",
            "\u{20dd}",
            "\u{ad}",
            "\u{2800}",
            "\u{3164}",
            "\u{115f}",
            "\u{ffa0}",
            "\u{e0041}\u{e007f}",
            "\u{e0100}",
            "\u{feff}",
            "\u{200e}",
            "\u{2066}\u{2069}",
            "\u{61c}",
            "\u{180e}",
            "\u{17b4}",
            "\u{fff9}",
        ] {
            assert!(line(nothing).is_err(), "{nothing:?}");
            assert_eq!(Rule::line(40).or_nothing().apply(nothing).as_deref(), Ok(""), "{nothing:?}");
            assert!(Rule::lines(40).apply(nothing).is_err(), "{nothing:?}");
        }
        // Emoji with joiners, selectors, tags and modifiers; letters with marks; a character of a Unicode to come.
        for something in [
            "👨\u{200d}👩\u{200d}👧",
            "❤\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "🇪🇬",
            "🏴\u{e0067}\u{e0062}\u{e007f}",
            "🏽",
            "e\u{301}",
            "क्षि",
            "\u{323b0}",
            "\u{f8ff}",
            ".",
        ] {
            assert_eq!(line(something).as_deref(), Ok(something));
        }
    }

    #[test]
    fn a_control_is_refused_and_a_line_is_one_line() {
        for text in ["a\0b", "a\u{7}b", "a\u{1b}[31mb", "a\u{7f}", "a\u{85}b", "ä\u{9f}b"] {
            assert!(line(text).is_err() && Rule::lines(40).apply(text).is_err(), "{text:?}");
        }
        for text in ["a\nb", "a\r\nb", "a\tb", "ä\nb", "a\u{2028}b", "a\u{2029}b"] {
            assert!(line(text).is_err(), "{text:?}");
            assert_eq!(Rule::lines(40).apply(text).as_deref(), Ok(text), "{text:?}");
        }
    }

    #[test]
    fn no_letter_has_a_tower_of_marks() {
        let tower = |height| format!("e{}", "\u{301}\u{200d}".repeat(height));
        assert!(line(&tower(8)).is_ok());
        assert!(line(&tower(9)).is_err());
        assert!(line("بِسْمِ ٱللَّٰهِ ٱلرَّحْمَٰنِ").is_ok());
    }

    #[test]
    fn a_text_of_controls_takes_no_longer_than_its_length() {
        // Were the open controls looked through at each end of an isolate, this would take 40 thousand million steps.
        let open = "\u{202a}".repeat(200_000);
        let isolates = "\u{2066}a\u{2069}".repeat(200_000);
        assert_eq!(balanced(&format!("{open}{isolates}")), isolates);
        assert_eq!(balanced(&format!("{open}{}", "\u{2069}".repeat(200_000))), "");
    }

    #[test]
    fn a_line_break_ends_the_isolates_before_it() {
        assert_eq!(balanced("\u{2066}a\n\u{202a}b\u{2069}c\u{202c}"), "a\n\u{202a}bc\u{202c}");
        assert_eq!(balanced("\u{2066}\u{2067}a\u{2069}b\u{2069}\u{2069}"), "\u{2066}\u{2067}a\u{2069}b\u{2069}");
    }

    #[test]
    fn bidirectional_controls_stay_where_they_are_balanced() {
        for (text, tidy) in [
            ("\u{2067}ليلى\u{2069} (DJ)", "\u{2067}ليلى\u{2069} (DJ)"),
            ("\u{202b}ليلى\u{202c}", "\u{202b}ليلى\u{202c}"),
            ("a\u{202e}b", "ab"),
            ("a\u{2066}b", "ab"),
            ("a\u{202c}b\u{2069}", "ab"),
            ("\u{2067}a\u{202e}b\u{2069}c", "\u{2067}ab\u{2069}c"),
            ("\u{202b}a\u{2069}b\u{202c}", "\u{202b}ab\u{202c}"),
            ("\u{202e} a ", "a"),
            ("\u{200f}a\u{200e}", "\u{200f}a\u{200e}"),
        ] {
            assert_eq!(line(text).as_deref(), Ok(tidy), "{text:?}");
        }
        // A paragraph ends what was begun in it.
        assert_eq!(Rule::lines(40).apply("\u{202e}a\nb\u{202c}").as_deref(), Ok("a\nb"));
    }

    #[test]
    fn a_field_is_replaced_or_named() {
        let none = || ErrorBody::new(ErrorCode::BadRequest);
        for (text, rule, left) in [
            (" a ", Rule::line(5), "a"),
            (" a ", Rule::lines(5), " a "),
            ("a\u{202e}b", Rule::lines(5), "ab"),
            ("\u{301}", Rule::line(5).or_nothing(), ""),
        ] {
            let mut text = text.to_owned();
            assert!(take(none(), "text", &mut text, rule).fields.is_empty());
            assert_eq!(text, left);
        }
        assert_eq!(take(none(), "text", &mut "123456".to_owned(), Rule::line(5)).fields[0].field, "text");
    }

    proptest! {
        #[test]
        fn what_is_taken_once_is_taken_as_it_is(text in "[a \u{301}\u{202a}-\u{202e}\u{2066}-\u{2069}\n]{0,20}|\\PC*|.*", lines in any::<bool>()) {
            let rule = if lines { Rule::lines(40) } else { Rule::line(40) };
            if let Ok(tidy) = rule.apply(&text) {
                let again = rule.apply(&tidy).map(Cow::into_owned);
                prop_assert_eq!(again.as_deref(), Ok(&*tidy));
                prop_assert!(!tidy.contains('\0'));
                prop_assert_eq!(&balanced(&tidy), &tidy);
                let without = |text: &str| text.replace(is_scoped_bidi, "").trim().to_owned();
                prop_assert_eq!(without(&tidy), without(&text));
            }
        }
    }
}
