//! The gift as a kind of posting: what it needs, how it is judged, and what it writes and answers.

mod audit;
mod detail;
mod store;
mod waterfall;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parlor_protocol::reply::GiftReceipt;
use parlor_protocol::room::{GiftLine, Person};
use parlor_protocol::{Coins, Currency, ErrorBody, ErrorCode, GiftId, Retry, RoomId, UserId};
use sqlx::PgConnection;

use self::detail::{AgencyShare, Detail};
use super::banner;
use crate::economy::ledger::posting::{
    Actor, Authority, Denial, Flaws, Kind, LIMIT, Leg, Line, Locks, Names, Posted, Stored, System, Transfer, View,
    Viewer,
};
use crate::economy::ledger::{Committed, CommittedGifts};
use crate::telemetry::metric;

/// The order to send a gift, after its room has judged it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gift {
    /// The room in which it is sent.
    pub room: RoomId,
    /// The room's owner, who receives the owner's share.
    pub owner: UserId,
    /// The user who pays. They must be the operation's actor.
    pub sender: Person,
    /// The gift's id.
    pub gift: GiftId,
    /// How many each receiver gets.
    pub count: i64,
    /// The receivers; or why the room refuses the gift. The refusal becomes the operation's stored answer, unless the
    /// operation has an answer already or the error says that it may pass.
    pub receivers: Result<Vec<Person>, ErrorBody>,
}

/// The kind of posting that sends gifts.
#[derive(Clone, Copy, Debug)]
pub struct Gifts;

/// What decides about a gift of the catalogue: its price and who may send it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Price {
    version: i64,
    coins: i64,
    xp_bp: i32,
    enabled: bool,
    vip_level: i16,
}

/// The agency of a user, which gets a share of what the user receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Agency {
    account: i64,
    version: i64,
    rate_bp: i64,
}

/// A room's totals: first as they were read under the lock, then as the judged gifts leave them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct RoomTotal {
    gift_no: i64,
    coins: i64,
    changed: bool,
}

/// What a batch of gifts is judged by, and the rooms' totals that it changes.
#[derive(Clone, Debug, Default)]
pub struct State {
    prices: HashMap<GiftId, Price>,
    agencies: HashMap<UserId, Agency>,
    rooms: BTreeMap<RoomId, RoomTotal>,
}

#[cfg(feature = "bench")]
impl State {
    /// A state with one gift at one price in one room, for benches.
    pub(super) fn of_one_price(gift: GiftId, coins: i64, room: RoomId) -> Self {
        let price = Price { version: 1, coins, xp_bp: 10_000, enabled: true, vip_level: 0 };
        let prices = HashMap::from([(gift, price)]);
        Self { prices, rooms: BTreeMap::from([(room, RoomTotal::default())]), ..Self::default() }
    }
}

impl Kind for Gifts {
    const NUMBER: i16 = 1;
    const NAME: &'static str = "gift";
    const AUTHORITIES: &'static [Authority] = &[Authority::User];

    type Order = Gift;
    type Detail = Detail;
    type Receipt = GiftReceipt;
    type State = State;
    type Audit = audit::Audit;

    fn users(gift: &Gift, users: &mut BTreeSet<UserId>) {
        users.extend([gift.owner, gift.sender.id]);
        users.extend(gift.receivers.iter().flatten().map(|receiver| receiver.id));
    }

    async fn read(
        &self,
        connection: &mut PgConnection,
        orders: &[&Gift],
        _: &mut Names,
        state: &mut State,
    ) -> sqlx::Result<()> {
        let gifts: BTreeSet<i64> = orders.iter().map(|gift| gift.gift.number()).collect();
        let receivers = orders.iter().flat_map(|gift| gift.receivers.iter().flatten());
        let receivers: BTreeSet<i64> = receivers.map(|receiver| receiver.id.number()).collect();
        let (gifts, receivers): (Vec<_>, Vec<_>) = (gifts.into_iter().collect(), receivers.into_iter().collect());
        (state.prices, state.agencies) = store::prices_and_agencies(connection, &gifts, &receivers).await?;
        Ok(())
    }

    fn accounts(&self, gift: &Gift, names: &Names, state: &State, accounts: &mut Locks) {
        let Ok(receivers) = &gift.receivers else { return };
        accounts.extend(["gift_revenue", "diamond_issuance"].map(|name| names.system.account(name)));
        accounts.extend(names.wallet(gift.owner).map(|wallet| wallet.diamond));
        for receiver in receivers {
            accounts.extend(names.wallet(receiver.id).map(|wallet| wallet.diamond));
            accounts.extend(state.agencies.get(&receiver.id).map(|agency| agency.account));
        }
    }

    async fn lock(
        &self,
        connection: &mut PgConnection,
        orders: &[&Gift],
        _: &Names,
        state: &mut State,
    ) -> sqlx::Result<()> {
        let rooms: BTreeSet<i64> =
            orders.iter().filter(|gift| gift.receivers.is_ok()).map(|gift| gift.room.number()).collect();
        if !rooms.is_empty() {
            let rooms: Vec<_> = rooms.into_iter().collect();
            state.rooms = store::lock_rooms(connection, &rooms).await?;
            // A room's totals are inserted with its first gift.
            if state.rooms.len() < rooms.len() {
                store::begin_totals(connection, &rooms).await?;
                state.rooms = store::lock_rooms(connection, &rooms).await?;
            }
        }
        Ok(())
    }

    fn judge(&self, gift: &Gift, view: &View<'_>, state: &State) -> Result<Detail, Denial> {
        let receivers = match &gift.receivers {
            Ok(receivers) => receivers,
            Err(error) if error.retry == Retry::Never => return Err(Denial::Final(error.clone())),
            Err(error) => return Err(Denial::Passing(error.clone())),
        };
        if gift.count < 1 || view.actor != Actor::User(gift.sender.id) {
            return Err(Denial::Passing(ErrorBody::new(ErrorCode::BadRequest).message("this gift cannot be sent")));
        }
        if receivers.is_empty() {
            return Err(ErrorCode::NoReceivers.into());
        }
        if receivers.iter().any(|receiver| receiver.id == gift.sender.id) {
            return Err(ErrorCode::GiftToSelf.into());
        }
        let price = state.prices.get(&gift.gift).filter(|price| price.enabled).ok_or(ErrorCode::GiftNotFound)?;
        if price.vip_level > 0 {
            // Nobody has a VIP level as long as VIP cannot be bought.
            return Err(Denial::Final(ErrorBody::new(ErrorCode::Forbidden).message("this gift needs a VIP level")));
        }
        let diamonds = |user| Ok::<_, Denial>(view.names.wallet(user).ok_or(ErrorCode::UserNotFound)?.diamond);
        let owner = diamonds(gift.owner)?;
        let mut accounts: Vec<i64> = Vec::with_capacity(receivers.len());
        let mut agencies = Vec::new();
        for receiver in receivers {
            let account = diamonds(receiver.id)?;
            if accounts.contains(&account) {
                let error = ErrorBody::new(ErrorCode::BadRequest).message("a receiver is named twice");
                return Err(Denial::Passing(error));
            }
            if let Some(Agency { account, version, rate_bp }) = state.agencies.get(&receiver.id).copied() {
                agencies.push(AgencyShare { receiver: accounts.len() as i64, account, version, rate_bp });
            }
            accounts.push(account);
        }
        let room = state.rooms.get(&gift.room).ok_or(ErrorCode::RoomNotFound)?;
        let too_much = || Denial::from(ErrorCode::AmountOutOfRange);
        let each = price.coins.checked_mul(gift.count).ok_or_else(too_much)?;
        let total = i64::try_from(accounts.len()).ok().and_then(|receivers| each.checked_mul(receivers));
        let room_coins = total.and_then(|total| room.coins.checked_add(total)).filter(|coins| *coins <= LIMIT);
        let line = Line {
            room: gift.room.number(),
            number: room.gift_no + 1,
            item: gift.gift.number(),
            count: gift.count,
            price: price.coins,
            receivers: accounts,
            room_coins: room_coins.ok_or_else(too_much)?,
        };
        let (xp_bp, gift_version) = (price.xp_bp, price.version);
        Ok(Detail { line, xp_bp, waterfall: waterfall::NEWEST, gift_version, owner, agencies })
    }

    fn legs(system: &System, actor: i64, detail: &Detail) -> Option<Vec<Leg>> {
        waterfall::legs(system, actor, detail)
    }

    fn stored(detail: Detail) -> Stored {
        detail.stored()
    }

    fn recalled(row: &Transfer) -> Option<Detail> {
        Detail::recalled(row)
    }

    fn posted(&self, gift: &Gift, row: &Transfer, state: &mut State) {
        let line = row.stored.line.as_ref().expect("a gift is stored with its line");
        let total = RoomTotal { gift_no: line.number, coins: line.room_coins, changed: true };
        state.rooms.insert(gift.room, total);
    }

    async fn write(&self, connection: &mut PgConnection, _: &[(&Gift, &Transfer)], state: &State) -> sqlx::Result<()> {
        store::update_rooms(connection, &state.rooms).await
    }

    fn committed(&self, posted: &[(&Gift, &Transfer)], hints: &mut Committed) {
        let mut places: HashMap<RoomId, usize> = HashMap::new();
        let rooms = &mut hints.rooms;
        for (gift, row) in posted {
            let Some(line) = &row.stored.line else { continue };
            let place = *places.entry(gift.room).or_insert_with(|| {
                rooms.push((gift.room, CommittedGifts::default()));
                rooms.len() - 1
            });
            let (_, committed) = &mut rooms[place];
            committed.coins = Coins(line.room_coins);
            let total = Coins(line.total());
            committed.gifts.push(GiftLine {
                gift_no: line.number,
                receipt: row.id,
                at: row.at(),
                from: gift.sender.clone(),
                to: gift.receivers.clone().unwrap_or_default(),
                gift: gift.gift,
                count: gift.count,
                total,
                banner: banner(total),
            });
        }
    }

    fn receipt(posted: Posted<'_>) -> Option<GiftReceipt> {
        let Posted { row, people, replayed } = posted;
        let line = row.stored.line.as_ref()?;
        Some(GiftReceipt {
            receipt: row.id,
            gift_no: line.number,
            at: row.at(),
            gift: GiftId::new(line.item)?,
            count: line.count,
            to: line.receivers.iter().filter_map(|account| people.of(*account)).collect(),
            total: Coins(line.total()),
            balance: Coins(row.actor_balance),
            replayed,
        })
    }

    fn answered(outcome: &'static str) {
        metric::GIFTS.add_of(outcome, 1);
    }

    fn entry(posted: Posted<'_>, viewer: Viewer) -> Option<(&'static str, serde_json::Value)> {
        let Posted { row, people, .. } = posted;
        let line = row.stored.line.as_ref()?;
        let to: Vec<UserId> = line.receivers.iter().filter_map(|account| people.of(*account)).collect();
        let paid = row.legs.iter().any(|leg| leg.account == viewer.account && leg.currency == Currency::Coin.number());
        let role = match (paid, line.receivers.contains(&viewer.account)) {
            (true, _) => GiftRole::Sender,
            (false, true) => GiftRole::Receiver,
            (false, false) => GiftRole::RoomOwner,
        };
        let entry = EntryGift {
            role,
            gift: GiftId::new(line.item)?,
            count: line.count,
            room: RoomId::new(line.room)?,
            gift_no: line.number,
            from: people.of(row.actor),
            to,
        };
        Some(("gift", serde_json::to_value(entry).ok()?))
    }

    async fn audit_read(
        connection: &mut PgConnection,
        rows: &[&Transfer],
        audit: &mut Self::Audit,
    ) -> sqlx::Result<()> {
        audit.read(connection, rows).await
    }

    fn audit_row(row: &Transfer, system: &System, audit: &mut Self::Audit, flaws: &mut Flaws) {
        audit.row(row, system, flaws);
    }

    async fn audit_close(
        connection: &mut PgConnection,
        audit: &mut Self::Audit,
        flaws: &mut Flaws,
    ) -> sqlx::Result<()> {
        audit.close(connection, flaws).await
    }
}

/// The part that an account's owner has in a gift.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GiftRole {
    /// They paid for the gift.
    Sender,
    /// They received the gift.
    Receiver,
    /// The gift was sent in their room, and they got the owner's share.
    RoomOwner,
}

/// The gift that caused an entry. Users whose accounts were erased are absent.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct EntryGift {
    /// The part that the account's owner has in the gift.
    pub role: GiftRole,
    /// The gift's id.
    pub gift: GiftId,
    /// How many each receiver got.
    pub count: i64,
    /// The room in which it was sent.
    pub room: RoomId,
    /// The gift's number in the room.
    pub gift_no: i64,
    /// The user who paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<UserId>,
    /// The users who received it.
    pub to: Vec<UserId>,
}
