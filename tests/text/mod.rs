//! The texts that people and machines send, through every field of the socket and of REST that takes text: the fields are
//! read from the published documents, and each answer is typed, or has the same text again.

mod exchange;
mod field;
mod phrases;
mod rest;
mod socket;
mod strings;
