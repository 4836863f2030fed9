//! Shards with real sockets over loopback.
