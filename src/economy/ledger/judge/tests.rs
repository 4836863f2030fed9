//! The judgement against a model that does one thing after the other, and the waterfall by example.

use std::collections::{BTreeMap, HashMap};

use parlor_protocol::room::Person;
use parlor_protocol::{Coins, GiftId, RoomId, UserId};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::*;
use crate::economy::ledger::order::TransferReceipt;

const SYSTEM: System = System { coin_issuance: 1, promotion: 2, gift_revenue: 3, diamond_issuance: 4 };
const AGENCY: i64 = 5;
const AGENCY_BP: i32 = 700;
const USERS: i64 = 4;
/// Gift 1 costs 1, gift 2 is off, gift 3 costs 50 and brings XP times 1.2, gift 4 asks for VIP.
const PRICES: [i64; 4] = [1, 7, 50, 5];

fn user(index: i64) -> UserId {
    UserId::new(100_000_000 + index).expect("in range")
}

fn person(index: i64) -> Person {
    Person { id: user(index), name: format!("user {index}") }
}

fn room() -> RoomId {
    RoomId::new(900_000_000).expect("in range")
}

fn gift_id(id: i64) -> GiftId {
    GiftId::new(id).expect("in range")
}

/// The coin account of a user; the diamond account is the next.
fn coin(index: i64) -> i64 {
    10 + 2 * index
}

/// User 0 owns the room, user 3 is in the agency.
fn books(coins: &[i64]) -> Books {
    let mut names = Names { system: SYSTEM, ..Names::default() };
    let mut accounts = BTreeMap::new();
    for index in 0..USERS {
        let agency = (index == 3).then_some((AGENCY, AGENCY_BP));
        names.wallets.insert(user(index), Wallet { coin: coin(index), diamond: coin(index) + 1, agency });
        accounts.insert(coin(index), Account { amount: coins[index as usize], ..Account::default() });
        accounts.insert(coin(index) + 1, Account::default());
    }
    for (account, may_overdraw) in [(1, true), (2, false), (3, false), (4, true), (AGENCY, false)] {
        accounts.insert(account, Account { may_overdraw, ..Account::default() });
    }
    for (index, coins) in PRICES.into_iter().enumerate() {
        let id = index as i64 + 1;
        let (xp_bp, vip_level) = (if id == 3 { 12_000 } else { 10_000 }, if id == 4 { 3 } else { 0 });
        names.prices.insert(gift_id(id), Price { coins, xp_bp, enabled: id != 2, vip_level });
    }
    let rooms = BTreeMap::from([(room(), RoomTotal::default())]);
    Books { names, accounts, rooms, answered: HashMap::new() }
}

/// A wish as the property draws it.
#[derive(Clone, Debug)]
struct Wish {
    op: u8,
    sender: i64,
    gift: i64,
    count: i64,
    receivers: Vec<i64>,
    room_refuses: bool,
}

impl Wish {
    fn request(&self) -> Request {
        let body = format!("{} {} {:?}", self.gift, self.count, self.receivers);
        let hash = Sha256::digest(body.as_bytes());
        let receivers = if self.room_refuses {
            Err(ErrorCode::NotInRoom.into())
        } else {
            Ok(self.receivers.iter().copied().map(person).collect())
        };
        let gift = Gift {
            room: room(),
            owner: user(0),
            sender: person(self.sender),
            gift: gift_id(self.gift),
            count: self.count,
            receivers,
        };
        Request {
            op: Op(Uuid::from_u128(self.op.into())),
            actor: Actor::User(user(self.sender)),
            body_hash: hash[..16].try_into().expect("16 of 32 bytes"),
            intent: Intent::Gift(gift),
        }
    }
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let receivers = proptest::sample::subsequence(vec![0_i64, 1, 2, 3], 0..=3);
    let wish = (0_u8..30, 0..USERS, 1_i64..=5, prop_oneof![Just(1_i64), Just(10), Just(66)], receivers, 0_u8..12);
    let wish = wish.prop_map(|(op, sender, gift, count, receivers, luck)| Wish {
        op,
        sender,
        gift,
        count,
        receivers,
        room_refuses: luck == 0,
    });
    proptest::collection::vec(wish, 1..60)
}

/// What the model says of a wish.
#[derive(Clone, PartialEq, Debug)]
enum Outcome {
    Paid { total: i64, balance: i64, gift_no: i64 },
    Refused(ErrorCode),
}

/// One thing after the other, in the simplest words: coins, diamonds, answers.
#[derive(Default)]
struct Model {
    coins: Vec<i64>,
    wealth: Vec<i64>,
    diamonds: BTreeMap<i64, i64>,
    gift_no: i64,
    room_coins: i64,
    answers: HashMap<(u8, i64), ([u8; 16], Outcome)>,
}

impl Model {
    /// The outcome, and whether it was given before.
    fn send(&mut self, wish: &Wish) -> (Outcome, bool) {
        let hash = wish.request().body_hash;
        if let Some((first, outcome)) = self.answers.get(&(wish.op, wish.sender)) {
            let conflict = Outcome::Refused(ErrorCode::OperationConflict);
            return if *first == hash { (outcome.clone(), true) } else { (conflict, false) };
        }
        let outcome = self.judge(wish);
        self.answers.insert((wish.op, wish.sender), (hash, outcome.clone()));
        (outcome, false)
    }

    fn judge(&mut self, wish: &Wish) -> Outcome {
        let sender = wish.sender as usize;
        let refused = if wish.room_refuses {
            Some(ErrorCode::NotInRoom)
        } else if wish.receivers.is_empty() {
            Some(ErrorCode::NoReceivers)
        } else if wish.receivers.contains(&wish.sender) {
            Some(ErrorCode::GiftToSelf)
        } else if [2, 5].contains(&wish.gift) {
            Some(ErrorCode::GiftNotFound)
        } else if wish.gift == 4 {
            Some(ErrorCode::Forbidden)
        } else {
            None
        };
        if let Some(code) = refused {
            return Outcome::Refused(code);
        }
        let each = PRICES[wish.gift as usize - 1] * wish.count;
        let total = each * wish.receivers.len() as i64;
        if self.coins[sender] < total {
            return Outcome::Refused(ErrorCode::InsufficientFunds);
        }
        self.coins[sender] -= total;
        self.wealth[sender] += total * if wish.gift == 3 { 12_000 } else { 10_000 };
        for receiver in &wish.receivers {
            *self.diamonds.entry(coin(*receiver) + 1).or_default() += each * 10_000;
            if *receiver != 0 {
                *self.diamonds.entry(coin(0) + 1).or_default() += each * 500;
            }
            if *receiver == 3 {
                *self.diamonds.entry(AGENCY).or_default() += each * i64::from(AGENCY_BP);
            }
        }
        self.gift_no += 1;
        self.room_coins += total;
        Outcome::Paid { total, balance: self.coins[sender], gift_no: self.gift_no }
    }
}

fn stored(ruling: &Ruling, index: usize) -> Option<Result<Receipt, ErrorBody>> {
    match &ruling.verdicts[index] {
        Verdict::Applied(transfer) => Some(Ok(as_receipt(&ruling.transfers[*transfer]))),
        Verdict::Refused(error) => Some(Err(error.clone())),
        _ => None,
    }
}

fn as_receipt(transfer: &Transfer) -> Receipt {
    let part = transfer.gift.as_ref().expect("only gifts here");
    Receipt::Gift(parlor_protocol::reply::GiftReceipt {
        receipt: transfer.id,
        gift_no: part.gift_no,
        at: 0,
        gift: gift_id(part.gift),
        count: part.count,
        to: vec![],
        total: Coins(part.total()),
        balance: Coins(transfer.actor_balance),
        replayed: false,
    })
}

/// The outcome of a request of a ruling, and whether it was given before.
fn outcome(ruling: &Ruling, index: usize) -> (Outcome, bool) {
    let paid = |receipt: Receipt| match receipt {
        Receipt::Gift(gift) => Outcome::Paid { total: gift.total.0, balance: gift.balance.0, gift_no: gift.gift_no },
        Receipt::Transfer(_) => panic!("only gifts here"),
    };
    match &ruling.verdicts[index] {
        Verdict::Applied(transfer) => (paid(as_receipt(&ruling.transfers[*transfer])), false),
        Verdict::Refused(error) | Verdict::Rejected(error) => (Outcome::Refused(error.code), false),
        Verdict::Known(Ok(receipt)) => (paid(receipt.clone()), true),
        Verdict::Known(Err(error)) => (Outcome::Refused(error.code), true),
        Verdict::Repeated(first) => (outcome(ruling, *first).0, true),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn batches_come_to_what_one_thing_after_the_other_comes_to(
        wishes in wishes(),
        coins in proptest::collection::vec(0_i64..800, USERS as usize),
        batch in 1_usize..20,
    ) {
        let mut model = Model { coins: coins.clone(), wealth: vec![0; USERS as usize], ..Model::default() };
        let mut books = books(&coins);
        let mut heads: HashMap<i64, i64> = HashMap::new();
        for (number, part) in wishes.chunks(batch).enumerate() {
            let requests: Vec<Request> = part.iter().map(Wish::request).collect();
            let ruling = judge(&mut books, requests.iter(), number as i64 * 512 + 1, 0);
            for (index, wish) in part.iter().enumerate() {
                prop_assert_eq!(outcome(&ruling, index), model.send(wish), "{:?}", wish);
                if let Some(answer) = stored(&ruling, index) {
                    let key = (requests[index].op, coin(wish.sender));
                    books.answered.insert(key, Answered { body_hash: requests[index].body_hash, answer });
                }
            }
            prop_assert_eq!(
                ruling.refusals.len(),
                ruling.verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Refused(_))).count()
            );
            for transfer in &ruling.transfers {
                for currency in [1, 2] {
                    let legs = transfer.legs.iter().filter(|leg| leg.currency == currency);
                    prop_assert_eq!(legs.map(|leg| leg.amount).sum::<i64>(), 0);
                }
                prop_assert!(transfer.legs.windows(2).all(|pair| pair[0].account < pair[1].account));
                for leg in &transfer.legs {
                    prop_assert_eq!(leg.previous, heads.insert(leg.account, transfer.id).unwrap_or(0));
                }
            }
        }
        for index in 0..USERS {
            let wallet = books.accounts[&coin(index)];
            prop_assert_eq!((wallet.amount, wallet.xp), (model.coins[index as usize], model.wealth[index as usize]));
        }
        for account in (0..USERS).map(|index| coin(index) + 1).chain([AGENCY]) {
            let diamonds = model.diamonds.get(&account).copied().unwrap_or(0);
            prop_assert_eq!((books.accounts[&account].amount, books.accounts[&account].xp), (diamonds, diamonds));
        }
        let total = books.rooms[&room()];
        prop_assert_eq!((total.gift_no, total.coins), (model.gift_no, model.room_coins));
    }
}

fn one(books: &mut Books, request: &Request) -> Ruling {
    judge(books, std::iter::once(request), 1, 0)
}

fn wish(sender: i64, gift: i64, count: i64, receivers: &[i64]) -> Wish {
    Wish { op: 0, sender, gift, count, receivers: receivers.into(), room_refuses: false }
}

#[test]
fn owner_who_receives_gets_no_share_on_top_and_owner_who_sends_does() {
    let mut books = books(&[100, 100, 0, 0]);
    one(&mut books, &wish(1, 3, 1, &[0]).request());
    assert_eq!(books.accounts[&(coin(0) + 1)].amount, 500_000);
    let sent = Wish { op: 1, ..wish(0, 3, 1, &[2]) };
    judge(&mut books, std::iter::once(&sent.request()), 2, 0);
    assert_eq!(books.accounts[&(coin(0) + 1)].amount, 525_000);
}

#[test]
fn refusal_that_may_pass_is_not_stored() {
    let mut books = books(&[100; 4]);
    let mut request = wish(1, 1, 1, &[2]).request();
    if let Intent::Gift(gift) = &mut request.intent {
        gift.receivers = Err(ErrorCode::RoomPaused.into());
    }
    let ruling = one(&mut books, &request);
    assert_eq!(ruling.verdicts, [Verdict::Rejected(ErrorCode::RoomPaused.into())]);
    assert!(ruling.refusals.is_empty());
}

#[test]
fn insufficient_funds_say_balance_and_shortfall() {
    let mut books = books(&[0, 30, 0, 0]);
    let ruling = one(&mut books, &wish(1, 3, 1, &[2]).request());
    assert_eq!(ruling.verdicts, [Verdict::Refused(ErrorBody::insufficient_funds(30, 20))]);
}

#[test]
fn amounts_beyond_the_range_change_nothing() {
    let mut books = books(&[LIMIT, LIMIT, 0, 0]);
    books.accounts.get_mut(&(coin(2) + 1)).expect("exists").amount = LIMIT;
    for count in [1, i64::MAX / 40, i64::MAX] {
        let before = books.accounts.clone();
        let ruling = one(&mut books, &wish(1, 3, count, &[2]).request());
        assert_eq!(ruling.verdicts, [Verdict::Refused(ErrorCode::AmountOutOfRange.into())], "{count}");
        assert_eq!(books.accounts, before);
    }
    let ruling = one(&mut books, &wish(1, 3, -1, &[3]).request());
    assert!(matches!(&ruling.verdicts[0], Verdict::Rejected(error) if error.code == ErrorCode::BadRequest));
}

#[test]
fn operation_of_a_grant_cannot_be_a_gift() {
    let mut books = books(&[100; 4]);
    let request = wish(1, 1, 1, &[2]).request();
    let receipt = TransferReceipt { receipt: 1, at: 0, amount: Coins(1), balance: Coins(1), replayed: false };
    let answer = Answered { body_hash: request.body_hash, answer: Ok(Receipt::Transfer(receipt)) };
    books.answered.insert((request.op, coin(1)), answer);
    assert_eq!(one(&mut books, &request).verdicts, [conflict()]);
}

#[test]
fn empty_promotion_account_is_no_last_word() {
    let mut books = books(&[0; 4]);
    let grant = Grant { to: user(1), amount: Coins(5) };
    let request = Request { intent: Intent::Grant(grant), ..wish(1, 1, 1, &[2]).request() };
    assert!(matches!(&one(&mut books, &request).verdicts[0],
        Verdict::Rejected(error) if error.code == ErrorCode::InsufficientFunds));
    books.accounts.get_mut(&SYSTEM.promotion).expect("exists").amount = 5;
    assert_eq!(one(&mut books, &request).verdicts, [Verdict::Applied(0)]);
    assert_eq!(books.accounts[&coin(1)].amount, 5);
}
