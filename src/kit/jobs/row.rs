//! Jobs as staff sees them: what waits, runs, is done and has failed, never what they hold.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::store;
use crate::kit::error::{Error, Result};
use crate::kit::list::Window;
use crate::kit::page::Page;
use crate::kit::tx::Tx;
use parlor_protocol::ErrorCode;

/// How far a job is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobState)]
pub enum State {
    /// It waits for its time, or for a worker.
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

    /// As it stands in the table.
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

/// A job without what it holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct Listed {
    /// Its number.
    #[schema(minimum = 1)]
    pub id: i64,
    /// What kind of job it is.
    #[schema(example = "courier.mail")]
    pub kind: String,
    /// How far it is.
    pub state: State,
    /// Attempts that were begun.
    #[schema(minimum = 0)]
    pub attempts: i32,
    /// Why the last attempt failed, if one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Unix milliseconds: when it was made.
    pub created_at: i64,
    /// Unix milliseconds: when it is to be taken; of a running one, when it is taken from its worker.
    pub due_at: i64,
    /// Unix milliseconds: when it was done or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<i64>,
    /// It failed, and what it holds is still there: it can be tried again.
    pub can_retry: bool,
}

crate::list! {
    /// What `GET /v1/staff/jobs` is asked with: newest first, by the job's id.
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

/// Has a failed job tried again, from its first attempt on; its deadline, if it had one, is lifted. Gives its
/// kind.
///
/// # Errors
/// `not_found` where no job of this id has failed, where it was emptied, or where another one like it waits or
/// runs already.
pub async fn retry(tx: &mut Tx, id: i64) -> Result<String> {
    store::retry(tx, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))
}
