//! A room's record: who may do what by it, and the command that changes it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::{NUMBER, is_number};
use crate::error::ErrorBody;
use crate::id::RoomId;
use crate::kind::CommandData;
use crate::limit;
use crate::text::{self, Rule};

/// The assigned country codes of ISO 3166-1 alpha-2.
#[rustfmt::skip]
pub const COUNTRIES: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB", "BD", "BE",
    "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD",
    "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM",
    "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF",
    "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM", "HN", "HR", "HT", "HU",
    "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM", "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN",
    "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC", "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME",
    "MF", "MG", "MH", "MK", "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA",
    "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM",
    "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI",
    "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK",
    "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI",
    "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
];

/// The language codes of ISO 639-1.
#[rustfmt::skip]
pub const LANGUAGES: [&str; 183] = [
    "aa", "ab", "ae", "af", "ak", "am", "an", "ar", "as", "av", "ay", "az", "ba", "be", "bg", "bi", "bm", "bn", "bo", "br",
    "bs", "ca", "ce", "ch", "co", "cr", "cs", "cu", "cv", "cy", "da", "de", "dv", "dz", "ee", "el", "en", "eo", "es", "et",
    "eu", "fa", "ff", "fi", "fj", "fo", "fr", "fy", "ga", "gd", "gl", "gn", "gu", "gv", "ha", "he", "hi", "ho", "hr", "ht",
    "hu", "hy", "hz", "ia", "id", "ie", "ig", "ii", "ik", "io", "is", "it", "iu", "ja", "jv", "ka", "kg", "ki", "kj", "kk",
    "kl", "km", "kn", "ko", "kr", "ks", "ku", "kv", "kw", "ky", "la", "lb", "lg", "li", "ln", "lo", "lt", "lu", "lv", "mg",
    "mh", "mi", "mk", "ml", "mn", "mr", "ms", "mt", "my", "na", "nb", "nd", "ne", "ng", "nl", "nn", "no", "nr", "nv", "ny",
    "oc", "oj", "om", "or", "os", "pa", "pi", "pl", "ps", "pt", "qu", "rm", "rn", "ro", "ru", "rw", "sa", "sc", "sd", "se",
    "sg", "si", "sk", "sl", "sm", "sn", "so", "sq", "sr", "ss", "st", "su", "sv", "sw", "ta", "te", "tg", "th", "ti", "tk",
    "tl", "tn", "to", "tr", "ts", "tt", "tw", "ty", "ug", "uk", "ur", "uz", "ve", "vi", "vo", "wa", "wo", "xh", "yi", "yo",
    "za", "zh", "zu",
];

/// Those of the people in a room who may do something by the room's record.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Everybody in the room.
    #[default]
    All,
    /// Those who sit on a seat, and the room's admins.
    Seated,
    /// The room's owner and admins.
    Admins,
}

impl Who {
    /// Every word.
    pub const ALL: [Self; 3] = [Self::All, Self::Seated, Self::Admins];

    /// The word as it stands on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Seated => "seated",
            Self::Admins => "admins",
        }
    }

    /// The word of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|who| who.name() == name)
    }
}

/// Who is let into a room.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// Everybody.
    #[default]
    Public,
    /// Who knows the password.
    Password,
    /// Whom the owner has invited, and who has a link.
    Invited,
    /// Everybody who knows the room's id; no list or search shows it.
    Hidden,
}

impl Privacy {
    /// Every word.
    pub const ALL: [Self; 4] = [Self::Public, Self::Password, Self::Invited, Self::Hidden];

    /// The word as it stands on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Password => "password",
            Self::Invited => "invited",
            Self::Hidden => "hidden",
        }
    }

    /// The word of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|privacy| privacy.name() == name)
    }
}

/// That a room is closed: nobody may join it.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Closed {
    /// Who has closed it.
    pub by: ClosedBy,
    /// The reason that was given. Absent: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Who has closed a room.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// The room's owner, who may open it again.
    Owner,
    /// The platform's staff, who alone may open it again.
    Staff,
}

impl ClosedBy {
    /// The word as it stands in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Staff => "staff",
        }
    }

    /// The word of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Owner, Self::Staff].into_iter().find(|by| by.name() == name)
    }
}

/// Close a room: everybody is put out, and nobody may join until it is opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CloseRoom {
    /// The room.
    pub room: RoomId,
    /// The reason, one line of at most 200 characters by the rules of texts, which everybody is told. Absent: no reason.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::REASON_CHARS), pattern(text::pattern::LINE_OR_NOTHING)))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl CommandData for CloseRoom {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        text::take(error, "reason", &mut self.reason, Rule::line(limit::REASON_CHARS).or_nothing())
    }
}

/// Change a room's record. Fields that are absent stay as they are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ChangeRoom {
    /// The room.
    pub room: RoomId,
    /// The version of the record that the user saw; if the record has another version, the answer is `room_changed`.
    pub version: u64,
    /// The name: one line of 1 to 60 characters. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(length(min = 1, max = limit::ROOM_NAME_CHARS), pattern(text::pattern::LINE)))]
    pub name: Option<String>,
    /// The announcement: one or several lines, at most 500 characters; an empty one removes it. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::ANNOUNCEMENT_CHARS), pattern(text::pattern::LINES_OR_NOTHING)))]
    pub announcement: Option<String>,
    /// The language, as ISO 639-1 in lower case; an empty one removes it. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(extend("enum" = word::or_nothing(&LANGUAGES))))]
    pub language: Option<String>,
    /// The country, as ISO 3166-1 alpha-2 in upper case; an empty one removes it. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(extend("enum" = word::or_nothing(&COUNTRIES))))]
    pub country: Option<String>,
    /// All tags, at most five lines of 1 to 24 characters. They are stored in lower case, each once. Absent: they stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(with = "Option<Vec<word::Tag>>", length(max = limit::TAGS)))]
    pub tags: Option<Vec<String>>,
    /// The most people in the room, up to the number that the server lets into any room; 0: that number. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(max = limit::CAPACITY)))]
    pub capacity: Option<u32>,
    /// The theme's name, one of `GET /v1/room-themes`; an empty one removes it. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::THEME_CHARS), pattern("^[a-z0-9_]*$")))]
    pub theme: Option<String>,
    /// The background: the id of an upload of the user's own with the purpose `room_background`, which is ready; the nil UUID
    /// removes it. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Uuid>,
    /// Who may write chat lines. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_chat: Option<Who>,
    /// Who may post images. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_post_images: Option<Who>,
    /// Who may invite others to a seat. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_invite: Option<Who>,
    /// Who may take a free seat by themselves. Absent: it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_sit: Option<Who>,
}

impl ChangeRoom {
    /// A change of this version that leaves everything as it is.
    pub const fn of(room: RoomId, version: u64) -> Self {
        Self {
            room,
            version,
            name: None,
            announcement: None,
            language: None,
            country: None,
            tags: None,
            capacity: None,
            theme: None,
            background: None,
            may_chat: None,
            may_post_images: None,
            may_invite: None,
            may_sit: None,
        }
    }
}

/// What the schema of a change is made of.
#[cfg(feature = "schemars")]
mod word {
    use crate::{limit, text};

    /// A tag.
    #[derive(schemars::JsonSchema)]
    #[schemars(inline)]
    #[expect(dead_code, reason = "only its schema is used")]
    pub(super) struct Tag(#[schemars(length(min = 1, max = limit::TAG_CHARS), pattern(text::pattern::LINE))] String);

    /// These words, and the empty one.
    pub(super) fn or_nothing(words: &[&'static str]) -> Vec<&'static str> {
        words.iter().copied().chain([""]).collect()
    }
}

impl CommandData for ChangeRoom {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, mut error: ErrorBody) -> ErrorBody {
        if !is_number(self.version) {
            error = error.field("version", NUMBER);
        }
        let texts = [
            ("name", &mut self.name, Rule::line(limit::ROOM_NAME_CHARS)),
            ("announcement", &mut self.announcement, Rule::lines(limit::ANNOUNCEMENT_CHARS).or_nothing()),
        ];
        for (field, text, rule) in texts {
            if let Some(text) = text {
                error = text::take(error, field, text, rule);
            }
        }
        let is_word = |word: &Option<String>, words: &[&str]| {
            word.as_deref().is_none_or(|word| word.is_empty() || words.contains(&word))
        };
        if !is_word(&self.language, &LANGUAGES) {
            error = error.field("language", "a language of ISO 639-1, two small letters, or nothing");
        }
        if !is_word(&self.country, &COUNTRIES) {
            error = error.field("country", "a country of ISO 3166-1, two capital letters, or nothing");
        }
        if let Some(tags) = &mut self.tags {
            if tags.len() > limit::TAGS {
                error = error.field("tags", format!("at most {}", limit::TAGS));
            }
            for (no, tag) in tags.iter_mut().enumerate() {
                error = text::take(error, &format!("tags[{no}]"), tag, Rule::line(limit::TAG_CHARS));
            }
        }
        if self.capacity.is_some_and(|capacity| capacity > limit::CAPACITY) {
            error = error.field("capacity", format!("0 to {}", limit::CAPACITY));
        }
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.theme.as_ref().is_some_and(|name| name.len() > limit::THEME_CHARS || !name.chars().all(is_name)) {
            error = error.field("theme", "the name of a theme: small letters, digits and `_`");
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{COUNTRIES, LANGUAGES};

    #[test]
    fn each_country_and_language_is_listed_once_in_its_own_case() {
        assert_eq!(COUNTRIES.iter().collect::<BTreeSet<_>>().len(), COUNTRIES.len());
        assert_eq!(LANGUAGES.iter().collect::<BTreeSet<_>>().len(), LANGUAGES.len());
        assert!(COUNTRIES.iter().all(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())));
        assert!(LANGUAGES.iter().all(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_lowercase())));
    }
}
