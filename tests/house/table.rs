//! The table of the rules: the rank of each folder of `src/`, the owner of each table of the database, and the folders
//! that may use each outside crate. A new folder, table or exception needs a line here.

/// Each folder of `src/` (or file, without its extension, if there is no folder) with the folders directly below it. It
/// may use itself, those, and everything below them; `protocol` is below all. A longer name is a slice inside a folder,
/// which has a rank of its own.
pub(super) const RANKS: &[(&str, &[&str])] = &[
    ("kit", &[]),
    ("start", &["kit"]),
    ("db", &["start"]),
    ("config", &["db"]),
    ("telemetry", &["config"]),
    ("load", &["telemetry"]),
    ("http", &["telemetry"]),
    // What engines and capabilities write down.
    ("audit", &["load", "http"]),
    // What rooms tell the voice vendor.
    ("voice", &["load", "http"]),
    // The engines.
    ("cluster", &["load", "http"]),
    ("delivery", &["cluster"]),
    ("room", &["delivery", "audit", "voice"]),
    ("presence", &["room"]),
    // The capabilities.
    ("courier", &["load", "http"]),
    ("identity", &["audit", "courier"]),
    ("media", &["identity"]),
    ("economy/ledger", &["media"]),
    ("economy/agency", &["economy/ledger"]),
    ("economy/gift", &["economy/agency"]),
    ("economy/promotion", &["economy/ledger"]),
    ("economy/level", &["kit"]),
    ("economy/transfer", &["economy/ledger", "economy/level"]),
    ("economy/coin_request", &["economy/ledger"]),
    ("economy/reversal", &["economy/ledger"]),
    ("economy", &["economy/gift", "economy/promotion", "economy/transfer", "economy/coin_request", "economy/reversal"]),
    // Code that uses both engines and capabilities.
    ("gateway", &["presence", "economy", "voice"]),
    ("admin", &["gateway"]),
    ("dev", &["admin"]),
    ("lifecycle", &["kit"]),
    ("app", &["admin", "lifecycle"]),
    ("router", &["app"]),
    ("command", &["router", "dev"]),
    ("main", &["command"]),
    ("lib", &["command"]),
];

/// The routes of a capability may use what the gateway may use, but not the gateway itself.
pub(super) const ROUTES_SEE: &[&str] = &["presence", "economy"];

/// What a place may use above its rank: the place, the beginning of the path (or `*::` and its end), and the reason. An
/// exception that is no longer needed fails the test.
pub(super) const ABOVE: &[(&str, &str, &str)] = &[
    ("app", "router", "app composes the router, whose state is the app"),
    ("economy/gift/posting/tests", "economy", "a batch of the tests has grants and gifts"),
    (
        "config",
        "*::Settings",
        "the one list of the tables of settings: a slice's line there is its registration, and config knows nothing else of it",
    ),
];

/// Each table and view of the database and the one slice that writes it.
pub(super) const OWNERS: &[(&str, &str)] = &[
    ("jobs", "kit"),
    ("job_keys", "kit"),
    ("job_periods", "kit"),
    ("usages", "kit"),
    ("nodes", "cluster"),
    ("room_owners", "cluster"),
    ("schema_marks", "db"),
    ("users", "identity"),
    ("sessions", "identity"),
    ("refresh_tokens", "identity"),
    ("revocations", "identity"),
    ("signing_keys", "identity"),
    ("signatures", "identity"),
    ("contact_key", "identity"),
    ("one_time_codes", "identity"),
    ("throttles", "identity"),
    ("sign_in_guesses", "identity"),
    ("code_tries", "identity"),
    ("permissions", "identity"),
    ("roles", "identity"),
    ("role_permissions", "identity"),
    ("user_roles", "identity"),
    ("suspensions", "identity"),
    ("audit_log", "audit"),
    ("rooms", "room"),
    ("room_themes", "room"),
    ("room_tags", "room"),
    ("room_follows", "room"),
    ("room_visits", "room"),
    ("room_passwords", "room"),
    ("room_guests", "room"),
    ("room_links", "room"),
    ("room_facts", "room"),
    ("room_seat_locks", "room"),
    ("room_kicks", "room"),
    ("room_admins", "room"),
    ("room_handovers", "room"),
    ("room_images", "room"),
    ("room_bans", "room"),
    ("filtered_words", "room"),
    ("room_mutes", "room"),
    ("room_chat_rules", "room"),
    ("room_seat_mutes", "room"),
    ("room_checkpoints", "room"),
    ("room_timeline", "room"),
    ("visits", "room"),
    ("visit_writers", "room"),
    ("room_days", "room"),
    ("voice_rights", "voice"),
    ("uploads", "media"),
    ("avatars", "media"),
    ("room_logos", "media"),
    ("accounts", "economy/ledger"),
    ("balances", "economy/ledger"),
    ("wallets", "economy/ledger"),
    ("system_accounts", "economy/ledger"),
    ("journal", "economy/ledger"),
    ("entries", "economy/ledger"),
    ("refusals", "economy/ledger"),
    ("room_totals", "economy/gift"),
    ("writers", "economy/ledger"),
    ("chain_links", "economy/ledger"),
    ("openings", "economy/ledger"),
    ("first_form_ends", "economy/ledger"),
    ("first_form_refusals", "economy/ledger"),
    ("operations", "economy/ledger"),
    ("account_owners", "economy/ledger"),
    ("gifts", "economy/gift"),
    ("gift_versions", "economy/gift"),
    ("agency_rate_versions", "economy/agency"),
    ("agencies", "economy/agency"),
    ("agency_members", "economy/agency"),
    ("agency_memberships", "economy/agency"),
    ("transfer_days", "economy/transfer"),
    ("coin_requests", "economy/coin_request"),
];

/// Tables that a slice reads although their owner is not below it, with the reason.
pub(super) const READERS: &[(&str, &[&str], &str)] = &[
    ("room", &["users"], "a room's card says its owner's name, and a waking room those of the people on its seats"),
    ("room", &["room_totals"], "a waking room begins at the last committed gift"),
    (
        "room",
        &["uploads"],
        "a room's background and the image of a line are ready uploads of the user's own, which the command names",
    ),
    (
        "media",
        &["rooms", "room_images"],
        "the background of a room is the upload that its record names, and the image of a line one that the room shows",
    ),
    (
        "economy/gift",
        &["rooms", "room_handovers"],
        "a gift is to a room that is there, and whoever owns it then has a share of it",
    ),
];

/// Tables of PostgreSQL and of sqlx, which no slice writes.
pub(super) const FOREIGN_TABLES: &[&str] = &["_sqlx_migrations"];

/// The places that may use each outside crate.
pub(super) const KNOWN_BY: &[(&str, &[&str])] = &[
    ("fred", &["cluster"]),
    (
        "axum",
        &[
            "http",
            "router",
            "app",
            "gateway",
            "media/local",
            "identity/current/user",
            "identity/current/staff",
            "identity/current/count",
        ],
    ),
];

/// The files that may contain SQL besides the stores.
pub(super) const SQL_EDGES: &[&str] = &["db", "dev"];
