//! The error of the program's start and of its commands: one sentence that says what is wrong and what to do.
//! It is for whoever runs the program; clients of the server are answered with [`crate::kit::error`].

use std::error::Error as StdError;
use std::fmt;

use crate::kit::error::words;

/// Why the program does not start or a command was not done, as a sentence for whoever typed the command. It never
/// holds a password.
#[derive(Debug)]
pub struct StartError {
    sentence: String,
    cause: Option<String>,
}

impl StartError {
    /// An error with this sentence, which says what is wrong and what to do.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), cause: None }
    }

    /// Adds the error that was the cause; its words are displayed in brackets behind the sentence.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(words(cause.into().as_ref()));
        self
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{} ({cause})", self.sentence),
            None => f.write_str(&self.sentence),
        }
    }
}

impl StdError for StartError {}
