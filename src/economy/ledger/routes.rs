//! `GET /v1/wallet` and `GET /v1/wallet/entries`.
//!
//! The current user and the form of an error are the shared edge's: `C` is its extractor, `P` its problem.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, FromRequestParts, Query, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use parlor_protocol::reply::Balance;
use parlor_protocol::{Currency, ErrorBody, ErrorCode, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::wallet::{self, ENTRY_PAGE, Entry};
use crate::error::{Error, Result};

/// The wallet's addresses. `C` extracts who asks, `P` is what an error becomes.
pub fn routes<S, C, P>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PgPool: FromRef<S>,
    C: FromRequestParts<S, Rejection: IntoResponse> + Into<UserId> + Send + 'static,
    P: From<Error> + IntoResponse + 'static,
{
    Router::new().route("/v1/wallet", get(balances::<C, P>)).route("/v1/wallet/entries", get(entries::<C, P>))
}

/// Answer of `GET /v1/wallet`.
#[derive(Debug, Serialize)]
pub struct WalletAnswer {
    /// Every balance, coins first.
    pub balances: Vec<Balance>,
}

/// What `GET /v1/wallet/entries` is asked with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntriesQuery {
    /// Which account; coins unless told.
    #[serde(default = "coins")]
    pub currency: Currency,
    /// `next` of the page before; absent: from the newest.
    pub cursor: Option<String>,
    /// Entries of a page, 1 to 100; 50 unless told.
    pub limit: Option<i64>,
}

fn coins() -> Currency {
    Currency::Coin
}

/// Answer of `GET /v1/wallet/entries`, newest first.
#[derive(Debug, Serialize)]
pub struct EntriesAnswer {
    /// The movements.
    pub entries: Vec<Entry>,
    /// The cursor of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

async fn balances<C: Into<UserId>, P: From<Error>>(
    State(pool): State<PgPool>,
    user: C,
) -> Result<Json<WalletAnswer>, P> {
    let mut connection = pool.acquire().await.map_err(Error::from)?;
    Ok(Json(WalletAnswer { balances: wallet::balances(&mut connection, user.into()).await? }))
}

async fn entries<C: Into<UserId>, P: From<Error>>(
    State(pool): State<PgPool>,
    user: C,
    query: Result<Query<EntriesQuery>, QueryRejection>,
) -> Result<Json<EntriesAnswer>, P> {
    let Query(query) = query.map_err(|rejection| bad("query", rejection.body_text()))?;
    let limit = query.limit.unwrap_or(ENTRY_PAGE / 2);
    if !(1..=ENTRY_PAGE).contains(&limit) {
        return Err(bad("limit", format!("1 to {ENTRY_PAGE}")).into());
    }
    let cursor = query.cursor.map(|cursor| cursor.parse().map_err(|_| bad("cursor", "as a page before named it")));
    let mut connection = pool.acquire().await.map_err(Error::from)?;
    let page = wallet::entries(&mut connection, user.into(), query.currency, cursor.transpose()?, limit).await?;
    Ok(Json(EntriesAnswer { entries: page.entries, next: page.next.map(|next| next.to_string()) }))
}

fn bad(field: &str, message: impl Into<String>) -> Error {
    ErrorBody::new(ErrorCode::BadRequest).message("a field does not fit").field(field, message).into()
}
