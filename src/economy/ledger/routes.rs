//! The wallet over REST: balances and entries.

use axum::Json;
use axum::extract::{FromRef, State};
use parlor_protocol::reply::Balance;
use parlor_protocol::{Currency, ErrorCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::posting::Kinds;
use super::wallet::{self, Entry};
use crate::http::ValidQuery;
use crate::identity::{CurrentUser, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::page::Page;

/// The routes `/v1/wallet` and `/v1/wallet/entries`.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
    Kinds: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(read_wallet)).routes(routes!(list_wallet_entries))
}

/// The balances of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Wallet)]
pub struct WalletAnswer {
    /// The balances, coins first.
    pub balances: Vec<Balance>,
}

crate::list! {
    /// The query of `GET /v1/wallet/entries`: newest first. A cursor holds the transfer with which its page begins.
    struct EntryList: "wallet.entries" by i64 {
        /// The currency of the account; coins by default.
        #[serde(default = "coins")]
        #[param(default = "coin")]
        currency: Currency,
    }
}

fn coins() -> Currency {
    Currency::Coin
}

/// Reads the caller's balances.
///
/// Amounts are whole minor units; one coin or diamond has ten to the power of `exponent` of them. Of two balances of a
/// currency, the one with the higher `version` is the later one.
#[utoipa::path(get, path = "/v1/wallet", tag = "wallet",
    responses((status = 200, description = "The balances, coins first.", body = WalletAnswer, example = json!({"balances": [
        {"currency": "coin", "amount": 9_990, "xp": 100_000, "version": 5121, "exponent": 0},
        {"currency": "diamond", "amount": 0, "xp": 0, "version": 0, "exponent": 4},
    ]}))),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound]))))]
async fn read_wallet(edge: Edge, user: CurrentUser) -> Result<Json<WalletAnswer>> {
    Ok(Json(WalletAnswer { balances: wallet::balances(&mut *edge.read().await?, user.id).await? }))
}

/// Lists every movement of one of the caller's accounts with its cause, newest first.
#[utoipa::path(get, path = "/v1/wallet/entries", tag = "wallet", params(EntryList),
    responses((status = 200, description = "A page of movements.", body = Page<Entry>, example = json!({
        "items": [{
            "transfer": 5121, "kind": "gift", "currency": "coin", "amount": -10, "at": 1_790_000_000_127_i64,
            "gift": {"role": "sender", "gift": 1, "count": 10, "room": 104_233_871, "gift_no": 8, "from": 901_233_871, "to": [901_233_872]},
        }],
        "next": "WyJ3YWxsZXQuZW50cmllcyIsbnVsbCw0OTk3XQ",
    }))),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound]))))]
async fn list_wallet_entries(
    edge: Edge,
    State(kinds): State<Kinds>,
    user: CurrentUser,
    ValidQuery(query): ValidQuery<EntryList>,
) -> Result<Json<Page<Entry>>> {
    let window = query.window()?;
    let (begins, limit) = (window.behind(), window.one_more() - 1);
    let page = wallet::entries(&mut *edge.read().await?, &kinds, user.id, query.currency, begins, limit).await?;
    Ok(Json(Page { items: page.entries, next: page.next.map(|next| window.cursor(&next)) }))
}
