//! The one error type of services. The caller is sent a stable code of the protocol; the cause of an internal fault
//! is logged once, at the edge, and never sent.

use std::fmt;

use parlor_protocol::{ErrorBody, ErrorCode};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// A refusal or a fault: `body` is for the caller, `source` for the log.
#[derive(Debug)]
pub struct Error {
    /// What the caller is sent: the code, a sentence, and details such as fields or the time to wait.
    pub body: Box<ErrorBody>,
    /// The cause, if this is a fault of the server or of what it depends on; `None` for a refusal.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A result whose error is [`Error`] unless another is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A refusal with this code and the code's own sentence.
    pub fn new(code: ErrorCode) -> Self {
        ErrorBody::new(code).into()
    }

    /// A fault of the server: the caller is sent `internal`.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { body: Box::new(ErrorBody::new(ErrorCode::Internal)), source: Some(source.into()) }
    }

    /// An outage of something that the server depends on: the caller is sent `store_unavailable` and may retry.
    pub fn away(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { body: Box::new(ErrorBody::new(ErrorCode::StoreUnavailable)), source: Some(source.into()) }
    }

    /// The stable code that the caller is sent.
    pub fn code(&self) -> ErrorCode {
        self.body.code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {}", self.body, words(source.as_ref())),
            None => self.body.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// The words of an error for whoever runs the program: of a fault its cause, without the code that only clients need, and
/// of PostgreSQL its message, without the line of its own source that sqlx adds.
pub fn words(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<Error>() {
        let said = || if error.body.message.is_empty() { error.code().to_string() } else { error.body.message.clone() };
        return error.source.as_ref().map_or_else(said, |source| words(source.as_ref()));
    }
    match error.downcast_ref::<sqlx::Error>() {
        Some(sqlx::Error::Database(error)) => error.message().to_owned(),
        _ => error.to_string(),
    }
}

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

/// An outage of the database becomes `store_unavailable`; every other database error becomes `internal`.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = if is_outage(&error) { ErrorCode::StoreUnavailable } else { ErrorCode::Internal };
        Self { body: Box::new(ErrorBody::new(code)), source: Some(Box::new(error)) }
    }
}

/// The name of the constraint that a statement broke; `None` if the error is of another kind.
pub fn broken(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|error| error.constraint())
}

/// Whether the database is unreachable, starting, stopping, out of connections or read-only, gave up a transaction to
/// resolve a conflict, or ended the session. The same statement may then succeed later, on another connection.
pub fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // SQLSTATE classes (PostgreSQL, appendix A): 08 connection, 53 resources, 57 operator intervention, 58 system
            // errors, 40 transaction rollback. 25006 comes from a server that has become a standby.
            let class = code.get(..2).unwrap_or_default();
            ["08", "53", "57", "58", "40"].contains(&class) || code == "25006" || ends_the_session(&**error, class)
        }
        _ => false,
    }
}

/// Whether PostgreSQL ended a session that had begun, as it does when a transaction is idle for too long (25P03): the
/// statement had no part in it. A session that it refused to begin says something about the role or the database (classes
/// 28, 3D and 42) or the address (0A, 22).
fn ends_the_session(error: &(dyn DatabaseError + 'static), class: &str) -> bool {
    let severity = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
    let has_ended = matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic));
    has_ended && !["28", "3D", "42", "0A", "22"].contains(&class)
}
