//! `System.Net.IPAddress`.

use super::super::{Row, m};
use crate::expr::eval::{Args, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Address {
    ip: IpAddr,
    /// Scope of an IPv6 address: `%3`.
    scope: u32,
}

impl Object for Address {
    fn ty(&self) -> Ty {
        Ty::class("IPAddress")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        if self.scope == 0 {
            self.ip.to_string()
        } else {
            format!("{}%{}", self.ip, self.scope)
        }
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Address>() == Some(self)
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
        });
    }
    let inner = s
        .strip_prefix('[')
        .and_then(|s| s.split_once(']'))
        .map_or(s, |(inner, _)| inner);
    let (ip, scope) = match inner.split_once('%') {
        Some((ip, scope)) => (ip, scope.parse().ok()?),
        None => (inner, 0),
    };
    ip.parse::<Ipv6Addr>().ok().map(|v6| Address {
        ip: v6.into(),
        scope,
    })
}

fn this(a: &Args<'_>) -> Result<IpAddr, Throw> {
    Ok(a.object::<Address>(0)?.ip)
}

fn made(address: Address) -> Value {
    Value::Object(Rc::new(address))
}

fn value(ip: IpAddr) -> Value {
    made(Address { ip, scope: 0 })
}

pub(super) const ROWS: &[Row] = &[
    m("static IPAddress Parse(string ipString)", |_, a| {
        parse(a.text(0)?)
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
        Ok(Value::Bool(this(a)?.to_canonical().is_loopback()))
    }),
    m("static IPAddress Loopback", |_, _| {
        Ok(value(Ipv4Addr::LOCALHOST.into()))
    }),
    m("static IPAddress Any", |_, _| {
        Ok(value(Ipv4Addr::UNSPECIFIED.into()))
    }),
    m("static IPAddress IPv6Loopback", |_, _| {
        Ok(value(Ipv6Addr::LOCALHOST.into()))
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
        Ok(value(match this(a)? {
            IpAddr::V4(v4) => IpAddr::V6(v4.to_ipv6_mapped()),
            v6 => v6,
        }))
    }),
    m("string ToString()", |_, a| {
        Ok(Value::from(a.object::<Address>(0)?.text()))
    }),
];
