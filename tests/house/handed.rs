//! The rule that transactions, pools, clocks and randomness are passed down and not taken from anywhere else.

use super::source::Source;

/// Finds code that opens a transaction and is not an edge. Edges are routes, flows and loops, commands, the composition
/// of the program, and the room's store of facts.
pub(super) fn opened_below_the_edge(source: &Source) -> Vec<String> {
    let edges = ["routes", "routes.rs", "flow.rs", "crowd.rs", "app", "command", "jobs", "jobs.rs"];
    let engines = [
        "kit/tx",
        "kit/edge",
        // The room's engine, which wakes rooms, and writes facts and checkpoints for the actors.
        "room/directory",
        "room/facts",
        "room/checkpoints",
        // Writes which rooms users were let into, behind the tokens.
        "room/recents",
        // Writes timelines and visits, behind the rooms.
        "room/timeline/writer",
        // Writes what the voice vendor must know, behind the rooms, and notes tokens before they are handed out.
        "voice/desk",
        // The node's lease, which is taken before anything else starts, and renewed on a connection of its own.
        "cluster/node",
        // The ledger's writer has a connection of its own.
        "economy/ledger/writer/batch",
        // The transaction of the keys is that of the edge, which is passed in.
        "identity/key",
        "identity/service",
    ];
    if source.place.split('/').any(|part| edges.contains(&part)) || source.is_in(&engines) {
        return Vec::new();
    }
    source.lines_with(|line| line.contains(".begin().await") || line.contains("Tx::begin("))
}

/// Finds slices that use the pool.
pub(super) fn pool_of_a_slice(source: &Source) -> Vec<String> {
    let slices = ["admin", "audit", "courier", "economy", "gateway", "identity", "media", "presence", "room"];
    let names = |line: &str| line.split(|c: char| !c.is_alphanumeric()).any(|word| word == "PgPool");
    source.lines_with(|line| source.is_in(&slices) && names(line))
}

/// Finds code that uses the system's clock or randomness without saying why.
pub(super) fn taken_from_the_system(source: &Source) -> Option<String> {
    let taken = ["Clock::system()", "Chance::system()", "SystemTime::now()", "UnwrapErr(SysRng)"];
    let known = [
        "app/build.rs",
        "app/demo.rs",
        "command.rs",
        "courier/sms.rs",
        "dev/postgres.rs",
        "economy/ledger/writer/mod.rs",
        "kit/chance.rs",
        "kit/clock/boot.rs",
        "kit/clock/wall.rs",
        "telemetry/recorder.rs",
    ];
    let takes = source.code().any(|line| taken.iter().any(|word| line.contains(word)));
    (takes && !known.contains(&source.place.as_str())).then(|| format!("src/{} takes it from the system", source.place))
}

/// The functions that clippy must forbid everywhere.
pub(super) const FORBIDDEN: [&str; 12] = [
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
