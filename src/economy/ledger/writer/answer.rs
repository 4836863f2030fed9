//! What a committed batch says: to those who wait, and to those who announce. Pure.

use std::collections::HashMap;

use parlor_protocol::reply::{Balance, GiftReceipt};
use parlor_protocol::room::GiftLine;
use parlor_protocol::{Coins, Currency, ErrorBody, ErrorCode, RoomId};

use super::Pending;
use crate::economy::ledger::banner;
use crate::economy::ledger::chain::Transfer;
use crate::economy::ledger::judge::{Account, Books, Ruling, Verdict};
use crate::economy::ledger::order::{Committed, CommittedGifts, Intent, Receipt, Request, TransferReceipt};

/// A batch that is committed.
pub(super) struct Settled {
    /// One for each order, in their order.
    pub answers: Vec<Result<Receipt, ErrorBody>>,
    pub committed: Committed,
}

/// Turns the ruling into answers, and into what was committed.
pub(super) fn settled(batch: &[Pending], books: &Books, ruling: Ruling) -> Settled {
    let Ruling { verdicts, transfers, .. } = ruling;
    let mut answers: Vec<Result<Receipt, ErrorBody>> = Vec::with_capacity(verdicts.len());
    let mut rooms: Vec<(RoomId, CommittedGifts)> = Vec::new();
    let mut places: HashMap<RoomId, usize> = HashMap::new();
    for (pending, verdict) in batch.iter().zip(verdicts) {
        let request = &pending.order.request;
        let answer = match verdict {
            Verdict::Applied(index) => {
                let transfer = &transfers[index];
                if let (Intent::Gift(gift), Some(line)) = (&request.intent, line(request, transfer)) {
                    let place = *places.entry(gift.room).or_insert_with(|| {
                        rooms.push((gift.room, CommittedGifts::default()));
                        rooms.len() - 1
                    });
                    let (_, committed) = &mut rooms[place];
                    committed.coins = Coins(transfer.gift.as_ref().map_or(0, |part| part.room_coins));
                    committed.gifts.push(line);
                }
                Ok(receipt(request, transfer))
            }
            Verdict::Refused(error) | Verdict::Rejected(error) => Err(error),
            Verdict::Known(answer) => answer,
            Verdict::Repeated(first) => match answers.get(first).cloned() {
                Some(Ok(receipt)) => Ok(receipt.replayed()),
                Some(Err(error)) => Err(ErrorBody { replayed: true, ..error }),
                None => Err(ErrorCode::Internal.into()), // the first stands before its repetition
            },
        };
        answers.push(answer);
    }
    Settled { answers, committed: Committed { rooms, balances: balances(books) } }
}

fn line(request: &Request, transfer: &Transfer) -> Option<GiftLine> {
    let (Intent::Gift(gift), Some(part)) = (&request.intent, &transfer.gift) else { return None };
    let total = Coins(part.total());
    Some(GiftLine {
        gift_no: part.gift_no,
        receipt: transfer.id,
        at: transfer.at_us / 1_000,
        from: gift.sender.clone(),
        to: gift.receivers.clone().unwrap_or_default(),
        gift: gift.gift,
        count: gift.count,
        total,
        banner: banner(total),
    })
}

fn receipt(request: &Request, transfer: &Transfer) -> Receipt {
    let (receipt, at) = (transfer.id, transfer.at_us / 1_000);
    let balance = Coins(transfer.actor_balance);
    match (&request.intent, &transfer.gift) {
        (Intent::Gift(gift), Some(part)) => Receipt::Gift(GiftReceipt {
            receipt,
            gift_no: part.gift_no,
            at,
            gift: gift.gift,
            count: gift.count,
            to: gift.receivers.iter().flatten().map(|receiver| receiver.id).collect(),
            total: Coins(part.total()),
            balance,
            replayed: false,
        }),
        _ => {
            let amount = transfer.legs.iter().map(|leg| leg.amount).max().unwrap_or_default();
            Receipt::Transfer(TransferReceipt { receipt, at, amount: Coins(amount), balance, replayed: false })
        }
    }
}

/// The balances of users that the batch has changed.
fn balances(books: &Books) -> Vec<(parlor_protocol::UserId, Balance)> {
    let mut balances = Vec::new();
    for (user, wallet) in &books.names.wallets {
        for (currency, account) in [(Currency::Coin, wallet.coin), (Currency::Diamond, wallet.diamond)] {
            if let Some(Account { amount, xp, last_transfer, changed: true, .. }) = books.accounts.get(&account) {
                let exponent = currency.exponent();
                balances
                    .push((*user, Balance { currency, amount: *amount, xp: *xp, version: *last_transfer, exponent }));
            }
        }
    }
    balances
}
