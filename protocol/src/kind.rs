//! What is said of each type of command once, for all who handle commands: its weight, its lane and its rate. The
//! macro `commands!` makes the enum, the reading and this table of one list.

use serde::Deserialize;

use crate::envelope::words;
use crate::error::{ErrorBody, ErrorCode};
use crate::id::RoomId;

/// What a command changes, and so where it is decided and whether it names an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// Nothing that a repetition would do twice: it may simply be sent again, and names no operation.
    Repeatable,
    /// The live state of a room: decided, applied and announced in memory.
    Soft,
    /// What has to outlive the room's memory: the store has it before it is a fact.
    Hard,
    /// Money: the ledger commits it before it is answered.
    Money,
}

/// The way of a command through the server, and so what its reply waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// Changes the socket itself: the commands behind it wait until it is answered.
    Session,
    /// Goes to the room's actor, in the order in which commands come; others go on meanwhile.
    Room,
    /// Is read from the store, beside the room; others go on meanwhile.
    Store,
}

macro_rules! rates {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $comes_in:literal;)*) => {
        /// What shares one rate of a user: how often is a setting of the server, `gateway.<name>`.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum RateClass {
            $($(#[doc = $doc])* $variant,)*
        }

        impl RateClass {
            /// Each of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name, as the setting has it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// It brings a user in rather than sending something: a server under load bounds that at its door, and
            /// slows the others down.
            pub const fn comes_in(self) -> bool {
                match self { $(Self::$variant => $comes_in),* }
            }
        }
    };
}

rates! {
    /// Chat lines.
    Chat = "chat", false;
    /// Gifts.
    Gift = "gift", false;
    /// Seat commands and kicks.
    Seat = "seat", false;
    /// Coming into rooms, and waking them.
    Join = "join", true;
    /// Lists, and new tokens for a socket.
    List = "list", false;
    /// Sockets that say whose they are.
    Connect = "connect", true;
}

/// All that is known of a type of command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandKind {
    /// Its type on the wire.
    pub name: &'static str,
    /// What it changes.
    pub weight: Weight,
    /// Its way through the server.
    pub lane: Lane,
    /// What its sender's rate counts it as; absent: it is not counted.
    pub rate: Option<RateClass>,
    /// The operation of REST that does the same, as `PUT /v1/rooms/{id}/seat`.
    pub rest: Option<&'static str>,
}

/// What a command's data says of itself; each type's rules stand beside it.
pub trait CommandData {
    /// The room that it is about.
    fn room(&self) -> Option<RoomId> {
        None
    }

    /// Notes each field whose size or value does not fit, which types cannot say.
    fn refuse(&self, error: ErrorBody) -> ErrorBody {
        error
    }
}

impl Weight {
    /// It changes something that must not be done twice, so the command names an operation.
    pub const fn needs_op(self) -> bool {
        !matches!(self, Self::Repeatable)
    }
}

/// Reads the data of a command: one pass, no tree of values.
///
/// # Errors
/// `bad_request` that names what does not fit.
pub fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, ErrorBody> {
    serde_json::from_str(data).map_err(|error| {
        let words = words(&error);
        // serde names a missing field in its words and nowhere else.
        let missing = words.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
        let (field, words) = match missing {
            Some(field) => (format!("data.{field}"), "is missing".to_owned()),
            None => ("data".to_owned(), words),
        };
        ErrorBody::new(ErrorCode::BadRequest).message("the data does not fit the type").field(field, words)
    })
}

/// Declares the commands of a socket, one line each: the variant, its data and reply, its type on the wire, its
/// weight and lane, and where it has them its rate and its twin in REST. Makes the enum, the reading by type, and the
/// table that socket, REST and documents read.
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
            /// All that is known of each type.
            pub const KINDS: &'static [$crate::CommandKind] = &[$(
                $crate::CommandKind {
                    name: $name,
                    weight: $crate::Weight::$weight,
                    lane: $crate::Lane::$lane,
                    rate: $crate::commands!(@optional $($crate::RateClass::$rate)?),
                    rest: $crate::commands!(@optional $($rest)?),
                },
            )*];

            /// Reads the data of a command of this type: one pass, no tree of values.
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

            /// What its sender's rate counts it as.
            pub const fn rate(&self) -> ::std::option::Option<$crate::RateClass> {
                match self { $(Self::$variant(_) => $crate::commands!(@optional $($crate::RateClass::$rate)?)),* }
            }

            /// It changes something, so it must name an operation.
            pub const fn needs_op(&self) -> bool {
                self.weight().needs_op()
            }

            /// The room that it is about.
            pub fn room(&self) -> ::std::option::Option<$crate::RoomId> {
                match self { $(Self::$variant(data) => $crate::kind::CommandData::room(data)),* }
            }

            /// Checks the sizes and values that types cannot say.
            ///
            /// # Errors
            /// `bad_request` with every field that does not fit.
            pub fn validate(&self) -> ::std::result::Result<(), $crate::ErrorBody> {
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

/// What the documents say of each type, where documents are written.
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

/// The documents are written elsewhere.
#[cfg(not(feature = "schemars"))]
#[doc(hidden)]
#[macro_export]
macro_rules! describe_commands {
    ($($anything:tt)*) => {};
}
