//! The worked example of a list: one declaration makes the query, its description, and the window that a store takes.

use parlor::kit::list::Window;
use parlor::kit::page::Page;
use parlor::list;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The orders in which books can be listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

list! {
    /// The query for books, ordered by year and id.
    pub struct BookList: "books" by (i64, i64), sorted Order {
        /// Only by this author.
        author: Option<String>,
    }
}

/// A book: year, id, author.
type Book = (i64, i64, &'static str);

const BOOKS: [Book; 5] =
    [(1937, 1, "Mahfouz"), (1956, 2, "Mahfouz"), (1956, 3, "Salih"), (1966, 4, "Salih"), (1985, 5, "Salih")];

/// Reads books as a store does: in the requested order, after the key, one more than the page has.
fn books(author: Option<&str>, window: &Window<BookList>) -> Page<Book> {
    let key = |book: &Book| (book.0, book.1);
    let mut rows: Vec<_> = BOOKS.into_iter().filter(|book| author.is_none_or(|author| book.2 == author)).collect();
    if window.sort() == Order::Newest {
        rows.reverse();
    }
    let behind = |book: &Book| {
        window
            .behind()
            .is_none_or(|after| if window.sort() == Order::Newest { key(book) < after } else { key(book) > after })
    };
    let rows = rows.into_iter().filter(behind).take(window.limit() + 1).collect();
    window.page(rows, key)
}

fn walk(sort: Order, author: Option<&str>) -> Vec<i64> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let query = BookList { author: author.map(str::to_owned), sort: Some(sort), limit: Some(2), cursor };
        let page = books(query.author.as_deref(), &query.window().expect("its own cursor"));
        ids.extend(page.items.iter().map(|book| book.1));
        cursor = page.next;
        if cursor.is_none() {
            return ids;
        }
    }
}

#[test]
fn the_pages_of_a_declared_list_give_every_row_once_in_each_order() {
    assert_eq!(walk(Order::Newest, None), [5, 4, 3, 2, 1]);
    assert_eq!(walk(Order::Oldest, None), [1, 2, 3, 4, 5]);
    assert_eq!(walk(Order::Oldest, Some("Salih")), [3, 4, 5]);
}

#[test]
fn a_cursor_of_another_order_is_refused_and_the_query_is_described() {
    let first = BookList { author: None, sort: None, limit: Some(1), cursor: None };
    let cursor = books(None, &first.window().expect("the first page")).next;
    let other = BookList { author: None, sort: Some(Order::Oldest), limit: None, cursor };
    assert_eq!(other.window().expect_err("another order").body.fields[0].field, "cursor");
    let described: Vec<_> = BookList::into_params(|| None).into_iter().map(|parameter| parameter.name).collect();
    assert_eq!(described, ["author", "sort", "limit", "cursor"]);
}
