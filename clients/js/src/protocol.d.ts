// Written by scripts/types.mjs from protocol/schema/parlor.v1.schema.json: change that, not this.

/** A balance with its version. */
export interface Balance {
  /** Whole minor units. */
  amount: number;
  /** Of which currency. */
  currency: Currency;
  /** How many minor units one whole unit has, as a power of ten: 0 for coins, 4 for diamonds. */
  exponent: number;
  /** The account's last transfer: rises with every change; 0 before the first. */
  version: number;
  /** Experience in 1/10,000: coins spent (times the gifts' multipliers) for coins, diamonds received for diamonds. */
  xp: number;
}

/** Data of `balance.changed`. */
export interface BalanceChanged {
  /** Whole minor units. */
  amount: number;
  /** Of which currency. */
  currency: Currency;
  /** The account's last transfer: rises with every change. */
  version: number;
}

/** A balance as it is after a transfer. A client ignores one whose version is not above its own. */
export interface BalanceChangedUserFrame {
  /** Whom it concerns: the socket's own user. */
  user: UserId;
  type: "balance.changed";
  data: BalanceChanged;
}

/** How widely a gift is announced beside its event. */
export type Banner = "room" | "all_rooms";

/** One line of room chat, as a snapshot has it. */
export interface ChatLine {
  /** The sender's operation: a client shows one operation once. */
  op: Op;
  /** Unix milliseconds. */
  at: number;
  /** Who wrote it. */
  from: Person;
  /** The text. */
  text: string;
}

/** Data of `chat.posted`. */
export interface ChatPosted {
  /** The sender's operation: a client shows one operation once. */
  op: Op;
  /** Who wrote it. */
  from: Person;
  /** The text. */
  text: string;
}

/** A line of chat. The envelope has its time. */
export interface ChatPostedEvent {
  /** Which room. */
  room: RoomId;
  /** The room's epoch: rises when the room is opened anew or by another server. */
  epoch: number;
  /** Dense within the epoch, from 1. */
  seq: number;
  /** Unix milliseconds. */
  at: number;
  type: "chat.posted";
  data: ChatPosted;
}

/** Say something to the room. */
export interface ChatSendCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  /** The operation: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "chat.send";
  data: SendChat;
}

/** The reply to `chat.send`. */
export interface ChatSendReply {
  /** The command's number. */
  id: number;
  data: Done;
}

/** What a client is. */
export interface Client {
  /** The app's name, at most 128 characters. */
  name: string;
  /** Where it runs, at most 128 characters. Absent: not said. */
  platform?: string;
  /** Its version, at most 128 characters. Absent: not said. */
  version?: string;
}

/** Every frame from a client. */
export type ClientFrame =
  | ConnectCommand
  | SessionRefreshCommand
  | PingCommand
  | RoomJoinCommand
  | RoomLeaveCommand
  | RoomKickCommand
  | SeatTakeCommand
  | SeatLeaveCommand
  | SeatLockCommand
  | SeatUnlockCommand
  | ChatSendCommand
  | GiftSendCommand
  | GiftListCommand
  | PeopleListCommand
  | PongNotice;

/** Data of `closing`. */
export interface Closing {
  /** Milliseconds to wait before coming back. Absent: with back-off and jitter of the client. */
  after_ms?: number;
  /** The close code, 1000 to 4999. */
  code: number;
  /** Its name. */
  reason: string;
}

/** The socket will be closed with this code right behind this frame. */
export interface ClosingNotice {
  type: "closing";
  data: Closing;
}

/** Coins are bought and spent. One minor unit is one coin. */
export type Coins = number;

/** What a client asks for; each is answered by one reply. */
export type CommandFrame =
  | ConnectCommand
  | SessionRefreshCommand
  | PingCommand
  | RoomJoinCommand
  | RoomLeaveCommand
  | RoomKickCommand
  | SeatTakeCommand
  | SeatLeaveCommand
  | SeatLockCommand
  | SeatUnlockCommand
  | ChatSendCommand
  | GiftSendCommand
  | GiftListCommand
  | PeopleListCommand;

/** The first command of a socket. */
export interface Connect {
  /** What the client is, for support. Absent: not said. */
  client?: Client;
  /** The client's lasting name for this device, 1 to 128 characters; a second socket of the same device replaces the first. */
  device: string;
  /** Rooms to join at once, so that a resume is one round trip: at most 4, each room once. Absent: none. */
  joins?: Join[];
  /** The access token, from `POST /v1/auth/login`, `register` or `refresh`. Absent: the handshake brought it as `Authorization: Bearer`. */
  token?: string;
}

/**
 * Say who one is. The first command of a socket, within 10 s.
 *
 * A second socket of the same `device` replaces the first, which is closed with 4502. With `joins` a connection, or a resume, is one round trip.
 */
export interface ConnectCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  type: "connect";
  data: Connect;
}

/** The reply to `connect`. */
export interface ConnectReply {
  /** The command's number. */
  id: number;
  data: Connected;
}

/** Answer to `connect`. */
export interface Connected {
  /** Who the socket belongs to. */
  user: Person;
  /** Every balance of the user, coins first. */
  balances: Balance[];
  /** Unix milliseconds until which the token holds, and the socket with it. */
  expires_at: number;
  /** One answer for each of the command's `joins`, in their order. Absent: the command named none. */
  joins?: JoinResult[];
  /** What the server allows. */
  limits: Limits;
  /** Milliseconds between the server's pings. */
  ping_ms: number;
  /** The sign-in that the token belongs to, a UUID. */
  session: string;
  /** The server's clock, Unix milliseconds. */
  time: number;
}

/** The two currencies of the economy. */
export type Currency = "coin" | "diamond";

/** Answer to a command that became an event: the client's picture changes by the event alone. */
export interface Done {
  /** The room's epoch: rises when the room is opened anew or by another server. */
  epoch: number;
  /** The `seq` of the event it caused, or of the state it was already in. */
  seq: number;
  /** The answer is the first one of this operation, given again. Absent: no. */
  replayed?: boolean;
}

/** The answer to a command that has nothing to say. */
export type Empty = Record<string, unknown>;

/** An error as it stands on the wire. */
export interface ErrorBody {
  /** With `insufficient_funds`: the balance in minor units. Absent otherwise. */
  balance?: number;
  /** The stable code: the one thing that code may look at. */
  code: ErrorCode;
  /** With `bad_request`: the fields that do not fit. Absent otherwise. */
  fields?: FieldError[];
  /** One sentence for the developer who reads it; nothing that code may look at. Absent: the code says all. */
  message?: string;
  /** With `suspended`: why, in the words of who did it, for the user to read. Absent otherwise. */
  reason?: string;
  /** The answer is the first one of this operation, given again. Absent: no. */
  replayed?: boolean;
  /** What the client may do with the same operation. */
  retry: Retry;
  /** With `retry: later`: milliseconds to wait. Absent otherwise. */
  retry_after_ms?: number;
  /** With `insufficient_funds`: what is missing, in minor units. Absent otherwise. */
  shortfall?: number;
  /** With `kicked`, `transfer_day_limit`, `transfer_not_yet` of a new account, and with `suspended` unless it is for good: Unix milliseconds until which it holds. Absent otherwise. */
  until?: number;
}

/** A stable code. Codes are only ever added: a client treats one that it does not know by its `retry`. */
export type ErrorCode =
  | "bad_frame"
  | "bad_request"
  | "unknown_type"
  | "not_found"
  | "method_not_allowed"
  | "too_large"
  | "unsupported_media_type"
  | "operation_required"
  | "operation_conflict"
  | "not_connected"
  | "already_connected"
  | "unauthenticated"
  | "token_expired"
  | "invalid_credentials"
  | "account_exists"
  | "code_invalid"
  | "signature_taken"
  | "suspended"
  | "forbidden"
  | "room_token_invalid"
  | "room_not_found"
  | "room_full"
  | "kicked"
  | "not_in_room"
  | "user_not_found"
  | "seat_not_found"
  | "seat_taken"
  | "seat_locked"
  | "already_seated"
  | "not_seated"
  | "seats_changed"
  | "gift_not_found"
  | "gift_to_self"
  | "no_receivers"
  | "insufficient_funds"
  | "amount_out_of_range"
  | "transfer_to_self"
  | "transfer_out_of_range"
  | "transfer_not_yet"
  | "transfer_day_limit"
  | "coin_request_not_found"
  | "coin_request_settled"
  | "coin_request_expired"
  | "coin_request_out_of_range"
  | "coin_requests_open"
  | "not_a_reseller"
  | "upload_missing"
  | "upload_refused"
  | "feature_off"
  | "rate_limited"
  | "busy"
  | "store_unavailable"
  | "room_paused"
  | "timeout"
  | "internal";

/** A command was refused, or a frame could not be read (`id` is null). */
export interface ErrorReply {
  /** The command's number; null where the frame could not be read. */
  id: number | null;
  error: ErrorBody;
}

/** A sequenced fact of a room, the same bytes for everybody in it. */
export type EventFrame =
  | ParticipantsChangedEvent
  | SeatsChangedEvent
  | ChatPostedEvent
  | ParticipantKickedEvent
  | GiftsSentEvent;

/** One field that does not fit, by its path in the body. */
export interface FieldError {
  /** The field's path in the command or body, as `client.name`. */
  field: string;
  /** What is wrong with it, for the developer who reads it. */
  message: string;
}

/** A gift of the catalogue, as `GET /v1/gifts` lists it. */
export type GiftId = number;

/** One gift operation that was paid for. A client shows nothing at or below its own `gift_no`. */
export interface GiftLine {
  /** Unix milliseconds of the commit. */
  at: number;
  /** How widely it is announced. Absent: by its event alone. */
  banner?: Banner;
  /** How many each received. */
  count: number;
  /** Who paid. */
  from: Person;
  /** Which gift. */
  gift: GiftId;
  /** The gift's number in its room, dense from 1. */
  gift_no: number;
  /** The transfer in the ledger. */
  receipt: number;
  /** Who received; each of them got `count` of the gift. */
  to: Person[];
  /** The price of all of it in coins: price × count × receivers. */
  total: Coins;
}

/** Gifts of the room above a number, oldest first, at most 200. */
export interface GiftListCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  type: "gift.list";
  data: ListGifts;
}

/** The reply to `gift.list`. */
export interface GiftListReply {
  /** The command's number. */
  id: number;
  data: GiftPage;
}

/** Answer to `gift.list`: gifts above the cursor, oldest first. */
export interface GiftPage {
  /** The gifts, at most 200. */
  gifts: GiftLine[];
  /** There are more above the last one: ask again from there. */
  more: boolean;
}

/** Answer to `gift.send`: paid, once. */
export interface GiftReceipt {
  /** Unix milliseconds of the commit. */
  at: number;
  /** The sender's coins right after it; of a replayed answer, after the first time. */
  balance: Coins;
  /** How many each receiver got. */
  count: number;
  /** Which gift. */
  gift: GiftId;
  /** The gift's number in its room, dense from 1. */
  gift_no: number;
  /** The transfer in the ledger. */
  receipt: number;
  /** The answer is the first one of this operation, given again. Absent: no. */
  replayed?: boolean;
  /** Who received. */
  to: UserId[];
  /** What it cost in coins: price × count × receivers. */
  total: Coins;
}

/**
 * Send a gift, paid for in coins: charged once, whatever happens to the reply.
 *
 * May be sent again with the same `op` from outside the room, to get the first answer.
 */
export interface GiftSendCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  /** The operation: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "gift.send";
  data: SendGift;
}

/** The reply to `gift.send`. */
export interface GiftSendReply {
  /** The command's number. */
  id: number;
  data: GiftReceipt;
}

/** Data of `gifts.sent`. */
export interface GiftsSent {
  /** Coins spent in the room, ever, with these. */
  coins: Coins;
  /** The gifts. */
  gifts: GiftLine[];
}

/** Gifts that were paid for, in the order of their `gift_no`. */
export interface GiftsSentEvent {
  /** Which room. */
  room: RoomId;
  /** The room's epoch: rises when the room is opened anew or by another server. */
  epoch: number;
  /** Dense within the epoch, from 1. */
  seq: number;
  /** Unix milliseconds. */
  at: number;
  type: "gifts.sent";
  data: GiftsSent;
}

/** A command that says no more than its room. */
export interface InRoom {
  /** Which room. */
  room: RoomId;
}

/** Come into a room, or back. */
export interface Join {
  /** Which room. */
  room: RoomId;
  /** What the client saw last; absent on a first visit. */
  position?: Position;
  /** The room token, from `POST /v1/rooms/{room}/token`. */
  token: string;
}

/** The answer to one of the joins of a `connect`. */
export type JoinResult = {
  data: Joined;
} | {
  error: ErrorBody;
};

/** Answer to `room.join`: either every missed event, or the room whole. */
export interface Joined {
  /** Which room. */
  room: RoomId;
  /** The missed events, as they were sent, oldest first. Absent: none was missed, or `snapshot` stands for them. */
  events?: EventFrame[];
  /** Gifts above the client's `gift_no` up to the position's that no event of this reply has, oldest first. Absent: none. */
  gifts?: GiftLine[];
  /** There are more gifts above the last one of `gifts` than a reply brings: ask with `gift.list` from there, before showing those of later events. Absent: no. */
  more_gifts?: boolean;
  /** Where the client stands with this reply. */
  position: Position;
  /** All missed events are in `events`; otherwise the room is in `snapshot`. */
  recovered: boolean;
  /** The room at the position. Absent: `recovered`. */
  snapshot?: Snapshot;
}

/** Put somebody out of the room, and keep them out for ten minutes. */
export interface Kick {
  /** Which room. */
  room: RoomId;
  /** Whom. */
  user: UserId;
  /** Why, at most 200 characters; the user is told. Absent: without a reason. */
  reason?: string;
}

/** The limits of this server, as far as a client has to know them. */
export interface Limits {
  /** Milliseconds for which place and seat are kept after a dropped socket. */
  grace_ms: number;
  /** Bytes of one message from the client. */
  message_bytes: number;
  /** Bytes that may wait for the socket before it is closed as a slow consumer. */
  outbox_bytes: number;
  /** Characters of a chat line. */
  text_chars: number;
  /** Commands that may wait for their reply at a time. */
  unanswered_commands: number;
}

/** Gifts of the room above a number. */
export interface ListGifts {
  /** Which room. */
  room: RoomId;
  /** Gifts above this `gift_no`; 0 is before the first. */
  after: number;
}

/** Who is in the room, by pages. */
export interface ListPeople {
  /** Which room. */
  room: RoomId;
  /** People above this id; absent: from the beginning. */
  after?: UserId;
}

/** Data of a command that has none. */
export type Nothing = Record<string, unknown>;

/** What the server says of the socket itself. */
export type NoticeFrame = PingNotice | SessionExpiringNotice | ClosingNotice;

/** Lock or unlock a seat. */
export interface OnSeat {
  /** Which room. */
  room: RoomId;
  /** Which seat, from 0. */
  seat: number;
  /** The seat map's version that this was decided on; with another one the answer is `seats_changed`. Absent: decided on whatever the map is. */
  version?: number;
}

/**
 * A client's name for one change: a UUID made once per tap and kept over retries and reconnects.
 *
 * Version 7 keeps the journal's index in order of time; every other version works as well.
 */
export type Op = string;

/** What the room is to the user who joins. */
export interface OwnPlace {
  /** Own role. */
  role: RoomRole;
  /** Own seat. Absent: none. */
  seat?: number;
}

/** Data of `participant.kicked`. */
export interface ParticipantKicked {
  /** Who. */
  user: UserId;
  /** By whom. */
  by: UserId;
  /** Why, in the words of who did it. Absent: no reason was given. */
  reason?: string;
  /** Unix milliseconds until which they may not come in. */
  until: number;
}

/** Somebody was kicked out of the room. A seat of theirs has been left in the event before. */
export interface ParticipantKickedEvent {
  /** Which room. */
  room: RoomId;
  /** The room's epoch: rises when the room is opened anew or by another server. */
  epoch: number;
  /** Dense within the epoch, from 1. */
  seq: number;
  /** Unix milliseconds. */
  at: number;
  type: "participant.kicked";
  data: ParticipantKicked;
}

/** Data of `participants.changed`. */
export interface ParticipantsChanged {
  /** How many are there now. */
  count: number;
  /** Who came. Absent: nobody. */
  joined?: Person[];
  /** Who left. Absent: nobody. */
  left?: UserId[];
}

/** Who came and left, gathered, at most four a second. */
export interface ParticipantsChangedEvent {
  /** Which room. */
  room: RoomId;
  /** The room's epoch: rises when the room is opened anew or by another server. */
  epoch: number;
  /** Dense within the epoch, from 1. */
  seq: number;
  /** Unix milliseconds. */
  at: number;
  type: "participants.changed";
  data: ParticipantsChanged;
}

/** Data of `participants.count`. */
export interface ParticipantsCount {
  /** How many. */
  count: number;
}

/** How many people are in the room, where they are too many to name. */
export interface ParticipantsCountSignal {
  /** Which room. */
  room: RoomId;
  type: "participants.count";
  data: ParticipantsCount;
}

/** Who is in the room, by id, at most 100 a page. */
export interface PeopleListCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  type: "people.list";
  data: ListPeople;
}

/** The reply to `people.list`. */
export interface PeopleListReply {
  /** The command's number. */
  id: number;
  data: PeoplePage;
}

/** Answer to `people.list`: who is in the room, by id. */
export interface PeoplePage {
  /** How many are in the room in all. */
  count: number;
  /** There are more above the last one: ask again from there. */
  more: boolean;
  /** The people, at most 100. */
  people: Person[];
}

/** A user as others see them. */
export interface Person {
  /** Who. */
  id: UserId;
  /** The display name. */
  name: string;
}

/** Ask for a sign of life. */
export interface PingCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  type: "ping";
  data?: Nothing;
}

/** Answer with `{"type":"pong"}` within 10 s. */
export interface PingNotice {
  type: "ping";
}

/** The reply to `ping`. */
export interface PingReply {
  /** The command's number. */
  id: number;
  data: Empty;
}

/** The client's answer to `ping`. It has no `id`, and no reply. */
export interface PongNotice {
  type: "pong";
}

/** Where a client stands in a room: what it saw last. Sent with every join; all above it comes back. */
export interface Position {
  /** The room's epoch: rises when the room is opened anew or by another server. A position of another epoch is answered with a snapshot. */
  epoch: number;
  /** The last event's number within the epoch. */
  seq: number;
  /** The highest gift that was shown: the client shows none at or below it. Absent: on a first visit, of which no earlier gift is sent. */
  gift_no?: number;
}

/** Who receives a gift. The sender is never among them. */
export type Recipients = {
  users: UserId[];
} | {
  seats: number[];
} | "all_seats";

/** Go on with a new access token. */
export interface RefreshSession {
  /** An access token of the session that the socket connected by. */
  token: string;
}

/** Why somebody was put out of a room. */
export type RemovalCause = "kicked" | "joined_elsewhere" | "left" | "resync" | "closed";

/** The one answer to a command, by its `id`. */
export type ReplyFrame =
  | ConnectReply
  | SessionRefreshReply
  | PingReply
  | RoomJoinReply
  | RoomLeaveReply
  | RoomKickReply
  | SeatTakeReply
  | SeatLeaveReply
  | SeatLockReply
  | SeatUnlockReply
  | ChatSendReply
  | GiftSendReply
  | GiftListReply
  | PeopleListReply
  | ErrorReply;

/** What a client may do with the same operation (`op`) after an error. A new tap is a new operation. */
export type Retry = "never" | "now" | "later" | "sign_in";

/** A room as lists have it. */
export interface RoomCard {
  /** Which room. */
  id: RoomId;
  /** Its name. */
  name: string;
  /** Whose room it is. */
  owner: Person;
  /** How many seats. */
  seats: number;
}

/** A room: a random number of nine digits and more, which people read aloud. */
export type RoomId = number;

/**
 * Come into a room, or back. A user is in one room at a time: another one is left.
 *
 * With a `position` the reply brings all missed events, or a snapshot, and is told which. The events behind the reply's position follow the reply.
 */
export interface RoomJoinCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  type: "room.join";
  data: Join;
}

/** The reply to `room.join`. */
export interface RoomJoinReply {
  /** The command's number. */
  id: number;
  data: Joined;
}

/** Put somebody out of the room, and keep them out for ten minutes. For the room's owner. */
export interface RoomKickCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  /** The operation: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "room.kick";
  data: Kick;
}

/** The reply to `room.kick`. */
export interface RoomKickReply {
  /** The command's number. */
  id: number;
  data: Done;
}

/** Leave a room at once, on all of one's devices, without the grace period. */
export interface RoomLeaveCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  type: "room.leave";
  data: InRoom;
}

/** The reply to `room.leave`. */
export interface RoomLeaveReply {
  /** The command's number. */
  id: number;
  data: Empty;
}

/** Data of `room.removed`. */
export interface RoomRemoved {
  /** Which room. */
  room: RoomId;
  /** Why. */
  cause: RemovalCause;
  /** The words of who did it. Absent: there are none. */
  reason?: string;
  /** Unix milliseconds until which they may not come in. Absent: they may. */
  until?: number;
}

/** The user was put out of a room. The socket lives on. */
export interface RoomRemovedUserFrame {
  /** Whom it concerns: the socket's own user. */
  user: UserId;
  type: "room.removed";
  data: RoomRemoved;
}

/** What a user is in a room. */
export type RoomRole = "owner" | "member";

/** One seat of the map. */
export interface Seat {
  /** Who sits there. Absent: nobody. */
  user?: Person;
  /** Nobody may take it. Absent: no. */
  locked?: boolean;
  /** The seat's number, from 0, which is the host's. */
  no: number;
}

/** Why the seat map changed. */
export type SeatCause = "taken" | "left" | "gone" | "locked" | "unlocked" | "kicked";

/** Leave one's seat. */
export interface SeatLeaveCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  /** The operation: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.leave";
  data: InRoom;
}

/** The reply to `seat.leave`. */
export interface SeatLeaveReply {
  /** The command's number. */
  id: number;
  data: Done;
}

/** Lock a seat; who sits there is evicted. For the room's owner. */
export interface SeatLockCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  /** The operation: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.lock";
  data: OnSeat;
}

/** The reply to `seat.lock`. */
export interface SeatLockReply {
  /** The command's number. */
  id: number;
  data: Done;
}

/** Take a seat. Seat 0 is the owner's. */
export interface SeatTakeCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  /** The operation: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.take";
  data: TakeSeat;
}

/** The reply to `seat.take`. */
export interface SeatTakeReply {
  /** The command's number. */
  id: number;
  data: Done;
}

/** Unlock a seat. For the room's owner. */
export interface SeatUnlockCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  /** The operation: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.unlock";
  data: OnSeat;
}

/** The reply to `seat.unlock`. */
export interface SeatUnlockReply {
  /** The command's number. */
  id: number;
  data: Done;
}

/** Data of `seats.changed`. */
export interface SeatsChanged {
  /** Who did it. Absent: the one who sits or sat. */
  by?: UserId;
  /** Why. */
  cause: SeatCause;
  /** The seats that changed. */
  seats: Seat[];
  /** The map's version now. */
  version: number;
}

/** Seats changed. All that changed at once, as they are now. */
export interface SeatsChangedEvent {
  /** Which room. */
  room: RoomId;
  /** The room's epoch: rises when the room is opened anew or by another server. */
  epoch: number;
  /** Dense within the epoch, from 1. */
  seq: number;
  /** Unix milliseconds. */
  at: number;
  type: "seats.changed";
  data: SeatsChanged;
}

/** Say something to the room. */
export interface SendChat {
  /** Which room. */
  room: RoomId;
  /** 1 to 2,000 characters, not only white space. */
  text: string;
}

/** Send a gift, paid for in coins. */
export interface SendGift {
  /** Which room. */
  room: RoomId;
  /** How many each receiver gets: 1, 10, 66, 188, 520 or 1,314. */
  count: 1 | 10 | 66 | 188 | 520 | 1314;
  /** Which gift. */
  gift: GiftId;
  /** To whom. */
  to: Recipients;
}

/** Every frame from the server. A client ignores types and fields that it does not know. */
export type ServerFrame =
  | ConnectReply
  | SessionRefreshReply
  | PingReply
  | RoomJoinReply
  | RoomLeaveReply
  | RoomKickReply
  | SeatTakeReply
  | SeatLeaveReply
  | SeatLockReply
  | SeatUnlockReply
  | ChatSendReply
  | GiftSendReply
  | GiftListReply
  | PeopleListReply
  | ErrorReply
  | ParticipantsChangedEvent
  | SeatsChangedEvent
  | ChatPostedEvent
  | ParticipantKickedEvent
  | GiftsSentEvent
  | ParticipantsCountSignal
  | BalanceChangedUserFrame
  | RoomRemovedUserFrame
  | PingNotice
  | SessionExpiringNotice
  | ClosingNotice;

/** Data of `session_expiring`. */
export interface SessionExpiring {
  /** Unix milliseconds at which it ends. */
  expires_at: number;
}

/** The access token ends soon, and the socket with it: send `session.refresh` with a new one. */
export interface SessionExpiringNotice {
  type: "session_expiring";
  data: SessionExpiring;
}

/** Go on with a new access token, before the old one ends. */
export interface SessionRefreshCommand {
  /** The client's number, unique on the socket while unanswered. */
  id: number;
  type: "session.refresh";
  data: RefreshSession;
}

/** The reply to `session.refresh`. */
export interface SessionRefreshReply {
  /** The command's number. */
  id: number;
  data: SessionRefreshed;
}

/** Answer to `session.refresh`. */
export interface SessionRefreshed {
  /** Unix milliseconds until which the token holds, and the socket with it. */
  expires_at: number;
}

/** What may be merged or dropped: the latest wins. It has no `seq`. */
export type SignalFrame = ParticipantsCountSignal;

/** The room at a position, whole. */
export interface Snapshot {
  /** The room itself. */
  room: RoomCard;
  /** The last lines of chat, oldest first: at most 50. */
  chat: ChatLine[];
  /** Coins spent in the room, ever, as far as announced. */
  coins: Coins;
  /** How many people are in the room. */
  count: number;
  /** What the room is to who joins. */
  own: OwnPlace;
  /** The first page of them, by id: at most 100. */
  people: Person[];
  /** The seat map's version; commands may name it. */
  seat_version: number;
  /** Every seat, by number. */
  seats: Seat[];
}

/** Take a seat. */
export interface TakeSeat {
  /** Which room. */
  room: RoomId;
  /** Which seat, from 0. Absent: the first free one but the host's. */
  seat?: number;
  /** The seat map's version that this was decided on; with another one the answer is `seats_changed`. Absent: decided on whatever the map is. */
  version?: number;
}

/** What concerns one user: a hint, with the cursor of what is stored. */
export type UserFrame = BalanceChangedUserFrame | RoomRemovedUserFrame;

/** A user: a random number of nine digits and more, which people read aloud. */
export type UserId = number;

/** Each command by its type. */
export interface Commands {
  /** Say something to the room. */
  "chat.send": { data: SendChat; reply: Done };
  /**
   * Say who one is. The first command of a socket, within 10 s.
   *
   * A second socket of the same `device` replaces the first, which is closed with 4502. With `joins` a connection, or a resume, is one round trip.
   */
  "connect": { data: Connect; reply: Connected };
  /** Gifts of the room above a number, oldest first, at most 200. */
  "gift.list": { data: ListGifts; reply: GiftPage };
  /**
   * Send a gift, paid for in coins: charged once, whatever happens to the reply.
   *
   * May be sent again with the same `op` from outside the room, to get the first answer.
   */
  "gift.send": { data: SendGift; reply: GiftReceipt };
  /** Who is in the room, by id, at most 100 a page. */
  "people.list": { data: ListPeople; reply: PeoplePage };
  /** Ask for a sign of life. */
  "ping": { data: Nothing; reply: Empty };
  /**
   * Come into a room, or back. A user is in one room at a time: another one is left.
   *
   * With a `position` the reply brings all missed events, or a snapshot, and is told which. The events behind the reply's position follow the reply.
   */
  "room.join": { data: Join; reply: Joined };
  /** Put somebody out of the room, and keep them out for ten minutes. For the room's owner. */
  "room.kick": { data: Kick; reply: Done };
  /** Leave a room at once, on all of one's devices, without the grace period. */
  "room.leave": { data: InRoom; reply: Empty };
  /** Leave one's seat. */
  "seat.leave": { data: InRoom; reply: Done };
  /** Lock a seat; who sits there is evicted. For the room's owner. */
  "seat.lock": { data: OnSeat; reply: Done };
  /** Take a seat. Seat 0 is the owner's. */
  "seat.take": { data: TakeSeat; reply: Done };
  /** Unlock a seat. For the room's owner. */
  "seat.unlock": { data: OnSeat; reply: Done };
  /** Go on with a new access token, before the old one ends. */
  "session.refresh": { data: RefreshSession; reply: SessionRefreshed };
}
