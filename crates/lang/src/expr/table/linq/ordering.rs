//! `OrderBy`, `ThenBy` and their kin: stable, run when enumerated.

use super::super::{Row, Type, m, ty};
use super::sort::{Order, failed, merge_sort};
use super::{lazy, pull};
use crate::expr::eval::sequence::Pull;
use crate::expr::eval::{Args, Cx, Query, R, Throw};
use crate::value::Value;
use smallvec::{SmallVec, smallvec};
use std::cmp::Ordering;

/// A level of an ordering: in the query it stands as key selector, comparer, and whether it descends.
const LEVEL: usize = 3;

/// One level with the keys of all items.
struct Level {
    keys: Vec<Value>,
    order: Order,
    descending: bool,
}

fn sorted(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    sorted_behind(cx, q, 0)
}

/// The sorted items behind the first `n`; where there are none, no key is asked for.
pub(super) fn sorted_behind(cx: &mut Cx<'_>, q: &Query, n: usize) -> Result<Pull, Throw> {
    let items = q.iter(cx, 0)?.rest(cx)?;
    if items.len() <= n {
        return pull(|_| Ok(None));
    }
    let mut levels = Vec::new();
    for level in q.args.get(1..).unwrap_or(&[]).chunks(LEVEL) {
        let [f, comparer, descending] = level else {
            break;
        };
        let mut keys = Vec::with_capacity(items.len());
        for item in &items {
            cx.charge(size_of::<Value>())?;
            keys.push(if f.is_null() {
                item.clone()
            } else {
                cx.call(f, std::slice::from_ref(item))?
            });
        }
        levels.push(Level {
            keys,
            order: Order::of(comparer),
            descending: descending.as_bool() == Some(true),
        });
    }
    let mut places: Vec<usize> = (0..items.len()).collect();
    cx.charge(places.len() * size_of::<usize>())?;
    merge_sort(cx, &mut places, &mut |cx, a, b| {
        for level in &levels {
            let o = level.order.compare(cx, &level.keys[*a], &level.keys[*b])?;
            if o.is_ne() {
                return Ok(if level.descending { o.reverse() } else { o });
            }
        }
        Ok(Ordering::Equal)
    })
    .map_err(failed)?;
    let mut places = places.into_iter().skip(n);
    pull(move |_| Ok(places.next().and_then(|i| items.get(i).cloned())))
}

/// The ordering behind a value.
pub(super) fn behind(v: &Value) -> Option<&Query> {
    Query::behind(v).filter(|q| q.class == "IOrderedEnumerable")
}

/// The first or last item of an ordering that the predicate holds for: found without sorting, and with keys of lower
/// levels only where those above are equal, as .NET does.
pub(super) fn end(
    cx: &mut Cx<'_>,
    q: &Query,
    predicate: &Value,
    first: bool,
) -> Result<Option<Value>, Throw> {
    struct At<'q> {
        select: &'q Value,
        order: Order,
        descending: bool,
        key: Value,
    }
    fn key(cx: &mut Cx<'_>, f: &Value, item: &Value) -> R {
        if f.is_null() {
            Ok(item.clone())
        } else {
            cx.call(f, std::slice::from_ref(item))
        }
    }
    let mut items = q.iter(cx, 0)?;
    let Some(mut best) = super::next_where(cx, &mut items, predicate)? else {
        return Ok(None);
    };
    let mut levels = Vec::new();
    for level in q.args.get(1..).unwrap_or(&[]).chunks_exact(LEVEL) {
        levels.push(At {
            select: &level[0],
            order: Order::of(&level[1]),
            descending: level[2].as_bool() == Some(true),
            key: key(cx, &level[0], &best)?,
        });
    }
    while let Some(item) = super::next_where(cx, &mut items, predicate)? {
        let mut keys = Vec::new();
        let mut found = Ordering::Equal;
        for level in &levels {
            let own = key(cx, level.select, &item)?;
            let o = level.order.compare(cx, &own, &level.key)?;
            keys.push(own);
            found = if level.descending { o.reverse() } else { o };
            if found.is_ne() {
                break;
            }
        }
        let better = if first { found.is_lt() } else { found.is_ge() };
        if better {
            for level in levels.iter().skip(keys.len()) {
                keys.push(key(cx, level.select, &item)?);
            }
            for (level, own) in levels.iter_mut().zip(keys) {
                level.key = own;
            }
            best = item;
        }
    }
    Ok(Some(best))
}

fn ordered(cx: &mut Cx<'_>, a: &Args<'_>, args: SmallVec<[Value; 3]>) -> R {
    lazy(
        cx,
        "IOrderedEnumerable",
        a.ty(0),
        "OrderedEnumerable",
        args,
        sorted,
    )
}

fn order_by(cx: &mut Cx<'_>, a: &mut Args<'_>, descending: bool) -> R {
    a.not_null(&["source", "keySelector"])?;
    let args = smallvec![a.take(0), a.take(1), a.take(2), Value::Bool(descending)];
    ordered(cx, a, args)
}

fn then_by(cx: &mut Cx<'_>, a: &mut Args<'_>, descending: bool) -> R {
    a.not_null(&["source", "keySelector"])?;
    let mut args = match Query::behind(&a.values[0]) {
        Some(q) if q.class == "IOrderedEnumerable" => q.args.clone(),
        _ => smallvec![a.take(0)],
    };
    args.extend([a.take(1), a.take(2), Value::Bool(descending)]);
    cx.charge(args.len() * size_of::<Value>())?;
    ordered(cx, a, args)
}

fn order(cx: &mut Cx<'_>, a: &mut Args<'_>, descending: bool) -> R {
    a.not_null(super::SOURCE)?;
    let args = smallvec![a.take(0), Value::Null, a.take(1), Value::Bool(descending)];
    ordered(cx, a, args)
}

pub(super) const ROWS: &[Row] = &[
    m(
        "static IOrderedEnumerable<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| order_by(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)",
        |cx, a| order_by(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> OrderByDescending<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| order_by(cx, a, true),
    ),
    m(
        "static IOrderedEnumerable<T> OrderByDescending<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)",
        |cx, a| order_by(cx, a, true),
    ),
    m(
        "static IOrderedEnumerable<T> ThenBy<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| then_by(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> ThenBy<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)",
        |cx, a| then_by(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> ThenByDescending<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| then_by(cx, a, true),
    ),
    m(
        "static IOrderedEnumerable<T> ThenByDescending<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)",
        |cx, a| then_by(cx, a, true),
    ),
    m(
        "static IOrderedEnumerable<T> Order<T>(this IEnumerable<T> source)",
        |cx, a| order(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> Order<T>(this IEnumerable<T> source, IComparer<T> comparer)",
        |cx, a| order(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> OrderDescending<T>(this IEnumerable<T> source)",
        |cx, a| order(cx, a, true),
    ),
    m(
        "static IOrderedEnumerable<T> OrderDescending<T>(this IEnumerable<T> source, IComparer<T> comparer)",
        |cx, a| order(cx, a, true),
    ),
];

pub(in crate::expr::table) const TYPES: &[Type] = &[ty(
    "interface System.Linq.IOrderedEnumerable<T> : IEnumerable<T>",
    &[m(
        "IOrderedEnumerable<T> CreateOrderedEnumerable<K>(Func<T, K> keySelector, IComparer<K> comparer, bool descending)",
        |cx, a| {
            let descending = a.bool(3);
            then_by(cx, a, descending)
        },
    )],
)];
