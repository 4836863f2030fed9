//! What a batch is judged by: rows that have been read, most of them under locks. There is no I/O here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parlor_protocol::{ErrorBody, Op};

use crate::economy::ledger::order::{By, Request};
use crate::economy::ledger::posting::{Account, Actor, AnyKind, AnyOrder, AnyState, Kinds, Locks, Names, Transfer};
use crate::kit::operation::BodyHash;

/// The stored answer of an operation that was done or refused before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::economy) struct Answered {
    pub body_hash: BodyHash,
    pub answer: Result<Box<Transfer>, ErrorBody>,
}

/// Everything that a batch is judged by, except the rows of the kinds themselves.
#[derive(Clone, Debug, Default)]
pub(in crate::economy) struct Books {
    pub names: Names,
    pub accounts: BTreeMap<i64, Account>,
    /// Stored answers by operation and the actor's account. They are read after the locks have been taken.
    pub answered: HashMap<(Op, i64), Answered>,
}

/// The orders of one kind in a batch, with the kind's own rows.
#[derive(Debug)]
pub(in crate::economy::ledger) struct Part<'a> {
    pub kind: &'a dyn AnyKind,
    pub orders: Vec<&'a AnyOrder>,
    pub state: AnyState,
}

/// A batch by kinds, in the order of their numbers, which is the order in which their rows are locked.
#[derive(Debug, Default)]
pub(in crate::economy) struct Parts<'a> {
    pub(in crate::economy::ledger) parts: Vec<Part<'a>>,
}

impl<'a> Parts<'a> {
    /// Sorts the orders by kind. An order of an unknown kind has no part, and its judgement is a fault.
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
        // The actor's account is always locked, so that a retry waits for the first attempt of the same operation.
        let mut accounts: Locks = requests.filter_map(|request| names.actor(request.actor)).collect();
        for part in &self.parts {
            for order in &part.orders {
                part.kind.accounts(*order, names, &part.state, &mut accounts);
            }
        }
        accounts
    }

    /// The state of a kind: its own rows, as the judged orders leave them.
    #[cfg(any(test, feature = "bench"))]
    pub fn state<S: std::any::Any>(&mut self, number: i16) -> Option<&mut S> {
        self.kind(number)?.state.downcast_mut()
    }
}
