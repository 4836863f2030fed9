//! Lists by pages: an opaque cursor says where the next one begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::fields::bad_field;
use crate::kit::error::Result;

/// Items of a page where the query says no `limit`.
pub const DEFAULT_LIMIT: u32 = 50;
/// The most items of a page.
pub const MAX_LIMIT: u32 = 100;
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
#[schema(max_length = 512, pattern = "^[A-Za-z0-9_-]+$", examples("WzE3OTAwMDAwMDAxMjM0NTYsMTA0MjMzODcxXQ"))]
pub struct Cursor(String);

impl Cursor {
    /// The cursor behind the item of this key.
    pub fn of(key: &impl Serialize) -> Self {
        let json = serde_json::to_vec(key).expect("a key of a list is made of numbers and strings");
        Self(URL_SAFE_NO_PAD.encode(json))
    }

    /// The key of the item behind which the list goes on; `bad_request` for what was not made here.
    pub fn key<K: DeserializeOwned>(&self) -> Result<K> {
        let key = (self.0.len() <= CURSOR_CHARS)
            .then(|| URL_SAFE_NO_PAD.decode(&self.0).ok())
            .flatten()
            .and_then(|json| serde_json::from_slice(&json).ok());
        key.ok_or_else(|| bad_field("cursor", "not a cursor of this list"))
    }
}

/// The query of every list: `?limit=50&cursor=…`.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<Cursor>,
}

impl PageQuery {
    /// The same out of a query that has more to say.
    pub fn new(limit: Option<u32>, cursor: Option<Cursor>) -> Self {
        Self { limit, cursor }
    }

    /// How many items: 1 to 100, by default 50.
    pub fn limit(&self) -> Result<u32> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok(limit),
            _ => Err(bad_field("limit", "1 to 100")),
        }
    }

    /// The key behind which to go on; `None` for the first page.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>> {
        self.cursor.as_ref().map(Cursor::key).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Page, PageQuery};

    #[test]
    fn a_cursor_gives_its_key_back() {
        let cursor = Cursor::of(&(1_790_000_000_123_456_i64, 104_233_871_i64));
        assert_eq!(cursor.key::<(i64, i64)>().ok(), Some((1_790_000_000_123_456, 104_233_871)));
    }

    #[test]
    fn what_was_not_made_here_is_refused() {
        let foreign = ["", "x", "====", "W10", "bnVsbA", "WzEsMl0=", "WzEsIngiXQ", "\u{1f600}", "[1,2]"];
        for text in foreign.map(str::to_owned).into_iter().chain(["A".repeat(100_000)]) {
            let refused = Cursor(text).key::<(i64, i64)>().expect_err("no cursor");
            assert_eq!(refused.body.fields[0].field, "cursor");
        }
    }

    #[test]
    fn only_a_page_with_more_behind_it_has_a_cursor() {
        assert_eq!(Page::of(vec![3, 2], 2, |n| *n).next, None);
        let page = Page::of(vec![3, 2, 1], 2, |n| *n);
        assert_eq!((page.items.as_slice(), page.next), (&[3, 2][..], Some(Cursor::of(&2))));
        assert_eq!(Page::of(Vec::<i32>::new(), 2, |n| *n).next, None);
    }

    #[test]
    fn a_limit_stays_in_its_range() {
        let of = |limit| PageQuery { limit, cursor: None }.limit().ok();
        assert_eq!(
            [of(None), of(Some(0)), of(Some(1)), of(Some(100)), of(Some(101))],
            [Some(50), None, Some(1), Some(100), None]
        );
    }
}
