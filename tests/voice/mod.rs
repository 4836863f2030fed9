//! The rights at the voice vendors: the tokens, and the calls of their server APIs.

mod agora;
mod bans;
mod calls;
mod devices;
mod livekit;
mod rights;
mod rooms;
mod tokens;

use std::time::Duration;

use parlor::kit::clock::Timestamp;
use parlor::voice::{Agora, AgoraKeys, LiveKit, LiveKitKeys, Participant};
use parlor_protocol::{RoomId, UserId};

const NOW: Timestamp = Timestamp(1_790_000_000_700);
const SECRET: &str = "a-secret-of-32-characters-or-more";
const KEY: &str = "APIparlor";
const APP: &str = "970ca35de60c44645bbae8a215061b33";
const CERTIFICATE: &str = "5cfd2fd1755d40ecb72977518be15d3b";
const LASTS: u64 = 600;
const SPEAKS: u64 = 60;

fn rose() -> Participant {
    let (room, user) = (RoomId::new(17).expect("above 0"), UserId::new(4_294_967_295).expect("above 0"));
    Participant { room, user, name: "Rosé \"R\"".to_owned() }
}

fn livekit(url: &str) -> LiveKit {
    let keys = LiveKitKeys {
        url: url.to_owned(),
        api_key: KEY.to_owned(),
        api_secret: SECRET.to_owned().into(),
        lasts: Duration::from_secs(LASTS),
    };
    LiveKit::new(&keys).expect("the keys are valid")
}

fn agora_keys() -> AgoraKeys {
    AgoraKeys {
        url: "https://api.agora.io".to_owned(),
        app_id: APP.to_owned(),
        certificate: CERTIFICATE.to_owned().into(),
        customer_id: "customer".to_owned(),
        customer_secret: "pass:word".to_owned().into(),
        lasts: Duration::from_secs(LASTS),
        speaks: Duration::from_secs(SPEAKS),
    }
}

fn agora() -> Agora {
    Agora::new(&agora_keys()).expect("the keys are valid")
}
