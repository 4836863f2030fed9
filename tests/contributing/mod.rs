//! What `docs/contributing.md` says a change of each kind takes, shown by a kind that exists in these tests only; and
//! that the page quotes what stands there.

mod list;
mod page;
mod setting;
