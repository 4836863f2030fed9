//! The figures of each second of a run as one HTML page with charts, to be opened from a file.

use std::fmt::Write as _;

use crate::report::Report;

/// One second of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Second {
    /// Seconds since the measurement began.
    pub at: f64,
    /// Events that arrived at sockets in this second.
    pub deliveries: f64,
    /// The p99 latency of the measurement so far, in milliseconds.
    pub p99_ms: f64,
    /// The server's share of one core, in percent.
    pub cpu_percent: f64,
}

/// Picks the figure of a second that a chart shows.
type Figure = fn(&Second) -> f64;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 70.0;

/// The HTML page of a run: its report, then a chart for each figure.
pub fn page(report: &Report, seconds: &[Second]) -> String {
    let mut page = format!(
        "<!doctype html><meta charset=utf-8><title>{0}</title><style>body{{font:14px system-ui;margin:2em;max-width:60em}}\
         pre{{background:#8881;padding:1em}}svg{{display:block;margin:1em 0}}text{{font:11px system-ui;fill:currentColor}}\
         :root{{color-scheme:light dark}}</style><h1>{0}</h1><pre>{1}</pre>",
        escape(&report.scenario),
        escape(&report.to_string())
    );
    let series: [(&str, Figure); 3] = [
        ("deliveries per second", |second| second.deliveries),
        ("screen p99, ms", |second| second.p99_ms),
        ("server CPU, % of a core", |second| second.cpu_percent),
    ];
    for (name, figure) in series {
        page.push_str(&picture(name, seconds, figure));
    }
    page
}

fn picture(name: &str, seconds: &[Second], figure: Figure) -> String {
    let highest = seconds.iter().map(figure).fold(0.0, f64::max).max(1e-9);
    let last = seconds.last().map_or(1.0, |second| second.at).max(1e-9);
    let mut line = String::new();
    for second in seconds {
        let x = LEFT + (WIDTH - LEFT) * second.at / last;
        let y = 20.0 + (HEIGHT - 40.0) * (1.0 - figure(second) / highest);
        // Writing to a string does not fail.
        let _ = write!(line, "{x:.1},{y:.1} ");
    }
    format!(
        "<svg width={WIDTH} height={HEIGHT} role=img aria-label='{name}'><text x={LEFT} y=12>{name}</text>\
         <text x=0 y=28>{highest:.1}</text><text x=0 y={bottom}>0</text><text x={right} y={below}>{last:.0} s</text>\
         <polyline points='{LEFT},{bottom} {WIDTH},{bottom}' fill=none stroke=#8888 />\
         <polyline points='{line}' fill=none stroke=#5b3fd6 stroke-width=1.5 /></svg>",
        bottom = HEIGHT - 20.0,
        below = HEIGHT - 4.0,
        right = WIDTH - 30.0,
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
