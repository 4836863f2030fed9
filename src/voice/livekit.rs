//! LiveKit: its access tokens (JWT, HS256) and the two calls of its server API that change the rights of somebody who is
//! connected. The API is Twirp: a `POST` of JSON for each method.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde::Serialize;
use serde_json::json;

use super::{Call, Change, Participant, Rights, VoiceProvider, VoiceToken, seconds};
use crate::config::Secret;
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};

/// Seconds for which the token of a call to the server API holds.
const CALL_SECONDS: i64 = 60;
/// For how long after its end LiveKit takes a token, because clocks differ.
const LEEWAY: Duration = Duration::from_secs(60);
/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a LiveKit project gives to its owner.
#[derive(Clone, Debug)]
pub struct LiveKitKeys {
    /// The address of the server API, as `https://project.livekit.cloud`.
    pub url: String,
    /// The name of the key.
    pub api_key: String,
    /// The key's secret.
    pub api_secret: Secret,
    /// How long a token lets a client connect.
    pub lasts: Duration,
}

/// LiveKit as the voice vendor.
pub struct LiveKit {
    url: reqwest::Url,
    api_key: String,
    key: EncodingKey,
    lasts: i64,
}

/// The claims of a token.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    nbf: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    video: Grant,
}

/// What a token grants. LiveKit takes a missing `canPublish`, `canSubscribe` or `canPublishData` for allowed, so each of
/// them is always there in a participant's token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Grant {
    room: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_admin: Option<bool>,
    #[serde(flatten)]
    participant: Option<ParticipantGrant>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ParticipantGrant {
    room_join: bool,
    can_subscribe: bool,
    can_publish: bool,
    can_publish_data: bool,
    can_publish_sources: &'static [&'static str],
}

impl LiveKit {
    /// LiveKit with these keys.
    ///
    /// # Errors
    /// `internal` if the address is none.
    pub fn new(keys: &LiveKitKeys) -> Result<Self> {
        let url = keys.url.parse().map_err(|_| Error::internal("the address of LiveKit is not valid"))?;
        let key = EncodingKey::from_secret(keys.api_secret.reveal().as_bytes());
        let lasts = i64::try_from(keys.lasts.as_secs()).unwrap_or(i64::MAX);
        Ok(Self { url, api_key: keys.api_key.clone(), key, lasts })
    }

    fn signed(&self, claims: &Claims<'_>) -> Result<String> {
        encode(&Header::new(Algorithm::HS256), claims, &self.key).map_err(Error::internal)
    }

    /// The call of a method of the room service, with a token that is good for this room alone.
    fn method(&self, name: &str, room: String, body: &serde_json::Value, now: Timestamp) -> Result<Call> {
        let now = seconds(now);
        let video = Grant { room, room_admin: Some(true), participant: None };
        let claims = Claims { iss: &self.api_key, sub: None, nbf: now, exp: now + CALL_SECONDS, name: None, video };
        let mut url = self.url.clone();
        url.set_path(&format!("/twirp/livekit.RoomService/{name}"));
        Ok(Call {
            method: Method::POST,
            url,
            authorization: format!("Bearer {}", self.signed(&claims)?).into(),
            body: body.to_string(),
        })
    }
}

impl VoiceProvider for LiveKit {
    fn token(&self, who: &Participant, rights: Rights, now: Timestamp, _: &Chance) -> Result<VoiceToken> {
        let now = seconds(now);
        let exp = now.saturating_add(self.lasts);
        let speaks = rights == Rights::Speak;
        let participant = ParticipantGrant {
            room_join: true,
            can_subscribe: true,
            can_publish: speaks,
            can_publish_data: false,
            can_publish_sources: if speaks { &["microphone"] } else { &[] },
        };
        let claims = Claims {
            iss: &self.api_key,
            sub: Some(who.user.to_string()),
            nbf: now,
            exp,
            name: Some(&who.name),
            video: Grant { room: who.room.to_string(), room_admin: None, participant: Some(participant) },
        };
        Ok(VoiceToken { token: self.signed(&claims)?, expires_at: Timestamp(exp.saturating_mul(1_000)) })
    }

    /// A change of rights names the whole permission, because LiveKit replaces the one that it has. Who is put out can
    /// no longer connect with a token from before: LiveKit refuses those whose `nbf` is below `revokeTokenTs`, if it knows
    /// that field. So is somebody who has left; but a token of this very second may be the one with which they come back.
    /// How long somebody stays out is for Parlor to say, which signs no token until then.
    fn call(&self, who: &Participant, change: Change, now: Timestamp) -> Result<Option<Call>> {
        let (room, identity) = (who.room.to_string(), who.user.to_string());
        let (name, body) = match change {
            Change::Rights(rights) => {
                let speaks = rights == Rights::Speak;
                let permission = json!({
                    "canSubscribe": true,
                    "canPublish": speaks,
                    "canPublishData": false,
                    "canPublishSources": if speaks { &["MICROPHONE"][..] } else { &[] },
                });
                ("UpdateParticipant", json!({"room": room, "identity": identity, "permission": permission}))
            }
            Change::Lifted { .. } => return Ok(None),
            Change::Left | Change::Out { .. } => {
                // In JSON a 64-bit number of a protocol buffer is a string.
                let before = (seconds(now) + i64::from(change != Change::Left)).to_string();
                ("RemoveParticipant", json!({"room": room, "identity": identity, "revokeTokenTs": before}))
            }
        };
        self.method(name, room, &body, now).map(Some)
    }

    fn is_told_rights(&self) -> bool {
        true
    }

    fn connects_for(&self, _: Rights) -> Duration {
        Duration::from_secs(u64::try_from(self.lasts).unwrap_or(0)) + LEEWAY
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }
}
