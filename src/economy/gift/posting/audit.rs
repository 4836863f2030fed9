//! The audit of gifts: each is judged again by the versions that held when it was posted, and compared with its room.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::detail::Detail;
use super::store::Membership;
use super::{store, waterfall};
use crate::economy::ledger::posting::{Flaws, Line, System, Transfer};

/// How many rooms are read at once.
const PAGE: i64 = 2_000;
/// The microseconds around a change of membership within which a gift may have been posted by either state. A posting
/// has the time of its node and a membership that of the database; and members are read before the posting's locks are
/// taken.
const AROUND_US: i64 = 600_000_000;
/// The highest rate that any agency has ever had, in basis points.
const RATE_MAX_BP: i64 = 2_000;

/// What the journal comes to for a room, while it is walked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Room {
    gift_no: i64,
    coins: i64,
}

/// What gifts are judged by, and what the journal comes to so far. A checkpoint stores only the latter.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Audit {
    /// The price and the experience in basis points, by gift and version.
    #[serde(skip)]
    gifts: HashMap<(i64, i64), (i64, i32)>,
    /// The rate in basis points, by the agency's account and version.
    #[serde(skip)]
    rates: HashMap<(i64, i64), i64>,
    /// All who have owned each room, the first owner first.
    #[serde(skip)]
    owners: HashMap<i64, Vec<store::Owner>>,
    rooms: BTreeMap<i64, Room>,
    /// The memberships of each member, by the member's diamond account.
    #[serde(skip)]
    memberships: HashMap<i64, Vec<Membership>>,
    /// Receivers for whom a gift gave a share to an agency that they were not in: the transfer and the agency's
    /// account, by the receiver's account. They are flaws only if the account is still a user's, because the
    /// memberships of an erased user are not known.
    strangers: BTreeMap<i64, (i64, i64)>,
}

impl Audit {
    /// Reads what these rows are judged by: all versions, and the rooms' owners and the members whom the rows name.
    pub async fn read(&mut self, connection: &mut PgConnection, rows: &[&Transfer]) -> sqlx::Result<()> {
        let lines = || rows.iter().filter_map(|row| row.stored.line.as_ref());
        let rooms: BTreeSet<i64> = lines().map(|line| line.room).collect();
        let receivers: BTreeSet<i64> = lines().flat_map(|line| line.receivers.iter().copied()).collect();
        self.gifts = store::gift_versions(connection).await?;
        self.rates = store::rate_versions(connection).await?;
        self.owners = store::room_owners(connection, &Vec::from_iter(rooms)).await?;
        self.memberships = store::memberships(connection, &Vec::from_iter(receivers)).await?;
        Ok(())
    }

    pub fn row(&mut self, row: &Transfer, system: &System, flaws: &mut Flaws) {
        let Some(line) = &row.stored.line else {
            return flaws.posting(row, "is a gift and does not say what was given");
        };
        match Detail::recalled(row) {
            Some(detail) => {
                flaws.compare(row, waterfall::legs(system, row.actor, &detail).as_deref());
                self.check_versions(row, &detail, flaws);
            }
            // The row is older than the details of gifts. What it does not say is checked against its bounds.
            None if row.authority.is_none() && row.stored.detail.is_none() => {
                self.check_first(row, line, system, flaws);
            }
            None => flaws.posting(row, "has no detail of a gift"),
        }
        self.check_room(row, line, flaws);
    }

    /// Compares the versions that the detail names, and the room's owner, with the stored ones.
    fn check_versions(&mut self, row: &Transfer, detail: &Detail, flaws: &mut Flaws) {
        let line = &detail.line;
        let named = (line.price, detail.xp_bp);
        match self.gifts.get(&(line.item, detail.gift_version)) {
            Some(held) if *held == named => {}
            held => {
                let (gift, version) = (line.item, detail.gift_version);
                flaws.posting(
                    row,
                    format!("names price and experience {named:?} of gift {gift}, version {version}: {held:?}"),
                );
            }
        }
        if let Some(owners) = self.owners.get(&line.room).filter(|owners| !owned(owners, detail.owner, row.at_us)) {
            let (named, room) = (detail.owner, line.room);
            let then: Vec<_> = owners.iter().map(|owner| owner.account).collect();
            flaws.posting(row, format!("names {named} as the owner's account of room {room}: {then:?}"));
        }
        self.check_memberships(row, detail, flaws);
        let mut last = -1;
        for share in &detail.agencies {
            let held = self.rates.get(&(share.account, share.version));
            if held != Some(&share.rate_bp) {
                let (account, version) = (share.account, share.version);
                flaws.posting(
                    row,
                    format!("names rate {} of agency account {account}, version {version}: {held:?}", share.rate_bp),
                );
            }
            if !(0..=RATE_MAX_BP).contains(&share.rate_bp) {
                flaws.posting(
                    row,
                    format!("names a rate of {} basis points, at most {RATE_MAX_BP} are allowed", share.rate_bp),
                );
            }
            if share.receiver <= last || share.receiver >= line.receivers.len() as i64 {
                flaws.posting(row, "names two agencies for one receiver, or an agency for no receiver");
            }
            last = share.receiver;
        }
    }

    /// Checks that each share goes to an agency in which the receiver was, and that no receiver's agency lacks its
    /// share.
    fn check_memberships(&mut self, row: &Transfer, detail: &Detail, flaws: &mut Flaws) {
        for (place, receiver) in (0..).zip(&detail.line.receivers) {
            let share = detail.agencies.iter().find(|share| share.receiver == place).map(|share| share.account);
            let of = self.memberships.get(receiver).map_or(&[][..], Vec::as_slice);
            let in_it = |agency| {
                of.iter().any(|one| {
                    one.agency == agency
                        && one.since_us.saturating_sub(AROUND_US) <= row.at_us
                        && row.at_us <= one.until_us.saturating_add(AROUND_US)
                })
            };
            let surely = of.iter().find(|one| {
                one.since_us.saturating_add(AROUND_US) < row.at_us && row.at_us < one.until_us.saturating_sub(AROUND_US)
            });
            match (share, surely) {
                (Some(agency), _) if !in_it(agency) => {
                    self.strangers.entry(*receiver).or_insert((row.id, agency));
                }
                (None, Some(Membership { agency, .. })) => {
                    flaws.posting(row, format!("gives agency account {agency} nothing, whose member {receiver} was"));
                }
                _ => {}
            }
        }
    }

    /// Checks a row without a detail. Everything except the agencies' shares is known, and for those there is a bound.
    fn check_first(&self, row: &Transfer, line: &Line, system: &System, flaws: &mut Flaws) {
        // Rows without a detail are older than the first room that was handed over.
        let owner = self.owners.get(&line.room).and_then(|owners| owners.first()?.account);
        let detail = Detail {
            line: line.clone(),
            xp_bp: row.stored.xp_bp.unwrap_or_default(),
            waterfall: 1,
            gift_version: 0,
            // If the room's owner was erased, the owner is the account that got exactly an owner's share, if there is
            // one.
            owner: owner.or_else(|| owner_by_share(row, line)).unwrap_or_default(),
            agencies: Vec::new(),
        };
        let Some(made) = waterfall::legs(system, row.actor, &detail) else {
            return flaws.posting(row, "its detail makes no legs");
        };
        let issuance = system.account("diamond_issuance");
        let bound = line.total().saturating_mul(RATE_MAX_BP);
        let (mut shares, mut issued) = (0_i64, 0_i64);
        for leg in &row.legs {
            let due = made.iter().find(|other| (other.account, other.currency) == (leg.account, leg.currency));
            let more = leg.amount.saturating_sub(due.map_or(0, |due| due.amount));
            if leg.account == issuance {
                issued = more;
            } else if more > 0 && self.is_agency(leg.account) {
                shares = shares.saturating_add(more);
            } else if more != 0 {
                flaws.posting(row, format!("moves {more} of account {} beyond what the gift brings", leg.account));
            }
        }
        for due in made.iter().filter(|due| row.moved(due.account) == 0) {
            flaws.posting(row, format!("moves nothing of account {}, its detail says {}", due.account, due.amount));
        }
        if shares > bound || issued.saturating_add(shares) != 0 {
            flaws.posting(row, format!("issues {} to agencies, at most {bound} can be theirs", shares.max(-issued)));
        }
    }

    fn is_agency(&self, account: i64) -> bool {
        self.rates.keys().any(|(agency, _)| *agency == account)
    }

    /// Checks that the gifts of a room are numbered without gaps, and that its coins are their sum.
    fn check_room(&mut self, row: &Transfer, line: &Line, flaws: &mut Flaws) {
        let subject = format!("transfer {}", row.id);
        let room = self.rooms.entry(line.room).or_default();
        if line.number != room.gift_no + 1 {
            let detail = format!("is gift {} of room {} behind gift {}", line.number, line.room, room.gift_no);
            flaws.record(subject.clone(), detail);
        }
        room.gift_no = line.number;
        room.coins = room.coins.saturating_add(line.total());
        if line.room_coins != room.coins {
            let detail = format!("brings room {} to {} coins, it says {}", line.room, room.coins, line.room_coins);
            flaws.record(subject, detail);
            room.coins = line.room_coins; // so that the flaw is reported once, and not for every later row
        }
    }

    /// Compares the stored totals of rooms with what the walk came to, and reports the flaws that only the end shows.
    pub async fn close(&mut self, connection: &mut PgConnection, flaws: &mut Flaws) -> sqlx::Result<()> {
        let strangers: Vec<i64> = self.strangers.keys().copied().collect();
        for receiver in store::of_users(connection, &strangers).await? {
            let (transfer, agency) = self.strangers[&receiver];
            let detail = format!("gives agency account {agency} a share, of which account {receiver} was no member");
            flaws.posting_of(transfer, detail);
        }
        self.strangers.clear();
        for (subject, detail) in store::unversioned(connection).await? {
            flaws.record(subject, detail);
        }
        let mut with_total = HashSet::new();
        let mut after = 0;
        loop {
            let page = store::totals(connection, after, PAGE).await?;
            let Some((last, _, _)) = page.last() else { break };
            after = *last;
            for (id, gift_no, coins) in page {
                let room = self.rooms.get(&id).copied().unwrap_or_default();
                with_total.insert(id);
                if (gift_no, coins) != (room.gift_no, room.coins) {
                    let detail = format!(
                        "holds gift {gift_no}, {coins} coins; the journal comes to {}, {}",
                        room.gift_no, room.coins
                    );
                    flaws.record(format!("room {id}"), detail);
                }
            }
        }
        for (id, room) in self.rooms.iter().filter(|(id, _)| !with_total.contains(id)) {
            let detail = format!("has no totals; the journal comes to gift {}, {} coins", room.gift_no, room.coins);
            flaws.record(format!("room {id}"), detail);
        }
        Ok(())
    }
}

/// The account that is no receiver and got exactly the owner's share for all receivers.
fn owner_by_share(row: &Transfer, line: &Line) -> Option<i64> {
    let share = line.total().checked_mul(500)?;
    let stranger = row.legs.iter().find(|leg| leg.amount == share && !line.receivers.contains(&leg.account));
    stranger.map(|leg| leg.account)
}

/// Whether this account was that of the room's owner at this time, or around it: a gift that is on its way while the room is
/// handed over is the former owner's. The account of an owner who was erased is not known.
fn owned(owners: &[store::Owner], account: i64, at_us: i64) -> bool {
    let mut since_us = i64::MIN;
    owners.iter().any(|owner| {
        let since = std::mem::replace(&mut since_us, owner.until_us);
        let is_then = since.saturating_sub(AROUND_US) <= at_us && at_us <= owner.until_us.saturating_add(AROUND_US);
        is_then && owner.account.is_none_or(|owner| owner == account)
    })
}
