//! Settings that are lists, in a form that one variable of the environment can hold.

use serde::{Deserialize, Deserializer};

/// Reads a list, or one text whose items are separated by commas. For `#[serde(deserialize_with)]`.
pub fn with_commas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::List(items) => items,
        Form::Text(text) => text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
    })
}
