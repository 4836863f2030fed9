//! Why the program does not start, or a command is not done: one sentence that says what to do.
//! Nothing here is for a client of the server; that is [`crate::kit::error`].

use std::error::Error as StdError;
use std::fmt;

/// What stands in the way, in a sentence for whoever typed the command. Never holds a password.
#[derive(Debug)]
pub struct StartError {
    sentence: String,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl StartError {
    /// Says what is wrong and what to do.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), cause: None }
    }

    /// With what the system said, in brackets behind the sentence.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
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
