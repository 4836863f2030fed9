//! What a server does when something dies under it.

mod kill;
