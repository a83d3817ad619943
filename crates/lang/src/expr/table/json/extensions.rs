//! `Newtonsoft.Json.Linq.Extensions`: methods on sequences of tokens.

use super::convert::value_as;
use super::{ancestors, item, null, tokens};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::token::Kind;
use crate::value::{Token, Value};

/// The tokens of the receiver.
fn source(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<Token>, Throw> {
    if a.is_null(0) {
        return Err(null("source"));
    }
    let items = a.items(cx, 0)?;
    cx.step(items.len() / 4)?;
    Ok(items
        .into_iter()
        .filter_map(|v| match v {
            Value::Token(t) => Some(t),
            _ => None,
        })
        .collect())
}

/// What is under a key of each, or the values below each when there is no key.
fn below(cx: &mut Cx<'_>, a: &Args<'_>, key: Option<&Value>) -> Result<Vec<Token>, Throw> {
    let mut out = Vec::new();
    for t in source(cx, a)? {
        match key.filter(|k| !k.is_null()) {
            Some(key) => {
                if let Value::Token(found) = item(&t, key)? {
                    out.push(found);
                }
            }
            None if matches!(t.kind(), Kind::Scalar(_)) => out.push(t),
            None => out.extend(t.children()),
        }
    }
    cx.step(out.len() / 4)?;
    Ok(out)
}

/// Each converted to a type.
fn converted(cx: &mut Cx<'_>, all: Vec<Token>, of: Ty) -> R {
    let mut out = Vec::with_capacity(all.len());
    for t in all {
        cx.step(1)?;
        out.push(value_as(cx, &t, &of)?);
    }
    cx.sequence(of, out)
}

/// What a walk finds from each.
fn each(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    class: &'static str,
    find: impl Fn(&Token) -> Vec<Token>,
) -> R {
    let mut out = Vec::new();
    for t in source(cx, a)? {
        let found = find(&t);
        cx.step(found.len())?;
        out.extend(found);
    }
    tokens(cx, class, out)
}

fn one(cx: &mut Cx<'_>, a: &Args<'_>, of: Ty) -> R {
    match a.get(0) {
        Value::Null => Err(null("value")),
        Value::Token(t) => value_as(cx, &t, &of),
        _ => Err(throw("ArgumentException", "Source value must be a JToken.")),
    }
}

pub(super) const ROWS: &[Row] = &[
    m(
        "static U Value<U>(this IEnumerable<JToken> value)",
        |cx, a| one(cx, a, a.ty(0)),
    ),
    m(
        "static U Value<T, U>(this IEnumerable<T> value)",
        |cx, a| one(cx, a, a.ty(1)),
    ),
    m(
        "static IJEnumerable<JToken> Values(this IEnumerable<JToken> source)",
        |cx, a| {
            let all = below(cx, a, None)?;
            tokens(cx, "JToken", all)
        },
    ),
    m(
        "static IJEnumerable<JToken> Values(this IEnumerable<JToken> source, object key)",
        |cx, a| {
            let all = below(cx, a, Some(&a.get(1)))?;
            tokens(cx, "JToken", all)
        },
    ),
    m(
        "static IEnumerable<U> Values<U>(this IEnumerable<JToken> source)",
        |cx, a| {
            let all = below(cx, a, None)?;
            converted(cx, all, a.ty(0))
        },
    ),
    m(
        "static IEnumerable<U> Values<U>(this IEnumerable<JToken> source, object key)",
        |cx, a| {
            let all = below(cx, a, Some(&a.get(1)))?;
            converted(cx, all, a.ty(0))
        },
    ),
    m(
        "static IJEnumerable<JToken> Children<T>(this IEnumerable<T> source)",
        |cx, a| each(cx, a, "JToken", Token::children),
    ),
    m(
        "static IEnumerable<U> Children<T, U>(this IEnumerable<T> source)",
        |cx, a| {
            let mut all = Vec::new();
            for t in source(cx, a)? {
                all.extend(t.children());
            }
            converted(cx, all, a.ty(1))
        },
    ),
    m(
        "static IJEnumerable<JProperty> Properties(this IEnumerable<JObject> source)",
        |cx, a| each(cx, a, "JProperty", Token::children),
    ),
    m(
        "static IJEnumerable<JToken> Ancestors(this IEnumerable<JToken> source)",
        |cx, a| each(cx, a, "JToken", |t| ancestors(t, false)),
    ),
    m(
        "static IJEnumerable<JToken> AncestorsAndSelf(this IEnumerable<JToken> source)",
        |cx, a| each(cx, a, "JToken", |t| ancestors(t, true)),
    ),
    m(
        "static IJEnumerable<JToken> Descendants(this IEnumerable<JContainer> source)",
        |cx, a| each(cx, a, "JToken", |t| t.descendants(false)),
    ),
    m(
        "static IJEnumerable<JToken> DescendantsAndSelf(this IEnumerable<JContainer> source)",
        |cx, a| each(cx, a, "JToken", |t| t.descendants(true)),
    ),
    m(
        "static IJEnumerable<JToken> AsJEnumerable(this IEnumerable<JToken> source)",
        |_, a| Ok(a.get(0)),
    ),
    m(
        "static IJEnumerable<T> AsJEnumerable<T>(this IEnumerable<T> source)",
        |_, a| Ok(a.get(0)),
    ),
];

/// `IJEnumerable<T>`: what `Children` and `Values` give.
pub(super) const ENUMERABLE: &[Row] = &[m("IJEnumerable<JToken> this[object key]", |cx, a| {
    let all = below(cx, a, Some(&a.get(1)))?;
    tokens(cx, "JToken", all)
})];
