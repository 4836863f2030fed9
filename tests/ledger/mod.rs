//! The ledger against a real PostgreSQL, as parlor_app.
