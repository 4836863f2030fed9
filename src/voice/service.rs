//! The tokens of the vendor that the settings name.

use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::ErrorCode;

use super::settings::{Provider, Settings};
use super::{Agora, AgoraKeys, LiveKit, LiveKitKeys, Participant, Rights, VoiceProvider, VoiceToken};
use crate::config::Secret;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};

/// The voice vendor, or none. Cheap to clone.
#[derive(Clone)]
pub struct Voice(Option<Arc<Vendor>>);

struct Vendor {
    provider: Box<dyn VoiceProvider>,
    name: Provider,
    /// What a client needs beside the token: LiveKit's address, or the id of Agora's project.
    place: String,
}

/// What a client connects with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    /// The vendor.
    pub provider: Provider,
    /// LiveKit's address, or the id of Agora's project.
    pub place: String,
    /// The token, and until when it holds.
    pub token: VoiceToken,
}

impl Voice {
    /// The vendor that the settings name.
    ///
    /// # Errors
    /// `internal` for settings that cannot work. The check at the start reports them first.
    pub fn of(settings: &Settings) -> Result<Self> {
        let given = |value: &Option<String>| value.clone().ok_or_else(missing);
        let secret = |value: &Option<Secret>| value.clone().ok_or_else(missing);
        let Some(name) = settings.provider else { return Ok(Self(None)) };
        let (place, provider): (String, Box<dyn VoiceProvider>) = match name {
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
                (address, Box::new(LiveKit::new(&keys)?))
            }
            Provider::Agora => {
                let of = &settings.agora;
                let app_id = given(&of.app_id)?;
                let keys = AgoraKeys {
                    url: "https://api.agora.io".to_owned(),
                    app_id: app_id.clone(),
                    certificate: secret(&of.certificate)?,
                    customer_id: String::new(),
                    customer_secret: String::new().into(),
                    lasts: Duration::from_secs(of.token_seconds),
                    speaks: Duration::from_secs(of.speak_seconds),
                };
                (app_id, Box::new(Agora::new(&keys)?))
            }
        };
        Ok(Self(Some(Arc::new(Vendor { provider, name, place }))))
    }

    /// Signs what somebody in a room connects with.
    ///
    /// # Errors
    /// `feature_off` without a vendor.
    pub fn pass(&self, who: &Participant, rights: Rights, edge: &Edge) -> Result<Pass> {
        let vendor = self.0.as_deref().ok_or(ErrorCode::FeatureOff)?;
        let token = vendor.provider.token(who, rights, edge.clock().now(), edge.chance())?;
        Ok(Pass { provider: vendor.name, place: vendor.place.clone(), token })
    }

    /// Refuses everybody if there is no vendor.
    ///
    /// # Errors
    /// `feature_off` without a vendor.
    pub fn check_on(&self) -> Result<()> {
        if self.0.is_some() { Ok(()) } else { Err(ErrorCode::FeatureOff.into()) }
    }
}

fn missing() -> Error {
    Error::internal("a setting of the voice vendor is missing")
}
