//! Encryption of payloads that nobody may read in the table. Each is sealed under a key that is used for one job only
//! (ChaCha20-Poly1305, RFC 8439).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use serde_json::{Value, json};
use uuid::Uuid;

/// The job's key, derived from a secret of `job_keys` and the job's own UUID by HMAC-SHA256. No two jobs share a key,
/// so the nonce may be the same for all, and a payload that is moved to another job's row does not open.
fn key(secret: &[u8], job: Uuid) -> LessSafeKey {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let derived = hmac::sign(&secret, job.as_bytes());
    let key = UnboundKey::new(&CHACHA20_POLY1305, derived.as_ref()).expect("HMAC-SHA256 gives the 32 bytes of a key");
    LessSafeKey::new(key)
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// The sealed payload, as it stands in the table.
pub(super) fn sealed(secret: &[u8], job: Uuid, kind: &str, payload: &Value) -> Value {
    let mut bytes = payload.to_string().into_bytes();
    key(secret, job)
        .seal_in_place_append_tag(nonce(), Aad::from(kind), &mut bytes)
        .expect("a payload is far below what ChaCha20 takes");
    json!({"sealed": STANDARD_NO_PAD.encode(bytes)})
}

/// The payload that was sealed; `None` if it was not sealed with this secret, for this job and this kind.
pub(super) fn opened(secret: &[u8], job: Uuid, kind: &str, sealed: &Value) -> Option<Value> {
    let mut bytes = STANDARD_NO_PAD.decode(sealed["sealed"].as_str()?).ok()?;
    let bytes = key(secret, job).open_in_place(nonce(), Aad::from(kind), &mut bytes).ok()?;
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::{opened, sealed};

    #[test]
    fn a_sealed_payload_opens_for_its_job_and_kind_alone() {
        let (payload, job) = (json!({"to": "layla@example.com", "text": "428193"}), Uuid::from_u128(7));
        let shut = sealed(&[1; 32], job, "courier.mail", &payload);
        assert!(!shut.to_string().contains("layla") && !shut.to_string().contains("428193"), "{shut}");
        assert_eq!(opened(&[1; 32], job, "courier.mail", &shut), Some(payload.clone()));
        assert_eq!(opened(&[2; 32], job, "courier.mail", &shut), None, "another key");
        assert_eq!(opened(&[1; 32], Uuid::from_u128(8), "courier.mail", &shut), None, "another job");
        assert_eq!(opened(&[1; 32], job, "courier.sms", &shut), None, "another kind");
        assert_eq!(opened(&[1; 32], job, "courier.mail", &json!({})), None, "emptied");
        assert_ne!(sealed(&[1; 32], Uuid::from_u128(8), "courier.mail", &payload), shut);
    }
}
