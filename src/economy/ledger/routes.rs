//! `GET /v1/wallet` and `GET /v1/wallet/entries`.

use axum::extract::{FromRef, State};
use axum::routing::get;
use axum::{Json, Router};
use parlor_protocol::Currency;
use parlor_protocol::reply::Balance;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::wallet::{self, Entry};
use crate::error::Result;
use crate::http::page::PageQuery;
use crate::http::{CurrentUser, Cursor, Page, ValidQuery};
use crate::identity::Identity;

/// The wallet's addresses.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    PgPool: FromRef<S>,
{
    Router::new().route("/v1/wallet", get(balances)).route("/v1/wallet/entries", get(entries))
}

/// Answer of `GET /v1/wallet`.
#[derive(Debug, Serialize)]
pub struct WalletAnswer {
    /// Every balance, coins first.
    pub balances: Vec<Balance>,
}

/// What `GET /v1/wallet/entries` is asked with: newest first, by pages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntriesQuery {
    /// Which account; coins unless told.
    #[serde(default = "coins")]
    currency: Currency,
    limit: Option<u32>,
    cursor: Option<Cursor>,
}

fn coins() -> Currency {
    Currency::Coin
}

async fn balances(State(pool): State<PgPool>, user: CurrentUser) -> Result<Json<WalletAnswer>> {
    Ok(Json(WalletAnswer { balances: wallet::balances(&mut *pool.acquire().await?, user.id).await? }))
}

async fn entries(
    State(pool): State<PgPool>,
    user: CurrentUser,
    ValidQuery(query): ValidQuery<EntriesQuery>,
) -> Result<Json<Page<Entry>>> {
    let page = PageQuery::new(query.limit, query.cursor);
    let (after, limit) = (page.after()?, i64::from(page.limit()?));
    let page = wallet::entries(&mut *pool.acquire().await?, user.id, query.currency, after, limit).await?;
    Ok(Json(Page { items: page.entries, next: page.next.map(|next| Cursor::of(&next)) }))
}
