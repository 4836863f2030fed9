//! Which tables money depends on, and what of them the audit cannot name.

/// What was decided about a table. One without a decision fails the test.
pub enum Decision {
    /// Money depends on it: every column is manipulated.
    Money,
    /// No money depends on it.
    Other,
}

/// Every table of the schema.
pub const TABLES: &[(&str, Decision)] = &[
    ("_sqlx_migrations", Decision::Other),
    ("accounts", Decision::Money),
    ("agencies", Decision::Money),
    ("agency_members", Decision::Money),
    ("agency_rate_versions", Decision::Money),
    ("audit_log", Decision::Other),
    ("avatars", Decision::Other),
    ("balances", Decision::Money),
    ("chain_links", Decision::Money),
    ("contact_key", Decision::Other),
    ("gift_versions", Decision::Money),
    ("gifts", Decision::Money),
    ("job_keys", Decision::Other),
    ("job_periods", Decision::Other),
    ("jobs", Decision::Other),
    ("journal", Decision::Money),
    ("nodes", Decision::Other),
    ("one_time_codes", Decision::Other),
    ("openings", Decision::Money),
    ("permissions", Decision::Other),
    ("refresh_tokens", Decision::Other),
    ("refusals", Decision::Money),
    ("revocations", Decision::Other),
    ("role_permissions", Decision::Other),
    ("roles", Decision::Other),
    ("room_checkpoints", Decision::Other),
    ("room_facts", Decision::Other),
    ("room_kicks", Decision::Other),
    ("room_logos", Decision::Other),
    ("room_owners", Decision::Other),
    ("room_seat_locks", Decision::Other),
    ("room_totals", Decision::Money),
    ("rooms", Decision::Other),
    ("schema_marks", Decision::Other),
    ("sessions", Decision::Other),
    ("signatures", Decision::Other),
    ("signing_keys", Decision::Other),
    ("suspensions", Decision::Other),
    ("system_accounts", Decision::Money),
    ("throttles", Decision::Other),
    ("uploads", Decision::Other),
    ("user_roles", Decision::Other),
    ("users", Decision::Other),
    ("wallets", Decision::Money),
    ("writers", Decision::Money),
];

/// Columns whose change the audit does not name, each with the reason. `docs/ledger.md` has the same.
pub const UNNAMED: &[(&str, &str, &str)] = &[
    ("agencies", "name", "it is shown, and no money depends on it"),
    ("agencies", "owner_id", "it says who runs the agency; shares go to the agency's account, which is sealed"),
    (
        "agency_members",
        "user_id",
        "who is in which agency now decides the next gifts; a gift keeps in its hashed detail which agency shared in it",
    ),
    ("agency_members", "agency_id", "as user_id"),
    ("agency_members", "joined_at", "as user_id"),
    ("agency_members", "(removed)", "members leave"),
    ("agency_members", "(all removed)", "members leave"),
    ("agency_rate_versions", "since", "a posting names the version, not the time"),
    ("gift_versions", "since", "a posting names the version, not the time"),
    ("gifts", "name_en", "it is shown, and no money depends on it"),
    ("gifts", "name_ar", "it is shown, and no money depends on it"),
    ("gifts", "category", "it is shown, and no money depends on it"),
    ("gifts", "rarity", "it is shown, and no money depends on it"),
    ("gifts", "vip_level", "it decides who may give the gift from now on, not what one costs; an operator sets it"),
    (
        "gifts",
        "enabled",
        "it decides whether the gift may be given from now on, not what one costs; an operator sets it",
    ),
    ("writers", "node", "it says which program wrote; the chain goes by the writer's number"),
    ("writers", "started_at", "it says when a program began to write; links and rows have their own hashed times"),
];
