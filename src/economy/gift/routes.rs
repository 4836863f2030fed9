//! `GET /v1/gifts`.

use axum::extract::{FromRef, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use sqlx::PgPool;

use super::Catalogue;
use crate::error::{Error, Result};

/// The catalogue's address; it is the same for everybody. `P` is what an error becomes.
pub fn routes<S, P>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PgPool: FromRef<S>,
    P: From<Error> + IntoResponse + 'static,
{
    Router::new().route("/v1/gifts", get(gifts::<P>))
}

async fn gifts<P: From<Error>>(State(pool): State<PgPool>) -> Result<Json<Catalogue>, P> {
    let mut connection = pool.acquire().await.map_err(Error::from)?;
    Ok(Json(super::catalogue(&mut connection).await?))
}
