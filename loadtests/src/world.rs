//! Makes the rooms and room tokens of a run over REST, before anything is measured.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::try_join_all;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::member::Member;
use crate::rest::{Away, Kept};
use crate::tally::Tally;

/// Calls that run at the same time.
const AT_ONCE: usize = 16;

/// An account, as `parlor seed --users` writes them, one per line.
#[derive(Clone, Deserialize, Debug)]
pub struct Account {
    /// The user's id.
    pub user: u64,
    /// An access token.
    pub token: String,
}

/// The accounts in the file.
///
/// # Errors
/// If the file or a line of it cannot be read.
pub fn accounts(path: &Path) -> io::Result<Vec<Account>> {
    let text = std::fs::read_to_string(path)?;
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
}

async fn post(server: &mut Kept, path: &str, token: &str, body: Value) -> Result<Value, Away> {
    let (status, answer) = server.post(path, Some(token), &body).await?;
    if status.is_success() { Ok(answer) } else { Err(Away(format!("{path}: {status}: {answer}"))) }
}

/// Makes this many calls over a few kept connections; a connection for each call would use up the ports of the sockets.
async fn each<T>(
    server: SocketAddr,
    count: usize,
    call: impl AsyncFn(&mut Kept, usize) -> Result<T, Away>,
) -> Result<Vec<T>, Away> {
    let lanes = (0..AT_ONCE).map(async |lane| {
        let (mut connection, mut made) = (Kept::to(server), Vec::new());
        for index in (lane..count).step_by(AT_ONCE) {
            made.push((index, call(&mut connection, index).await?));
        }
        Ok::<_, Away>(made)
    });
    let mut made: Vec<(usize, T)> = try_join_all(lanes).await?.into_iter().flatten().collect();
    made.sort_by_key(|(index, _)| *index);
    Ok(made.into_iter().map(|(_, made)| made).collect())
}

/// Makes a room for each of these owners and returns the rooms' ids in the same order.
///
/// # Errors
/// `Away`, or a refusal.
pub async fn rooms(server: SocketAddr, owners: &[Account]) -> Result<Vec<u64>, Away> {
    each(server, owners.len(), async |server, at| {
        let body = json!({"name": format!("load {at}"), "seats": 8});
        let answer = post(server, "/v1/rooms", &owners[at].token, body).await?;
        answer["id"].as_u64().ok_or_else(|| Away(format!("no room in {answer}")))
    })
    .await
}

/// Gets each account a token for its room and makes it a member. No member is connected yet.
///
/// # Errors
/// `Away`, or a refusal.
pub async fn members(
    server: SocketAddr,
    people: &[(Account, u64)],
    tally: &Arc<Tally>,
) -> Result<Vec<Arc<Member>>, Away> {
    each(server, people.len(), async |connection, index| {
        let (account, room) = &people[index];
        let answer = post(connection, &format!("/v1/rooms/{room}/token"), &account.token, json!({})).await?;
        let token = answer["token"].as_str().ok_or_else(|| Away(format!("no token in {answer}")))?.to_owned();
        Ok(Member::new(index, server, (account.user, account.token.clone()), (*room, token), tally.clone()))
    })
    .await
}

/// Lets all members join, `at_once` at a time; the first failure ends it.
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
