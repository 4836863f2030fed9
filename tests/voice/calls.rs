//! The calls of the vendors' server APIs.

use std::time::Duration;

use axum::http::StatusCode;
use parlor::kit::jobs::Failure;
use parlor::voice::{Caller, Change, LiveKit, LiveKitKeys, Rights, Taken, VoiceProvider};
use serde_json::{Value, json};

use super::livekit::Fake;
use super::{APP, NOW, SECRET, agora, livekit, rose};

const OUT: Change = Change::Out { stays_out: Duration::ZERO };

const TAKEN: Taken = Taken { is_known: true, rule: None };
const ABSENT: Taken = Taken { is_known: false, rule: None };

async fn send(provider: &dyn VoiceProvider, change: Change) -> Result<Taken, Failure> {
    let call = provider.call(&rose(), change, NOW).expect("it is signed").expect("LiveKit is told each change");
    Caller::new(Duration::from_secs(10)).expect("a client").send(call).await
}

#[tokio::test]
async fn livekit_is_told_the_whole_permission_of_who_is_connected() {
    let (fake, url) = Fake::start().await;
    fake.connect("17", "4294967295");
    fake.connect("17", "2");
    let before = fake.permission("17", "2");
    assert_eq!(send(&livekit(&url), Change::Rights(Rights::Listen)).await, Ok(TAKEN));
    let nothing = json!({"canSubscribe": true, "canPublish": false, "canPublishData": false, "canPublishSources": []});
    assert_eq!(fake.permission("17", "4294967295"), Some(nothing));
    assert_eq!(send(&livekit(&url), Change::Rights(Rights::Speak)).await, Ok(TAKEN));
    let speak = json!({
        "canSubscribe": true, "canPublish": true, "canPublishData": false, "canPublishSources": ["MICROPHONE"],
    });
    assert_eq!(fake.permission("17", "4294967295"), Some(speak));
    assert_eq!(fake.permission("17", "2"), before, "nobody else's permission has changed");
}

#[tokio::test]
async fn who_is_put_out_of_livekit_cannot_return_with_an_old_token() {
    let (fake, url) = Fake::start().await;
    fake.connect("17", "4294967295");
    assert_eq!(send(&livekit(&url), OUT).await, Ok(TAKEN));
    assert_eq!(fake.permission("17", "4294967295"), None);
    let before = fake.revoked.lock().expect("nobody panicked")[&("17".to_owned(), "4294967295".to_owned())];
    assert_eq!(before, 1_790_000_001, "a token of this very second is refused too");

    fake.connect("17", "4294967295");
    assert_eq!(send(&livekit(&url), Change::Left).await, Ok(TAKEN));
    assert_eq!(fake.permission("17", "4294967295"), None);
    let before = fake.revoked.lock().expect("nobody panicked")[&("17".to_owned(), "4294967295".to_owned())];
    assert_eq!(before, 1_790_000_000, "who has left may come back within the second with a new token");
}

#[tokio::test]
async fn who_is_not_connected_to_livekit_needs_no_change() {
    let (_fake, url) = Fake::start().await;
    for change in [Change::Rights(Rights::Listen), Change::Left, OUT] {
        assert_eq!(send(&livekit(&url), change).await, Ok(ABSENT));
    }
}

#[tokio::test]
async fn a_call_is_tried_again_only_if_that_is_of_use_and_its_failure_repeats_nothing() {
    let (fake, url) = Fake::start().await;
    fake.connect("17", "4294967295");
    for (status, passes) in [(503, true), (500, true), (429, true), (403, true), (302, true), (400, false)] {
        let status = StatusCode::from_u16(status).expect("a status");
        *fake.broken.lock().expect("nobody panicked") = Some(status);
        let failure = send(&livekit(&url), OUT).await.expect_err("the vendor refused");
        assert_eq!(matches!(failure, Failure::Passing(_)), passes, "{failure:?}");
        assert!(!format!("{failure:?}").contains("secret"), "{failure:?}");
    }
    *fake.broken.lock().expect("nobody panicked") = None;
    let stranger = LiveKitKeys {
        url: url.clone(),
        api_key: "another".to_owned(),
        api_secret: SECRET.to_owned().into(),
        lasts: Duration::from_secs(60),
    };
    let failure = send(&LiveKit::new(&stranger).expect("valid keys"), OUT).await;
    assert_eq!(failure, Err(Failure::Passing("the voice vendor answered 401".to_owned())));
    assert!(fake.permission("17", "4294967295").is_some(), "what was refused has changed nothing");
}

#[tokio::test]
async fn a_wrong_path_is_not_taken_for_a_stranger_and_an_outage_passes() {
    let (_fake, url) = Fake::start().await;
    let mut call = livekit(&url).call(&rose(), OUT, NOW).expect("it is signed").expect("a call");
    call.url.set_path("/twirp/livekit.RoomService/Remove");
    let caller = Caller::new(Duration::from_secs(10)).expect("a client");
    assert_eq!(caller.send(call.clone()).await, Err(Failure::Passing("the voice vendor answered 404".to_owned())));
    // Port 1 is nobody's.
    call.url.set_port(Some(1)).expect("a URL with a host");
    assert_eq!(caller.send(call).await, Err(Failure::Passing("the voice vendor could not be reached".to_owned())));
}

#[test]
fn agora_is_called_only_to_put_somebody_out_within_its_bounds() {
    for rights in [Rights::Listen, Rights::Speak] {
        assert_eq!(agora().call(&rose(), Change::Rights(rights), NOW).expect("it is made"), None);
    }
    for (milliseconds, banned) in [(0, 0), (1, 10), (10_001, 11), (600_000, 600), (90_000_000, 86_400)] {
        let change = Change::Out { stays_out: Duration::from_millis(milliseconds) };
        let call = agora().call(&rose(), change, NOW).expect("it is made").expect("a call");
        assert_eq!(call.url.as_str(), "https://api.agora.io/dev/v1/kicking-rule");
        // printf 'customer:pass:word' | base64
        assert_eq!(call.authorization.reveal(), "Basic Y3VzdG9tZXI6cGFzczp3b3Jk");
        let body: Value = serde_json::from_str(&call.body).expect("it is JSON");
        assert_eq!(
            body,
            json!({
                "appid": APP, "cname": "17", "uid": 4_294_967_295_u32, "time_in_seconds": banned, "privileges": ["join_channel"],
            })
        );
    }
    assert_eq!(agora().call(&rose(), Change::Left, NOW).expect("it is made"), None, "who has left is not banned");
    let call = agora().call(&rose(), Change::Lifted { rule: 1_953 }, NOW).expect("it is made").expect("a call");
    assert_eq!((call.method.as_str(), call.url.path()), ("DELETE", "/dev/v1/kicking-rule"));
    assert_eq!(serde_json::from_str::<Value>(&call.body).expect("it is JSON"), json!({"appid": APP, "id": 1_953}));
}
