//! Random batches, compared with a model that does one order after the other, and several writers at once.

use std::cell::Cell;
use std::collections::HashMap;

use parlor_loadtests::proof::Run;
use parlor_protocol::{ErrorCode, Op};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use super::books::{Books, Sending};

const PRICES: [(i64, i64); 3] = [(1, 1), (3, 5), (8, 99)];

/// The price of a gift; `None` if there is no such gift.
fn price(gift: i64) -> Option<i64> {
    PRICES.iter().find(|(id, _)| *id == gift).map(|(_, price)| *price)
}

fn sendings() -> impl Strategy<Value = Vec<Sending>> {
    let to = proptest::sample::subsequence(vec![0_usize, 1, 2, 3], 1..=3);
    let gift = prop_oneof![4 => Just(1_i64), 4 => Just(3), 2 => Just(8), 1 => Just(99)];
    let one = (0_u128..120, 1_usize..4, gift, prop_oneof![Just(1_i64), Just(10)], to, 0_usize..2);
    let one = one.prop_map(|(op, from, gift, count, to, room)| Sending {
        op: Op(Uuid::from_u128(op)),
        from,
        room,
        gift,
        count,
        to,
    });
    vec(one, 1..200)
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Outcome {
    Paid { total: i64, balance: i64, gift_no: i64 },
    Refused(ErrorCode),
}

struct Model {
    coins: Vec<i64>,
    gift_nos: [i64; 2],
    answers: HashMap<(Op, usize), (Sending, Outcome)>,
}

impl Model {
    fn send(&mut self, sending: &Sending) -> (Outcome, bool) {
        if let Some((first, outcome)) = self.answers.get(&(sending.op, sending.from)) {
            let conflict = (Outcome::Refused(ErrorCode::OperationConflict), false);
            return if first == sending { (*outcome, true) } else { conflict };
        }
        let outcome = self.judge(sending);
        self.answers.insert((sending.op, sending.from), (sending.clone(), outcome));
        (outcome, false)
    }

    fn judge(&mut self, sending: &Sending) -> Outcome {
        if sending.to.contains(&sending.from) {
            return Outcome::Refused(ErrorCode::GiftToSelf);
        }
        let Some(price) = price(sending.gift) else { return Outcome::Refused(ErrorCode::GiftNotFound) };
        let total = price * sending.count * sending.to.len() as i64;
        if self.coins[sending.from] < total {
            return Outcome::Refused(ErrorCode::InsufficientFunds);
        }
        self.coins[sending.from] -= total;
        self.gift_nos[sending.room] += 1;
        Outcome::Paid { total, balance: self.coins[sending.from], gift_no: self.gift_nos[sending.room] }
    }
}

fn outcome(answer: super::books::Answer) -> (Outcome, bool) {
    match answer {
        Ok(paid) => {
            let outcome = Outcome::Paid { total: paid.total.0, balance: paid.balance.0, gift_no: paid.gift_no };
            (outcome, paid.replayed)
        }
        Err(error) => (Outcome::Refused(error.code), error.replayed),
    }
}

/// A writer that looked an operation up before it has the locks would find nothing, wait, and then answer a gift that was
/// paid with too few coins. This test meets that moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_meet_over_a_last_coin_give_one_answer() {
    let run = Run::of("last-coin");
    run.passes(async |rounds| meet_over_a_last_coin(&run, rounds).await).await;
}

async fn meet_over_a_last_coin(run: &Run, rounds: usize) {
    let mut coins = vec![1; rounds + 1];
    coins[0] = 0;
    let books = Books::with(&coins).await;
    let ledgers = [books.ledger.clone(), books.another_ledger(), books.another_ledger()];
    for sender in 1..=rounds {
        run.done(sender);
        let gift = super::books::sending(sender, 1, 1, &[0]);
        let answers = ledgers.iter().map(|ledger| books.submit_to(ledger, &gift, None)).collect::<Vec<_>>();
        let (mut receipts, mut firsts) = (Vec::new(), 0);
        for answer in answers {
            let paid = answer.await.expect("an answer").expect("paid, and told so by everybody");
            firsts += u32::from(!paid.replayed);
            receipts.push(paid.receipt);
        }
        assert!(firsts == 1 && receipts.iter().all(|receipt| *receipt == receipts[0]), "{receipts:?}");
    }
    books.assert_clean().await;
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Runs a test with random batches and wallets, as many as this proof has in this run; a failing case is shrunk.
fn hold<F>(run: &Run, put: impl Fn(Vec<Sending>, Vec<i64>) -> F)
where
    F: Future<Output = Result<(), TestCaseError>>,
{
    run.passes_at_once(|cases| {
        let (cases, source_file) = (u32::try_from(cases).expect("a number of cases"), Some(file!()));
        let config = ProptestConfig { cases, max_shrink_iters: 40, source_file, ..ProptestConfig::default() };
        let done = Cell::new(0);
        let held = TestRunner::new(config).run(&(sendings(), vec(0_i64..1_500, 4)), |(sendings, coins)| {
            done.set(done.get() + 1);
            run.done(done.get());
            block_on(put(sendings, coins))
        });
        held.unwrap_or_else(|failure| panic!("{failure}"));
    });
}

#[test]
fn batches_are_what_one_gift_after_the_other_would_be() {
    hold(&Run::of("batches"), one_after_the_other);
}

#[test]
fn several_writers_over_the_same_orders_are_exact() {
    hold(&Run::of("writers"), several_writers);
}

async fn one_after_the_other(sendings: Vec<Sending>, coins: Vec<i64>) -> Result<(), TestCaseError> {
    let books = Books::with(&coins).await;
    let mut model = Model { coins: coins.clone(), gift_nos: [0; 2], answers: HashMap::new() };
    let answers: Vec<_> = sendings.iter().map(|sending| books.submit(sending)).collect();
    for (sending, answer) in sendings.iter().zip(answers) {
        let answer = answer.await.expect("an answer");
        prop_assert_eq!(outcome(answer), model.send(sending), "{:?}", sending);
    }
    for (person, coins) in model.coins.iter().enumerate() {
        prop_assert_eq!(books.amounts(person).await.0, *coins);
    }
    let report = books.audit().await;
    prop_assert!(report.is_clean(), "{}", report);
    Ok(())
}

async fn several_writers(sendings: Vec<Sending>, coins: Vec<i64>) -> Result<(), TestCaseError> {
    let books = Books::with(&coins).await;
    let ledgers = [books.ledger.clone(), books.another_ledger(), books.another_ledger()];
    let mut answers: Vec<Vec<_>> = Vec::new();
    for sending in &sendings {
        answers.push(ledgers.iter().map(|ledger| books.submit_to(ledger, sending, None)).collect());
    }
    // Which of two bodies of one operation comes first is open, and who is dry then; what is
    // given, is given alike to all, and one of them is the first.
    let mut spent = HashMap::<usize, i64>::new();
    let mut firsts = HashMap::<(Op, usize), u32>::new();
    let mut given = HashMap::<(Op, usize), Outcome>::new();
    for (sending, answers) in sendings.iter().zip(answers) {
        for answer in answers {
            let (outcome, replayed) = outcome(answer.await.expect("an answer"));
            if outcome == Outcome::Refused(ErrorCode::OperationConflict) {
                continue;
            }
            let key = (sending.op, sending.from);
            prop_assert_eq!(*given.entry(key).or_insert(outcome), outcome);
            if !replayed {
                *firsts.entry(key).or_default() += 1;
                if let Outcome::Paid { total, .. } = outcome {
                    *spent.entry(sending.from).or_default() += total;
                }
            }
        }
    }
    prop_assert!(firsts.len() == given.len() && firsts.values().all(|count| *count == 1), "{:?}", firsts);
    for (person, coins) in coins.iter().enumerate() {
        prop_assert_eq!(books.amounts(person).await.0, coins - spent.get(&person).unwrap_or(&0));
    }
    let report = books.audit().await;
    prop_assert!(report.is_clean(), "{}", report);
    Ok(())
}
