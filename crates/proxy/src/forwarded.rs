//! The caller's address behind proxies: `X-Forwarded-For` is believed only from named networks.
//!
//! What must stay true: an address that a caller wrote itself is never taken as its own.

use http::{HeaderMap, HeaderName};
use std::net::IpAddr;
use std::str::FromStr;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A network such as `10.0.0.0/8`; without a length, one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address
            .trim()
            .parse()
            .map_err(|_| format!("`{text}` is not an address or a network such as 10.0.0.0/8"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            Some(length) => length
                .trim()
                .parse()
                .ok()
                .filter(|l| *l <= most)
                .ok_or_else(|| format!("`{text}`: the prefix length is a number up to {most}"))?,
            None => most,
        };
        Ok(Network { address, length })
    }
}

impl Network {
    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.length);
                u32::from(mine).checked_shr(shift) == u32::from(other).checked_shr(shift)
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.length);
                u128::from(mine).checked_shr(shift) == u128::from(other).checked_shr(shift)
            }
            _ => false,
        }
    }
}

/// The caller's address: the peer's, or the last one in `X-Forwarded-For` that no trusted proxy has.
pub(crate) fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut address = peer;
    if !trusted.iter().any(|n| n.contains(peer)) {
        return address;
    }
    for value in headers.get_all(&X_FORWARDED_FOR).iter().rev() {
        let Ok(value) = value.to_str() else {
            return address;
        };
        for hop in value.rsplit(',') {
            match parse_hop(hop.trim()) {
                Some(hop) => address = hop,
                None => return address,
            }
            if !trusted.iter().any(|n| n.contains(address)) {
                return address;
            }
        }
    }
    address
}

/// An address, also with a port or in brackets, as some proxies write it.
fn parse_hop(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|a| a.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests;
