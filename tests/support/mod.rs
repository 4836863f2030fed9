//! What the tests share: a private PostgreSQL, a server under test, a client over a real socket.

#[allow(dead_code, reason = "what one area of the tests does not use another does")]
pub mod client;
pub mod raw;
