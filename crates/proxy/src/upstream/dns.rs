//! Addresses of backends, believed for a short while.
//!
//! What must stay true: bounded; a failed look-up is not remembered; a failed connection forgets the name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most names.
const MOST_NAMES: usize = 1024;

type Addresses = (Instant, Rc<[IpAddr]>);

/// The cache of one thread.
pub(crate) struct Cache {
    ttl: Duration,
    /// With the time until which they are believed.
    names: RefCell<HashMap<Arc<str>, Addresses>>,
}

impl Cache {
    pub(crate) fn new(ttl: Duration) -> Cache {
        Cache {
            ttl,
            names: RefCell::default(),
        }
    }

    /// Addresses of a host, IPv6 and IPv4 by turns, the resolver's first choice first (RFC 8305, section 4).
    pub(crate) async fn resolve(
        &self,
        host: &Arc<str>,
        port: u16,
    ) -> std::io::Result<Vec<SocketAddr>> {
        let with_port = |ips: &[IpAddr]| ips.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(with_port(&[ip]));
        }
        if let Some((until, ips)) = self.names.borrow().get(host)
            && *until > Instant::now()
        {
            return Ok(with_port(ips));
        }
        let found: Vec<IpAddr> = tokio::net::lookup_host((&**host, port))
            .await?
            .map(|a| a.ip())
            .collect();
        let ips: Rc<[IpAddr]> = by_turns(&found).into();
        if ips.is_empty() {
            return Err(std::io::Error::other("the name has no address"));
        }
        let mut names = self.names.borrow_mut();
        if names.len() >= MOST_NAMES {
            names.clear();
        }
        names.insert(host.clone(), (Instant::now() + self.ttl, ips.clone()));
        Ok(with_port(&ips))
    }

    /// Forgets a name whose addresses did not answer.
    pub(crate) fn forget(&self, host: &str) {
        self.names.borrow_mut().remove(host);
    }

    /// Drops what has expired.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.names.borrow_mut().retain(|_, (until, _)| *until > now);
    }
}

fn by_turns(found: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_6 = found.first().is_some_and(IpAddr::is_ipv6);
    let (mut one, mut other): (Vec<IpAddr>, Vec<IpAddr>) =
        found.iter().partition(|ip| ip.is_ipv6() == first_is_6);
    one.reverse();
    other.reverse();
    let mut mixed: Vec<IpAddr> = Vec::with_capacity(found.len());
    while !(one.is_empty() && other.is_empty()) {
        for ip in [one.pop(), other.pop()].into_iter().flatten() {
            if !mixed.contains(&ip) {
                mixed.push(ip);
            }
        }
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let ips = |list: &[&str]| {
            list.iter()
                .map(|t| t.parse().unwrap())
                .collect::<Vec<IpAddr>>()
        };
        assert_eq!(
            by_turns(&ips(&["::1", "::2", "::2", "1.1.1.1", "::3"])),
            ips(&["::1", "1.1.1.1", "::2", "::3"])
        );
        assert_eq!(by_turns(&[]), ips(&[]));
    }
}
