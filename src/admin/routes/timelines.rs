//! What happened in rooms, over REST, for staff: a room's events, the room as it was at a moment, who is in it, who was, and its
//! days.

use axum::Json;
use axum::extract::{FromRef, State};
use parlor_protocol::room::{Person, RoomCard, Seat};
use parlor_protocol::seating::SeatMode;
use parlor_protocol::{Coins, ErrorBody, ErrorCode, RoomId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Office;
use crate::admin::StaffPeopleList;
use crate::audit::{self, Act, Actor};
use crate::http::{ValidPath, ValidQuery};
use crate::identity::{Identity, Staff, may};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::page::Page;
use crate::kit::tx::Tx;
use crate::room::days::{self, DayList, RoomDay};
use crate::room::timeline::read::{self, Gap, Moment, TimelineEntry, TimelineList};
use crate::room::visits::{self, Visit, VisitList};
use crate::room::{self, Present};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Office: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_timeline))
        .routes(routes!(read_moment))
        .routes(routes!(read_event_moment))
        .routes(routes!(list_room_people))
        .routes(routes!(list_visits))
        .routes(routes!(list_days_of_room))
}

/// Writes to the audit log that the caller has read what was said and done in a room.
async fn note(tx: &mut Tx, actor: &Actor, room: RoomId, detail: Value) -> Result<()> {
    audit::record(tx, actor, &Act::on_room("room.timeline_read", room).detail(detail)).await
}

/// Lists what happened in a room, event by event, oldest first.
///
/// Events are kept for `room.timeline_days` and are written some seconds after they happened. Where some could not be kept there
/// is a gap. Each reading is an entry in the audit log.
#[utoipa::path(get, path = "/v1/staff/rooms/{id}/timeline", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), TimelineList),
    responses((status = 200, description = "A page of events and gaps.", body = Page<TimelineEntry>, example = json!({"items": [
        {"epoch": 1_790_000_000_000_i64, "seq": 41, "at": 1_790_000_000_123_i64, "type": "chat.posted", "data": {
            "from": {"id": 901_233_871, "name": "Omar"}, "op": "01990000-0000-7000-8000-000000000001", "text": "good evening"}},
        {"epoch": 1_790_000_000_000_i64, "seq": 42, "gap": {"first": 42, "last": 58}},
    ]}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn list_timeline(
    edge: Edge,
    staff: Staff<may::ReadTimelines>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<TimelineList>,
) -> Result<Json<Page<TimelineEntry>>> {
    let window = query.window()?;
    let mut tx = edge.begin().await?;
    room::find(&mut tx, room).await?;
    let page = read::page(&mut tx, room, &query, &window).await?;
    note(&mut tx, staff.actor(), room, json!({})).await?;
    tx.commit().await?;
    Ok(Json(page))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct When {
    /// The moment, in Unix milliseconds; absent: the last one that the timeline has.
    at: Option<i64>,
}

/// A room as its events had decided it at a moment.
#[derive(Serialize, ToSchema)]
struct RoomThen {
    /// The room's epoch.
    epoch: i64,
    /// The number of the last event before the moment; 0: there was none yet.
    seq: u64,
    /// When that event was, in Unix milliseconds; 0 if there was none.
    at: i64,
    /// Events before the moment that are not kept: what they decided may be missing. Empty: none.
    missing: Vec<Gap>,
    /// The room's record.
    room: RoomCard,
    /// The room's admins.
    admins: Vec<UserId>,
    /// All seats, by number.
    seats: Vec<Seat>,
    /// How users got a seat.
    seat_mode: SeatMode,
    /// The people in it whom events had named. A large room only counts its people, so these are then those of the time before.
    people: Vec<Person>,
    /// The last lines of chat, oldest first, as clients get them.
    #[schema(value_type = Vec<Object>)]
    chat: Value,
    /// The raised hands, the open invitations and the open offer of the room, who was kicked, banned and muted, and the rules of
    /// the chat.
    #[schema(value_type = Object)]
    rest: Value,
    /// All coins that were spent in the room by then.
    coins: Coins,
}

impl From<Moment> for RoomThen {
    fn from(Moment { epoch, seq, at, scene, missing }: Moment) -> Self {
        let rest = json!({
            "hands": scene.hands, "invitations": scene.invitations, "offer": scene.offer, "kicked": scene.kicked,
            "banned": scene.banned, "muted": scene.muted, "chat_rules": scene.chat_rules,
        });
        Self {
            epoch,
            seq,
            at,
            missing,
            room: scene.room,
            admins: scene.admins,
            seats: scene.seats,
            seat_mode: scene.seat_mode,
            people: scene.people,
            chat: json!(scene.chat),
            rest,
            coins: scene.coins,
        }
    }
}

/// Reads a room as it was at a time.
///
/// It is made of the timeline, so it reaches back as far as that, and up to some seconds before now. Each reading is an entry
/// in the audit log.
#[utoipa::path(get, path = "/v1/staff/rooms/{id}/timeline/at", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), When),
    responses((status = 200, description = "The room as it was.", body = RoomThen, example = json!({
        "epoch": 1_790_000_000_000_i64, "seq": 41, "at": 1_790_000_000_123_i64, "missing": [],
        "room": {"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8,
            "version": 1, "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all", "privacy": "public"},
        "admins": [], "seats": [{"no": 0, "user": {"id": 901_233_871, "name": "Omar"}}], "seat_mode": "free",
        "people": [{"id": 901_233_871, "name": "Omar"}], "chat": [], "rest": {"hands": []}, "coins": 0,
    }))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::NotFound]))))]
async fn read_moment(
    edge: Edge,
    staff: Staff<may::ReadTimelines>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(When { at }): ValidQuery<When>,
) -> Result<Json<RoomThen>> {
    let mut tx = edge.begin().await?;
    room::find(&mut tx, room).await?;
    let moment = read::at_time(&mut tx, room, at.unwrap_or(i64::MAX)).await?;
    note(&mut tx, staff.actor(), room, json!({"at": at})).await?;
    tx.commit().await?;
    shown(moment)
}

/// Reads a room as it was after one of its events.
///
/// It is made of the timeline, as for a time.
#[utoipa::path(get, path = "/v1/staff/rooms/{id}/timeline/{epoch}/{seq}", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), ("epoch" = i64, Path, description = "The event's epoch."),
        ("seq" = u64, Path, description = "The event's number; 0 is before the first.")),
    responses((status = 200, description = "The room as it was.", body = RoomThen, example = json!({
        "epoch": 1_790_000_000_000_i64, "seq": 41, "at": 1_790_000_000_123_i64, "missing": [],
        "room": {"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8,
            "version": 1, "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all", "privacy": "public"},
        "admins": [], "seats": [{"no": 0, "user": {"id": 901_233_871, "name": "Omar"}}], "seat_mode": "free",
        "people": [{"id": 901_233_871, "name": "Omar"}], "chat": [], "rest": {"hands": []}, "coins": 0,
    }))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::NotFound]))))]
async fn read_event_moment(
    edge: Edge,
    staff: Staff<may::ReadTimelines>,
    ValidPath((room, epoch, seq)): ValidPath<(RoomId, i64, u64)>,
) -> Result<Json<RoomThen>> {
    let mut tx = edge.begin().await?;
    room::find(&mut tx, room).await?;
    let moment = read::at_seq(&mut tx, room, epoch, seq).await?;
    note(&mut tx, staff.actor(), room, json!({"epoch": epoch, "seq": seq})).await?;
    tx.commit().await?;
    shown(moment)
}

fn shown(moment: Option<Moment>) -> Result<Json<RoomThen>> {
    let none = || ErrorBody::new(ErrorCode::NotFound).message("the timeline does not have this moment");
    Ok(Json(moment.ok_or_else(none)?.into()))
}

/// Somebody who is in a room.
#[derive(Serialize, ToSchema)]
struct PersonInRoom {
    /// The user.
    user: Person,
    /// Since when they are in the room, in Unix milliseconds; absent: it is not written yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    /// The number of their seat; absent: they have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<u8>,
    /// Since when they have that seat; absent: they have none, or it is not written yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    seated_since: Option<i64>,
    /// Whether their last socket was lost and they are awaited.
    away: bool,
}

/// Lists who is in a room at this moment, on which seat, and since when, by id.
///
/// Of a room that sleeps, or lives on another node, the list is empty.
#[utoipa::path(get, path = "/v1/staff/rooms/{id}/people", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), StaffPeopleList),
    responses((status = 200, description = "A page of people.", body = Page<PersonInRoom>, example = json!({"items": [{
        "user": {"id": 901_233_871, "name": "Omar"}, "since": 1_790_000_000_000_i64, "seat": 0,
        "seated_since": 1_790_000_060_000_i64, "away": false,
    }]}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn list_room_people(
    edge: Edge,
    State(office): State<Office>,
    _staff: Staff<may::ReadTimelines>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<StaffPeopleList>,
) -> Result<Json<Page<PersonInRoom>>> {
    let window = query.window()?;
    room::find(&mut *edge.read().await?, room).await?;
    let page = office.people(room, &window).await;
    let users: Vec<UserId> = page.items.iter().map(|present| present.user.id).collect();
    let open = visits::going_on(&mut *edge.read().await?, room, &users).await?;
    let since = |user: UserId, seated: bool| {
        open.iter().find(|visit| visit.user == user && visit.seat.is_some() == seated).map(|visit| visit.began)
    };
    Ok(Json(page.map(|Present { user, seat, away }| PersonInRoom {
        since: since(user.id, false),
        seated_since: seat.and_then(|_| since(user.id, true)),
        user,
        seat,
        away,
    })))
}

/// Lists who was in which room and on which seat, from when to when, newest first.
///
/// It is kept for `room.visits_days`. A stay on a seat has its number; the visit around it is an item of its own.
#[utoipa::path(get, path = "/v1/staff/visits", tag = "staff", params(VisitList),
    responses((status = 200, description = "A page of visits and stays.", body = Page<Visit>, example = json!({"items": [
        {"id": 18, "room": 104_233_871, "user": 901_233_871, "seat": 0, "began": 1_790_000_060_000_i64},
        {"id": 17, "room": 104_233_871, "user": 901_233_871, "began": 1_790_000_000_000_i64, "ended": 1_790_000_900_000_i64},
    ]}))))]
async fn list_visits(
    edge: Edge,
    _staff: Staff<may::ReadTimelines>,
    ValidQuery(query): ValidQuery<VisitList>,
) -> Result<Json<Page<Visit>>> {
    let window = query.window()?;
    Ok(Json(visits::page(&mut *edge.read().await?, &query, &window).await?))
}

/// Lists what a room was on each day, the last one first.
#[utoipa::path(get, path = "/v1/staff/rooms/{id}/days", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), DayList),
    responses((status = 200, description = "A page of days.", body = Page<RoomDay>, example = json!({"items": [
        {"day": "2026-11-30", "visitors": 41, "peak": 12, "seat_minutes": 310, "coins": 4_210},
    ]}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn list_days_of_room(
    edge: Edge,
    _staff: Staff<may::ReadTimelines>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<DayList>,
) -> Result<Json<Page<RoomDay>>> {
    let window = query.window()?;
    Ok(Json(days::page(&mut *edge.read().await?, room, &window).await?))
}
