//! Filters of lists.
//!
//! Source: DotLiquid. What must stay true: nil stays nil; a text is the list of its characters where a list is asked for.

use super::{Cx, Item, Throw, list, string};
use crate::expr::eval::throw;
use crate::liquid::item::NIL;
use crate::value::Value;
use crate::value::number::as_f64;
use crate::value::text::upper_invariant;
use std::cmp::Ordering;
use std::collections::HashSet;

type Made = Result<Item, Throw>;

/// The items of what must be a list; `None` for nil.
fn items(cx: &mut Cx<'_>, input: &Item) -> Result<Option<Vec<Item>>, Throw> {
    if input.is_nil() {
        return Ok(None);
    }
    match input.enumerated(cx)? {
        Some(items) => Ok(Some(items)),
        None => Err(throw(
            "ArgumentException",
            "A single value cannot be converted to type 'System.Collections.IEnumerable'.",
        )),
    }
}

/// The items of a list, those of lists in it too; what is no list is the one item.
fn flat(cx: &mut Cx<'_>, input: &Item, out: &mut Vec<Item>) -> Result<(), Throw> {
    let nested = match input {
        Item::Value(Value::Str(_)) | Item::Xml(_) | Item::Pair(_) => None,
        // An object is an item, not a list of its members.
        Item::Value(Value::Token(token)) if token.class() == "JObject" => None,
        other => other.enumerated(cx)?,
    };
    match nested {
        Some(items) => {
            for item in items {
                flat(cx, &item, out)?;
            }
        }
        None => out.push(input.clone()),
    }
    Ok(())
}

/// As [`flat`]; an element is the list of its child elements.
fn flattened(cx: &mut Cx<'_>, input: &Item) -> Result<Vec<Item>, Throw> {
    let mut out = Vec::new();
    match input {
        Item::Xml(_) => {
            for item in input.enumerated(cx)?.unwrap_or_default() {
                flat(cx, &item, &mut out)?;
            }
        }
        other => flat(cx, other, &mut out)?,
    }
    Ok(out)
}

pub(super) fn size(_: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    let size = input.size().unwrap_or(0);
    Ok(Item::Value(Value::Int(
        i32::try_from(size).unwrap_or(i32::MAX),
    )))
}

pub(super) fn first(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    Ok(items(cx, input)?
        .and_then(|i| i.into_iter().next())
        .unwrap_or(NIL))
}

pub(super) fn last(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    Ok(items(cx, input)?
        .and_then(|i| i.into_iter().last())
        .unwrap_or(NIL))
}

pub(super) fn join(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let glue = match args.first() {
        Some(glue) => string(glue)?.unwrap_or_else(|| "".into()),
        None => " ".into(),
    };
    let Some(items) = items(cx, input)? else {
        return Ok(NIL);
    };
    let mut out = String::new();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(&glue);
            cx.charge(glue.len())?;
        }
        item.write(cx, &mut out)?;
    }
    Ok(Item::text(out))
}

pub(super) fn map(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let name = args.first().map(Item::plain).unwrap_or_else(|| "".into());
    let Some(items) = items(cx, input)? else {
        return Ok(NIL);
    };
    let mut mapped = Vec::with_capacity(items.len());
    for item in &items {
        cx.step(1 + item.cost())?;
        mapped.push(item.member(&name).unwrap_or(NIL));
    }
    list(cx, mapped)
}

pub(super) fn compact(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    if input.is_nil() {
        return Ok(NIL);
    }
    let mut items = flattened(cx, input)?;
    items.retain(|item| !item.is_nil());
    list(cx, items)
}

pub(super) fn uniq(cx: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    if input.is_nil() {
        return Ok(NIL);
    }
    let items = flattened(cx, input)?;
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for item in items {
        cx.step(1 + item.cost())?;
        // Objects are equal to themselves only.
        let fresh = match item.scalar() {
            Some(value) => {
                let text = value.to_text();
                cx.charge(text.len())?;
                seen.insert((value.type_name(), text))
            }
            None => true,
        };
        if fresh {
            kept.push(item);
        }
    }
    list(cx, kept)
}

/// What items are sorted by: keys of one kind have a total order.
enum Key {
    Nil,
    /// In upper case, as .NET compares without regard to case.
    Text(Vec<u16>),
    Number(f64),
    Date(i64),
    Bool(bool),
    Other,
}

impl Key {
    /// The last kind that can be compared.
    const MOST: u8 = 4;

    fn of(cx: &mut Cx<'_>, item: &Item) -> Result<Key, Throw> {
        Ok(match item.scalar() {
            None => Key::Other,
            Some(Value::Null) => Key::Nil,
            Some(Value::Str(s)) => {
                cx.charge(s.len().saturating_mul(2))?;
                Key::Text(upper_invariant(&s).encode_utf16().collect())
            }
            Some(Value::DateTime(date)) => Key::Date(date.ticks),
            Some(Value::Bool(b)) => Key::Bool(b),
            Some(value) => as_f64(&value).map_or(Key::Other, Key::Number),
        })
    }

    fn kind(&self) -> u8 {
        match self {
            Key::Nil => 0,
            Key::Text(_) => 1,
            Key::Number(_) => 2,
            Key::Date(_) => 3,
            Key::Bool(_) => 4,
            Key::Other => 5,
        }
    }

    fn order(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Text(a), Key::Text(b)) => a.cmp(b),
            (Key::Number(a), Key::Number(b)) => a.total_cmp(b),
            (Key::Date(a), Key::Date(b)) => a.cmp(b),
            (Key::Bool(a), Key::Bool(b)) => a.cmp(b),
            // Nil comes first.
            _ => self.kind().cmp(&other.kind()),
        }
    }
}

/// Sorts; texts without regard to case. `property`: by a member of the items.
pub(super) fn sort(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    if input.is_nil() {
        return Ok(NIL);
    }
    let items = flattened(cx, input)?;
    let property = match args.first() {
        Some(name) => string(name)?.filter(|n| !n.is_empty()),
        None => None,
    };
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        let key = match &property {
            Some(name) => {
                cx.step(1 + item.cost())?;
                item.member(name).unwrap_or(NIL)
            }
            None => item.clone(),
        };
        let key = Key::of(cx, &key)?;
        keyed.push((key, item));
    }
    let mut found = keyed.iter().map(|(key, _)| key.kind()).filter(|k| *k > 0);
    let kind = found.next();
    if kind.is_some_and(|k| k > Key::MOST || found.any(|other| other != k)) {
        return Err(throw(
            "InvalidOperationException",
            "Failed to compare two elements in the array.",
        ));
    }
    let comparisons = keyed
        .len()
        .saturating_mul(keyed.len().max(2).ilog2() as usize);
    cx.step(comparisons / 4)?;
    keyed.sort_by(|(a, _), (b, _)| a.order(b));
    list(cx, keyed.into_iter().map(|(_, item)| item).collect())
}
