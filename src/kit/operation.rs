//! How a retry is recognised as the same change: by the client's operation and a hash of what the client sent.

use std::io;

use parlor_protocol::{Command, Op, UserId};
use sha2::{Digest, Sha256};

/// The first 16 bytes of the SHA-256 of what the client sent, not of what the server made of it.
pub type BodyHash = [u8; 16];

/// One change that one user asked for. The same operation with the same body gets the first answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Operation {
    /// The operation's UUID, chosen by the client.
    pub op: Op,
    /// The user who asked. Two users may choose the same UUID: operations are scoped to the user.
    pub actor: UserId,
    /// The hash of the request. The same operation with another hash is a conflict.
    pub body_hash: BodyHash,
}

impl Operation {
    /// The operation of a command. It is the same whether the command came by socket or by REST.
    pub fn of_command(op: Op, actor: UserId, command: &Command) -> Self {
        let mut hasher = Hasher(Sha256::new());
        serde_json::to_writer(&mut hasher, command).expect("a command has string keys and no failing serializer");
        Self { op, actor, body_hash: first_half(hasher.0) }
    }

    /// The operation of a request that is not a command, or of a change that the server itself makes. `words` hold
    /// everything that the client sent, or say what the server changes.
    pub fn of_words(op: Op, actor: UserId, words: &str) -> Self {
        Self { op, actor, body_hash: hash(words.as_bytes()) }
    }
}

/// The hash of what was asked for.
pub fn hash(body: &[u8]) -> BodyHash {
    first_half(Sha256::new().chain_update(body))
}

fn first_half(hasher: Sha256) -> BodyHash {
    let mut hash = [0; 16];
    hash.copy_from_slice(&hasher.finalize()[..16]);
    hash
}

/// Hashes a command's JSON while it is serialized, so that the text is never stored. The canonical form is hashed and
/// not the client's bytes: their order of fields and spaces are free, and differ between socket and REST.
struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parlor_protocol::command::SendChat;
    use parlor_protocol::{Command, Op, RoomId, UserId};
    use uuid::Uuid;

    use super::{Operation, hash};

    /// The journal keeps hashes for good and the stored refusals keep them for days, so that a retry is recognised across
    /// versions.
    #[test]
    fn the_hash_of_a_command_is_that_of_its_json() {
        let room = RoomId::new(900_000_001).expect("in range");
        let chat = Command::ChatSend(SendChat::of(room, "\"quoted\", ünïcode \u{1f600}\n".repeat(40)));
        let by = |op: u128| {
            Operation::of_command(Op(Uuid::from_u128(op)), UserId::new(901_000_001).expect("in range"), &chat)
        };
        assert_eq!(by(1).body_hash, hash(&serde_json::to_vec(&chat).expect("it is written")));
        assert_eq!(by(1).body_hash, by(2).body_hash);
    }

    #[test]
    fn the_hash_of_words_is_what_it_was_in_every_version() {
        let known = [0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e, 0x26, 0xe8, 0x3b, 0x2a, 0xc5, 0xb9, 0xe2, 0x9e];
        assert_eq!(hash(b"hello"), known);
    }
}
