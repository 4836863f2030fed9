//! The properties of each type of command: its weight, its lane and its rate. The macro `commands!` makes the enum, its
//! parser and the table of these properties from one list.

use serde::Deserialize;

use crate::error::ErrorBody;
use crate::id::RoomId;
use crate::read;

/// What a command changes, and so where it is decided and whether it names an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// It changes nothing that a repetition would change twice, so it may be sent again and names no operation.
    Repeatable,
    /// It changes the live state of a room, in memory.
    Soft,
    /// It changes something that must outlive the room's memory, so it is stored before it takes effect.
    Hard,
    /// It moves money: the ledger commits it before it is answered.
    Money,
}

/// The way of a command through the server, which decides what its reply waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// It changes the socket itself: the following commands wait until it is answered.
    Session,
    /// It goes to the room's actor, in the order in which the commands came; other lanes do not wait for it.
    Room,
    /// It is read from the database; other lanes do not wait for it.
    Store,
}

macro_rules! rates {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $comes_in:literal;)*) => {
        /// A class of commands that share one rate per user. The rate is the setting `gateway.<name>`.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum RateClass {
            $($(#[doc = $doc])* $variant,)*
        }

        impl RateClass {
            /// Every class, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name, as in the setting.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Whether its commands bring a user in. Under load the server refuses new sockets instead of slowing
            /// these commands down, and it slows down all others.
            pub const fn comes_in(self) -> bool {
                match self { $(Self::$variant => $comes_in),* }
            }
        }
    };
}

rates! {
    /// Sending chat lines.
    Chat = "chat", false;
    /// Sending gifts.
    Gift = "gift", false;
    /// Seat commands and kicks.
    Seat = "seat", false;
    /// Joining rooms, and waking them.
    Join = "join", true;
    /// Reactions, and saying that one types or speaks.
    Signal = "signal", false;
    /// Reading lists, and renewing a socket's token.
    List = "list", false;
    /// Connecting sockets.
    Connect = "connect", true;
}

/// The properties of a type of command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandKind {
    /// Its type on the wire.
    pub name: &'static str,
    /// What it changes.
    pub weight: Weight,
    /// Its way through the server.
    pub lane: Lane,
    /// The class whose rate counts it; absent: it is not counted.
    pub rate: Option<RateClass>,
    /// The operation of REST that does the same, as `PUT /v1/rooms/{id}/seat`.
    pub rest: Option<&'static str>,
}

/// What each type of command data says about itself. The implementation, with the rules of its fields, is beside the
/// type.
pub trait CommandData {
    /// The room that it is about.
    fn room(&self) -> Option<RoomId> {
        None
    }

    /// Adds to `error` each field whose size or value is not allowed, as far as its type cannot express that. From
    /// texts it removes what the rules of texts remove ([`crate::text`]).
    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        error
    }
}

impl Weight {
    /// Whether the command must name an operation, because it changes something that must not change twice.
    pub const fn needs_op(self) -> bool {
        !matches!(self, Self::Repeatable)
    }
}

/// Parses the data of a command in one pass, without a tree of values.
///
/// # Errors
/// `bad_request` that names what does not fit.
pub fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, ErrorBody> {
    read::named(data).map_err(|misfit| misfit.body("data").message("the data does not fit the type"))
}

/// Declares the commands of a socket, one line each: the variant, its data and reply, its type on the wire, its weight
/// and lane, and its rate and its operation in REST if it has them. The macro makes the enum, the parser, and the table
/// that the socket, REST and the documents use.
#[macro_export]
macro_rules! commands {
    (
        $(#[doc = $about:literal])*
        $visibility:vis enum $Command:ident;
        $(
            $(#[doc = $doc:literal])*
            $variant:ident($data:ty) -> $reply:ty = $name:literal: $weight:ident, $lane:ident
                $(, rate $rate:ident)? $(, rest $rest:literal)?;
        )*
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, PartialEq, Eq, Debug, ::serde::Serialize)]
        #[serde(tag = "type", content = "data")]
        $visibility enum $Command {
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant($data),)*
        }

        impl $Command {
            /// The properties of each type.
            pub const KINDS: &'static [$crate::CommandKind] = &[$(
                $crate::CommandKind {
                    name: $name,
                    weight: $crate::Weight::$weight,
                    lane: $crate::Lane::$lane,
                    rate: $crate::commands!(@optional $($crate::RateClass::$rate)?),
                    rest: $crate::commands!(@optional $($rest)?),
                },
            )*];

            /// Parses the data of a command of this type in one pass, without a tree of values.
            ///
            /// # Errors
            /// `unknown_type`, or `bad_request` that names what does not fit.
            pub fn parse(kind: &str, data: &str) -> ::std::result::Result<Self, $crate::ErrorBody> {
                match kind {
                    $($name => $crate::kind::read(data).map(Self::$variant),)*
                    _ => Err($crate::ErrorBody::new($crate::ErrorCode::UnknownType)
                        .message("this server knows no command of this type")),
                }
            }

            /// Its type on the wire.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),* }
            }

            /// What it changes.
            pub const fn weight(&self) -> $crate::Weight {
                match self { $(Self::$variant(_) => $crate::Weight::$weight),* }
            }

            /// Its way through the server.
            pub const fn lane(&self) -> $crate::Lane {
                match self { $(Self::$variant(_) => $crate::Lane::$lane),* }
            }

            /// The class whose rate counts it.
            pub const fn rate(&self) -> ::std::option::Option<$crate::RateClass> {
                match self { $(Self::$variant(_) => $crate::commands!(@optional $($crate::RateClass::$rate)?)),* }
            }

            /// Whether it must name an operation.
            pub const fn needs_op(&self) -> bool {
                self.weight().needs_op()
            }

            /// The room that it is about.
            pub fn room(&self) -> ::std::option::Option<$crate::RoomId> {
                match self { $(Self::$variant(data) => $crate::kind::CommandData::room(data)),* }
            }

            /// Checks the sizes and values that the types cannot express, and removes from texts what the rules of
            /// texts remove.
            ///
            /// # Errors
            /// `bad_request` with every field that does not fit.
            pub fn validate(&mut self) -> ::std::result::Result<(), $crate::ErrorBody> {
                let error = $crate::ErrorBody::new($crate::ErrorCode::BadRequest);
                let error = match self { $(Self::$variant(data) => $crate::kind::CommandData::refuse(data, error)),* };
                if error.fields.is_empty() { Ok(()) } else { Err(error.message("a field does not fit")) }
            }
        }

        $crate::describe_commands! { $Command $($variant($data) -> $reply = $name, $weight, concat!($($doc, "\n"),*);)* }
    };
    (@optional) => { ::std::option::Option::None };
    (@optional $($some:tt)+) => { ::std::option::Option::Some($($some)+) };
}

/// Describes each type for the documents.
#[cfg(feature = "schemars")]
#[doc(hidden)]
#[macro_export]
macro_rules! describe_commands {
    ($Command:ident $($variant:ident($data:ty) -> $reply:ty = $name:literal, $weight:ident, $doc:expr;)*) => {
        impl $Command {
            /// Every type with all that the documents say of it.
            pub const DESCRIBED: &'static [$crate::describe::CommandType] = &[$(
                $crate::describe::CommandType::of::<$data, $reply>($name, $crate::Weight::$weight.needs_op(), $doc),
            )*];
        }
    };
}

/// Without the feature `schemars` nothing is described.
#[cfg(not(feature = "schemars"))]
#[doc(hidden)]
#[macro_export]
macro_rules! describe_commands {
    ($($anything:tt)*) => {};
}
