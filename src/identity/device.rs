//! Known devices: a device that was signed in to an account before shows it by a token, and is then told from strangers
//! who guess.
//!
//! Nothing is stored for it. The token names its user, a random device and its end, and is signed; it also depends on the
//! hash of the account's password. So whoever sets a new password makes every device unknown, a thief's too. It opens
//! nothing: its bearer only has tries of their own at the password and at codes.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlor_protocol::UserId;

use super::Token;
use super::keyed::ContactKey;
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::limit::holder;

/// The bytes of a signature (HMAC-SHA256).
const SIGNATURE: usize = 32;
/// The bytes of a token: user, device, end, signature, and signature with the password's hash.
const BYTES: usize = 8 + 16 + 8 + 2 * SIGNATURE;

const DAY_MS: i64 = 86_400_000;

/// A token that this server has signed for some account and that has not ended. For which account it counts is not known
/// before [`KnownDevice::is_of`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct KnownDevice {
    user: i64,
    device: [u8; 16],
    until: i64,
    bound: [u8; SIGNATURE],
}

impl KnownDevice {
    /// The token of a device that has just shown the password with this hash.
    pub(super) fn issue(
        key: &ContactKey,
        user: UserId,
        password_hash: &str,
        days: u32,
        (now, chance): (Timestamp, &Chance),
    ) -> Token {
        let until = now.plus_ms(i64::from(days) * DAY_MS);
        let mut known = Self { user: user.number(), device: chance.bytes(), until: until.0, bound: [0; SIGNATURE] };
        let signature = key.hash(&known.parts("").each_ref().map(String::as_str));
        let bound = key.hash(&known.parts(password_hash).each_ref().map(String::as_str));
        known.bound.copy_from_slice(&bound);
        let user = known.user.to_be_bytes();
        let end = known.until.to_be_bytes();
        let token = [user.as_slice(), &known.device, &end, &signature, &known.bound].concat();
        Token { token: URL_SAFE_NO_PAD.encode(token), expires_at: until }
    }

    /// The device of a token, if this server has signed the token and it has not ended. Everything else is as good as no
    /// token.
    pub(super) fn read(key: &ContactKey, token: &str, now: Timestamp) -> Option<Self> {
        let mut bytes = [0; BYTES];
        if URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()? != BYTES {
            return None;
        }
        let (user, rest) = bytes.split_first_chunk::<8>()?;
        let (device, rest) = rest.split_first_chunk::<16>()?;
        let (until, rest) = rest.split_first_chunk::<8>()?;
        let (signature, rest) = rest.split_first_chunk::<SIGNATURE>()?;
        let bound = rest.first_chunk::<SIGNATURE>()?;
        let (user, until) = (i64::from_be_bytes(*user), i64::from_be_bytes(*until));
        let known = Self { user, device: *device, until, bound: *bound };
        let signed = key.fits(&known.parts("").each_ref().map(String::as_str), signature);
        (signed && now.0 < until).then_some(known)
    }

    /// Whether the device was signed in to this account, with the password that it has now. Without an account the same
    /// is computed.
    pub(super) fn is_of(&self, key: &ContactKey, account: Option<(UserId, &str)>) -> bool {
        let (user, password_hash) = account.map_or((0, ""), |(user, hash)| (user.number(), hash));
        let fits = key.fits(&self.parts(password_hash).each_ref().map(String::as_str), &self.bound);
        fits && user == self.user && account.is_some()
    }

    /// By what the device's requests are counted, before anything is known of the account.
    pub(super) const fn id(&self) -> [u8; 16] {
        self.device
    }

    /// What is signed. Without a password's hash it shows only that the token is this server's.
    fn parts(&self, password_hash: &str) -> [String; 5] {
        let device = URL_SAFE_NO_PAD.encode(self.device);
        ["known device".to_owned(), self.user.to_string(), device, self.until.to_string(), password_hash.to_owned()]
    }
}

/// Who tries a password or a code, as far as that can be told without either.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Guesser {
    /// Keyed hash of what they are counted by.
    pub(super) key: Vec<u8>,
    /// Whether it is a device that was signed in to the account before.
    pub(super) known: bool,
}

impl Guesser {
    /// Whoever sends from this address (of IPv6, from this /64).
    pub(super) fn stranger(key: &ContactKey, from: IpAddr) -> Self {
        Self { key: key.hash(&["address", &holder(from).to_string()]), known: false }
    }

    /// A signed-in user. Only they can try their codes.
    pub(super) fn user(key: &ContactKey, user: UserId) -> Self {
        Self { key: key.hash(&["user", &user.to_string()]), known: true }
    }

    /// The device, if it is one of this account, else whoever sends from the address.
    pub(super) fn of(
        key: &ContactKey,
        device: Option<&KnownDevice>,
        account: Option<(UserId, &str)>,
        from: IpAddr,
    ) -> Self {
        match device.filter(|device| device.is_of(key, account)) {
            Some(device) => Self { key: key.hash(&["device", &URL_SAFE_NO_PAD.encode(device.device)]), known: true },
            None => Self::stranger(key, from),
        }
    }
}

#[cfg(test)]
mod tests {
    use parlor_protocol::UserId;

    use super::{ContactKey, Guesser, KnownDevice};
    use crate::kit::chance::Chance;
    use crate::kit::clock::Timestamp;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn user(number: i64) -> UserId {
        UserId::new(100_000_000 + number).expect("in range")
    }

    fn issued(key: &ContactKey) -> String {
        KnownDevice::issue(key, user(1), "a hash", 180, (NOW, &Chance::seeded(1))).token
    }

    #[test]
    fn a_device_is_known_to_its_own_account_until_the_password_changes() {
        let key = ContactKey::new(vec![1; 32]);
        let known = KnownDevice::read(&key, &issued(&key), NOW).expect("its own token");
        assert!(known.is_of(&key, Some((user(1), "a hash"))));
        assert!(!known.is_of(&key, Some((user(1), "another hash"))), "a new password makes it unknown");
        assert!(!known.is_of(&key, Some((user(2), "a hash"))), "somebody else's account");
        assert!(!known.is_of(&key, None), "no account");
        let from = "192.0.2.7".parse().expect("an address");
        let (device, stranger) = (
            Guesser::of(&key, Some(&known), Some((user(1), "a hash")), from),
            Guesser::of(&key, Some(&known), Some((user(2), "a hash")), from),
        );
        assert!(device.known && !stranger.known && device.key != stranger.key);
        assert_eq!(stranger, Guesser::of(&key, None, None, from));
    }

    #[test]
    fn junk_an_old_token_and_another_server_s_are_as_good_as_none() {
        let key = ContactKey::new(vec![1; 32]);
        let token = issued(&key);
        let end = NOW.plus_ms(180 * 86_400_000);
        assert!(KnownDevice::read(&key, &token, Timestamp(end.0 - 1)).is_some());
        assert!(KnownDevice::read(&key, &token, end).is_none(), "it has ended");
        assert!(KnownDevice::read(&ContactKey::new(vec![2; 32]), &token, NOW).is_none());
        for junk in ["", "x", "\u{1f600}", &token[1..], &format!("{token}A"), &"A".repeat(1 << 12)] {
            assert!(KnownDevice::read(&key, junk, NOW).is_none(), "{junk}");
        }
        // Another user's id, device or end in it.
        for at in [0, 10, 30] {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert!(KnownDevice::read(&key, &forged, NOW).is_none(), "at {at}");
        }
    }
}
