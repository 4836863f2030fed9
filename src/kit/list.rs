//! Lists, each declared once: its filters, its order, and the key after which the next page begins.
//!
//! From one declaration come the query that a route takes, its description in OpenAPI, and the [`Window`] that a
//! service takes, parsed. A cursor names its list and its order, so that none works for another list.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::fields::Fields;
use super::page::{Cursor, Page};

/// The items of a page if the query names no `limit`.
pub const DEFAULT_LIMIT: u32 = 50;
/// The most items of a page.
pub const MAX_LIMIT: u32 = 100;

/// A list that is read by pages; [`list!`](crate::list!) implements it.
pub trait List {
    /// The name that stands in the list's cursors. No other list has the same.
    const NAME: &'static str;
    /// The key that orders the rows. No two rows share one, so a page can begin after the last row of the one before.
    type Key: Serialize + DeserializeOwned;
    /// The orders that can be asked for; `()` if there is only one.
    type Sort: Serialize + Copy + Default;
}

/// A time in a key, in Unix microseconds: of the years 1970 to 9999, which both the database and the program can tell. A
/// cursor with any other was not made here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct TimeKey(i64);

impl TimeKey {
    /// The last one.
    pub const LAST: Self = Self(253_402_300_799_999_999);

    /// The key of a row of this time; the nearest one for a time that has none.
    pub fn of_micros(us: i64) -> Self {
        Self(us.clamp(0, Self::LAST.0))
    }

    /// Unix microseconds.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for TimeKey {
    type Error = &'static str;

    fn try_from(us: i64) -> Result<Self, Self::Error> {
        if (0..=Self::LAST.0).contains(&us) { Ok(Self(us)) } else { Err("no time of a row") }
    }
}

impl From<TimeKey> for i64 {
    fn from(key: TimeKey) -> Self {
        key.0
    }
}

/// The part of a list that is asked for.
#[derive(Debug)]
pub struct Window<L: List> {
    after: Option<L::Key>,
    limit: u32,
    sort: L::Sort,
}

impl<L: List> Window<L> {
    /// The window that a query asks for. Without a `limit` it has [`DEFAULT_LIMIT`] items.
    ///
    /// # Errors
    /// `bad_request` with every field that is wrong: a limit out of its range, or a cursor that was not made for this
    /// list in this order.
    pub fn parse(limit: Option<u32>, cursor: Option<&Cursor>, sort: Option<L::Sort>) -> Result<Self> {
        let mut fields = Fields::default();
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            fields.refuse("limit", format!("1 to {MAX_LIMIT}"));
        }
        let sort = sort.unwrap_or_default();
        let after = cursor.and_then(|cursor| {
            let key = cursor.key_in(L::NAME, &sort);
            fields.take("cursor", key.ok_or("not a cursor of this list"))
        });
        if fields.is_empty() { Ok(Self { after, limit, sort }) } else { Err(fields.into_error()) }
    }

    /// The key after which the page begins; `None` for the first page.
    pub const fn after(&self) -> Option<&L::Key> {
        self.after.as_ref()
    }

    /// The order that was asked for.
    pub const fn sort(&self) -> L::Sort {
        self.sort
    }

    /// How many items the page has at most.
    pub const fn limit(&self) -> usize {
        self.limit as usize
    }

    /// How many rows a store reads: one more than the page has, which shows whether there is a next page.
    pub fn one_more(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The page made of up to [`one_more`](Self::one_more) rows, which are in the list's order.
    pub fn page<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> L::Key) -> Page<T> {
        let more = rows.len() > self.limit();
        rows.truncate(self.limit());
        let next = rows.last().filter(|_| more).map(|last| self.cursor(&key(last)));
        Page { items: rows, next }
    }

    /// The cursor of a page that begins after the item of this key.
    pub fn cursor(&self, key: &L::Key) -> Cursor {
        Cursor::in_list(L::NAME, &self.sort, key)
    }
}

impl<L: List> Window<L>
where
    L::Key: Copy,
{
    /// The same as [`after`](Self::after), by value.
    pub fn behind(&self) -> Option<L::Key> {
        self.after
    }
}

/// Declares a list: the struct of the query that its route takes, with `limit` and `cursor` added to the filters.
///
/// ```text
/// list! {
///     /// The query of `GET /v1/rooms`.
///     pub struct RoomList: "rooms" by (i64, i64) {
///         /// Only rooms whose name contains this.
///         #[param(min_length = 1, max_length = 60)]
///         q: Option<String>,
///     }
/// }
/// ```
///
/// With `sorted Order` after the key the query has a `sort` too. `Order` is an enum that derives `Deserialize`,
/// `Serialize`, `ToSchema`, `Clone`, `Copy`, `Debug` and `Default`. A service is given `query.window()?`.
#[macro_export]
macro_rules! list {
    (
        $(#[doc = $about:literal])*
        $visibility:vis struct $Query:ident: $name:literal by $key:ty {
            $($(#[$meta:meta])* $filter:ident: $type:ty,)*
        }
    ) => {
        $crate::list! { @query [$(#[doc = $about])*] $visibility $Query $name [$key] [()] [] [None] {
            $($(#[$meta])* $filter: $type,)*
        } }
    };
    (
        $(#[doc = $about:literal])*
        $visibility:vis struct $Query:ident: $name:literal by $key:ty, sorted $sort:ty {
            $($(#[$meta:meta])* $filter:ident: $type:ty,)*
        }
    ) => {
        $crate::list! { @query [$(#[doc = $about])*] $visibility $Query $name [$key] [$sort] [$sort] [sort] {
            $($(#[$meta])* $filter: $type,)*
        } }
    };
    (
        @query [$(#[doc = $about:literal])*] $visibility:vis $Query:ident $name:literal [$key:ty] [$sort:ty]
            [$($asked:ty)?] [$order:ident] { $($(#[$meta:meta])* $filter:ident: $type:ty,)* }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, ::serde::Deserialize, ::utoipa::IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        $visibility struct $Query {
            $($(#[$meta])* pub $filter: $type,)*
            $(
                /// The order of the items.
                #[param(inline)]
                pub sort: Option<$asked>,
            )?
            /// The most items that the page may have.
            #[param(minimum = 1, maximum = 100, default = 50)]
            pub limit: Option<u32>,
            /// The `next` of the previous page; absent for the first page.
            pub cursor: Option<$crate::kit::page::Cursor>,
        }

        impl $crate::kit::list::List for $Query {
            const NAME: &'static str = $name;
            type Key = $key;
            type Sort = $sort;
        }

        impl $Query {
            /// The part of the list that is asked for.
            ///
            /// # Errors
            /// `bad_request` with every field that is wrong.
            pub fn window(&self) -> $crate::kit::error::Result<$crate::kit::list::Window<Self>> {
                let order = $crate::list!(@order self $order);
                $crate::kit::list::Window::parse(self.limit, self.cursor.as_ref(), order)
            }
        }
    };
    (@order $query:ident None) => { None };
    (@order $query:ident sort) => { $query.sort };
}

#[cfg(test)]
mod tests {
    use super::*;

    list! {
        /// Things, newest first.
        pub struct Things: "things" by (i64, i64) {
            /// Only of this colour.
            colour: Option<String>,
        }
    }

    list! {
        /// The same rows of another list.
        pub struct Others: "others" by (i64, i64) {}
    }

    fn things(limit: Option<u32>, cursor: Option<Cursor>) -> Result<Window<Things>> {
        Things { colour: None, limit, cursor }.window()
    }

    #[test]
    fn a_query_takes_its_filters_and_the_limit_and_refuses_every_other_name() {
        let query: Things = serde_json::from_str(r#"{"colour":"red","limit":7}"#).expect("all are known");
        assert_eq!((query.colour.as_deref(), query.limit, query.cursor), (Some("red"), Some(7), None));
        assert!(serde_json::from_str::<Things>(r#"{"color":"red"}"#).is_err());
    }

    #[test]
    fn a_limit_stays_in_its_range() {
        let of = |limit| things(limit, None).ok().map(|window| window.limit());
        assert_eq!(
            [of(None), of(Some(0)), of(Some(1)), of(Some(100)), of(Some(101))],
            [Some(50), None, Some(1), Some(100), None]
        );
    }

    #[test]
    fn a_page_that_is_not_the_last_has_a_cursor_that_only_its_own_list_takes() {
        let first = things(Some(2), None).expect("the first page");
        assert_eq!(first.page(vec![(3, 1), (2, 1)], |key| *key).next, None);
        let page = first.page(vec![(3, 1), (2, 1), (1, 1)], |key| *key);
        assert_eq!(page.items, [(3, 1), (2, 1)]);
        let next = page.next.expect("there is more");
        assert_eq!(things(None, Some(next.clone())).expect("its own").behind(), Some((2, 1)));
        let foreign = Others { limit: Some(0), cursor: Some(next) }.window().expect_err("another list's");
        let fields: Vec<_> = foreign.body.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["limit", "cursor"], "all wrong fields are named in one answer");
    }
}
