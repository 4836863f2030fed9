//! The address of the client that sent a request. `X-Forwarded-For` and `Forwarded` (RFC 7239) are believed only if a
//! configured proxy sent them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::convert::Infallible;

use super::Settings;

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

/// The proxies that are believed, and what they send.
#[derive(Clone, Default, Debug)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Arc<[Network]>,
    /// They send `Forwarded` only.
    pub forwarded_only: bool,
}

impl Proxies {
    /// The proxies that the settings name. A server does not start with networks that cannot be parsed.
    pub fn of(settings: &Settings) -> Self {
        let trusted = settings.trusted_proxies.iter().filter_map(|network| network.parse().ok()).collect();
        Self { trusted, forwarded_only: settings.forwarded_only }
    }

    /// Whether this address is a trusted proxy's.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }
}

/// Middleware: finds the client's address and adds it to the request.
pub async fn find_client(State(proxies): State<Proxies>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let client = client(peer.ip().to_canonical(), request.headers(), &proxies);
        request.extensions_mut().insert(ClientAddress(client));
    }
    next.run(request).await
}

/// The client's address: from the peer back along the hops, as long as the hop was added by a trusted proxy.
pub fn client(peer: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> IpAddr {
    let is_trusted = |address| proxies.trust(address);
    if !is_trusted(peer) {
        return peer;
    }
    // A client may send any bytes in front of what the proxy adds, so a line is never left out.
    let lines = |name| headers.get_all(name).iter().map(|line: &HeaderValue| String::from_utf8_lossy(line.as_bytes()));
    let hops: Vec<Option<IpAddr>> = if proxies.forwarded_only || !headers.contains_key(X_FORWARDED_FOR) {
        lines("forwarded").flat_map(|line| parts(&line, ',').map(forwarded_for).collect::<Vec<_>>()).collect()
    } else {
        lines(X_FORWARDED_FOR).flat_map(|line| line.split(',').map(node).collect::<Vec<_>>()).collect()
    };
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        match hop {
            Some(address) if is_trusted(client) => client = address,
            _ => break,
        }
    }
    client
}

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of one element of `Forwarded`, as `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = parts(element, ';').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(name, value)| name.trim().eq_ignore_ascii_case("for").then(|| node(value))).flatten()
}

/// The parts of a text between separators that are not in quotes. If a quote has no counterpart, none of them counts: a
/// client may have sent it, so that what the proxy added behind it would seem to be quoted.
fn parts(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let are_paired = text.chars().chain([' ']).map(outside()).fold(true, |_, is_outside| is_outside);
    let mut is_outside = outside();
    text.split(move |c: char| (is_outside(c) || !are_paired) && c == separator)
}

/// Says of each character of a text, given one after the other, whether it is outside of quotes.
fn outside() -> impl FnMut(char) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    move |c| {
        let is_outside = !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && quoted && !escaped;
        is_outside
    }
}

/// The address of a hop: with or without a port, brackets and quotes. `None` for a name that hides it, as `unknown`.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim();
    let address = match text.strip_prefix('[') {
        Some(text) => {
            let (address, port) = text.split_once(']')?;
            (port.is_empty() || port.starts_with(':')).then_some(address)?
        }
        // More than one colon is an IPv6 address without brackets, and then without a port.
        None => text.split_once(':').filter(|(_, port)| !port.contains(':')).map_or(text, |(address, _)| address),
    };
    address.parse::<IpAddr>().ok().map(|address| address.to_canonical())
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

    use super::{Network, Proxies, client};

    fn found_by(header: &'static str, peer: &str, lines: &[&'static str], proxies: &[&str], only: bool) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, line) = line.split_once("| ").unwrap_or((header, line));
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(line.as_bytes()).expect("a value"));
        }
        let trusted = proxies.iter().map(|text| text.parse().expect("a network")).collect();
        let proxies = Proxies { trusted, forwarded_only: only };
        client(peer.parse::<IpAddr>().expect("an address"), &headers, &proxies).to_string()
    }

    fn found(peer: &str, forwarded: &[&'static str], proxies: &[&str]) -> String {
        found_by("x-forwarded-for", peer, forwarded, proxies, false)
    }

    #[test]
    fn a_stranger_cannot_name_its_own_address() {
        for header in ["x-forwarded-for", "forwarded"] {
            for (line, proxies) in [("192.0.2.1", &[][..]), ("for=192.0.2.1", &["10.0.0.0/8"][..])] {
                for only in [false, true] {
                    assert_eq!(found_by(header, "198.51.100.7", &[line], proxies, only), "198.51.100.7");
                }
            }
        }
    }

    #[test]
    fn the_last_address_that_is_not_a_trusted_proxy_is_the_client() {
        let proxies = &["10.0.0.0/8", "::1"];
        assert_eq!(found("10.0.0.1", &["203.0.113.9, 192.0.2.1"], proxies), "192.0.2.1");
        assert_eq!(found("10.0.0.1", &["203.0.113.9", "192.0.2.1, 10.0.0.2"], proxies), "192.0.2.1");
        assert_eq!(found("::1", &["2001:db8::5"], proxies), "2001:db8::5");
        assert_eq!(found("10.0.0.1", &["junk"], proxies), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &["203.0.113.9, unknown"], proxies), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &[], proxies), "10.0.0.1");
    }

    #[test]
    fn an_address_may_have_a_port_brackets_and_quotes() {
        let proxies = &["10.0.0.0/8"];
        for (hop, address) in [
            ("203.0.114.7:4711", "203.0.114.7"),
            ("\"203.0.114.7:4711\"", "203.0.114.7"),
            ("[2001:db8::5]:4711", "2001:db8::5"),
            ("[2001:db8::5]", "2001:db8::5"),
            ("\"[2001:db8::5]\"", "2001:db8::5"),
            ("::ffff:203.0.114.7", "203.0.114.7"),
            ("[2001:db8::5", "10.0.0.1"),
            ("[2001:db8::5]x", "10.0.0.1"),
            ("192.0.2.1\u{ff}, 203.0.114.7", "203.0.114.7"),
            ("203.0.114.7:1:2", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(found("10.0.0.1", &[hop], proxies), address, "{hop}");
        }
    }

    #[test]
    fn forwarded_is_read_where_it_is_what_the_proxies_send() {
        let proxies = &["10.0.0.0/8"];
        let found = |lines: &[&'static str], only| found_by("forwarded", "10.0.0.1", lines, proxies, only);
        for (line, address) in [
            ("for=203.0.114.7", "203.0.114.7"),
            ("For=\"203.0.114.7:4711\";proto=https;by=10.0.0.1", "203.0.114.7"),
            ("proto=https; for=\"[2001:db8::5]:4711\"", "2001:db8::5"),
            ("for=192.0.2.1, for=203.0.114.7;host=\"a,b;for=192.0.2.2\", for=10.0.0.2", "203.0.114.7"),
            ("host=\"a\\\",for=192.0.2.2\";for=203.0.114.7", "203.0.114.7"),
            ("for=192.0.2.1;x=\", for=203.0.114.7", "203.0.114.7"),
            ("for=\"192.0.2.1, for=\"203.0.114.7:4711\"", "203.0.114.7"),
            ("x=\"\u{ff}, for=203.0.114.7", "203.0.114.7"),
            ("for=192.0.2.1, proto=https", "10.0.0.1"),
            ("for=192.0.2.1, for=_hidden", "10.0.0.1"),
            ("for=unknown", "10.0.0.1"),
            ("203.0.114.7", "10.0.0.1"),
        ] {
            assert_eq!(
                (found(&[line], false), found(&[line], true)),
                (address.to_owned(), address.to_owned()),
                "{line}"
            );
        }
        let both = &["x-forwarded-for| 192.0.2.1", "forwarded| for=203.0.114.7"];
        assert_eq!((found(both, false), found(both, true)), ("192.0.2.1".to_owned(), "203.0.114.7".to_owned()));
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
