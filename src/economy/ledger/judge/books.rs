//! What a batch is judged by: the rows that were read, most of them under their locks. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parlor_protocol::{ErrorBody, Op};

use crate::economy::ledger::order::{By, Request};
use crate::economy::ledger::posting::{Account, Actor, AnyKind, AnyOrder, AnyState, Kinds, Locks, Names, Transfer};
use crate::kit::operation::BodyHash;

/// The stored first answer of an operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::economy) struct Answered {
    pub body_hash: BodyHash,
    pub answer: Result<Box<Transfer>, ErrorBody>,
}

/// Everything a batch is judged by, beside the rows of its kinds.
#[derive(Clone, Debug, Default)]
pub(in crate::economy) struct Books {
    pub names: Names,
    pub accounts: BTreeMap<i64, Account>,
    /// By operation and the actor's account, looked up after the locks.
    pub answered: HashMap<(Op, i64), Answered>,
}

/// The orders of one kind in a batch, with the rows of the kind's own.
#[derive(Debug)]
pub(in crate::economy::ledger) struct Part<'a> {
    pub kind: &'a dyn AnyKind,
    pub orders: Vec<&'a AnyOrder>,
    pub state: AnyState,
}

/// A batch by kinds, in the order of their numbers: so are their rows locked.
#[derive(Debug, Default)]
pub(in crate::economy) struct Parts<'a> {
    pub(in crate::economy::ledger) parts: Vec<Part<'a>>,
}

impl<'a> Parts<'a> {
    /// Sorts the orders by kind. An order of an unknown kind has no part: it is judged a fault.
    pub fn of(kinds: &'a Kinds, requests: impl Iterator<Item = &'a Request>) -> Self {
        let mut parts: Vec<Part<'a>> = Vec::new();
        for request in requests {
            if let Some(part) = parts.iter_mut().find(|part| part.kind.number() == request.kind) {
                part.orders.push(&*request.order);
            } else if let Some(kind) = kinds.of(request.kind) {
                parts.push(Part { kind, orders: vec![&*request.order], state: kind.state() });
            }
        }
        parts.sort_unstable_by_key(|part| part.kind.number());
        Self { parts }
    }

    /// The part of a kind.
    pub(in crate::economy::ledger) fn kind(&mut self, number: i16) -> Option<&mut Part<'a>> {
        self.parts.iter_mut().find(|part| part.kind.number() == number)
    }

    /// The users whose wallets the batch needs.
    pub fn users<'r>(&self, requests: impl Iterator<Item = &'r Request>) -> BTreeSet<parlor_protocol::UserId> {
        let mut users = BTreeSet::new();
        for request in requests {
            if let Actor::User(user) = request.actor {
                users.insert(user);
            }
            if let By::Staff(user) = request.by {
                users.insert(user);
            }
        }
        for part in &self.parts {
            for order in &part.orders {
                part.kind.users(*order, &mut users);
            }
        }
        users
    }

    /// The accounts that the batch may change.
    pub fn accounts<'r>(&self, names: &Names, requests: impl Iterator<Item = &'r Request>) -> Locks {
        // An actor is always locked, whatever comes of it: under it a retry waits for the first.
        let mut accounts: Locks = requests.filter_map(|request| names.actor(request.actor)).collect();
        for part in &self.parts {
            for order in &part.orders {
                part.kind.accounts(*order, names, &part.state, &mut accounts);
            }
        }
        accounts
    }

    /// The rows of a kind's own, as the batch leaves them.
    #[cfg(any(test, feature = "bench"))]
    pub fn state<S: std::any::Any>(&mut self, number: i16) -> Option<&mut S> {
        self.kind(number)?.state.downcast_mut()
    }
}
