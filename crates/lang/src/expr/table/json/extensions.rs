//! `Newtonsoft.Json.Linq.Extensions`: methods on sequences of tokens.

use super::convert::value_as;
use super::{live, null};
use crate::expr::eval::sequence::{ENUMERABLE_OF_TOKENS, Open};
use crate::expr::eval::{Args, Cx, Query, R, Throw, throw};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::Value;

/// The receiver, which must be there.
fn source(a: &Args<'_>) -> Result<Value, Throw> {
    if a.is_null(0) {
        return Err(null("source"));
    }
    Ok(a.get(0))
}

/// A sequence over the receiver.
fn each(cx: &mut Cx<'_>, a: &Args<'_>, class: &'static str, open: Open) -> R {
    live::tokens(cx, source(a)?, Ty::class(class), open)
}

/// What is under a key, converted to a type.
fn converted(cx: &mut Cx<'_>, a: &Args<'_>, key: Value) -> R {
    let found = live::under(cx, a.get(0), key)?;
    live::over(cx, found, a.ty(0), live::converted)
}

/// `AsJEnumerable`: what is an `IJEnumerable` stays as it is, any other sequence is seen as one.
fn as_enumerable(cx: &mut Cx<'_>, a: &Args<'_>, of: Ty) -> R {
    let source = a.get(0);
    let one = |v: &Value| Query::behind(v).is_some_and(|q| q.class == ENUMERABLE_OF_TOKENS);
    match source {
        Value::Null | Value::Token(_) => Ok(source),
        source if one(&source) => Ok(source),
        source => crate::expr::table::linq::enumerable_of_tokens(cx, source, of),
    }
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
        "static U Value<T, U>(this IEnumerable<T> value) where T : JToken",
        |cx, a| one(cx, a, a.ty(1)),
    ),
    m(
        "static IJEnumerable<JToken> Values(this IEnumerable<JToken> source)",
        |cx, a| live::under(cx, a.get(0), Value::Null),
    ),
    m(
        "static IJEnumerable<JToken> Values(this IEnumerable<JToken> source, object key)",
        |cx, a| live::under(cx, a.get(0), a.get(1)),
    ),
    m(
        "static IEnumerable<U> Values<U>(this IEnumerable<JToken> source)",
        |cx, a| converted(cx, a, Value::Null),
    ),
    m(
        "static IEnumerable<U> Values<U>(this IEnumerable<JToken> source, object key)",
        |cx, a| converted(cx, a, a.get(1)),
    ),
    m(
        "static IJEnumerable<JToken> Children<T>(this IEnumerable<T> source) where T : JToken",
        |cx, a| each(cx, a, "JToken", live::children_of_each),
    ),
    m(
        "static IEnumerable<U> Children<T, U>(this IEnumerable<T> source) where T : JToken",
        |cx, a| {
            let all = each(cx, a, "JToken", live::children_of_each)?;
            live::over(cx, all, a.ty(1), live::converted)
        },
    ),
    m(
        "static IJEnumerable<JProperty> Properties(this IEnumerable<JObject> source)",
        |cx, a| each(cx, a, "JProperty", live::children_of_each),
    ),
    m(
        "static IJEnumerable<JToken> Ancestors(this IEnumerable<JToken> source)",
        |cx, a| each(cx, a, "JToken", live::ancestors_of_each),
    ),
    m(
        "static IJEnumerable<JToken> AncestorsAndSelf(this IEnumerable<JToken> source)",
        |cx, a| each(cx, a, "JToken", live::ancestors_and_self_of_each),
    ),
    m(
        "static IJEnumerable<JToken> Descendants(this IEnumerable<JContainer> source)",
        |cx, a| each(cx, a, "JToken", live::descendants_of_each),
    ),
    m(
        "static IJEnumerable<JToken> DescendantsAndSelf(this IEnumerable<JContainer> source)",
        |cx, a| each(cx, a, "JToken", live::descendants_and_self_of_each),
    ),
    m(
        "static IJEnumerable<JToken> AsJEnumerable(this IEnumerable<JToken> source)",
        |cx, a| as_enumerable(cx, a, Ty::class("JToken")),
    ),
    m(
        "static IJEnumerable<T> AsJEnumerable<T>(this IEnumerable<T> source) where T : JToken",
        |cx, a| as_enumerable(cx, a, a.ty(0)),
    ),
];

/// `IJEnumerable<T>`: what `Children` and `Values` give.
pub(super) const ENUMERABLE: &[Row] = &[m("IJEnumerable<JToken> this[object key]", |cx, a| {
    live::under(cx, source(a)?, a.get(1))
})];
