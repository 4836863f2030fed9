//! The OpenAPI 3.1 schemas of the types whose form is known to serde alone.

use std::borrow::Cow;

use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::command::Recipients;
use crate::error::ErrorCode;
use crate::id::{GiftId, NUMBER_LIMIT, Op, RoomId, UserId};
use crate::limit;

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
    UserId, "A user's id: a random number of at least nine digits.", 901_233_872;
    RoomId, "A room's id: a random number of at least nine digits.", 104_233_871;
    GiftId, "The id of a gift in the catalogue.", 1;
}

impl PartialSchema for Op {
    fn schema() -> RefOr<Schema> {
        let uuid =
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        uuid.description(Some("The id of an operation, which the client makes once for each tap.")).into()
    }
}

impl ToSchema for Op {
    fn name() -> Cow<'static, str> {
        "Op".into()
    }
}

impl PartialSchema for Recipients {
    fn schema() -> RefOr<Schema> {
        let named = |name: &str, items: RefOr<Schema>, words: &str| {
            let list = ArrayBuilder::new().items(items).min_items(Some(1)).max_items(Some(limit::GIFT_RECEIVERS));
            let form = ObjectBuilder::new()
                .property(name, list)
                .required(name)
                .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
            form.description(Some(words))
        };
        let seat = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(u8::MAX));
        let all = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["all_seats"]));
        OneOfBuilder::new()
            .item(named("users", UserId::schema(), "These users, who are in the room or left it at most 60 s ago."))
            .item(named("seats", seat.into(), "The users on these seats."))
            .item(all.description(Some("The users on all seats.")))
            .description(Some("The receivers of a gift. The sender is never among them."))
            .into()
    }
}

impl ToSchema for Recipients {
    fn name() -> Cow<'static, str> {
        "Recipients".into()
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
