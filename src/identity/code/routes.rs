//! Codes, passwords and addresses over REST.

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use parlor_protocol::ErrorCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Purpose;
use crate::http::{ClientAddress, ValidJson};
use crate::identity::contact::AccountContact;
use crate::identity::{Contact, CurrentUser, Identity, password};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::Fields;

/// The routes `/v1/auth/codes`, `/v1/auth/password`, `/v1/me/password` and `/v1/me/contacts`.
pub(in crate::identity) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(send_code))
        .routes(routes!(reset_password))
        .routes(routes!(change_password))
        .routes(routes!(confirm_contact))
        .routes(routes!(send_contact_code))
}

/// A code as people type it; an error if it is not six digits.
pub(in crate::identity) fn code(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let fits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err("six digits") }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CodePurpose)]
enum AskedPurpose {
    /// To register with this address.
    Register,
    /// To set a new password.
    Reset,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SendCode {
    /// The phone number or the e-mail address.
    #[schema(schema_with = crate::identity::contact::schema::contact)]
    contact: String,
    /// What the code is for.
    purpose: AskedPurpose,
    /// The `device_token` of this device's last sign-in to this account, if it has one.
    #[schema(format = Password)]
    device_token: Option<String>,
}

/// Sends a one-time code.
///
/// The answer is the same whether or not there is an account. If it is `rate_limited`, the code that was sent last
/// holds until another one may be sent.
#[utoipa::path(post, path = "/v1/auth/codes", tag = "accounts", security(()),
    request_body(content = SendCode, example = json!({"contact": "amira@example.com", "purpose": "reset"})),
    responses((status = 202, description = "Accepted. A code to reset a password is sent only if there is an account.")),
    extensions(("x-errors" = json!([ErrorCode::RateLimited, ErrorCode::FeatureOff]))))]
async fn send_code(
    State(identity): State<Identity>,
    edge: Edge,
    ClientAddress(from): ClientAddress,
    ValidJson(body): ValidJson<SendCode>,
) -> Result<StatusCode> {
    let mut fields = Fields::default();
    let (purpose, contact) = match body.purpose {
        AskedPurpose::Register => (Purpose::Register, Contact::parse(&body.contact).map(AccountContact::from)),
        AskedPurpose::Reset => (Purpose::Reset, AccountContact::parse(&body.contact)),
    };
    let Some(contact) = fields.take("contact", contact) else { return Err(fields.into_error()) };
    let known = identity.known_device(body.device_token.as_deref(), edge.now());
    identity.admit_code(from, known.as_ref())?;
    let mut tx = edge.begin().await?;
    identity.send_code(&mut tx, edge.chance(), purpose, &contact, (from, known)).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResetPassword {
    /// The phone number or the e-mail address to which the code was sent.
    #[schema(schema_with = crate::identity::contact::schema::contact)]
    contact: String,
    /// The code.
    #[schema(pattern = "^[0-9]{6}$")]
    code: String,
    /// The new password.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: String,
    /// The `device_token` of this device's last sign-in to this account, if it has one.
    #[schema(format = Password)]
    device_token: Option<String>,
}

/// Sets a new password by a code.
///
/// All of the user's sessions end.
#[utoipa::path(post, path = "/v1/auth/password", tag = "accounts", security(()),
    request_body(content = ResetPassword, example = json!({
        "contact": "amira@example.com", "code": "428193", "password": "correct horse battery",
    })),
    responses((status = 204, description = "The password is changed.")),
    extensions(("x-errors" = json!([ErrorCode::CodeInvalid, ErrorCode::RateLimited, ErrorCode::Busy]))))]
async fn reset_password(
    State(identity): State<Identity>,
    edge: Edge,
    ClientAddress(from): ClientAddress,
    ValidJson(body): ValidJson<ResetPassword>,
) -> Result<StatusCode> {
    let mut fields = Fields::default();
    let contact = fields.take("contact", AccountContact::parse(&body.contact));
    let code = fields.take("code", code(&body.code));
    let contacts: Vec<&str> = contact.iter().flat_map(AccountContact::forms).map(Contact::as_str).collect();
    if let Some(why) = password::weakness(&body.password, &contacts) {
        fields.refuse("password", why);
    }
    match (contact, code) {
        (Some(contact), Some(code)) if fields.is_empty() => {
            let known = identity.known_device(body.device_token.as_deref(), edge.now());
            identity.reset_password(&edge, (from, known), &contact, &code, body.password).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        _ => Err(fields.into_error()),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    /// The present password.
    #[schema(max_length = 128, format = Password)]
    old_password: String,
    /// The new password.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: String,
}

/// Changes the caller's password.
///
/// All of the caller's other sessions end.
#[utoipa::path(put, path = "/v1/me/password", tag = "accounts",
    request_body(content = ChangePassword, example = json!({
        "old_password": "parlor-demo-no-longer", "password": "correct horse battery",
    })),
    responses((status = 204, description = "The password is changed.")),
    extensions(("x-errors" = json!([ErrorCode::InvalidCredentials, ErrorCode::Busy]))))]
async fn change_password(
    State(identity): State<Identity>,
    edge: Edge,
    user: CurrentUser,
    ValidJson(body): ValidJson<ChangePassword>,
) -> Result<StatusCode> {
    known_length("old_password", &body.old_password)?;
    identity.change_password(&edge, user, body.old_password, body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn known_length(field: &str, password: &str) -> Result<()> {
    let fits = password.chars().count() <= password::MAX_CHARS;
    if fits { Ok(()) } else { Err(crate::kit::fields::bad_field(field, "at most 128 characters")) }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ContactCode {
    /// The phone number or the e-mail address.
    #[schema(schema_with = crate::identity::contact::schema::contact)]
    contact: String,
}

/// Sends a code to the caller's address, or to one that they want to have.
#[utoipa::path(post, path = "/v1/me/contacts/codes", tag = "accounts",
    request_body(content = ContactCode, example = json!({"contact": "+14155550123"})),
    responses((status = 202, description = "The code is being sent.")),
    extensions(("x-errors" = json!([ErrorCode::FeatureOff]))))]
async fn send_contact_code(
    State(identity): State<Identity>,
    edge: Edge,
    ClientAddress(from): ClientAddress,
    user: CurrentUser,
    ValidJson(body): ValidJson<ContactCode>,
) -> Result<StatusCode> {
    let mut fields = Fields::default();
    let Some(contact) = fields.take("contact", Contact::parse(&body.contact)) else { return Err(fields.into_error()) };
    identity.admit_code(from, None)?;
    let mut tx = edge.begin().await?;
    identity.send_contact_code(&mut tx, edge.chance(), user.id, &contact).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConfirmContact {
    /// The phone number or the e-mail address to which the code was sent.
    #[schema(schema_with = crate::identity::contact::schema::contact)]
    contact: String,
    /// The code.
    #[schema(pattern = "^[0-9]{6}$")]
    code: String,
    /// The account's password; needed if the address is not the account's yet.
    #[schema(max_length = 128, format = Password)]
    password: Option<String>,
}

/// Proves the caller's address by a code, or replaces their phone number or e-mail address by another one.
#[utoipa::path(put, path = "/v1/me/contacts", tag = "accounts",
    request_body(content = ConfirmContact, example = json!({
        "contact": "+14155550123", "code": "428193", "password": "correct horse battery",
    })),
    responses((status = 204, description = "The address is the caller's and is proven.")),
    extensions(("x-errors" = json!([
        ErrorCode::CodeInvalid, ErrorCode::InvalidCredentials, ErrorCode::AccountExists, ErrorCode::UserNotFound, ErrorCode::Busy,
    ]))))]
async fn confirm_contact(
    State(identity): State<Identity>,
    edge: Edge,
    user: CurrentUser,
    ValidJson(body): ValidJson<ConfirmContact>,
) -> Result<StatusCode> {
    let mut fields = Fields::default();
    let contact = fields.take("contact", Contact::parse(&body.contact));
    let code = fields.take("code", code(&body.code));
    known_length("password", body.password.as_deref().unwrap_or_default())?;
    match (contact, code) {
        (Some(contact), Some(code)) => {
            identity.confirm_contact(&edge, user, &contact, &code, body.password).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        _ => Err(fields.into_error()),
    }
}
