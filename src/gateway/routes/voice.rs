//! What somebody in a room connects to the voice vendor with.

use axum::Json;
use axum::extract::State;
use parlor_protocol::{ErrorCode, RoomId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Guest, unexpected};
use crate::http::ValidPath;
use crate::kit::error::Result;
use crate::room::{Answer, Request};
use crate::voice::{Participant, Pass, Provider, Rights, Voice};

/// What a client connects to the voice vendor with.
#[derive(Serialize, ToSchema)]
pub(super) struct VoicePass {
    /// The vendor: `livekit` or `agora`.
    provider: &'static str,
    /// LiveKit: the address to connect to. Agora: the id of the app.
    place: String,
    /// The room's name at the vendor, which is its id.
    channel: String,
    /// The caller's identity at LiveKit and number (uid) at Agora, which is their id.
    identity: String,
    /// The token. Nobody else may see it.
    token: String,
    /// Unix milliseconds at which the token or a right in it ends: connect before, and ask for a new one before if you
    /// speak at Agora.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    expires_at: i64,
    /// Whether the token lets the caller speak: they sit on a seat that is not muted.
    may_speak: bool,
}

/// Signs a token for the voice vendor: with it whoever is in the room may listen, and whoever sits on a seat that is not muted may speak.
#[utoipa::path(post, path = "/v1/rooms/{id}/voice", tag = "rooms", params(("id" = RoomId, Path, description = "Which room.")),
    responses((status = 200, description = "What to connect with.", body = VoicePass, example = json!({
        "provider": "livekit", "place": "wss://project.livekit.cloud", "channel": "501207733", "identity": "901233872",
        "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", "expires_at": 1_790_000_060_000_i64, "may_speak": true,
    }))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::FeatureOff, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn issue_voice_token(
    guest: Guest,
    State(voice): State<Voice>,
    ValidPath(room): ValidPath<RoomId>,
) -> Result<Json<VoicePass>> {
    voice.check_on()?;
    let seat = match guest.look(room, Request::Place { user: guest.person.id }).await? {
        Answer::Place(seat) => seat,
        other => return Err(unexpected(&other)),
    };
    let rights = Rights::of(seat.is_some(), seat.is_some_and(|seat| seat.muted));
    let who = Participant { room, user: guest.person.id, name: guest.person.name.clone() };
    let Pass { provider, place, token } = voice.pass(&who, rights, &guest.edge)?;
    Ok(Json(VoicePass {
        provider: match provider {
            Provider::LiveKit => "livekit",
            Provider::Agora => "agora",
        },
        place,
        channel: room.to_string(),
        identity: guest.person.id.to_string(),
        token: token.token,
        expires_at: token.expires_at.0,
        may_speak: rights == Rights::Speak,
    }))
}
