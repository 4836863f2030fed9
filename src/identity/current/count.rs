//! The rate limits of REST, by network address and by user. A request is counted before anything else is done for it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::ClientAddress;
use crate::http::bearer::bearer;
use crate::identity::Identity;
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::limit::{Limit, holder};

/// The number of anonymous requests after which the limit drops the addresses whose allowance is full again.
const SWEEP_EVERY: usize = 10_000;

/// The limit on the anonymous requests of one network address.
#[derive(Debug)]
pub struct Anonymous {
    limit: Limit<IpAddr>,
    asked: AtomicUsize,
}

impl Anonymous {
    /// A limit of `times` requests a minute for each address.
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

/// Counts every request, before anything else is done for it: for the user if it has a valid access token, and else for
/// its network address. The token's content is left in the request for [`CurrentUser`](super::CurrentUser).
pub async fn count(
    State((anonymous, identity, edge)): State<(Arc<Anonymous>, Identity, Edge)>,
    ClientAddress(address): ClientAddress,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let access = match bearer(request.headers()) {
        Some(token) => identity.keys().verify_access(token, edge.now()).await.ok(),
        None => None,
    };
    match access {
        Some(access) => {
            identity.count(access.user)?;
            request.extensions_mut().insert(access);
        }
        // A route that needs a token says why this one is not valid.
        None => anonymous.check(address)?,
    }
    Ok(next.run(request).await)
}
