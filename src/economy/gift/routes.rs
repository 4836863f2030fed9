//! The catalogue of gifts over REST.

use axum::Json;
use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Catalogue;
use crate::kit::edge::Edge;
use crate::kit::error::Result;

/// The route `/v1/gifts`.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Edge: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list_gifts))
}

/// Lists the gifts that can be sent now, cheapest first.
///
/// The catalogue is the same for everybody, so no sign-in is needed. `version` rises with every change.
#[utoipa::path(get, path = "/v1/gifts", tag = "gifts", security(()),
    responses((status = 200, description = "The whole catalogue.", body = Catalogue, example = json!({
        "version": 24,
        "gifts": [{"id": 1, "name_en": "Rose", "name_ar": "وردة", "category": "hot", "rarity": "common", "price": 1, "vip_level": 0}],
    }))))]
async fn list_gifts(edge: Edge) -> Result<Json<Catalogue>> {
    Ok(Json(super::catalogue(&mut *edge.read().await?).await?))
}
