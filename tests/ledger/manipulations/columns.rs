//! Changes and empties every column of every table that money depends on, and removes and doubles rows.

use parlor::economy::ledger::audit::{MONEY, Report, Rule};
use parlor_loadtests::proof::Run;

use super::decisions::{Decision, ONLY_FULL, TABLES, UNNAMED};
use super::session::{Session, rules};

/// The places of the rows of a table that are manipulated: `rows` of them, spread over the table from the first row that
/// was written to the last one, which is the last here too. The long form adds the first row of each kind, where rows
/// have a kind.
async fn picked(session: &mut Session, table: &str, rows: usize) -> Vec<String> {
    let all = session.texts(&format!("select ctid::text as place from {table} order by {table}.ctid")).await;
    let mut places: Vec<String> = Vec::new();
    let columns = format!(
        "select count(*) from information_schema.columns where table_name = '{table}' and column_name = 'kind'"
    );
    if rows > FIRST_AND_LAST && session.number(&columns).await > 0 {
        places.extend(session.texts(&format!("select min(ctid)::text from {table} group by kind")).await);
    }
    if let Some(last) = all.last() {
        places.extend((0..rows - 1).map(|row| all[row * (all.len() - 1) / (rows - 1)].clone()));
        places.retain(|place| place != last);
        places.sort();
        places.dedup();
        places.push(last.clone());
    }
    places
}

/// How many rows of every table the short form manipulates: the first one and the last one.
const FIRST_AND_LAST: usize = 2;

/// The expressions to which a value of this type is changed.
fn changes(kind: &str, column: &str, nullable: bool) -> Vec<String> {
    let of = |forms: &[&str]| forms.iter().map(|form| form.replace('$', column)).collect::<Vec<_>>();
    let mut forms = match kind {
        "int2" | "int4" | "int8" => of(&["coalesce($, 0) + 1", "coalesce($, 0) - 1"]),
        "bool" => of(&["not coalesce($, false)"]),
        "text" => of(&["coalesce($, '') || 'x'"]),
        "bytea" => of(&["set_byte(coalesce($, '\\x00'), 0, get_byte(coalesce($, '\\x00'), 0) # 1)", "''"]),
        "timestamptz" => {
            of(&["coalesce($, now()) + interval '1 microsecond'", "coalesce($, now()) - interval '1 day'"])
        }
        "uuid" => of(&["gen_random_uuid()"]),
        "jsonb" => of(&["'{\"code\": \"forged\"}'", "coalesce($, '{}') || '{\"shortfall\": 1}'"]),
        "_int8" => of(&["$[2:]", "$ || $[1:1]", "array[$[1] + 1] || $[2:]"]),
        "_int2" => of(&["$[2:]", "$ || $[1:1]", "array[$[1] + 1]::smallint[] || $[2:]"]),
        other => panic!("a column of type {other}: say what it can be changed into"),
    };
    if nullable {
        forms.push("null".to_owned());
    }
    forms
}

/// Drops every constraint and trigger of a table that would refuse a manipulation.
async fn unbound(session: &mut Session, table: &str) -> String {
    let constraints = session
        .texts(&format!(
            "select format('alter table %s drop constraint if exists %I cascade', conrelid::regclass, conname)
               from pg_constraint where conrelid = '{table}'::regclass and contype <> 't' order by contype = 'p', conname"
        ))
        .await;
    let indexes = session
        .texts(&format!(
            "select format('drop index %s', indexrelid::regclass) from pg_index
              where indrelid = '{table}'::regclass and indisunique
                and not exists (select from pg_constraint where conindid = indexrelid)"
        ))
        .await;
    let columns = session
        .texts(&format!(
            "select format('alter table %I alter column %I drop identity if exists', table_name, column_name)
               from information_schema.columns where table_schema = 'public' and table_name = '{table}' and is_identity = 'YES'"
        ))
        .await;
    [constraints, indexes, columns].concat().join("; ")
}

#[tokio::test]
async fn every_column_of_every_table_that_money_depends_on_is_watched() {
    let proof = Run::of("manipulations");
    proof.passes(async |rows| manipulate(&proof, rows).await).await;
}

async fn manipulate(proof: &Run, rows: usize) {
    // The tables are to have at least as many rows as are manipulated.
    let mut session = Session::begin_with(rows - FIRST_AND_LAST).await;
    let tables = session
        .texts("select table_name::text from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1")
        .await;
    let decided = |table: &str| TABLES.iter().find(|(name, _)| *name == table).map(|(_, decision)| decision);
    let undecided: Vec<_> = tables.iter().filter(|table| decided(table).is_none()).collect();
    assert!(undecided.is_empty(), "say in decisions.rs whether money depends on {undecided:?}");

    let decisive = TABLES.iter().filter(|(_, decision)| !matches!(decision, Decision::Other));
    assert_eq!(decisive.map(|(name, _)| *name).collect::<Vec<_>>(), MONEY, "what the audit watches");

    // Not named by the audit; and named by it where it reads everything, but not from the checkpoint on, with whether the
    // row is its table's last.
    let (mut unnamed, mut only_full, mut tried) = (Vec::new(), Vec::new(), 0);
    let of_money: Vec<_> = tables.iter().filter(|table| matches!(decided(table), Some(Decision::Money))).collect();
    for (at, table) in of_money.iter().copied().enumerate() {
        let places = picked(&mut session, table, rows).await;
        let is_last = |place: &String| places.last() == Some(place);
        let unbind = unbound(&mut session, table).await;
        let columns = session
            .texts(&format!(
                "select concat_ws(' ', column_name, udt_name, is_nullable) from information_schema.columns
                  where table_schema = 'public' and table_name = '{table}' order by ordinal_position"
            ))
            .await;
        for column in &columns {
            let [column, kind, nullable] = column.split(' ').collect::<Vec<_>>()[..] else { panic!("{column}") };
            for place in &places {
                for change in changes(kind, column, nullable == "YES") {
                    let row = format!("ctid = '{place}' and {column} is distinct from {change}");
                    let update = format!("update {table} set {column} = {change} where {row}");
                    tried += 1;
                    proof.done(at * rows / of_money.len());
                    if session.number(&format!("select count(*) from {table} where {row}")).await == 0 {
                        continue; // it changes nothing
                    }
                    match named(&mut session, &update, &unbind).await {
                        (false, _) => unnamed.push((table.clone(), column.to_owned(), format!("{place} = {change}"))),
                        (true, false) => only_full.push((table.clone(), column.to_owned(), is_last(place))),
                        (true, true) => {}
                    }
                }
            }
        }
        for place in &places {
            let remove = format!("delete from {table} where ctid = '{place}'");
            let double =
                format!("insert into {table} overriding system value select * from {table} where ctid = '{place}'");
            tried += 2;
            match named(&mut session, &remove, &unbind).await {
                (false, _) => unnamed.push((table.clone(), "(removed)".to_owned(), place.clone())),
                (true, false) => only_full.push((table.clone(), "(removed)".to_owned(), is_last(place))),
                (true, true) => {}
            }
            // With a doubled row the table's key cannot be restored, so it is enough that the audit misses the key.
            let doubled = session.attempt(&format!("{unbind}; {double}")).await;
            if doubled.is_ok_and(|report| report.is_clean()) {
                unnamed.push((table.clone(), "(doubled)".to_owned(), place.clone()));
            }
        }
        tried += 1;
        match named(&mut session, &format!("delete from {table}"), &unbind).await {
            (false, _) => unnamed.push((table.clone(), "(all removed)".to_owned(), String::new())),
            (true, false) => only_full.push((table.clone(), "(all removed)".to_owned(), true)),
            (true, true) => {}
        }
    }
    session.end().await;

    let listed = |table: &str, column: &str| UNNAMED.iter().any(|(of, name, _)| *of == table && *name == column);
    let missed: Vec<_> = unnamed.iter().filter(|(table, column, _)| !listed(table, column)).collect();
    let stale: Vec<_> = UNNAMED
        .iter()
        .filter(|(table, column, _)| !unnamed.iter().any(|(of, name, _)| of == table && name == column))
        .collect();
    assert!(missed.is_empty(), "the audit does not report {} of {tried} changes: {missed:#?}", missed.len());
    assert!(stale.is_empty(), "the audit reports these, so they need not be in the list: {stale:#?}");
    // From the checkpoint on, everything is named that was written after it.
    let reason =
        |table: &str, column: &str| ONLY_FULL.iter().find(|(of, name, _)| *of == table && [column, "*"].contains(name));
    let slow: Vec<_> = only_full.iter().filter(|(table, column, _)| reason(table, column).is_none()).collect();
    assert!(slow.is_empty(), "only --full names {slow:#?}");
    let late: Vec<_> = only_full
        .iter()
        .filter(|(table, _, is_last)| ["journal", "chain_links", "openings"].contains(&&**table) && *is_last)
        .collect();
    assert!(late.is_empty(), "they were written after the checkpoint: {late:#?}");
    for (table, name, reason) in ONLY_FULL {
        let used = only_full.iter().any(|(of, column, _)| of == table && ["*", column].contains(name));
        // The few rows of the short form do not show each of them.
        assert!(used || rows == FIRST_AND_LAST, "{table}.{name} is named from a checkpoint on, too");
        let subject = if *name == "*" { format!("`{table}`") } else { format!("`{table}.{name}`") };
        assert!(
            include_str!("../../../docs/ledger.md").contains(&format!("| {subject} | {reason} |")),
            "docs/ledger.md does not say {subject}: {reason}"
        );
    }
    let page = include_str!("../../../docs/ledger.md");
    for (table, column, reason) in UNNAMED {
        let subject =
            if column.starts_with('(') { format!("`{table}` {column}") } else { format!("`{table}.{column}`") };
        assert!(page.contains(&format!("| {subject} | {reason} |")), "docs/ledger.md does not say {subject}: {reason}");
    }
}

/// Whether the audit reports the change because of the rows; and whether it does when it continues from the
/// checkpoint. Constraints that would refuse the change are dropped first, as an attacker would do who restores them
/// afterwards.
async fn named(session: &mut Session, statement: &str, unbind: &str) -> (bool, bool) {
    let replica = "set local session_replication_role = replica";
    let (full, quick) = match session.attempt_both(&format!("{replica}; {statement}")).await {
        Ok(reports) => reports,
        Err(_) => match session.attempt_both(&format!("{replica}; {unbind}; {statement}")).await {
            Ok(reports) => reports,
            Err(error) => {
                eprintln!("{statement}: {error}");
                return (false, false);
            }
        },
    };
    let says = |report: &Report| rules(report).iter().any(|rule| *rule != Rule::SchemaMigrated);
    (says(&full), says(&quick))
}
