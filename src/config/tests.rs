//! Tests of reading settings, of the messages about wrong ones, and of what is shown of them.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{LogFormat, Settings};

/// The number of the next file: tests run at the same time and each needs its own.
static NEXT: AtomicU32 = AtomicU32::new(0);

fn read(environment: &[(&str, &str)], file: Option<&str>, serving: bool) -> Result<Settings, String> {
    let file = file.map(|text| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("parlor-config-{}-{number}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("the temporary folder can be written to");
        path
    });
    let environment: Vec<_> = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let read = Settings::read(environment, file.clone(), serving).map_err(|problems| problems.to_string());
    if let Some(file) = file {
        std::fs::remove_file(file).expect("the file is there");
    }
    read
}

#[test]
fn the_environment_overrides_the_file_and_the_file_the_defaults() {
    let file = "[server]\naddress = '0.0.0.0:80'\nstop_within_ms = 5000\n[telemetry]\nformat = 'json'\n";
    let settings = read(&[("PARLOR__SERVER__ADDRESS", "[::1]:81")], Some(file), false).expect("all is right");
    assert_eq!(settings.server.address.to_string(), "[::1]:81");
    assert_eq!(settings.server.stop_within_ms, 5000);
    assert_eq!(settings.telemetry.format, Some(LogFormat::Json));
    assert_eq!(settings.database.pool.connections, 16);
}

#[test]
fn a_value_that_is_no_number_no_address_or_no_table_is_told_what_would_be_right() {
    for (set, file, said) in [
        (("PARLOR__JOBS__AT_ONCE", "-1"), "", "PARLOR__JOBS__AT_ONCE: -1 is not between 1 and 256"),
        (
            ("PARLOR__SERVER__ADDRESS", "localhost"),
            "",
            "PARLOR__SERVER__ADDRESS: is not an address and a port, as 127.0.0.1:8080",
        ),
        (("PARLOR_X", ""), "server = 3\n", "server in "),
        (("PARLOR_X", ""), "server = 3\n", ": is a table of settings: write `[server]`, and its settings below it"),
    ] {
        let problems = read(&[set], Some(file), false).expect_err("it is wrong");
        assert!(problems.contains(said), "{said} in:\n{problems}");
        assert!(!problems.contains("struct"), "{problems}");
    }
}

#[test]
fn a_room_remembers_whatever_the_default_rates_let_a_user_do_in_the_time_of_its_memory() {
    let Settings { gateway, room, .. } = Settings::default();
    // A burst, and then as many as the time lets through. These are the rates of all commands that a room remembers.
    let let_through = |rate: crate::kit::rate::Rate| u64::from(rate.count) * (1 + room.memory_ms.div_ceil(rate.per_ms));
    let most = let_through(gateway.chat) + let_through(gateway.seat);
    assert!(room.memory_per_user as u64 >= most, "{} are remembered, {most} are let through", room.memory_per_user);
}

#[test]
fn every_wrong_value_is_named_at_once() {
    let environment = [
        ("PARLOR__SERVER__ADRESS", "127.0.0.1:1"),
        ("PARLOR__SERVER__ADDRESS", "here"),
        ("PARLOR__SERVER__STOP_WITHIN_MS", "soon"),
        ("PARLOR__DATABASE__POOL__CONNECTIONS", "0"),
        ("PARLOR_SERVER__STOP_WITHIN_MS", "1"),
        ("PARLOR_SERVICE_HOST", "10.0.0.1"),
        ("PARLOR__TELEMETRY__LOG", "info,=,"),
        ("DATABASE_OWNER_URL", "mysql://u:hunter2@h/d"),
    ];
    let problems =
        read(&environment, Some("colour = 'red'\n[telemetry]\nformat = 'xml'\n"), true).expect_err("much is wrong");
    for named in [
        "PARLOR__SERVER__ADRESS: there is no setting of this name; there is `address`, `stop_within_ms`, `drain_spread_ms`, `playground`",
        "PARLOR__SERVER__ADDRESS: ",
        "PARLOR__SERVER__STOP_WITHIN_MS: ",
        "database.pool.connections: 0 is not between 2 and 1000. Connections at most",
        "PARLOR_SERVER__STOP_WITHIN_MS: a setting begins with PARLOR__",
        "telemetry.log: ",
        "DATABASE_OWNER_URL: is not an address of PostgreSQL",
        "DATABASE_URL: `serve` needs",
        "colour in ",
        "telemetry.format in ",
    ] {
        assert!(problems.contains(named), "{named} is missing in:\n{problems}");
    }
    assert!(!problems.contains("SERVICE_HOST"), "{problems}");
}

#[test]
fn regression_an_outbox_that_cannot_take_a_joins_reply_is_refused() {
    let small = [("PARLOR__DELIVERY__OUTBOX_BYTES", "131072")];
    let problems = read(&small, None, false).expect_err("a resume alone may need that much");
    assert!(problems.contains("delivery.outbox_bytes: must be at least 241888"), "{problems}");
    let both = [small[0], ("PARLOR__ROOM__RESUME_BYTES", "1024")];
    assert!(read(&both, None, false).is_err(), "a snapshot and gifts may need more than that");
}

#[test]
fn memory_that_was_given_in_megabytes_is_refused() {
    let problems = read(&[("PARLOR__SERVER__MEMORY_BYTES", "4096")], None, false).expect_err("megabytes were meant");
    assert!(problems.contains("server.memory_bytes: 4096 is not between 16777216 and "), "{problems}");
    let settings = read(&[("PARLOR__SERVER__MEMORY_BYTES", "4294967296")], None, false).expect("it is enough");
    assert_eq!(settings.server.memory_bytes, Some(4_294_967_296));
}

#[test]
fn no_message_and_no_debug_shows_a_password() {
    let url = "postgres://u:hunter2@h/d";
    let settings = read(&[("DATABASE_URL", url)], None, true).expect("it is an address");
    assert!(!format!("{settings:?}").contains("hunter2"));
    for file in [
        format!("database = '{url}'"),
        format!("[database]\npool = '{url}'"),
        format!("[database]\nurl = ['{url}']"),
        format!("[database]\nurl = '{url}"),
        format!("[database.pool]\nconnections = '{url}'"),
        format!("[database.url]\nvalue = '{url}'"),
        "[database]\nurl = 'hunter2'".to_owned(),
    ] {
        let problems = read(&[], Some(&file), false).expect_err(&file);
        assert!(!problems.contains("hunter2"), "{file}: {problems}");
    }
}

#[test]
fn the_effective_settings_are_a_file_that_reads_as_the_same_settings_and_shows_no_secret() {
    let environment = [
        ("PARLOR__GATEWAY__ORIGINS", "https://a.example, https://b.example"),
        ("PARLOR__GATEWAY__JOIN", "600 in 60000 ms"),
        ("PARLOR__SERVER__PLAYGROUND", "true"),
        ("PARLOR__TELEMETRY__FORMAT", "json"),
    ];
    let settings = read(&environment, None, false).expect("all can be read");
    let shown = settings.effective();
    assert!(
        shown.contains("gateway.join = \"600 in 60000 ms\"") && shown.contains("# database.url is not set"),
        "{shown}"
    );
    let again = read(&[], Some(&shown), false).expect("it is a file of settings");
    assert_eq!(format!("{again:?}"), format!("{settings:?}"));

    let secret = [("DATABASE_URL", "postgres://u:hunter2@h/d"), ("PARLOR__MEDIA__S3__SECRET_KEY", "hunter2")];
    let shown = read(&secret, None, false).map(|settings| settings.effective()).unwrap_or_else(|problems| problems);
    assert!(shown.contains("database.url = \"***\"") && !shown.contains("hunter2"), "{shown}");
}

/// The paths of all values of a serialized table.
fn leaves(path: &str, value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(table) => {
            table.iter().for_each(|(name, value)| leaves(&crate::kit::settings::path(path, name), value, found));
        }
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn every_table_stands_where_its_declaration_says() {
    let mut read = Vec::new();
    leaves("", &serde_json::to_value(Settings::default()).expect("plain values"), &mut read);
    let mut declared: Vec<_> = Settings::settings().into_iter().map(|setting| setting.path).collect();
    read.sort();
    declared.sort();
    assert_eq!(read, declared);
}

#[test]
fn every_setting_is_documented() {
    let page = include_str!("../../docs/settings.md");
    assert!(super::renewed(page).as_deref() == Some(page), "docs/settings.md is stale: run ./parlor schema");
    for setting in Settings::settings() {
        assert!(
            setting.sentence.ends_with('.'),
            "{}: the documentation must be whole sentences: {}",
            setting.path,
            setting.sentence
        );
        let holds = setting.bounds.as_ref().is_none_or(|bounds| bounds.start() <= bounds.end());
        assert!(holds, "{}: no value is within {:?}", setting.path, setting.bounds);
    }
    assert_eq!(Settings::default().problems(), Vec::<String>::new(), "the defaults hold");
}

#[test]
fn the_environment_overrides_a_profile() {
    let environment = [("PARLOR_PROFILE", "load"), ("PARLOR__ROOM__CAPACITY", "7")];
    let settings = read(&environment, None, false).expect("the profile has no problems");
    assert_eq!((settings.profile, settings.room.capacity), (Some("load"), 7));
    assert_eq!(settings.gateway.chat.count, 1_000_000);
    let unknown = read(&[("PARLOR_PROFILE", "lode")], None, false).expect_err("there is none");
    assert!(unknown.contains("PARLOR_PROFILE") && unknown.contains("lode"), "{unknown}");
}

#[test]
fn lists_and_rates_are_one_value_of_the_environment() {
    let environment = [
        ("PARLOR__GATEWAY__ORIGINS", "https://a.example, https://b.example"),
        ("PARLOR__HTTP__TRUSTED_PROXIES", "10.0.0.0/8"),
        ("PARLOR__GATEWAY__JOIN", "600 in 60000 ms"),
    ];
    let settings = read(&environment, None, false).expect("all can be read");
    assert_eq!(settings.gateway.origins, ["https://a.example", "https://b.example"]);
    assert_eq!(settings.http.trusted_proxies, ["10.0.0.0/8"]);
    assert_eq!((settings.gateway.join.count, settings.gateway.join.per_ms), (600, 60_000));
    assert!(
        read(&[("PARLOR__GATEWAY__JOIN", "often")], None, false)
            .expect_err("it is not a rate")
            .contains("5 in 10000 ms")
    );
}

#[test]
fn metrics_need_an_address_of_their_own_and_traces_a_program_that_can_send_them() {
    let same = [("PARLOR__TELEMETRY__METRICS_ADDRESS", "127.0.0.1:8080")];
    assert!(read(&same, None, false).expect_err("the server's own").contains("telemetry.metrics_address"));
    assert!(read(&[(same[0].0, "127.0.0.1:9100")], None, false).is_ok());
    let traced = read(&[("PARLOR__TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1:4318")], None, false);
    assert_eq!(traced.is_ok(), cfg!(feature = "otlp"), "{traced:?}");
    let elsewhere = read(&[("PARLOR__TELEMETRY__OTLP_ENDPOINT", "collector:4318")], None, false);
    assert!(elsewhere.expect_err("no address").contains("telemetry.otlp_endpoint"));
}
