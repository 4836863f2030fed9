//! Users for a load test and their tokens. Only a program that is built with the feature `bench` has this.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::identity::Identity;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};

/// Creates users for a load test and writes their ids and tokens into a file that only its owner may read, because a
/// token is a secret.
pub(super) async fn lay(edge: &Edge, identity: &Identity, people: usize, tokens: &Path) -> Result<()> {
    // Before the accounts are made: without the file nobody could sign in as one.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(tokens);
    let unwritable = |error| Error::internal(format!("{} cannot be written: {error}", tokens.display()));
    let mut file = file.map_err(unwritable)?;
    let made = identity.register_many(edge, people).await?;
    let lines = made.into_iter().map(|(user, token)| {
        let line = serde_json::json!({"user": user, "token": token.token, "expires_at": token.expires_at.0});
        format!("{line}\n")
    });
    file.write_all(lines.collect::<String>().as_bytes()).map_err(unwritable)
}
