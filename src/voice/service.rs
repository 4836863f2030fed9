//! The vendor that the settings name: the tokens that it takes, and the calls that change what they let somebody do.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use parlor_protocol::ErrorCode;
use tokio::time::{Instant, sleep_until};

use super::desk::Desk;
use super::settings::{Provider, Settings};
use super::store::Wanted;
use super::{
    Agora, AgoraKeys, Caller, Change, LiveKit, LiveKitKeys, Notice, Participant, Rights, Standing, Taken,
    VoiceProvider, VoiceToken,
};
use crate::config::Secret;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::jobs::Failure;
use crate::kit::supervise::Supervisor;

/// The voice vendor, or none. Cheap to clone.
#[derive(Clone, Default)]
pub struct Voice(Option<Arc<Vendor>>);

pub(super) struct Vendor {
    provider: Box<dyn VoiceProvider>,
    name: Provider,
    /// What a client needs beside the token: LiveKit's address, or the id of Agora's project.
    place: String,
    /// `None` if the settings have no key for the vendor's API.
    caller: Option<Caller>,
    pace: Pace,
    pub(super) edge: Edge,
    pub(super) desk: Desk,
}

/// What a client connects with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    /// The vendor.
    pub provider: Provider,
    /// LiveKit's address, or the id of Agora's project.
    pub place: String,
    /// What the token lets the user do.
    pub rights: Rights,
    /// The token, and until when it holds.
    pub token: VoiceToken,
}

impl Voice {
    /// No vendor.
    pub const fn off() -> Self {
        Self(None)
    }

    /// The vendor that the settings name.
    ///
    /// # Errors
    /// `internal` for settings that cannot work. The check at the start reports them first.
    pub fn of(settings: &Settings, edge: &Edge) -> Result<Self> {
        let given = |value: &Option<String>| value.clone().ok_or_else(missing);
        let secret = |value: &Option<Secret>| value.clone().ok_or_else(missing);
        let Some(name) = settings.provider else { return Ok(Self(None)) };
        let (place, provider, has_key, a_second): (String, Box<dyn VoiceProvider>, bool, Option<u32>) = match name {
            Provider::LiveKit => {
                let of = &settings.livekit;
                let address = given(&of.address)?;
                let keys = LiveKitKeys {
                    // The server API has the same address, as HTTP.
                    url: address.replacen("ws", "http", 1),
                    api_key: given(&of.api_key)?,
                    api_secret: secret(&of.api_secret)?,
                    lasts: Duration::from_secs(of.token_seconds),
                };
                (address, Box::new(LiveKit::new(&keys)?), true, None)
            }
            Provider::Agora => {
                let of = &settings.agora;
                let app_id = given(&of.app_id)?;
                let keys = AgoraKeys {
                    url: of.api.clone(),
                    app_id: app_id.clone(),
                    certificate: secret(&of.certificate)?,
                    customer_id: of.customer_id.clone().unwrap_or_default(),
                    customer_secret: of.customer_secret.clone().unwrap_or_else(|| String::new().into()),
                    lasts: Duration::from_secs(of.token_seconds),
                    speaks: Duration::from_secs(of.speak_seconds),
                };
                let has_key = of.customer_id.is_some();
                if !has_key {
                    tracing::warn!(
                        "who is kicked or banned stays in Agora's channel until the token ends: set voice.agora.customer_id \
                         and voice.agora.customer_secret"
                    );
                }
                (app_id, Box::new(Agora::new(&keys)?), has_key, Some(of.calls_per_second))
            }
        };
        let caller = has_key.then(|| Caller::new(provider.patience())).transpose()?;
        let desk = Desk::new(provider.is_told_rights());
        let (pace, edge) = (Pace::new(a_second), edge.clone());
        Ok(Self(Some(Arc::new(Vendor { provider, name, place, caller, pace, edge, desk }))))
    }

    /// Starts the task that writes down what changes behind the rooms. Without a vendor there is none.
    pub fn start(&self, supervisor: &Supervisor) {
        if let Some(vendor) = &self.0 {
            let written = vendor.desk.clone().write(vendor.edge.clone(), supervisor.stop().clone());
            supervisor.engine("writer of voice rights", supervisor.stop(), written);
        }
    }

    /// Whether there is a vendor.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn vendor(&self) -> Option<&Vendor> {
        self.0.as_deref()
    }

    /// Signs what somebody in a room connects with from a device that may do `asked`. It is noted before it is handed out, and lets them do no more than the
    /// newest state says that was noted.
    ///
    /// # Errors
    /// `feature_off` without a vendor; `not_in_room` if they have left meanwhile; a fault or an outage of the store.
    pub async fn pass(&self, who: &Participant, notice: &Notice, asked: Rights) -> Result<Pass> {
        let vendor = self.0.as_deref().ok_or(ErrorCode::FeatureOff)?;
        let lasts = vendor.provider.connects_for(asked);
        let newest = vendor.desk.note_token(&vendor.edge, notice, asked, lasts).await?;
        let rights = match (asked, newest) {
            (_, Standing::Out | Standing::Barred { .. }) => return Err(ErrorCode::NotInRoom.into()),
            (Rights::Speak, Standing::In(Rights::Speak)) => Rights::Speak,
            (_, Standing::In(_)) => Rights::Listen,
        };
        let token = vendor.provider.token(who, rights, vendor.edge.now(), vendor.edge.chance())?;
        Ok(Pass { provider: vendor.name, place: vendor.place.clone(), rights, token })
    }

    /// Refuses everybody if there is no vendor.
    ///
    /// # Errors
    /// `feature_off` without a vendor.
    pub fn check_on(&self) -> Result<()> {
        if self.0.is_some() { Ok(()) } else { Err(ErrorCode::FeatureOff.into()) }
    }
}

impl std::fmt::Debug for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Voice").field(&self.0.as_ref().map(|vendor| vendor.name)).finish()
    }
}

impl Vendor {
    /// Tells the vendor a state. `None` if it needs no word of it.
    ///
    /// # Errors
    /// `Passing` if the vendor was not reached or has a fault, `Final` if it refuses the call.
    pub(super) async fn tell(&self, wanted: &Wanted) -> Result<Option<Taken>, Failure> {
        let Some(caller) = &self.caller else { return Ok(None) };
        let who = Participant { room: wanted.room, user: wanted.user, name: String::new() };
        let send = async |change| -> Result<Option<Taken>, Failure> {
            if self.provider.call(&who, change, self.edge.now())?.is_none() {
                return Ok(None);
            }
            self.pace.wait().await;
            // It is signed after the wait, which may have been long.
            let Some(call) = self.provider.call(&who, change, self.edge.now())? else { return Ok(None) };
            caller.send(call).await.map(Some)
        };
        let lifted = match wanted.rule {
            // A new rule must come whatever becomes of the old one, which is lifted with the next state.
            Some(rule) => match send(Change::Lifted { rule }).await {
                Err(error) if !matches!(wanted.standing, Standing::Barred { .. }) => return Err(error),
                lifted => lifted.unwrap_or(None).map(|taken| Taken { rule: None, ..taken }),
            },
            None => None,
        };
        let change = match wanted.standing {
            Standing::In(rights) => Change::Rights(rights),
            Standing::Out => Change::Left,
            Standing::Barred { until } => {
                let left_ms = until.map_or(i64::MAX, |until| until.ms_since(self.edge.now()));
                Change::Out { stays_out: Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)) }
            }
        };
        Ok(send(change).await?.or(lifted))
    }

    /// Whether somebody may still connect with a token that lets them do other than they are to, so that the vendor has to
    /// be told again until it has ended: LiveKit reads a token whenever somebody connects with it.
    pub(super) fn must_repeat(&self, wanted: &Wanted, taken: Option<Taken>) -> bool {
        let Some(taken) = taken else { return false };
        self.provider.is_told_rights()
            && match wanted.standing {
                Standing::Out | Standing::Barred { .. } => wanted.may_come_speaking || wanted.may_come_listening,
                Standing::In(Rights::Listen) => wanted.may_come_speaking,
                // Whoever connects now has asked for a new token, unless they had just got one.
                Standing::In(Rights::Speak) => !taken.is_known && wanted.may_come_listening,
            }
    }
}

/// The times of calls to an API that takes so many a second.
struct Pace {
    every: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    fn new(a_second: Option<u32>) -> Self {
        Self { every: a_second.map(|calls| Duration::from_secs(1) / calls.max(1)), next: Mutex::default() }
    }

    /// Waits for the turn of the next call.
    async fn wait(&self) {
        let Some(every) = self.every else { return };
        let at = {
            let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let at = next.map_or_else(Instant::now, |next| next.max(Instant::now()));
            *next = Some(at + every);
            at
        };
        sleep_until(at).await;
    }
}

fn missing() -> Error {
    Error::internal("a setting of the voice vendor is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_keep_a_distance_from_each_other() {
        let (pace, began) = (Pace::new(Some(10)), Instant::now());
        futures_util::future::join_all((0..21).map(|_| pace.wait())).await;
        assert_eq!(began.elapsed().as_millis(), 2_000);
        tokio::time::advance(Duration::from_secs(5)).await;
        let began = Instant::now();
        pace.wait().await;
        assert_eq!(began.elapsed(), Duration::ZERO, "what was not used is not made up for");
        pace.wait().await;
        assert_eq!(began.elapsed().as_millis(), 100);
    }
}
