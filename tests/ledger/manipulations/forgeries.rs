//! Complete forgeries: a false posting with everything that belongs to it, hashes included.

use std::collections::BTreeSet;

use parlor::economy::ledger::anchor::{self, AnchorKey, Series};
use parlor::economy::ledger::audit::Rule;
use parlor::kit::chance::Chance;
use parlor::kit::clock::Timestamp;
use parlor::media::Archive;

use super::forge::relink;
use super::session::{Session, rules};

/// A row of the journal that the serving role forges, with a writer, a link and balances of its own.
struct Forged {
    kind: i16,
    authority: &'static str,
    actor: &'static str,
    /// `(account, currency, amount)`.
    legs: &'static str,
    detail: &'static str,
}

/// Adds the row as parlor_app, which has all the rights for this.
async fn forge(session: &mut Session, forged: &Forged) -> BTreeSet<Rule> {
    let Forged { kind, authority, actor, legs, detail } = forged;
    session.run("savepoint before").await.expect("a savepoint");
    session
        .run(&format!(
            "set local role parlor_app;
             insert into writers (node) values ('forger');
             with leg as (
                 select given.*, b.last_transfer
                   from (values {legs}) as given (account, currency, amount)
                   join balances b on b.account_id = account
             )
             insert into journal (id, kind, op, actor, body_hash, at, authority, accounts, currencies, amounts, previous,
                                  actor_balance, detail_version, detail)
             select nextval('transfers') - 511, {kind}, gen_random_uuid(), {actor}, decode(repeat('07', 16), 'hex'), now(),
                    {authority}, array_agg(account order by account), array_agg(currency::smallint order by account),
                    array_agg(amount order by account), array_agg(last_transfer order by account),
                    (select amount from balances where account_id = {actor})
                        + coalesce(sum(amount) filter (where account = {actor}), 0),
                    case when {detail} is not null then 1 end, {detail}
               from leg;
             update balances b set amount = b.amount + leg.amount, last_transfer = j.id
               from (values {legs}) as leg (account, currency, amount), (select max(id) as id from journal) j
              where b.account_id = leg.account;
             insert into chain_links (writer, version, batch_no, first_transfer, last_transfer, transfers, previous, hash, at)
             select (select max(id) from writers), 2, 1, id, id, 1, decode(repeat('00', 32), 'hex'), '', at
               from journal order by id desc limit 1;
             reset role"
        ))
        .await
        .expect("the serving role may write all of this");
    let writer = session.number("select max(id) from writers").await;
    relink(session.connection(), writer, 1).await;
    let report = session.audit().await;
    session.run("rollback to savepoint before; release savepoint before").await.expect("undone");
    rules(&report)
}

const DIAMONDS: &str = "(select diamond_account from wallets where user_id = 100000002)";
const COINS: &str = "(select coin_account from wallets where user_id = 100000002)";

/// A detail made of these `i64` words.
fn words(numbers: &[&str]) -> String {
    let little = |number: &&str| {
        let bytes = (0..8).map(|byte| format!("substr(int8send({number}), {}, 1)", 8 - byte));
        bytes.collect::<Vec<_>>().join(" || ")
    };
    numbers.iter().map(little).collect::<Vec<_>>().join(" || ")
}

#[tokio::test]
async fn what_the_serving_role_posts_for_itself_is_named_however_complete_it_is() {
    let mut session = Session::begin().await;
    let account = |name: &str| format!("(select account_id from system_accounts where name = '{name}')");
    let leak = |text: String| -> &'static str { text.leak() };
    let issuance = account("diamond_issuance");
    let diamonds = leak(format!("({issuance}, 2, -100000000000000::bigint), ({DIAMONDS}, 2, 100000000000000::bigint)"));
    let coins = leak(format!("({}, 1, -5000::bigint), ({COINS}, 1, 5000::bigint)", account("coin_issuance")));
    let revenue = leak(format!("({}, 1, -5::bigint), ({COINS}, 1, 5::bigint)", account("gift_revenue")));
    let amount = leak(words(&["100000000000000"]));
    let grant = leak(words(&[COINS, "5000"]));
    let promotion: &'static str = leak(account("promotion"));
    let none = "null::bytea";
    let forgeries = [
        (
            "diamonds out of nothing, as an issuance",
            Forged { kind: 3, authority: "4", actor: promotion, legs: diamonds, detail: amount },
        ),
        (
            "the same, in a user's name",
            Forged { kind: 3, authority: "1", actor: COINS, legs: diamonds, detail: amount },
        ),
        ("the same, as a grant", Forged { kind: 2, authority: "4", actor: COINS, legs: diamonds, detail: grant }),
        ("the same, as a gift", Forged { kind: 1, authority: "1", actor: COINS, legs: diamonds, detail: none }),
        (
            "the same, as a kind that there is not",
            Forged { kind: 99, authority: "1", actor: COINS, legs: diamonds, detail: none },
        ),
        (
            "the same, without a word",
            Forged { kind: 3, authority: "null::smallint", actor: promotion, legs: diamonds, detail: none },
        ),
        (
            "coins out of nothing, as a grant",
            Forged { kind: 2, authority: "4", actor: COINS, legs: coins, detail: grant },
        ),
        (
            "a grant on the user's own word",
            Forged {
                kind: 2,
                authority: "1",
                actor: COINS,
                legs: leak(format!("({promotion}, 1, -5000::bigint), ({COINS}, 1, 5000::bigint)")),
                detail: grant,
            },
        ),
        (
            "coins out of gift revenue",
            Forged { kind: 2, authority: "4", actor: COINS, legs: revenue, detail: leak(words(&[COINS, "5"])) },
        ),
    ];
    let posting = BTreeSet::from([Rule::PostingRecomputed]);
    for (what, forged) in &forgeries {
        let named = forge(&mut session, forged).await;
        assert!(named.is_superset(&posting), "{what}: {named:?}");
        let beside: Vec<_> = named.difference(&posting).filter(|rule| **rule != Rule::RowWhole).collect();
        assert!(beside.is_empty(), "{what}: the forgery itself is clumsy: {named:?}");
    }
    session.end().await;
}

#[tokio::test]
async fn what_a_row_stores_and_its_detail_does_not_make_is_named_with_all_hashes_made_anew() {
    let mut session = Session::begin().await;
    let writers = session.numbers("select distinct writer from chain_links").await;
    for (what, kind, forgery) in [
        ("experience of a transfer between users", 5, "xp_bp = 2000000000"),
        ("experience of a grant", 2, "xp_bp = 15000"),
        ("another multiplier than the gift's detail has", 1, "xp_bp = xp_bp + 1"),
    ] {
        session.run("savepoint before").await.expect("a savepoint");
        session
            .run(&format!(
                "create temp table victim on commit drop as select id from journal where kind = {kind} limit 1;
                 update journal set {forgery} where id = (select id from victim);
                 update balances b set xp = (select coalesce(sum(xp), 0) from entries where account_id = b.account_id)
                  where account_id in (select unnest(accounts) from journal where id = (select id from victim))"
            ))
            .await
            .expect("the superuser may");
        for writer in &writers {
            relink(session.connection(), *writer, 1).await;
        }
        let report = session.audit().await;
        session.run("rollback to savepoint before").await.expect("undone");
        let named = rules(&report);
        assert!(named.contains(&Rule::PostingRecomputed), "{what}: {report}");
        assert!(!named.contains(&Rule::LinkHash), "{what}: the forgery itself is clumsy: {report}");
    }
    session.end().await;
}

#[tokio::test]
async fn a_gift_with_one_leg_more_is_named_with_all_hashes_made_anew() {
    let mut session = Session::begin().await;
    // The last gift of room 0 also brings user 1 five diamonds.
    session
        .run(
            "create temp table victim on commit drop as
             select j.id, w.diamond_account as account, l.writer, l.batch_no
               from journal j, wallets w, chain_links l
              where j.room_id = 900000001 and w.user_id = 100000001
                and j.id between l.first_transfer and l.last_transfer
              order by j.id desc limit 1;
             with legs as (
                 select leg.* from journal j
                   cross join lateral unnest(j.accounts, j.currencies, j.amounts, j.previous) as leg (account, currency, amount, previous)
                  where j.id = (select id from victim)
                 union all select account, 2::smallint, 50000, 0 from victim
             ), sums as (
                 select account, currency,
                        amount - case when account = (select account_id from system_accounts where name = 'diamond_issuance')
                                      then 50000 else 0 end as amount, previous
                   from legs
             )
             update journal set (accounts, currencies, amounts, previous) =
                    (select array_agg(account order by account), array_agg(currency order by account),
                            array_agg(amount order by account), array_agg(previous order by account) from sums)
              where id = (select id from victim);
             update balances set amount = amount + 50000, xp = xp + 50000, last_transfer = (select id from victim)
              where account_id = (select account from victim);
             update balances set amount = amount - 50000
              where account_id = (select account_id from system_accounts where name = 'diamond_issuance')"
        )
        .await
        .expect("manipulated");
    let writer = session.number("select writer from victim").await;
    let batch_no = session.number("select batch_no from victim").await;
    relink(session.connection(), writer, batch_no).await;
    let report = session.audit().await;
    assert_eq!(rules(&report), BTreeSet::from([Rule::PostingRecomputed]), "{report}");
    session.end().await;
}

/// Removes the last gift with everything that it changed.
const LAST_GIFT: &str = "
    create temp table victim on commit drop as
    select j.*, l.writer, l.batch_no
      from journal j join chain_links l on j.id between l.first_transfer and l.last_transfer
     order by j.id desc limit 1;
    update balances b
       set amount = b.amount - leg.amount, last_transfer = leg.previous,
           xp = b.xp - case when leg.currency = 1 and leg.amount < 0 then -leg.amount * v.xp_bp
                            when leg.currency = 2 and leg.amount > 0 then leg.amount else 0 end
      from victim v
     cross join lateral unnest(v.accounts, v.currencies, v.amounts, v.previous) as leg (account, currency, amount, previous)
     where b.account_id = leg.account;
    update room_totals r set gift_no = v.gift_no - 1, coins = r.coins - v.gift_price * v.gift_count * cardinality(v.receivers)
      from victim v where r.room_id = v.room_id;
    delete from journal where id = (select id from victim);
    delete from chain_links where (writer, batch_no) = (select writer, batch_no from victim)";

/// Makes an anchor of the present ledger in a folder of the test.
async fn anchored(session: &Session) -> (std::path::PathBuf, Series) {
    let folder = std::env::temp_dir().join(format!("parlor-anchored-{}", uuid::Uuid::new_v4()));
    let place = Archive::folder(&folder, Chance::seeded(1)).expect("a folder");
    let key = AnchorKey::of_file(&folder.join("anchor.key"), &Chance::seeded(2)).expect("a key");
    let mut connection = session.books.database.audit.acquire().await.expect("a connection");
    let made = anchor::make(&mut connection, &place, &key, &[key.public()], Timestamp(1)).await.expect("an anchor");
    assert_eq!((made.number, made.heads.len()), (1, 2), "of the seed's writer and of the test's");
    let series = Series::read(&place, &[key.public()]).await.expect("anchors");
    assert_eq!((series.anchors.len(), series.unsound.len()), (1, 0));
    (folder, series)
}

#[tokio::test]
async fn a_last_gift_that_is_removed_whole_is_named_by_the_anchor_alone() {
    let mut session = Session::begin().await;
    let (folder, series) = anchored(&session).await;
    let before = session.audit_against(&series).await;
    assert!(before.is_clean() && before.anchors == 1, "{before}");
    session.run(LAST_GIFT).await.expect("removed");
    let report = session.audit().await;
    assert!(report.is_clean(), "nothing inside the database tells: {report}");
    let report = session.audit_against(&series).await;
    assert_eq!(rules(&report), BTreeSet::from([Rule::Anchored]), "{report}");
    session.end().await;
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn a_middle_that_is_written_anew_and_a_restored_state_are_named_by_the_anchor() {
    let mut session = Session::begin().await;
    let (folder, series) = anchored(&session).await;
    // The middle: a gift's hash of what was asked is another one; every later link is hashed anew.
    session.run("savepoint before").await.expect("a savepoint");
    session
        .run("update journal set body_hash = decode(repeat('01', 16), 'hex') where room_id = 900000001 and gift_no = 1")
        .await
        .expect("changed");
    for writer in session.numbers("select distinct writer from chain_links").await {
        relink(session.connection(), writer, 1).await;
    }
    assert!(session.audit().await.is_clean(), "nothing inside the database tells");
    assert_eq!(rules(&session.audit_against(&series).await), BTreeSet::from([Rule::Anchored]));
    session.run("rollback to savepoint before").await.expect("undone");

    // All tables as they were before anybody had a wallet: an older state.
    session
        .run(
            "set local session_replication_role = replica;
             delete from journal; delete from refusals; delete from chain_links; delete from transfer_days;
             delete from coin_requests;
             update balances set amount = 0, xp = 0, last_transfer = 0; update room_totals set gift_no = 0, coins = 0",
        )
        .await
        .expect("restored");
    assert!(session.audit().await.is_clean(), "books without a row are books");
    assert_eq!(rules(&session.audit_against(&series).await), BTreeSet::from([Rule::Anchored]));
    session.end().await;
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn openings_that_are_written_anew_with_their_seals_are_named_by_the_anchor() {
    let mut session = Session::begin().await;
    let (folder, series) = anchored(&session).await;
    // Users 1 and 2 change wallets and places in the coin request, and every opening is made again for what stands there now.
    session
        .run(
            "set local session_replication_role = replica;
             update wallets set user_id = -user_id where user_id in (100000001, 100000002);
             update wallets set user_id = 200000003 + user_id where user_id < 0;
             update coin_requests set user_id = reseller_id, reseller_id = user_id;
             delete from openings;
             do $$ declare owned record; begin
                 for owned in select * from account_owners order by account_id loop
                     perform open_account(owned.held_in, owned.held_as, owned.owner, owned.account_id, owned.salt);
                 end loop;
             end $$",
        )
        .await
        .expect("made anew");
    let report = session.audit().await;
    assert!(report.is_clean(), "nothing inside the database tells: {report}");
    assert_eq!(rules(&session.audit_against(&series).await), BTreeSet::from([Rule::Anchored]));
    session.end().await;
    std::fs::remove_dir_all(folder).expect("removed");
}
