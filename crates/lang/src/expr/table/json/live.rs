//! Sequences of tokens that are gone through when they are enumerated, as .NET's iterators are.
//!
//! What must stay true: a container that gets or loses children while it is gone through ends the enumeration; what a
//! conversion throws is thrown when its item is pulled.

use super::convert::value_as;
use super::item;
use crate::expr::eval::sequence::{ENUMERABLE_OF_TOKENS, Open, Pull};
use crate::expr::eval::{Cx, Iter, Query, R, Throw, null_reference, types};
use crate::expr::types::Ty;
use crate::value::token::Kind;
use crate::value::{Str, Token, Value};
use std::collections::VecDeque;
use std::rc::Rc;

/// A sequence of items of a type, from a source.
pub(super) fn over(cx: &mut Cx<'_>, source: Value, of: Ty, open: Open) -> R {
    with(cx, "IEnumerable", source, Value::Null, of, open)
}

/// The same as a `JEnumerable<T>`.
pub(super) fn tokens(cx: &mut Cx<'_>, source: Value, of: Ty, open: Open) -> R {
    with(cx, ENUMERABLE_OF_TOKENS, source, Value::Null, of, open)
}

fn with(cx: &mut Cx<'_>, class: &'static str, source: Value, arg: Value, of: Ty, open: Open) -> R {
    cx.charge(size_of::<Query>() + 16)?;
    Ok(Value::Object(Rc::new(Query {
        class,
        of,
        name: "SelectIterator",
        args: smallvec::smallvec![source, arg],
        open,
    })))
}

fn pull<F>(next: F) -> Result<Pull, Throw>
where
    F: FnMut(&mut Cx<'_>) -> Result<Option<Value>, Throw> + 'static,
{
    Ok(Box::new(next))
}

/// The next token of a sequence; null has none of what is asked of it.
fn next_token(cx: &mut Cx<'_>, items: &mut Iter) -> Result<Option<Token>, Throw> {
    loop {
        match items.next(cx)? {
            None => return Ok(None),
            Some(Value::Token(t)) => return Ok(Some(t)),
            Some(Value::Null) => return Err(null_reference()),
            Some(_) => {}
        }
    }
}

/// Children that are of the type of the sequence.
pub(super) fn of_type(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let mut items = q.iter(cx, 0)?;
    let of = q.of.clone();
    pull(move |cx| {
        while let Some(v) = items.next(cx)? {
            if types::is(&of, &v) {
                return Ok(Some(v));
            }
        }
        Ok(None)
    })
}

/// Each token converted to the type of the sequence.
pub(super) fn converted(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let mut items = q.iter(cx, 0)?;
    let of = q.of.clone();
    pull(move |cx| match next_token(cx, &mut items)? {
        Some(t) => value_as(cx, &t, &of).map(Some),
        None => Ok(None),
    })
}

/// The values of the properties of an object.
pub(super) fn contents(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let mut items = q.iter(cx, 0)?;
    pull(move |cx| {
        let found = next_token(cx, &mut items)?;
        Ok(found.map(|p| p.content().map_or(Value::Null, Value::Token)))
    })
}

/// The properties of an object as pairs.
pub(super) fn pairs(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let mut items = q.iter(cx, 0)?;
    pull(move |cx| {
        Ok(next_token(cx, &mut items)?.map(|p| {
            crate::expr::table::dictionaries::pair(
                Ty::String,
                Ty::class("JToken"),
                p.name().cloned().map_or(Value::Null, Value::Str),
                p.content().map_or(Value::Null, Value::Token),
            )
        }))
    })
}

/// A token's own pull of all below it, itself first if it is to be.
fn walk(cx: &mut Cx<'_>, q: &Query, own: bool) -> Result<Pull, Throw> {
    let root = q.arg(0);
    let mut first = own.then(|| root.clone());
    let mut open = vec![Iter::of(cx, &root)?];
    pull(move |cx| {
        if let Some(first) = first.take() {
            return Ok(Some(first));
        }
        while let Some(items) = open.last_mut() {
            match next_token(cx, items)? {
                Some(t) => {
                    let value = Value::Token(t.clone());
                    if !matches!(t.kind(), Kind::Scalar(_)) {
                        open.push(Iter::of(cx, &value)?);
                    }
                    return Ok(Some(value));
                }
                None => {
                    open.pop();
                }
            }
        }
        Ok(None)
    })
}

/// `Descendants()`.
pub(super) fn descendants(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    walk(cx, q, false)
}

/// `DescendantsAndSelf()`.
pub(super) fn descendants_and_self(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    walk(cx, q, true)
}

/// A chain of tokens: each found from the one before.
fn chain(
    q: &Query,
    first: fn(&Token) -> Option<Token>,
    step: fn(&Token) -> Option<Token>,
) -> Result<Pull, Throw> {
    let mut next = match q.arg(0) {
        Value::Token(t) => first(&t),
        _ => None,
    };
    pull(move |_| {
        let now = next.take();
        next = now.as_ref().and_then(step);
        Ok(now.map(Value::Token))
    })
}

/// `Ancestors()`.
pub(super) fn ancestors(_: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    chain(q, Token::parent, Token::parent)
}

/// `AncestorsAndSelf()`.
pub(super) fn ancestors_and_self(_: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    chain(q, |t| Some(t.clone()), Token::parent)
}

/// What a walk finds from each token of a sequence.
fn each(cx: &mut Cx<'_>, q: &Query, find: fn(&Token) -> Vec<Token>) -> Result<Pull, Throw> {
    let mut items = q.iter(cx, 0)?;
    let mut found = VecDeque::new();
    pull(move |cx| {
        while found.is_empty() {
            let Some(t) = next_token(cx, &mut items)? else {
                return Ok(None);
            };
            found = find(&t).into();
            cx.step(found.len())?;
        }
        Ok(found.pop_front().map(Value::Token))
    })
}

/// The children of each.
pub(super) fn children_of_each(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    each(cx, q, Token::children)
}

/// The ancestors of each.
pub(super) fn ancestors_of_each(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    each(cx, q, |t| super::ancestors(t, false))
}

/// Each with its ancestors.
pub(super) fn ancestors_and_self_of_each(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    each(cx, q, |t| super::ancestors(t, true))
}

/// All below each.
pub(super) fn descendants_of_each(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    each(cx, q, |t| t.descendants(false))
}

/// Each with all below it.
pub(super) fn descendants_and_self_of_each(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    each(cx, q, |t| t.descendants(true))
}

/// What a path finds, searched when the first token is asked for.
pub(super) fn selected(cx: &mut Cx<'_>, source: Value, path: Str, strict: bool) -> R {
    let open: Open = if strict { found_strictly } else { found };
    with(
        cx,
        "IEnumerable",
        source,
        Value::Str(path),
        Ty::class("JToken"),
        open,
    )
}

fn found(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    search(cx, q, false)
}

fn found_strictly(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    search(cx, q, true)
}

fn search(cx: &mut Cx<'_>, q: &Query, strict: bool) -> Result<Pull, Throw> {
    let mut all = match (q.arg(0), q.arg(1)) {
        (Value::Token(t), Value::Str(path)) => super::path::select(cx, &t, &path, strict)?,
        _ => Vec::new(),
    }
    .into_iter();
    pull(move |_| Ok(all.next().map(Value::Token)))
}

/// What is under a key of each token, or the values below each when there is no key.
pub(super) fn under(cx: &mut Cx<'_>, source: Value, key: Value) -> R {
    with(
        cx,
        ENUMERABLE_OF_TOKENS,
        source,
        key,
        Ty::class("JToken"),
        |cx, q| {
            // An iterator looks at its arguments when it is gone through.
            if q.arg(0).is_null() {
                return Err(super::null("source"));
            }
            let mut items = q.iter(cx, 0)?;
            let key = q.arg(1);
            let mut found = VecDeque::new();
            pull(move |cx| {
                while found.is_empty() {
                    let Some(t) = next_token(cx, &mut items)? else {
                        return Ok(None);
                    };
                    if !key.is_null() {
                        if let Value::Token(t) = item(&t, &key)? {
                            found.push_back(t);
                        }
                    } else if let Kind::Scalar(_) = t.kind() {
                        found.push_back(t);
                    } else {
                        found = t.children().into();
                        cx.step(found.len())?;
                    }
                }
                Ok(found.pop_front().map(Value::Token))
            })
        },
    )
}
