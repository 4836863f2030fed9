//! Accounts over REST: register, sign in, sign out, who am I.

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use parlor_protocol::limit::DEVICE_CHARS;
use parlor_protocol::room::Person;
use serde::{Deserialize, Serialize};

use super::{Contact, Identity, NewAccount, Token, password};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::http::fields::line;
use crate::http::{ClientAddress, CurrentUser, Fields, ValidJson};

/// Characters of a display name.
const NAME_CHARS: usize = 40;

/// `POST /v1/auth/register`, `POST /v1/auth/login`, `POST /v1/auth/logout`, `GET /v1/me`.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
{
    Router::new()
        .route("/v1/auth/register", post(register))
        .route("/v1/auth/login", post(login))
        .route("/v1/auth/logout", post(logout))
        .route("/v1/me", get(me))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    phone: Option<String>,
    email: Option<String>,
    password: String,
    name: String,
    device: String,
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
        match (name, device) {
            (Some(name), Some(device)) if fields.is_empty() => {
                Ok(NewAccount { phone: phone.flatten(), email: email.flatten(), password: self.password, name, device })
            }
            _ => Err(fields.into_error()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    login: String,
    password: String,
    device: String,
}

/// Answer to both ways in.
#[derive(Serialize)]
struct Welcome {
    access_token: String,
    /// Unix milliseconds.
    expires_at: i64,
    user: Person,
}

impl From<(Token, Person)> for Welcome {
    fn from((token, user): (Token, Person)) -> Self {
        Self { access_token: token.token, expires_at: token.expires_at.0, user }
    }
}

async fn register(
    State(identity): State<Identity>,
    ClientAddress(from): ClientAddress,
    ValidJson(body): ValidJson<Register>,
) -> Result<(StatusCode, Json<Welcome>)> {
    let welcome = identity.register(from, body.account()?, Timestamp::now()).await?;
    Ok((StatusCode::CREATED, Json(welcome.into())))
}

async fn login(
    State(identity): State<Identity>,
    ClientAddress(from): ClientAddress,
    ValidJson(body): ValidJson<Login>,
) -> Result<Json<Welcome>> {
    let mut fields = Fields::default();
    let login = fields.take("login", Contact::parse(&body.login));
    let device = fields.take("device", line(&body.device, DEVICE_CHARS));
    if body.password.chars().count() > password::MAX_CHARS {
        fields.refuse("password", "at most 128 characters");
    }
    match (login, device) {
        (Some(login), Some(device)) if fields.is_empty() => {
            let welcome = identity.sign_in(from, &login, body.password, &device, Timestamp::now()).await?;
            Ok(Json(welcome.into()))
        }
        _ => Err(fields.into_error()),
    }
}

async fn logout(State(identity): State<Identity>, user: CurrentUser) -> Result<StatusCode> {
    identity.sign_out(user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn me(State(identity): State<Identity>, user: CurrentUser) -> Result<Json<Person>> {
    Ok(Json(identity.profile(user.id).await?))
}
