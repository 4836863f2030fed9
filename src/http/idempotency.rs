//! The operation that a request names by `Idempotency-Key`, which is `op` on the socket. The same operation with the
//! same content takes effect once, whether it comes by REST or by socket.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use parlor_protocol::{ErrorBody, ErrorCode, Op};
use tracing::Span;
use tracing::field::display;
use uuid::Uuid;

use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::fields::bad_field;

/// The header's name.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// An extractor: the operation of a request. A handler that takes it as it is requires one, as every write of money
/// must (`operation_required`). A handler takes an `Option` of it if repeating the request does little harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdempotencyKey(pub Op);

impl IdempotencyKey {
    /// The operation that the request names, or else a new one, which no other request has.
    pub fn or_new(key: Option<Self>, edge: &Edge) -> Op {
        key.map_or_else(|| Op(edge.chance().id_at(edge.now())), |key| key.0)
    }

    fn of(headers: &HeaderMap) -> Result<Option<Self>> {
        let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let op = value.to_str().ok().and_then(|text| Uuid::parse_str(text.trim()).ok());
        match (op, values.next()) {
            (Some(op), None) => {
                Span::current().record("op", display(op));
                Ok(Some(Self(Op(op))))
            }
            _ => Err(bad_field(IDEMPOTENCY_KEY, "one UUID, made once for each tap")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(&parts.headers)?.ok_or_else(|| {
            let body = ErrorBody::new(ErrorCode::OperationRequired);
            body.field(IDEMPOTENCY_KEY, "a UUID, made once for each tap").into()
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        Self::of(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, IDEMPOTENCY_KEY, IdempotencyKey};

    #[test]
    fn a_key_is_one_uuid() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IDEMPOTENCY_KEY, value.parse().expect("a header's value"));
            }
            IdempotencyKey::of(&headers).ok().map(|key| key.is_some())
        };
        let key = "01990000-0000-7000-8000-000000000001";
        assert_eq!([of(&[]), of(&[key])], [Some(false), Some(true)]);
        for bad in [&["7"][..], &[""], &[key, key]] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }
}
