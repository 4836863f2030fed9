//! Gifts: the catalogue, and what a gift does to the accounts.
