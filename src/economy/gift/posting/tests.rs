//! Tests of the judgement against a model that handles one order after the other, and of the waterfall by examples.

use std::collections::{BTreeMap, HashMap};

use parlor_protocol::room::Person;
use parlor_protocol::{Coins, GiftId, Op, RoomId, UserId};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::*;
use crate::economy;
use crate::economy::ledger::judge::{Answered, Books, Parts, Ruling, Verdict, judge};
use crate::economy::ledger::posting::{Account, Kinds, Wallet};
use crate::economy::ledger::{By, Order};
use crate::economy::promotion::{Grant, Grants};
use crate::kit::operation::Operation;

const PROMOTION: i64 = 2;
const AGENCY: i64 = 5;
const AGENCY_BP: i64 = 700;
const USERS: i64 = 4;
/// The prices of gifts 1 to 4. Gift 2 is off, gift 3 gives 1.2 times the experience, and gift 4 needs a VIP level.
const PRICES: [i64; 4] = [1, 7, 50, 5];

fn user(index: i64) -> UserId {
    UserId::new(100_000_000 + index).expect("in range")
}

fn person(index: i64) -> Person {
    Person::named(user(index), format!("user {index}"))
}

fn room() -> RoomId {
    RoomId::new(900_000_000).expect("in range")
}

fn gift_id(id: i64) -> GiftId {
    GiftId::new(id).expect("in range")
}

/// The coin account of a user; the diamond account has the next number.
fn coin(index: i64) -> i64 {
    10 + 2 * index
}

/// The books and the gifts' own rows, kept from batch to batch as the database would.
struct World {
    kinds: Kinds,
    books: Books,
    state: State,
}

/// A world with these coins in the users' wallets. User 0 owns the room, and user 3 is in the agency.
fn world(coins: &[i64]) -> World {
    let names = ["coin_issuance", "promotion", "gift_revenue", "diamond_issuance"];
    let system = System::of(names.map(str::to_owned).into_iter().zip(1..));
    let mut names = Names { system, ..Names::default() };
    let mut accounts = BTreeMap::new();
    let mut state = State { rooms: BTreeMap::from([(room(), RoomTotal::default())]), ..State::default() };
    for index in 0..USERS {
        names.wallets.insert(user(index), Wallet { coin: coin(index), diamond: coin(index) + 1 });
        accounts.insert(coin(index), Account { amount: coins[index as usize], ..Account::default() });
        accounts.insert(coin(index) + 1, Account::default());
    }
    state.agencies.insert(user(3), Agency { account: AGENCY, version: 1, rate_bp: AGENCY_BP });
    for (account, may_overdraw) in [(1, true), (PROMOTION, false), (3, false), (4, true), (AGENCY, false)] {
        accounts.insert(account, Account { may_overdraw, ..Account::default() });
    }
    for (index, coins) in PRICES.into_iter().enumerate() {
        let id = index as i64 + 1;
        let (xp_bp, vip_level) = (if id == 3 { 12_000 } else { 10_000 }, if id == 4 { 3 } else { 0 });
        state.prices.insert(gift_id(id), Price { version: 1, coins, xp_bp, enabled: id != 2, vip_level });
    }
    World { kinds: economy::kinds(), books: Books { names, accounts, answered: HashMap::new() }, state }
}

impl World {
    fn judge(&mut self, orders: &[Order], first_id: i64) -> Ruling {
        let requests = || orders.iter().map(|order| &order.request);
        let mut parts = Parts::of(&self.kinds, requests());
        if let Some(state) = parts.state(Gifts::NUMBER) {
            *state = self.state.clone();
        }
        let ruling = judge(&mut self.books, &mut parts, requests(), first_id, 0);
        if let Some(state) = parts.state::<State>(Gifts::NUMBER) {
            self.state = state.clone();
        }
        ruling
    }

    fn amount(&self, account: i64) -> i64 {
        self.books.accounts[&account].amount
    }
}

/// An order to send a gift, as the property test draws it.
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
    fn hash(&self) -> [u8; 16] {
        let body = format!("{} {} {:?}", self.gift, self.count, self.receivers);
        Sha256::digest(body.as_bytes())[..16].try_into().expect("16 of 32 bytes")
    }

    fn operation(&self) -> Operation {
        Operation { op: Op(Uuid::from_u128(self.op.into())), actor: user(self.sender), body_hash: self.hash() }
    }

    fn gift(&self) -> Gift {
        let receivers = if self.room_refuses {
            Err(ErrorCode::NotInRoom.into())
        } else {
            Ok(self.receivers.iter().copied().map(person).collect())
        };
        let (gift, sender) = (gift_id(self.gift), person(self.sender));
        Gift { room: room(), owner: user(0), sender, gift, count: self.count, receivers }
    }

    fn order(&self) -> Order {
        order(self.operation(), self.gift())
    }
}

fn order(operation: Operation, gift: Gift) -> Order {
    Order::new::<Gifts>(operation, By::User, gift, tokio::sync::oneshot::channel().0)
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

/// The model's outcome of a wish.
#[derive(Clone, PartialEq, Debug)]
enum Outcome {
    Paid { total: i64, balance: i64, gift_no: i64 },
    Refused(ErrorCode),
}

/// The model: it handles one wish after the other, as simply as possible, and knows coins, diamonds and answers.
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
    /// The outcome of a wish, and whether it is an earlier answer given again.
    fn send(&mut self, wish: &Wish) -> (Outcome, bool) {
        let hash = wish.hash();
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
                *self.diamonds.entry(AGENCY).or_default() += each * AGENCY_BP;
            }
        }
        self.gift_no += 1;
        self.room_coins += total;
        Outcome::Paid { total, balance: self.coins[sender], gift_no: self.gift_no }
    }
}

fn stored(ruling: &Ruling, index: usize) -> Option<Result<Box<Transfer>, ErrorBody>> {
    match &ruling.verdicts[index] {
        Verdict::Applied(transfer) => Some(Ok(Box::new(ruling.transfers[*transfer].clone()))),
        Verdict::Refused(error) => Some(Err(error.clone())),
        _ => None,
    }
}

/// The outcome of a request of a ruling, and whether it is an earlier answer given again.
fn outcome(ruling: &Ruling, index: usize) -> (Outcome, bool) {
    let paid = |row: &Transfer| {
        let line = row.stored.line.as_ref().expect("only gifts here");
        Outcome::Paid { total: line.total(), balance: row.actor_balance, gift_no: line.number }
    };
    match &ruling.verdicts[index] {
        Verdict::Applied(transfer) => (paid(&ruling.transfers[*transfer]), false),
        Verdict::Refused(error) | Verdict::Rejected(error) => (Outcome::Refused(error.code), false),
        Verdict::Known(Ok(row)) => (paid(row), true),
        Verdict::Known(Err(error)) => (Outcome::Refused(error.code), true),
        Verdict::Repeated(first) => (outcome(ruling, *first).0, true),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn batches_give_the_same_results_as_one_order_after_the_other(
        wishes in wishes(),
        coins in proptest::collection::vec(0_i64..800, USERS as usize),
        batch in 1_usize..20,
    ) {
        let mut model = Model { coins: coins.clone(), wealth: vec![0; USERS as usize], ..Model::default() };
        let mut world = world(&coins);
        let mut heads: HashMap<i64, i64> = HashMap::new();
        for (number, part) in wishes.chunks(batch).enumerate() {
            let orders: Vec<Order> = part.iter().map(Wish::order).collect();
            let ruling = world.judge(&orders, number as i64 * 512 + 1);
            for (index, wish) in part.iter().enumerate() {
                prop_assert_eq!(outcome(&ruling, index), model.send(wish), "{:?}", wish);
                if let Some(answer) = stored(&ruling, index) {
                    let key = (wish.operation().op, coin(wish.sender));
                    world.books.answered.insert(key, Answered { body_hash: wish.hash(), answer });
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
                // The detail alone gives the same legs again, as in the audit.
                let mut flaws = Flaws::default();
                let recalled = Gifts::recalled(transfer).expect("a gift's detail");
                let system = &world.books.names.system;
                flaws.compare(transfer, Gifts::legs(system, transfer.actor, &recalled).as_deref());
                prop_assert!(flaws.is_empty(), "{:?}", flaws);
                prop_assert_eq!(&Gifts::stored(recalled), &transfer.stored);
                for leg in &transfer.legs {
                    prop_assert_eq!(leg.previous, heads.insert(leg.account, transfer.id).unwrap_or(0));
                }
            }
        }
        for index in 0..USERS {
            let wallet = world.books.accounts[&coin(index)];
            prop_assert_eq!((wallet.amount, wallet.xp), (model.coins[index as usize], model.wealth[index as usize]));
        }
        for account in (0..USERS).map(|index| coin(index) + 1).chain([AGENCY]) {
            let diamonds = model.diamonds.get(&account).copied().unwrap_or(0);
            let held = world.books.accounts[&account];
            prop_assert_eq!((held.amount, held.xp), (diamonds, diamonds));
        }
        let total = world.state.rooms[&room()];
        prop_assert_eq!((total.gift_no, total.coins), (model.gift_no, model.room_coins));
    }
}

fn wish(sender: i64, gift: i64, count: i64, receivers: &[i64]) -> Wish {
    Wish { op: 0, sender, gift, count, receivers: receivers.into(), room_refuses: false }
}

#[test]
fn an_owner_who_receives_gets_no_owners_share_and_an_owner_who_sends_does() {
    let mut world = world(&[100, 100, 0, 0]);
    world.judge(&[wish(1, 3, 1, &[0]).order()], 1);
    assert_eq!(world.amount(coin(0) + 1), 500_000);
    let sent = Wish { op: 1, ..wish(0, 3, 1, &[2]) };
    world.judge(&[sent.order()], 2);
    assert_eq!(world.amount(coin(0) + 1), 525_000);
}

#[test]
fn refusal_that_may_pass_is_not_stored() {
    let wish = wish(1, 1, 1, &[2]);
    let gift = Gift { receivers: Err(ErrorCode::RoomPaused.into()), ..wish.gift() };
    let ruling = world(&[100; 4]).judge(&[order(wish.operation(), gift)], 1);
    assert_eq!(ruling.verdicts, [Verdict::Rejected(ErrorCode::RoomPaused.into())]);
    assert!(ruling.refusals.is_empty());
}

#[test]
fn insufficient_funds_say_balance_and_shortfall() {
    let ruling = world(&[0, 30, 0, 0]).judge(&[wish(1, 3, 1, &[2]).order()], 1);
    assert_eq!(ruling.verdicts, [Verdict::Refused(ErrorBody::insufficient_funds(30, 20))]);
}

#[test]
fn amounts_beyond_the_range_change_nothing() {
    let mut world = world(&[LIMIT, LIMIT, 0, 0]);
    world.books.accounts.get_mut(&(coin(2) + 1)).expect("exists").amount = LIMIT;
    for count in [1, i64::MAX / 40, i64::MAX] {
        let before = world.books.accounts.clone();
        let ruling = world.judge(&[wish(1, 3, count, &[2]).order()], 1);
        assert_eq!(ruling.verdicts, [Verdict::Refused(ErrorCode::AmountOutOfRange.into())], "{count}");
        assert_eq!(world.books.accounts, before);
    }
    let ruling = world.judge(&[wish(1, 3, -1, &[3]).order()], 1);
    assert!(matches!(&ruling.verdicts[0], Verdict::Rejected(error) if error.code == ErrorCode::BadRequest));
}

fn granted(amount: i64, by: By) -> Order {
    let grant = Grant { to: user(1), amount: Coins(amount) };
    Order::new::<Grants>(wish(1, 1, 1, &[2]).operation(), by, grant, tokio::sync::oneshot::channel().0)
}

#[test]
fn operation_of_a_grant_cannot_be_a_gift() {
    let mut world = world(&[100; 4]);
    world.books.accounts.get_mut(&PROMOTION).expect("exists").amount = 5;
    let conflict = Verdict::Rejected(ErrorCode::OperationConflict.into());
    let orders = [granted(5, By::System), wish(1, 1, 1, &[2]).order()];
    let ruling = world.judge(&orders, 1);
    assert_eq!(ruling.verdicts, [Verdict::Applied(0), conflict.clone()], "in one batch");
    let answer = Ok(Box::new(ruling.transfers[0].clone()));
    let operation = wish(1, 1, 1, &[2]).operation();
    world.books.answered.insert((operation.op, coin(1)), Answered { body_hash: operation.body_hash, answer });
    assert_eq!(world.judge(&orders[1..], 2).verdicts, [conflict], "in a later one");
}

#[test]
fn a_refusal_because_the_promotion_account_is_empty_is_not_stored() {
    let mut world = world(&[0; 4]);
    assert!(matches!(&world.judge(&[granted(5, By::System)], 1).verdicts[0],
        Verdict::Rejected(error) if error.code == ErrorCode::InsufficientFunds));
    world.books.accounts.get_mut(&PROMOTION).expect("exists").amount = 5;
    assert_eq!(world.judge(&[granted(5, By::System)], 1).verdicts, [Verdict::Applied(0)]);
    assert_eq!(world.amount(coin(1)), 5);
}

#[test]
fn a_user_cannot_grant_coins() {
    let mut world = world(&[0; 4]);
    world.books.accounts.get_mut(&PROMOTION).expect("exists").amount = 5;
    let ruling = world.judge(&[granted(5, By::User)], 1);
    assert!(matches!(&ruling.verdicts[0], Verdict::Rejected(error) if error.code == ErrorCode::Forbidden));
    assert_eq!(world.amount(coin(1)), 0);
}
