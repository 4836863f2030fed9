//! How often somebody may ask: GCRA per key, in this process.
//!
//! A limit holds per node; across nodes it is to be one script on Redis, behind these same calls.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parlor_protocol::{ErrorBody, ErrorCode};

use super::ClientAddress;
use super::user::bearer;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::identity::Identity;

/// Anonymous requests after which the addresses that are as good as new are forgotten.
const SWEEP_EVERY: usize = 10_000;

/// A limit of so many a minute for each key, all of which may come at once.
#[derive(Debug)]
pub struct Limit<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// So many a minute; 0 is taken as 1.
    pub fn per_minute(times: u32) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN));
        let clock = DefaultClock::default();
        Self { limiter: RateLimiter::dashmap_with_clock(quota, clock.clone()), clock }
    }

    /// Counts one for this key; `rate_limited`, with the time to wait, where that is too many.
    pub fn check(&self, key: &K) -> Result<()> {
        self.limiter.check_key(key).map_err(|refusal| {
            let wait = refusal.wait_time_from(self.clock.now());
            let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            ErrorBody::new(ErrorCode::RateLimited).retry_after_ms(ms).into()
        })
    }

    /// Forgets the keys that are as good as new, so that memory follows the keys in use.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// What an address may ask without saying who asks.
#[derive(Debug)]
pub struct Anonymous {
    limit: Limit<IpAddr>,
    asked: AtomicUsize,
}

impl Anonymous {
    /// So many requests a minute.
    pub fn per_minute(times: u32) -> Arc<Self> {
        Arc::new(Self { limit: Limit::per_minute(times), asked: AtomicUsize::new(0) })
    }

    fn check(&self, address: IpAddr) -> Result<()> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limit.sweep();
        }
        self.limit.check(&holder(address))
    }
}

/// Counts every request, before anything is asked for it: for the user whose token it brings, or for its
/// address where it brings none that holds. What a token says is left for `CurrentUser`.
pub async fn count(
    State((anonymous, identity)): State<(Arc<Anonymous>, Identity)>,
    ClientAddress(address): ClientAddress,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let access = match bearer(request.headers()) {
        Some(token) => identity.keys().verify_access(token, Timestamp::now()).await.ok(),
        None => None,
    };
    match access {
        Some(access) => {
            identity.count(access.user)?;
            request.extensions_mut().insert(access);
        }
        // Why a token does not hold is said by who needs one.
        None => anonymous.check(address)?,
    }
    Ok(next.run(request).await)
}

/// Whom an address stands for: an IPv6 customer has a /64 of them.
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
    fn what_is_too_much_for_one_key_is_nothing_to_another() {
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
