//! The worked examples of `docs/contributing.md`, which exist in these tests only, and a check that the page quotes
//! them exactly.

mod list;
mod page;
mod setting;
