//! `System.Net.IPAddress`.

use super::super::{Row, m};
use crate::expr::eval::{Args, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

#[derive(Debug)]
struct Address(IpAddr);

impl Object for Address {
    fn ty(&self) -> Ty {
        Ty::class("IPAddress")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.0.to_string()
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<Address>()
            .is_some_and(|o| o.0 == self.0)
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

/// As .NET reads an address: IPv4 also in the short and non-decimal forms of `inet_aton`, IPv6 also in brackets.
fn parse(s: &str) -> Option<IpAddr> {
    if s.contains(':') {
        let inner = s
            .strip_prefix('[')
            .and_then(|s| s.split_once(']'))
            .map_or(s, |(inner, _)| inner);
        let inner = inner.split_once('%').map_or(inner, |(address, _)| address);
        return inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    let parts: Vec<u64> = s.split('.').map(number).collect::<Option<_>>()?;
    let (last, bytes) = parts.split_last()?;
    if bytes.len() > 3 || bytes.iter().any(|b| *b > 255) || *last >= 1 << (8 * (4 - bytes.len())) {
        return None;
    }
    let high = bytes
        .iter()
        .enumerate()
        .map(|(i, b)| b << (24 - 8 * i))
        .sum::<u64>();
    u32::try_from(high + last)
        .ok()
        .map(|n| IpAddr::V4(Ipv4Addr::from(n)))
}

fn this(a: &Args<'_>) -> Result<IpAddr, Throw> {
    Ok(a.object::<Address>(0)?.0)
}

fn value(address: IpAddr) -> Value {
    Value::Object(Rc::new(Address(address)))
}

fn text(a: &Args<'_>) -> R {
    Ok(Value::from(this(a)?.to_string()))
}

pub(super) const ROWS: &[Row] = &[
    m("static IPAddress Parse(string ipString)", |_, a| {
        parse(a.text(0)?)
            .map(value)
            .ok_or_else(|| throw("FormatException", "An invalid IP address was specified."))
    }),
    m(
        "static bool TryParse(string ipString, out IPAddress address)",
        |_, a| {
            let parsed = a.text(0).ok().and_then(parse);
            a.values[1] = parsed.map_or(Value::Null, value);
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
    m("string ToString()", |_, a| text(a)),
];
