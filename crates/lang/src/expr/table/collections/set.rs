//! `HashSet<T>` and `ISet<T>`.

use super::super::dictionaries::{comparer_of, equality};
use super::super::{Row, m};
use super::span::{self, size};
use super::{clear, collection_count, contains, copy_to, remove};
use crate::expr::eval::{Args, Cx, R, Throw, throw, types};
use crate::expr::types::Ty;
use crate::value::collections::Equality;
use crate::value::{Dict, Value};
use std::rc::Rc;

fn filled(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    from: Option<usize>,
    how: Equality,
) -> Result<Rc<Dict>, Throw> {
    let d = Dict::with(Ty::generic("HashSet", vec![a.ty(0)]), how);
    if let Some(i) = from {
        let mut items = a.iter(cx, i)?;
        while let Some(item) = items.next(cx)? {
            cx.charge(96)?;
            d.add(item, Value::Null);
        }
    }
    Ok(d)
}

/// The set itself, and the other sequence as a set of the same comparer.
fn both(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<(Rc<Dict>, Rc<Dict>), Throw> {
    a.not_null(&["", "other"])?;
    let d = a.dict(0)?;
    let other = filled(cx, a, Some(1), d.equality())?;
    Ok((d, other))
}

/// How many of the items of one set are in the other.
fn shared(cx: &mut Cx<'_>, of: &Dict, with: &Dict) -> Result<usize, Throw> {
    cx.step(of.len())?;
    Ok(of
        .entries()
        .iter()
        .filter(|(k, _)| with.contains(k))
        .count())
}

/// Whether the set is empty, which answers without a look at the other sequence.
fn nothing(a: &Args<'_>) -> Result<bool, Throw> {
    a.not_null(&["", "other"])?;
    Ok(a.dict(0)?.is_empty())
}

/// Whether some item of the other sequence is in the set (`found`), or all are: stops at the one that tells.
fn until(cx: &mut Cx<'_>, a: &Args<'_>, found: bool) -> R {
    let d = a.dict(0)?;
    let mut items = a.iter(cx, 1)?;
    while let Some(item) = items.next(cx)? {
        if d.contains(&item) == found {
            return Ok(Value::Bool(found));
        }
    }
    Ok(Value::Bool(!found))
}

/// How many different items the other sequence has when all of them are in the set: stops at the first that is not.
fn within(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<usize>, Throw> {
    let d = a.dict(0)?;
    let seen = filled(cx, a, None, d.equality())?;
    let mut items = a.iter(cx, 1)?;
    while let Some(item) = items.next(cx)? {
        if !d.contains(&item) {
            return Ok(None);
        }
        cx.charge(96)?;
        seen.add(item, Value::Null);
    }
    Ok(Some(seen.len()))
}

/// Compares the set with the other by how many items they have in common and how many each has.
fn compared(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    answer: fn(common: usize, own: usize, other: usize) -> bool,
) -> R {
    let (d, other) = both(cx, a)?;
    let common = shared(cx, &d, &other)?;
    Ok(Value::Bool(answer(common, d.len(), other.len())))
}

fn new_set(cx: &mut Cx<'_>, a: &Args<'_>, from: Option<usize>, comparer: usize) -> R {
    if from.is_some() {
        a.not_null(&["collection"])?;
    }
    let how = equality(a, comparer);
    Ok(Value::Dict(filled(cx, a, from, how)?))
}

fn sized(cx: &mut Cx<'_>, a: &Args<'_>, comparer: usize) -> R {
    let n = span::capacity(cx, a, 0)?;
    let d = filled(cx, a, None, equality(a, comparer))?;
    d.reserve(n);
    Ok(Value::Dict(d))
}

fn copied(cx: &mut Cx<'_>, a: &Args<'_>, at: i64, count: Option<usize>) -> R {
    let mut items = a.items(cx, 0)?;
    if let Some(i) = count {
        span::list(a, 1, "array")?;
        let at = size(a, i - 1, "arrayIndex")?;
        let n = size(a, i, "count")?;
        // All that is asked for must have room, though the set may have less.
        if let Value::List(to) = &a.values[1]
            && at.saturating_add(n) > to.items().len()
        {
            return Err(throw(
                "ArgumentException",
                "Destination array is not long enough to copy all the items in the collection. Check array index and length.",
            ));
        }
        items.truncate(n);
    }
    span::copy_to(cx, &items, a, 1, at, "array")
}

/// What sets offer by themselves and through `ISet<T>`.
pub(super) const INTERFACE: &[Row] = &[
    m("bool Add(T item)", |cx, a| {
        let d = a.dict(0)?;
        cx.charge(96)?;
        Ok(Value::Bool(d.add(a.get(1), Value::Null)))
    }),
    m("void UnionWith(IEnumerable<T> other)", |cx, a| {
        a.not_null(&["", "other"])?;
        let d = a.dict(0)?;
        let mut items = a.iter(cx, 1)?;
        while let Some(item) = items.next(cx)? {
            cx.charge(96)?;
            d.add(item, Value::Null);
        }
        Ok(Value::Null)
    }),
    m("void ExceptWith(IEnumerable<T> other)", |cx, a| {
        a.not_null(&["", "other"])?;
        let d = a.dict(0)?;
        if d.is_empty() {
            return Ok(Value::Null);
        }
        // Of itself nothing is left.
        for item in a.items(cx, 1)? {
            d.remove(&item);
        }
        Ok(Value::Null)
    }),
    m("void IntersectWith(IEnumerable<T> other)", |cx, a| {
        if nothing(a)? {
            return Ok(Value::Null);
        }
        // A collection that is known to be empty leaves nothing; the items of a sequence are taken one by one.
        let empty = match &a.values[1] {
            Value::List(l) => l.items().is_empty(),
            Value::Dict(d) => d.is_empty(),
            _ => false,
        };
        if empty {
            return clear(cx, a);
        }
        let (d, keep) = both(cx, a)?;
        cx.step(d.len())?;
        for (k, _) in d.entries() {
            if !keep.contains(&k) {
                d.remove(&k);
            }
        }
        Ok(Value::Null)
    }),
    m("void SymmetricExceptWith(IEnumerable<T> other)", |cx, a| {
        let (d, other) = both(cx, a)?;
        cx.step(other.len())?;
        for (k, _) in other.entries() {
            if d.remove(&k).is_none() {
                d.add(k, Value::Null);
            }
        }
        Ok(Value::Null)
    }),
    m("bool Overlaps(IEnumerable<T> other)", |cx, a| {
        if nothing(a)? {
            return Ok(Value::Bool(false));
        }
        until(cx, a, true)
    }),
    m("bool IsSupersetOf(IEnumerable<T> other)", |cx, a| {
        a.not_null(&["", "other"])?;
        until(cx, a, false)
    }),
    m("bool IsProperSupersetOf(IEnumerable<T> other)", |cx, a| {
        if nothing(a)? {
            return Ok(Value::Bool(false));
        }
        let own = a.dict(0)?.len();
        Ok(Value::Bool(within(cx, a)?.is_some_and(|n| own > n)))
    }),
    m("bool IsSubsetOf(IEnumerable<T> other)", |cx, a| {
        if nothing(a)? {
            return Ok(Value::Bool(true));
        }
        compared(cx, a, |common, own, _| common == own)
    }),
    m("bool IsProperSubsetOf(IEnumerable<T> other)", |cx, a| {
        if nothing(a)? {
            let some = a.iter(cx, 1)?.next(cx)?.is_some();
            return Ok(Value::Bool(some));
        }
        compared(cx, a, |common, own, other| common == own && own < other)
    }),
    m("bool SetEquals(IEnumerable<T> other)", |cx, a| {
        a.not_null(&["", "other"])?;
        let own = a.dict(0)?.len();
        Ok(Value::Bool(within(cx, a)? == Some(own)))
    }),
];

pub(super) const CLASS: &[Row] = &[
    m("new()", |cx, a| new_set(cx, a, None, usize::MAX)),
    m("new(int capacity)", |cx, a| sized(cx, a, usize::MAX)),
    m("new(IEnumerable<T> collection)", |cx, a| {
        new_set(cx, a, Some(0), usize::MAX)
    }),
    m("new(IEqualityComparer<T> comparer)", |cx, a| {
        new_set(cx, a, None, 0)
    }),
    m(
        "new(int capacity, IEqualityComparer<T> comparer)",
        |cx, a| sized(cx, a, 1),
    ),
    m(
        "new(IEnumerable<T> collection, IEqualityComparer<T> comparer)",
        |cx, a| new_set(cx, a, Some(0), 1),
    ),
    m("int Count", collection_count),
    m("IEqualityComparer<T> Comparer", |_, a| comparer_of(a)),
    m("void Clear()", clear),
    m("bool Contains(T item)", contains),
    m("bool Remove(T item)", remove),
    m("void CopyTo(T[] array)", |cx, a| copied(cx, a, 0, None)),
    m("void CopyTo(T[] array, int arrayIndex)", copy_to),
    m(
        "void CopyTo(T[] array, int arrayIndex, int count)",
        |cx, a| copied(cx, a, a.int(2), Some(3)),
    ),
    m("int RemoveWhere(Predicate<T> match)", |cx, a| {
        a.not_null(&["", "match"])?;
        let (d, f) = (a.dict(0)?, a.get(1));
        let mut removed = 0;
        for (k, _) in d.entries() {
            if cx.call(&f, std::slice::from_ref(&k))?.as_bool() == Some(true) {
                d.remove(&k);
                removed += 1;
            }
        }
        Ok(Value::Int(removed))
    }),
    m(
        "bool TryGetValue(T equalValue, out T actualValue)",
        |_, a| {
            let found = a.dict(0)?.entry(&a.get(1));
            let ok = found.is_some();
            a.values[2] = found.map_or_else(|| types::default_of(&a.ty(0)), |(k, _)| k);
            Ok(Value::Bool(ok))
        },
    ),
    m("void TrimExcess()", |_, a| {
        a.dict(0)?.trim();
        Ok(Value::Null)
    }),
    m("int EnsureCapacity(int capacity)", |cx, a| {
        super::super::dictionaries::ensured(cx, a)
    }),
];
