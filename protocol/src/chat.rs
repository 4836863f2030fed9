//! The types of chat lines beyond their text, which commands, events, signals and snapshots share.

use serde::{Deserialize, Serialize};

use crate::id::UserId;

/// The number of a chat line, which is that of its event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct LineNumber {
    /// The epoch of the line's event.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, maximum = 9_007_199_254_740_991_i64))]
    pub epoch: i64,
    /// The `seq` of the line's event.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    #[cfg_attr(feature = "utoipa", schema(minimum = 1, maximum = 9_007_199_254_740_991_i64))]
    pub seq: u64,
}

/// The line to which another line replies. Its text is not repeated, so that a recalled line stands nowhere: a client
/// shows what it has of the line itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Quote {
    /// The epoch of the line's event.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: i64,
    /// The `seq` of the line's event.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub seq: u64,
    /// The user who wrote the line. Absent: the room has it no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

macro_rules! reactions {
    ($($variant:ident = $name:literal, $looks:literal;)*) => {
        /// What users put below a line of somebody, as a picture of the client's own.
        #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum Reaction {
            $(#[doc = concat!("Mostly shown as ", $looks, ".")] $variant,)*
        }

        impl Reaction {
            /// Every reaction.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

reactions! {
    Like = "like", "👍";
    Love = "love", "❤️";
    Laugh = "laugh", "😂";
    Wow = "wow", "😮";
    Sad = "sad", "😢";
    Angry = "angry", "😡";
    Thanks = "thanks", "🙏";
    Clap = "clap", "👏";
    Fire = "fire", "🔥";
    Party = "party", "🎉";
    Rose = "rose", "🌹";
    Dislike = "dislike", "👎";
}

/// How many users have put a reaction below a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ReactionCount {
    /// The reaction.
    pub reaction: Reaction,
    /// The number of users, from 1.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub count: u32,
}

/// All reactions below a line, as they are now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct LineReactions {
    /// The epoch of the line's event.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: i64,
    /// The `seq` of the line's event.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub seq: u64,
    /// The reactions, the first one first. Empty: none any more.
    #[cfg_attr(feature = "schemars", schemars(length(max = Reaction::ALL.len())))]
    pub counts: Vec<ReactionCount>,
}

/// A user who speaks at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Speaker {
    /// The user.
    pub user: UserId,
    /// How loud they are, from 1 to 100. Absent: their client did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = crate::limit::LEVEL)))]
    pub level: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reaction_has_its_name_on_the_wire() {
        for reaction in Reaction::ALL {
            assert_eq!(serde_json::to_string(reaction).expect("JSON"), format!("{:?}", reaction.name()));
        }
    }
}
