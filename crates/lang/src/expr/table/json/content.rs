//! What containers of JSON take, and where it goes: `Add`, `Insert`, setting by index.
//!
//! Source: Json.NET 13's `JContainer`. What must stay true: sequences are gone through, a token that stands somewhere is
//! copied, an object takes properties of new names only, a property has one value.

use super::from::scalar;
use crate::expr::eval::{Cx, Iter, Throw, throw};
use crate::expr::types::Ty;
use crate::value::token::{Form, Kind};
use crate::value::{Str, Token, Value};

/// Deepest nest of sequences that is gone through.
const DEPTH: usize = 32;

/// One piece of content: a token as it is, a scalar as a value.
pub(crate) fn of(cx: &mut Cx<'_>, v: &Value) -> Result<Token, Throw> {
    cx.charge(96)?;
    if let Value::Token(t) = v {
        return Ok(t.clone());
    }
    scalar(v).ok_or_else(|| undetermined(v))
}

pub(super) fn undetermined(v: &Value) -> Throw {
    throw(
        "ArgumentException",
        format!(
            "Could not determine JSON object type for type {}.",
            v.ty().full_name()
        ),
    )
}

/// Whether content counts as several: a sequence that is neither text nor bytes nor a token.
pub(crate) fn is_multi(v: &Value) -> bool {
    match v {
        Value::List(l) => l.ty() != &Ty::array(Ty::Byte),
        Value::Dict(_) => true,
        Value::Object(o) => o.is_sequence(),
        _ => false,
    }
}

fn class(t: &Token) -> String {
    format!("Newtonsoft.Json.Linq.{}", t.class())
}

pub(super) fn taken(name: &str) -> Throw {
    throw(
        "ArgumentException",
        format!(
            "Can not add property {name} to Newtonsoft.Json.Linq.JObject. Property with the same name already exists on object."
        ),
    )
}

/// What `Remove` and its like say of the value of a property.
pub(super) fn fixed() -> Throw {
    throw(
        "JsonException",
        "Cannot add or remove items from Newtonsoft.Json.Linq.JProperty.",
    )
}

/// Whether a container takes a token in the place of another, or beside what it has.
fn check(to: &Token, t: &Token, instead: Option<&Token>) -> Result<(), Throw> {
    let property = t.name();
    match (to.kind(), property) {
        (Kind::Object(_), Some(name)) => {
            let same = instead.and_then(Token::name) == Some(name);
            if !same && to.has_field(name) {
                return Err(taken(name));
            }
        }
        (Kind::Object(_), None) | (_, Some(_)) => {
            return Err(throw(
                "ArgumentException",
                format!("Can not add {} to {}.", class(t), class(to)),
            ));
        }
        (_, None) => {}
    }
    Ok(())
}

/// Inserts content at a place among the children. The items of a sequence count by one each, whatever they are: what
/// comes after a nested sequence stands after its first item, as in Json.NET.
pub(super) fn insert(cx: &mut Cx<'_>, to: &Token, at: usize, content: &Value) -> Result<(), Throw> {
    spread(cx, to, at, content, 0)
}

fn spread(
    cx: &mut Cx<'_>,
    to: &Token,
    at: usize,
    content: &Value,
    depth: usize,
) -> Result<(), Throw> {
    cx.step(1)?;
    if is_multi(content) && depth < DEPTH {
        // One at a time: a sequence may look at the container that it is added to.
        let mut items = Iter::of(cx, content)?;
        let mut at = at;
        while let Some(item) = items.next(cx)? {
            spread(cx, to, at, &item, depth + 1)?;
            at += 1;
        }
        return Ok(());
    }
    let t = of(cx, content)?;
    insert_token(cx, to, at, t)
}

/// Inserts a token.
pub(super) fn insert_token(cx: &mut Cx<'_>, to: &Token, at: usize, t: Token) -> Result<(), Throw> {
    let comment = t.form() == Form::Comment;
    match to.kind() {
        // A comment has no name to be found by.
        Kind::Object(_) | Kind::Property(..) if comment => return Ok(()),
        Kind::Property(..) if to.len() > 0 => {
            return Err(throw(
                "JsonException",
                "Newtonsoft.Json.Linq.JProperty cannot have multiple values.",
            ));
        }
        _ => {}
    }
    if at > to.len() {
        return Err(throw(
            "ArgumentOutOfRangeException",
            "Index must be within the bounds of the List. (Parameter 'index')",
        ));
    }
    check(to, &t, None)?;
    if t.parent().is_some() {
        cx.charge(t.descendants(true).len().saturating_mul(96))?;
    }
    cx.step(to.len() / 256)?;
    to.insert(at, t)?;
    Ok(())
}

/// Adds content at the end.
pub(super) fn add(cx: &mut Cx<'_>, to: &Token, content: &Value) -> Result<(), Throw> {
    insert(cx, to, to.len(), content)
}

/// Sets the value under a name.
pub(super) fn set_named(
    cx: &mut Cx<'_>,
    to: &Token,
    name: &Str,
    value: Token,
) -> Result<(), Throw> {
    if value.name().is_some() {
        return Err(nested());
    }
    if let Some(left) = to.set_field(name, value)? {
        cx.keep(&left);
    }
    Ok(())
}

/// A property has no property for its value.
pub(super) fn nested() -> Throw {
    throw(
        "ArgumentException",
        "Can not add Newtonsoft.Json.Linq.JProperty to Newtonsoft.Json.Linq.JProperty.",
    )
}

/// Puts a token in the place of the child at an index.
pub(super) fn set_at(to: &Token, index: i64, t: Token) -> Result<(), Throw> {
    let range = |why: &str| {
        throw(
            "ArgumentOutOfRangeException",
            format!("{why} (Parameter 'index')"),
        )
    };
    let at = usize::try_from(index).map_err(|_| range("Index is less than 0."))?;
    let Some(old) = to.child(at) else {
        return Err(range("Index is equal to or greater than Count."));
    };
    if old.is_unchanged_by(&t) {
        return Ok(());
    }
    check(to, &t, Some(&old))?;
    match to.kind() {
        Kind::Object(_) => {
            // Also a property in its own place is copied.
            let t = if old.same(&t) { t.deep_clone() } else { t };
            to.remove_at(at);
            to.insert(at, t)?;
        }
        Kind::Property(..) => to.set_content(t)?,
        _ => {
            to.replace_at(at, t)?;
        }
    }
    Ok(())
}
