//! `System.Linq.Enumerable`: what looks at a sequence and answers at once. Operators that make a query are in the files
//! under `linq/`.
//!
//! What must stay true: arguments are checked when the method is called, items are pulled when they are needed and no
//! more of them than .NET pulls.

mod combine;
mod filter;
pub(crate) mod grouping;
mod numbers;
pub(crate) mod ordering;
pub(crate) mod sort;

use super::dictionaries::equality;
use super::{Row, Type, m, ty_of};
use crate::expr::eval::sequence::{ENUMERABLE_OF_TOKENS, Open, Pull, known_count};
use crate::expr::eval::{Args, Cx, Iter, Query, R, Throw, equals, throw, types};
use crate::expr::types::Ty;
use crate::value::collections::{Equality, Key};
use crate::value::{Dict, Value};
use std::rc::Rc;

fn none() -> Throw {
    throw("InvalidOperationException", "Sequence contains no elements")
}

fn no_match() -> Throw {
    throw(
        "InvalidOperationException",
        "Sequence contains no matching element",
    )
}

/// A query of an operator: takes the arguments of the row, those with a name must not be null.
fn query(
    cx: &mut Cx<'_>,
    a: &mut Args<'_>,
    names: &[&str],
    of: Ty,
    name: &'static str,
    open: Open,
) -> R {
    a.not_null(names)?;
    let args = a.values.iter_mut().map(std::mem::take).collect();
    lazy(cx, "IEnumerable", of, name, args, open)
}

/// A query of the given arguments.
fn lazy(
    cx: &mut Cx<'_>,
    class: &'static str,
    of: Ty,
    name: &'static str,
    args: smallvec::SmallVec<[Value; 3]>,
    open: Open,
) -> R {
    cx.charge(size_of::<Query>() + 16)?;
    Ok(Value::Object(Rc::new(Query {
        class,
        of,
        name,
        args,
        open,
    })))
}

/// A sequence of another static type: what stands in it when it is enumerated.
pub(super) fn seen_as(cx: &mut Cx<'_>, source: Value, of: Ty) -> R {
    let args = smallvec::smallvec![source];
    lazy(cx, "IEnumerable", of, "CastIterator", args, |cx, q| {
        let mut items = q.iter(cx, 0)?;
        pull(move |cx| items.next(cx))
    })
}

/// A `JEnumerable<T>` over what stands in a sequence.
pub(super) fn enumerable_of_tokens(cx: &mut Cx<'_>, source: Value, of: Ty) -> R {
    let args = smallvec::smallvec![source];
    lazy(cx, ENUMERABLE_OF_TOKENS, of, "", args, |cx, q| {
        let mut items = q.iter(cx, 0)?;
        pull(move |cx| items.next(cx))
    })
}

/// The state of a query that was started.
fn pull<F>(next: F) -> Result<Pull, Throw>
where
    F: FnMut(&mut Cx<'_>) -> Result<Option<Value>, Throw> + 'static,
{
    Ok(Box::new(next))
}

fn holds(cx: &mut Cx<'_>, f: &Value, item: &Value) -> Result<bool, Throw> {
    Ok(cx.call(f, std::slice::from_ref(item))?.as_bool() == Some(true))
}

/// The next item that the predicate holds for; without one the next item.
fn next_where(cx: &mut Cx<'_>, items: &mut Iter, f: &Value) -> Result<Option<Value>, Throw> {
    while let Some(item) = items.next(cx)? {
        if f.is_null() || holds(cx, f, &item)? {
            return Ok(Some(item));
        }
    }
    Ok(None)
}

const SOURCE: &[&str] = &["source"];
const PREDICATE: &[&str] = &["source", "predicate"];

fn checked(a: &Args<'_>, filter: bool) -> Result<Value, Throw> {
    a.not_null(if filter { PREDICATE } else { SOURCE })?;
    Ok(if filter { a.get(1) } else { Value::Null })
}

fn first(cx: &mut Cx<'_>, a: &Args<'_>, filter: bool) -> Result<Option<Value>, Throw> {
    let f = checked(a, filter)?;
    if let Some(q) = ordering::behind(&a.values[0]) {
        return ordering::end(cx, q, &f, true);
    }
    let mut items = a.iter(cx, 0)?;
    next_where(cx, &mut items, &f)
}

fn last(cx: &mut Cx<'_>, a: &Args<'_>, filter: bool) -> Result<Option<Value>, Throw> {
    let f = checked(a, filter)?;
    // A list is gone through from its end.
    if let Value::List(l) = &a.values[0] {
        let mut i = l.items().len();
        while i > 0 {
            i -= 1;
            cx.step(1)?;
            let Some(item) = l.items().get(i).cloned() else {
                continue;
            };
            if !filter || holds(cx, &f, &item)? {
                return Ok(Some(item));
            }
        }
        return Ok(None);
    }
    if !filter && let Some((mut part, _)) = filter::Part::behind(&a.values[0]) {
        return part.last(cx);
    }
    if let Some(q) = ordering::behind(&a.values[0]) {
        return ordering::end(cx, q, &f, false);
    }
    let mut items = a.iter(cx, 0)?;
    let mut found = None;
    while let Some(item) = next_where(cx, &mut items, &f)? {
        found = Some(item);
    }
    Ok(found)
}

fn only(cx: &mut Cx<'_>, a: &Args<'_>, filter: bool) -> Result<Option<Value>, Throw> {
    let f = checked(a, filter)?;
    let mut items = a.iter(cx, 0)?;
    let found = next_where(cx, &mut items, &f)?;
    if found.is_some() && next_where(cx, &mut items, &f)?.is_some() {
        return Err(throw(
            "InvalidOperationException",
            if filter {
                "Sequence contains more than one matching element"
            } else {
                "Sequence contains more than one element"
            },
        ));
    }
    Ok(found)
}

fn or_default(a: &Args<'_>, v: Option<Value>) -> R {
    Ok(v.unwrap_or_else(|| types::default_of(&a.ty(0))))
}

/// An item of an ordering; where there is none, no key is asked for.
fn ordered_at(cx: &mut Cx<'_>, q: &Query, i: usize) -> Result<Option<Value>, Throw> {
    match i {
        0 => ordering::end(cx, q, &Value::Null, true),
        i => ordering::sorted_behind(cx, q, i)?(cx),
    }
}

fn element_at(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Value>, Throw> {
    a.not_null(SOURCE)?;
    let Ok(i) = usize::try_from(a.int(1)) else {
        return Ok(None);
    };
    if let Value::List(l) = &a.values[0] {
        return Ok(l.items().get(i).cloned());
    }
    if let Some((mut part, _)) = filter::Part::behind(&a.values[0]) {
        return part.nth(cx, i);
    }
    if let Some(q) = ordering::behind(&a.values[0]) {
        return ordered_at(cx, q, i);
    }
    // Seen through a selector, which is called for the item only.
    if let Some(q) = Query::behind(&a.values[0]).filter(|q| q.name == "SelectEnumerableIterator")
        && let source = q.arg(0)
        && let Some(inner) = ordering::behind(&source)
    {
        return match ordered_at(cx, inner, i)? {
            Some(item) => cx.call(&q.arg(1), &[item]).map(Some),
            None => Ok(None),
        };
    }
    let mut items = a.iter(cx, 0)?;
    let mut left = i;
    while let Some(item) = items.next(cx)? {
        if left == 0 {
            return Ok(Some(item));
        }
        left -= 1;
    }
    Ok(None)
}

/// `ToArray` and `ToList`: a selector on a list is called for as many items as the list had at the start.
fn all_items(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<Value>, Throw> {
    let Some((mut part, _)) = filter::Part::behind(&a.values[0]) else {
        return a.items(cx, 0);
    };
    let n = part.len();
    cx.charge(n.saturating_mul(size_of::<Value>()))?;
    let mut out = Vec::with_capacity(n);
    for i in 0..n {
        cx.step(1)?;
        match part.nth(cx, i)? {
            Some(item) => out.push(item),
            None => break,
        }
    }
    Ok(out)
}

fn count(cx: &mut Cx<'_>, a: &mut Args<'_>, filter: bool) -> Result<usize, Throw> {
    let f = checked(a, filter)?;
    if !filter {
        // Ordering does not change how many there are, and is not done to count.
        if let Some(q) = ordering::behind(&a.values[0]) {
            a.values[0] = q.arg(0);
            return count(cx, a, false);
        }
        if let Some(n) = known_count(&a.values[0]) {
            return Ok(n);
        }
    }
    walked(cx, a, &f)
}

/// How many there are, found by walking through all of them.
fn walked(cx: &mut Cx<'_>, a: &Args<'_>, f: &Value) -> Result<usize, Throw> {
    let mut items = a.iter(cx, 0)?;
    let mut n = 0;
    while next_where(cx, &mut items, f)?.is_some() {
        n += 1;
    }
    Ok(n)
}

/// `LongCount`, which asks no sequence for what it knows of itself.
fn long_count(cx: &mut Cx<'_>, a: &Args<'_>, filter: bool) -> R {
    let f = checked(a, filter)?;
    if !filter
        && ordering::behind(&a.values[0]).is_none()
        && let Some(n) = known_count(&a.values[0])
    {
        return Ok(Value::Long(n as i64));
    }
    Ok(Value::Long(walked(cx, a, &f)? as i64))
}

fn contains(cx: &mut Cx<'_>, a: &Args<'_>, how: Option<Equality>) -> R {
    a.not_null(SOURCE)?;
    let v = a.get(1);
    let key = how.map(|how| (Key::of(&v, how), how));
    // A `JArray` answers for itself, by reference.
    let by: fn(&Value, &Value) -> bool = match a.values[0] {
        Value::Token(_) => crate::expr::eval::same,
        _ => equals,
    };
    if how.is_none()
        && let Value::Dict(d) = &a.values[0]
        && !super::dictionaries::is_dictionary(d.ty())
    {
        return Ok(Value::Bool(d.contains(&v)));
    }
    let mut items = a.iter(cx, 0)?;
    while let Some(item) = items.next(cx)? {
        let found = match &key {
            Some((key, how)) => Key::of(&item, *how) == *key,
            None => by(&item, &v),
        };
        if found {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn all(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let f = checked(a, true)?;
    let mut items = a.iter(cx, 0)?;
    while let Some(item) = items.next(cx)? {
        if !holds(cx, &f, &item)? {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn any(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    a.not_null(SOURCE)?;
    if let Some(n) = known_count(&a.values[0]) {
        return Ok(Value::Bool(n > 0));
    }
    Ok(Value::Bool(a.iter(cx, 0)?.next(cx)?.is_some()))
}

/// The duplicate key of `Add`.
pub(super) fn duplicate(key: &Value) -> Throw {
    throw(
        "ArgumentException",
        format!(
            "An item with the same key has already been added. Key: {}",
            key.to_text()
        ),
    )
}

fn dictionary(cx: &mut Cx<'_>, a: &Args<'_>, value: bool, comparer: usize) -> R {
    let names: &[&str] = &["source", "keySelector", "elementSelector"];
    a.not_null(&names[..if value { 3 } else { 2 }])?;
    let v_ty = if value { a.ty(2) } else { a.ty(0) };
    let how = equality(a, comparer);
    let d = Dict::with(Ty::generic("Dictionary", vec![a.ty(1), v_ty]), how);
    let (f, g) = (a.get(1), a.get(2));
    let mut items = a.iter(cx, 0)?;
    while let Some(item) = items.next(cx)? {
        let key = cx.call(&f, std::slice::from_ref(&item))?;
        let v = if value { cx.call(&g, &[item])? } else { item };
        if key.is_null() {
            return Err(crate::expr::eval::null_argument("key"));
        }
        cx.charge(128)?;
        if d.contains(&key) {
            return Err(duplicate(&key));
        }
        d.insert(key, v);
    }
    Ok(Value::Dict(d))
}

fn set(cx: &mut Cx<'_>, a: &Args<'_>, how: Equality) -> R {
    a.not_null(SOURCE)?;
    let d = Dict::with(Ty::generic("HashSet", vec![a.ty(0)]), how);
    let mut items = a.iter(cx, 0)?;
    while let Some(item) = items.next(cx)? {
        cx.charge(96)?;
        d.add(item, Value::Null);
    }
    Ok(Value::Dict(d))
}

/// `Aggregate`: from a seed, or from the first item.
fn aggregate(cx: &mut Cx<'_>, a: &Args<'_>, seeded: bool) -> R {
    let f = a.get(if seeded { 2 } else { 1 });
    let mut items = a.iter(cx, 0)?;
    let mut total = if seeded {
        a.get(1)
    } else {
        items.next(cx)?.ok_or_else(none)?
    };
    while let Some(item) = items.next(cx)? {
        total = cx.call(&f, &[total, item])?;
    }
    Ok(total)
}

const ROWS: &[Row] = &[
    m("static T First<T>(this IEnumerable<T> source)", |cx, a| {
        first(cx, a, false)?.ok_or_else(none)
    }),
    m(
        "static T First<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| first(cx, a, true)?.ok_or_else(no_match),
    ),
    m(
        "static T FirstOrDefault<T>(this IEnumerable<T> source)",
        |cx, a| {
            let v = first(cx, a, false)?;
            or_default(a, v)
        },
    ),
    m(
        "static T FirstOrDefault<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| {
            let v = first(cx, a, true)?;
            or_default(a, v)
        },
    ),
    m("static T Last<T>(this IEnumerable<T> source)", |cx, a| {
        last(cx, a, false)?.ok_or_else(none)
    }),
    m(
        "static T Last<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| last(cx, a, true)?.ok_or_else(no_match),
    ),
    m(
        "static T LastOrDefault<T>(this IEnumerable<T> source)",
        |cx, a| {
            let v = last(cx, a, false)?;
            or_default(a, v)
        },
    ),
    m(
        "static T LastOrDefault<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| {
            let v = last(cx, a, true)?;
            or_default(a, v)
        },
    ),
    m("static T Single<T>(this IEnumerable<T> source)", |cx, a| {
        only(cx, a, false)?.ok_or_else(none)
    }),
    m(
        "static T Single<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| only(cx, a, true)?.ok_or_else(no_match),
    ),
    m(
        "static T SingleOrDefault<T>(this IEnumerable<T> source)",
        |cx, a| {
            let v = only(cx, a, false)?;
            or_default(a, v)
        },
    ),
    m(
        "static T SingleOrDefault<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| {
            let v = only(cx, a, true)?;
            or_default(a, v)
        },
    ),
    m(
        "static T ElementAt<T>(this IEnumerable<T> source, int index)",
        |cx, a| element_at(cx, a)?.ok_or_else(|| crate::expr::eval::out_of_range("index")),
    ),
    m(
        "static T ElementAtOrDefault<T>(this IEnumerable<T> source, int index)",
        |cx, a| {
            let v = element_at(cx, a)?;
            or_default(a, v)
        },
    ),
    m("static bool Any<T>(this IEnumerable<T> source)", any),
    m(
        "static bool Any<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| Ok(Value::Bool(first(cx, a, true)?.is_some())),
    ),
    m(
        "static bool All<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        all,
    ),
    m(
        "static int Count<T>(this IEnumerable<T> source)",
        |cx, a| Ok(Value::Int(count(cx, a, false)? as i32)),
    ),
    m(
        "static int Count<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| Ok(Value::Int(count(cx, a, true)? as i32)),
    ),
    m(
        "static long LongCount<T>(this IEnumerable<T> source)",
        |cx, a| long_count(cx, a, false),
    ),
    m(
        "static long LongCount<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| long_count(cx, a, true),
    ),
    m(
        "static bool Contains<T>(this IEnumerable<T> source, T value)",
        |cx, a| contains(cx, a, None),
    ),
    m(
        "static bool Contains<T>(this IEnumerable<T> source, T value, IEqualityComparer<T> comparer)",
        |cx, a| {
            let how = equality(a, 2);
            contains(cx, a, Some(how))
        },
    ),
    m(
        "static T[] ToArray<T>(this IEnumerable<T> source)",
        |cx, a| {
            let v = all_items(cx, a)?;
            cx.list(Ty::array(a.ty(0)), v)
        },
    ),
    m(
        "static List<T> ToList<T>(this IEnumerable<T> source)",
        |cx, a| {
            let v = all_items(cx, a)?;
            // Of a source that knows its count the list takes no more room.
            let source = &a.values[0];
            let exact = matches!(source, Value::List(_) | Value::Dict(_))
                || filter::Part::behind(source).is_some()
                || ordering::behind(source).is_some();
            let n = u32::try_from(v.len()).unwrap_or(u32::MAX);
            let made = cx.list(Ty::generic("List", vec![a.ty(0)]), v)?;
            if let Value::List(l) = &made
                && exact
            {
                l.set_capacity(n);
            }
            Ok(made)
        },
    ),
    m(
        "static HashSet<T> ToHashSet<T>(this IEnumerable<T> source)",
        |cx, a| set(cx, a, Equality::Default),
    ),
    m(
        "static HashSet<T> ToHashSet<T>(this IEnumerable<T> source, IEqualityComparer<T> comparer)",
        |cx, a| {
            let how = equality(a, 1);
            set(cx, a, how)
        },
    ),
    m(
        "static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| dictionary(cx, a, false, usize::MAX),
    ),
    m(
        "static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IEqualityComparer<K> comparer)",
        |cx, a| dictionary(cx, a, false, 2),
    ),
    m(
        "static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, V> elementSelector)",
        |cx, a| dictionary(cx, a, true, usize::MAX),
    ),
    m(
        "static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, V> elementSelector, IEqualityComparer<K> comparer)",
        |cx, a| dictionary(cx, a, true, 3),
    ),
    m(
        "static T Aggregate<T>(this IEnumerable<T> source, Func<T, T, T> func)",
        |cx, a| {
            a.not_null(&["source", "func"])?;
            aggregate(cx, a, false)
        },
    ),
    m(
        "static A Aggregate<T, A>(this IEnumerable<T> source, A seed, Func<A, T, A> func)",
        |cx, a| {
            a.not_null(&["source", "", "func"])?;
            aggregate(cx, a, true)
        },
    ),
    m(
        "static R Aggregate<T, A, R>(this IEnumerable<T> source, A seed, Func<A, T, A> func, Func<A, R> resultSelector)",
        |cx, a| {
            a.not_null(&["source", "", "func", "resultSelector"])?;
            let total = aggregate(cx, a, true)?;
            let f = a.get(3);
            cx.call(&f, &[total])
        },
    ),
];

pub(super) const TYPES: &[Type] = &[ty_of(
    "static System.Linq.Enumerable",
    &[
        ROWS,
        filter::ROWS,
        combine::ROWS,
        numbers::ROWS,
        numbers::NUMERIC,
        ordering::ROWS,
        grouping::ROWS,
    ],
)];
