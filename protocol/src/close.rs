//! Why the server closes a socket. From 4000 a client comes back and resumes, from 4500 it does not.

macro_rules! closings {
    ($($(#[doc = $doc:literal])* $variant:ident = $number:literal, $reason:literal;)*) => {
        /// A close code of the server's; a `closing` frame says the same before it.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u16)]
        pub enum CloseCode {
            $($(#[doc = $doc])* $variant = $number,)*
        }

        impl CloseCode {
            /// Every code, in the order of the documents.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code's number.
            pub const fn number(self) -> u16 {
                self as u16
            }

            /// The reason as it stands in the `closing` frame and in the close frame.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$variant => $reason),* }
            }

            /// Its docstring, for the documents: what it means and, behind an empty line, what to do.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),*)),* }
            }
        }
    };
}

closings! {
    /// The client closed, and is answered (RFC 6455).
    ///
    /// Nothing: this was asked for. A client that closes with 1000 leaves its room at once.
    Normal = 1000, "normal";
    /// A frame broke RFC 6455.
    ///
    /// Mend the client's WebSocket code.
    Protocol = 1002, "protocol_error";
    /// A binary frame on a text subprotocol.
    ///
    /// Send text frames.
    Unsupported = 1003, "unsupported_data";
    /// A text frame that is not UTF-8.
    ///
    /// Send UTF-8.
    InvalidText = 1007, "invalid_text";
    /// A message over the limit.
    ///
    /// Keep messages within `limits.message_bytes` of the `connect` reply.
    TooLarge = 1009, "too_large";
    /// More waits for the socket than its outbox holds.
    ///
    /// Come back and resume; read faster, or show less.
    SlowConsumer = 4000, "slow_consumer";
    /// The server stops.
    ///
    /// Come back after `after_ms` and resume.
    Draining = 4001, "draining";
    /// Nothing came for too long.
    ///
    /// Come back and resume; answer each `ping` with a `pong`.
    Silent = 4002, "silent";
    /// `connect` did not come in time.
    ///
    /// Come back; send `connect` right behind the handshake.
    ConnectTimeout = 4003, "connect_timeout";
    /// The server has more sockets than it can serve.
    ///
    /// Come back later, with back-off and jitter.
    Busy = 4004, "busy";
    /// Three unreadable frames in a row.
    ///
    /// Mend the client: frames are JSON objects of the envelope's form.
    BadFrames = 4500, "bad_frames";
    /// The token does not hold, or no longer.
    ///
    /// Sign in again, then connect.
    Unauthenticated = 4501, "unauthenticated";
    /// The same device has connected anew, or one device too many.
    ///
    /// Stay away: the newer socket goes on.
    Replaced = 4502, "replaced";
    /// The session was signed out, on this device or from another.
    ///
    /// Sign in again.
    SignedOut = 4503, "signed_out";
    /// The user is suspended.
    ///
    /// Say so; signing in again is refused until it is lifted.
    Suspended = 4504, "suspended";
    /// A refresh token of the session came a second time, so somebody else may have it.
    ///
    /// Sign in again; the whole session has ended.
    TokenReused = 4505, "token_reused";
}
