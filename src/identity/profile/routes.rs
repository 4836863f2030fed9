//! Profiles over REST.

use axum::Json;
use axum::extract::{FromRef, State};
use parlor_protocol::{ErrorCode, UserId};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::PeopleList;
use super::{Change, Profile, PublicProfile, origin, signature};
use crate::http::{ValidJson, ValidPath, ValidQuery};
use crate::identity::routes::NAME_CHARS;
use crate::identity::{CurrentUser, Identity};
use crate::kit::clock::Timestamp;
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::Fields;
use crate::kit::fields::{bad_field, line};
use crate::kit::page::Page;

/// The most characters of a bio.
const BIO_CHARS: usize = 200;
/// The most characters of a search.
const SEARCH_CHARS: usize = 40;

/// The routes `/v1/me`, `/v1/me/signature` and `/v1/users`.
pub(in crate::identity) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(read_me, change_me))
        .routes(routes!(change_signature))
        .routes(routes!(find_users))
        .routes(routes!(read_profile))
}

/// Reads the caller's profile.
#[utoipa::path(get, path = "/v1/me", tag = "accounts",
    responses((status = 200, description = "The caller's profile.", body = Profile, example = json!({
        "id": 901_233_872, "name": "Amira", "signature": "amber-fox-42", "country": "EG", "language": "ar",
        "birthday": "1998-04-23", "email": "amira@example.com", "email_verified": true, "phone_verified": false,
        "created_at": 1_790_000_000_000_i64,
    }))),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound]))))]
async fn read_me(State(identity): State<Identity>, edge: Edge, user: CurrentUser) -> Result<Json<Profile>> {
    Ok(Json(identity.profile(&mut *edge.read().await?, user.id).await?))
}

/// Tells a field that is null (`Some(None)`, to be removed) from one that is absent (`None`, to be left as it is).
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProfileChange)]
struct ChangeMe {
    /// The display name: one line, not blank.
    #[schema(min_length = 1, max_length = 40)]
    name: Option<String>,
    /// The country, as ISO 3166-1 alpha-2; null removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z]{2}$")]
    country: Option<Option<String>>,
    /// The birthday, as `YYYY-MM-DD`, which shows that the user is old enough; nobody else sees it. Null removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, format = Date)]
    birthday: Option<Option<String>>,
    /// A few words: one line, not blank; null removes them.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    bio: Option<Option<String>>,
    /// The language, as a tag of BCP 47; null removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 35, pattern = "^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([0-9A-Za-z]{5,8}|[0-9][0-9A-Za-z]{3}))*$")]
    language: Option<Option<String>>,
}

impl ChangeMe {
    fn change(self, minimum_age: u32, now: Timestamp) -> Result<Change> {
        fn each<T, E: Into<String>>(
            fields: &mut Fields,
            name: &str,
            value: Option<Option<String>>,
            parse: impl Fn(&str) -> Result<T, E>,
        ) -> Option<Option<T>> {
            value.map(|value| value.and_then(|text| fields.take(name, parse(&text))))
        }
        let mut fields = Fields::default();
        let change = Change {
            name: self.name.and_then(|name| fields.take("name", line(&name, NAME_CHARS))),
            country: each(&mut fields, "country", self.country, origin::country),
            birthday: each(&mut fields, "birthday", self.birthday, |text| origin::birthday(text, minimum_age, now)),
            bio: each(&mut fields, "bio", self.bio, |text| line(text, BIO_CHARS)),
            language: each(&mut fields, "language", self.language, origin::language),
        };
        if fields.is_empty() { Ok(change) } else { Err(fields.into_error()) }
    }
}

/// Changes the caller's profile.
///
/// Fields that are absent stay as they are. A changed name is told to the room that the caller is in, and to the
/// caller's devices, by `person.changed`.
#[utoipa::path(patch, path = "/v1/me", tag = "accounts",
    request_body(content = ChangeMe, example = json!({"name": "Amira", "country": "EG", "bio": "Oud and coffee", "language": "ar"})),
    responses((status = 200, description = "The changed profile.", body = Profile, example = json!({
        "id": 901_233_872, "name": "Amira", "signature": "amber-fox-42", "country": "EG", "bio": "Oud and coffee",
        "language": "ar", "email": "amira@example.com", "email_verified": true, "phone_verified": false,
        "created_at": 1_790_000_000_000_i64,
    }))),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound]))))]
async fn change_me(
    State(identity): State<Identity>,
    edge: Edge,
    user: CurrentUser,
    ValidJson(body): ValidJson<ChangeMe>,
) -> Result<Json<Profile>> {
    let change = body.change(identity.minimum_age(), edge.now())?;
    if change.name.is_some() {
        identity.admit_change(user.id)?;
    }
    let mut tx = edge.begin().await?;
    let profile = identity.change_profile(&mut tx, user.id, &change).await?;
    let _noted = change.name.is_some().then(|| identity.note_change(user.id));
    tx.commit().await?;
    Ok(Json(profile))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeSignature {
    /// Words of letters, and numbers, with hyphens between them, a word first; absent: a random one.
    #[schema(min_length = 2, max_length = 24, pattern = "^[A-Za-z]{2,16}(-([A-Za-z]{2,16}|[0-9]{1,6})){0,3}$")]
    signature: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Signature {
    /// The caller's new signature.
    signature: String,
}

/// Changes the caller's signature, their public id.
///
/// This is possible once in a while (every 30 days unless the server is set up otherwise). Nobody can get the former
/// signature.
#[utoipa::path(put, path = "/v1/me/signature", tag = "accounts",
    request_body(content = ChangeSignature, example = json!({"signature": "velvet-oud-12"})),
    responses((status = 200, description = "The signature is changed.", body = Signature, example = json!({"signature": "velvet-oud-12"}))),
    extensions(("x-errors" = json!([ErrorCode::SignatureTaken]))))]
async fn change_signature(
    State(identity): State<Identity>,
    edge: Edge,
    user: CurrentUser,
    ValidJson(body): ValidJson<ChangeSignature>,
) -> Result<Json<Signature>> {
    let wanted = body.signature.as_deref().map(signature::parse).transpose();
    let wanted = wanted.map_err(|why| bad_field("signature", why))?;
    let mut tx = edge.begin().await?;
    let signature = identity.change_signature(&mut tx, edge.chance(), user.id, wanted.as_deref()).await?;
    tx.commit().await?;
    Ok(Json(Signature { signature }))
}

/// Finds users by signature or name.
///
/// First comes the user with exactly this signature, then those whose name begins with the text, then those whose name
/// is similar to it, the most similar first.
#[utoipa::path(get, path = "/v1/users", tag = "accounts", params(PeopleList),
    responses((status = 200, description = "A page of users.", body = Page<PublicProfile>, example = json!({
        "items": [{"id": 901_233_872, "name": "Amira", "signature": "amber-fox-42", "country": "EG"}],
    }))))]
async fn find_users(
    State(identity): State<Identity>,
    edge: Edge,
    _: CurrentUser,
    ValidQuery(query): ValidQuery<PeopleList>,
) -> Result<Json<Page<PublicProfile>>> {
    let text = line(&query.q, SEARCH_CHARS).map_err(|why| bad_field("q", why))?;
    let window = query.window()?;
    let mut conn = edge.read().await?;
    Ok(Json(identity.find_people(&mut conn, &text, &window).await?))
}

/// Reads the public profile of a user.
#[utoipa::path(get, path = "/v1/users/{id}", tag = "accounts", params(("id" = UserId, Path, description = "The user's id.")),
    responses((status = 200, description = "The user's public profile.", body = PublicProfile, example = json!({
        "id": 901_233_872, "name": "Amira", "signature": "amber-fox-42", "country": "EG",
    }))),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound]))))]
async fn read_profile(
    State(identity): State<Identity>,
    edge: Edge,
    _: CurrentUser,
    ValidPath(id): ValidPath<UserId>,
) -> Result<Json<PublicProfile>> {
    Ok(Json(identity.public_profile(&mut *edge.read().await?, id).await?))
}
