//! Tests that documents, dashboard and alerts agree with the declarations of the metrics.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::metric::ALL;
use super::{Kind, Metric};

fn declared() -> impl Iterator<Item = &'static Metric> {
    ALL.iter().map(|figure| figure.metric())
}

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of all series in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.split(|c| !is_part(c)).filter(|word| word.starts_with("parlor_")).collect()
}

/// The names of a metric's series.
fn series(metric: &Metric) -> Vec<String> {
    match metric.kind {
        Kind::Histogram => ["bucket", "sum", "count"].map(|end| format!("{}_{end}", metric.name)).into(),
        Kind::Counter | Kind::Gauge => vec![metric.name.to_owned()],
    }
}

fn document() -> String {
    let mut text = "# Metrics\n\n\
        `GET /metrics` at `telemetry.metrics_address`, in Prometheus's text format; without that setting nothing listens \
        and nothing is counted.\nThe address is for Prometheus alone: bind it to loopback or to an inner network.\n\
        A dashboard for Grafana is in [deploy/grafana/parlor.json](../deploy/grafana/parlor.json), alerts are in\n\
        [deploy/prometheus/alerts.yml](../deploy/prometheus/alerts.yml). This table is written from\n\
        [src/telemetry/metric.rs](../src/telemetry/metric.rs) by `PARLOR_RENEW=1 cargo test --lib telemetry::`.\n\n\
        No label names a room or a user: each has only the values in this table.\n\n\
        | metric | kind | label | what it tells |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for Metric { name, kind, label: (label, values), help, .. } in declared() {
        let label = if values.is_empty() { String::new() } else { format!("`{label}`: {}", values.join(", ")) };
        writeln!(text, "| `{name}` | {} | {label} | {help} |", kind.name()).expect("writing to a string cannot fail");
    }
    text
}

#[test]
fn the_document_has_every_metric() {
    let path = "docs/metrics.md";
    if std::env::var_os("PARLOR_RENEW").is_some() {
        fs::write(file(path), document()).expect("the document can be written");
    }
    assert!(text(path) == document(), "{path} is stale: PARLOR_RENEW=1 cargo test --lib telemetry::");
}

#[test]
fn names_say_unit_and_kind() {
    let mut names = BTreeSet::new();
    for Metric { name, kind, label: (label, values), bounds, help } in declared() {
        assert!(names.insert(name), "{name} is there twice");
        assert!(name.starts_with("parlor_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}: what only rises is a total");
        assert_eq!(!bounds.is_empty(), *kind == Kind::Histogram, "{name} has bounds");
        assert!(bounds.is_sorted(), "{name}");
        assert_eq!(label.is_empty(), values.is_empty(), "{name} has a label and its values");
        assert!(help.ends_with('.') && !help.contains('|') && !help.contains('\n'), "{name}: {help}");
        for unit in ["_ms", "_millis", "_micros", "_kb", "_percent"] {
            assert!(!name.contains(unit), "{name} is not in a base unit");
        }
    }
}

#[test]
fn dashboard_and_alerts_name_metrics_that_exist() {
    let known: BTreeSet<String> = declared().flat_map(series).collect();
    for path in ["deploy/grafana/parlor.json", "deploy/prometheus/alerts.yml", "deploy/prometheus/alerts_test.yml"] {
        let text = text(path);
        let used = names(&text);
        assert!(!used.is_empty(), "{path} names metrics");
        let unknown: Vec<_> = used.into_iter().filter(|name| !known.contains(*name)).collect();
        assert!(unknown.is_empty(), "{path} names metrics that do not exist: {unknown:?}");
    }
}

#[test]
fn dashboard_and_alerts_name_values_of_labels_that_exist() {
    let all: BTreeSet<(&str, &str)> =
        declared().flat_map(|metric| metric.label.1.iter().map(|value| (metric.label.0, *value))).collect();
    let labels: BTreeSet<_> = all.iter().map(|(label, _)| *label).collect();
    for path in ["deploy/grafana/parlor.json", "deploy/prometheus/alerts.yml"] {
        let text = text(path).replace("\\\"", "\"");
        for label in &labels {
            for found in text.split(&format!("{label}=\"")).skip(1) {
                let value = found.split('"').next().unwrap_or_default();
                assert!(all.contains(&(label, value)), "{path}: {label}=\"{value}\"");
            }
        }
    }
}

#[test]
fn every_metric_is_counted_somewhere() {
    fn code(folder: &PathBuf, text: &mut String) {
        for entry in fs::read_dir(folder).expect("a folder of the sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                code(&path, text);
            } else if !path.ends_with("telemetry/metric.rs") {
                text.push_str(&fs::read_to_string(&path).unwrap_or_default());
            }
        }
    }
    let mut used = String::new();
    code(&file("src"), &mut used);
    let declaration = text("src/telemetry/metric.rs");
    let constants = declaration.lines().filter_map(|line| line.trim().split_once(": ")).map(|(name, _)| name);
    let constants = constants.filter(|name| name.len() > 2 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
    let unused: Vec<_> = constants.filter(|name| !used.contains(&format!("metric::{name}"))).collect();
    assert!(unused.is_empty(), "nobody counts {unused:?}");
}
