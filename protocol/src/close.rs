//! The codes with which the server closes a socket. After 4000 to 4499 a client comes back and resumes, after 4500 and
//! above it does not.

macro_rules! closings {
    ($($(#[doc = $doc:literal])* $variant:ident = $number:literal, $reason:literal;)*) => {
        /// A close code that the server sends; a `closing` notice with the same code comes before it.
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

            /// Its docstring, for the documents: what it means and, after an empty line, what to do.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),*)),* }
            }
        }
    };
}

closings! {
    /// The server's answer to a close frame of the client (RFC 6455).
    ///
    /// Nothing. A client that closes with 1000 leaves its room at once.
    Normal = 1000, "normal";
    /// A frame violated RFC 6455.
    ///
    /// Correct the client's WebSocket code.
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
    /// The client reads too slowly: more data waits for the socket than its outbox holds.
    ///
    /// Come back and resume; read faster, or show less.
    SlowConsumer = 4000, "slow_consumer";
    /// The server is stopping.
    ///
    /// Come back after `after_ms` and resume.
    Draining = 4001, "draining";
    /// No frame arrived from the client for too long.
    ///
    /// Come back and resume; answer each `ping` with a `pong`.
    Silent = 4002, "silent";
    /// `connect` did not arrive in time.
    ///
    /// Come back; send `connect` right after the handshake.
    ConnectTimeout = 4003, "connect_timeout";
    /// The server has more sockets than it can serve.
    ///
    /// Come back later, with back-off and jitter.
    Busy = 4004, "busy";
    /// The client has sent far more frames or bytes than its budget allows, all the time: beyond the budget it is read
    /// more slowly, and in the end no more.
    ///
    /// Correct the client: it sends too much. Come back later, with back-off and jitter.
    Flooding = 4005, "flooding";
    /// Three unreadable frames in a row.
    ///
    /// Correct the client: each frame is a JSON object of the envelope's form.
    BadFrames = 4500, "bad_frames";
    /// The token is not valid, or has expired.
    ///
    /// Sign in again, then connect.
    Unauthenticated = 4501, "unauthenticated";
    /// The same device has connected again, or the user has connected more devices than allowed.
    ///
    /// Do not come back: the newer socket stays.
    Replaced = 4502, "replaced";
    /// The session was signed out, on this device or from another.
    ///
    /// Sign in again.
    SignedOut = 4503, "signed_out";
    /// The user is suspended.
    ///
    /// Tell the user; signing in is refused until the suspension ends.
    Suspended = 4504, "suspended";
    /// A refresh token of the session was used a second time, so somebody else may have it.
    ///
    /// Sign in again; the whole session has ended.
    TokenReused = 4505, "token_reused";
}
