//! A row of the journal: one transfer with all its legs. Plain data, no I/O.

use parlor_protocol::Op;

use crate::kit::operation::BodyHash;

/// One account's part in a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leg {
    /// Whose balance moves.
    pub account: i64,
    /// The account's currency by its number: 1 coin, 2 diamond.
    pub currency: i16,
    /// Minor units; below 0 where they leave the account.
    pub amount: i64,
    /// The account's transfer before this one; 0 where this is its first.
    pub previous: i64,
}

/// What a posting that happens in a room shows of itself in columns of its own, because rooms read them
/// by number: an index stands on (room, number).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// In which room.
    pub room: i64,
    /// Its dense number there.
    pub number: i64,
    /// What was given, by its number in the catalogue.
    pub item: i64,
    /// How many each receiver got.
    pub count: i64,
    /// Coins for one of them, as it was then.
    pub price: i64,
    /// Diamond accounts, in the order of the send.
    pub receivers: Vec<i64>,
    /// Coins spent in the room, ever, right after it.
    pub room_coins: i64,
}

impl Line {
    /// What all of it costs; 0 where that cannot be a number, which no row that was judged has.
    pub fn total(&self) -> i64 {
        let receivers = i64::try_from(self.receivers.len()).unwrap_or(0);
        self.price.checked_mul(self.count).and_then(|each| each.checked_mul(receivers)).unwrap_or(0)
    }
}

/// On whose word a transfer was posted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Authority {
    /// The user whose operation it is.
    User,
    /// Somebody of the staff, whose coin account the row names.
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

/// What a kind keeps of a posting beside its legs, in its own canonical bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bytes {
    /// Which form the bytes have; counted by each kind for itself, from 1.
    pub version: i16,
    /// The bytes, as [`Words`](super::Words) writes them.
    pub bytes: Vec<u8>,
}

/// What a kind puts on the row of the journal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stored {
    /// Of a posting in a room.
    pub line: Option<Line>,
    /// The multiplier of experience in basis points; `None`: the posting brings nobody any.
    pub xp_bp: Option<i32>,
    /// The canonical detail. Rows from before there was one have none.
    pub detail: Option<Bytes>,
    /// The transfer that this one undoes.
    pub reverses: Option<i64>,
}

/// A row of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// Rises along every account's list.
    pub id: i64,
    /// Its kind by number.
    pub kind: i16,
    /// The operation that it answers.
    pub op: Op,
    /// The coin account of whoever asked.
    pub actor: i64,
    /// What was asked.
    pub body_hash: BodyHash,
    /// Unix microseconds, as precise as the store.
    pub at_us: i64,
    /// On whose word, by number; `None` on rows from before it was kept.
    pub authority: Option<i16>,
    /// With staff's word: the coin account of who gave it.
    pub staff: Option<i64>,
    /// By account, ascending.
    pub legs: Vec<Leg>,
    /// The actor's coins right after it.
    pub actor_balance: i64,
    /// What its kind put there.
    pub stored: Stored,
}

impl Transfer {
    /// Unix milliseconds.
    pub fn at(&self) -> i64 {
        self.at_us / 1_000
    }

    /// What the leg of an account moves; 0 where it has none.
    pub fn moved(&self, account: i64) -> i64 {
        self.legs.iter().find(|leg| leg.account == account).map_or(0, |leg| leg.amount)
    }
}
