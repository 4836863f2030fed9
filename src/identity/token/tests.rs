//! Tests of what an attacker may try with a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use parlor_protocol::{ErrorCode, RoomId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Access, AccessClaims, Purpose, RoomClaims, header_in, header_of, signed, verified};
use crate::kit::clock::Timestamp;
use crate::kit::error::Result;

const SECRET: [u8; 32] = [7; 32];
const KID: Uuid = Uuid::from_u128(42);
const NOW: Timestamp = Timestamp(1_790_000_000_123);

fn user() -> UserId {
    UserId::new(104_233_871).expect("in range")
}

fn room() -> RoomId {
    RoomId::new(200_000_001).expect("in range")
}

fn access_token() -> String {
    let claims = AccessClaims::new(user(), Uuid::from_u128(1), Uuid::from_u128(2), NOW, 15);
    signed(Purpose::Access, KID, &EncodingKey::from_secret(&SECRET), &claims).expect("signed").token
}

fn room_token() -> String {
    let claims = RoomClaims::new(user(), room(), NOW, 5);
    signed(Purpose::Room, KID, &EncodingKey::from_secret(&SECRET), &claims).expect("signed").token
}

/// Finds the key by the token's header, as `Keys` does; here there is one key.
fn is_ours(purpose: Purpose, token: &str) -> Result<()> {
    let header = header_of(purpose, KID, &EncodingKey::from_secret(&SECRET))?;
    if header_in(purpose, token)? == header { Ok(()) } else { Err(purpose.refused()) }
}

/// Verifies an access token as `Keys` does; here there is one key.
fn access(token: &str, now: Timestamp) -> Result<Access> {
    is_ours(Purpose::Access, token)?;
    verified::<AccessClaims>(Purpose::Access, token, &DecodingKey::from_secret(&SECRET), now)?.access()
}

fn enter(token: &str, who: UserId, which: RoomId, now: Timestamp) -> Result<bool> {
    is_ours(Purpose::Room, token)?;
    let claims = verified::<RoomClaims>(Purpose::Room, token, &DecodingKey::from_secret(&SECRET), now)?;
    Ok(claims.admits(who, which))
}

fn refusal<T>(outcome: Result<T>) -> ErrorCode {
    outcome.err().expect("refused").code()
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn good_claims() -> Value {
    json!({"iss": "parlor", "aud": "parlor", "sub": "104233871", "sid": Uuid::from_u128(1),
           "iat": 1_790_000_000, "exp": 1_790_000_900, "jti": Uuid::from_u128(2)})
}

/// A token with changed header or claims, signed with the right key.
fn forged(change: impl FnOnce(&mut Header, &mut Value)) -> String {
    let mut header = Header::new(Algorithm::HS256);
    (header.typ, header.kid) = (Some("at+jwt".to_owned()), Some(KID.to_string()));
    let mut claims = good_claims();
    change(&mut header, &mut claims);
    encode(&header, &claims, &EncodingKey::from_secret(&SECRET)).expect("encoded")
}

#[test]
fn an_access_token_says_who_by_which_session_until_when() {
    let said = access(&access_token(), NOW).expect("holds");
    assert_eq!(said.user, user());
    assert_eq!(said.session, Uuid::from_u128(1));
    assert_eq!(said.expires_at, Timestamp(1_790_000_900_000));
    assert!(access(&forged(|_, _| ()), NOW).is_ok(), "the forgeries below differ from a valid token in one point only");
}

#[test]
fn an_expired_token_is_told_from_a_bad_one() {
    assert!(access(&access_token(), NOW.plus_ms(15 * 60_000 + 4_000)).is_ok(), "within the leeway");
    assert_eq!(refusal(access(&access_token(), NOW.plus_ms(15 * 60_000 + 5_000))), ErrorCode::TokenExpired);
    let mut tampered = access_token();
    let last = tampered.pop().expect("not empty");
    tampered.push(if last == 'A' { 'B' } else { 'A' });
    tampered.insert(tampered.len() - 3, 'x');
    assert_eq!(refusal(access(&tampered, NOW.plus_ms(60 * 60_000))), ErrorCode::Unauthenticated);
    assert_eq!(refusal(enter(&room_token(), user(), room(), NOW.plus_ms(6 * 60_000))), ErrorCode::RoomTokenInvalid);
}

#[test]
fn no_other_algorithm_is_taken() {
    for alg in ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", ""] {
        let header = part(&json!({"alg": alg, "typ": "at+jwt", "kid": KID}));
        let signature = access_token().rsplit('.').next().map(str::to_owned).expect("three parts");
        for signature in ["", signature.as_str()] {
            let token = format!("{header}.{}.{signature}", part(&good_claims()));
            assert_eq!(refusal(access(&token, NOW)), ErrorCode::Unauthenticated, "{alg}");
        }
    }
    // This token is signed with the right secret, by another algorithm.
    let mut header = Header::new(Algorithm::HS512);
    (header.typ, header.kid) = (Some("at+jwt".to_owned()), Some(KID.to_string()));
    let token = encode(&header, &good_claims(), &EncodingKey::from_secret(&SECRET)).expect("encoded");
    assert_eq!(refusal(access(&token, NOW)), ErrorCode::Unauthenticated);
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let other = EncodingKey::from_secret(b"the attacker's own secret of 32b");
    let mut header = Header::new(Algorithm::HS256);
    (header.typ, header.kid) = (Some("at+jwt".to_owned()), Some(KID.to_string()));
    header.jku = Some("https://attacker.example/keys".to_owned());
    header.x5u = Some("https://attacker.example/cert".to_owned());
    let token = encode(&header, &good_claims(), &other).expect("encoded");
    assert_eq!(refusal(access(&token, NOW)), ErrorCode::Unauthenticated);
    for kid in [None, Some("../../dev/null"), Some("' or 1=1"), Some("")] {
        let token = forged(|header, _| header.kid = kid.map(str::to_owned));
        assert_eq!(refusal(access(&token, NOW)), ErrorCode::Unauthenticated);
    }
    assert_eq!(refusal(access(&forged(|h, _| h.crit = Some(vec!["exp".to_owned()])), NOW)), ErrorCode::Unauthenticated);
}

#[test]
fn one_kind_does_not_stand_for_the_other() {
    assert_eq!(refusal(access(&room_token(), NOW)), ErrorCode::Unauthenticated);
    assert_eq!(refusal(enter(&access_token(), user(), room(), NOW)), ErrorCode::RoomTokenInvalid);
    for typ in [None, Some("JWT"), Some("room+jwt"), Some("AT+JWT")] {
        let token = forged(|header, _| header.typ = typ.map(str::to_owned));
        assert_eq!(refusal(access(&token, NOW)), ErrorCode::Unauthenticated, "{typ:?}");
    }
}

#[test]
fn every_claim_is_required_and_checked() {
    for name in ["iss", "aud", "sub", "sid", "exp", "iat", "jti"] {
        let token = forged(|_, claims| drop(claims.as_object_mut().expect("an object").remove(name)));
        assert_eq!(refusal(access(&token, NOW)), ErrorCode::Unauthenticated, "without {name}");
    }
    let wrong = [
        ("iss", json!("someone")),
        ("iss", json!(["parlor"])),
        ("aud", json!("parlor-room")),
        ("aud", json!("other")),
        ("aud", json!(["parlor", "other"])),
        ("sub", json!("0")),
        ("sub", json!("-1")),
        ("sub", json!("9007199254740992")),
        ("sub", json!(104_233_871)),
        ("sub", json!("x")),
        ("sid", json!("x")),
        ("exp", json!("1790000900")),
        ("exp", json!(null)),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
    ];
    for (name, value) in wrong {
        let token = forged(|_, claims| claims[name] = value.clone());
        assert!(access(&token, NOW).is_err(), "{name} = {value}");
    }
}

#[test]
fn a_room_token_is_for_one_user_and_one_room() {
    let token = room_token();
    assert!(enter(&token, user(), room(), NOW).expect("holds"));
    assert!(!enter(&token, user(), RoomId::new(200_000_002).expect("in range"), NOW).expect("holds"));
    assert!(!enter(&token, UserId::new(104_233_872).expect("in range"), room(), NOW).expect("holds"));
}

#[test]
fn a_tampered_or_broken_token_is_refused_wherever_it_was_touched() {
    let token = access_token();
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(bytes).expect("ASCII");
        // Some bits of a signature's last character are not part of the signature.
        assert!(tampered == token || at == token.len() - 1 || access(&tampered, NOW).is_err(), "at {at}");
        assert!(access(&token[..at], NOW).is_err(), "cut at {at}");
    }
    for junk in ["", ".", "..", "...", "a.b.c", "\u{1f600}", &format!("{token}.x"), &"A".repeat(1 << 20)] {
        assert_eq!(refusal(access(junk, NOW)), ErrorCode::Unauthenticated);
    }
}
