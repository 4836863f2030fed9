//! The tokens are those of `tokens.json`, which the vendors' own packages read in `tokens.test.mjs`.

use parlor::kit::chance::Chance;
use parlor::kit::clock::Timestamp;
use parlor::voice::{Agora, AgoraKeys, Change, Participant, Rights, VoiceProvider};
use parlor_protocol::UserId;
use serde_json::{Value, json};

use super::{APP, CERTIFICATE, KEY, LASTS, NOW, SECRET, SPEAKS, agora, agora_keys, livekit, rose};

#[test]
fn the_tokens_are_those_that_the_vendors_packages_have_read() {
    let (livekit, agora) = (livekit("https://livekit.example"), agora());
    let of = |provider: &dyn VoiceProvider, rights| {
        provider.token(&rose(), rights, NOW, &Chance::seeded(7)).expect("it is signed").token
    };
    let call = livekit.call(&rose(), Change::Rights(Rights::Listen), NOW).expect("it is signed").expect("a call");
    let made = json!({
        "issued": NOW.0 / 1_000, "room": "17", "user": "4294967295", "name": rose().name,
        "livekit": {
            "key": KEY, "secret": SECRET, "lasts": LASTS,
            "listen": of(&livekit, Rights::Listen), "speak": of(&livekit, Rights::Speak),
            "call": call.authorization.reveal().strip_prefix("Bearer ").expect("a bearer token"),
        },
        "agora": {
            "app": APP, "certificate": CERTIFICATE, "lasts": LASTS, "speaks": SPEAKS,
            "listen": of(&agora, Rights::Listen), "speak": of(&agora, Rights::Speak),
        },
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/voice/tokens.json");
    if std::env::var_os("PARLOR_RENEW").is_some() {
        std::fs::write(path, format!("{made:#}\n")).expect("the folder is there");
    }
    let file: Value = serde_json::from_slice(&std::fs::read(path).expect("it is there")).expect("it is JSON");
    assert_eq!(made, file, "renew the file with PARLOR_RENEW=1, then run ./parlor test: the packages must read it");
}

#[test]
fn a_token_says_when_its_first_right_ends() {
    let ends = |provider: &dyn VoiceProvider, rights| {
        provider.token(&rose(), rights, NOW, &Chance::seeded(7)).expect("it is signed").expires_at
    };
    let after = |seconds: u64| Timestamp((1_790_000_000 + i64::try_from(seconds).expect("small")) * 1_000);
    for rights in [Rights::Listen, Rights::Speak] {
        assert_eq!(ends(&livekit("https://livekit.example"), rights), after(LASTS));
    }
    assert_eq!(ends(&agora(), Rights::Listen), after(LASTS));
    assert_eq!(ends(&agora(), Rights::Speak), after(SPEAKS));
}

#[test]
fn only_who_is_seated_and_not_muted_may_speak() {
    let speaks = |seated, muted| Rights::of(seated, muted) == Rights::Speak;
    assert_eq!(
        [speaks(true, false), speaks(true, true), speaks(false, false), speaks(false, true)],
        [true, false, false, false]
    );
}

#[test]
fn two_tokens_of_agora_have_different_salts() {
    let chance = Chance::seeded(7);
    let token = || agora().token(&rose(), Rights::Speak, NOW, &chance).expect("it is signed").token;
    assert_ne!(token(), token());
}

#[test]
fn a_debug_text_has_no_token_and_no_secret() {
    let token =
        livekit("https://livekit.example").token(&rose(), Rights::Speak, NOW, &Chance::seeded(7)).expect("signed");
    assert!(!format!("{token:?}").contains(&token.token));
    let call = agora()
        .call(&rose(), Change::Out { stays_out: std::time::Duration::ZERO }, NOW)
        .expect("made")
        .expect("a call");
    assert!(!format!("{call:?}").contains(call.authorization.reveal()));
    assert!(!format!("{:?}", agora_keys()).contains(CERTIFICATE));
}

#[test]
fn agora_is_not_used_with_ids_that_it_does_not_have() {
    for (app_id, certificate) in [("17", CERTIFICATE), (APP, "xyfd2fd1755d40ecb72977518be15d3b"), (APP, "")] {
        let keys = AgoraKeys { app_id: app_id.to_owned(), certificate: certificate.to_owned().into(), ..agora_keys() };
        assert!(Agora::new(&keys).is_err(), "{app_id} {certificate}");
    }
    let beyond = Participant { user: UserId::new(4_294_967_296).expect("below 2^53"), ..rose() };
    assert!(
        agora().token(&beyond, Rights::Listen, NOW, &Chance::seeded(7)).is_err(),
        "another user would have the number"
    );
}
