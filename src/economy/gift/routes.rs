//! `GET /v1/gifts`.

use axum::extract::{FromRef, State};
use axum::routing::get;
use axum::{Json, Router};
use sqlx::PgPool;

use super::Catalogue;
use crate::error::Result;

/// The catalogue's address; it is the same for everybody.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PgPool: FromRef<S>,
{
    Router::new().route("/v1/gifts", get(gifts))
}

async fn gifts(State(pool): State<PgPool>) -> Result<Json<Catalogue>> {
    Ok(Json(super::catalogue(&mut *pool.acquire().await?).await?))
}
