//! Limits of how often somebody may ask, per key, by the generic cell rate algorithm (ITU-T I.371).
//!
//! A limit counts in the memory of this process: on several nodes each counts for itself.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parlor_protocol::{ErrorBody, ErrorCode};

use super::error::Result;

/// A limit of a number of requests a minute or an hour for each key. All of them may come at once.
#[derive(Debug)]
pub struct Limit<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// A limit of `times` a minute; 0 counts as 1.
    pub fn per_minute(times: u32) -> Self {
        Self::of(Quota::per_minute(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN)))
    }

    /// A limit of `times` an hour; 0 counts as 1.
    pub fn per_hour(times: u32) -> Self {
        Self::of(Quota::per_hour(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN)))
    }

    fn of(quota: Quota) -> Self {
        let clock = DefaultClock::default();
        Self { limiter: RateLimiter::dashmap_with_clock(quota, clock.clone()), clock }
    }

    /// Counts one request of this key.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait, if it is one too many. It is then not counted.
    pub fn check(&self, key: &K) -> Result<()> {
        self.limiter.check_key(key).map_err(|refusal| {
            let wait = refusal.wait_time_from(self.clock.now());
            let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            ErrorBody::new(ErrorCode::RateLimited).retry_after_ms(ms).into()
        })
    }

    /// Forgets the keys whose allowance is whole again, so that memory follows the keys in use.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// The address that stands for whoever holds this one: an IPv6 customer usually has a whole /64, so its network
/// address; an IPv4 address stands for itself.
pub fn holder(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & (u128::MAX << 64);
            Ipv6Addr::from_bits(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, holder};

    #[test]
    fn a_limit_counts_each_key_by_itself() {
        let limit = Limit::per_minute(3);
        assert!((0..3).all(|_| limit.check(&"a").is_ok()));
        let refused = limit.check(&"a").expect_err("the fourth");
        let wait = refused.body.retry_after_ms.expect("says how long");
        assert!((15_000..=20_001).contains(&wait), "{wait}");
        assert!(limit.check(&"b").is_ok());
        limit.sweep();
        assert!(limit.check(&"a").is_err(), "a sweep forgives nobody");
    }

    #[test]
    fn an_ipv6_customer_is_one_holder() {
        let of = |text: &str| holder(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
