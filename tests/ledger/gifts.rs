//! What a gift costs the sender and brings the receivers, once, however often it is sent.

use parlor::economy::promotion::{self, Grant};
use parlor::kit::operation::Operation;
use parlor_protocol::room::Banner;
use parlor_protocol::{Coins, Currency, ErrorBody, ErrorCode};

use super::books::{Books, HEART, RAINBOW, ROSE, Sending, op, sending};

#[tokio::test]
async fn gift_pays_receiver_owner_and_agency() {
    let mut books = Books::with(&[0, 1_000, 0, 0]).await;
    let receipt = books.send(&sending(1, RAINBOW, 1, &[2, 3])).await.expect("paid");
    assert_eq!((receipt.gift_no, receipt.total, receipt.balance), (1, Coins(198), Coins(802)));
    assert_eq!(receipt.to, [books.people[2].id, books.people[3].id]);
    assert!(!receipt.replayed);

    assert_eq!(books.amounts(1).await, (802, 0));
    assert_eq!(books.amounts(0).await, (0, 2 * 99 * 500), "the owner's share of both");
    assert_eq!(books.amounts(2).await, (0, 990_000));
    assert_eq!(books.amounts(3).await, (0, 990_000));
    assert_eq!(agency(&books).await, 99 * 500);
    assert_eq!(books.balances(1).await[0].xp, 198 * 10_000);
    assert_eq!(books.balances(2).await[1].xp, 990_000);

    let hints = books.drain_hints();
    let (room, gifts) = &hints[0].rooms[0];
    assert_eq!((*room, gifts.coins, gifts.gifts[0].gift_no), (books.rooms[0], Coins(198), 1));
    let balances = &hints[0].balances;
    let sender =
        balances.iter().find(|(user, balance)| *user == books.people[1].id && balance.currency == Currency::Coin);
    assert_eq!(sender.map(|(_, balance)| (balance.amount, balance.version)), Some((802, receipt.receipt)));
    assert_eq!(balances.len(), 4, "sender, owner, two receivers");
    books.assert_clean().await;
}

#[tokio::test]
async fn receiving_owner_gets_no_share_on_top() {
    let books = Books::with(&[0, 100, 0]).await;
    books.send(&sending(1, HEART, 1, &[0])).await.expect("paid");
    assert_eq!(books.amounts(0).await, (0, 50_000));
    books.assert_clean().await;
}

#[tokio::test]
async fn single_roses_pay_what_one_send_of_as_many_pays() {
    let books = Books::with(&[0, 1_314, 0, 1_314]).await;
    // User 3 is in the agency; user 0 owns the room.
    let one = books.send(&sending(1, ROSE, 1_314, &[3])).await.expect("paid");
    assert_eq!(one.balance, Coins(0));
    let after_one = (books.amounts(3).await.1, books.amounts(0).await.1, agency(&books).await);
    let answers: Vec<_> = (0..1_314).map(|_| books.submit(&sending(3, ROSE, 1, &[2]))).collect();
    for answer in answers {
        answer.await.expect("an answer").expect("paid");
    }
    assert_eq!(books.amounts(3).await.0, 0);
    assert_eq!(books.amounts(2).await.1, after_one.0, "receiver");
    assert_eq!(books.amounts(0).await.1, 2 * after_one.1, "owner");
    assert_eq!(after_one.2, 1_314 * 500, "agency of the first receiver");
    books.assert_clean().await;
}

async fn agency(books: &Books) -> i64 {
    sqlx::query_scalar("select amount from balances join agencies on diamond_account = account_id")
        .fetch_one(&books.database.app)
        .await
        .expect("the agency's balance")
}

#[tokio::test]
async fn same_operation_gets_the_first_answer_and_another_body_a_conflict() {
    let books = Books::with(&[0, 10, 0]).await;
    let gift = sending(1, HEART, 1, &[2]);
    let first = books.send(&gift).await.expect("paid");
    let again = books.send(&gift).await.expect("replayed");
    assert!(again.replayed);
    assert_eq!(parlor_protocol::reply::GiftReceipt { replayed: false, ..again }, first);
    // Whatever the room says by now, and although the sender could pay no more.
    books.send(&sending(1, HEART, 1, &[2])).await.expect("paid");
    let refused = Some(ErrorBody::new(ErrorCode::NotInRoom));
    let late = books.submit_to(&books.ledger, &gift, refused).await.expect("an answer").expect("replayed");
    assert_eq!((late.receipt, late.replayed), (first.receipt, true));

    let other = Sending { count: 10, ..gift };
    assert_eq!(books.send(&other).await.expect_err("a conflict").code, ErrorCode::OperationConflict);
    assert_eq!(books.amounts(1).await.0, 0);
    books.assert_clean().await;
}

#[tokio::test]
async fn one_operation_is_two_of_two_users() {
    let books = Books::with(&[0, 10, 10]).await;
    let gift = sending(1, HEART, 1, &[0]);
    books.send(&gift).await.expect("paid");
    let second = books.send(&Sending { from: 2, ..gift }).await.expect("paid");
    assert!(!second.replayed);
    books.assert_clean().await;
}

#[tokio::test]
async fn same_operation_twice_in_one_batch_is_done_once() {
    let books = Books::with(&[0, 100, 0]).await;
    let gift = sending(1, HEART, 1, &[2]);
    let conflict = Sending { count: 10, ..gift.clone() };
    let answers: Vec<_> = [&gift, &gift, &conflict, &gift].map(|gift| books.submit(gift)).into();
    let mut given = Vec::new();
    for answer in answers {
        given.push(answer.await.expect("an answer").map(|receipt| receipt.replayed).map_err(|error| error.code));
    }
    assert_eq!(given, [Ok(false), Ok(true), Err(ErrorCode::OperationConflict), Ok(true)]);
    assert_eq!(books.amounts(1).await.0, 95);
    books.assert_clean().await;
}

#[tokio::test]
async fn refusals_are_remembered() {
    let books = Books::with(&[0, 3, 0]).await;
    let gift = sending(1, HEART, 1, &[2]);
    let first = books.send(&gift).await.expect_err("too little");
    assert_eq!(first, ErrorBody::insufficient_funds(3, 2));
    let operation = Operation::of_words(op(), books.people[1].id, "more");
    promotion::grant(&books.ledger, operation, Grant { to: books.people[1].id, amount: Coins(100) })
        .await
        .expect("granted");
    let again = books.send(&gift).await.expect_err("the first answer");
    assert_eq!(again, ErrorBody { replayed: true, ..first });
    let other = Sending { count: 10, ..gift.clone() };
    assert_eq!(books.send(&other).await.expect_err("a conflict").code, ErrorCode::OperationConflict);
    books.send(&Sending { op: op(), ..gift }).await.expect("a new tap is a new operation");

    let cases = [
        (sending(1, 4_711, 1, &[2]), None, ErrorCode::GiftNotFound),
        (sending(1, ROSE, 1, &[1]), None, ErrorCode::GiftToSelf),
        (sending(1, ROSE, 1, &[]), None, ErrorCode::NoReceivers),
        (sending(1, 23, 1, &[2]), None, ErrorCode::Forbidden),
        (sending(1, ROSE, 1, &[2]), Some(ErrorCode::UserNotFound), ErrorCode::UserNotFound),
    ];
    for (gift, room, code) in cases {
        let refused = room.map(ErrorBody::new);
        let first = books.submit_to(&books.ledger, &gift, refused).await.expect("an answer").expect_err("refused");
        assert_eq!((first.code, first.replayed), (code, false));
        let again = books.send(&gift).await.expect_err("refused again");
        assert_eq!((again.code, again.replayed), (code, true));
    }
    books.assert_clean().await;
}

#[tokio::test]
async fn what_may_pass_is_not_remembered() {
    let books = Books::with(&[0, 10, 0]).await;
    let gift = sending(1, HEART, 1, &[2]);
    let paused = Some(ErrorBody::new(ErrorCode::RoomPaused));
    let first = books.submit_to(&books.ledger, &gift, paused).await.expect("an answer");
    assert_eq!(first.expect_err("paused").code, ErrorCode::RoomPaused);
    assert!(!books.send(&gift).await.expect("paid").replayed);
}

#[tokio::test]
async fn grant_is_made_once() {
    let books = Books::with(&[0, 0]).await;
    let user = books.people[1].id;
    let operation = Operation::of_words(op(), user, "welcome");
    let grant = Grant { to: user, amount: Coins(10_000) };
    let first = promotion::grant(&books.ledger, operation, grant).await.expect("granted");
    assert_eq!((first.amount, first.balance, first.replayed), (Coins(10_000), Coins(10_000), false));
    let again = promotion::grant(&books.ledger, operation, grant).await.expect("replayed");
    assert_eq!((again.receipt, again.amount, again.replayed), (first.receipt, Coins(10_000), true));
    let too_much = Grant { to: user, amount: Coins(2_000_000_000) };
    let dry =
        promotion::grant(&books.ledger, Operation::of_words(op(), user, "more"), too_much).await.expect_err("too much");
    assert_eq!(dry.code, ErrorCode::InsufficientFunds);
    assert_eq!(books.amounts(1).await.0, 10_000);
    books.assert_clean().await;
}

#[tokio::test]
async fn promotion_is_stocked_once_and_a_user_is_welcomed_once() {
    let books = Books::with(&[0, 0]).await;
    let user = books.people[1].id;
    assert!(!promotion::stock(&books.ledger).await.expect("issued").replayed);
    assert!(promotion::stock(&books.ledger).await.expect("replayed").replayed);
    assert!(!promotion::welcome(&books.ledger, user, Coins(10_000)).await.expect("granted").replayed);
    assert!(promotion::welcome(&books.ledger, user, Coins(20_000)).await.expect("replayed").replayed);
    assert_eq!(books.amounts(1).await.0, 10_000);
    books.assert_clean().await;
}

#[tokio::test]
async fn sender_who_runs_dry_midway_fails_from_there_on_and_the_others_succeed() {
    const GIFTS: usize = 20;
    const AFFORDABLE: usize = 7;
    let mut coins = vec![0];
    coins.extend([5 * GIFTS as i64; 32]);
    coins.push(5 * AFFORDABLE as i64 + 4);
    let mut books = Books::with(&coins).await;
    let poor = coins.len() - 1;
    let mut answers: Vec<Vec<_>> = coins.iter().map(|_| Vec::new()).collect();
    for _ in 0..GIFTS {
        for (sender, answers) in answers.iter_mut().enumerate().skip(1) {
            answers.push(books.submit(&sending(sender, HEART, 1, &[0])));
        }
    }
    for (sender, answers) in answers.into_iter().enumerate().skip(1) {
        for (number, answer) in answers.into_iter().enumerate() {
            let answer = answer.await.expect("an answer");
            if sender == poor && number >= AFFORDABLE {
                assert_eq!(answer.expect_err("dry"), ErrorBody::insufficient_funds(4, 1));
            } else {
                answer.expect("paid");
            }
        }
    }
    for sender in 1..poor {
        assert_eq!(books.amounts(sender).await.0, 0);
    }
    assert_eq!(books.amounts(poor).await.0, 4);
    assert_eq!(books.amounts(0).await.1, (32 * GIFTS + AFFORDABLE) as i64 * 50_000);
    let hints = books.drain_hints();
    let numbers =
        hints.iter().flat_map(|hint| &hint.rooms).flat_map(|(_, gifts)| &gifts.gifts).map(|gift| gift.gift_no);
    assert_eq!(numbers.collect::<Vec<_>>(), (1..=(32 * GIFTS + AFFORDABLE) as i64).collect::<Vec<_>>());
    books.assert_clean().await;
}

#[tokio::test]
async fn banners_start_at_999_and_9_999() {
    let mut books = Books::with(&[0, 50_000, 0]).await;
    for gift in [12, 13, 17, 18] {
        books.send(&sending(1, gift, 1, &[2])).await.expect("paid");
    }
    let hints = books.drain_hints();
    let banners: Vec<_> =
        hints.iter().flat_map(|hint| &hint.rooms).flat_map(|(_, gifts)| &gifts.gifts).map(|gift| gift.banner).collect();
    assert_eq!(banners, [None, Some(Banner::Room), Some(Banner::Room), Some(Banner::AllRooms)]);
}
