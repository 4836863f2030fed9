//! The settings of the voice vendor.

use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::kit::settings::Value;

crate::settings! {
    /// The vendor that carries the sound of rooms.
    pub struct Settings at "voice", checked by Self::contradictions {
        /// The vendor: `livekit` or `agora`. Without one, `POST /v1/rooms/{id}/voice` answers `feature_off`.
        provider: Option<Provider> = None;
        /// LiveKit.
        livekit: LiveKitSettings;
        /// Agora.
        agora: AgoraSettings;
    }
}

crate::settings! {
    /// A LiveKit project.
    pub struct LiveKitSettings at "voice.livekit" {
        /// The address of the project, as `wss://project.livekit.cloud`: clients connect to it.
        address: Option<String> = None, shown "none: needed with `livekit`";
        /// The name of the project's key.
        api_key: Option<String> = None, shown "none: needed with `livekit`";
        /// The secret of the key, which signs tokens.
        api_secret: Option<Secret> = None, shown "none: needed with `livekit`";
        /// Seconds in which a client must connect with its token. Who is connected stays so.
        token_seconds: u64 = 60, in 10..=86_400;
    }
}

crate::settings! {
    /// An Agora project, in which co-host authentication is turned on.
    pub struct AgoraSettings at "voice.agora" {
        /// The project's id: 32 hexadecimal digits.
        app_id: Option<String> = None, shown "none: needed with `agora`";
        /// The project's certificate, which signs tokens: 32 hexadecimal digits.
        certificate: Option<Secret> = None, shown "none: needed with `agora`";
        /// The name of the project's key for Agora's API, with which kicks and bans are told.
        customer_id: Option<String> = None, shown "none: who is kicked or banned stays in Agora's channel and hears it until the token ends";
        /// The secret of that key.
        customer_secret: Option<Secret> = None;
        /// The address of Agora's API.
        api: String = "https://api.agora.io".to_owned(), shown "https://api.agora.io";
        /// The most calls of that API in a second by this node. Agora takes ten from an account: of several nodes each has
        /// its part.
        calls_per_second: u32 = 10, in 1..=1_000;
        /// Seconds for which a token lets a client listen.
        token_seconds: u64 = 3_600, in 60..=86_400;
        /// Seconds for which a token lets a client speak, who asks for a new one before: so long may somebody still speak
        /// who has lost the seat.
        speak_seconds: u64 = 60, in 30..=86_400;
    }
}

/// A voice vendor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// LiveKit, in its cloud or on servers of one's own.
    LiveKit,
    /// Agora.
    Agora,
}

impl Value for Provider {}

impl Settings {
    fn contradictions(&self, problems: &mut Vec<String>) {
        match self.provider {
            None => {}
            Some(Provider::LiveKit) => self.livekit.contradictions(problems),
            Some(Provider::Agora) => self.agora.contradictions(problems),
        }
    }
}

impl LiveKitSettings {
    fn contradictions(&self, problems: &mut Vec<String>) {
        let is_address = |address: &String| {
            address.parse::<reqwest::Url>().is_ok_and(|url| ["wss", "ws"].contains(&url.scheme()) && url.has_host())
        };
        if !self.address.as_ref().is_some_and(is_address) {
            problems
                .push("voice.livekit.address: give the project's address, as wss://project.livekit.cloud".to_owned());
        }
        if self.api_key.as_ref().is_none_or(String::is_empty) {
            problems.push("voice.livekit.api_key: give the name of the project's key".to_owned());
        }
        if self.api_secret.as_ref().is_none_or(|secret| secret.reveal().len() < 32) {
            problems.push("voice.livekit.api_secret: give the secret of the key, 32 characters at least".to_owned());
        }
    }
}

impl AgoraSettings {
    fn contradictions(&self, problems: &mut Vec<String>) {
        let is_id = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !self.app_id.as_deref().is_some_and(is_id) {
            problems.push("voice.agora.app_id: give the project's id, 32 hexadecimal digits".to_owned());
        }
        if !self.certificate.as_ref().map(Secret::reveal).is_some_and(is_id) {
            problems.push("voice.agora.certificate: give the project's certificate, 32 hexadecimal digits".to_owned());
        }
        if self.customer_id.is_some() != self.customer_secret.is_some() {
            problems.push("voice.agora.customer_id: give it together with voice.agora.customer_secret".to_owned());
        }
        if !self
            .api
            .parse::<reqwest::Url>()
            .is_ok_and(|url| ["https", "http"].contains(&url.scheme()) && url.has_host())
        {
            problems.push("voice.agora.api: give an address, as https://api.agora.io".to_owned());
        }
        if self.speak_seconds > self.token_seconds {
            problems.push("voice.agora.speak_seconds: must not be above voice.agora.token_seconds".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_needs_its_keys_and_each_that_is_missing_is_named() {
        assert!(Settings::default().problems().is_empty());
        for (provider, missing) in [(Provider::LiveKit, 3), (Provider::Agora, 2)] {
            let bare = Settings { provider: Some(provider), ..Settings::default() };
            assert_eq!(bare.problems().len(), missing, "{:?}", bare.problems());
        }
    }
}
