//! The addresses at which other machines of the network reach this server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// The address for a browser on this machine: the loopback where the server listens on all addresses.
pub fn from_here(listening: SocketAddr) -> SocketAddr {
    match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, listening.port())),
        _ => listening,
    }
}

/// This machine's IPv4 addresses on the interfaces that are up, without loopback and link-local addresses.
pub fn addresses() -> Vec<Ipv4Addr> {
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
    let mut found: Vec<Ipv4Addr> = interfaces
        .filter(|interface| interface.flags.contains(up))
        .filter_map(|interface| Some(interface.address?.as_sockaddr_in()?.ip()))
        .filter(|ip| !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified())
        .collect();
    found.dedup();
    found
}

/// The line that tells how to open the page on a phone in the same network.
pub fn from_elsewhere(port: u16, addresses: &[Ipv4Addr]) -> String {
    if addresses.is_empty() {
        return "This machine is in no network: connect it to the phone's, then start again".to_owned();
    }
    let pages: Vec<String> = addresses.iter().map(|ip| format!("http://{ip}:{port}/")).collect();
    format!(
        "On a phone in the same network: {} (anybody in that network can use this server, with the demo users too)",
        pages.join(" or ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_named_with_who_may_use_it() {
        let said = from_elsewhere(8080, &[Ipv4Addr::new(192, 168, 1, 5), Ipv4Addr::new(10, 0, 0, 2)]);
        assert!(said.contains("http://192.168.1.5:8080/ or http://10.0.0.2:8080/"), "{said}");
        assert!(said.contains("anybody in that network"), "{said}");
        assert!(from_elsewhere(8080, &[]).contains("in no network"));
        assert!(addresses().iter().all(|ip| !ip.is_loopback()));
    }

    #[test]
    fn a_server_on_all_addresses_is_opened_here_by_the_loopback() {
        assert_eq!(from_here(([0, 0, 0, 0], 80).into()).to_string(), "127.0.0.1:80");
        assert_eq!(from_here(([10, 0, 0, 2], 80).into()).to_string(), "10.0.0.2:80");
    }
}
