//! The extractor for staff: a signed-in user who has a permission. The permission is part of the handler's signature,
//! so that a handler without one is noticed.

use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use super::CurrentUser;
use crate::audit::Actor;
use crate::http::RequestId;
use crate::identity::{Identity, Needed};
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};

/// A user who has the permission `P`. It is looked up for each request, so a role that is taken away counts at once.
#[derive(Clone, Debug)]
pub struct Staff<P> {
    actor: Actor,
    _may: PhantomData<fn() -> P>,
}

impl<P> Staff<P> {
    /// The user and the request, for the audit log.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
}

impl<S: Send + Sync, P: Needed> FromRequestParts<S> for Staff<P>
where
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let user = CurrentUser::from_request_parts(parts, state).await?;
        Identity::from_ref(state).require(user.id, P::PERMISSION).await?;
        let request = parts.extensions.get().map_or("", RequestId::as_str).to_owned();
        Ok(Self { actor: Actor { user: Some(user.id), request }, _may: PhantomData })
    }
}
