//! The sizes of the wire. Those that a server may set otherwise are announced in the connect reply.

/// Bytes of one message from a client, over all its fragments.
pub const MESSAGE_BYTES: usize = 64 * 1024;
/// Unanswered commands of one socket.
pub const UNANSWERED_COMMANDS: usize = 64;
/// Characters of a chat line.
pub const TEXT_CHARS: usize = 2_000;
/// Characters of a reason given with a kick.
pub const REASON_CHARS: usize = 200;
/// Characters of a device's name in `connect`.
pub const DEVICE_CHARS: usize = 128;
/// Rooms in the `joins` of one `connect`.
pub const CONNECT_JOINS: usize = 4;
/// Receivers of one gift operation.
pub const GIFT_RECEIVERS: usize = 20;
/// Counts in which a gift can be sent.
pub const GIFT_COUNTS: [i64; 6] = [1, 10, 66, 188, 520, 1_314];
/// Gifts of one page of `gift.list`, and of the gifts that a join's reply brings.
pub const GIFT_PAGE: usize = 200;
/// Bytes of the gifts of such a page, together: it ends before the one that goes beyond.
pub const GIFT_PAGE_BYTES: usize = 64 * 1024;
/// People of one page of `people.list`, and of a snapshot.
pub const PEOPLE_PAGE: usize = 100;
/// Chat lines of a snapshot.
pub const CHAT_LINES: usize = 50;
/// Bytes of the chat lines of a snapshot, together: the newest that fit.
pub const CHAT_BYTES: usize = 32 * 1024;
/// Unreadable frames in a row of one socket before it is closed.
pub const UNREADABLE_FRAMES: u32 = 3;
/// Milliseconds after the handshake within which `connect` has to come.
pub const CONNECT_MS: u64 = 10_000;
/// Milliseconds before the end of its token at which a socket is asked to refresh its session.
pub const EXPIRING_MS: u64 = 60_000;
/// Milliseconds between the server's pings (with jitter).
pub const PING_MS: u64 = 25_000;
/// Milliseconds of silence after which either side ends the socket.
pub const SILENCE_MS: u64 = 45_000;
