//! Agora: its tokens (AccessToken2, whose text begins with `007`) and the call that puts somebody out of a channel.
//!
//! A token is `007` and base64 of the compressed bytes `signature, content`. Each text in them has its length before it
//! in two bytes; numbers are little-endian. Times in a token are seconds since it was issued. The key of the signature
//! comes of two steps: HMAC-SHA256 of the certificate under the issue time, and of the result under the salt.
//!
//! Agora checks the privilege to publish only in projects in which "co-host authentication" is turned on.

use std::io::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::json;
use sha2::Sha256;

use super::{Call, Change, Participant, Rights, VoiceProvider, VoiceToken, seconds};
use crate::config::Secret;
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};

const VERSION: &str = "007";
/// The service of a token that is about sound and picture.
const RTC: u16 = 1;
const JOIN: u16 = 1;
const PUBLISH_AUDIO: u16 = 2;
/// The bounds that Agora sets to a ban, in seconds. (0 puts out and lets come back at once.)
const BAN_SECONDS: (u64, u64) = (10, 86_400);

/// What an Agora project gives to its owner.
#[derive(Clone, Debug)]
pub struct AgoraKeys {
    /// The address of the API, which is `https://api.agora.io` but in tests.
    pub url: String,
    /// The project's id: 32 hexadecimal digits.
    pub app_id: String,
    /// The project's certificate, with which tokens are signed: 32 hexadecimal digits.
    pub certificate: Secret,
    /// The name at the API.
    pub customer_id: String,
    /// The password at the API.
    pub customer_secret: Secret,
    /// How long a token lets a client listen.
    pub lasts: Duration,
    /// How long a token lets a client speak: so long may somebody still speak who has lost the right.
    pub speaks: Duration,
}

/// Agora as the voice vendor.
pub struct Agora {
    url: reqwest::Url,
    app_id: String,
    certificate: Secret,
    authorization: Secret,
    lasts: u32,
    speaks: u32,
}

impl Agora {
    /// Agora with these keys.
    ///
    /// # Errors
    /// `internal` if the address is none, or if id or certificate are not 32 hexadecimal digits.
    pub fn new(keys: &AgoraKeys) -> Result<Self> {
        for (name, value) in [("app id", keys.app_id.as_str()), ("certificate", keys.certificate.reveal())] {
            if value.len() != 32 || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(Error::internal(format!("Agora's {name} is not 32 hexadecimal digits")));
            }
        }
        let mut url: reqwest::Url =
            keys.url.parse().map_err(|_| Error::internal("the address of Agora is not valid"))?;
        url.set_path("/dev/v1/kicking-rule");
        let basic = BASE64.encode(format!("{}:{}", keys.customer_id, keys.customer_secret.reveal()));
        let lasts = whole_seconds(keys.lasts);
        Ok(Self {
            url,
            app_id: keys.app_id.clone(),
            certificate: keys.certificate.clone(),
            authorization: format!("Basic {basic}").into(),
            lasts,
            speaks: whole_seconds(keys.speaks).min(lasts),
        })
    }
}

impl Agora {
    /// A call about a rule that keeps somebody out.
    fn rule(&self, method: Method, body: &serde_json::Value) -> Call {
        Call { method, url: self.url.clone(), authorization: self.authorization.clone(), body: body.to_string() }
    }
}

impl VoiceProvider for Agora {
    fn token(&self, who: &Participant, rights: Rights, now: Timestamp, chance: &Chance) -> Result<VoiceToken> {
        let issued = u32::try_from(seconds(now)).map_err(Error::internal)?;
        let salt = u32::try_from(chance.in_range(1..100_000_000)).expect("the range is within 32 bits");
        let mut privileges = vec![(JOIN, self.lasts)];
        if rights == Rights::Speak {
            privileges.push((PUBLISH_AUDIO, self.speaks));
        }
        let mut content = Packed::default();
        content.text(self.app_id.as_bytes()).long(issued).long(self.lasts).long(salt);
        // One service: its type, its privileges, and what it is for.
        content.short(1).short(RTC).short(u16::try_from(privileges.len()).expect("there are two at most"));
        for (privilege, lasts) in privileges {
            content.short(privilege).long(lasts);
        }
        content.text(who.room.to_string().as_bytes()).text(uid(who)?.to_string().as_bytes());

        let key = hmac(&issued.to_le_bytes(), self.certificate.reveal().as_bytes());
        let key = hmac(&salt.to_le_bytes(), &key);
        let mut bytes = Packed::default();
        bytes.text(&hmac(&key, &content.0)).0.extend(&content.0);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&bytes.0).map_err(Error::internal)?;
        let token = format!("{VERSION}{}", BASE64.encode(zlib.finish().map_err(Error::internal)?));
        let lasts = if rights == Rights::Speak { self.speaks } else { self.lasts };
        Ok(VoiceToken { token, expires_at: Timestamp((i64::from(issued) + i64::from(lasts)) * 1_000) })
    }

    /// Changed rights need no call: the privilege to publish is not renewed. Nor does leaving: no new token is signed, and
    /// what the old ones still let the person do is to listen. A ban is at least ten seconds long and at
    /// most a day, which are Agora's bounds; a longer one is held by Parlor, which signs no token until its end.
    fn call(&self, who: &Participant, change: Change, _: Timestamp) -> Result<Option<Call>> {
        let stays_out = match change {
            Change::Rights(_) | Change::Left => return Ok(None),
            Change::Lifted { rule } => {
                return Ok(Some(self.rule(Method::DELETE, &json!({"appid": self.app_id, "id": rule}))));
            }
            Change::Out { stays_out } => stays_out,
        };
        let ban = match stays_out {
            Duration::ZERO => 0,
            // Rounded up, so that a ban does not end early.
            longer => (longer.as_secs() + u64::from(longer.subsec_nanos() > 0)).clamp(BAN_SECONDS.0, BAN_SECONDS.1),
        };
        let body = json!({
            "appid": self.app_id,
            "cname": who.room.to_string(),
            "uid": uid(who)?,
            "time_in_seconds": ban,
            "privileges": ["join_channel"],
        });
        Ok(Some(self.rule(Method::POST, &body)))
    }

    fn is_told_rights(&self) -> bool {
        false
    }

    fn connects_for(&self, _: Rights) -> Duration {
        Duration::from_secs(u64::from(self.lasts))
    }

    /// Agora asks for 5 s at least: a rule whose number is not heard of can't be lifted.
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

/// The number of the user at Agora, where numbers have 32 bits.
fn uid(who: &Participant) -> Result<u32> {
    u32::try_from(who.user.number()).map_err(|_| Error::internal("Agora has no number for an id above 32 bits"))
}

fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Bytes as a token has them.
#[derive(Default)]
struct Packed(Vec<u8>);

impl Packed {
    fn short(&mut self, value: u16) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn long(&mut self, value: u32) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn text(&mut self, bytes: &[u8]) -> &mut Self {
        self.short(u16::try_from(bytes.len()).expect("ids and signatures are short")).0.extend(bytes);
        self
    }
}
