//! Web origins (RFC 6454), compared as origins: the scheme and the host in any case, and a port that is the scheme's own
//! whether it is written or not.

/// An origin, as a page's browser or an app's framework sends it.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    scheme: &'a str,
    /// The host, and of IPv6 the brackets too.
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Origin<'a> {
    /// Parses the value of `Origin`. A `/` at the end, as some frameworks send it, is no path.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = host_and_port(authority)?;
        is_scheme.then_some(Self { scheme, host, port })
    }

    /// Why no page has this origin; `None` if one may have it. It is asked about settings.
    pub fn problem(text: &str) -> Option<&'static str> {
        const FORM: &str = "is not an origin; write it as https://app.example";
        if !text.is_ascii() {
            return Some("has letters that no browser sends; write the host in its ASCII form (xn--…)");
        }
        let Some(origin) = Origin::parse(text) else { return Some(FORM) };
        match origin.scheme.to_ascii_lowercase().as_str() {
            "ws" | "wss" => Some("is the address of a socket and not of a page; write it as https://app.example"),
            "file" | "data" | "blob" => Some("has a scheme whose pages have no origin of their own"),
            _ => None,
        }
    }

    /// Whether it is one of these, which are settings.
    pub fn is_among(&self, origins: &[String]) -> bool {
        origins
            .iter()
            .filter_map(|listed| Origin::parse(listed))
            .any(|listed| listed.scheme.eq_ignore_ascii_case(self.scheme) && self.is_at(listed.host, listed.port))
    }

    /// Whether it is of the server that was asked for by this `Host`. What terminates TLS in front of the server may
    /// have left the port out or put it in.
    pub fn is_of_host(&self, host: &str) -> bool {
        self.own_port().is_some() && host_and_port(host).is_some_and(|(host, port)| self.is_at(host, port))
    }

    fn is_at(&self, host: &str, port: Option<u16>) -> bool {
        let own = self.own_port();
        self.host.eq_ignore_ascii_case(host) && self.port.or(own) == port.or(own)
    }

    /// The port of the scheme, if it is one of the web's.
    fn own_port(&self) -> Option<u16> {
        [("http", 80), ("https", 443), ("ws", 80), ("wss", 443)]
            .into_iter()
            .find_map(|(scheme, port)| self.scheme.eq_ignore_ascii_case(scheme).then_some(port))
    }
}

/// The host and the port of `app.example:443` or `[::1]:443`. The host may be any name that apps use, as an extension's.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => (host, Some(port.parse().ok()?)),
        _ => (authority, None),
    };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let fits = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
    };
    fits.then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn origins_are_compared_as_origins() {
        let listed =
            ["https://app.example", "http://localhost:5173", "capacitor://localhost", "https://[2001:db8::1]:8443/"]
                .map(str::to_owned);
        let is_among = |text: &str| Origin::parse(text).is_some_and(|origin| origin.is_among(&listed));
        for text in [
            "https://app.example",
            "https://app.example:443",
            "https://app.example/",
            "HTTPS://App.Example:443/",
            "http://localhost:5173",
            "capacitor://localhost",
            "https://[2001:DB8::1]:8443",
        ] {
            assert!(is_among(text), "{text}");
        }
        for text in [
            "http://app.example",
            "https://app.example:8443",
            "https://app.example.evil.example",
            "https://evil.example/https://app.example",
            "https://user@app.example",
            "https://app.example:443@evil.example",
            "http://localhost",
            "ionic://localhost",
            "https://app.example:",
            "https://app.example:99999",
            "//app.example",
            "null",
            "",
        ] {
            assert!(!is_among(text), "{text}");
        }
    }

    #[test]
    fn the_own_host_is_known_with_and_without_its_port() {
        let is_own = |origin: &str, host: &str| Origin::parse(origin).is_some_and(|origin| origin.is_of_host(host));
        for (origin, host) in [
            ("https://app.example", "app.example"),
            ("https://app.example:443", "app.example"),
            ("https://app.example", "App.example:443"),
            ("http://app.example:80/", "app.example"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert!(is_own(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://app.example:8443", "app.example"),
            ("http://app.example", "app.example:8080"),
            ("https://evil.example", "app.example"),
            ("capacitor://app.example", "app.example"),
            ("https://app.example", ""),
        ] {
            assert!(!is_own(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn a_setting_that_can_never_match_is_a_problem() {
        for text in [
            "https://app.example",
            "http://localhost:5173",
            "http://[::1]:80",
            "capacitor://localhost",
            "tauri://localhost",
            "chrome-extension://abcdefghijklmnop",
            "https://App.example/",
        ] {
            assert_eq!(Origin::problem(text), None, "{text}");
        }
        for text in [
            "*",
            "null",
            "app.example",
            "https://a@b",
            "ws://a",
            "wss://a",
            "https://app.example/app",
            "https://*.example",
            "https://ärger.example",
            "file://",
            "https://",
            "https://app.example?x",
            "",
            "https://a b",
        ] {
            assert!(Origin::problem(text).is_some(), "{text}");
        }
    }
}
