//! A kind of posting with faults of its own takes no other order down, and not the writer either.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use parlor::economy::kinds;
use parlor::economy::ledger::posting::{
    Authority, Bytes, Denial, Kind, Leg, Locks, Names, Posted, Reading, Stored, System, Transfer, View, Viewer, Words,
    move_coins,
};
use parlor::economy::ledger::{By, Committed, Ledger, Settings, TransferReceipt, audit};
use parlor::kit::operation::Operation;
use parlor_protocol::{ErrorBody, ErrorCode, Op, UserId};
use sqlx::PgConnection;

use super::books::{Books, HEART, op, sending};
use crate::support::log;

/// Where one coin for the house goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dose {
    Harmless,
    /// Before any lock.
    Read,
    Judge,
    /// In memory, once the legs stand.
    Posted,
    /// In its own rows, before it asks anything of the store.
    Write,
    /// In its own rows, while the store waits for the rest of the transaction.
    WriteHalf,
    /// Its own statement fails.
    Statement,
    /// Behind the commit: in what others are told.
    Committed,
    /// Behind the commit: in its answer.
    Receipt,
}

/// The kind. Its detail is whether its receipt is one that panics.
#[derive(Debug)]
struct Poison;

impl Kind for Poison {
    const NUMBER: i16 = 901;
    const NAME: &'static str = "poison";
    const AUTHORITIES: &'static [Authority] = &[Authority::User];

    type Order = Dose;
    type Detail = i64;
    type Receipt = TransferReceipt;
    type State = ();
    type Audit = ();

    fn users(_: &Dose, _: &mut BTreeSet<UserId>) {}

    async fn read(&self, _: &mut PgConnection, doses: &[&Dose], _: &mut Names, (): &mut ()) -> sqlx::Result<()> {
        assert!(!doses.contains(&&Dose::Read), "poison read");
        Ok(())
    }

    fn accounts(&self, _: &Dose, names: &Names, (): &(), accounts: &mut Locks) {
        accounts.insert(names.system.account("promotion"));
    }

    fn judge(&self, dose: &Dose, _: &View<'_>, (): &()) -> Result<i64, Denial> {
        assert_ne!(*dose, Dose::Judge, "poison judged");
        Ok((*dose == Dose::Receipt).into())
    }

    fn legs(system: &System, actor: i64, _: &i64) -> Option<Vec<Leg>> {
        move_coins(actor, system.account("promotion"), 1)
    }

    fn stored(detail: i64) -> Stored {
        let bytes = Words::default().number(detail).into_bytes();
        Stored { detail: Some(Bytes { version: 1, bytes }), ..Stored::default() }
    }

    fn recalled(row: &Transfer) -> Option<i64> {
        Reading::of(&row.stored.detail.as_ref()?.bytes).number()
    }

    fn posted(&self, dose: &Dose, _: &Transfer, (): &mut ()) {
        assert_ne!(*dose, Dose::Posted, "poison posted");
    }

    async fn write(&self, connection: &mut PgConnection, posted: &[(&Dose, &Transfer)], (): &()) -> sqlx::Result<()> {
        for (dose, _) in posted {
            match dose {
                Dose::Write => panic!("poison written"),
                Dose::WriteHalf => {
                    sqlx::query("select 1").execute(&mut *connection).await?;
                    panic!("poison half written");
                }
                Dose::Statement => {
                    sqlx::query("select 1 / 0").execute(&mut *connection).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn committed(&self, posted: &[(&Dose, &Transfer)], _: &mut Committed) {
        assert!(posted.iter().all(|(dose, _)| **dose != Dose::Committed), "poison told");
    }

    fn receipt(posted: Posted<'_>) -> Option<TransferReceipt> {
        assert_eq!(Self::recalled(posted.row), Some(0), "poison answered");
        Some(TransferReceipt::of(posted))
    }

    fn entry(_: Posted<'_>, _: Viewer) -> Option<(&'static str, serde_json::Value)> {
        None
    }
}

async fn take(books: &Books, ledger: &Ledger, op: Op, dose: Dose) -> Result<TransferReceipt, ErrorBody> {
    let operation = Operation::of_words(op, books.people[1].id, "a dose");
    ledger.post::<Poison>(operation, By::User, dose).await
}

#[tokio::test]
async fn an_order_whose_kind_panics_or_fails_is_answered_and_all_others_of_its_batch_are_done() {
    let mut books = Books::with(&[0, 1_000, 1_000]).await;
    let (hints, _keep) = tokio::sync::mpsc::channel(1_000);
    let settings = Settings::default();
    let ledger =
        Ledger::start(books.database.writer(), "poisoned", &settings, kinds().with(Poison), hints, &books.supervisor);
    let mut paid = 0;
    for dose in [Dose::Read, Dose::Judge, Dose::Posted, Dose::Write, Dose::WriteHalf, Dose::Statement] {
        let (log, _listening) = log::listen();
        let doses: Vec<_> = (0..60).map(|n| (op(), if n % 25 == 13 { dose } else { Dose::Harmless })).collect();
        let gifts: Vec<_> = (0..20).map(|_| sending(2, HEART, 1, &[0])).collect();
        // One future makes them all, so that they wait in one queue: among them gifts, which know nothing of it.
        let sent = gifts.iter().map(|gift| books.submit_to(&ledger, gift, None)).collect::<Vec<_>>();
        let answers = join_all(doses.iter().map(|(op, dose)| take(&books, &ledger, *op, *dose))).await;
        for ((op, dose), answer) in doses.iter().zip(answers) {
            if *dose == Dose::Harmless {
                assert!(!answer.expect("paid").replayed);
                paid += 1;
            } else {
                assert_eq!(answer.expect_err("it cannot be done").code, ErrorCode::Internal);
                // Nothing of it is stored: once the kind is mended, the same operation is done.
                assert!(!take(&books, &ledger, *op, Dose::Harmless).await.expect("mended").replayed);
                paid += 1;
            }
        }
        for gift in sent {
            assert!(!gift.await.expect("an answer").expect("paid").replayed);
        }
        let named =
            log.text().lines().filter(|line| line.contains("ERROR") && line.contains("kind=\"poison\"")).count();
        assert_eq!(named, 2, "{dose:?}: each of the two is named with its kind: {}", log.text());
        assert!(ledger.is_well(), "{dose:?}");
    }
    assert_eq!(books.amounts(1).await.0, 1_000 - paid);
    assert_eq!(books.amounts(2).await.0, 1_000 - 6 * 20 * 5);

    // Behind the commit there is nothing to take back: the coin is paid once, and only what is said of it fails.
    let told = op();
    assert!(!take(&books, &ledger, told, Dose::Committed).await.expect("paid, and nobody told").replayed);
    let (mute, receipt) = (op(), Dose::Receipt);
    for _ in 0..2 {
        let answer = take(&books, &ledger, mute, receipt).await;
        assert_eq!(answer.expect_err("it makes no answer").code, ErrorCode::Internal);
    }
    assert_eq!(books.amounts(1).await.0, 1_000 - paid - 2);
    assert_eq!(books.supervisor.failure(), None, "the server goes on");
    books.drain_hints();

    let mut connection = books.database.audit.acquire().await.expect("the auditor's connection");
    let report = audit::audit(&mut connection, audit::Plan::of(&kinds().with(Poison))).await.expect("an audit").report;
    assert!(report.is_clean(), "{report}");
}
