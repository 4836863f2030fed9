//! Every constraint of the schema is one that no request reaches, or one whose breach is a refusal: nothing that the store
//! refuses is answered `internal`.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};
use sqlx::Row as _;
use uuid::Uuid;

use super::uploads;
use crate::support::client::Client;
use crate::support::world::World;

/// Why no request breaks a constraint, with those of which this is true; `*` stands for any letters. Constraints that a
/// request's own values can meet are in [`probes`].
const REASONS: &[(&str, &str)] = &[
    (
        "the key is made by the server: at random, of a sequence, or as a UUID; another one is made if it is taken",
        "accounts.accounts_pkey agencies.agencies_pkey audit_log.audit_log_pkey coin_requests.coin_requests_pkey \
         gifts.gifts_pkey job_keys.job_keys_pkey jobs.jobs_pkey journal.journal_pkey openings.openings_pkey \
         revocations.revocations_pkey room_facts.room_facts_pkey room_handovers.room_handovers_pkey rooms.rooms_pkey rooms.rooms_id_range \
         sessions.sessions_pkey signing_keys.signing_keys_pkey uploads.uploads_pkey uploads.uploads_object_key \
         room_links.room_links_pkey users.users_pkey users.users_id_range writers.writers_pkey nodes.nodes_pkey sign_in_guesses.sign_in_guesses_pkey \
         usages.usages_pkey visits.visits_pkey",
    ),
    (
        "the statement says what happens to a second row (`on conflict`), or deletes or locks the first one before",
        "room_timeline.room_timeline_pkey visits.visits_open visits.visits_once visit_writers.visit_writers_pkey \
         room_days.room_days_pkey avatars.avatars_pkey code_tries.code_tries_pkey one_time_codes.one_time_codes_pkey room_checkpoints.room_checkpoints_pkey \
         room_follows.room_follows_pkey room_visits.room_visits_pkey \
         room_guests.room_guests_pkey room_passwords.room_passwords_pkey \
         room_admins.room_admins_pkey room_kicks.room_kicks_pkey room_logos.room_logos_pkey room_owners.room_owners_pkey voice_rights.voice_rights_pkey \
         room_kicks.room_kicks_pkey room_bans.room_bans_pkey room_mutes.room_mutes_pkey room_chat_rules.room_chat_rules_pkey room_logos.room_logos_pkey room_owners.room_owners_pkey \
         room_seat_locks.room_seat_locks_pkey room_seat_mutes.room_seat_mutes_pkey room_totals.room_totals_pkey suspensions.suspensions_pkey \
         throttles.throttles_pkey transfer_days.transfer_days_pkey user_roles.user_roles_pkey \
         refresh_tokens.refresh_tokens_pkey job_periods.job_periods_pkey balances.balances_pkey \
         signatures.signatures_user_id_key signatures.signatures_likeness jobs.jobs_unique contact_key.contact_key_pkey contact_key.contact_key_only_one",
    ),
    (
        "the operation is looked up under the lock of the actor's account before anything is written",
        "coin_requests.coin_requests_op_key journal.journal_op_key journal.journal_gift_no_key journal.journal_reverses_key operations.operations_pkey refusals.refusals_pkey",
    ),
    (
        "only the ledger's writer writes it, in the order of its locks, and judges amounts before",
        "balances.balances_never_negative balances.balances_range balances.balances_xp_range chain_links.* \
         journal.journal_authority journal.journal_detail_whole journal.journal_kind journal.journal_line_whole \
         journal.journal_staff journal.journal_zero_sum operations.operations_answered refusals.refusals_linked \
         transfer_days.transfer_days_coins wallets.* openings.*",
    ),
    (
        "the server makes hashes, secrets and salts, which have one length",
        "*_hash_length *_secret_length *.refresh_tokens_*_length contact_key.contact_key_length \
         job_keys.job_keys_length",
    ),
    (
        "the word or number is one of an enum of the program's own",
        "rooms.rooms_privacy_word rooms.rooms_closed_by_word room_guests.room_guests_admitted_word rooms.rooms_may_chat_word rooms.rooms_may_post_images_word rooms.rooms_may_invite_word rooms.rooms_may_sit_word \
         rooms.rooms_version_range voice_rights.voice_rights_wanted_known accounts.accounts_currency coin_requests.coin_requests_state jobs.jobs_state nodes.nodes_mode_known \
         one_time_codes.one_time_codes_purpose revocations.revocations_reason signing_keys.signing_keys_purpose \
         throttles.throttles_kind rooms.rooms_seat_mode uploads.uploads_state audit_log.audit_log_act_form audit_log.audit_log_detail_object \
         jobs.jobs_kind_form job_periods.job_periods_kind_form job_periods.job_periods_every user_roles.user_roles_given \
         users.users_picture_range room_timeline.room_timeline_kind_word",
    ),
    (
        "two columns are written by one statement that knows both",
        "rooms.rooms_followers_range coin_requests.coin_requests_paid coin_requests.coin_requests_settled coin_requests.coin_requests_transfer_key \
         jobs.jobs_finished jobs.jobs_sealed_open refresh_tokens.refresh_tokens_exchange_whole \
         uploads.uploads_attached_ready uploads.uploads_ready_object uploads.uploads_withdrawn_loose users.users_email_verified \
         users.users_phone_verified users.users_email_lower",
    ),
    (
        "the program cuts or bounds what it stores",
        "room_timeline.room_timeline_range room_timeline.room_timeline_whole visits.visits_range jobs.jobs_last_error_length jobs.jobs_payload_bytes jobs.jobs_unique_by_length nodes.nodes_lease_ms_check \
         room_facts.room_facts_seq_check usages.usages_amount",
    ),
    (
        "the row is written in the name of the signed-in user, and users are not deleted",
        "voice_rights.voice_rights_user_id_fkey room_follows.room_follows_user_id_fkey room_visits.room_visits_user_id_fkey avatars.avatars_user_id_fkey uploads.uploads_user_id_fkey rooms.rooms_owner_id_fkey room_handovers.room_handovers_former_id_fkey \
         sessions.sessions_user_id_fkey signatures.signatures_user_id_fkey room_facts.room_facts_actor_id_fkey \
         coin_requests.coin_requests_user_id_fkey audit_log.audit_log_actor_id_fkey \
         suspensions.suspensions_suspended_by_fkey room_bans.room_bans_by_id_fkey room_mutes.room_mutes_by_id_fkey user_roles.user_roles_granted_by_fkey",
    ),
    (
        "the row that it names was read or locked in the same transaction, and is not deleted meanwhile",
        "avatars.avatars_upload_id_fkey room_logos.room_logos_upload_id_fkey room_logos.room_logos_room_id_fkey \
         refresh_tokens.refresh_tokens_session_id_fkey audit_log.audit_log_user_id_fkey audit_log.audit_log_room_id_fkey \
         voice_rights.voice_rights_room_id_fkey room_checkpoints.room_checkpoints_room_id_fkey room_images.room_images_room_id_fkey room_handovers.room_handovers_room_id_fkey room_seat_mutes.room_seat_mutes_room_id_fkey room_facts.room_facts_room_id_fkey \
         room_admins.room_admins_room_id_fkey room_kicks.room_kicks_room_id_fkey room_seat_locks.room_seat_locks_room_id_fkey \
         room_follows.room_follows_room_id_fkey room_tags.* room_visits.room_visits_room_id_fkey \
         room_kicks.room_kicks_room_id_fkey room_bans.room_bans_room_id_fkey room_mutes.room_mutes_room_id_fkey room_chat_rules.room_chat_rules_room_id_fkey room_seat_locks.room_seat_locks_room_id_fkey \
         room_totals.room_totals_room_id_fkey jobs.jobs_sealed_with_fkey balances.balances_account_id_fkey \
         room_guests.room_guests_room_id_fkey room_links.room_links_room_id_fkey room_passwords.room_passwords_room_id_fkey \
         operations.operations_actor_fkey transfer_days.transfer_days_account_id_fkey",
    ),
    (
        "the upload was looked at in the same transaction, and whoever loses a race about it is refused by the constraint's name",
        "room_images.room_images_pkey room_images.room_images_upload_id_fkey",
    ),
    ("the operator writes it with SQL, and no request does", "filtered_words.*"),
    (
        "nobody but a migration writes it",
        "gifts.* gift_versions.* permissions.* roles.* role_permissions.* schema_marks.* system_accounts.* agencies.* \
         agency_members.* agency_memberships.* agency_rate_versions.* first_form_ends.* first_form_refusals.* \
         room_themes.*",
    ),
    (
        "an upload has one purpose and one owner, who has one avatar: the second use of it is the same row",
        "avatars.avatars_upload_key",
    ),
];

/// A request that comes as near to a constraint as a request can, and the code that it is refused with.
struct Probe {
    constraint: &'static str,
    method: Method,
    path: String,
    body: Value,
    code: &'static str,
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            let rest = name.strip_prefix(start);
            rest.is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits(end, &rest[at..])))
        }
    }
}

/// Who asks, and what they name.
struct Names {
    admin: i64,
    user: i64,
    /// A room of the admin's, in which they are, and two others.
    rooms: [i64; 3],
    /// Ready uploads: a logo that hangs in the second room.
    logo: String,
    /// The background of the second room.
    background: String,
    taken_signature: String,
}

fn probes(names: &Names) -> Vec<Probe> {
    let Names { admin, user, rooms, logo, background, taken_signature } = names;
    let long = |chars: usize| "x".repeat(chars);
    let account = |field: &str, value: Value| {
        let mut account = json!({"email": "new@example.com", "password": "a long enough secret", "name": "New",
            "device": "phone"});
        account[field] = value;
        account
    };
    let record = |field: &str, value: Value| json!({"version": 1, field: value});
    let probe =
        |constraint, method, path: &str, body, code| Probe { constraint, method, path: path.to_owned(), body, code };
    let (post, put, patch) = (Method::POST, Method::PUT, Method::PATCH);
    let of = |path: &str| path.replace("{room}", &rooms[0].to_string()).replace("{user}", &user.to_string());
    vec![
        probe(
            "users.users_email_key",
            post.clone(),
            "/v1/auth/register",
            account("email", json!("Taken@Example.com")),
            "account_exists",
        ),
        probe(
            "users.users_phone_key",
            post.clone(),
            "/v1/auth/register",
            account("phone", json!("+201001234567")),
            "account_exists",
        ),
        probe(
            "users.users_name_length",
            post.clone(),
            "/v1/auth/register",
            account("name", json!(long(41))),
            "bad_request",
        ),
        probe(
            "sessions.sessions_device_length",
            post.clone(),
            "/v1/auth/register",
            account("device", json!(long(129))),
            "bad_request",
        ),
        probe(
            "sessions.sessions_device_length",
            post.clone(),
            "/v1/auth/register",
            account("device", json!("")),
            "bad_request",
        ),
        probe("users.users_name_length", patch.clone(), "/v1/me", json!({"name": long(41)}), "bad_request"),
        probe("users.users_bio_length", patch.clone(), "/v1/me", json!({"bio": long(201)}), "bad_request"),
        probe("users.users_bio_length", patch.clone(), "/v1/me", json!({"bio": ""}), "bad_request"),
        probe("users.users_country_form", patch.clone(), "/v1/me", json!({"country": "EGY"}), "bad_request"),
        probe("users.users_country_form", patch.clone(), "/v1/me", json!({"country": "é1"}), "bad_request"),
        probe("users.users_language_length", patch.clone(), "/v1/me", json!({"language": "x"}), "bad_request"),
        probe(
            "users.users_language_length",
            patch,
            "/v1/me",
            json!({"language": format!("en-{}", "abcdefgh-".repeat(5))}),
            "bad_request",
        ),
        probe(
            "signatures.signatures_pkey",
            put.clone(),
            "/v1/me/signature",
            json!({"signature": taken_signature}),
            "signature_taken",
        ),
        probe(
            "signatures.signatures_form",
            put.clone(),
            "/v1/me/signature",
            json!({"signature": "a--b"}),
            "bad_request",
        ),
        probe("rooms.rooms_name_length", post.clone(), "/v1/rooms", json!({"name": long(61)}), "bad_request"),
        probe(
            "rooms.rooms_seats_layout",
            post.clone(),
            "/v1/rooms",
            json!({"name": "Majlis", "seats": 6}),
            "bad_request",
        ),
        probe(
            "rooms.rooms_name_length",
            Method::PATCH,
            &of("/v1/rooms/{room}"),
            record("name", json!(long(61))),
            "bad_request",
        ),
        probe(
            "rooms.rooms_closed_reason_length",
            put.clone(),
            &of("/v1/rooms/{room}/closing"),
            json!({"reason": long(201)}),
            "bad_request",
        ),
        probe(
            "room_guests.room_guests_user_id_fkey",
            put.clone(),
            &of("/v1/rooms/{room}/guests/999999999"),
            Value::Null,
            "user_not_found",
        ),
        probe(
            "rooms.rooms_announcement_length",
            Method::PATCH,
            &of("/v1/rooms/{room}"),
            record("announcement", json!(long(501))),
            "bad_request",
        ),
        probe(
            "rooms.rooms_language_form",
            Method::PATCH,
            &of("/v1/rooms/{room}"),
            record("language", json!("AR")),
            "bad_request",
        ),
        probe(
            "rooms.rooms_country_form",
            Method::PATCH,
            &of("/v1/rooms/{room}"),
            record("country", json!("jo")),
            "bad_request",
        ),
        probe(
            "rooms.rooms_tags_number",
            Method::PATCH,
            &of("/v1/rooms/{room}"),
            record("tags", json!(["a", "b", "c", "d", "e", "f"])),
            "bad_request",
        ),
        probe(
            "rooms.rooms_capacity_range",
            Method::PATCH,
            &of("/v1/rooms/{room}"),
            record("capacity", json!(1_000_001)),
            "bad_request",
        ),
        probe(
            "rooms.rooms_theme_fkey",
            Method::PATCH,
            &of("/v1/rooms/{room}"),
            record("theme", json!("emperor")),
            "bad_request",
        ),
        probe(
            "rooms.rooms_background_fkey",
            Method::PATCH,
            &of("/v1/rooms/{room}"),
            record("background", json!("01990000-0000-7000-8000-000000000001")),
            "bad_request",
        ),
        probe(
            "rooms.rooms_background_key",
            Method::PATCH,
            &format!("/v1/rooms/{}", rooms[2]),
            record("background", json!(background)),
            "bad_request",
        ),
        probe(
            "room_logos.room_logos_upload_key",
            put.clone(),
            &format!("/v1/rooms/{}/logo", rooms[2]),
            json!({"upload": logo}),
            "bad_request",
        ),
        probe(
            "uploads.uploads_bytes",
            post.clone(),
            "/v1/uploads",
            json!({"purpose": "avatar", "content_type": "image/png", "bytes": 0}),
            "bad_request",
        ),
        probe(
            "uploads.uploads_purpose",
            post.clone(),
            "/v1/uploads",
            json!({"purpose": "film", "content_type": "image/png", "bytes": 9}),
            "bad_request",
        ),
        probe(
            "coin_requests.coin_requests_amount",
            post.clone(),
            "/v1/coin-requests",
            json!({"reseller": user, "amount": 0}),
            "coin_request_out_of_range",
        ),
        probe(
            "coin_requests.coin_requests_not_to_oneself",
            post.clone(),
            "/v1/coin-requests",
            json!({"reseller": admin, "amount": 70}),
            "not_a_reseller",
        ),
        probe(
            "coin_requests.coin_requests_reseller_id_fkey",
            post.clone(),
            "/v1/coin-requests",
            json!({"reseller": 999_999_999, "amount": 70}),
            "not_a_reseller",
        ),
        probe(
            "coin_requests.coin_requests_reason_length",
            post.clone(),
            "/v1/coin-requests/1/rejection",
            json!({"reason": long(201)}),
            "bad_request",
        ),
        probe(
            "suspensions.suspensions_user_id_fkey",
            put.clone(),
            "/v1/staff/users/999999999/suspension",
            json!({"reason": "spam"}),
            "user_not_found",
        ),
        probe(
            "suspensions.suspensions_reason_length",
            put.clone(),
            &of("/v1/staff/users/{user}/suspension"),
            json!({"reason": long(201)}),
            "bad_request",
        ),
        probe(
            "suspensions.suspensions_reason_length",
            put.clone(),
            &of("/v1/staff/users/{user}/suspension"),
            json!({"reason": ""}),
            "bad_request",
        ),
        probe(
            "audit_log.audit_log_reason_length",
            post.clone(),
            &of("/v1/staff/rooms/{room}/closings"),
            json!({"reason": long(201)}),
            "bad_request",
        ),
        probe(
            "user_roles.user_roles_user_id_fkey",
            put.clone(),
            "/v1/staff/users/999999999/roles/support",
            Value::Null,
            "user_not_found",
        ),
        probe(
            "user_roles.user_roles_role_fkey",
            put,
            &of("/v1/staff/users/{user}/roles/emperor"),
            Value::Null,
            "not_found",
        ),
        probe(
            "room_kicks.room_kicks_user_id_fkey",
            post.clone(),
            &of("/v1/staff/rooms/{room}/kicks"),
            json!({"user": 999_999_999, "reason": "spam"}),
            "user_not_found",
        ),
        probe(
            "room_admins.room_admins_user_id_fkey",
            Method::PUT,
            &of("/v1/rooms/{room}/admins/999999999"),
            Value::Null,
            "user_not_found",
        ),
        probe(
            "room_bans.room_bans_user_id_fkey",
            post.clone(),
            &of("/v1/rooms/{room}/bans"),
            json!({"user": 999_999_999, "reason": "spam"}),
            "user_not_found",
        ),
        probe(
            "room_mutes.room_mutes_user_id_fkey",
            Method::PUT,
            &of("/v1/rooms/{room}/mutes/999999999"),
            json!({}),
            "user_not_found",
        ),
        probe(
            "room_chat_rules.room_chat_rules_slow_mode_range",
            Method::PATCH,
            &of("/v1/rooms/{room}/chat"),
            json!({"slow_mode_s": 3_601}),
            "bad_request",
        ),
        probe(
            "room_facts.room_facts_op_key",
            post,
            &of("/v1/rooms/{room}/kicks"),
            json!({"user": 999_999_999, "reason": "spam"}),
            "user_not_found",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_constraint_is_out_of_reach_or_its_breach_is_a_refusal() {
    let folder = uploads::folder();
    let world = World::serve().roomy().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    let (admin, token) = world.entered("admin").await;
    let (user, _) = world.entered("user").await;
    let taken = json!({"email": "taken@example.com", "phone": "+201001234567", "password": "a long enough secret",
        "name": "Taken", "device": "phone"});
    let (status, _) = world.call_as(None, Method::POST, "/v1/auth/register", "", Some(taken)).await;
    assert_eq!(status, 201);
    let rooms = [world.room(admin).await, world.room(admin).await, world.room(admin).await];
    let _inside: Client = world.in_room(admin, rooms[0]).await;
    let logo = uploads::ready(&world, &token, "room_logo").await;
    let hung =
        world.call(Method::PUT, &format!("/v1/rooms/{}/logo", rooms[1]), &token, Some(json!({"upload": logo}))).await;
    assert_eq!(hung.0, 200, "{}", hung.1);
    let background = uploads::ready(&world, &token, "room_background").await;
    let hung = world
        .call(
            Method::PATCH,
            &format!("/v1/rooms/{}", rooms[1]),
            &token,
            Some(json!({"version": 1, "background": background})),
        )
        .await;
    assert_eq!(hung.0, 200, "{}", hung.1);
    let signature =
        "select signature from signatures where user_id = (select id from users where email = 'taken@example.com')";
    let taken_signature: String =
        sqlx::query_scalar(signature).fetch_one(&world.database.superuser).await.expect("a signature");
    let names = Names {
        admin: admin.number(),
        user: user.number(),
        rooms: rooms.map(|room| room.number()),
        logo,
        background,
        taken_signature,
    };
    let probes = probes(&names);

    let mut wrong = Vec::new();
    for Probe { constraint, method, path, body, code } in &probes {
        let body = Some(body.clone()).filter(|body| !body.is_null());
        let (status, answer) = world.call(method.clone(), path, &token, body.clone()).await;
        if answer["code"] != *code {
            wrong.push(format!("{constraint}: {method} {path} {body:?}: {status} {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!world.program.said().contains("\"level\":\"ERROR\"") && !world.program.said().contains("ERROR"));

    let listed = "select r.relname || '.' || c.conname as name
                    from pg_constraint c join pg_class r on r.oid = c.conrelid
                   where c.connamespace = 'public'::regnamespace and c.contype in ('c', 'f', 'p', 'u', 'x')
                   union
                  select r.relname || '.' || i.relname
                    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class r on r.oid = x.indrelid
                   where x.indisunique and i.relnamespace = 'public'::regnamespace
                     and not exists (select from pg_constraint c where c.conindid = i.oid)";
    let rows = sqlx::query(listed).fetch_all(&world.database.superuser).await.expect("a list");
    let all: BTreeSet<String> = rows.iter().map(|row| row.get("name")).collect();
    let all: BTreeSet<String> = all.into_iter().filter(|name| !name.starts_with("_sqlx")).collect();
    let patterns = || REASONS.iter().flat_map(|(_, patterns)| patterns.split_whitespace());
    let is_probed = |name: &str| probes.iter().any(|probe| probe.constraint == name);
    let unknown: Vec<_> =
        all.iter().filter(|name| !is_probed(name) && !patterns().any(|one| fits(one, name))).collect();
    assert!(
        unknown.is_empty(),
        "say of these what keeps a request from them, or how their breach is refused: {unknown:?}"
    );
    let stale: Vec<_> = patterns().filter(|one| !all.iter().any(|name| fits(one, name))).collect();
    assert!(stale.is_empty(), "there are no such constraints any more: {stale:?}");
    assert!(probes.iter().all(|probe| all.contains(probe.constraint)));
    std::fs::remove_dir_all(&folder).expect("it is there");
}

/// The row of F2, and both at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn regression_one_upload_hangs_in_one_room() {
    let folder = uploads::folder();
    let world = World::serve().roomy().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    let (layla, token) = world.entered("user").await;
    let rooms = [world.room(layla).await, world.room(layla).await];
    let logo = uploads::ready(&world, &token, "room_logo").await;
    let hang = |room| {
        let (world, token, body) = (&world, &token, json!({"upload": logo}));
        async move { world.call(Method::PUT, &format!("/v1/rooms/{room}/logo"), token, Some(body)).await }
    };
    let (first, second) = tokio::join!(hang(rooms[0]), hang(rooms[1]));
    let (refused, winner) = if first.0 == 200 { (second, rooms[0]) } else { (first, rooms[1]) };
    assert_eq!((refused.0, &refused.1["code"]), (400, &json!("bad_request")), "{}", refused.1);
    assert!(refused.1.to_string().contains("another room"), "{}", refused.1);
    assert_eq!(hang(winner).await.0, 200, "again in the same room");
    let loser = if winner == rooms[0] { rooms[1] } else { rooms[0] };
    assert_eq!(world.delete(&format!("/v1/rooms/{winner}/logo"), &token).await, 204);
    assert_eq!(hang(loser).await.0, 200, "when it hangs in no room it may hang in any");
    let unknown = world
        .call(Method::PUT, &format!("/v1/rooms/{winner}/logo"), &token, Some(json!({"upload": Uuid::nil()})))
        .await;
    assert_eq!(unknown.0, 400, "{}", unknown.1);
    assert!(!world.program.said().contains("ERROR"));
    std::fs::remove_dir_all(&folder).expect("it is there");
}
