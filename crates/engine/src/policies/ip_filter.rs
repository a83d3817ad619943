//! `ip-filter`: lets only some callers' addresses through, or keeps some out.
//!
//! Addresses and ranges compare as numbers; an IPv4 address written in IPv6 (`::ffff:a.b.c.d`) is the IPv4 address.
//! What must stay true: a list that cannot be read refuses the call.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use http::StatusCode;
use std::net::IpAddr;
use tollgate_lang::document::{Element, Text};
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Span};

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "ip-filter",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[attribute(
        "action",
        Kind::OneOf(&["allow", "forbid"]),
        "`allow`: only the listed addresses may call; `forbid`: all but them",
    )
    .required()
    .expression()],
    children: &[
        child(
            "address",
            Content::Text,
            "an IPv4 or IPv6 address, or a block of them (`10.0.0.0/8`)",
        ),
        child(
            "address-range",
            Content::Empty,
            "a range of addresses, both ends included",
        )
        .attributes(&[
            attribute("from", Kind::Text, "first address")
                .required()
                .expression(),
            attribute("to", Kind::Text, "last address")
                .required()
                .expression(),
        ]),
    ],
    content: Content::Empty,
    doc: "Refuses calls by the caller's IP address, with 403.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    if element.elements().next().is_none() {
        cx.report(
            Diagnostic::error(
                "TG0320",
                element.name_span,
                "`ip-filter` needs an `address` or an `address-range`",
            )
            .label("expected one or more of them"),
        );
        return None;
    }
    let action = cx.arg::<Str>(element, "action");
    let mut entries = Vec::new();
    let mut whole = true;
    for child in element.elements() {
        let entry = match &*child.name {
            "address" => address(child, cx),
            _ => range(child, cx),
        };
        match entry {
            Some(entry) => entries.push(entry),
            None => whole = false,
        }
    }
    let action = match action? {
        Arg::Const(text) => match text.trim() {
            "allow" => Action::Known(true),
            "forbid" => Action::Known(false),
            word => {
                cx.unknown_word(element, "action", word, "`allow`, `forbid`");
                return None;
            }
        },
        expr => Action::Dynamic(expr),
    };
    if whole {
        cx.step(IpFilter { action, entries })
    } else {
        None
    }
}

fn address(child: &Element, cx: &mut Compile<'_>) -> Option<Entry> {
    match cx.content::<Str>(child)? {
        Arg::Const(text) => {
            let span = child.text().map_or(child.name_span, |t| t.span);
            known(block(&text), &text, span, cx).map(Entry::Known)
        }
        expr => Some(Entry::Block(expr)),
    }
}

fn range(child: &Element, cx: &mut Compile<'_>) -> Option<Entry> {
    let (from, to) = child.attribute("from").zip(child.attribute("to"))?;
    let (first, last) = (
        cx.text_arg::<Str>(&from.value)?,
        cx.text_arg::<Str>(&to.value)?,
    );
    let (Arg::Const(a), Arg::Const(b)) = (&first, &last) else {
        return Some(Entry::Range(first, last));
    };
    let one = |text: &Str, at: &Text, cx: &mut Compile<'_>| known(single(text), text, at.span, cx);
    let (a, b) = (one(a, &from.value, cx)?, one(b, &to.value, cx)?);
    if a.is_ipv4() != b.is_ipv4() || a > b {
        cx.report(
            Diagnostic::error(
                "TG0354",
                to.value.span,
                format!("the range ends before it begins: `{a}` to `{b}`"),
            )
            .label("expected an address of the same family, not below `from`"),
        );
        return None;
    }
    Some(Entry::Known((a, b)))
}

/// An address that was read at load, or the fault.
fn known<T>(found: Option<T>, text: &str, span: Span, cx: &mut Compile<'_>) -> Option<T> {
    if found.is_none() {
        cx.report(
            Diagnostic::error(
                "TG0353",
                span,
                format!("`{}` is not an IP address", text.trim()),
            )
            .label("expected an IPv4 or IPv6 address")
            .help("a block is written `10.0.0.0/8`, in `address` only"),
        );
    }
    found
}

fn single(text: &str) -> Option<IpAddr> {
    text.trim()
        .parse::<IpAddr>()
        .ok()
        .map(|ip| ip.to_canonical())
}

/// First and last address of `10.0.0.0/8`, or one address twice.
fn block(text: &str) -> Option<(IpAddr, IpAddr)> {
    let Some((ip, length)) = text.split_once('/') else {
        return single(text).map(|ip| (ip, ip));
    };
    let ip: IpAddr = ip.trim().parse().ok()?;
    let length: u32 = length.trim().parse().ok()?;
    Some(match ip {
        IpAddr::V4(ip) if length <= 32 => {
            let rest = u32::MAX.checked_shr(length).unwrap_or(0);
            let bits = ip.to_bits();
            (
                IpAddr::V4((bits & !rest).into()),
                IpAddr::V4((bits | rest).into()),
            )
        }
        IpAddr::V6(ip) if length <= 128 => {
            let rest = u128::MAX.checked_shr(length).unwrap_or(0);
            let bits = ip.to_bits();
            let (from, to) = (
                IpAddr::V6((bits & !rest).into()),
                IpAddr::V6((bits | rest).into()),
            );
            // A block inside ::ffff:0:0/96 is a block of IPv4 addresses.
            if length >= 96 {
                (from.to_canonical(), to.to_canonical())
            } else {
                (from, to)
            }
        }
        _ => return None,
    })
}

#[derive(Debug)]
struct IpFilter {
    action: Action,
    entries: Vec<Entry>,
}

#[derive(Debug)]
enum Action {
    /// Whether it allows.
    Known(bool),
    Dynamic(Arg<Str>),
}

#[derive(Debug)]
enum Entry {
    /// First and last.
    Known((IpAddr, IpAddr)),
    Block(Arg<Str>),
    Range(Arg<Str>, Arg<Str>),
}

impl Entry {
    fn get(&self, rq: &mut Exchange) -> Result<(IpAddr, IpAddr), Box<Failure>> {
        let bad = |text: &str| Failure::internal("", "", format!("`{text}` is not an IP address."));
        match self {
            Entry::Known(range) => Ok(*range),
            Entry::Block(arg) => {
                let text = arg.get(rq)?;
                block(&text).ok_or_else(|| bad(&text))
            }
            Entry::Range(from, to) => {
                let (from, to) = (from.get(rq)?, to.get(rq)?);
                let first = single(&from).ok_or_else(|| bad(&from))?;
                Ok((first, single(&to).ok_or_else(|| bad(&to))?))
            }
        }
    }
}

impl IpFilter {
    fn check(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let allow = match &self.action {
            Action::Known(allow) => *allow,
            Action::Dynamic(arg) => match &*arg.get(rq)? {
                "allow" => true,
                "forbid" => false,
                other => {
                    let why = format!("`{other}` is not an action: expected `allow` or `forbid`.");
                    return Err(Failure::internal("", "", why));
                }
            },
        };
        let ip = rq.request.client_ip.to_canonical();
        let mut listed = false;
        for entry in &self.entries {
            let (from, to) = entry.get(rq)?;
            // IPv4 sorts before IPv6, so that a range of one family never holds the other's.
            if from.is_ipv4() == ip.is_ipv4() && (from..=to).contains(&ip) {
                listed = true;
                break;
            }
        }
        match (allow, listed) {
            (true, false) => Err(refused(
                "CallerIpNotAllowed",
                format!("Caller IP address {ip} is not allowed. Access denied."),
            )),
            (false, true) => Err(refused(
                "CallerIpBlocked",
                String::from("Caller IP address is blocked. Access denied."),
            )),
            _ => Ok(()),
        }
    }
}

fn refused(reason: &'static str, why: String) -> Box<Failure> {
    Failure::refused("", reason, StatusCode::FORBIDDEN, why).public("Forbidden")
}

impl Step for IpFilter {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.check(rq).into()
    }
}
