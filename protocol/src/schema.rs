//! How REST describes the words whose form serde alone knows (OpenAPI 3.1).

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::error::ErrorCode;
use crate::id::{GiftId, NUMBER_LIMIT, Op, RoomId, UserId};

macro_rules! number_id {
    ($($id:ident, $words:literal, $example:literal;)*) => {$(
        impl PartialSchema for $id {
            fn schema() -> RefOr<Schema> {
                let number = ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                    .minimum(Some(1))
                    .maximum(Some(NUMBER_LIMIT - 1));
                number.description(Some($words)).examples([$example]).into()
            }
        }

        impl ToSchema for $id {
            fn name() -> Cow<'static, str> {
                stringify!($id).into()
            }
        }
    )*};
}

number_id! {
    UserId, "A user: a random number of nine digits and more.", 901_233_872;
    RoomId, "A room: a random number of nine digits and more.", 104_233_871;
    GiftId, "A gift of the catalogue.", 1;
}

impl PartialSchema for Op {
    fn schema() -> RefOr<Schema> {
        let uuid =
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        uuid.description(Some("A client's name for one change.")).into()
    }
}

impl ToSchema for Op {
    fn name() -> Cow<'static, str> {
        "Op".into()
    }
}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|code| code.name());
        let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
        code.description(Some("A stable code. Codes are only ever added.")).into()
    }
}

impl ToSchema for ErrorCode {
    fn name() -> Cow<'static, str> {
        "ErrorCode".into()
    }
}
