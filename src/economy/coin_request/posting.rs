//! The approval of a coin request as a kind of posting: the record and the money change in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parlor_protocol::{Coins, ErrorCode, UserId};
use sqlx::PgConnection;

use super::{State as Standing, store};
use crate::economy::ledger::posting::{
    Actor, Authority, Bytes, Denial, Flaws, Kind, Leg, Locks, Names, Posted, Reading, Stored, System, Transfer, View,
    Viewer, Words, move_coins,
};

/// The order to approve a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Approval {
    /// The request's id.
    pub request: i64,
    /// The reseller who approves and pays. They must be the operation's actor.
    pub reseller: UserId,
}

/// The answer of an approval.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct ApprovedRequest {
    /// The transfer in the ledger.
    pub receipt: i64,
    /// The time of the transfer, in Unix milliseconds.
    pub at: i64,
    /// The request's id.
    pub request: i64,
    /// How many coins moved.
    pub amount: Coins,
    /// The reseller's coins right after the transfer.
    pub balance: Coins,
    /// Whether this operation was done before, and this is its first answer again.
    pub replayed: bool,
}

/// The kind of posting that approves coin requests.
#[derive(Clone, Copy, Debug)]
pub struct Approvals;

/// A request, as it was read under its lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Locked {
    pub user: UserId,
    pub reseller: UserId,
    pub amount: i64,
    pub state: Standing,
    /// The time from which it cannot be approved, in Unix milliseconds.
    pub expires_at: i64,
    /// Whether the reseller still has the role.
    pub sells: bool,
}

/// The requests that a batch approves, and their users.
#[derive(Debug, Default)]
pub struct State {
    requests: HashMap<i64, Locked>,
    askers: HashMap<i64, UserId>,
}

/// What an approval is made of: the request's id, the coin account that is paid, and the coins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Detail {
    request: i64,
    to: i64,
    amount: i64,
}

/// A posting of this kind that an audit has met, kept until the records are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Paid {
    pub(super) transfer: i64,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) amount: i64,
}

impl Kind for Approvals {
    const NUMBER: i16 = 6;
    const NAME: &'static str = "coin_request";
    const AUTHORITIES: &'static [Authority] = &[Authority::User];

    type Order = Approval;
    type Detail = Detail;
    type Receipt = ApprovedRequest;
    type State = State;
    type Audit = BTreeMap<i64, Paid>;

    fn users(order: &Approval, users: &mut BTreeSet<UserId>) {
        users.insert(order.reseller);
    }

    async fn read(
        &self,
        connection: &mut PgConnection,
        orders: &[&Approval],
        names: &mut Names,
        state: &mut State,
    ) -> sqlx::Result<()> {
        let requests: BTreeSet<i64> = orders.iter().map(|order| order.request).collect();
        for (request, user, wallet) in store::askers(connection, &requests.into_iter().collect::<Vec<_>>()).await? {
            state.askers.insert(request, user);
            names.wallets.insert(user, wallet);
        }
        Ok(())
    }

    fn accounts(&self, order: &Approval, names: &Names, state: &State, accounts: &mut Locks) {
        let asker = state.askers.get(&order.request).and_then(|user| names.wallet(*user));
        accounts.extend(asker.map(|wallet| wallet.coin));
    }

    async fn lock(
        &self,
        connection: &mut PgConnection,
        orders: &[&Approval],
        _: &Names,
        state: &mut State,
    ) -> sqlx::Result<()> {
        let requests: BTreeSet<i64> = orders.iter().map(|order| order.request).collect();
        state.requests = store::lock(connection, &requests.into_iter().collect::<Vec<_>>()).await?;
        Ok(())
    }

    fn judge(&self, order: &Approval, view: &View<'_>, state: &State) -> Result<Detail, Denial> {
        if view.actor != Actor::User(order.reseller) {
            return Err(Denial::Passing(ErrorCode::Forbidden.into()));
        }
        let request = state.requests.get(&order.request).filter(|request| request.reseller == order.reseller);
        let request = request.ok_or(ErrorCode::CoinRequestNotFound)?;
        match request.state {
            Standing::Pending if request.expires_at <= view.at_us / 1_000 => {
                return Err(ErrorCode::CoinRequestExpired.into());
            }
            Standing::Pending => {}
            Standing::Expired => return Err(ErrorCode::CoinRequestExpired.into()),
            Standing::Approved | Standing::Rejected => return Err(ErrorCode::CoinRequestSettled.into()),
        }
        if !request.sells {
            return Err(ErrorCode::NotAReseller.into());
        }
        let to = view.names.wallet(request.user).ok_or(ErrorCode::UserNotFound)?.coin;
        Ok(Detail { request: order.request, to, amount: request.amount })
    }

    fn legs(_: &System, actor: i64, detail: &Detail) -> Option<Vec<Leg>> {
        move_coins(actor, detail.to, detail.amount)
    }

    fn stored(Detail { request, to, amount }: Detail) -> Stored {
        let bytes = Words::default().number(request).number(to).number(amount).into_bytes();
        Stored { detail: Some(Bytes { version: 1, bytes }), ..Stored::default() }
    }

    fn recalled(row: &Transfer) -> Option<Detail> {
        let bytes = row.stored.detail.as_ref().filter(|bytes| bytes.version == 1)?;
        let mut reading = Reading::of(&bytes.bytes);
        let detail = Detail { request: reading.number()?, to: reading.number()?, amount: reading.number()? };
        reading.end()?;
        Some(detail)
    }

    fn posted(&self, order: &Approval, _: &Transfer, state: &mut State) {
        let request = state.requests.get_mut(&order.request).expect("an order that was judged good has its request");
        request.state = Standing::Approved;
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        posted: &[(&Approval, &Transfer)],
        _: &State,
    ) -> sqlx::Result<()> {
        let paid: Vec<_> = posted.iter().map(|(order, row)| (order.request, row.id, row.op, row.at())).collect();
        store::approve(connection, &paid).await
    }

    fn receipt(posted: Posted<'_>) -> Option<ApprovedRequest> {
        let Posted { row, replayed, .. } = posted;
        let Detail { request, amount, .. } = Self::recalled(row)?;
        let (amount, balance) = (Coins(amount), Coins(row.actor_balance));
        Some(ApprovedRequest { receipt: row.id, at: row.at(), request, amount, balance, replayed })
    }

    fn entry(posted: Posted<'_>, _: Viewer) -> Option<(&'static str, serde_json::Value)> {
        let detail = Self::recalled(posted.row)?;
        let entry = EntryRequest {
            request: detail.request,
            from: posted.people.of(posted.row.actor),
            to: posted.people.of(detail.to),
        };
        Some((Self::NAME, serde_json::to_value(entry).ok()?))
    }

    fn audit_row(row: &Transfer, system: &System, audit: &mut BTreeMap<i64, Paid>, flaws: &mut Flaws) {
        let Some(detail) = Self::recalled(row) else {
            return flaws.posting(row, "has no detail of a coin_request");
        };
        flaws.compare(row, Self::legs(system, row.actor, &detail).as_deref());
        let paid = Paid { transfer: row.id, from: row.actor, to: detail.to, amount: detail.amount };
        if let Some(other) = audit.insert(detail.request, paid) {
            flaws.posting(row, format!("pays coin request {}, which transfer {} paid", detail.request, other.transfer));
        }
    }

    async fn audit_close(
        connection: &mut PgConnection,
        audit: &mut BTreeMap<i64, Paid>,
        flaws: &mut Flaws,
    ) -> sqlx::Result<()> {
        let approved = store::approved(connection).await?;
        for (request, says) in &approved {
            match audit.get(request) {
                Some(paid) if says.is_of(paid) => {}
                Some(paid) => flaws.record(
                    format!("coin request {request}"),
                    format!("says {says:?}, its transfer {} moved {} coins", paid.transfer, paid.amount),
                ),
                None => flaws.record(format!("coin request {request}"), "is approved and no transfer paid it"),
            }
        }
        let approved: BTreeSet<i64> = approved.into_iter().map(|(request, _)| request).collect();
        for (request, paid) in audit.iter().filter(|(request, _)| !approved.contains(request)) {
            let detail = format!("was paid by transfer {} and is not approved", paid.transfer);
            flaws.record(format!("coin request {request}"), detail);
        }
        Ok(())
    }
}

/// The coin request that caused an entry. Users whose accounts were erased are absent.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct EntryRequest {
    /// The request's id.
    pub request: i64,
    /// The reseller who paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<UserId>,
    /// The user who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<UserId>,
}
