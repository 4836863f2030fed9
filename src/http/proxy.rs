//! The address of the client that sent a request. `X-Forwarded-For` is believed only if a configured proxy sent it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use std::convert::Infallible;

/// An extractor: the client's address, for limits. If a request has no peer address, as in tests without a listener, it
/// is the unspecified address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientAddress(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(Ipv4Addr::UNSPECIFIED.into())))
    }
}

/// The proxies whose `X-Forwarded-For` is believed.
pub type Proxies = Arc<[Network]>;

/// The proxies of the setting `http.trusted_proxies`. A server does not start with networks that cannot be parsed.
pub fn proxies(networks: &[String]) -> Proxies {
    networks.iter().filter_map(|network| network.parse().ok()).collect()
}

/// Middleware: finds the client's address and adds it to the request.
pub async fn find_client(State(proxies): State<Proxies>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let client = client(peer.ip().to_canonical(), request.headers(), &proxies);
        request.extensions_mut().insert(ClientAddress(client));
    }
    next.run(request).await
}

/// The client's address: from the peer back along `X-Forwarded-For`, as long as the entry was added by a trusted proxy.
pub fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    let mut client = peer;
    for hop in lines.iter().flat_map(|line| line.split(',')).rev() {
        if !proxies.iter().any(|network| network.contains(client)) {
            break;
        }
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
    }
    client
}

/// An address, or a network as `10.0.0.0/8`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| "not an IP address or network")?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), str::parse).map_err(|_| "the prefix is not a number")?;
        if prefix > bits { Err("the prefix is longer than the address") } else { Ok(Self { address, prefix }) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Network, client};

    fn found(peer: &str, forwarded: &[&'static str], proxies: &[&str]) -> String {
        let headers: HeaderMap = forwarded
            .iter()
            .map(|line| (HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(line)))
            .collect();
        let proxies: Vec<Network> = proxies.iter().map(|text| text.parse().expect("a network")).collect();
        client(peer.parse::<IpAddr>().expect("an address"), &headers, &proxies).to_string()
    }

    #[test]
    fn a_stranger_cannot_name_its_own_address() {
        assert_eq!(found("198.51.100.7", &["192.0.2.1"], &[]), "198.51.100.7");
        assert_eq!(found("198.51.100.7", &["192.0.2.1"], &["10.0.0.0/8"]), "198.51.100.7");
    }

    #[test]
    fn the_last_address_that_is_not_a_trusted_proxy_is_the_client() {
        let proxies = &["10.0.0.0/8", "::1"];
        assert_eq!(found("10.0.0.1", &["203.0.113.9, 192.0.2.1"], proxies), "192.0.2.1");
        assert_eq!(found("10.0.0.1", &["203.0.113.9", "192.0.2.1, 10.0.0.2"], proxies), "192.0.2.1");
        assert_eq!(found("::1", &["2001:db8::5"], proxies), "2001:db8::5");
        assert_eq!(found("10.0.0.1", &["junk"], proxies), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &[], proxies), "10.0.0.1");
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        let network: Network = "192.168.4.0/22".parse().expect("a network");
        let contains = |text: &str| network.contains(text.parse().expect("an address"));
        assert!(contains("192.168.7.255") && !contains("192.168.8.0") && !contains("::1"));
        assert!("0.0.0.0/0".parse::<Network>().is_ok_and(|all| all.contains("255.1.2.3".parse().expect("an address"))));
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/x", "10.0.0.0/"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
