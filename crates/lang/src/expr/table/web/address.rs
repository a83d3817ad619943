//! `System.Net.IPAddress`.

use super::super::dates::{bad_argument, null_argument, out_of_range};
use super::super::{Row, m};
use crate::expr::eval::{Args, R, Throw, equal, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

#[derive(Clone, Copy, Debug)]
struct Address {
    ip: IpAddr,
    /// Scope of an IPv6 address: `%3`.
    scope: u32,
    /// Whether it is the one object of a static property.
    shared: bool,
}

impl Object for Address {
    fn ty(&self) -> Ty {
        Ty::class("IPAddress")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        let ip = match self.ip {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => v6_text(v6),
        };
        if self.scope == 0 {
            ip
        } else {
            format!("{ip}%{}", self.scope)
        }
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Address>();
        other.is_some_and(|o| (o.ip, o.scope) == (self.ip, self.scope))
    }
    fn is_single(&self) -> bool {
        self.shared
    }
}

/// As .NET writes it: an address that holds an IPv4 one ends like that one, unless its upper half is 0.
pub(super) fn v6_text(v6: Ipv6Addr) -> String {
    let g = v6.segments();
    let tail = || {
        let o = v6.octets();
        Ipv4Addr::new(o[12], o[13], o[14], o[15])
    };
    match g {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => format!("::{}", tail()),
        [0, 0, 0, 0, 0, 0xffff, high, low] if high == 0 => format!("::ffff:{high:x}:{low:x}"),
        [0, 0, 0, 0, 0, 0xffff, ..] => format!("::ffff:{}", tail()),
        [0, 0, 0, 0, 0xffff, 0, high, _] if high != 0 => format!("::ffff:0:{}", tail()),
        [_, _, _, _, 0, 0x5efe, ..] if g[..4].iter().any(|s| *s != 0) => {
            let head = Ipv6Addr::new(g[0], g[1], g[2], g[3], 0, 0x5efe, 1, 1).to_string();
            format!("{}{}", head.trim_end_matches("1:1"), tail())
        }
        _ => v6.to_string(),
    }
}

/// An IPv4 number: decimal, `0x` hexadecimal, or octal with a leading 0.
fn number(s: &str) -> Option<u64> {
    let (digits, radix) = match s.strip_prefix("0x").or_else(|| s.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if s.len() > 1 && s.starts_with('0') => (&s[1..], 8),
        None => (s, 10),
    };
    let plain =
        !digits.is_empty() && digits.len() <= 12 && digits.chars().all(|c| c.is_digit(radix));
    plain
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
}

/// IPv4 as .NET reads it: also in the short and non-decimal forms of `inet_aton`.
pub(super) fn parse_v4(s: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = s.split('.').map(number).collect::<Option<_>>()?;
    let (last, bytes) = parts.split_last()?;
    if bytes.len() > 3 || bytes.iter().any(|b| *b > 255) || *last >= 1 << (8 * (4 - bytes.len())) {
        return None;
    }
    let high: u64 = bytes
        .iter()
        .enumerate()
        .map(|(i, b)| b << (24 - 8 * i))
        .sum();
    u32::try_from(high + last).ok().map(Ipv4Addr::from)
}

/// As .NET reads an address: IPv6 also in brackets and with a scope.
fn parse(s: &str) -> Option<Address> {
    if !s.contains(':') {
        return parse_v4(s).map(|v4| Address {
            ip: v4.into(),
            scope: 0,
            shared: false,
        });
    }
    let inner = s
        .strip_prefix('[')
        .and_then(|s| s.split_once(']'))
        .map_or(s, |(inner, _)| inner);
    let (ip, scope) = match inner.split_once('%') {
        // The name of an interface is none of this host's.
        Some((_, "")) => return None,
        Some((ip, scope)) => (ip, scope.parse().unwrap_or(0)),
        None => (inner, 0),
    };
    ip.parse::<Ipv6Addr>().ok().map(|v6| Address {
        ip: v6.into(),
        scope,
        shared: false,
    })
}

fn this(a: &Args<'_>) -> Result<IpAddr, Throw> {
    Ok(a.object::<Address>(0)?.ip)
}

/// An address of 4 or 16 bytes.
fn of_bytes(a: &Args<'_>, scope: u32) -> R {
    let bytes = a.bytes(0).map_err(|_| null_argument("address"))?;
    let ip: IpAddr = if let Ok(v4) = <[u8; 4]>::try_from(&bytes[..])
        && a.len() == 1
    {
        v4.into()
    } else if let Ok(v6) = <[u8; 16]>::try_from(&bytes[..]) {
        v6.into()
    } else {
        return Err(bad_argument(
            "An invalid IP address was specified.",
            "address",
        ));
    };
    Ok(made(Address {
        ip,
        scope,
        shared: false,
    }))
}

fn scope(n: i64, name: &str) -> Result<u32, Throw> {
    u32::try_from(n).map_err(|_| {
        out_of_range(
            "Specified argument was out of the range of valid values.",
            name,
        )
    })
}

/// The groups of an IPv6 address.
fn groups(a: &Args<'_>) -> Result<Option<[u16; 8]>, Throw> {
    Ok(match this(a)? {
        IpAddr::V6(v6) => Some(v6.segments()),
        IpAddr::V4(_) => None,
    })
}

/// Whether it is an IPv6 address whose first groups say so.
fn starts(a: &Args<'_>, f: fn(&[u16; 8]) -> bool) -> R {
    Ok(Value::Bool(groups(a)?.is_some_and(|g| f(&g))))
}

fn unsupported() -> Throw {
    throw(
        "SocketException",
        "The attempted operation is not supported for the type of object referenced.",
    )
}

fn made(address: Address) -> Value {
    Value::Object(Rc::new(address))
}

fn value(ip: IpAddr) -> Value {
    made(Address {
        ip,
        scope: 0,
        shared: false,
    })
}

/// An address that a static property gives: each time the same object.
fn single(ip: IpAddr) -> Value {
    made(Address {
        ip,
        scope: 0,
        shared: true,
    })
}

pub(super) const ROWS: &[Row] = &[
    m("new(byte[] address)", |_, a| of_bytes(a, 0)),
    m("new(byte[] address, long scopeid)", |_, a| {
        // The address is looked at first.
        of_bytes(a, 0)?;
        let scope = scope(a.int(1), "scopeid")?;
        of_bytes(a, scope)
    }),
    m("new(long newAddress)", |_, a| {
        // The bytes are in the order of the network.
        let n = scope(a.int(0), "newAddress")?;
        Ok(value(Ipv4Addr::from(n.swap_bytes()).into()))
    }),
    m("static IPAddress Parse(string ipString)", |_, a| {
        parse(a.text(0).map_err(|_| null_argument("ipString"))?)
            .map(made)
            .ok_or_else(|| throw("FormatException", "An invalid IP address was specified."))
    }),
    m(
        "static bool TryParse(string ipString, out IPAddress address)",
        |_, a| {
            let parsed = a.text(0).ok().and_then(parse);
            a.values[1] = parsed.map_or(Value::Null, made);
            Ok(Value::Bool(parsed.is_some()))
        },
    ),
    m("static bool IsLoopback(IPAddress address)", |_, a| {
        let ip = a
            .object::<Address>(0)
            .map_err(|_| null_argument("address"))?
            .ip;
        // Of the mapped addresses only that of 127.0.0.1 is one.
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        Ok(Value::Bool(ip.is_loopback() || ip == mapped))
    }),
    m("static IPAddress Loopback", |_, _| {
        Ok(single(Ipv4Addr::LOCALHOST.into()))
    }),
    m("static IPAddress Any", |_, _| {
        Ok(single(Ipv4Addr::UNSPECIFIED.into()))
    }),
    m("static IPAddress IPv6Loopback", |_, _| {
        Ok(single(Ipv6Addr::LOCALHOST.into()))
    }),
    m("static IPAddress Broadcast", |_, _| {
        Ok(single(Ipv4Addr::BROADCAST.into()))
    }),
    m("static IPAddress None", |_, _| {
        Ok(single(Ipv4Addr::BROADCAST.into()))
    }),
    m("static IPAddress IPv6Any", |_, _| {
        Ok(single(Ipv6Addr::UNSPECIFIED.into()))
    }),
    m("static IPAddress IPv6None", |_, _| {
        Ok(single(Ipv6Addr::UNSPECIFIED.into()))
    }),
    m("static short HostToNetworkOrder(short host)", |_, a| {
        Ok(Value::Short((a.int(0) as i16).swap_bytes()))
    }),
    m("static int HostToNetworkOrder(int host)", |_, a| {
        Ok(Value::Int((a.int(0) as i32).swap_bytes()))
    }),
    m("static long HostToNetworkOrder(long host)", |_, a| {
        Ok(Value::Long(a.int(0).swap_bytes()))
    }),
    m("static short NetworkToHostOrder(short network)", |_, a| {
        Ok(Value::Short((a.int(0) as i16).swap_bytes()))
    }),
    m("static int NetworkToHostOrder(int network)", |_, a| {
        Ok(Value::Int((a.int(0) as i32).swap_bytes()))
    }),
    m("static long NetworkToHostOrder(long network)", |_, a| {
        Ok(Value::Long(a.int(0).swap_bytes()))
    }),
    m("long Address", |_, a| match this(a)? {
        IpAddr::V4(v4) => Ok(Value::Long(i64::from(u32::from(v4).swap_bytes()))),
        IpAddr::V6(_) => Err(unsupported()),
    }),
    m("long ScopeId", |_, a| match this(a)? {
        IpAddr::V6(_) => Ok(Value::Long(i64::from(a.object::<Address>(0)?.scope))),
        IpAddr::V4(_) => Err(unsupported()),
    }),
    m("bool IsIPv6LinkLocal", |_, a| {
        starts(a, |g| g[0] & 0xffc0 == 0xfe80)
    }),
    m("bool IsIPv6Multicast", |_, a| {
        starts(a, |g| g[0] & 0xff00 == 0xff00)
    }),
    m("bool IsIPv6SiteLocal", |_, a| {
        starts(a, |g| g[0] & 0xffc0 == 0xfec0)
    }),
    m("bool IsIPv6UniqueLocal", |_, a| {
        starts(a, |g| g[0] & 0xfe00 == 0xfc00)
    }),
    m("bool IsIPv6Teredo", |_, a| {
        starts(a, |g| g[0] == 0x2001 && g[1] == 0)
    }),
    m("AddressFamily AddressFamily", |_, a| {
        Ok(Value::Enum(
            &super::super::enums::ADDRESS_FAMILY,
            if this(a)?.is_ipv4() { 2 } else { 23 },
        ))
    }),
    m("byte[] GetAddressBytes()", |_, a| {
        Ok(Value::Bytes(match this(a)? {
            IpAddr::V4(v4) => v4.octets().to_vec().into(),
            IpAddr::V6(v6) => v6.octets().to_vec().into(),
        }))
    }),
    m("bool IsIPv4MappedToIPv6", |_, a| {
        Ok(Value::Bool(
            matches!(this(a)?, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()),
        ))
    }),
    m("IPAddress MapToIPv4()", |_, a| {
        Ok(value(match this(a)? {
            IpAddr::V6(v6) => {
                let o = v6.octets();
                IpAddr::V4(Ipv4Addr::new(o[12], o[13], o[14], o[15]))
            }
            v4 => v4,
        }))
    }),
    m("IPAddress MapToIPv6()", |_, a| {
        Ok(match this(a)? {
            IpAddr::V4(v4) => value(v4.to_ipv6_mapped().into()),
            IpAddr::V6(_) => a.get(0),
        })
    }),
    m("bool Equals(object comparand)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
    m("string ToString()", |_, a| {
        Ok(Value::from(a.object::<Address>(0)?.text()))
    }),
];
