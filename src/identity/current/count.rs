//! What an address and a user may ask of REST, counted before anything is asked for them.

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

/// Anonymous requests after which the addresses that are as good as new are forgotten.
const SWEEP_EVERY: usize = 10_000;

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
        // Why a token does not hold is said by who needs one.
        None => anonymous.check(address)?,
    }
    Ok(next.run(request).await)
}
