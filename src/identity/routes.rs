//! Accounts over REST: register, sign in and sign out here; the rest in the files of sessions, codes and profiles.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use parlor_protocol::ErrorCode;
use parlor_protocol::limit::DEVICE_CHARS;
use parlor_protocol::room::Person;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::contact::AccountContact;
use super::{Contact, CurrentUser, Grant, Identity, NewAccount, password, session};
use crate::http::{ClientAddress, ValidJson};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::Fields;
use crate::kit::fields::line;

/// The most characters of a display name.
pub(super) const NAME_CHARS: usize = 40;

/// All routes of accounts: `/v1/auth`, `/v1/me` and `/v1/users`.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(logout))
        .merge(session::routes())
        .merge(super::code::routes::routes())
        .merge(super::profile::routes::routes())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    /// A phone number with `+` or `00` and the country's code. A phone number or an e-mail address is needed.
    #[schema(schema_with = super::contact::schema::phone)]
    phone: Option<String>,
    /// An e-mail address.
    #[schema(schema_with = super::contact::schema::email)]
    email: Option<String>,
    /// The password. It must not be a common one, the phone number, or the e-mail address or its first part.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: String,
    /// The display name: one line, not blank.
    #[schema(min_length = 1, max_length = 40)]
    name: String,
    /// The name of this device, for the list of sessions.
    #[schema(min_length = 1, max_length = 128)]
    device: String,
    /// A code that was sent to the phone number, or to the e-mail address if there is no number. It proves the address,
    /// and takes it from an account that has not proven it.
    #[schema(pattern = "^[0-9]{6}$")]
    code: Option<String>,
}

impl Register {
    fn account(self) -> Result<NewAccount> {
        let mut fields = Fields::default();
        let phone = self.phone.as_deref().map(|text| fields.take("phone", Contact::phone(text)));
        let email = self.email.as_deref().map(|text| fields.take("email", Contact::email(text)));
        if phone.is_none() && email.is_none() {
            fields.refuse("email", "a phone number or an e-mail address");
        }
        let contacts: Vec<&str> = [&phone, &email].into_iter().flatten().flatten().map(Contact::as_str).collect();
        if let Some(why) = password::weakness(&self.password, &contacts) {
            fields.refuse("password", why);
        }
        let name = fields.take("name", line(&self.name, NAME_CHARS));
        let device = fields.take("device", line(&self.device, DEVICE_CHARS));
        let code = self.code.and_then(|code| fields.take("code", super::code::routes::code(&code)));
        let (phone, email, password) = (phone.flatten(), email.flatten(), self.password);
        match (name, device) {
            (Some(name), Some(device)) if fields.is_empty() => {
                Ok(NewAccount { phone, email, password, name, device, code })
            }
            _ => Err(fields.into_error()),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// The phone number or the e-mail address.
    #[schema(schema_with = super::contact::schema::contact)]
    login: String,
    /// The password.
    #[schema(max_length = 128, format = Password)]
    password: String,
    /// The name of this device, for the list of sessions.
    #[schema(min_length = 1, max_length = 128)]
    device: String,
    /// The `device_token` of this device's last sign-in to this account. One that holds no longer is as good as none.
    #[schema(format = Password)]
    device_token: Option<String>,
}

/// The answer to registering, signing in and refreshing.
#[derive(Serialize, ToSchema)]
pub(super) struct Welcome {
    /// The access token, for `Authorization: Bearer` and for `connect`.
    access_token: String,
    /// Until when the access token holds, in Unix milliseconds.
    expires_at: i64,
    /// For how many milliseconds the access token holds from now on. A client counts from the arrival of the answer, so
    /// that its own clock may be wrong.
    expires_in_ms: i64,
    /// The refresh token, to be used once, for `POST /v1/auth/refresh`.
    refresh_token: String,
    /// Until when the refresh token holds, in Unix milliseconds.
    refresh_expires_at: i64,
    /// What the device sends with later sign-ins, requests for codes and new passwords, so that it is told from
    /// strangers who guess. It opens nothing, and is kept when the user signs out. A refresh gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
    /// The user who is signed in.
    user: Person,
}

impl From<Grant> for Welcome {
    fn from(Grant { access, access_ms, refresh, user, device }: Grant) -> Self {
        Self {
            access_token: access.token,
            expires_at: access.expires_at.0,
            expires_in_ms: access_ms,
            refresh_token: refresh.token,
            refresh_expires_at: refresh.expires_at.0,
            device_token: device.map(|device| device.token),
            user,
        }
    }
}

/// Makes an account and signs it in.
#[utoipa::path(post, path = "/v1/auth/register", tag = "accounts", security(()),
    request_body(content = Register, example = json!({
        "email": "amira@example.com", "password": "correct horse battery", "name": "Amira", "device": "Amira's phone",
    })),
    responses((status = 201, description = "Registered and signed in.", body = Welcome, example = json!({
        "access_token": "eyJhbGciOiJIUzI1NiJ9.…", "expires_at": 1_790_000_900_000_i64,
        "expires_in_ms": 900_000,
        "refresh_token": "AZmxwn0ecAC…", "refresh_expires_at": 1_792_592_000_000_i64,
        "device_token": "AAAAADW3c9A…",
        "user": {"id": 901_233_872, "name": "Amira"},
    }))),
    extensions(("x-errors" = json!([ErrorCode::AccountExists, ErrorCode::CodeInvalid, ErrorCode::RateLimited, ErrorCode::Busy]))))]
async fn register(
    State(identity): State<Identity>,
    edge: Edge,
    ClientAddress(from): ClientAddress,
    ValidJson(body): ValidJson<Register>,
) -> Result<(StatusCode, Json<Welcome>)> {
    let welcome = identity.register(&edge, Some(from), body.account()?).await?;
    Ok((StatusCode::CREATED, Json(welcome.into())))
}

/// Signs in with a phone number or an e-mail address.
#[utoipa::path(post, path = "/v1/auth/login", tag = "accounts", security(()),
    request_body(content = Login, example = json!({
        "login": "demo1@parlor.example", "password": "parlor-demo", "device": "Amira's phone",
    })),
    responses((status = 200, description = "Signed in.", body = Welcome, example = json!({
        "access_token": "eyJhbGciOiJIUzI1NiJ9.…", "expires_at": 1_790_000_900_000_i64,
        "expires_in_ms": 900_000,
        "refresh_token": "AZmxwn0ecAC…", "refresh_expires_at": 1_792_592_000_000_i64,
        "device_token": "AAAAADW3c9A…",
        "user": {"id": 901_233_872, "name": "Amira"},
    }))),
    extensions(("x-errors" = json!([ErrorCode::InvalidCredentials, ErrorCode::Suspended, ErrorCode::Busy]))))]
async fn login(
    State(identity): State<Identity>,
    edge: Edge,
    ClientAddress(from): ClientAddress,
    ValidJson(body): ValidJson<Login>,
) -> Result<Json<Welcome>> {
    let mut fields = Fields::default();
    let login = fields.take("login", AccountContact::parse(&body.login));
    let device = fields.take("device", line(&body.device, DEVICE_CHARS));
    if body.password.chars().count() > password::MAX_CHARS {
        fields.refuse("password", "at most 128 characters");
    }
    match (login, device) {
        (Some(login), Some(device)) if fields.is_empty() => {
            let known = identity.known_device(body.device_token.as_deref(), edge.now());
            let welcome = identity.sign_in(&edge, (from, known), &login, body.password, &device).await?;
            Ok(Json(welcome.into()))
        }
        _ => Err(fields.into_error()),
    }
}

/// Signs out: the session of the access token ends.
#[utoipa::path(post, path = "/v1/auth/logout", tag = "accounts", responses((status = 204, description = "Signed out.")))]
async fn logout(State(identity): State<Identity>, edge: Edge, user: CurrentUser) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    identity.sign_out(&mut tx, user).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
