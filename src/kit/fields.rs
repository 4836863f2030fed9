//! The problems of a request's fields, collected, so that the client is told all of them in one answer.

use std::borrow::Cow;

use parlor_protocol::text::Rule;
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
            ErrorBody::new(ErrorCode::BadRequest).message("some fields of the request are wrong; `fields` names them");
        self.problems.into_iter().fold(body, |body, (field, why)| body.field(field, why)).into()
    }
}

/// `bad_request` for one field; `why` states the rule.
pub fn bad_field(field: &str, why: impl Into<String>) -> Error {
    let mut fields = Fields::default();
    fields.refuse(field, why);
    fields.into_error()
}

/// One line of text that people read, as [`parlor_protocol::text`] has it: 1 to `max` characters that show something.
///
/// # Errors
/// The rule that the text breaks, in words for the client.
pub fn line(text: &str, max: usize) -> Result<String, String> {
    Rule::line(max).apply(text).map(Cow::into_owned)
}

/// The same, but it may be left empty.
///
/// # Errors
/// The rule that the text breaks, in words for the client.
pub fn line_or_nothing(text: &str, max: usize) -> Result<String, String> {
    Rule::line(max).or_nothing().apply(text).map(Cow::into_owned)
}
