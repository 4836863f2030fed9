//! What the tests share: a private PostgreSQL, a server under test, a client over a real socket.
