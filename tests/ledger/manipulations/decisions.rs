//! Which tables money depends on, and which changes of them the audit cannot report.

/// The decision about a table; the test fails for a table without one.
pub enum Decision {
    /// Money depends on it: every column is manipulated.
    Money,
    /// Money depends on it, and new books have none of it: `tests/upgrade` manipulates it in old ones.
    Old,
    /// No money depends on it.
    Other,
}

/// Every table of the schema.
pub const TABLES: &[(&str, Decision)] = &[
    ("_sqlx_migrations", Decision::Other),
    ("accounts", Decision::Money),
    ("agencies", Decision::Money),
    ("agency_members", Decision::Money),
    ("agency_memberships", Decision::Money),
    ("agency_rate_versions", Decision::Money),
    ("audit_log", Decision::Other),
    ("avatars", Decision::Other),
    ("balances", Decision::Money),
    ("chain_links", Decision::Money),
    ("code_tries", Decision::Other),
    ("coin_requests", Decision::Money),
    ("contact_key", Decision::Other),
    ("first_form_ends", Decision::Old),
    ("first_form_refusals", Decision::Old),
    ("gift_versions", Decision::Money),
    ("gifts", Decision::Money),
    ("job_keys", Decision::Other),
    ("job_periods", Decision::Other),
    ("jobs", Decision::Other),
    ("journal", Decision::Money),
    ("nodes", Decision::Other),
    ("one_time_codes", Decision::Other),
    ("openings", Decision::Money),
    // It decides which answer a repeated operation gets; no money moves by it.
    ("operations", Decision::Other),
    ("permissions", Decision::Other),
    ("refresh_tokens", Decision::Other),
    ("refusals", Decision::Money),
    ("revocations", Decision::Other),
    ("role_permissions", Decision::Other),
    ("roles", Decision::Other),
    ("room_admins", Decision::Other),
    ("room_checkpoints", Decision::Other),
    ("room_facts", Decision::Other),
    ("room_guests", Decision::Other),
    ("room_kicks", Decision::Other),
    ("room_bans", Decision::Other),
    ("room_mutes", Decision::Other),
    ("room_chat_rules", Decision::Other),
    ("room_links", Decision::Other),
    ("room_logos", Decision::Other),
    ("room_owners", Decision::Other),
    ("room_passwords", Decision::Other),
    ("room_seat_locks", Decision::Other),
    ("room_themes", Decision::Other),
    ("room_totals", Decision::Money),
    ("rooms", Decision::Other),
    ("schema_marks", Decision::Other),
    ("sessions", Decision::Other),
    ("sign_in_guesses", Decision::Other),
    ("signatures", Decision::Other),
    ("signing_keys", Decision::Other),
    ("suspensions", Decision::Other),
    ("system_accounts", Decision::Money),
    ("throttles", Decision::Other),
    ("transfer_days", Decision::Money),
    ("uploads", Decision::Other),
    ("usages", Decision::Other),
    ("user_roles", Decision::Other),
    ("users", Decision::Other),
    ("wallets", Decision::Money),
    ("writers", Decision::Money),
];

/// Columns whose change the audit does not report, each with the reason. `docs/ledger.md` has the same list.
pub const UNNAMED: &[(&str, &str, &str)] = &[
    ("agencies", "name", "it is only shown; no money depends on it"),
    ("agencies", "owner_id", "it says who runs the agency; shares go to the agency's account, which the audit checks"),
    (
        "agency_members",
        "user_id",
        "present membership only decides about later gifts; a gift's hashed detail names the agency that had a share in it",
    ),
    ("agency_members", "agency_id", "for the same reason as `user_id`"),
    ("agency_members", "joined_at", "for the same reason as `user_id`"),
    ("agency_members", "(removed)", "a member may leave at any time"),
    ("agency_members", "(all removed)", "a member may leave at any time"),
    ("agency_rate_versions", "since", "a posting names the version, not the time"),
    (
        "agency_memberships",
        "since",
        "it may move only within a time in which no gift to the member paid the agency; otherwise the audit reports it",
    ),
    ("agency_memberships", "until", "for the same reason as `since`"),
    ("coin_requests", "created_at", "it is only shown; amount, payer and receiver are compared with the transfer"),
    ("coin_requests", "expires_at", "it only decides until when an open request may be approved"),
    ("coin_requests", "settled_at", "it is only shown; the transfer has its own hashed time"),
    (
        "coin_requests",
        "op",
        "it says by which operation the request was made; `operations` decides which answer a repeated one gets",
    ),
    (
        "coin_requests",
        "settled_op",
        "it says by which operation the request was settled; `operations` decides which answer a repeated one gets",
    ),
    ("coin_requests", "reason", "it is only shown; no money depends on it"),
    ("gift_versions", "since", "a posting names the version, not the time"),
    ("gifts", "name_en", "it is only shown; no money depends on it"),
    ("gifts", "name_ar", "it is only shown; no money depends on it"),
    ("gifts", "category", "it is only shown; no money depends on it"),
    ("gifts", "rarity", "it is only shown; no money depends on it"),
    ("gifts", "vip_level", "it decides who may give the gift from now on, not its price; an operator sets it"),
    ("gifts", "enabled", "it decides whether the gift may be given from now on, not its price; an operator sets it"),
    ("writers", "node", "it says which node wrote; the chain refers to the writer's number"),
    ("writers", "started_at", "it says when a writer started; links and rows have their own hashed times"),
];

/// What an audit from a checkpoint does not name, and `--full` does; `*` is every column. `docs/ledger.md` has the
/// same.
pub const ONLY_FULL: &[(&str, &str, &str)] = &[
    ("journal", "*", "rows from before the checkpoint are not read again"),
    ("chain_links", "*", "links from before the checkpoint are not read again, except the last one of each chain"),
    ("openings", "*", "openings from before the checkpoint are not hashed again"),
    ("accounts", "created_at", "it is hashed in the account's opening"),
    ("accounts", "currency", "until the account's first transfer it is only hashed in the account's opening"),
];
