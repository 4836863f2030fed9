//! Jobs as staff sees them: which ones wait, run, are done or have failed, and never their payloads.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::store;
use crate::kit::error::{Error, Result};
use crate::kit::list::Window;
use crate::kit::page::Page;
use crate::kit::tx::Tx;
use parlor_protocol::{ErrorBody, ErrorCode};

/// The state of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobState)]
pub enum State {
    /// It is not due yet, or no worker has taken it yet.
    Waiting,
    /// A worker has it.
    Running,
    /// It was done.
    Done,
    /// It failed for good.
    Failed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Done, Self::Failed];

    /// The state's name in the table and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A job without its payload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct Listed {
    /// The job's id; newer jobs have higher ones.
    #[schema(minimum = 1)]
    pub id: i64,
    /// What kind of job it is.
    #[schema(example = "courier.mail")]
    pub kind: String,
    /// Whether it waits, runs, is done or has failed.
    pub state: State,
    /// The number of attempts that were begun.
    #[schema(minimum = 0)]
    pub attempts: i32,
    /// Why the last attempt failed, if one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was enqueued, in Unix milliseconds.
    pub created_at: i64,
    /// When it is due, in Unix milliseconds; for a running job, when its worker loses it. Absent once it was done or has
    /// failed for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    /// When it was done or failed for good, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<i64>,
    /// Whether it can be tried again: it failed for good and its payload is still there.
    pub can_retry: bool,
}

crate::list! {
    /// The query of `GET /v1/staff/jobs`: newest first, by the job's id.
    pub struct JobList: "jobs" by i64 {
        /// Only those in this state.
        state: Option<State>,
    }
}

/// A page of jobs, newest first.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn page(conn: &mut PgConnection, state: Option<State>, window: &Window<JobList>) -> Result<Page<Listed>> {
    let rows = store::listed(conn, state.map(State::name), window).await?;
    Ok(window.page(rows, |job| job.id))
}

/// Makes a failed job due again, with all its attempts; a deadline is removed. Returns the job's kind.
///
/// # Errors
/// `not_found` if there is no such job. `cannot_retry` if it has not failed, if its payload was emptied, or if a job with
/// the same [`unique`](super::Job::unique) word already waits or runs.
pub async fn retry(tx: &mut Tx, id: i64) -> Result<String> {
    let retried = store::retry(tx, id).await.map_err(|error| match &error {
        sqlx::Error::Database(broken) if broken.constraint() == Some("jobs_unique") => {
            cannot_retry("another job like it waits or runs")
        }
        _ => error.into(),
    });
    if let Some(kind) = retried? {
        return Ok(kind);
    }
    let state = store::state(tx, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    Err(cannot_retry(match State::from_name(&state) {
        Some(State::Failed) => "what the job held was sealed, and emptied when it failed: have it caused anew",
        Some(State::Done) => "the job was done",
        _ => "the job has not failed: it waits or runs",
    }))
}

fn cannot_retry(why: &str) -> Error {
    ErrorBody::new(ErrorCode::CannotRetry).message(why).into()
}
