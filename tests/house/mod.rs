//! The rules of the source tree: no folder uses one above it, each table has one writer, and each kind of code has its
//! place. The rules' table is in `table`; `planted` shows that each kind of breach is found.

mod clock;
mod handed;
mod limits;
mod path;
mod planted;
mod rank;
mod source;
mod sql;
mod table;
mod text;
mod writer;

use std::fs;
use std::path::Path;

use source::{assert_none, sources};

#[test]
fn nothing_points_upward() {
    assert_none(rank::breaches(&sources("src", "rs")));
}

#[test]
fn the_table_of_ranks_names_what_there_is() {
    assert_none(rank::mistakes(&sources("src", "rs")));
}

#[test]
fn each_table_is_written_by_one_slice() {
    assert_none(writer::breaches(&sources("src", "rs"), &sources("migrations", "sql")));
}

#[test]
fn code_from_outside_is_known_where_it_belongs() {
    assert_none(rank::strangers(&sources("src", "rs")));
}

#[test]
fn only_stores_know_sql() {
    assert_none(writer::sql_elsewhere(&sources("src", "rs")));
}

#[test]
fn a_transaction_is_opened_by_an_edge_and_handed_down() {
    assert_none(sources("src", "rs").iter().flat_map(handed::opened_below_the_edge));
}

#[test]
fn no_slice_knows_the_pool() {
    assert_none(sources("src", "rs").iter().flat_map(handed::pool_of_a_slice));
}

#[test]
fn clocks_and_chance_of_the_system_are_forbidden() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lints = fs::read_to_string(root.join("clippy.toml")).expect("clippy's settings");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the workspace");
    assert!(manifest.contains("disallowed_methods = \"warn\""), "the lint is on, and CI denies warnings");
    let missing = handed::FORBIDDEN.into_iter().filter(|path| !lints.contains(&format!("path = \"{path}\"")));
    assert_none(missing.map(str::to_owned));
    assert_none(sources("src", "rs").iter().filter_map(handed::taken_from_the_system));
}

#[test]
fn every_place_that_reads_a_clock_is_in_the_table_of_clocks() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clocks.md")).expect("the table");
    let all: Vec<_> = sources("src", "rs").into_iter().chain(sources("migrations", "sql")).collect();
    assert_none(clock::breaches(&all, &document));
}

#[test]
fn routes_are_registered_with_their_description() {
    assert_none(sources("src", "rs").iter().flat_map(text::unregistered));
}

#[test]
fn the_state_of_a_room_knows_no_io() {
    let state = sources("src", "rs").into_iter().filter(|source| source.is_in(&["room/state"]));
    assert_none(state.flat_map(|source| rank::io(&source)));
}

#[test]
fn the_protocol_knows_no_runtime() {
    assert_none(sources("protocol/src", "rs").iter().flat_map(rank::runtime));
}

#[test]
fn ids_have_one_name_and_one_form_in_every_log_line() {
    assert_none(sources("src", "rs").iter().flat_map(text::misnamed_ids));
}

#[test]
fn every_file_says_what_lives_there() {
    for folder in ["src", "protocol/src", "loadtests/src", "tests", "benches"] {
        assert_none(sources(folder, "rs").iter().filter_map(text::silent));
    }
}

#[test]
fn tests_wait_for_events_and_sleep_in_one_place() {
    assert_none(sources("tests", "rs").iter().flat_map(text::sleeping));
}
