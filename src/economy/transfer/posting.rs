//! The transfer between users as a kind of posting.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use parlor_protocol::{Coins, Currency, ErrorBody, ErrorCode, UserId};
use sqlx::PgConnection;

use super::{Settings, store};
use crate::economy::ledger::posting::{
    Actor, Authority, Bytes, Denial, Flaws, Kind, Leg, Legs, Locks, Names, Posted, Reading, Stored, System, Transfer,
    View, Viewer, Words,
};
use crate::economy::level;

/// The name of the account that gets the fees.
const FEES: &str = "transfer_fees";
/// The milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// The order to send coins from one user to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewTransfer {
    /// The user who pays. They must be the operation's actor.
    pub from: UserId,
    /// The user who receives.
    pub to: UserId,
    /// How many coins are to arrive.
    pub amount: Coins,
}

/// The answer of a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct SentCoins {
    /// The transfer in the ledger.
    pub receipt: i64,
    /// The time of the transfer, in Unix milliseconds.
    pub at: i64,
    /// The user who received. Absent if their account has been erased since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<UserId>,
    /// How many coins arrived.
    pub amount: Coins,
    /// The fee in coins, which the sender paid in addition.
    pub fee: Coins,
    /// The sender's coins right after the transfer.
    pub balance: Coins,
    /// Whether this operation was done before, and this is its first answer again.
    pub replayed: bool,
}

/// The kind of posting that sends coins between users.
#[derive(Clone, Debug)]
pub struct Transfers {
    settings: Arc<Settings>,
}

impl Transfers {
    /// The kind with these limits.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: Arc::new(settings.clone()) }
    }
}

/// What decides whether a user may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sender {
    /// When the account was made, in Unix milliseconds.
    pub created_at: i64,
    /// Whether the user is a reseller, who sells the coins of their account.
    pub sells: bool,
}

/// A day (UTC) of an account; the day is counted from 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day {
    pub(super) account: i64,
    pub(super) day: i32,
}

impl Day {
    fn of(account: i64, at_us: i64) -> Self {
        let day = at_us.div_euclid(DAY_MS * 1_000);
        Self { account, day: i32::try_from(day).unwrap_or(i32::MAX) }
    }

    /// When the day ends, in Unix milliseconds.
    fn ends_at(self) -> i64 {
        (i64::from(self.day) + 1) * DAY_MS
    }
}

/// The senders of a batch, and what each account has sent on its last days.
#[derive(Debug, Default)]
pub struct State {
    senders: HashMap<UserId, Sender>,
    days: HashMap<Day, i64>,
    changed: BTreeSet<Day>,
}

/// What a transfer is made of: the coin account that receives, the coins, and the fee.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Detail {
    to: i64,
    amount: i64,
    fee: i64,
}

impl Kind for Transfers {
    const NUMBER: i16 = 5;
    const NAME: &'static str = "coin_transfer";
    const AUTHORITIES: &'static [Authority] = &[Authority::User];

    type Order = NewTransfer;
    type Detail = Detail;
    type Receipt = SentCoins;
    type State = State;
    /// The coins sent, by account and day.
    type Audit = BTreeMap<i64, BTreeMap<i32, i64>>;

    fn users(order: &NewTransfer, users: &mut BTreeSet<UserId>) {
        users.extend([order.from, order.to]);
    }

    async fn read(
        &self,
        connection: &mut PgConnection,
        orders: &[&NewTransfer],
        _: &mut Names,
        state: &mut State,
    ) -> sqlx::Result<()> {
        let users: BTreeSet<i64> = orders.iter().map(|order| order.from.number()).collect();
        let users: Vec<i64> = users.into_iter().collect();
        state.senders = store::senders(connection, &users).await?;
        Ok(())
    }

    fn accounts(&self, order: &NewTransfer, names: &Names, _: &State, accounts: &mut Locks) {
        accounts.extend(names.wallet(order.to).map(|wallet| wallet.coin));
        if self.settings.fee_bp > 0 {
            accounts.insert(names.system.account(FEES));
        }
    }

    async fn lock(
        &self,
        connection: &mut PgConnection,
        orders: &[&NewTransfer],
        names: &Names,
        state: &mut State,
    ) -> sqlx::Result<()> {
        let accounts: BTreeSet<i64> = orders.iter().filter_map(|order| Some(names.wallet(order.from)?.coin)).collect();
        let days: Vec<Day> = accounts.into_iter().map(|account| Day::of(account, names.at_us)).collect();
        state.days = store::days(connection, &days).await?;
        Ok(())
    }

    fn judge(&self, order: &NewTransfer, view: &View<'_>, state: &State) -> Result<Detail, Denial> {
        if view.actor != Actor::User(order.from) {
            return Err(Denial::Passing(ErrorCode::Forbidden.into()));
        }
        let sender = state.senders.get(&order.from).ok_or(ErrorCode::UserNotFound)?;
        if order.to == order.from {
            return Err(ErrorCode::TransferToSelf.into());
        }
        let to = view.names.wallet(order.to).ok_or(ErrorCode::UserNotFound)?.coin;
        let Settings { min_coins, max_coins, day_coins, reseller_day_coins, .. } = *self.settings;
        let (most, of_the_day) =
            if sender.sells { (reseller_day_coins, reseller_day_coins) } else { (max_coins, day_coins) };
        let amount = order.amount.0;
        if !(min_coins..=most).contains(&amount) {
            let words = format!("one transfer moves {min_coins} to {most} coins");
            return Err(ErrorBody::new(ErrorCode::TransferOutOfRange).message(words).into());
        }
        if !sender.sells {
            self.judge_standing(sender, view)?;
        }
        let day = Day::of(view.account, view.at_us);
        let sent = state.days.get(&day).copied().unwrap_or_default();
        if sent.checked_add(amount).is_none_or(|sent| sent > of_the_day) {
            let left = (of_the_day - sent).max(0);
            let mut error = ErrorBody::new(ErrorCode::TransferDayLimit)
                .message(format!("you may send {left} more of the {of_the_day} coins of a day"));
            error.until = Some(day.ends_at());
            return Err(error.into());
        }
        let fee = i64::try_from(i128::from(amount) * i128::from(self.settings.fee_bp) / 10_000);
        Ok(Detail { to, amount, fee: fee.map_err(|_| ErrorCode::AmountOutOfRange)? })
    }

    fn legs(system: &System, actor: i64, detail: &Detail) -> Option<Vec<Leg>> {
        let mut legs = Legs::default();
        legs.transfer(Currency::Coin, actor, detail.to, detail.amount)?;
        if detail.fee != 0 {
            legs.transfer(Currency::Coin, actor, system.account(FEES), detail.fee)?;
        }
        Some(legs.merged())
    }

    fn stored(Detail { to, amount, fee }: Detail) -> Stored {
        let bytes = Words::default().number(to).number(amount).number(fee).into_bytes();
        Stored { detail: Some(Bytes { version: 1, bytes }), ..Stored::default() }
    }

    fn recalled(row: &Transfer) -> Option<Detail> {
        let bytes = row.stored.detail.as_ref().filter(|bytes| bytes.version == 1)?;
        let mut reading = Reading::of(&bytes.bytes);
        let detail = Detail { to: reading.number()?, amount: reading.number()?, fee: reading.number()? };
        reading.end()?;
        Some(detail)
    }

    fn posted(&self, order: &NewTransfer, row: &Transfer, state: &mut State) {
        let day = Day::of(row.actor, row.at_us);
        *state.days.entry(day).or_default() += order.amount.0;
        state.changed.insert(day);
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        _: &[(&NewTransfer, &Transfer)],
        state: &State,
    ) -> sqlx::Result<()> {
        let days: Vec<(Day, i64)> = state.changed.iter().map(|day| (*day, state.days[day])).collect();
        store::save_days(connection, &days).await
    }

    fn receipt(posted: Posted<'_>) -> Option<SentCoins> {
        let Posted { row, people, replayed } = posted;
        let Detail { to, amount, fee } = Self::recalled(row)?;
        let (amount, fee, balance) = (Coins(amount), Coins(fee), Coins(row.actor_balance));
        Some(SentCoins { receipt: row.id, at: row.at(), to: people.of(to), amount, fee, balance, replayed })
    }

    fn entry(posted: Posted<'_>, _: Viewer) -> Option<(&'static str, serde_json::Value)> {
        let detail = Self::recalled(posted.row)?;
        let entry = EntryTransfer {
            from: posted.people.of(posted.row.actor),
            to: posted.people.of(detail.to),
            amount: Coins(detail.amount),
            fee: Coins(detail.fee),
        };
        Some((Self::NAME, serde_json::to_value(entry).ok()?))
    }

    fn audit_row(row: &Transfer, system: &System, audit: &mut Self::Audit, flaws: &mut Flaws) {
        let Some(detail) = Self::recalled(row) else {
            return flaws.posting(row, "has no detail of a coin_transfer");
        };
        flaws.compare(row, Self::legs(system, row.actor, &detail).as_deref());
        if detail.amount < 1 || detail.fee < 0 || detail.to == row.actor {
            flaws.posting(row, "moves no coins, moves them backwards, or moves them to its own sender");
        }
        let Day { account, day } = Day::of(row.actor, row.at_us);
        *audit.entry(account).or_default().entry(day).or_default() += detail.amount;
    }

    async fn audit_close(
        connection: &mut PgConnection,
        audit: &mut Self::Audit,
        flaws: &mut Flaws,
    ) -> sqlx::Result<()> {
        let stored = store::all_days(connection).await?;
        let mut every: BTreeMap<Day, (i64, i64)> = stored.into_iter().map(|(day, says)| (day, (says, 0))).collect();
        for (&account, days) in audit.iter() {
            for (&day, sent) in days {
                every.entry(Day { account, day }).or_default().1 = *sent;
            }
        }
        for (day, (says, sent)) in every.into_iter().filter(|(_, (says, sent))| says != sent) {
            let subject = format!("account {}", day.account);
            flaws.record(subject, format!("has {says} coins on record for day {}, its transfers sent {sent}", day.day));
        }
        Ok(())
    }
}

impl Transfers {
    /// Refuses a sender whose account is too new, or who has spent too little to have the wealth level.
    fn judge_standing(&self, sender: &Sender, view: &View<'_>) -> Result<(), Denial> {
        let Settings { account_day, wealth_level, .. } = *self.settings;
        let not_yet = |words: String| ErrorBody::new(ErrorCode::TransferNotYet).message(words);
        let from = sender.created_at.saturating_add((account_day - 1) * DAY_MS);
        if view.at_us / 1_000 < from {
            let mut error = not_yet(format!("an account may send coins from its day {account_day} on"));
            error.until = Some(from);
            return Err(error.into());
        }
        let xp = view.accounts.get(&view.account).map_or(0, |account| account.xp);
        if xp < level::xp_of(wealth_level) {
            return Err(not_yet(format!("you need wealth level {wealth_level} to send coins")).into());
        }
        Ok(())
    }
}

/// The transfer that caused an entry. Users whose accounts were erased are absent.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct EntryTransfer {
    /// The user who sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<UserId>,
    /// The user who received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<UserId>,
    /// How many coins arrived.
    pub amount: Coins,
    /// The fee in coins, which the sender paid in addition.
    pub fee: Coins,
}
