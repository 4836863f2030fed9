//! The people of a run, their rooms and tokens: made over REST before anything is measured.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::member::{Member, Tally};
use crate::rest::{self, Away};

/// Calls at a time.
const AT_ONCE: usize = 16;

/// Somebody with an account, as `parlor seed --users` writes them, one a line.
#[derive(Clone, Deserialize, Debug)]
pub struct Account {
    /// The user's number.
    pub user: u64,
    /// An access token.
    pub token: String,
}

/// Everybody in the file.
///
/// # Errors
/// What cannot be read.
pub fn accounts(path: &Path) -> io::Result<Vec<Account>> {
    let text = std::fs::read_to_string(path)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
}

async fn post(server: SocketAddr, path: &str, token: &str, body: Value) -> Result<Value, Away> {
    let (status, answer) = rest::post(server, path, Some(token), &body).await?;
    if status.is_success() { Ok(answer) } else { Err(Away(format!("{path}: {status}: {answer}"))) }
}

/// Makes a room for each of these owners; the rooms' numbers in their order.
///
/// # Errors
/// `Away`, or a refusal.
pub async fn rooms(server: SocketAddr, owners: &[Account]) -> Result<Vec<u64>, Away> {
    let made = stream::iter(owners.iter().enumerate().map(|(at, owner)| async move {
        let answer = post(server, "/v1/rooms", &owner.token, json!({"name": format!("load {at}"), "seats": 8})).await?;
        answer["id"].as_u64().ok_or_else(|| Away(format!("no room in {answer}")))
    }));
    made.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
}

/// Gives everybody a token for their room, and makes members of them. Nobody is connected yet.
///
/// # Errors
/// `Away`, or a refusal.
pub async fn members(
    server: SocketAddr,
    people: impl IntoIterator<Item = (Account, u64)>,
    tally: &Arc<Tally>,
) -> Result<Vec<Arc<Member>>, Away> {
    let members = stream::iter(people.into_iter().enumerate().map(|(index, (account, room))| async move {
        let answer = post(server, &format!("/v1/rooms/{room}/token"), &account.token, json!({})).await?;
        let token = answer["token"].as_str().ok_or_else(|| Away(format!("no token in {answer}")))?.to_owned();
        Ok(Member::new(index, server, (account.user, account.token), (room, token), tally.clone()))
    }));
    members.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
}

/// Brings everybody in, so many at a time; the first failure ends it.
///
/// # Errors
/// `Away`, or a refusal.
pub async fn arrive(members: &[Arc<Member>], at_once: usize) -> Result<(), Away> {
    let arrivals = stream::iter(members.iter().map(|member| member.arrive()));
    let mut arrivals = arrivals.buffer_unordered(at_once);
    while let Some(arrived) = arrivals.next().await {
        arrived?;
    }
    Ok(())
}
