//! The money operations of the kill storm: gifts, transfers and coin requests, each repeated with one operation until its
//! answer is final.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Method;
use parlor_loadtests::rest;
use parlor_loadtests::user::User;
use parlor_protocol::command::{Recipients, SendGift};
use parlor_protocol::{Command, GiftId, Op, RoomId, UserId};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::time::moment;

/// How long one answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// The coins of a transfer: the least that one may move.
pub(super) const TRANSFER: i64 = 10;
/// The coins of a coin request: the least that one may ask for.
pub(super) const REQUEST: i64 = 70;

/// A way of moving money, with its number in the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Act {
    Gift = 1,
    Transfer = 5,
    CoinRequest = 6,
}

impl Act {
    /// The operation of this turn: every second one is a gift, the others are transfers and coin requests.
    pub(super) fn of_turn(turn: usize) -> Self {
        match turn % 4 {
            1 => Self::Transfer,
            3 => Self::CoinRequest,
            _ => Self::Gift,
        }
    }

    /// How many of the first `turns` turns are of this kind.
    pub(super) fn among(self, turns: usize) -> i64 {
        (0..turns).filter(|turn| Self::of_turn(*turn) == self).count() as i64
    }
}

/// An operation that was done, and its receipt.
pub(super) struct Paid {
    pub(super) act: Act,
    pub(super) op: Op,
    pub(super) receipt: i64,
}

/// The people in one sender's operations.
#[derive(Clone)]
pub(super) struct Parties {
    pub(super) address: SocketAddr,
    pub(super) room: RoomId,
    /// Receives gifts.
    pub(super) receiver: UserId,
    /// Receives transfers.
    pub(super) friend: UserId,
    /// Is asked for coins, and approves.
    pub(super) reseller: (UserId, String),
}

impl Parties {
    /// Does the operation of this turn until its answer is final.
    pub(super) async fn take_turn(&self, sender: &mut User, turn: usize) -> Paid {
        let (act, op) = (Act::of_turn(turn), Op(Uuid::now_v7()));
        let answer = match act {
            Act::Gift => {
                let gift = GiftId::new(1).expect("the Rose");
                let to = Recipients::Users(vec![self.receiver]);
                let gift = Command::GiftSend(SendGift { room: self.room, gift, count: 1, to });
                sender.insist(op, &gift, PATIENCE).await.expect("a receipt")
            }
            Act::Transfer => {
                let body = json!({"to": self.friend, "amount": TRANSFER});
                self.insist(op, "/v1/wallet/transfers", sender.access(), &body).await
            }
            Act::CoinRequest => {
                let body = json!({"reseller": self.reseller.0, "amount": REQUEST});
                let asked = self.insist(Op(Uuid::now_v7()), "/v1/coin-requests", sender.access(), &body).await;
                let path = format!("/v1/coin-requests/{}/approval", asked["id"]);
                // The reseller taps twice: the same operation is sent twice at the same time.
                let approve = || self.insist(op, &path, &self.reseller.1, &Value::Null);
                let (one, other) = tokio::join!(approve(), approve());
                assert_eq!(one["receipt"], other["receipt"], "one outcome of one operation");
                one
            }
        };
        Paid { act, op, receipt: answer["receipt"].as_i64().expect("a receipt") }
    }

    /// Repeats a call with one operation until the answer is final, through lost connections, restarts and overload.
    async fn insist(&self, op: Op, path: &str, token: &str, body: &Value) -> Value {
        let body = (!body.is_null()).then_some(body);
        let tries = async {
            loop {
                let answer = rest::call_as(Some(op), self.address, Method::POST, path, Some(token), body).await;
                match answer {
                    Ok((status, answer)) if status.is_success() => return answer,
                    Ok((status, answer)) if !status.is_server_error() && status != 429 => {
                        panic!("{path}: {status} {answer}")
                    }
                    // A retry without a pause would only fail again.
                    Ok(_) | Err(_) => moment(30..70).await,
                }
            }
        };
        timeout(PATIENCE, tries).await.unwrap_or_else(|_| panic!("{path}: no final answer"))
    }
}
