//! The frames that the server sends unasked: events, which are sequenced; signals, which are not; user frames; notices.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::chat::{LineReactions, Quote, Speaker};
use crate::id::{Op, RoomId, UserId};
use crate::money::{Coins, Currency};
use crate::reply::VoicePass;
use crate::room::{ChatRules, GiftLine, OwnershipCause, OwnershipOffer, Person, RoomCard, Seat, SeatCause};
use crate::seating::{Hand, Invitation, InvitationOutcome, SeatMode, SettledHand};

/// A sequenced fact of a room. Everybody in the room gets the same bytes, so it has nothing personal. It holds the
/// state after it, so a client assigns values and never adds to them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// People joined or left. Changes are gathered into at most four events a second.
    #[serde(rename = "participants.changed")]
    ParticipantsChanged {
        /// The people who joined. Absent: nobody.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        joined: Vec<Person>,
        /// The users who left. Absent: nobody.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<UserId>,
        /// The number of people in the room now.
        count: u32,
    },
    /// A user has another name or picture from now on: in the list of people, on their seat, and as the room's owner.
    /// Chat lines and gifts keep the name with which they were sent. A client that does not know the user ignores it.
    #[serde(rename = "person.changed")]
    PersonChanged {
        /// The user as they are now.
        person: Person,
    },
    /// The room's record changed: its name, announcement, capacity, privacy, what it lets people do, or whether it is closed.
    #[serde(rename = "room.changed")]
    RoomChanged {
        /// The whole record as it is now.
        room: Box<RoomCard>,
        /// The user who changed it.
        by: UserId,
    },
    /// Seats changed. The event has all seats that changed together, as they are now.
    #[serde(rename = "seats.changed")]
    SeatsChanged {
        /// The seats that changed.
        seats: Vec<Seat>,
        /// The seat map's version now.
        version: u64,
        /// Why the seats changed.
        cause: SeatCause,
        /// The user who did it. Absent: the user who sits or sat there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
    },
    /// A chat line. Its time is in the envelope.
    #[serde(rename = "chat.posted")]
    ChatPosted {
        /// The user who wrote it.
        from: Person,
        /// The sender's operation. A client shows each operation once.
        op: Op,
        /// The text; empty if the line has only an image, or was recalled.
        text: String,
        /// The users whom the line mentions, who were in the room. Absent: nobody.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schemars", schemars(length(max = crate::limit::MENTIONS)))]
        mentions: Vec<UserId>,
        /// The line to which this one replies. Absent: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Quote>,
        /// The line's image, which is read at `/v1/rooms/{id}/images/{image}`. Absent: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<Uuid>,
        /// The line was recalled since, and has nothing of what was in it. Absent: no.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        recalled: bool,
    },
    /// A chat line was recalled: it is shown no more. A client that does not know the line ignores it.
    #[serde(rename = "chat.recalled")]
    ChatRecalled {
        /// The epoch of the line's event.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        epoch: i64,
        /// The `seq` of the line's event.
        #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
        seq: u64,
        /// The user who recalled it: who wrote it, the owner, an admin, or a member of the platform's staff.
        by: UserId,
    },
    /// A user was kicked out of the room. If they sat on a seat, the event before has freed it.
    #[serde(rename = "participant.kicked")]
    ParticipantKicked {
        /// The user who was kicked.
        user: UserId,
        /// The user who kicked them.
        by: UserId,
        /// Unix milliseconds until which they may not join.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        until: i64,
        /// The reason that was given. Absent: none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A user became an admin of the room, or is one no more.
    #[serde(rename = "admins.changed")]
    AdminsChanged {
        /// All admins of the room now, by id.
        #[cfg_attr(feature = "schemars", schemars(length(max = crate::limit::ADMINS)))]
        admins: Vec<UserId>,
        /// The user who became one, or is one no more.
        user: UserId,
        /// The user who did it.
        by: UserId,
    },
    /// A user was banned from the room, in which they need not have been. If they sat on a seat, the event before has
    /// freed it.
    #[serde(rename = "participant.banned")]
    ParticipantBanned {
        /// The user who was banned.
        user: UserId,
        /// The user who banned them.
        by: UserId,
        /// Unix milliseconds until which they may not join. Absent: until the ban is lifted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        until: Option<i64>,
        /// The reason that was given. Absent: none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// The ban of a user was lifted, so they may join again.
    #[serde(rename = "participant.unbanned")]
    ParticipantUnbanned {
        /// The user who was banned.
        user: UserId,
        /// The user who lifted the ban.
        by: UserId,
    },
    /// A user was muted in the chat.
    #[serde(rename = "chat.muted")]
    ChatMuted {
        /// The user who was muted.
        user: UserId,
        /// The user who muted them.
        by: UserId,
        /// Unix milliseconds until which they are muted. Absent: until that is lifted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        until: Option<i64>,
    },
    /// A user who was muted in the chat may write again.
    #[serde(rename = "chat.unmuted")]
    ChatUnmuted {
        /// The user who was muted.
        user: UserId,
        /// The user who lifted that.
        by: UserId,
    },
    /// The rules of the chat are others from now on.
    #[serde(rename = "chat.rules_changed")]
    ChatRulesChanged {
        /// The rules.
        rules: ChatRules,
        /// The user who set them.
        by: UserId,
    },
    /// Users get a seat in another way from now on.
    #[serde(rename = "seat_mode.changed")]
    SeatModeChanged {
        /// How users get a seat now.
        mode: SeatMode,
        /// The user who did it.
        by: UserId,
    },
    /// The room has another number of seats. Users on seats that are no longer there have no seat any more.
    #[serde(rename = "layout.changed")]
    LayoutChanged {
        /// All seats now, by number.
        seats: Vec<Seat>,
        /// The seat map's version now.
        version: u64,
        /// The user who did it.
        by: UserId,
    },
    /// A user has raised a hand, or raised it anew: then it is at the end of the queue.
    #[serde(rename = "hand.raised")]
    HandRaised {
        /// The hand.
        hand: Hand,
    },
    /// A hand is no longer raised. If the user has got a seat, an event behind says which.
    #[serde(rename = "hand.settled")]
    HandSettled {
        /// The user who had raised it.
        user: UserId,
        /// What became of it.
        #[serde(flatten)]
        settled: SettledHand,
    },
    /// A user was invited to take a seat. It replaces an earlier invitation of the user.
    #[serde(rename = "invitation.sent")]
    InvitationSent {
        /// The invitation.
        invitation: Invitation,
    },
    /// An invitation is over. If the user has got a seat, an event behind says which.
    #[serde(rename = "invitation.ended")]
    InvitationEnded {
        /// The user who was invited.
        user: UserId,
        /// Why it is over.
        outcome: InvitationOutcome,
    },
    /// The room was offered to a user, has another owner, or the offer has ended.
    #[serde(rename = "ownership.changed")]
    OwnershipChanged {
        /// The room's owner now.
        owner: Person,
        /// The open offer now. Absent: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<OwnershipOffer>,
        /// What happened.
        cause: OwnershipCause,
    },
    /// Gifts that were paid for, in the order of their `gift_no`.
    #[serde(rename = "gifts.sent")]
    GiftsSent {
        /// The gifts.
        gifts: Vec<GiftLine>,
        /// All coins that were ever spent in the room, these gifts included.
        coins: Coins,
    },
}

/// A frame that the server may merge or drop: the latest one counts. It has no `seq`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "data")]
pub enum Signal {
    /// The number of people in a room that has too many to name them.
    #[serde(rename = "participants.count")]
    ParticipantsCount {
        /// The number of people in the room.
        count: u32,
    },
    /// The reactions below lines, of those whose reactions changed.
    #[serde(rename = "chat.reactions")]
    ChatReactions {
        /// The lines, each with all its reactions.
        #[cfg_attr(feature = "schemars", schemars(length(max = crate::limit::CHAT_LINES)))]
        lines: Vec<LineReactions>,
    },
    /// Who is typing a line at this moment. It holds until the next such signal, and for 6 s at most.
    #[serde(rename = "chat.typing")]
    ChatTyping {
        /// The users, at most 20 of them. Empty: nobody any more.
        #[cfg_attr(feature = "schemars", schemars(length(max = crate::limit::TYPING)))]
        users: Vec<UserId>,
    },
    /// Who is speaking at this moment. It holds until the next such signal, and for 3 s at most.
    #[serde(rename = "mic.speaking")]
    MicSpeaking {
        /// The users, who sit on seats. Empty: nobody any more.
        #[cfg_attr(feature = "schemars", schemars(length(max = 20)))]
        users: Vec<Speaker>,
    },
}

/// A frame for one user, on each of their sockets. It is a hint and carries the version of what is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "data")]
pub enum UserFrame {
    /// A balance after a transfer. A client ignores it unless its version is above the client's own.
    #[serde(rename = "balance.changed")]
    BalanceChanged {
        /// The balance's currency.
        currency: Currency,
        /// The balance, in whole minor units.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        amount: i64,
        /// The id of the account's last transfer, which rises with every change.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        version: i64,
    },
    /// The user has another name or picture from now on. The latest frame counts; a client that was away is told by the
    /// reply to its next `connect`.
    #[serde(rename = "person.changed")]
    PersonChanged {
        /// The user as they are now.
        person: Person,
    },
    /// The user is no longer in a room. The socket stays open.
    #[serde(rename = "room.removed")]
    RoomRemoved {
        /// The room.
        room: RoomId,
        /// Why the user is no longer in it.
        cause: RemovalCause,
        /// Unix milliseconds until which the user may not join. Absent: they may join at once, or with the cause `banned`
        /// when the ban is lifted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        until: Option<i64>,
        /// The reason that was given. Absent: none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A new token of the voice vendor, for a device that has asked for one: because that one is about to end, or because
    /// the user may speak who could not. Give it to the vendor's client in place of the old one.
    #[serde(rename = "voice.renewed")]
    VoiceRenewed {
        /// The room.
        room: RoomId,
        /// What to connect with.
        pass: VoicePass,
    },
}

/// Why a user is no longer in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RemovalCause {
    /// The user was kicked.
    Kicked,
    /// The user was banned.
    Banned,
    /// The user has joined another room.
    JoinedElsewhere,
    /// The user has left the room on another device.
    Left,
    /// The user has joined the room on another device, and may be in it on so many at a time (`room.devices`). The user is
    /// still in the room.
    Replaced,
    /// The room has moved or starts anew: join again with the position.
    Resync,
    /// Everybody was removed from the room: it was closed, and a join is answered `room_closed` until it is opened; or the
    /// platform's staff has emptied it, and users may join again.
    Closed,
}

/// A frame about the socket itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Notice {
    /// The server checks that the connection is alive: answer with `{"type":"pong"}`. A socket that is silent for too
    /// long is closed with 4002.
    Ping,
    /// The access token expires soon, and the socket is closed then: send `session.refresh` with a new token.
    SessionExpiring {
        /// Unix milliseconds at which the token expires.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        expires_at: i64,
    },
    /// The server closes the socket with this code right after this frame.
    Closing {
        /// The close code, 1000 to 4999.
        code: u16,
        /// The close code's name.
        reason: String,
        /// Milliseconds to wait before coming back. Absent: the client waits with its own back-off and jitter.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_ms: Option<u64>,
    },
}
