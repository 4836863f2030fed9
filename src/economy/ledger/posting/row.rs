//! A row of the journal: one transfer with all its legs. Plain data, no I/O.

use parlor_protocol::Op;

use crate::kit::operation::BodyHash;

/// One account's part of a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leg {
    /// The account's id.
    pub account: i64,
    /// The number of the account's currency: 1 coin, 2 diamond.
    pub currency: i16,
    /// The change of the balance in minor units; below 0 if they leave the account.
    pub amount: i64,
    /// The account's previous transfer; 0 if this is its first.
    pub previous: i64,
}

/// What a posting in a room stores in columns of its own, because rooms read these postings by their number. There is
/// an index on room and number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The room's id.
    pub room: i64,
    /// The posting's number in the room; numbers have no gaps.
    pub number: i64,
    /// The id of the gift in the catalogue.
    pub item: i64,
    /// How many each receiver got.
    pub count: i64,
    /// The price of one in coins, as it was at the time.
    pub price: i64,
    /// The receivers' diamond accounts, in the order in which they were named.
    pub receivers: Vec<i64>,
    /// All coins that have ever been spent in the room, right after this posting.
    pub room_coins: i64,
}

impl Line {
    /// The total price in coins; 0 if it overflows, which no row that was judged does.
    pub fn total(&self) -> i64 {
        let receivers = i64::try_from(self.receivers.len()).unwrap_or(0);
        self.price.checked_mul(self.count).and_then(|each| each.checked_mul(receivers)).unwrap_or(0)
    }
}

/// Who ordered a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Authority {
    /// The user whose operation it is.
    User,
    /// A member of staff, whose coin account the row names.
    Staff,
    /// A job of the server.
    Job,
    /// The server itself, or its operator at the command line.
    System,
}

impl Authority {
    /// The number under which the journal stores it.
    pub const fn number(self) -> i16 {
        match self {
            Self::User => 1,
            Self::Staff => 2,
            Self::Job => 3,
            Self::System => 4,
        }
    }

    /// The authority stored under this number.
    pub const fn from_number(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::User),
            2 => Some(Self::Staff),
            3 => Some(Self::Job),
            4 => Some(Self::System),
            _ => None,
        }
    }
}

/// The detail of a posting in its kind's canonical form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bytes {
    /// The version of the form. Each kind counts its own versions, from 1.
    pub version: i16,
    /// The bytes, as [`Words`](super::Words) writes them.
    pub bytes: Vec<u8>,
}

/// What a kind stores in the row of the journal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stored {
    /// What happened in a room; `None` for other postings.
    pub line: Option<Line>,
    /// The multiplier of experience in basis points; `None` if the posting gives no experience.
    pub xp_bp: Option<i32>,
    /// The canonical detail; `None` on rows that are older than details.
    pub detail: Option<Bytes>,
    /// The transfer that this one reverses.
    pub reverses: Option<i64>,
}

/// A row of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// The transfer's id. Of two transfers of one account, the later one has the higher id.
    pub id: i64,
    /// The number of its kind.
    pub kind: i16,
    /// The operation that it carries out.
    pub op: Op,
    /// The account that the operation is scoped to: the user's coin account, or an account of the system.
    pub actor: i64,
    /// The hash of the request, which tells a retry from another request with the same operation.
    pub body_hash: BodyHash,
    /// The time, in Unix microseconds, which is the precision of the database.
    pub at_us: i64,
    /// The number of the authority that ordered it; `None` on rows that are older than this column.
    pub authority: Option<i16>,
    /// If staff ordered it, the coin account of that member of staff.
    pub staff: Option<i64>,
    /// The legs, in ascending order of their accounts.
    pub legs: Vec<Leg>,
    /// The balance of the actor's account right after the transfer.
    pub actor_balance: i64,
    /// What its kind stores.
    pub stored: Stored,
}

impl Transfer {
    /// The time, in Unix milliseconds.
    pub fn at(&self) -> i64 {
        self.at_us / 1_000
    }

    /// The change of an account's balance; 0 if it has no leg.
    pub fn moved(&self, account: i64) -> i64 {
        self.legs.iter().find(|leg| leg.account == account).map_or(0, |leg| leg.amount)
    }
}
