//! Tokens of the voice vendor for people in rooms: signed when a device asks for one, and from then on pushed to it before
//! the last one ends, and when its user may speak who could not, for as long as they are in the room.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::stream;
use parlor_protocol::reply::{VoicePass, VoiceVendor};
use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserFrame, UserId};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep_until};
use uuid::Uuid;

use super::{GatewayState, join};
use crate::kit::error::Error;
use crate::room::{Act, Answer, Request, RoomHandle, VoicePlace};
use crate::telemetry::metric;
use crate::voice::{Notice, Participant, Pass, Provider, Rights};

/// The wait before something is tried again that could not be done now.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest time between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// The least time after which a token is renewed.
const SOONEST: Duration = Duration::from_secs(2);
/// How many tokens are renewed at the same time.
const AT_ONCE: usize = 8;

/// Why a token is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    /// The user has asked.
    Asked,
    /// The one before ends, or lets them do less than they may.
    Renewed,
}

/// A session of a user, which stands for a device. It is in one room at a time.
type Device = (UserId, Uuid);

/// The token that a device has.
#[derive(Clone, Copy, Debug)]
struct Held {
    room: RoomId,
    speaks: bool,
    /// When it is to be replaced.
    renew_at: Instant,
}

/// The devices that have a token: each once, so that none is sent two for one.
#[derive(Default)]
pub(super) struct Renewals {
    held: Mutex<BTreeMap<Device, Held>>,
    news: Notify,
}

impl Renewals {
    fn held(&self) -> MutexGuard<'_, BTreeMap<Device, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the token that a device has from now on.
    fn put(&self, device: Device, held: Held) {
        self.held().insert(device, held);
        self.news.notify_one();
    }

    /// Makes the tokens of this user for this room due that do not let them speak, or all.
    fn hasten(&self, room: RoomId, user: UserId, all: bool, now: Instant) {
        let of_user = (user, Uuid::nil())..=(user, Uuid::max());
        for (_, held) in self.held().range_mut(of_user).filter(|(_, held)| held.room == room && (all || !held.speaks)) {
            held.renew_at = now;
        }
    }

    /// The devices whose tokens are due, and when to look again.
    fn due(&self, now: Instant) -> (Vec<(Device, Held)>, Instant) {
        let (mut due, mut next) = (Vec::new(), now + LOOK);
        for (device, held) in &*self.held() {
            if held.renew_at <= now {
                due.push((*device, *held));
            } else {
                next = next.min(held.renew_at);
            }
        }
        (due, next)
    }

    /// Puts a renewal off, unless the device has another token by now.
    fn put_off(&self, device: Device, before: Held, until: Instant) {
        if let Some(held) = self.held().get_mut(&device).filter(|held| held.renew_at == before.renew_at) {
            held.renew_at = until;
        }
    }

    /// Forgets a device that is in the room no more, unless it has another token by now.
    fn forget(&self, device: Device, before: Held) {
        let mut held = self.held();
        if held.get(&device).is_some_and(|held| held.renew_at == before.renew_at && held.room == before.room) {
            held.remove(&device);
        }
    }
}

impl GatewayState {
    /// Asks the room what the user may do, and signs a token that lets them do it. It is renewed from then on.
    pub(super) async fn voice_pass(
        &self,
        handle: &RoomHandle,
        person: &Person,
        session: Uuid,
        cause: Cause,
    ) -> Result<VoicePass, ErrorBody> {
        let (room, user) = (handle.room(), person.id);
        let deadline = Duration::from_millis(self.settings.answer_ms);
        let place = join::answer(handle.send(Request::Place { user, session })?, deadline).await?;
        let Answer::Place(VoicePlace { rights, standing, epoch, turn }) = place else {
            return Err(ErrorCode::Internal.into());
        };
        let who = Participant { room, user, name: person.name.clone() };
        let notice = Notice { room, user, epoch, turn, standing };
        let pass = self.voice.pass(&who, &notice, rights).await.map_err(refusal)?;
        metric::VOICE_TOKENS.add_of(if cause == Cause::Asked { "asked" } else { "renewed" }, 1);
        let Pass { provider, place, rights, token } = pass;
        let lasts_ms = u64::try_from(token.expires_at.ms_since(self.ports.now())).unwrap_or(0);
        // At three quarters of its time, so that a device that is away for a moment still has one that holds.
        let renew_at = Instant::now() + (Duration::from_millis(lasts_ms) * 3 / 4).max(SOONEST);
        self.renewals.put((user, session), Held { room, speaks: rights == Rights::Speak, renew_at });
        Ok(VoicePass {
            provider: match provider {
                Provider::LiveKit => VoiceVendor::Livekit,
                Provider::Agora => VoiceVendor::Agora,
            },
            place,
            channel: room.to_string(),
            identity: user.to_string(),
            token: token.token,
            expires_at: token.expires_at.0,
            may_speak: rights == Rights::Speak,
        })
    }

    /// Renews the tokens of all devices that have one, without end.
    pub(super) async fn renew_voice_tokens(self) {
        let mut next = Instant::now();
        loop {
            tokio::select! {
                biased;
                gained = self.voice.gained() => {
                    let now = Instant::now();
                    gained.into_iter().for_each(|((room, user), all)| self.renewals.hasten(room, user, all, now));
                }
                () = self.renewals.news.notified() => {}
                () = sleep_until(next) => {}
            }
            let (due, look_at) = self.renewals.due(Instant::now());
            stream::iter(due).for_each_concurrent(AT_ONCE, |(device, held)| self.renew_voice_token(device, held)).await;
            next = look_at;
        }
    }

    /// Sends the device a new token, or forgets it if its user is in the room no more. A device that is away for a moment
    /// gets its token when it is back.
    async fn renew_voice_token(&self, device: Device, held: Held) {
        let (user, session) = device;
        let again = || self.renewals.put_off(device, held, Instant::now() + AGAIN);
        let Some(handle) = self.ports.awake(held.room) else { return self.renewals.forget(device, held) };
        let is_out =
            |error: &ErrorBody| matches!(error.code, ErrorCode::NotInRoom | ErrorCode::Kicked | ErrorCode::Banned);
        if !self.users.is_in(user, session, held.room) {
            return match handle.call(Request::Present { user, act: Act::Hear }).await {
                Err(error) if is_out(&error) => self.renewals.forget(device, held),
                _ => again(),
            };
        }
        let Some(person) = self.users.person(user) else { return again() };
        match self.voice_pass(&handle, &person, session, Cause::Renewed).await {
            Ok(pass) => {
                let frame = UserFrame::VoiceRenewed { room: held.room, pass };
                if !self.users.send_in(user, session, held.room, &frame).await {
                    let now = Instant::now();
                    self.renewals.held().entry(device).and_modify(|held| held.renew_at = now + AGAIN);
                }
            }
            Err(error) if is_out(&error) => self.renewals.forget(device, held),
            Err(error) => {
                tracing::debug!(room.id = held.room.number(), error.code = %error.code, "a voice token was not renewed");
                again();
            }
        }
    }
}

/// What the caller is told. The cause of a fault is logged here, because it goes no further.
fn refusal(error: Error) -> ErrorBody {
    if error.source.is_some() {
        tracing::warn!(%error, "a voice token was not signed");
    }
    *error.body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(room: i64, speaks: bool, renew_at: Instant) -> Held {
        Held { room: RoomId::new(room).expect("an id"), speaks, renew_at }
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_has_one_token_which_is_due_at_its_time_or_when_its_user_may_speak() {
        let (renewals, now) = (Renewals::default(), Instant::now());
        let user = UserId::new(7).expect("an id");
        let (phone, tablet) = ((user, Uuid::from_u128(1)), (user, Uuid::from_u128(2)));
        let later = now + Duration::from_millis(500);
        renewals.put(phone, held(1, false, now));
        renewals.put(phone, held(1, false, later));
        renewals.put(tablet, held(1, true, later));
        let (due, next) = renewals.due(now);
        assert!(due.is_empty() && next == later, "{due:?}");
        renewals.hasten(RoomId::new(1).expect("an id"), user, false, now);
        let (due, _) = renewals.due(now);
        assert_eq!(due.iter().map(|(device, _)| *device).collect::<Vec<_>>(), [phone], "the tablet's lets them speak");
        // A token that the device has asked for meanwhile is not touched.
        let before = due[0].1;
        renewals.put(phone, held(1, true, later));
        renewals.put_off(phone, before, now);
        renewals.forget(phone, before);
        assert_eq!(renewals.due(later).0.len(), 2);
    }
}
