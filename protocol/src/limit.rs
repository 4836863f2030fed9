//! The limits of the protocol. Those that are settings of the server are told in the reply to `connect`.

/// Bytes of one message from a client, over all its fragments.
pub const MESSAGE_BYTES: usize = 64 * 1024;
/// Commands of one socket that may wait for their reply at a time.
pub const UNANSWERED_COMMANDS: usize = 64;
/// Characters of a chat line.
pub const TEXT_CHARS: usize = 2_000;
/// Users whom one chat line mentions.
pub const MENTIONS: usize = 10;
/// The loudest level of a user who speaks; the least is 1.
pub const LEVEL: u8 = 100;
/// Users whom one signal names as typing.
pub const TYPING: usize = 20;
/// Milliseconds for which a user counts as typing after they said so.
pub const TYPING_MS: u64 = 5_000;
/// Milliseconds for which a user counts as speaking after they said so.
pub const SPEAKING_MS: u64 = 2_000;
/// Reactions below one chat line: a user with two of them counts twice.
pub const REACTIONS: usize = 500;
/// Characters of a reason given with a kick or a ban.
pub const REASON_CHARS: usize = 200;
/// The most admins of a room, whatever its level.
pub const ADMINS: usize = 20;
/// The shortest time in milliseconds of a kick, a ban or a mute.
pub const MEASURE_MIN_MS: u64 = 1_000;
/// The longest time in milliseconds of a kick: a day.
pub const KICK_MAX_MS: u64 = 86_400_000;
/// The longest time in milliseconds of a ban or a mute that ends by itself: a year of 366 days.
pub const MEASURE_MAX_MS: u64 = 366 * 86_400_000;
/// The longest slow mode of a chat, in seconds: an hour.
pub const SLOW_MODE_MAX_S: u32 = 3_600;
/// Bans of one room that hold at a time, and as many kicks and mutes.
pub const MEASURES: usize = 1_000;
/// Characters of a room's name.
pub const ROOM_NAME_CHARS: usize = 60;
/// Characters of a room's announcement.
pub const ANNOUNCEMENT_CHARS: usize = 500;
/// Tags of a room.
pub const TAGS: usize = 5;
/// Characters of a tag.
pub const TAG_CHARS: usize = 24;
/// Characters of the name of a room's theme.
pub const THEME_CHARS: usize = 24;
/// The greatest capacity that a room may be given.
pub const CAPACITY: u32 = 1_000_000;
/// The numbers of seats that a room may have.
pub const LAYOUTS: [u8; 6] = [5, 8, 10, 12, 15, 20];
/// Raised hands of a room, and open invitations.
pub const HANDS: usize = 200;
/// Characters of a device's name in `connect`.
pub const DEVICE_CHARS: usize = 128;
/// Rooms in the `joins` of one `connect`.
pub const CONNECT_JOINS: usize = 4;
/// Receivers of one gift operation.
pub const GIFT_RECEIVERS: usize = 20;
/// The counts in which a gift can be sent.
pub const GIFT_COUNTS: [i64; 6] = [1, 10, 66, 188, 520, 1_314];
/// Gifts in one page of `gift.list`, and in the reply to a join.
pub const GIFT_PAGE: usize = 200;
/// Bytes of all gifts of such a page together: the page ends before the gift that would exceed them.
pub const GIFT_PAGE_BYTES: usize = 64 * 1024;
/// People in one page of `people.list`, and in a snapshot.
pub const PEOPLE_PAGE: usize = 100;
/// Characters of a search among the people of a room.
pub const SEARCH_CHARS: usize = 60;
/// Chat lines in a snapshot.
pub const CHAT_LINES: usize = 50;
/// Bytes of all chat lines of a snapshot together: it has the newest lines that fit.
pub const CHAT_BYTES: usize = 32 * 1024;
/// Unreadable frames in a row that close a socket.
pub const UNREADABLE_FRAMES: u32 = 3;
/// Milliseconds after the handshake within which `connect` must arrive.
pub const CONNECT_MS: u64 = 10_000;
/// Milliseconds before its token expires at which a socket is told to refresh its session.
pub const EXPIRING_MS: u64 = 60_000;
/// Milliseconds between the server's pings (with jitter).
pub const PING_MS: u64 = 25_000;
/// Milliseconds without a frame from the other side after which either side closes the socket.
pub const SILENCE_MS: u64 = 45_000;
