//! The type of settings whose values are used and never shown.

use std::fmt;

use crate::kit::settings::Value;

/// A setting that may hold a password. It has no `Display`, its `Debug` shows `(hidden)`, and it is serialized as
/// `***`.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The value itself, only for the code that uses it. It must not get into logs or messages.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl Value for Secret {
    const SECRET: bool = true;
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}
