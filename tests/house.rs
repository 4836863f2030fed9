//! The layout's rules, read off the `use` lines: nothing points upward, and each kind of code has its place.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).expect("a folder of the sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    walk(&root, &mut found);
    assert!(!found.is_empty(), "{folder} has sources");
    found.into_iter().map(|(path, text)| (path.strip_prefix(&root).expect("below the root").to_owned(), text)).collect()
}

/// The code of a file, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

fn breaches(found: impl Iterator<Item = String>) {
    let found: Vec<_> = found.collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_points_upward() {
    // A slice and what it may use of its neighbours. The edges (http routes, gateway, app, dev, main) see all.
    let rules: [(&str, &[&str]); 8] = [
        ("cluster", &[]),
        ("delivery", &["cluster"]),
        ("room", &["cluster", "delivery"]),
        ("audit", &[]),
        ("courier", &[]),
        ("identity", &["audit", "courier"]),
        ("economy", &["audit", "identity"]),
        ("media", &[]),
    ];
    let neighbours = [
        "admin", "audit", "cluster", "delivery", "room", "gateway", "courier", "identity", "economy", "media", "app",
        "dev", "router",
    ];
    breaches(sources("src").into_iter().flat_map(|(path, text)| {
        let slice = path.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
        let rule = rules.iter().find(|(name, _)| Some(*name) == slice.as_deref());
        let is_route = path.file_name().is_some_and(|name| name == "routes.rs");
        let mut found = Vec::new();
        if let (Some((own, allowed)), false) = (rule, is_route) {
            for line in code(&text) {
                for neighbour in neighbours.iter().filter(|name| **name != *own && !allowed.contains(name)) {
                    if line.contains(&format!("crate::{neighbour}::")) {
                        found.push(format!("src/{}: {line}", path.display()));
                    }
                }
            }
        }
        found
    }));
}

#[test]
fn only_stores_know_sql() {
    // The observer asks for nothing: it hears of queries by the name of sqlx's log lines.
    let edges = ["db.rs", "dev", "telemetry/observer.rs"];
    breaches(sources("src").into_iter().flat_map(|(path, text)| {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let is_edge = edges.iter().any(|edge| path.starts_with(edge));
        let is_store = name == "store.rs" || path.components().any(|part| part.as_os_str() == "store");
        let hits: Vec<_> = code(&text)
            .filter(|line| !is_edge && !is_store && (line.contains("sqlx::query") || line.contains("query!(")))
            .map(|line| format!("src/{}: {line}", path.display()))
            .collect();
        hits
    }));
}

#[test]
fn routes_are_registered_with_their_description() {
    breaches(sources("src").into_iter().filter(|(path, _)| !path.ends_with("router.rs")).flat_map(|(path, text)| {
        let hits: Vec<_> = code(&text)
            .filter(|line| [".route(", ".nest("].iter().any(|word| line.contains(word)))
            .map(|line| format!("src/{}: {line}", path.display()))
            .collect();
        hits
    }));
}

#[test]
fn the_state_of_a_room_knows_no_io() {
    breaches(
        sources("src")
            .into_iter()
            .filter(|(path, _)| path.starts_with("room/state") || path.ends_with("room/state.rs"))
            .flat_map(|(path, text)| {
                let hits: Vec<_> = code(&text)
                    .filter(|line| ["tokio", "sqlx", "Clock", "Chance"].iter().any(|word| line.contains(word)))
                    .map(|line| format!("src/{}: {line}", path.display()))
                    .collect();
                hits
            }),
    );
}

#[test]
fn the_protocol_knows_no_runtime() {
    breaches(sources("protocol/src").into_iter().flat_map(|(path, text)| {
        let hits: Vec<_> = code(&text)
            .filter(|line| ["tokio", "axum", "sqlx"].iter().any(|word| line.contains(word)))
            .map(|line| format!("protocol/src/{}: {line}", path.display()))
            .collect();
        hits
    }));
}

#[test]
fn ids_have_one_name_and_one_form_in_every_log_line() {
    // Numbers are numbers everywhere (`room.id = room.number()`); an operation is `%op`.
    let numbers = ["room.id", "user.id", "connection.id"];
    let other = ["op = ?", " ?op,", " %room,", " %user,", "room_id = %", "user_id = %", "request_id = %"];
    let is_wrong = |line: &str| {
        let as_text = |id: &&str| line.contains(&format!("{id} = %")) || line.contains(&format!("{id} = ?"));
        numbers.iter().any(as_text) || other.iter().any(|field| line.contains(field))
    };
    breaches(sources("src").into_iter().flat_map(|(path, text)| {
        let hits: Vec<_> =
            code(&text).filter(|line| is_wrong(line)).map(|line| format!("src/{}: {line}", path.display())).collect();
        hits
    }));
}

#[test]
fn a_transaction_is_opened_by_an_edge_and_handed_down() {
    // Routes, flows and loops are edges; so are commands, the composition, and the room's own store of facts.
    let edges = ["routes", "routes.rs", "flow.rs", "crowd.rs", "app", "command", "jobs", "jobs.rs"];
    let engines = [
        "kit/tx.rs",
        "kit/edge.rs",
        // The room's engine: it wakes a room, and keeps facts and checkpoints behind its actors.
        "room/directory.rs",
        "room/facts.rs",
        "room/checkpoints.rs",
        // The node's lease, before anything else is there, and renewed on a connection of its own.
        "cluster/node.rs",
        // The ledger's writer has a connection of its own.
        "economy/ledger/writer/batch.rs",
        // The keys' one transaction is the edge's that is handed in.
        "identity/key.rs",
        "identity/service.rs",
    ];
    breaches(sources("src").into_iter().flat_map(|(path, text)| {
        let is_edge = path.components().any(|part| edges.iter().any(|edge| part.as_os_str() == *edge));
        let is_engine = engines.iter().any(|engine| path.ends_with(engine));
        let hits: Vec<_> = code(&text)
            .filter(|line| !is_edge && !is_engine && (line.contains(".begin().await") || line.contains("Tx::begin(")))
            .map(|line| format!("src/{}: {line}", path.display()))
            .collect();
        hits
    }));
}

#[test]
fn no_slice_knows_the_pool() {
    let slices = ["admin", "audit", "courier", "economy", "gateway", "identity", "media", "presence", "room"];
    breaches(sources("src").into_iter().flat_map(|(path, text)| {
        let is_slice = slices.iter().any(|slice| path.starts_with(slice));
        let hits: Vec<_> = code(&text)
            .filter(|line| is_slice && line.split(|c: char| !c.is_alphanumeric()).any(|word| word == "PgPool"))
            .map(|line| format!("src/{}: {line}", path.display()))
            .collect();
        hits
    }));
}

#[test]
fn clocks_and_chance_of_the_system_are_forbidden() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lints = fs::read_to_string(root.join("clippy.toml")).expect("clippy's settings");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the workspace");
    assert!(manifest.contains("disallowed_methods = \"warn\""), "the lint is on, and CI denies warnings");
    let forbidden = [
        "std::time::SystemTime::now",
        "std::time::Instant::now",
        "chrono::Utc::now",
        "chrono::Local::now",
        "parlor::kit::clock::Clock::system",
        "parlor::kit::clock::BootClock::system",
        "parlor::kit::chance::Chance::system",
        "rand::rng",
        "rand::random",
        "rand::random_range",
        "uuid::Uuid::new_v4",
        "uuid::Uuid::now_v7",
    ];
    breaches(forbidden.into_iter().filter(|path| !lints.contains(&format!("path = \"{path}\""))).map(str::to_owned));
    // Whoever takes them all the same is one of few, and says why.
    let taken = ["Clock::system()", "Chance::system()", "SystemTime::now()", "UnwrapErr(SysRng)"];
    let taking: Vec<_> = sources("src")
        .into_iter()
        .filter(|(_, text)| code(text).any(|line| taken.iter().any(|word| line.contains(word))))
        .map(|(path, _)| path.display().to_string())
        .collect();
    let known = [
        "app/build.rs",
        "app/demo.rs",
        "command/admin.rs",
        "courier/sms.rs",
        "dev/postgres.rs",
        "economy/ledger/writer/mod.rs",
        "kit/chance.rs",
        "kit/clock/boot.rs",
        "kit/clock/wall.rs",
        "telemetry/recorder.rs",
    ];
    breaches(taking.into_iter().filter(|path| !known.contains(&path.as_str())));
}

#[test]
fn every_file_says_what_lives_there() {
    breaches(
        ["src", "protocol/src", "loadtests/src", "tests"]
            .into_iter()
            .flat_map(sources)
            .filter(|(_, text)| !text.starts_with("//!"))
            .map(|(path, _)| format!("{} does not open with //!", path.display())),
    );
}
