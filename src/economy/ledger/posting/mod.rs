//! Kinds of postings: what a kind must define so that the ledger can judge, store, show and audit its postings.
//!
//! A kind is a module beside the capability that it serves, and is registered by one line ([`Kinds::with`]). Writer,
//! chain, audit and wallet know no kind by name.

mod erased;
mod kind;
mod legs;
mod names;
mod registry;
mod row;
mod words;

pub(in crate::economy) use erased::AnyOrder;
pub(super) use erased::{AnyAudit, AnyKind, AnyState, Draft};
pub(super) use kind::Flaw;
pub use kind::{Denial, Flaws, Kind, Posted, Short, Viewer};
pub(super) use legs::xp;
pub use legs::{LIMIT, Legs, move_coins};
pub use names::{Account, Actor, Locks, Names, People, System, View, Wallet};
pub use registry::Kinds;
pub use row::{Authority, Bytes, Leg, Line, Stored, Transfer};
pub use words::{Reading, Words};
