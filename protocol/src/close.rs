//! Why the server closes a socket. From 4000 a client comes back and resumes, from 4500 it does not.

/// A close code of the server's; a `closing` frame says the same before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum CloseCode {
    /// The client closed, and is answered (RFC 6455).
    Normal = 1000,
    /// A frame broke RFC 6455.
    Protocol = 1002,
    /// A binary frame on a text subprotocol.
    Unsupported = 1003,
    /// A text frame that is not UTF-8.
    InvalidText = 1007,
    /// A message over the limit.
    TooLarge = 1009,
    /// More waits for the socket than its outbox holds: come back and resume.
    SlowConsumer = 4000,
    /// The server stops: come back after `after_ms` and resume.
    Draining = 4001,
    /// Nothing came for too long.
    Silent = 4002,
    /// `connect` did not come in time.
    ConnectTimeout = 4003,
    /// The server has more sockets than it can serve: come back later.
    Busy = 4004,
    /// Three unreadable frames.
    BadFrames = 4500,
    /// The token does not hold (any more): sign in again.
    Unauthenticated = 4501,
    /// The same device has connected anew.
    Replaced = 4502,
    /// The session was signed out, on this device or from another: sign in again.
    SignedOut = 4503,
    /// The user is suspended.
    Suspended = 4504,
    /// A refresh token of the session came a second time, so somebody else may have it: sign in again.
    TokenReused = 4505,
}

impl CloseCode {
    /// The code's number.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The reason as it stands in the `closing` frame and in the close frame.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Protocol => "protocol_error",
            Self::Unsupported => "unsupported_data",
            Self::InvalidText => "invalid_text",
            Self::TooLarge => "too_large",
            Self::SlowConsumer => "slow_consumer",
            Self::Draining => "draining",
            Self::Silent => "silent",
            Self::ConnectTimeout => "connect_timeout",
            Self::Busy => "busy",
            Self::BadFrames => "bad_frames",
            Self::Unauthenticated => "unauthenticated",
            Self::Replaced => "replaced",
            Self::SignedOut => "signed_out",
            Self::Suspended => "suspended",
            Self::TokenReused => "token_reused",
        }
    }
}
