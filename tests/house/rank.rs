//! Compares the paths that each file uses with the ranks.

use std::collections::{BTreeMap, BTreeSet};

use super::path::{Named, named};
use super::source::Source;
use super::table::{ABOVE, KNOWN_BY, RANKS, ROUTES_SEE};

/// Finds files that use something that is not below them.
pub(super) fn breaches(sources: &[Source]) -> Vec<String> {
    let below = below();
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    for source in sources {
        let Some(own) = place(&source.place.trim_end_matches(".rs").split('/').collect::<Vec<_>>()) else {
            found.push(format!("src/{} has no rank: give its folder a line in tests/house/table.rs", source.place));
            continue;
        };
        let mut sees = below[own].clone();
        if is_route(source) {
            sees.extend(ROUTES_SEE.iter().flat_map(|seen| below[seen].iter().copied()));
        }
        for path in named(source) {
            let [first, path @ ..] = path.as_slice() else { continue };
            if first != "crate" {
                continue;
            }
            let segments: Vec<_> = path.iter().map(String::as_str).collect();
            let Some(other) = place(&segments) else {
                // A path of one word is a macro, which is at the crate's root wherever it is defined.
                if segments.len() > 1 {
                    found.push(format!("src/{}: crate::{} is in no ranked place", source.place, segments.join("::")));
                }
                continue;
            };
            if sees.contains(other) {
                continue;
            }
            match ABOVE
                .iter()
                .position(|(who, what, _)| (*who == own || source.is_in(&[who])) && is_meant(what, &segments))
            {
                Some(at) => drop(used.insert(at)),
                None => found.push(format!("src/{}: {own} may not name crate::{}", source.place, segments.join("::"))),
            }
        }
    }
    // A few planted files are not enough to find unused exceptions.
    if sources.len() > 100 {
        let unused = ABOVE.iter().enumerate().filter(|(at, _)| !used.contains(at));
        found.extend(unused.map(|(_, (who, what, _))| format!("{who} needs no exception for {what} any more")));
    }
    found
}

/// Finds mistakes in the table itself: a folder that does not exist, one that is listed twice, a cycle.
pub(super) fn mistakes(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, (name, directly)) in RANKS.iter().enumerate() {
        if !sources.iter().any(|source| source.is_in(&[name])) {
            found.push(format!("{name} has a rank and is not there"));
        }
        if RANKS[..at].iter().any(|(earlier, _)| earlier == name) {
            found.push(format!("{name} has two ranks"));
        }
        for seen in *directly {
            match RANKS.iter().position(|(other, _)| other == seen) {
                None => found.push(format!("{name} sees {seen}, which has no rank")),
                Some(other) if other >= at => found.push(format!("{name} sees {seen}, which does not lie below it")),
                Some(_) => {}
            }
        }
    }
    found
}

/// Finds files that use a crate that only other folders may use.
pub(super) fn strangers(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let paths = named(source);
        for (stranger, places) in KNOWN_BY {
            let may = source.is_in(places) || *stranger == "axum" && is_route(source);
            if !may && paths.iter().any(|path| path[0] == *stranger) {
                found.push(format!("src/{} knows {stranger}", source.place));
            }
        }
    }
    found
}

/// Finds uses of clocks, randomness, tasks or the store in a file that must be pure.
pub(super) fn io(source: &Source) -> Vec<String> {
    let paths = named(source);
    let is_io = |path: &&Named| {
        let by_itself = ["tokio", "sqlx", "rand", "futures_util"].contains(&path[0].as_str())
            || path.iter().any(|word| ["Clock", "BootClock", "Chance"].contains(&word.as_str()));
        let of_time = path.ends_with(&["Timestamp".into(), "now".into()])
            || path.ends_with(&["Instant".into(), "now".into()])
            || path.ends_with(&["SystemTime".into(), "now".into()]);
        by_itself
            || of_time
            || path.starts_with(&["std".into(), "fs".into()])
            || path.starts_with(&["std".into(), "net".into()])
    };
    paths.iter().filter(is_io).map(|path| format!("src/{}: {}", source.place, path.join("::"))).collect()
}

/// Finds uses of a runtime in the protocol crate.
pub(super) fn runtime(source: &Source) -> Vec<String> {
    let paths = named(source);
    let strangers = ["tokio", "axum", "sqlx", "hyper"];
    let known = paths.iter().filter(|path| strangers.contains(&path[0].as_str()));
    known.map(|path| format!("protocol/src/{}: {}", source.place, path.join("::"))).collect()
}

/// The place of the table to which a path belongs: the longest one that fits.
pub(super) fn place(path: &[&str]) -> Option<&'static str> {
    let fits = |name: &&str| {
        let parts: Vec<_> = name.split('/').collect();
        path.starts_with(&parts)
    };
    RANKS.iter().map(|(name, _)| *name).filter(fits).max_by_key(|name| name.len())
}

/// Each place with everything that it may use: itself and what is below.
pub(super) fn below() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, directly) in RANKS {
        let mut seen = BTreeSet::from([*name]);
        seen.extend(directly.iter().filter_map(|other| below.get(other)).flatten().copied());
        below.insert(name, seen);
    }
    below
}

fn is_route(source: &Source) -> bool {
    source.name() == "routes.rs" || source.place.split('/').any(|folder| folder == "routes")
}

fn is_meant(what: &str, segments: &[&str]) -> bool {
    match what.strip_prefix("*::") {
        Some(last) => segments.last() == Some(&last),
        None => segments.starts_with(&what.split("::").collect::<Vec<_>>()),
    }
}
