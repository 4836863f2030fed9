//! The problems of a request's fields, collected, so that the client is told all of them in one answer.

use parlor_protocol::{ErrorBody, ErrorCode};

use crate::kit::error::{Error, Result};

/// Collects the fields that are wrong while a request's body is turned into what a service takes.
#[derive(Debug, Default)]
pub struct Fields {
    problems: Vec<(String, String)>,
}

impl Fields {
    /// The value; or `None`, after noting that this field is wrong and why.
    pub fn take<T>(&mut self, field: &str, value: Result<T, impl Into<String>>) -> Option<T> {
        value.map_err(|why| self.refuse(field, why)).ok()
    }

    /// Notes that this field is wrong and why. `why` states the rule, as in `1 to 40 characters`.
    pub fn refuse(&mut self, field: &str, why: impl Into<String>) {
        self.problems.push((field.to_owned(), why.into()));
    }

    /// Whether no field was wrong so far.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// `bad_request` with every field that was noted.
    pub fn into_error(self) -> Error {
        let body =
            ErrorBody::new(ErrorCode::BadRequest).message("some fields of the request are wrong; `errors` names them");
        self.problems.into_iter().fold(body, |body, (field, why)| body.field(field, why)).into()
    }
}

/// `bad_request` for one field; `why` states the rule.
pub fn bad_field(field: &str, why: impl Into<String>) -> Error {
    let mut fields = Fields::default();
    fields.refuse(field, why);
    fields.into_error()
}

/// One line of text that people read, trimmed. It has 1 to `max` characters, at least one of them visible, and no
/// character that breaks the line or reorders the text around it.
///
/// # Errors
/// The rule that the text breaks, in words for the client.
pub fn line(text: &str, max: usize) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    if !(1..=max).contains(&length) || text.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
        return Err(format!("1 to {max} characters, not blank"));
    }
    if text.chars().any(|c| c.is_control() || is_unruly(c)) {
        return Err("no control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Joiners, marks and fillers: some scripts need them within words, but a text of nothing else shows nothing.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}')
}

/// Line and paragraph separators, and the bidirectional overrides and isolates, which reorder the text around them.
fn is_unruly(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_line_is_trimmed_and_counted_in_characters() {
        assert_eq!(line("  Layla  ", 40).as_deref(), Ok("Layla"));
        assert_eq!(line(&"ل".repeat(40), 40).map(|text| text.chars().count()), Ok(40));
        assert!(line(&"l".repeat(41), 40).is_err());
    }

    #[test]
    fn a_line_that_shows_nothing_or_disturbs_the_text_around_it_is_refused() {
        for text in ["", "   ", "\u{200b}\u{200d}", "a\nb", "a\0b", "a\u{202e}b", "a\u{2066}b"] {
            assert!(line(text, 40).is_err(), "{text:?}");
        }
        // One emoji that is made of three with joiners between them.
        assert!(line("👨\u{200d}👩\u{200d}👧", 40).is_ok());
    }
}
