//! The connections between parts that do not know each other: rooms with the ledger, and sockets with both. Each is an
//! implementation of a trait (a port) that the part using it declares.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parlor_protocol::reply::{Balance, GiftReceipt};
use parlor_protocol::{Coins, ErrorBody, ErrorCode, RoomId, UserFrame, UserId};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::db::Lookup;
use crate::economy::ledger::{self, By, Committed, Ledger, Order};
use crate::economy::{gift, promotion};
use crate::gateway::{Named, Ports, SignedIn};
use crate::identity::{Access, Identity, Wallets};
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::edge::{Edge, Reads};
use crate::kit::error::{Error, Result};
use crate::kit::supervise::{Faults, Supervisor};
use crate::kit::tx::Tx;
use crate::presence::{Rooms, Users};
use crate::room::port::{CommittedGifts, GiftOrder, Gifts, PortFuture, Takings};
use crate::room::{Directory, Request, Returned, RoomHandle};

/// The port by which rooms have gifts paid, implemented by the ledger.
pub(super) struct LedgerGifts {
    ledger: Ledger,
    reads: Reads,
}

impl LedgerGifts {
    pub(super) fn new(ledger: Ledger, reads: Reads) -> Self {
        Self { ledger, reads }
    }
}

impl Gifts for LedgerGifts {
    fn submit(&self, order: GiftOrder, reply: oneshot::Sender<Result<GiftReceipt, ErrorBody>>) {
        let GiftOrder { room, owner, operation, sender, gift, count, receivers } = order;
        let order = gift::Gift { room, owner, sender, gift, count, receivers };
        self.ledger.submit(Order::new::<gift::Gifts>(operation, By::User, order, reply));
    }

    fn above(&self, room: RoomId, after: i64, limit: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>> {
        let reads = self.reads.clone();
        let read = async move {
            let ledger::CommittedGifts { gifts, coins } =
                gift::gifts_above(&mut *reads.conn().await?, room, after, limit).await?;
            Ok(CommittedGifts { gifts, coins })
        };
        read.map(body).boxed()
    }
}

impl Takings for LedgerGifts {
    fn spent(
        &self,
        rooms: Vec<RoomId>,
        from: Timestamp,
        until: Timestamp,
    ) -> PortFuture<Result<Vec<(RoomId, Coins)>, ErrorBody>> {
        let reads = self.reads.clone();
        let read = async move { gift::spent_in(&mut *reads.conn().await?, &rooms, from, until).await };
        read.map(body).boxed()
    }
}

/// The same, for a test that makes a room panic just before or just after it gives a gift to the ledger.
pub(super) struct GiftsWithFaults {
    pub(super) gifts: Arc<LedgerGifts>,
    pub(super) faults: Arc<Faults>,
}

impl Gifts for GiftsWithFaults {
    fn submit(&self, order: GiftOrder, reply: oneshot::Sender<Result<GiftReceipt, ErrorBody>>) {
        let room = order.room.number();
        self.faults.meet(&format!("before a gift in {room}"));
        self.gifts.submit(order, reply);
        self.faults.meet(&format!("after a gift in {room}"));
    }

    fn above(&self, room: RoomId, after: i64, limit: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>> {
        self.gifts.above(room, after, limit)
    }
}

/// The part of an error that the caller is sent. The cause of a fault is logged here, because it goes no further.
fn body<T>(result: Result<T>) -> Result<T, ErrorBody> {
    result.map_err(|error| {
        if error.source.is_some() {
            match error.code() {
                ErrorCode::StoreUnavailable => {
                    tracing::warn!(%error, "a socket's request failed because the store did not answer")
                }
                _ => tracing::error!(%error, "a socket's request failed by an internal fault"),
            }
        }
        *error.body
    })
}

/// The port by which `identity` opens wallets, implemented by the ledger.
pub(super) struct LedgerWallets {
    pub(super) ledger: Ledger,
    /// The coins that each new user is given; 0 for none.
    pub(super) welcome: Coins,
}

impl Wallets for LedgerWallets {
    fn open<'c>(&self, tx: &'c mut Tx, user: UserId) -> BoxFuture<'c, Result<()>> {
        ledger::create_wallet(tx, user).boxed()
    }

    fn open_all<'c>(&self, tx: &'c mut Tx, users: &'c [UserId]) -> BoxFuture<'c, Result<()>> {
        ledger::create_wallets(tx, users).boxed()
    }

    fn welcome(&self, user: UserId) -> BoxFuture<'_, Result<()>> {
        async move {
            if self.welcome.0 > 0
                && let Err(error) = promotion::welcome(&self.ledger, user, self.welcome).await
            {
                // The sign-in succeeds all the same; the coins are given at the next one.
                tracing::warn!(user.id = user.number(), %error, "a new user was not given the welcome coins");
            }
            Ok(())
        }
        .boxed()
    }
}

/// The port by which sockets reach accounts, rooms and gifts.
pub(super) struct SocketPorts {
    identity: Identity,
    edge: Edge,
    balances: Lookup<UserId, Vec<Balance>>,
    rooms: Directory,
    gifts: Arc<LedgerGifts>,
}

impl SocketPorts {
    pub(super) fn new(
        identity: Identity,
        edge: &Edge,
        rooms: Directory,
        gifts: Arc<LedgerGifts>,
        supervisor: &Supervisor,
    ) -> Self {
        let reads = edge.reads();
        let balances = Lookup::start("look-up of balances", supervisor, move |users: Vec<UserId>| {
            let reads = reads.clone();
            async move { ledger::wallet::balances_of(&mut *reads.conn().await?, &users).await }
        });
        Self { identity, edge: edge.clone(), balances, rooms, gifts }
    }
}

impl Rooms for SocketPorts {
    fn awake(&self, room: RoomId) -> Option<RoomHandle> {
        self.rooms.awake(room)
    }
}

impl Ports for SocketPorts {
    fn now(&self) -> Timestamp {
        self.edge.now()
    }

    fn chance(&self) -> &Chance {
        self.edge.chance()
    }

    fn named(&self, token: &str) -> PortFuture<Result<Named, ErrorBody>> {
        let (identity, token, now) = (self.identity.clone(), token.to_owned(), self.edge.now());
        let named = async move { identity.keys().verify_access(&token, now).await };
        named
            .map(|access| body(access.map(|Access { user, session, expires_at }| Named { user, session, expires_at })))
            .boxed()
    }

    fn sign_in(&self, named: Named) -> PortFuture<Result<SignedIn, ErrorBody>> {
        let (identity, balances) = (self.identity.clone(), self.balances.clone());
        let Named { user, session, expires_at } = named;
        let ask = async move {
            let standing = identity.standing(Access { user, session, expires_at });
            let (signed_in, balances) = tokio::try_join!(standing, balances.get(user))?;
            let balances = balances.ok_or_else(|| Error::new(ErrorCode::UserNotFound))?;
            Ok(SignedIn { session, user: signed_in.user, balances, expires_at })
        };
        ask.map(body).boxed()
    }

    fn verify_room_token(&self, token: String, room: RoomId, user: UserId) -> PortFuture<Result<(), ErrorBody>> {
        let (identity, now) = (self.identity.clone(), self.edge.now());
        async move { body(identity.keys().verify_room(&token, room, user, now).await) }.boxed()
    }

    fn wake(&self, room: RoomId) -> PortFuture<Result<RoomHandle, ErrorBody>> {
        let rooms = self.rooms.clone();
        async move { body(rooms.wake(room).await) }.boxed()
    }

    fn gifts_above(&self, room: RoomId, after: i64, limit: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>> {
        self.gifts.above(room, after, limit)
    }
}

/// Tells rooms which of their gifts were committed, and users how their balances changed. These are hints only: what is
/// lost here is found in the tables.
///
/// It runs until `until` is cancelled, or until the ledger's writer is gone.
pub(super) async fn announce(
    mut committed: mpsc::Receiver<Committed>,
    rooms: Directory,
    users: Users,
    until: CancellationToken,
) {
    while let Some(Some(batch)) = until.run_until_cancelled(committed.recv()).await {
        for (room, ledger::CommittedGifts { gifts, coins }) in batch.rooms {
            if let Some(handle) = rooms.awake(room) {
                handle.hint(CommittedGifts { gifts, coins });
            }
        }
        for (user, balance) in batch.balances {
            let frame = UserFrame::BalanceChanged {
                currency: balance.currency,
                amount: balance.amount,
                version: balance.version,
            };
            users.send(user, &frame).await;
        }
    }
    until.cancel();
}

/// Keeps users in one room at a time, also after a restart: a room whose checkpoint has a member who has joined another
/// room since is told to await them no longer.
///
/// It runs until `until` is cancelled, or until the register of rooms is gone.
pub(super) async fn keep_in_one_room(
    mut returned: mpsc::Receiver<Returned>,
    rooms: Directory,
    users: Users,
    until: CancellationToken,
) {
    while let Some(Some(Returned { user, room })) = until.run_until_cancelled(returned.recv()).await {
        if !users.returned(user, room)
            && let Some(handle) = rooms.awake(room)
            && handle.send(Request::Elsewhere { user }).is_err()
        {
            tracing::debug!(
                room.id = room.number(),
                "a busy room was not told that a user is in another room; their grace period ends by itself"
            );
        }
    }
    until.cancel();
}
