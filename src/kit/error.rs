//! The one error of services: a stable code of the protocol for the caller, and for a fault its
//! cause, which is logged once at the edge and never sent.

use std::fmt;

use parlor_protocol::{ErrorBody, ErrorCode};

/// What went wrong: `body` is for the caller, `source` for the log.
#[derive(Debug)]
pub struct Error {
    /// What the caller is told.
    pub body: Box<ErrorBody>,
    /// The fault behind it, if it is one.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A result with the one error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A refusal with this code.
    pub fn new(code: ErrorCode) -> Self {
        ErrorBody::new(code).into()
    }

    /// A fault of the server.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { body: Box::new(ErrorBody::new(ErrorCode::Internal)), source: Some(source.into()) }
    }

    /// A fault of something that the server needs and that may be back soon.
    pub fn away(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { body: Box::new(ErrorBody::new(ErrorCode::StoreUnavailable)), source: Some(source.into()) }
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        self.body.code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.body),
            None => self.body.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<ErrorBody> for Error {
    fn from(body: ErrorBody) -> Self {
        Self { body: Box::new(body), source: None }
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

/// A store that cannot be reached is a passing state; every other database error is a fault.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = if is_outage(&error) { ErrorCode::StoreUnavailable } else { ErrorCode::Internal };
        Self { body: Box::new(ErrorBody::new(code)), source: Some(Box::new(error)) }
    }
}

/// The store is away, starting, stopping or out of connections: the same may succeed later.
pub fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // Classes 08 (connection), 53 (resources), 57 (operator intervention), 40 (serialization).
            ["08", "53", "57", "40"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}
