//! The answer of a list: a page of items, and an opaque cursor that says where the next page begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlor_protocol::read;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most characters of a cursor that is read. Those that are made here are shorter.
const CURSOR_CHARS: usize = 512;

/// One page of a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page with each item turned into another.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

/// Where the next page of a list begins. Clients send it back unchanged. It is not secret and gives no rights.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(
    max_length = 512,
    pattern = "^[A-Za-z0-9_-]+$",
    examples("WyJyb29tcyIsbnVsbCxbMTc5MDAwMDAwMDEyMzQ1NiwxMDQyMzM4NzFdXQ")
)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor of a page that begins after the item of this key, in this list and order.
    pub(super) fn in_list(list: &str, sort: &impl Serialize, key: &impl Serialize) -> Self {
        let json = serde_json::to_vec(&(list, sort, key)).expect("a key of a list is made of numbers and strings");
        Self(URL_SAFE_NO_PAD.encode(json))
    }

    /// The key of the item after which the page begins; `None` if the cursor was not made for this list and order.
    pub(super) fn key_in<K: DeserializeOwned>(&self, list: &str, sort: &impl Serialize) -> Option<K> {
        let json = (self.0.len() <= CURSOR_CHARS).then(|| URL_SAFE_NO_PAD.decode(&self.0).ok()).flatten()?;
        let (of, order, key) = read::json::<(String, serde_json::Value, K)>(std::str::from_utf8(&json).ok()?).ok()?;
        let is_own = of == list && serde_json::to_value(sort).is_ok_and(|sort| sort == order);
        is_own.then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::Cursor;

    #[test]
    fn a_cursor_gives_its_key_back() {
        let cursor = Cursor::in_list("things", &(), &(1_790_000_000_123_456_i64, 104_233_871_i64));
        assert_eq!(cursor.key_in::<(i64, i64)>("things", &()), Some((1_790_000_000_123_456, 104_233_871)));
        assert_eq!(cursor.key_in::<(i64, i64)>("others", &()), None);
        assert_eq!(cursor.key_in::<(i64, i64)>("things", &"name"), None);
        assert_eq!(cursor.key_in::<i64>("things", &()), None);
    }

    #[test]
    fn a_cursor_that_was_not_made_here_is_refused() {
        let nul = URL_SAFE_NO_PAD.encode(br#"["things",null,"a\u0000b"]"#);
        assert_eq!(Cursor(nul).key_in::<String>("things", &()), None, "PostgreSQL stores no such text");
        let foreign = ["", "x", "====", "W10", "bnVsbA", "WzEsMl0=", "WzEsIngiXQ", "\u{1f600}", "[1,2]"];
        for text in foreign.map(str::to_owned).into_iter().chain(["A".repeat(100_000)]) {
            assert_eq!(Cursor(text).key_in::<(i64, i64)>("things", &()), None);
        }
    }
}
