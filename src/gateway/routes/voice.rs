//! What somebody in a room connects to the voice vendor with.

use axum::Json;
use parlor_protocol::reply::VoicePass;
use parlor_protocol::{ErrorCode, RoomId};

use super::Guest;
use crate::http::ValidPath;
use crate::kit::error::Result;

/// Signs a token for the voice vendor: with it whoever is in the room may listen, and whoever sits on a seat that is not muted may speak.
#[utoipa::path(post, path = "/v1/rooms/{id}/voice", tag = "rooms", params(("id" = RoomId, Path, description = "Which room.")),
    responses((status = 200, description = "What to connect with.", body = VoicePass, example = json!({
        "provider": "livekit", "place": "wss://project.livekit.cloud", "channel": "501207733", "identity": "901233872",
        "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", "expires_at": 1_790_000_060_000_i64, "may_speak": true,
    }))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::FeatureOff, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn issue_voice_token(guest: Guest, ValidPath(room): ValidPath<RoomId>) -> Result<Json<VoicePass>> {
    Ok(Json(guest.voice_pass(room).await?))
}
