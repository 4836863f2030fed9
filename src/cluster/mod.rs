//! Nodes, leases and ownership: who may act for a room. Knows ids and bytes, no rooms.
