//! What a list answers with: a page, and an opaque cursor that says where the next one begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::Result;

/// Characters of a cursor; those made here have fewer.
const CURSOR_CHARS: usize = 512;

/// One page of a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The page out of up to `limit + 1` rows: the one too many says that there is a next page, which
    /// begins behind the last item of this one.
    pub fn of<K: Serialize>(mut rows: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> Self {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|last| Cursor::of(&key(last)));
        Self { items: rows, next }
    }

    /// The same page with other items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

/// Where a list goes on. Clients hand it back as it is; it is no secret and gives no right.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(
    max_length = 512,
    pattern = "^[A-Za-z0-9_-]+$",
    examples("WyJyb29tcyIsbnVsbCxbMTc5MDAwMDAwMDEyMzQ1NiwxMDQyMzM4NzFdXQ")
)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor behind the item of this key.
    pub fn of(key: &impl Serialize) -> Self {
        Self::in_list("", &(), key)
    }

    /// The key of the item behind which the list goes on; `bad_request` for what was not made here.
    pub fn key<K: DeserializeOwned>(&self) -> Result<K> {
        self.key_in("", &()).ok_or_else(super::list::no_such_cursor)
    }

    /// The cursor behind the item of this key, in a list in an order.
    pub(super) fn in_list(list: &str, sort: &impl Serialize, key: &impl Serialize) -> Self {
        let json = serde_json::to_vec(&(list, sort, key)).expect("a key of a list is made of numbers and strings");
        Self(URL_SAFE_NO_PAD.encode(json))
    }

    /// The key of the item behind which the list goes on; `None` for what was not made for this list and order.
    pub(super) fn key_in<K: DeserializeOwned>(&self, list: &str, sort: &impl Serialize) -> Option<K> {
        let json = (self.0.len() <= CURSOR_CHARS).then(|| URL_SAFE_NO_PAD.decode(&self.0).ok()).flatten()?;
        let (of, order, key) = serde_json::from_slice::<(String, serde_json::Value, K)>(&json).ok()?;
        let is_own = of == list && serde_json::to_value(sort).is_ok_and(|sort| sort == order);
        is_own.then_some(key)
    }
}

/// The query of a list that is not declared by `list!` yet: `?limit=50&cursor=…`.
#[derive(Clone, Debug, Default)]
pub struct PageQuery {
    limit: Option<u32>,
    cursor: Option<Cursor>,
}

impl PageQuery {
    /// The same out of a query that has more to say.
    pub fn new(limit: Option<u32>, cursor: Option<Cursor>) -> Self {
        Self { limit, cursor }
    }

    /// How many items: 1 to 100, by default 50.
    pub fn limit(&self) -> Result<u32> {
        match self.limit.unwrap_or(super::list::DEFAULT_LIMIT) {
            limit @ 1..=super::list::MAX_LIMIT => Ok(limit),
            _ => Err(super::fields::bad_field("limit", "1 to 100")),
        }
    }

    /// The key behind which to go on; `None` for the first page.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>> {
        self.cursor.as_ref().map(Cursor::key).transpose()
    }
}

#[cfg(test)]
mod tests {
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
    fn what_was_not_made_here_is_refused() {
        let foreign = ["", "x", "====", "W10", "bnVsbA", "WzEsMl0=", "WzEsIngiXQ", "\u{1f600}", "[1,2]"];
        for text in foreign.map(str::to_owned).into_iter().chain(["A".repeat(100_000)]) {
            assert_eq!(Cursor(text).key_in::<(i64, i64)>("things", &()), None);
        }
    }
}
