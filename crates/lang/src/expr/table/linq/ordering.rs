//! `OrderBy`, `ThenBy`, `GroupBy`, `ToLookup`, `Join`, and sorting for `List` and `Array`.

use super::super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, compare, throw};
use crate::expr::types::Ty;
use crate::value::collections::Key;
use crate::value::{Object, Value};
use std::any::Any;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

/// An ordered sequence: items with the keys of every level so far.
#[derive(Debug)]
struct Ordered {
    of: Ty,
    rows: Vec<(Vec<Value>, Value)>,
    descending: Vec<bool>,
}

impl Object for Ordered {
    fn ty(&self) -> Ty {
        Ty::generic("IOrderedEnumerable", vec![self.of.clone()])
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        Some(self.rows.iter().map(|(_, v)| v.clone()).collect())
    }
}

/// `IGrouping<K, T>`.
#[derive(Debug)]
struct Group {
    ty: Ty,
    key: Value,
    items: Vec<Value>,
}

impl Object for Group {
    fn ty(&self) -> Ty {
        self.ty.clone()
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        Some(self.items.clone())
    }
}

/// Default order: null first; what has none is refused.
fn order(a: &Value, b: &Value) -> Result<Ordering, Throw> {
    match (a.is_null(), b.is_null()) {
        (true, true) => return Ok(Ordering::Equal),
        (true, false) => return Ok(Ordering::Less),
        (false, true) => return Ok(Ordering::Greater),
        _ => {}
    }
    match compare(a, b) {
        Some(o) => Ok(o),
        // NaN sorts before every number.
        None if matches!(a, Value::Double(_) | Value::Float(_)) => {
            let nan = |v: &Value| crate::value::number::as_f64(v).is_some_and(f64::is_nan);
            Ok(nan(b).cmp(&nan(a)))
        }
        None => Err(throw(
            "ArgumentException",
            "At least one object must implement IComparable.",
        )),
    }
}

/// A stable merge sort whose comparison can fail and is counted.
fn merge_sort<T: Clone>(
    cx: &mut Cx<'_>,
    list: &mut Vec<T>,
    by: &mut dyn FnMut(&mut Cx<'_>, &T, &T) -> Result<Ordering, Throw>,
) -> Result<(), Throw> {
    let mut width = 1;
    let n = list.len();
    while width < n {
        let mut out = Vec::with_capacity(n);
        let mut start = 0;
        while start < n {
            let (mid, end) = ((start + width).min(n), (start + 2 * width).min(n));
            let (mut i, mut j) = (start, mid);
            while i < mid && j < end {
                cx.step(1)?;
                if by(cx, &list[i], &list[j])?.is_le() {
                    out.push(list[i].clone());
                    i += 1;
                } else {
                    out.push(list[j].clone());
                    j += 1;
                }
            }
            out.extend_from_slice(&list[i..mid]);
            out.extend_from_slice(&list[j..end]);
            start = end;
        }
        *list = out;
        width *= 2;
    }
    Ok(())
}

/// `List.Sort`, `Array.Sort`.
pub(in crate::expr::table) fn sort(cx: &mut Cx<'_>, items: &mut Vec<Value>) -> Result<(), Throw> {
    merge_sort(cx, items, &mut |_, a, b| order(a, b))
}

/// `List.Sort(comparison)`.
pub(in crate::expr::table) fn sort_with(
    cx: &mut Cx<'_>,
    items: &mut Vec<Value>,
    f: &Value,
) -> Result<(), Throw> {
    merge_sort(cx, items, &mut |cx, a, b| {
        Ok(cx
            .call(f, &[a.clone(), b.clone()])?
            .as_i64()
            .unwrap_or(0)
            .cmp(&0))
    })
}

fn sorted(cx: &mut Cx<'_>, of: Ty, mut rows: Vec<(Vec<Value>, Value)>, descending: Vec<bool>) -> R {
    let down = descending.clone();
    merge_sort(cx, &mut rows, &mut |_, a, b| {
        for ((x, y), down) in a.0.iter().zip(&b.0).zip(&down) {
            let o = order(x, y)?;
            if o.is_ne() {
                return Ok(if *down { o.reverse() } else { o });
            }
        }
        Ok(Ordering::Equal)
    })?;
    Ok(Value::Object(Rc::new(Ordered {
        of,
        rows,
        descending,
    })))
}

fn order_by(cx: &mut Cx<'_>, a: &Args<'_>, descending: bool) -> R {
    let f = a.get(1);
    let mut rows = Vec::new();
    for item in a.items(cx, 0)? {
        let key = cx.call(&f, std::slice::from_ref(&item))?;
        cx.charge(2 * size_of::<Value>())?;
        rows.push((vec![key], item));
    }
    sorted(cx, a.ty(0), rows, vec![descending])
}

fn then_by(cx: &mut Cx<'_>, a: &Args<'_>, descending: bool) -> R {
    let f = a.get(1);
    let source = a.object::<Ordered>(0)?;
    let (mut rows, mut down) = (source.rows.clone(), source.descending.clone());
    for (keys, item) in &mut rows {
        keys.push(cx.call(&f, std::slice::from_ref(item))?);
    }
    down.push(descending);
    sorted(cx, a.ty(0), rows, down)
}

fn group(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    element: Option<usize>,
) -> Result<Vec<(Value, Vec<Value>)>, Throw> {
    let f = a.get(1);
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for item in a.items(cx, 0)? {
        let key = cx.call(&f, std::slice::from_ref(&item))?;
        let item = match element {
            Some(i) => {
                let g = a.get(i);
                cx.call(&g, &[item])?
            }
            None => item,
        };
        let at = *places.entry(Key::of(&key, false)).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        cx.charge(64)?;
        groups[at].1.push(item);
    }
    Ok(groups)
}

fn groupings(cx: &mut Cx<'_>, groups: Vec<(Value, Vec<Value>)>, k: Ty, t: Ty) -> R {
    let ty = Ty::generic("IGrouping", vec![k, t]);
    let all = groups
        .into_iter()
        .map(|(key, items)| {
            Value::Object(Rc::new(Group {
                ty: ty.clone(),
                key,
                items,
            }) as Rc<dyn Object>)
        })
        .collect();
    cx.sequence(ty.clone(), all)
}

const ROWS: &[Row] = &[
    m(
        "static IOrderedEnumerable<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| order_by(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> OrderByDescending<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| order_by(cx, a, true),
    ),
    m(
        "static IOrderedEnumerable<T> ThenBy<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| then_by(cx, a, false),
    ),
    m(
        "static IOrderedEnumerable<T> ThenByDescending<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| then_by(cx, a, true),
    ),
    m(
        "static IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| {
            let g = group(cx, a, None)?;
            groupings(cx, g, a.ty(1), a.ty(0))
        },
    ),
    m(
        "static IEnumerable<IGrouping<K, E>> GroupBy<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector)",
        |cx, a| {
            let g = group(cx, a, Some(2))?;
            groupings(cx, g, a.ty(1), a.ty(2))
        },
    ),
    m(
        "static IEnumerable<IGrouping<K, T>> ToLookup<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| {
            let g = group(cx, a, None)?;
            groupings(cx, g, a.ty(1), a.ty(0))
        },
    ),
    m(
        "static IEnumerable<R> Join<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, U, R> resultSelector)",
        |cx, a| {
            let (f, h) = (a.get(2), a.get(4));
            let inner = by_key(cx, a)?;
            let mut out = Vec::new();
            for item in a.items(cx, 0)? {
                let key = cx.call(&f, std::slice::from_ref(&item))?;
                let found = inner.get(&Key::of(&key, false));
                for other in found.into_iter().flatten() {
                    out.push(cx.call(&h, &[item.clone(), other.clone()])?);
                    cx.charge(size_of::<Value>())?;
                }
            }
            cx.sequence(a.ty(3), out)
        },
    ),
    m(
        "static IEnumerable<R> GroupJoin<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, IEnumerable<U>, R> resultSelector)",
        |cx, a| {
            let (f, h) = (a.get(2), a.get(4));
            let inner = by_key(cx, a)?;
            let mut out = Vec::new();
            for item in a.items(cx, 0)? {
                let key = cx.call(&f, std::slice::from_ref(&item))?;
                let found = inner.get(&Key::of(&key, false));
                let group = cx.sequence(a.ty(1), found.cloned().unwrap_or_default())?;
                out.push(cx.call(&h, &[item, group])?);
                cx.charge(size_of::<Value>())?;
            }
            cx.sequence(a.ty(3), out)
        },
    ),
];

/// The inner items of a join by their keys; a null key joins nothing.
fn by_key(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<HashMap<Key, Vec<Value>>, Throw> {
    let select = a.get(3);
    let mut inner: HashMap<Key, Vec<Value>> = HashMap::new();
    for item in a.items(cx, 1)? {
        let key = cx.call(&select, std::slice::from_ref(&item))?;
        if !key.is_null() {
            cx.charge(96)?;
            inner.entry(Key::of(&key, false)).or_default().push(item);
        }
    }
    Ok(inner)
}

const GROUPING: &[Row] = &[m("K Key", |_, a| Ok(a.object::<Group>(0)?.key.clone()))];

pub(in crate::expr::table) const TYPES: &[Type] = &[
    ty(
        "interface System.Linq.IOrderedEnumerable<T> : IEnumerable<T>",
        &[],
    ),
    ty(
        "interface System.Linq.IGrouping<K, T> : IEnumerable<T>",
        GROUPING,
    ),
    ty("static System.Linq.EnumerableOrdering", ROWS),
];
