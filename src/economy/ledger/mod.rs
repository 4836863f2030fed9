//! The ledger: double entry, append-only, committed in groups.
