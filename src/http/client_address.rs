//! From which address a request comes: that of the connection, or what trusted proxies say of it.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, request::Parts},
};
use ipnet::IpNet;

use crate::state::App;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where the request comes from.
#[must_use]
pub fn client_address(app: &App, parts: &Parts) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())?;
    Some(behind(&app.config.server.trusted_proxies, peer, &parts.headers))
}

/// Each proxy adds the address it was called from at the right end. Read from there, the first one that is no trusted
/// proxy's is the client; what stands to the left of it, the client may have written itself.
fn behind(trusted: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut address = peer.to_canonical();
    if !is_trusted(address) {
        return address;
    }
    // Whatever bytes stand in a line: what a proxy added at its end must not go with what the client wrote before it.
    let lines: Vec<_> =
        headers.get_all(X_FORWARDED_FOR).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    for hop in lines.join(",").rsplit(',') {
        // A proxy that writes something else tells no more than its own address.
        let Some(before) = parse(hop.trim()) else { return address };
        address = before;
        if !is_trusted(address) {
            return address;
        }
    }
    address
}

/// An address, perhaps with a port, an IPv6 one perhaps in brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address: Option<IpAddr> = bare.parse().ok();
    address.or_else(|| text.parse().map(|address: SocketAddr| address.ip()).ok()).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client<L: AsRef<[u8]>>(trusted: &[&str], peer: &str, lines: &[L]) -> String {
        let trusted: Vec<_> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line.as_ref()).unwrap());
        }
        behind(&trusted, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn header_counts_only_from_a_trusted_proxy() {
        assert_eq!(client(&[], "192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(client(&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client(&["10.0.0.0/8"], "::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client::<&str>(&["10.0.0.0/8"], "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn right_most_untrusted_address_is_the_client() {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"];
        for (lines, expected) in [
            (vec!["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            (vec!["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            (vec!["1.1.1.1", "198.51.100.1 ,10.0.0.2,  10.0.0.3"], "198.51.100.1"),
            (vec!["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
            (vec!["198.51.100.1, 2001:db8::7"], "198.51.100.1"),
            (vec!["198.51.100.1, [2001:db8::7]:443"], "198.51.100.1"),
            (vec!["198.51.100.1:5000"], "198.51.100.1"),
            (vec!["::ffff:198.51.100.1"], "198.51.100.1"),
            (vec!["[2001:dead::1]"], "2001:dead::1"),
        ] {
            assert_eq!(client(&trusted, "10.0.0.1", &lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_hide_nothing_that_a_proxy_added() {
        for line in [b"\xff, 198.51.100.1".as_slice(), b"10.0.0.9, \xff\xfe, 198.51.100.1", b"\xc3\xa4,198.51.100.1"] {
            assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[line]), "198.51.100.1", "{line:?}");
        }
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[b"\xff".as_slice(), b"198.51.100.1"]), "198.51.100.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[b"198.51.100.1, \xff"]), "10.0.0.1");
    }

    #[test]
    fn what_is_no_address_ends_the_search() {
        for line in ["1.1.1.1, unknown", "1.1.1.1,", "1.1.1.1, ::x", "", ",", "1.1.1.1, 300.1.1.1"] {
            assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[line]), "10.0.0.1", "{line:?}");
        }
    }
}
