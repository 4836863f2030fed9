//! What makes a retry the same change: the client's operation with a hash of what the client sent.

use parlor_protocol::{Command, Op, UserId};
use sha2::{Digest, Sha256};

/// The first 16 bytes of the SHA-256 of what the client sent (not of what it resolved to).
pub type BodyHash = [u8; 16];

/// One change that one user asked for. The same operation with the same body gets the first answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Operation {
    /// The client's name for it.
    pub op: Op,
    /// Whose it is: operations are scoped to the user.
    pub actor: UserId,
    /// What was asked for.
    pub body_hash: BodyHash,
}

impl Operation {
    /// The operation of a command, the same whether it came by socket or by REST.
    pub fn of_command(op: Op, actor: UserId, command: &Command) -> Self {
        // As much as most commands take.
        let mut body = Vec::with_capacity(512);
        serde_json::to_writer(&mut body, command).expect("a command has string keys and no failing serializer");
        Self { op, actor, body_hash: hash(&body) }
    }

    /// The operation of a change that the server itself makes, named by its words.
    pub fn of_system(op: Op, actor: UserId, words: &str) -> Self {
        Self { op, actor, body_hash: hash(words.as_bytes()) }
    }
}

/// The hash of what was asked for.
pub fn hash(body: &[u8]) -> BodyHash {
    let digest = Sha256::digest(body);
    let mut hash = [0; 16];
    hash.copy_from_slice(&digest[..16]);
    hash
}
