// Written by scripts/types.mjs from protocol/schema/parlor.v1.schema.json: change that, not this.

/** Make an admin a user like others again. Only the room's owner may do this, and an admin to themselves. */
export interface AdminDemoteCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "admin.demote";
  data: OnUser;
}

/** The reply to `admin.demote`. */
export interface AdminDemoteReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/**
 * Make a user who is in the room one of its admins. Only the room's owner may do this.
 *
 * A room has a bound of admins, 2 by default; one more is refused with `too_many_admins`.
 */
export interface AdminPromoteCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "admin.promote";
  data: OnUser;
}

/** The reply to `admin.promote`. */
export interface AdminPromoteReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `admins.changed`. */
export interface AdminsChanged {
  /** The user who became one, or is one no more. */
  user: UserId;
  /** All admins of the room now, by id. */
  admins: UserId[];
  /** The user who did it. */
  by: UserId;
}

/** A user became an admin of the room, or is one no more. */
export interface AdminsChangedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "admins.changed";
  data: AdminsChanged;
}

/** A balance with its version. */
export interface Balance {
  /** The balance, in whole minor units. */
  amount: number;
  /** The balance's currency. */
  currency: Currency;
  /** The power of ten that gives the minor units of one whole unit: 0 for coins, 4 for diamonds. */
  exponent: number;
  /** The id of the account's last transfer, which rises with every change; 0 before the first. */
  version: number;
  /** Experience points in 1/10,000: for coins the coins spent (times the gifts' multipliers), for diamonds the diamonds received. */
  xp: number;
}

/** Data of `balance.changed`. */
export interface BalanceChanged {
  /** The balance, in whole minor units. */
  amount: number;
  /** The balance's currency. */
  currency: Currency;
  /** The id of the account's last transfer, which rises with every change. */
  version: number;
}

/** A balance after a transfer. A client ignores it unless its version is above the client's own. */
export interface BalanceChangedUserFrame {
  /** The socket's own user, whom it concerns. */
  user: UserId;
  type: "balance.changed";
  data: BalanceChanged;
}

/** Ban a user from the room. */
export interface Ban {
  /** The room. */
  room: RoomId;
  /** The user to ban, who need not be in the room. */
  user: UserId;
  /** The milliseconds for which the ban holds, from a second to 366 days. Absent: until it is lifted. */
  duration_ms?: number;
  /** The reason, one line of at most 200 characters by the rules of texts, which the user is told. Absent: no reason. */
  reason?: string;
}

/** How widely a gift is announced besides its event. */
export type Banner = "room" | "all_rooms";

/** Change a room's record. Fields that are absent stay as they are. */
export interface ChangeRoom {
  /** The room. */
  room: RoomId;
  /** The name: one line of 1 to 60 characters. Absent: it stays. */
  name?: string;
  /** The announcement: one or several lines, at most 500 characters; an empty one removes it. Absent: it stays. */
  announcement?: string;
  /** The background: the id of an upload of the user's own with the purpose `room_background`, which is ready; the nil UUID removes it. Absent: it stays. */
  background?: string;
  /** The most people in the room, up to the number that the server lets into any room; 0: that number. Absent: it stays. */
  capacity?: number;
  /** The country, as ISO 3166-1 alpha-2 in upper case; an empty one removes it. Absent: it stays. */
  country?: 
  | "AD"
  | "AE"
  | "AF"
  | "AG"
  | "AI"
  | "AL"
  | "AM"
  | "AO"
  | "AQ"
  | "AR"
  | "AS"
  | "AT"
  | "AU"
  | "AW"
  | "AX"
  | "AZ"
  | "BA"
  | "BB"
  | "BD"
  | "BE"
  | "BF"
  | "BG"
  | "BH"
  | "BI"
  | "BJ"
  | "BL"
  | "BM"
  | "BN"
  | "BO"
  | "BQ"
  | "BR"
  | "BS"
  | "BT"
  | "BV"
  | "BW"
  | "BY"
  | "BZ"
  | "CA"
  | "CC"
  | "CD"
  | "CF"
  | "CG"
  | "CH"
  | "CI"
  | "CK"
  | "CL"
  | "CM"
  | "CN"
  | "CO"
  | "CR"
  | "CU"
  | "CV"
  | "CW"
  | "CX"
  | "CY"
  | "CZ"
  | "DE"
  | "DJ"
  | "DK"
  | "DM"
  | "DO"
  | "DZ"
  | "EC"
  | "EE"
  | "EG"
  | "EH"
  | "ER"
  | "ES"
  | "ET"
  | "FI"
  | "FJ"
  | "FK"
  | "FM"
  | "FO"
  | "FR"
  | "GA"
  | "GB"
  | "GD"
  | "GE"
  | "GF"
  | "GG"
  | "GH"
  | "GI"
  | "GL"
  | "GM"
  | "GN"
  | "GP"
  | "GQ"
  | "GR"
  | "GS"
  | "GT"
  | "GU"
  | "GW"
  | "GY"
  | "HK"
  | "HM"
  | "HN"
  | "HR"
  | "HT"
  | "HU"
  | "ID"
  | "IE"
  | "IL"
  | "IM"
  | "IN"
  | "IO"
  | "IQ"
  | "IR"
  | "IS"
  | "IT"
  | "JE"
  | "JM"
  | "JO"
  | "JP"
  | "KE"
  | "KG"
  | "KH"
  | "KI"
  | "KM"
  | "KN"
  | "KP"
  | "KR"
  | "KW"
  | "KY"
  | "KZ"
  | "LA"
  | "LB"
  | "LC"
  | "LI"
  | "LK"
  | "LR"
  | "LS"
  | "LT"
  | "LU"
  | "LV"
  | "LY"
  | "MA"
  | "MC"
  | "MD"
  | "ME"
  | "MF"
  | "MG"
  | "MH"
  | "MK"
  | "ML"
  | "MM"
  | "MN"
  | "MO"
  | "MP"
  | "MQ"
  | "MR"
  | "MS"
  | "MT"
  | "MU"
  | "MV"
  | "MW"
  | "MX"
  | "MY"
  | "MZ"
  | "NA"
  | "NC"
  | "NE"
  | "NF"
  | "NG"
  | "NI"
  | "NL"
  | "NO"
  | "NP"
  | "NR"
  | "NU"
  | "NZ"
  | "OM"
  | "PA"
  | "PE"
  | "PF"
  | "PG"
  | "PH"
  | "PK"
  | "PL"
  | "PM"
  | "PN"
  | "PR"
  | "PS"
  | "PT"
  | "PW"
  | "PY"
  | "QA"
  | "RE"
  | "RO"
  | "RS"
  | "RU"
  | "RW"
  | "SA"
  | "SB"
  | "SC"
  | "SD"
  | "SE"
  | "SG"
  | "SH"
  | "SI"
  | "SJ"
  | "SK"
  | "SL"
  | "SM"
  | "SN"
  | "SO"
  | "SR"
  | "SS"
  | "ST"
  | "SV"
  | "SX"
  | "SY"
  | "SZ"
  | "TC"
  | "TD"
  | "TF"
  | "TG"
  | "TH"
  | "TJ"
  | "TK"
  | "TL"
  | "TM"
  | "TN"
  | "TO"
  | "TR"
  | "TT"
  | "TV"
  | "TW"
  | "TZ"
  | "UA"
  | "UG"
  | "UM"
  | "US"
  | "UY"
  | "UZ"
  | "VA"
  | "VC"
  | "VE"
  | "VG"
  | "VI"
  | "VN"
  | "VU"
  | "WF"
  | "WS"
  | "YE"
  | "YT"
  | "ZA"
  | "ZM"
  | "ZW"
  | "";
  /** The language, as ISO 639-1 in lower case; an empty one removes it. Absent: it stays. */
  language?: 
  | "aa"
  | "ab"
  | "ae"
  | "af"
  | "ak"
  | "am"
  | "an"
  | "ar"
  | "as"
  | "av"
  | "ay"
  | "az"
  | "ba"
  | "be"
  | "bg"
  | "bi"
  | "bm"
  | "bn"
  | "bo"
  | "br"
  | "bs"
  | "ca"
  | "ce"
  | "ch"
  | "co"
  | "cr"
  | "cs"
  | "cu"
  | "cv"
  | "cy"
  | "da"
  | "de"
  | "dv"
  | "dz"
  | "ee"
  | "el"
  | "en"
  | "eo"
  | "es"
  | "et"
  | "eu"
  | "fa"
  | "ff"
  | "fi"
  | "fj"
  | "fo"
  | "fr"
  | "fy"
  | "ga"
  | "gd"
  | "gl"
  | "gn"
  | "gu"
  | "gv"
  | "ha"
  | "he"
  | "hi"
  | "ho"
  | "hr"
  | "ht"
  | "hu"
  | "hy"
  | "hz"
  | "ia"
  | "id"
  | "ie"
  | "ig"
  | "ii"
  | "ik"
  | "io"
  | "is"
  | "it"
  | "iu"
  | "ja"
  | "jv"
  | "ka"
  | "kg"
  | "ki"
  | "kj"
  | "kk"
  | "kl"
  | "km"
  | "kn"
  | "ko"
  | "kr"
  | "ks"
  | "ku"
  | "kv"
  | "kw"
  | "ky"
  | "la"
  | "lb"
  | "lg"
  | "li"
  | "ln"
  | "lo"
  | "lt"
  | "lu"
  | "lv"
  | "mg"
  | "mh"
  | "mi"
  | "mk"
  | "ml"
  | "mn"
  | "mr"
  | "ms"
  | "mt"
  | "my"
  | "na"
  | "nb"
  | "nd"
  | "ne"
  | "ng"
  | "nl"
  | "nn"
  | "no"
  | "nr"
  | "nv"
  | "ny"
  | "oc"
  | "oj"
  | "om"
  | "or"
  | "os"
  | "pa"
  | "pi"
  | "pl"
  | "ps"
  | "pt"
  | "qu"
  | "rm"
  | "rn"
  | "ro"
  | "ru"
  | "rw"
  | "sa"
  | "sc"
  | "sd"
  | "se"
  | "sg"
  | "si"
  | "sk"
  | "sl"
  | "sm"
  | "sn"
  | "so"
  | "sq"
  | "sr"
  | "ss"
  | "st"
  | "su"
  | "sv"
  | "sw"
  | "ta"
  | "te"
  | "tg"
  | "th"
  | "ti"
  | "tk"
  | "tl"
  | "tn"
  | "to"
  | "tr"
  | "ts"
  | "tt"
  | "tw"
  | "ty"
  | "ug"
  | "uk"
  | "ur"
  | "uz"
  | "ve"
  | "vi"
  | "vo"
  | "wa"
  | "wo"
  | "xh"
  | "yi"
  | "yo"
  | "za"
  | "zh"
  | "zu"
  | "";
  /** Who may write chat lines. Absent: it stays. */
  may_chat?: Who;
  /** Who may invite others to a seat. Absent: it stays. */
  may_invite?: Who;
  /** Who may post images. Absent: it stays. */
  may_post_images?: Who;
  /** Who may take a free seat by themselves. Absent: it stays. */
  may_sit?: Who;
  /** All tags, at most five lines of 1 to 24 characters. They are stored in lower case, each once. Absent: they stay. */
  tags?: string[];
  /** The theme's name, one of `GET /v1/room-themes`; an empty one removes it. Absent: it stays. */
  theme?: string;
  /** The version of the record that the user saw; if the record has another version, the answer is `room_changed`. */
  version: number;
}

/**
 * Send a chat line with an image to the room. By the room's record it may be left to some (`may_post_images`).
 *
 * Each upload is the image of one line. It is read at `/v1/rooms/{id}/images/{image}`.
 */
export interface ChatImageCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "chat.image";
  data: SendImage;
}

/** The reply to `chat.image`. */
export interface ChatImageReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** A chat line in a snapshot. */
export interface ChatLine {
  /** The sender's operation. A client shows each operation once. */
  op: Op;
  /** The epoch of the line's event; with `seq` it is the line's number. Absent: an older server. */
  epoch?: number;
  /** The `seq` of the line's event. Absent: an older server. */
  seq?: number;
  /** The time of the line, in Unix milliseconds. */
  at: number;
  /** The user who wrote it. */
  from: Person;
  /** The line's image, which is read at `/v1/rooms/{id}/images/{image}`. Absent: none. */
  image?: string;
  /** The users whom the line mentions. Absent: nobody. */
  mentions?: UserId[];
  /** The reactions below the line, the first one first. Absent: none. */
  reactions?: ReactionCount[];
  /** The line was recalled, and has nothing of what was in it. Absent: no. */
  recalled?: boolean;
  /** The line to which this one replies. Absent: none. */
  reply_to?: Quote;
  /** The text; empty if the line has only an image, or was recalled. */
  text: string;
}

/**
 * Mute a user in the room's chat, for a time or until that is lifted. Only the room's owner and its admins may do this; admins not to the owner or to another admin.
 *
 * Another mute of the same user replaces the first.
 */
export interface ChatMuteCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "chat.mute";
  data: MuteChat;
}

/** The reply to `chat.mute`. */
export interface ChatMuteReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `chat.muted`. */
export interface ChatMuted {
  /** The user who was muted. */
  user: UserId;
  /** The user who muted them. */
  by: UserId;
  /** Unix milliseconds until which they are muted. Absent: until that is lifted. */
  until?: number;
}

/** A user was muted in the chat. */
export interface ChatMutedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "chat.muted";
  data: ChatMuted;
}

/** Data of `chat.posted`. */
export interface ChatPosted {
  /** The sender's operation. A client shows each operation once. */
  op: Op;
  /** The user who wrote it. */
  from: Person;
  /** The line's image, which is read at `/v1/rooms/{id}/images/{image}`. Absent: none. */
  image?: string;
  /** The users whom the line mentions, who were in the room. Absent: nobody. */
  mentions?: UserId[];
  /** The line was recalled since, and has nothing of what was in it. Absent: no. */
  recalled?: boolean;
  /** The line to which this one replies. Absent: none. */
  reply_to?: Quote;
  /** The text; empty if the line has only an image, or was recalled. */
  text: string;
}

/** A chat line. Its time is in the envelope. */
export interface ChatPostedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "chat.posted";
  data: ChatPosted;
}

/**
 * Put a reaction below one of the room's last lines, or take one's own away.
 *
 * Everybody is told by the signal `chat.reactions`, a moment later.
 */
export interface ChatReactCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "chat.react";
  data: React;
}

/** The reply to `chat.react`. */
export interface ChatReactReply {
  /** The command's id. */
  id: number;
  data: Empty;
}

/** Data of `chat.reactions`. */
export interface ChatReactions {
  /** The lines, each with all its reactions. */
  lines: LineReactions[];
}

/** The reactions below lines, of those whose reactions changed. */
export interface ChatReactionsSignal {
  /** The room. */
  room: RoomId;
  type: "chat.reactions";
  data: ChatReactions;
}

/**
 * Recall a line: its text is removed from the room and from what is stored of it. The user who wrote it may do this for two minutes; the room's owner and its admins at any time, to any line.
 *
 * A line that was recalled before stays so, and the answer is the same.
 */
export interface ChatRecallCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "chat.recall";
  data: RecallLine;
}

/** The reply to `chat.recall`. */
export interface ChatRecallReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `chat.recalled`. */
export interface ChatRecalled {
  /** The epoch of the line's event. */
  epoch: number;
  /** The `seq` of the line's event. */
  seq: number;
  /** The user who recalled it: who wrote it, the owner, an admin, or a member of the platform's staff. */
  by: UserId;
}

/** A chat line was recalled: it is shown no more. A client that does not know the line ignores it. */
export interface ChatRecalledEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "chat.recalled";
  data: ChatRecalled;
}

/** The rules of a room's chat, which bind everybody but the room's owner and its admins. */
export interface ChatRules {
  /** Everybody is muted. Absent: no. */
  muted?: boolean;
  /** The seconds between two lines of one user. Absent: 0, no slow mode. */
  slow_mode_s?: number;
}

/** Data of `chat.rules_changed`. */
export interface ChatRulesChanged {
  /** The user who set them. */
  by: UserId;
  /** The rules. */
  rules: ChatRules;
}

/** The rules of the chat are others from now on. */
export interface ChatRulesChangedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "chat.rules_changed";
  data: ChatRulesChanged;
}

/** Set the rules of the room's chat: mute everybody, or slow everybody down. Only the room's owner and its admins may do this, and are bound by neither. */
export interface ChatRulesCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "chat.rules";
  data: SetChatRules;
}

/** The reply to `chat.rules`. */
export interface ChatRulesReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Send a chat line to the room. */
export interface ChatSendCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "chat.send";
  data: SendChat;
}

/** The reply to `chat.send`. */
export interface ChatSendReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `chat.typing`. */
export interface ChatTyping {
  /** The users, at most 20 of them. Empty: nobody any more. */
  users: UserId[];
}

/**
 * Say that the user is typing a line. It holds for five seconds, or until the line is there.
 *
 * Everybody is told by the signal `chat.typing`, a moment later.
 */
export interface ChatTypingCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "chat.typing";
  data: InRoom;
}

/** The reply to `chat.typing`. */
export interface ChatTypingReply {
  /** The command's id. */
  id: number;
  data: Empty;
}

/** Who is typing a line at this moment. It holds until the next such signal, and for 6 s at most. */
export interface ChatTypingSignal {
  /** The room. */
  room: RoomId;
  type: "chat.typing";
  data: ChatTyping;
}

/** Let a muted user write again; nothing changes if they are not muted. Only the room's owner and its admins may do this. */
export interface ChatUnmuteCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "chat.unmute";
  data: OnUser;
}

/** The reply to `chat.unmute`. */
export interface ChatUnmuteReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `chat.unmuted`. */
export interface ChatUnmuted {
  /** The user who was muted. */
  user: UserId;
  /** The user who lifted that. */
  by: UserId;
}

/** A user who was muted in the chat may write again. */
export interface ChatUnmutedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "chat.unmuted";
  data: ChatUnmuted;
}

/** The app that connects. */
export interface Client {
  /** The app's name, at most 128 characters. */
  name: string;
  /** The platform that it runs on, at most 128 characters. Absent: not told. */
  platform?: string;
  /** The app's version, at most 128 characters. Absent: not told. */
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
  | AdminPromoteCommand
  | AdminDemoteCommand
  | RoomBanCommand
  | RoomUnbanCommand
  | RoomChangeCommand
  | RoomCloseCommand
  | RoomOpenCommand
  | OwnershipOfferCommand
  | OwnershipWithdrawCommand
  | OwnershipAcceptCommand
  | OwnershipRefuseCommand
  | SeatTakeCommand
  | SeatMoveCommand
  | SeatLeaveCommand
  | SeatClaimCommand
  | SeatLockCommand
  | SeatUnlockCommand
  | SeatLockAllCommand
  | SeatUnlockAllCommand
  | SeatMuteCommand
  | SeatUnmuteCommand
  | SeatModeCommand
  | SeatLayoutCommand
  | SeatMoveUserCommand
  | SeatRemoveUserCommand
  | MicMuteCommand
  | MicUnmuteCommand
  | MicSpeakingCommand
  | HandRaiseCommand
  | HandLowerCommand
  | HandApproveCommand
  | HandRefuseCommand
  | HandListCommand
  | InvitationSendCommand
  | InvitationAcceptCommand
  | InvitationRefuseCommand
  | ChatSendCommand
  | ChatImageCommand
  | ChatRecallCommand
  | ChatReactCommand
  | ChatTypingCommand
  | ChatMuteCommand
  | ChatUnmuteCommand
  | ChatRulesCommand
  | GiftSendCommand
  | GiftListCommand
  | PeopleListCommand
  | VoiceTokenCommand
  | PongNotice;

/** Close a room: everybody is put out, and nobody may join until it is opened. */
export interface CloseRoom {
  /** The room. */
  room: RoomId;
  /** The reason, one line of at most 200 characters by the rules of texts, which everybody is told. Absent: no reason. */
  reason?: string;
}

/** That a room is closed: nobody may join it. */
export interface Closed {
  /** Who has closed it. */
  by: ClosedBy;
  /** The reason that was given. Absent: none. */
  reason?: string;
}

/** Who has closed a room. */
export type ClosedBy = "owner" | "staff";

/** Data of `closing`. */
export interface Closing {
  /** Milliseconds to wait before coming back. Absent: the client waits with its own back-off and jitter. */
  after_ms?: number;
  /** The close code, 1000 to 4999. */
  code: number;
  /** The close code's name. */
  reason: string;
}

/** The server closes the socket with this code right after this frame. */
export interface ClosingNotice {
  type: "closing";
  data: Closing;
}

/** An amount of coins, which are bought and spent. One minor unit is one coin. */
export type Coins = number;

/** Every command of a client; each gets one reply. */
export type CommandFrame =
  | ConnectCommand
  | SessionRefreshCommand
  | PingCommand
  | RoomJoinCommand
  | RoomLeaveCommand
  | RoomKickCommand
  | AdminPromoteCommand
  | AdminDemoteCommand
  | RoomBanCommand
  | RoomUnbanCommand
  | RoomChangeCommand
  | RoomCloseCommand
  | RoomOpenCommand
  | OwnershipOfferCommand
  | OwnershipWithdrawCommand
  | OwnershipAcceptCommand
  | OwnershipRefuseCommand
  | SeatTakeCommand
  | SeatMoveCommand
  | SeatLeaveCommand
  | SeatClaimCommand
  | SeatLockCommand
  | SeatUnlockCommand
  | SeatLockAllCommand
  | SeatUnlockAllCommand
  | SeatMuteCommand
  | SeatUnmuteCommand
  | SeatModeCommand
  | SeatLayoutCommand
  | SeatMoveUserCommand
  | SeatRemoveUserCommand
  | MicMuteCommand
  | MicUnmuteCommand
  | MicSpeakingCommand
  | HandRaiseCommand
  | HandLowerCommand
  | HandApproveCommand
  | HandRefuseCommand
  | HandListCommand
  | InvitationSendCommand
  | InvitationAcceptCommand
  | InvitationRefuseCommand
  | ChatSendCommand
  | ChatImageCommand
  | ChatRecallCommand
  | ChatReactCommand
  | ChatTypingCommand
  | ChatMuteCommand
  | ChatUnmuteCommand
  | ChatRulesCommand
  | GiftSendCommand
  | GiftListCommand
  | PeopleListCommand
  | VoiceTokenCommand;

/** The first command of a socket. */
export interface Connect {
  /** The app, for support. Absent: not told. */
  client?: Client;
  /** The client's lasting name for this device, one line of 1 to 128 characters; a second socket of the same device replaces the first. */
  device: string;
  /** Rooms to join at once, so that a resume is one round trip: at most 4, each room once. Absent: none. */
  joins?: Join[];
  /** The access token, from `POST /v1/auth/login`, `register` or `refresh`. Absent: the handshake had it in the header `Authorization: Bearer`. */
  token?: string;
}

/**
 * Identify the user. It is the first command of a socket, within 10 s of the handshake.
 *
 * A second socket of the same `device` replaces the first, which is closed with 4502. With `joins`, connecting or resuming takes one round trip.
 */
export interface ConnectCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "connect";
  data: Connect;
}

/** The reply to `connect`. */
export interface ConnectReply {
  /** The command's id. */
  id: number;
  data: Connected;
}

/** The reply to `connect`. */
export interface Connected {
  /** The user that the socket belongs to. */
  user: Person;
  /** All balances of the user, coins first. */
  balances: Balance[];
  /** Unix milliseconds at which the token expires, and the socket is closed. */
  expires_at: number;
  /** One answer for each of the command's `joins`, in their order. Absent: the command had none. */
  joins?: JoinResult[];
  /** The limits of this server. */
  limits: Limits;
  /** Milliseconds between the server's pings. */
  ping_ms: number;
  /** The session that the token belongs to, a UUID. */
  session: string;
  /** The server's clock, Unix milliseconds. */
  time: number;
}

/** The two currencies of the economy. */
export type Currency = "coin" | "diamond";

/** The reply to a command that became an event. A client changes what it shows by the event alone. */
export interface Done {
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The `seq` of the last event that the command caused; if it changed nothing, that of the last event. The answer to a hard command (such as `seat.lock`, `room.kick`) is stored with what it does, before that is announced: it has the `seq` of the last event before. The reply itself comes behind the command's event, as every such reply. */
  seq: number;
  /** This is the operation's first answer, repeated. Absent: no. */
  replayed?: boolean;
}

/** The data of a reply that only confirms its command. */
export type Empty = Record<string, unknown>;

/** An error as it stands on the wire. */
export interface ErrorBody {
  /** With `insufficient_funds`: the balance in minor units. Absent otherwise. */
  balance?: number;
  /** The stable code, by which an app decides what to do. */
  code: ErrorCode;
  /** With `bad_request`: the fields that do not fit. Absent otherwise. */
  fields?: FieldError[];
  /** One sentence for developers, which an app must not depend on. Absent: the code says everything. */
  message?: string;
  /** With `suspended`, and with `banned` if it refuses a room token: the reason that was given, for the user to read. Absent otherwise. */
  reason?: string;
  /** This is the operation's first answer, repeated. Absent: no. */
  replayed?: boolean;
  /** What the client may do with the same operation. */
  retry: Retry;
  /** With `retry: later`: milliseconds to wait. Absent otherwise. */
  retry_after_ms?: number;
  /** With `hand_settled`: what became of the hand, and who decided. Absent otherwise, or if the room no longer knows. */
  settled?: SettledHand;
  /** With `insufficient_funds`: what is missing, in minor units. Absent otherwise. */
  shortfall?: number;
  /** With `kicked`, `transfer_day_limit`, `transfer_not_yet` of a new account, and with `suspended`, `banned` and `muted` unless they are for good: the Unix milliseconds until which the refusal holds. Absent otherwise. */
  until?: number;
}

/** A stable code. Codes are only ever added; a client decides by `retry` about a code that it does not know. */
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
  | "banned"
  | "muted"
  | "slow_mode"
  | "text_refused"
  | "room_list_full"
  | "joined_elsewhere"
  | "room_changed"
  | "not_permitted"
  | "too_late"
  | "wrong_password"
  | "room_closed"
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
  | "too_many_rooms"
  | "hand_settled"
  | "invitation_over"
  | "queue_full"
  | "too_many_admins"
  | "not_a_reseller"
  | "transfer_not_found"
  | "transfer_reversed"
  | "transfer_not_reversible"
  | "funds_spent"
  | "upload_missing"
  | "upload_refused"
  | "cannot_retry"
  | "feature_off"
  | "rate_limited"
  | "busy"
  | "store_unavailable"
  | "room_paused"
  | "timeout"
  | "internal";

/** A command was refused, or a frame could not be read (`id` is null). */
export interface ErrorReply {
  /** The command's id; null if the frame could not be read. */
  id: number | null;
  error: ErrorBody;
}

/** A sequenced fact of a room; everybody in it gets the same bytes. */
export type EventFrame =
  | ParticipantsChangedEvent
  | PersonChangedEvent
  | RoomChangedEvent
  | SeatsChangedEvent
  | ChatPostedEvent
  | ChatRecalledEvent
  | ParticipantKickedEvent
  | AdminsChangedEvent
  | ParticipantBannedEvent
  | ParticipantUnbannedEvent
  | ChatMutedEvent
  | ChatUnmutedEvent
  | ChatRulesChangedEvent
  | SeatModeChangedEvent
  | LayoutChangedEvent
  | HandRaisedEvent
  | HandSettledEvent
  | InvitationSentEvent
  | InvitationEndedEvent
  | OwnershipChangedEvent
  | GiftsSentEvent;

/** One field that does not fit. */
export interface FieldError {
  /** The field's path in the command or body, as `client.name`. */
  field: string;
  /** What is wrong with it, for developers. */
  message: string;
}

/** The id of a gift in the catalogue, as `GET /v1/gifts` lists it. */
export type GiftId = number;

/** A gift that was paid for. A client shows no gift at or below its own `gift_no`. */
export interface GiftLine {
  /** The time of the commit, in Unix milliseconds. */
  at: number;
  /** How widely it is announced. Absent: only by its event. */
  banner?: Banner;
  /** How many of it each receiver got. */
  count: number;
  /** The user who paid. */
  from: Person;
  /** The gift, by its id in the catalogue. */
  gift: GiftId;
  /** The gift's number in its room: from 1, without gaps. */
  gift_no: number;
  /** The id of the transfer in the ledger. */
  receipt: number;
  /** The users who received it; each of them got `count` of the gift. */
  to: Person[];
  /** The price of all of it in coins: price × count × receivers. */
  total: Coins;
}

/** List the room's gifts above a number, oldest first, at most 200. */
export interface GiftListCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "gift.list";
  data: ListGifts;
}

/** The reply to `gift.list`. */
export interface GiftListReply {
  /** The command's id. */
  id: number;
  data: GiftPage;
}

/** The reply to `gift.list`: gifts above the given number, oldest first. */
export interface GiftPage {
  /** The gifts, at most 200. */
  gifts: GiftLine[];
  /** There are more above the last one: send the command again from there. */
  more: boolean;
}

/** The reply to `gift.send`: the receipt of the gift, which was paid for once. */
export interface GiftReceipt {
  /** The time of the commit, in Unix milliseconds. */
  at: number;
  /** The sender's coins right after the transfer, also in a replayed answer. */
  balance: Coins;
  /** How many of it each receiver got. */
  count: number;
  /** The gift, by its id in the catalogue. */
  gift: GiftId;
  /** The gift's number in its room: from 1, without gaps. */
  gift_no: number;
  /** The id of the transfer in the ledger. */
  receipt: number;
  /** This is the operation's first answer, repeated. Absent: no. */
  replayed?: boolean;
  /** The users who received it. */
  to: UserId[];
  /** The price of all of it in coins: price × count × receivers. */
  total: Coins;
}

/**
 * Send a gift, paid for in coins. It is charged once, whatever happens to the reply.
 *
 * Sent again with the same `op`, also from outside the room, it gets the first answer.
 */
export interface GiftSendCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "gift.send";
  data: SendGift;
}

/** The reply to `gift.send`. */
export interface GiftSendReply {
  /** The command's id. */
  id: number;
  data: GiftReceipt;
}

/** Data of `gifts.sent`. */
export interface GiftsSent {
  /** All coins that were ever spent in the room, these gifts included. */
  coins: Coins;
  /** The gifts. */
  gifts: GiftLine[];
}

/** Gifts that were paid for, in the order of their `gift_no`. */
export interface GiftsSentEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "gifts.sent";
  data: GiftsSent;
}

/** A raised hand: a user who has no seat asks for one. */
export interface Hand {
  /** The user who has raised it. */
  user: Person;
  /** The number of the seat that they ask for. Absent: any. */
  seat?: number;
  /** Unix milliseconds at which it is lowered by itself. */
  until: number;
}

/**
 * Give a user who has raised a hand a seat. The room's owner, its admins and the host may do this.
 *
 * A hand is settled once: whoever comes later is answered `hand_settled`, which says what became of it, and by whom.
 */
export interface HandApproveCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "hand.approve";
  data: OfferSeat;
}

/** The reply to `hand.approve`. */
export interface HandApproveReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** The reply to `hand.list`: the raised hands of a room, oldest first. */
export interface HandList {
  /** The hands, at most 200. */
  hands: Hand[];
}

/** List the raised hands, oldest first. The room's owner, its admins and the host may do this. */
export interface HandListCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "hand.list";
  data: InRoom;
}

/** The reply to `hand.list`. */
export interface HandListReply {
  /** The command's id. */
  id: number;
  data: HandList;
}

/** Lower one's own hand. */
export interface HandLowerCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "hand.lower";
  data: OnMap;
}

/** The reply to `hand.lower`. */
export interface HandLowerReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Why a hand is no longer raised. */
export type HandOutcome = "approved" | "refused" | "lowered" | "expired" | "seated" | "gone";

/**
 * Raise a hand: ask for a seat. It is lowered by itself after 30 s.
 *
 * Raised again, it is at the end of the queue. Beyond 200 raised hands the answer is `queue_full`.
 */
export interface HandRaiseCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "hand.raise";
  data: RaiseHand;
}

/** The reply to `hand.raise`. */
export interface HandRaiseReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `hand.raised`. */
export interface HandRaised {
  /** The hand. */
  hand: Hand;
}

/** A user has raised a hand, or raised it anew: then it is at the end of the queue. */
export interface HandRaisedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "hand.raised";
  data: HandRaised;
}

/** Refuse a user who has raised a hand. The room's owner, its admins and the host may do this. */
export interface HandRefuseCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "hand.refuse";
  data: OnUserOnMap;
}

/** The reply to `hand.refuse`. */
export interface HandRefuseReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `hand.settled`. */
export interface HandSettled {
  /** The user who had raised it. */
  user: UserId;
  /** The user who decided. Absent: nobody else than the one who had raised it. */
  by?: UserId;
  /** What became of it. */
  outcome: HandOutcome;
}

/** A hand is no longer raised. If the user has got a seat, an event behind says which. */
export interface HandSettledEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "hand.settled";
  data: HandSettled;
}

/** The data of a command that only names its room. */
export interface InRoom {
  /** The room. */
  room: RoomId;
}

/** An invitation to take a seat. */
export interface Invitation {
  /** The user who is invited. */
  user: Person;
  /** The user who invites. */
  by: UserId;
  /** The number of the seat. Absent: any that is free. */
  seat?: number;
  /** Unix milliseconds at which it is over. */
  until: number;
}

/** Accept an invitation, and take the seat. If the seat cannot be had now, the invitation stays open. */
export interface InvitationAcceptCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "invitation.accept";
  data: OnMap;
}

/** The reply to `invitation.accept`. */
export interface InvitationAcceptReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `invitation.ended`. */
export interface InvitationEnded {
  /** The user who was invited. */
  user: UserId;
  /** Why it is over. */
  outcome: InvitationOutcome;
}

/** An invitation is over. If the user has got a seat, an event behind says which. */
export interface InvitationEndedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "invitation.ended";
  data: InvitationEnded;
}

/** Why an invitation is over. */
export type InvitationOutcome = "accepted" | "refused" | "expired" | "seated" | "gone";

/** Refuse an invitation. */
export interface InvitationRefuseCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "invitation.refuse";
  data: OnMap;
}

/** The reply to `invitation.refuse`. */
export interface InvitationRefuseReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Invite a user who is in the room to take a seat, for 60 s. The room's owner, its admins and the host may do this. */
export interface InvitationSendCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "invitation.send";
  data: OfferSeat;
}

/** The reply to `invitation.send`. */
export interface InvitationSendReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `invitation.sent`. */
export interface InvitationSent {
  /** The invitation. */
  invitation: Invitation;
}

/** A user was invited to take a seat. It replaces an earlier invitation of the user. */
export interface InvitationSentEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "invitation.sent";
  data: InvitationSent;
}

/** Join a room, or come back to it. */
export interface Join {
  /** The room. */
  room: RoomId;
  /** The last position that the client has seen, if it comes back to the room by itself. Absent when the user chooses the room: such a join leaves any other room, while one with a position is answered `joined_elsewhere` if the user has since chosen another room. */
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

/** The reply to `room.join`: either every missed event, or a snapshot of the room. */
export interface Joined {
  /** The room. */
  room: RoomId;
  /** The missed events, as they were sent, oldest first. Absent: none was missed, or there is a `snapshot` instead. */
  events?: EventFrame[];
  /** The gifts above the client's `gift_no`, up to that of the position, which are in no event of this reply, oldest first. Absent: none. */
  gifts?: GiftLine[];
  /** There are more gifts above the last one of `gifts`: get them with `gift.list` before showing those of later events. Absent: no. */
  more_gifts?: boolean;
  /** The client's position after this reply. */
  position: Position;
  /** True: `events` has all missed events. False: `snapshot` has the room. */
  recovered: boolean;
  /** The room at the position. Absent: `recovered` is true. */
  snapshot?: Snapshot;
}

/** Remove a user from the room, and keep them out for a while. */
export interface Kick {
  /** The room. */
  room: RoomId;
  /** The user to remove. */
  user: UserId;
  /** The milliseconds for which the user may not join again, from a second to a day. Absent: as the server is set up, which is ten minutes by default. */
  duration_ms?: number;
  /** The reason, one line of at most 200 characters by the rules of texts, which the user is told. Absent: no reason. */
  reason?: string;
}

/** Data of `layout.changed`. */
export interface LayoutChanged {
  /** The user who did it. */
  by: UserId;
  /** All seats now, by number. */
  seats: Seat[];
  /** The seat map's version now. */
  version: number;
}

/** The room has another number of seats. Users on seats that are no longer there have no seat any more. */
export interface LayoutChangedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "layout.changed";
  data: LayoutChanged;
}

/** The limits of this server that a client must know. */
export interface Limits {
  /** Milliseconds for which a user's place and seat are kept after the socket is lost. */
  grace_ms: number;
  /** Bytes of one message from the client. */
  message_bytes: number;
  /** Bytes that may wait for the socket before it is closed as a slow consumer. */
  outbox_bytes: number;
  /** Characters of a chat line. */
  text_chars: number;
  /** Commands that may wait for their reply at the same time. */
  unanswered_commands: number;
}

/** The number of a chat line, which is that of its event. */
export interface LineNumber {
  /** The epoch of the line's event. */
  epoch: number;
  /** The `seq` of the line's event. */
  seq: number;
}

/** All reactions below a line, as they are now. */
export interface LineReactions {
  /** The epoch of the line's event. */
  epoch: number;
  /** The `seq` of the line's event. */
  seq: number;
  /** The reactions, the first one first. Empty: none any more. */
  counts: ReactionCount[];
}

/** List the room's gifts above a number. */
export interface ListGifts {
  /** The room. */
  room: RoomId;
  /** The `gift_no` above which gifts are listed; 0: from the first gift on. */
  after: number;
}

/** List the people in the room, in pages. */
export interface ListPeople {
  /** The room. */
  room: RoomId;
  /** The user id above which people are listed. Absent: from the beginning. */
  after?: UserId;
  /** The beginning of a name, in any case and without its marks, or a whole user id: at most 60 characters in one line. Absent: everybody is listed. */
  search?: string;
}

/** Somebody in a room, as the list of its people shows them. */
export interface Member {
  /** The user's id. */
  id: UserId;
  /** The user's display name. */
  name: string;
  /** A number that changes with the user's picture, which is read at `/v1/users/{id}/avatar?v=` and this number: so no cache shows a former picture. Absent: the user has no picture. */
  picture?: number;
  /** Their role in the room. Absent: they are a listener. */
  role?: RoomRole;
}

/** Mute oneself on one's own seat. It ends when the user leaves the seat; it goes along to another one. */
export interface MicMuteCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "mic.mute";
  data: OnMap;
}

/** The reply to `mic.mute`. */
export interface MicMuteReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `mic.speaking`. */
export interface MicSpeaking {
  /** The users, who sit on seats. Empty: nobody any more. */
  users: Speaker[];
}

/**
 * Say that the user, who sits on a seat, is speaking. It holds for two seconds.
 *
 * Everybody is told by the signal `mic.speaking`, a moment later, unless the seat or the user is muted.
 */
export interface MicSpeakingCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "mic.speaking";
  data: Speak;
}

/** The reply to `mic.speaking`. */
export interface MicSpeakingReply {
  /** The command's id. */
  id: number;
  data: Empty;
}

/** Who is speaking at this moment. It holds until the next such signal, and for 3 s at most. */
export interface MicSpeakingSignal {
  /** The room. */
  room: RoomId;
  type: "mic.speaking";
  data: MicSpeaking;
}

/** Unmute oneself. On a seat that the owner or an admin has muted, the user is still not heard. */
export interface MicUnmuteCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "mic.unmute";
  data: OnMap;
}

/** The reply to `mic.unmute`. */
export interface MicUnmuteReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** What becomes of a user who sits on the seat to which another user is moved. */
export type MovePolicy = "give_up" | "kick" | "swap";

/** Move to another seat. */
export interface MoveSeat {
  /** The room. */
  room: RoomId;
  /** The number of the seat to move to, from 0. */
  seat: number;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/** Move another user to a seat. */
export interface MoveUser {
  /** The room. */
  room: RoomId;
  /** The user, who sits on a seat. */
  user: UserId;
  /** What becomes of a user who sits there. */
  policy: MovePolicy;
  /** The number of the seat to move them to, from 0. */
  seat: number;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/** Mute a user in the room's chat. */
export interface MuteChat {
  /** The room. */
  room: RoomId;
  /** The user to mute, who need not be in the room. */
  user: UserId;
  /** The milliseconds for which the user is muted, from a second to 366 days. Absent: until that is lifted. */
  duration_ms?: number;
}

/** The data of a command that needs none. */
export type Nothing = Record<string, unknown>;

/** A frame about the socket itself. */
export type NoticeFrame = PingNotice | SessionExpiringNotice | ClosingNotice;

/** Offer a user a seat: approve their hand, or invite them. */
export interface OfferSeat {
  /** The room. */
  room: RoomId;
  /** The user who gets the seat. */
  user: UserId;
  /** The seat's number, from 0. Absent: the one that the user has asked for, or else the first free seat except the host's. */
  seat?: number;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/** Lock or unlock all seats. */
export interface OnAllSeats {
  /** The room. */
  room: RoomId;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/** The data of a command that names its room, and may name the seat map on which it was decided. */
export interface OnMap {
  /** The room. */
  room: RoomId;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/** Lock or unlock a seat. */
export interface OnSeat {
  /** The room. */
  room: RoomId;
  /** The seat's number, from 0. */
  seat: number;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/** The data of a command about one user of a room. */
export interface OnUser {
  /** The room. */
  room: RoomId;
  /** The user. */
  user: UserId;
}

/** The data of a command about one user of a room, which may name the seat map on which it was decided. */
export interface OnUserOnMap {
  /** The room. */
  room: RoomId;
  /** The user. */
  user: UserId;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/**
 * The id of an operation: a UUID that a client makes once for each tap and keeps over retries and reconnects.
 *
 * Version 7 is best, because it keeps the journal's index in order of time; every other version works as well.
 */
export type Op = string;

/** The place in the room of the user who joins. */
export interface OwnPlace {
  /** The user was muted in the chat, which may be over by now. Absent: no. */
  chat_muted?: boolean;
  /** With `chat_muted`: the Unix milliseconds until which the user is muted. Absent: until that is lifted. */
  chat_muted_until?: number;
  /** The user's raised hand. Absent: none. */
  hand?: Hand;
  /** The user's open invitation. Absent: none. */
  invitation?: Invitation;
  /** The user's role. After the snapshot it follows from events: who owns the room, who its admins are, who sits where. */
  role: RoomRole;
  /** The number of the user's seat. Absent: none. */
  seat?: number;
}

/** Accept the offer of the room, and own it from now on. The former owner keeps no right but those of the seat they sit on. */
export interface OwnershipAcceptCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "ownership.accept";
  data: InRoom;
}

/** The reply to `ownership.accept`. */
export interface OwnershipAcceptReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** What happened to the ownership of a room, or to an offer of it. */
export type OwnershipCause = "offered" | "accepted" | "refused" | "withdrawn" | "expired" | "gone";

/** Data of `ownership.changed`. */
export interface OwnershipChanged {
  /** What happened. */
  cause: OwnershipCause;
  /** The open offer now. Absent: none. */
  offer?: OwnershipOffer;
  /** The room's owner now. */
  owner: Person;
}

/** The room was offered to a user, has another owner, or the offer has ended. */
export interface OwnershipChangedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "ownership.changed";
  data: OwnershipChanged;
}

/** An open offer of the room's ownership. */
export interface OwnershipOffer {
  /** The user to whom the room is offered. */
  user: Person;
  /** Unix milliseconds at which the offer is over. */
  until: number;
}

/** Offer the room to a user who is in it, for five minutes. It replaces an earlier offer. Only the room's owner may do this. */
export interface OwnershipOfferCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "ownership.offer";
  data: OnUser;
}

/** The reply to `ownership.offer`. */
export interface OwnershipOfferReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Refuse the offer of the room. */
export interface OwnershipRefuseCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "ownership.refuse";
  data: InRoom;
}

/** The reply to `ownership.refuse`. */
export interface OwnershipRefuseReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Withdraw the offer of the room. Only the room's owner may do this. */
export interface OwnershipWithdrawCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "ownership.withdraw";
  data: InRoom;
}

/** The reply to `ownership.withdraw`. */
export interface OwnershipWithdrawReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `participant.banned`. */
export interface ParticipantBanned {
  /** The user who was banned. */
  user: UserId;
  /** The user who banned them. */
  by: UserId;
  /** The reason that was given. Absent: none. */
  reason?: string;
  /** Unix milliseconds until which they may not join. Absent: until the ban is lifted. */
  until?: number;
}

/** A user was banned from the room, in which they need not have been. If they sat on a seat, the event before has freed it. */
export interface ParticipantBannedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "participant.banned";
  data: ParticipantBanned;
}

/** Data of `participant.kicked`. */
export interface ParticipantKicked {
  /** The user who was kicked. */
  user: UserId;
  /** The user who kicked them. */
  by: UserId;
  /** The reason that was given. Absent: none. */
  reason?: string;
  /** Unix milliseconds until which they may not join. */
  until: number;
}

/** A user was kicked out of the room. If they sat on a seat, the event before has freed it. */
export interface ParticipantKickedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "participant.kicked";
  data: ParticipantKicked;
}

/** Data of `participant.unbanned`. */
export interface ParticipantUnbanned {
  /** The user who was banned. */
  user: UserId;
  /** The user who lifted the ban. */
  by: UserId;
}

/** The ban of a user was lifted, so they may join again. */
export interface ParticipantUnbannedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "participant.unbanned";
  data: ParticipantUnbanned;
}

/** Data of `participants.changed`. */
export interface ParticipantsChanged {
  /** The number of people in the room now. */
  count: number;
  /** The people who joined. Absent: nobody. */
  joined?: Person[];
  /** The users who left. Absent: nobody. */
  left?: UserId[];
}

/** People joined or left. Changes are gathered into at most four events a second. */
export interface ParticipantsChangedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "participants.changed";
  data: ParticipantsChanged;
}

/** Data of `participants.count`. */
export interface ParticipantsCount {
  /** The number of people in the room. */
  count: number;
}

/** The number of people in a room that has too many to name them. */
export interface ParticipantsCountSignal {
  /** The room. */
  room: RoomId;
  type: "participants.count";
  data: ParticipantsCount;
}

/** List the people in the room by id, or those of them who are searched for, at most 100 per page. */
export interface PeopleListCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "people.list";
  data: ListPeople;
}

/** The reply to `people.list`. */
export interface PeopleListReply {
  /** The command's id. */
  id: number;
  data: PeoplePage;
}

/** The reply to `people.list`: the people in the room, by id. */
export interface PeoplePage {
  /** The number of people in the room, whoever was searched for. */
  count: number;
  /** There are more above the last one: send the command again from there. */
  more: boolean;
  /** The people, at most 100. */
  people: Member[];
}

/** A user as others see them. */
export interface Person {
  /** The user's id. */
  id: UserId;
  /** The user's display name. */
  name: string;
  /** A number that changes with the user's picture, which is read at `/v1/users/{id}/avatar?v=` and this number: so no cache shows a former picture. Absent: the user has no picture. */
  picture?: number;
}

/** Data of `person.changed`. */
export interface PersonChanged {
  /** The user as they are now. */
  person: Person;
}

/** A user has another name or picture from now on: in the list of people, on their seat, and as the room's owner. Chat lines and gifts keep the name with which they were sent. A client that does not know the user ignores it. */
export interface PersonChangedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "person.changed";
  data: PersonChanged;
}

/** The user has another name or picture from now on. The latest frame counts; a client that was away is told by the reply to its next `connect`. */
export interface PersonChangedUserFrame {
  /** The socket's own user, whom it concerns. */
  user: UserId;
  type: "person.changed";
  data: PersonChanged;
}

/** Check that the connection is alive. */
export interface PingCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "ping";
  data?: Nothing;
}

/** The server checks that the connection is alive: answer with `{"type":"pong"}`. A socket that is silent for too long is closed with 4002. */
export interface PingNotice {
  type: "ping";
}

/** The reply to `ping`. */
export interface PingReply {
  /** The command's id. */
  id: number;
  data: Empty;
}

/** The client's answer to `ping`. It has no `id`, and no reply. */
export interface PongNotice {
  type: "pong";
}

/** A client's position in a room: what it has seen last. The client sends it with every join, and gets everything above it. */
export interface Position {
  /** The room's epoch, which rises when the room starts anew or moves to another server. A position of another epoch is answered with a snapshot. */
  epoch: number;
  /** The number of the last event within the epoch. */
  seq: number;
  /** The number of the highest gift that was shown; the client shows no gift at or below it. Absent: a first visit, which gets no earlier gifts. */
  gift_no?: number;
}

/** Who is let into a room. */
export type Privacy = "public" | "password" | "invited" | "hidden";

/** The line to which another line replies. Its text is not repeated, so that a recalled line stands nowhere: a client shows what it has of the line itself. */
export interface Quote {
  /** The user who wrote the line. Absent: the room has it no more. */
  user?: UserId;
  /** The epoch of the line's event. */
  epoch: number;
  /** The `seq` of the line's event. */
  seq: number;
}

/** Raise a hand. */
export interface RaiseHand {
  /** The room. */
  room: RoomId;
  /** The number of the seat that the user asks for, from 0. Absent: any. */
  seat?: number;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/** Put a reaction below a line, or take one's own away. */
export interface React {
  /** The room. */
  room: RoomId;
  /** The epoch of the line's event. */
  epoch: number;
  /** The `seq` of the line's event. */
  seq: number;
  /** Whether the user has this reaction below the line from now on. Absent: yes. */
  on?: boolean;
  /** The reaction. */
  reaction: Reaction;
}

/** What users put below a line of somebody, as a picture of the client's own. */
export type Reaction =
  | "like"
  | "love"
  | "laugh"
  | "wow"
  | "sad"
  | "angry"
  | "thanks"
  | "clap"
  | "fire"
  | "party"
  | "rose"
  | "dislike";

/** How many users have put a reaction below a line. */
export interface ReactionCount {
  /** The number of users, from 1. */
  count: number;
  /** The reaction. */
  reaction: Reaction;
}

/** Recall a line. */
export interface RecallLine {
  /** The room. */
  room: RoomId;
  /** The epoch of the line's event. */
  epoch: number;
  /** The `seq` of the line's event. */
  seq: number;
}

/** The receivers of a gift. The sender is never among them. */
export type Recipients = {
  users: UserId[];
} | {
  seats: number[];
} | "all_seats";

/** Continue the session with a new access token. */
export interface RefreshSession {
  /** A new access token of the session with which the socket connected. */
  token: string;
}

/** Why a user is no longer in a room. */
export type RemovalCause = "kicked" | "banned" | "joined_elsewhere" | "left" | "replaced" | "resync" | "closed";

/** The reply to a command, with the same `id`. */
export type ReplyFrame =
  | ConnectReply
  | SessionRefreshReply
  | PingReply
  | RoomJoinReply
  | RoomLeaveReply
  | RoomKickReply
  | AdminPromoteReply
  | AdminDemoteReply
  | RoomBanReply
  | RoomUnbanReply
  | RoomChangeReply
  | RoomCloseReply
  | RoomOpenReply
  | OwnershipOfferReply
  | OwnershipWithdrawReply
  | OwnershipAcceptReply
  | OwnershipRefuseReply
  | SeatTakeReply
  | SeatMoveReply
  | SeatLeaveReply
  | SeatClaimReply
  | SeatLockReply
  | SeatUnlockReply
  | SeatLockAllReply
  | SeatUnlockAllReply
  | SeatMuteReply
  | SeatUnmuteReply
  | SeatModeReply
  | SeatLayoutReply
  | SeatMoveUserReply
  | SeatRemoveUserReply
  | MicMuteReply
  | MicUnmuteReply
  | MicSpeakingReply
  | HandRaiseReply
  | HandLowerReply
  | HandApproveReply
  | HandRefuseReply
  | HandListReply
  | InvitationSendReply
  | InvitationAcceptReply
  | InvitationRefuseReply
  | ChatSendReply
  | ChatImageReply
  | ChatRecallReply
  | ChatReactReply
  | ChatTypingReply
  | ChatMuteReply
  | ChatUnmuteReply
  | ChatRulesReply
  | GiftSendReply
  | GiftListReply
  | PeopleListReply
  | VoiceTokenReply
  | ErrorReply;

/** What a client may do with the same operation (`op`) after an error. A new tap makes a new operation. */
export type Retry = "never" | "now" | "later" | "sign_in";

/**
 * Ban a user from the room, for a time or until the ban is lifted. Only the room's owner and its admins may do this; admins not to the owner or to another admin.
 *
 * A user who is in the room is removed from it. Another ban of the same user replaces the first.
 */
export interface RoomBanCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "room.ban";
  data: Ban;
}

/** The reply to `room.ban`. */
export interface RoomBanReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** A room's record, as lists, snapshots and `room.changed` show it. */
export interface RoomCard {
  /** The room's id. */
  id: RoomId;
  /** The room's name. */
  name: string;
  /** The announcement, of one or several lines. Absent: none. */
  announcement?: string;
  /** A number that changes with the room's background, which is read at `/v1/rooms/{id}/background?v=` and this number. Absent: the room has none of its own. */
  background?: number;
  /** The most people in the room. Absent: as many as the server lets into any room. */
  capacity?: number;
  /** That the room is closed, so that nobody may join. Absent: it is open. */
  closed?: Closed;
  /** The room's country, as ISO 3166-1 alpha-2. Absent: not told. */
  country?: string;
  /** The language that is spoken here, as ISO 639-1. Absent: not told. */
  language?: string;
  /** Who may write chat lines. */
  may_chat: Who;
  /** Who may invite others to a seat, of those whose role lets them: the owner, the admins and the host. */
  may_invite: Who;
  /** Who may post images. */
  may_post_images: Who;
  /** Who may take a free seat by themselves. */
  may_sit: Who;
  /** The room's owner. */
  owner: Person;
  /** Who is let in. */
  privacy: Privacy;
  /** The number of seats. */
  seats: number;
  /** What the room is about, at most five words in lower case. Absent: nothing. */
  tags?: string[];
  /** The theme, by its name in `GET /v1/room-themes`. Absent: none. */
  theme?: string;
  /** The record's version, which rises with every change of the record. A change names it. */
  version: number;
}

/** Change the room's record: its name, announcement, language, country, tags, capacity, theme and background, and who may do what in it. Only the room's owner may do this. */
export interface RoomChangeCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "room.change";
  data: ChangeRoom;
}

/** The reply to `room.change`. */
export interface RoomChangeReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `room.changed`. */
export interface RoomChanged {
  /** The whole record as it is now. */
  room: RoomCard;
  /** The user who changed it. */
  by: UserId;
}

/** The room's record changed: its name, announcement, capacity, privacy, what it lets people do, or whether it is closed. */
export interface RoomChangedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "room.changed";
  data: RoomChanged;
}

/** Close a room: everybody is put out, and nobody may join until it is opened. Only the room's owner may do this. */
export interface RoomCloseCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "room.close";
  data: CloseRoom;
}

/** The reply to `room.close`. */
export interface RoomCloseReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** A room's id: a random number of at least nine digits, which people can read aloud. */
export type RoomId = number;

/**
 * Join a room, or come back to it. A user is in one room at a time, so joining leaves any other room.
 *
 * With a `position` the reply has either all missed events or a snapshot, and says which. The events above the reply's position follow the reply.
 */
export interface RoomJoinCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "room.join";
  data: Join;
}

/** The reply to `room.join`. */
export interface RoomJoinReply {
  /** The command's id. */
  id: number;
  data: Joined;
}

/** Remove a user from the room, and keep them out for a while. Only the room's owner and its admins may do this; admins not to the owner or to another admin. */
export interface RoomKickCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "room.kick";
  data: Kick;
}

/** The reply to `room.kick`. */
export interface RoomKickReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Leave a room at once, on all devices of the user, without the grace period. */
export interface RoomLeaveCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "room.leave";
  data: InRoom;
}

/** The reply to `room.leave`. */
export interface RoomLeaveReply {
  /** The command's id. */
  id: number;
  data: Empty;
}

/** Open a room that its owner has closed. Only the room's owner may do this, from outside. */
export interface RoomOpenCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "room.open";
  data: InRoom;
}

/** The reply to `room.open`. */
export interface RoomOpenReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `room.removed`. */
export interface RoomRemoved {
  /** The room. */
  room: RoomId;
  /** Why the user is no longer in it. */
  cause: RemovalCause;
  /** The reason that was given. Absent: none. */
  reason?: string;
  /** Unix milliseconds until which the user may not join. Absent: they may join at once, or with the cause `banned` when the ban is lifted. */
  until?: number;
}

/** The user is no longer in a room. The socket stays open. */
export interface RoomRemovedUserFrame {
  /** The socket's own user, whom it concerns. */
  user: UserId;
  type: "room.removed";
  data: RoomRemoved;
}

/** A user's role in a room. */
export type RoomRole = "owner" | "admin" | "host" | "speaker" | "listener" | "member";

/** Lift the ban of a user; nothing changes if there is none. Only the room's owner and its admins may do this. */
export interface RoomUnbanCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "room.unban";
  data: OnUser;
}

/** The reply to `room.unban`. */
export interface RoomUnbanReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** One seat of the map. */
export interface Seat {
  /** The user who sits there. Absent: nobody. */
  user?: Person;
  /** The seat is locked, so nobody may take it. Absent: no. */
  locked?: boolean;
  /** The owner or an admin has muted the seat: whoever sits there is not heard. Absent: no. */
  muted?: boolean;
  /** The seat's number, from 0; seat 0 is the host's. */
  no: number;
  /** The user who sits there has muted themselves. It ends when they leave the seat. Absent: no. */
  self_muted?: boolean;
}

/** Why the seat map changed. */
export type SeatCause =
  | "taken"
  | "moved"
  | "left"
  | "gone"
  | "locked"
  | "unlocked"
  | "kicked"
  | "banned"
  | "muted"
  | "unmuted"
  | "self_muted"
  | "self_unmuted"
  | "approved"
  | "invited"
  | "placed"
  | "swapped"
  | "removed";

/**
 * Speak from this device: the user's seat is that of the session which took it, and this one has it from now on.
 *
 * The others of the user's devices that had a token of the voice vendor get one with which they may only listen.
 */
export interface SeatClaimCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.claim";
  data: InRoom;
}

/** The reply to `seat.claim`. */
export interface SeatClaimReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Change the number of seats. Users on seats that are no longer there lose them. Only the room's owner may do this. */
export interface SeatLayoutCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.layout";
  data: SetLayout;
}

/** The reply to `seat.layout`. */
export interface SeatLayoutReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Leave the user's own seat. */
export interface SeatLeaveCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.leave";
  data: OnMap;
}

/** The reply to `seat.leave`. */
export interface SeatLeaveReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Lock all seats except the host's, in one step; users who sit there lose them. Only the room's owner and its admins may do this; if an admin does it, the seats of the owner and of other admins stay as they are. */
export interface SeatLockAllCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.lock_all";
  data: OnAllSeats;
}

/** The reply to `seat.lock_all`. */
export interface SeatLockAllReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Lock a seat; a user who sits there loses it. Only the room's owner and its admins may do this; admins not if the owner or another admin sits there. */
export interface SeatLockCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.lock";
  data: OnSeat;
}

/** The reply to `seat.lock`. */
export interface SeatLockReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** How users get a seat. */
export type SeatMode = "free" | "apply";

/** Data of `seat_mode.changed`. */
export interface SeatModeChanged {
  /** The user who did it. */
  by: UserId;
  /** How users get a seat now. */
  mode: SeatMode;
}

/** Users get a seat in another way from now on. */
export interface SeatModeChangedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "seat_mode.changed";
  data: SeatModeChanged;
}

/** Change how users get a seat: by taking it, or by a hand. Only the room's owner and its admins may do this. */
export interface SeatModeCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.mode";
  data: SetSeatMode;
}

/** The reply to `seat.mode`. */
export interface SeatModeReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/**
 * Move from the user's own seat to another free one, in one step: nobody else can get a seat in between.
 *
 * Seat 0 is for the room's owner. The old seat stays the user's if the new one is refused.
 */
export interface SeatMoveCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.move";
  data: MoveSeat;
}

/** The reply to `seat.move`. */
export interface SeatMoveReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Move a user from their seat to another one. Only the room's owner and its admins may do this; admins not with the owner or another admin. */
export interface SeatMoveUserCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.move_user";
  data: MoveUser;
}

/** The reply to `seat.move_user`. */
export interface SeatMoveUserReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Mute a seat: whoever sits there, now or later, is not heard, until the seat is unmuted. Only the room's owner and its admins may do this; admins not if the owner or another admin sits there. */
export interface SeatMuteCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.mute";
  data: OnSeat;
}

/** The reply to `seat.mute`. */
export interface SeatMuteReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Take a user's seat away; they stay in the room. Only the room's owner and its admins may do this; admins not with the owner or another admin. */
export interface SeatRemoveUserCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.remove_user";
  data: OnUserOnMap;
}

/** The reply to `seat.remove_user`. */
export interface SeatRemoveUserReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/**
 * Take a seat. Seat 0 is for the room's owner.
 *
 * In a room with the mode `apply` only the owner and the admins may take a seat by themselves; others are answered `not_permitted`, and raise a hand.
 */
export interface SeatTakeCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.take";
  data: TakeSeat;
}

/** The reply to `seat.take`. */
export interface SeatTakeReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Unlock all seats, in one step. Only the room's owner and its admins may do this. */
export interface SeatUnlockAllCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.unlock_all";
  data: OnAllSeats;
}

/** The reply to `seat.unlock_all`. */
export interface SeatUnlockAllReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Unlock a seat. Only the room's owner and its admins may do this. */
export interface SeatUnlockCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.unlock";
  data: OnSeat;
}

/** The reply to `seat.unlock`. */
export interface SeatUnlockReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Unmute a seat. Only the room's owner and its admins may do this. A user who has muted themselves stays muted. */
export interface SeatUnmuteCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  /** The operation's id: made once for each tap, kept over retries and reconnects. */
  op: Op;
  type: "seat.unmute";
  data: OnSeat;
}

/** The reply to `seat.unmute`. */
export interface SeatUnmuteReply {
  /** The command's id. */
  id: number;
  data: Done;
}

/** Data of `seats.changed`. */
export interface SeatsChanged {
  /** The user who did it. Absent: the user who sits or sat there. */
  by?: UserId;
  /** Why the seats changed. */
  cause: SeatCause;
  /** The seats that changed. */
  seats: Seat[];
  /** The seat map's version now. */
  version: number;
}

/** Seats changed. The event has all seats that changed together, as they are now. */
export interface SeatsChangedEvent {
  /** The room. */
  room: RoomId;
  /** The room's epoch, which rises when the room starts anew or moves to another server. */
  epoch: number;
  /** The event's number within the epoch: from 1, without gaps. */
  seq: number;
  /** The time of the event, in Unix milliseconds. */
  at: number;
  type: "seats.changed";
  data: SeatsChanged;
}

/** Send a chat line to the room. */
export interface SendChat {
  /** The room. */
  room: RoomId;
  /** The users whom the line mentions, at most 10. Those who are not in the room are left out of the event. Absent: nobody. */
  mentions?: UserId[];
  /** The line to which this one replies. Absent: none. */
  reply_to?: LineNumber;
  /** The text: one or several lines, 1 to 2,000 characters, by the rules of texts. */
  text: string;
}

/** Send a gift, paid for in coins. */
export interface SendGift {
  /** The room. */
  room: RoomId;
  /** How many of it each receiver gets: 1, 10, 66, 188, 520 or 1,314. */
  count: 1 | 10 | 66 | 188 | 520 | 1314;
  /** The gift, by its id in the catalogue. */
  gift: GiftId;
  /** The receivers. */
  to: Recipients;
}

/** Send a chat line with an image to the room. */
export interface SendImage {
  /** The room. */
  room: RoomId;
  /** The image: the id of an upload of the user's own with the purpose `room_image`, which is ready and which no line has shown yet. */
  image: string;
  /** The users whom the line mentions, at most 10. Those who are not in the room are left out of the event. Absent: nobody. */
  mentions?: UserId[];
  /** The line to which this one replies. Absent: none. */
  reply_to?: LineNumber;
  /** The text beside it: one or several lines of at most 2,000 characters, by the rules of texts. Absent: none. */
  text?: string;
}

/** Every frame from the server. A client ignores types and fields that it does not know. */
export type ServerFrame =
  | ConnectReply
  | SessionRefreshReply
  | PingReply
  | RoomJoinReply
  | RoomLeaveReply
  | RoomKickReply
  | AdminPromoteReply
  | AdminDemoteReply
  | RoomBanReply
  | RoomUnbanReply
  | RoomChangeReply
  | RoomCloseReply
  | RoomOpenReply
  | OwnershipOfferReply
  | OwnershipWithdrawReply
  | OwnershipAcceptReply
  | OwnershipRefuseReply
  | SeatTakeReply
  | SeatMoveReply
  | SeatLeaveReply
  | SeatClaimReply
  | SeatLockReply
  | SeatUnlockReply
  | SeatLockAllReply
  | SeatUnlockAllReply
  | SeatMuteReply
  | SeatUnmuteReply
  | SeatModeReply
  | SeatLayoutReply
  | SeatMoveUserReply
  | SeatRemoveUserReply
  | MicMuteReply
  | MicUnmuteReply
  | MicSpeakingReply
  | HandRaiseReply
  | HandLowerReply
  | HandApproveReply
  | HandRefuseReply
  | HandListReply
  | InvitationSendReply
  | InvitationAcceptReply
  | InvitationRefuseReply
  | ChatSendReply
  | ChatImageReply
  | ChatRecallReply
  | ChatReactReply
  | ChatTypingReply
  | ChatMuteReply
  | ChatUnmuteReply
  | ChatRulesReply
  | GiftSendReply
  | GiftListReply
  | PeopleListReply
  | VoiceTokenReply
  | ErrorReply
  | ParticipantsChangedEvent
  | PersonChangedEvent
  | RoomChangedEvent
  | SeatsChangedEvent
  | ChatPostedEvent
  | ChatRecalledEvent
  | ParticipantKickedEvent
  | AdminsChangedEvent
  | ParticipantBannedEvent
  | ParticipantUnbannedEvent
  | ChatMutedEvent
  | ChatUnmutedEvent
  | ChatRulesChangedEvent
  | SeatModeChangedEvent
  | LayoutChangedEvent
  | HandRaisedEvent
  | HandSettledEvent
  | InvitationSentEvent
  | InvitationEndedEvent
  | OwnershipChangedEvent
  | GiftsSentEvent
  | ParticipantsCountSignal
  | ChatReactionsSignal
  | ChatTypingSignal
  | MicSpeakingSignal
  | BalanceChangedUserFrame
  | PersonChangedUserFrame
  | RoomRemovedUserFrame
  | VoiceRenewedUserFrame
  | PingNotice
  | SessionExpiringNotice
  | ClosingNotice;

/** Data of `session_expiring`. */
export interface SessionExpiring {
  /** Unix milliseconds at which the token expires. */
  expires_at: number;
}

/** The access token expires soon, and the socket is closed then: send `session.refresh` with a new token. */
export interface SessionExpiringNotice {
  type: "session_expiring";
  data: SessionExpiring;
}

/** Continue the session with a new access token, before the old one expires. */
export interface SessionRefreshCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "session.refresh";
  data: RefreshSession;
}

/** The reply to `session.refresh`. */
export interface SessionRefreshReply {
  /** The command's id. */
  id: number;
  data: SessionRefreshed;
}

/** The reply to `session.refresh`. */
export interface SessionRefreshed {
  /** Unix milliseconds at which the new token expires, and the socket is closed. */
  expires_at: number;
}

/** Set the rules of the room's chat. */
export interface SetChatRules {
  /** The room. */
  room: RoomId;
  /** Whether everybody is muted, except the owner and the admins. Absent: as it is. */
  muted?: boolean;
  /** The seconds between two lines of one user, at most 3,600; 0: no slow mode. Absent: as it is. */
  slow_mode_s?: number;
}

/** Change the number of seats. */
export interface SetLayout {
  /** The room. */
  room: RoomId;
  /** The number of seats from now on: 5, 8, 10, 12, 15 or 20. */
  seats: 5 | 8 | 10 | 12 | 15 | 20;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/** Change how users get a seat. */
export interface SetSeatMode {
  /** The room. */
  room: RoomId;
  /** How users get a seat from now on. */
  mode: SeatMode;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/** What became of a hand, and by whom. */
export interface SettledHand {
  /** The user who decided. Absent: nobody else than the one who had raised it. */
  by?: UserId;
  /** What became of it. */
  outcome: HandOutcome;
}

/** A frame that may be merged or dropped: the latest counts. It has no `seq`. */
export type SignalFrame = ParticipantsCountSignal | ChatReactionsSignal | ChatTypingSignal | MicSpeakingSignal;

/** The whole room at a position. */
export interface Snapshot {
  /** The room itself. */
  room: RoomCard;
  /** The room's admins, by id, whether they are in the room or not. Absent: it has none. */
  admins?: UserId[];
  /** The last chat lines, oldest first, at most 50. */
  chat: ChatLine[];
  /** The rules of the chat. Absent: none. */
  chat_rules?: ChatRules;
  /** All coins that were ever spent in the room on the gifts announced so far. */
  coins: Coins;
  /** The number of people in the room. */
  count: number;
  /** The raised hands, oldest first, for a user who may settle them: the owner, an admin or the host. Absent: none, or the user may not. */
  hands?: Hand[];
  /** The open offer of the room's ownership. Absent: none. */
  offer?: OwnershipOffer;
  /** The place of the user who joins. */
  own: OwnPlace;
  /** The first page of these people, by id, at most 100. */
  people: Person[];
  /** How users get a seat. Absent: an older server, where everybody may take a free one. */
  seat_mode?: SeatMode;
  /** The seat map's version, which commands may name. */
  seat_version: number;
  /** All seats, by number. */
  seats: Seat[];
}

/** Say that the user speaks. */
export interface Speak {
  /** The room. */
  room: RoomId;
  /** How loud, from 1 to 100. Absent: not told. */
  level?: number;
}

/** A user who speaks at this moment. */
export interface Speaker {
  /** The user. */
  user: UserId;
  /** How loud they are, from 1 to 100. Absent: their client did not say. */
  level?: number;
}

/** Take a seat. */
export interface TakeSeat {
  /** The room. */
  room: RoomId;
  /** The seat's number, from 0. Absent: the first free seat except the host's. */
  seat?: number;
  /** The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`. Absent: the version does not matter. */
  version?: number;
}

/** A frame for one user: a hint with the version of what is stored. */
export type UserFrame = BalanceChangedUserFrame | PersonChangedUserFrame | RoomRemovedUserFrame | VoiceRenewedUserFrame;

/** A user's id: a random number of at least nine digits, which people can read aloud. */
export type UserId = number;

/** The reply to `voice.token`: what a client connects to the voice vendor with. */
export interface VoicePass {
  /** The room's name at the vendor, which is its id. */
  channel: string;
  /** Unix milliseconds at which the token or a right in it ends. The device is sent `voice.renewed` before. */
  expires_at: number;
  /** The user's identity at LiveKit and number (uid) at Agora, which is their id. */
  identity: string;
  /** Whether the token lets the user speak: they sit on a seat that is not muted, and have not muted themselves. */
  may_speak: boolean;
  /** LiveKit: the address to connect to. Agora: the id of the app. */
  place: string;
  /** The vendor. */
  provider: VoiceVendor;
  /** The token. Nobody else may see it. */
  token: string;
}

/** Data of `voice.renewed`. */
export interface VoiceRenewed {
  /** The room. */
  room: RoomId;
  /** What to connect with. */
  pass: VoicePass;
}

/** A new token of the voice vendor, for a device that has asked for one: because that one is about to end, or because the user may speak who could not. Give it to the vendor's client in place of the old one. */
export interface VoiceRenewedUserFrame {
  /** The socket's own user, whom it concerns. */
  user: UserId;
  type: "voice.renewed";
  data: VoiceRenewed;
}

/**
 * Get what one connects to the voice vendor with: whoever is in the room may listen, and whoever sits on a seat that is not muted may speak. `feature_off` if the server has no vendor.
 *
 * Before it ends, and when the user may speak who could not, the device is sent `voice.renewed` with a new one.
 */
export interface VoiceTokenCommand {
  /** The id that the client chose, unique on the socket until it is answered. */
  id: number;
  type: "voice.token";
  data: InRoom;
}

/** The reply to `voice.token`. */
export interface VoiceTokenReply {
  /** The command's id. */
  id: number;
  data: VoicePass;
}

/** A vendor that carries the sound of rooms. */
export type VoiceVendor = "livekit" | "agora";

/** Those of the people in a room who may do something by the room's record. */
export type Who = "all" | "seated" | "admins";

/** Each command by its type. */
export interface Commands {
  /** Make an admin a user like others again. Only the room's owner may do this, and an admin to themselves. */
  "admin.demote": { data: OnUser; reply: Done };
  /**
   * Make a user who is in the room one of its admins. Only the room's owner may do this.
   *
   * A room has a bound of admins, 2 by default; one more is refused with `too_many_admins`.
   */
  "admin.promote": { data: OnUser; reply: Done };
  /**
   * Send a chat line with an image to the room. By the room's record it may be left to some (`may_post_images`).
   *
   * Each upload is the image of one line. It is read at `/v1/rooms/{id}/images/{image}`.
   */
  "chat.image": { data: SendImage; reply: Done };
  /**
   * Mute a user in the room's chat, for a time or until that is lifted. Only the room's owner and its admins may do this; admins not to the owner or to another admin.
   *
   * Another mute of the same user replaces the first.
   */
  "chat.mute": { data: MuteChat; reply: Done };
  /**
   * Put a reaction below one of the room's last lines, or take one's own away.
   *
   * Everybody is told by the signal `chat.reactions`, a moment later.
   */
  "chat.react": { data: React; reply: Empty };
  /**
   * Recall a line: its text is removed from the room and from what is stored of it. The user who wrote it may do this for two minutes; the room's owner and its admins at any time, to any line.
   *
   * A line that was recalled before stays so, and the answer is the same.
   */
  "chat.recall": { data: RecallLine; reply: Done };
  /** Set the rules of the room's chat: mute everybody, or slow everybody down. Only the room's owner and its admins may do this, and are bound by neither. */
  "chat.rules": { data: SetChatRules; reply: Done };
  /** Send a chat line to the room. */
  "chat.send": { data: SendChat; reply: Done };
  /**
   * Say that the user is typing a line. It holds for five seconds, or until the line is there.
   *
   * Everybody is told by the signal `chat.typing`, a moment later.
   */
  "chat.typing": { data: InRoom; reply: Empty };
  /** Let a muted user write again; nothing changes if they are not muted. Only the room's owner and its admins may do this. */
  "chat.unmute": { data: OnUser; reply: Done };
  /**
   * Identify the user. It is the first command of a socket, within 10 s of the handshake.
   *
   * A second socket of the same `device` replaces the first, which is closed with 4502. With `joins`, connecting or resuming takes one round trip.
   */
  "connect": { data: Connect; reply: Connected };
  /** List the room's gifts above a number, oldest first, at most 200. */
  "gift.list": { data: ListGifts; reply: GiftPage };
  /**
   * Send a gift, paid for in coins. It is charged once, whatever happens to the reply.
   *
   * Sent again with the same `op`, also from outside the room, it gets the first answer.
   */
  "gift.send": { data: SendGift; reply: GiftReceipt };
  /**
   * Give a user who has raised a hand a seat. The room's owner, its admins and the host may do this.
   *
   * A hand is settled once: whoever comes later is answered `hand_settled`, which says what became of it, and by whom.
   */
  "hand.approve": { data: OfferSeat; reply: Done };
  /** List the raised hands, oldest first. The room's owner, its admins and the host may do this. */
  "hand.list": { data: InRoom; reply: HandList };
  /** Lower one's own hand. */
  "hand.lower": { data: OnMap; reply: Done };
  /**
   * Raise a hand: ask for a seat. It is lowered by itself after 30 s.
   *
   * Raised again, it is at the end of the queue. Beyond 200 raised hands the answer is `queue_full`.
   */
  "hand.raise": { data: RaiseHand; reply: Done };
  /** Refuse a user who has raised a hand. The room's owner, its admins and the host may do this. */
  "hand.refuse": { data: OnUserOnMap; reply: Done };
  /** Accept an invitation, and take the seat. If the seat cannot be had now, the invitation stays open. */
  "invitation.accept": { data: OnMap; reply: Done };
  /** Refuse an invitation. */
  "invitation.refuse": { data: OnMap; reply: Done };
  /** Invite a user who is in the room to take a seat, for 60 s. The room's owner, its admins and the host may do this. */
  "invitation.send": { data: OfferSeat; reply: Done };
  /** Mute oneself on one's own seat. It ends when the user leaves the seat; it goes along to another one. */
  "mic.mute": { data: OnMap; reply: Done };
  /**
   * Say that the user, who sits on a seat, is speaking. It holds for two seconds.
   *
   * Everybody is told by the signal `mic.speaking`, a moment later, unless the seat or the user is muted.
   */
  "mic.speaking": { data: Speak; reply: Empty };
  /** Unmute oneself. On a seat that the owner or an admin has muted, the user is still not heard. */
  "mic.unmute": { data: OnMap; reply: Done };
  /** Accept the offer of the room, and own it from now on. The former owner keeps no right but those of the seat they sit on. */
  "ownership.accept": { data: InRoom; reply: Done };
  /** Offer the room to a user who is in it, for five minutes. It replaces an earlier offer. Only the room's owner may do this. */
  "ownership.offer": { data: OnUser; reply: Done };
  /** Refuse the offer of the room. */
  "ownership.refuse": { data: InRoom; reply: Done };
  /** Withdraw the offer of the room. Only the room's owner may do this. */
  "ownership.withdraw": { data: InRoom; reply: Done };
  /** List the people in the room by id, or those of them who are searched for, at most 100 per page. */
  "people.list": { data: ListPeople; reply: PeoplePage };
  /** Check that the connection is alive. */
  "ping": { data: Nothing; reply: Empty };
  /**
   * Ban a user from the room, for a time or until the ban is lifted. Only the room's owner and its admins may do this; admins not to the owner or to another admin.
   *
   * A user who is in the room is removed from it. Another ban of the same user replaces the first.
   */
  "room.ban": { data: Ban; reply: Done };
  /** Change the room's record: its name, announcement, language, country, tags, capacity, theme and background, and who may do what in it. Only the room's owner may do this. */
  "room.change": { data: ChangeRoom; reply: Done };
  /** Close a room: everybody is put out, and nobody may join until it is opened. Only the room's owner may do this. */
  "room.close": { data: CloseRoom; reply: Done };
  /**
   * Join a room, or come back to it. A user is in one room at a time, so joining leaves any other room.
   *
   * With a `position` the reply has either all missed events or a snapshot, and says which. The events above the reply's position follow the reply.
   */
  "room.join": { data: Join; reply: Joined };
  /** Remove a user from the room, and keep them out for a while. Only the room's owner and its admins may do this; admins not to the owner or to another admin. */
  "room.kick": { data: Kick; reply: Done };
  /** Leave a room at once, on all devices of the user, without the grace period. */
  "room.leave": { data: InRoom; reply: Empty };
  /** Open a room that its owner has closed. Only the room's owner may do this, from outside. */
  "room.open": { data: InRoom; reply: Done };
  /** Lift the ban of a user; nothing changes if there is none. Only the room's owner and its admins may do this. */
  "room.unban": { data: OnUser; reply: Done };
  /**
   * Speak from this device: the user's seat is that of the session which took it, and this one has it from now on.
   *
   * The others of the user's devices that had a token of the voice vendor get one with which they may only listen.
   */
  "seat.claim": { data: InRoom; reply: Done };
  /** Change the number of seats. Users on seats that are no longer there lose them. Only the room's owner may do this. */
  "seat.layout": { data: SetLayout; reply: Done };
  /** Leave the user's own seat. */
  "seat.leave": { data: OnMap; reply: Done };
  /** Lock all seats except the host's, in one step; users who sit there lose them. Only the room's owner and its admins may do this; if an admin does it, the seats of the owner and of other admins stay as they are. */
  "seat.lock_all": { data: OnAllSeats; reply: Done };
  /** Lock a seat; a user who sits there loses it. Only the room's owner and its admins may do this; admins not if the owner or another admin sits there. */
  "seat.lock": { data: OnSeat; reply: Done };
  /** Change how users get a seat: by taking it, or by a hand. Only the room's owner and its admins may do this. */
  "seat.mode": { data: SetSeatMode; reply: Done };
  /**
   * Move from the user's own seat to another free one, in one step: nobody else can get a seat in between.
   *
   * Seat 0 is for the room's owner. The old seat stays the user's if the new one is refused.
   */
  "seat.move": { data: MoveSeat; reply: Done };
  /** Move a user from their seat to another one. Only the room's owner and its admins may do this; admins not with the owner or another admin. */
  "seat.move_user": { data: MoveUser; reply: Done };
  /** Mute a seat: whoever sits there, now or later, is not heard, until the seat is unmuted. Only the room's owner and its admins may do this; admins not if the owner or another admin sits there. */
  "seat.mute": { data: OnSeat; reply: Done };
  /** Take a user's seat away; they stay in the room. Only the room's owner and its admins may do this; admins not with the owner or another admin. */
  "seat.remove_user": { data: OnUserOnMap; reply: Done };
  /**
   * Take a seat. Seat 0 is for the room's owner.
   *
   * In a room with the mode `apply` only the owner and the admins may take a seat by themselves; others are answered `not_permitted`, and raise a hand.
   */
  "seat.take": { data: TakeSeat; reply: Done };
  /** Unlock all seats, in one step. Only the room's owner and its admins may do this. */
  "seat.unlock_all": { data: OnAllSeats; reply: Done };
  /** Unlock a seat. Only the room's owner and its admins may do this. */
  "seat.unlock": { data: OnSeat; reply: Done };
  /** Unmute a seat. Only the room's owner and its admins may do this. A user who has muted themselves stays muted. */
  "seat.unmute": { data: OnSeat; reply: Done };
  /** Continue the session with a new access token, before the old one expires. */
  "session.refresh": { data: RefreshSession; reply: SessionRefreshed };
  /**
   * Get what one connects to the voice vendor with: whoever is in the room may listen, and whoever sits on a seat that is not muted may speak. `feature_off` if the server has no vendor.
   *
   * Before it ends, and when the user may speak who could not, the device is sent `voice.renewed` with a new one.
   */
  "voice.token": { data: InRoom; reply: VoicePass };
}
