//! Rooms over real sockets.
