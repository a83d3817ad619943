//! `GroupBy`, `ToLookup`, `Join` and `GroupJoin`.

use super::super::comparers;
use super::super::dictionaries::equality;
use super::super::{Row, Type, m, ty};
use super::{lazy, pull};
use crate::expr::eval::sequence::Pull;
use crate::expr::eval::{Args, Cx, Iter, Query, R, Throw};
use crate::expr::types::Ty;
use crate::value::collections::{Equality, Key};
use crate::value::{List, Object, Value};
use smallvec::{SmallVec, smallvec};
use std::any::Any;
use std::collections::HashMap;
use std::rc::Rc;

/// `IGrouping<K, T>`.
#[derive(Debug)]
struct Group {
    ty: Ty,
    key: Value,
    items: Rc<List>,
}

impl Object for Group {
    fn ty(&self) -> Ty {
        self.ty.clone()
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        Some(self.items.items().clone())
    }
    fn enumerated(&self) -> Option<Value> {
        Some(Value::List(self.items.clone()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        crate::value::collections::drop_later(std::iter::once(std::mem::take(&mut self.key)));
    }
}

/// Items by their keys, in the order in which keys came.
#[derive(Debug)]
struct Groups {
    all: Vec<(Value, Vec<Value>)>,
    places: HashMap<Key, usize>,
    how: Equality,
}

impl Groups {
    fn of(
        cx: &mut Cx<'_>,
        mut items: Iter,
        key: &Value,
        element: &Value,
        how: Equality,
        keep_null: bool,
    ) -> Result<Groups, Throw> {
        let mut out = Groups {
            all: Vec::new(),
            places: HashMap::new(),
            how,
        };
        while let Some(item) = items.next(cx)? {
            let key = cx.call(key, std::slice::from_ref(&item))?;
            if key.is_null() && !keep_null {
                continue;
            }
            let at = *out.places.entry(Key::of(&key, how)).or_insert_with(|| {
                out.all.push((key, Vec::new()));
                out.all.len() - 1
            });
            cx.charge(64)?;
            let item = if element.is_null() {
                item
            } else {
                cx.call(element, &[item])?
            };
            out.all[at].1.push(item);
        }
        Ok(out)
    }

    fn get(&self, key: &Value) -> Option<&[Value]> {
        let at = *self.places.get(&Key::of(key, self.how))?;
        self.all.get(at).map(|(_, items)| items.as_slice())
    }
}

fn array(ty: &Ty, items: Vec<Value>) -> Rc<List> {
    List::new(Ty::array(ty.clone()), items)
}

/// Groups as the objects that expressions see.
fn objects(groups: Vec<(Value, Vec<Value>)>, ty: &Ty) -> Vec<Value> {
    let of = match ty {
        Ty::Class(_, a) => a.get(1).cloned().unwrap_or(Ty::Object),
        _ => Ty::Object,
    };
    groups
        .into_iter()
        .map(|(key, items)| {
            Value::Object(Rc::new(Group {
                ty: ty.clone(),
                key,
                items: array(&of, items),
            }) as Rc<dyn Object>)
        })
        .collect()
}

/// `GroupBy`: which arguments select elements and results, and the comparer. The query keeps source, key selector,
/// element selector, result selector, comparer, and an empty array of the elements.
fn group_by(
    cx: &mut Cx<'_>,
    a: &mut Args<'_>,
    element: Option<usize>,
    result: Option<usize>,
    comparer: usize,
) -> R {
    let mut names = vec!["source", "keySelector"];
    names.extend(element.map(|_| "elementSelector"));
    names.extend(result.map(|_| "resultSelector"));
    a.not_null(&names)?;
    let comparer = if comparer < a.len() {
        a.take(comparer)
    } else {
        Value::Null
    };
    let element_type = a.ty(element.unwrap_or(0));
    let group = Ty::generic("IGrouping", vec![a.ty(1), element_type.clone()]);
    let select = |a: &mut Args<'_>, i: Option<usize>| i.map_or(Value::Null, |i| a.take(i));
    let args: SmallVec<[Value; 3]> = smallvec![
        a.take(0),
        a.take(1),
        select(a, element),
        select(a, result),
        comparer,
        // An empty array of the elements tells their type.
        Value::List(array(&element_type, Vec::new())),
    ];
    let of = match result {
        Some(_) => a.types.last().cloned().unwrap_or(Ty::Object),
        None => group,
    };
    let name = if result.is_some() {
        "GroupedResultEnumerable"
    } else {
        "GroupedEnumerable"
    };
    lazy(cx, "IEnumerable", of, name, args, grouped)
}

fn grouped(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let items = q.iter(cx, 0)?;
    let how = comparers::equality(&q.arg(4));
    let groups = Groups::of(cx, items, &q.arg(1), &q.arg(2), how, true)?;
    let result = q.arg(3);
    if result.is_null() {
        let mut all = objects(groups.all, &q.of).into_iter();
        return pull(move |_| Ok(all.next()));
    }
    let element = match q.arg(5) {
        Value::List(l) => l.ty().clone(),
        _ => Ty::array(Ty::Object),
    };
    let mut all = groups.all.into_iter();
    pull(move |cx| match all.next() {
        Some((key, items)) => {
            let items = cx.list(element.clone(), items)?;
            cx.call(&result, &[key, items]).map(Some)
        }
        None => Ok(None),
    })
}

/// `ILookup<K, T>`.
#[derive(Debug)]
struct Lookup {
    k: Ty,
    of: Ty,
    groups: Rc<List>,
    places: HashMap<Key, usize>,
    how: Equality,
}

impl Object for Lookup {
    fn ty(&self) -> Ty {
        Ty::generic("ILookup", vec![self.k.clone(), self.of.clone()])
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        format!(
            "System.Linq.Lookup`2[{},{}]",
            self.k.full_name(),
            self.of.full_name()
        )
    }
    fn items(&self) -> Option<Vec<Value>> {
        Some(self.groups.items().clone())
    }
    fn enumerated(&self) -> Option<Value> {
        Some(Value::List(self.groups.clone()))
    }
}

fn lookup(cx: &mut Cx<'_>, a: &Args<'_>, element: bool, comparer: usize) -> R {
    let names = ["source", "keySelector", "elementSelector"];
    a.not_null(&names[..if element { 3 } else { 2 }])?;
    let how = equality(a, comparer);
    let items = a.iter(cx, 0)?;
    let select = if element { a.get(2) } else { Value::Null };
    let groups = Groups::of(cx, items, &a.get(1), &select, how, true)?;
    let (k, of) = (a.ty(1), a.ty(if element { 2 } else { 0 }));
    let ty = Ty::generic("IGrouping", vec![k.clone(), of.clone()]);
    Ok(Value::Object(Rc::new(Lookup {
        k,
        of,
        groups: array(&ty, objects(groups.all, &ty)),
        places: groups.places,
        how,
    })))
}

/// `Join` and `GroupJoin`. The query keeps outer, inner, both key selectors, result selector, comparer,
/// and an empty array of the inner items.
fn joined(cx: &mut Cx<'_>, a: &mut Args<'_>, open: crate::expr::eval::sequence::Open) -> R {
    a.not_null(&[
        "outer",
        "inner",
        "outerKeySelector",
        "innerKeySelector",
        "resultSelector",
    ])?;
    let of = a.ty(3);
    let inner = Value::List(array(&a.ty(1), Vec::new()));
    let args = smallvec![
        a.take(0),
        a.take(1),
        a.take(2),
        a.take(3),
        a.take(4),
        a.take(5),
        inner
    ];
    lazy(cx, "IEnumerable", of, "JoinIterator", args, open)
}

/// The inner items of a join by their keys; a null key joins nothing.
fn inner(cx: &mut Cx<'_>, q: &Query) -> Result<Groups, Throw> {
    let items = q.iter(cx, 1)?;
    let how = comparers::equality(&q.arg(5));
    Groups::of(cx, items, &q.arg(3), &Value::Null, how, false)
}

fn join(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let (mut outer, key, result) = (q.iter(cx, 0)?, q.arg(2), q.arg(4));
    // The inner sequence is read after the first of the outer ones came.
    let mut next = outer.next(cx)?;
    if next.is_none() {
        return pull(|_| Ok(None));
    }
    let groups = inner(cx, q)?;
    if groups.all.is_empty() {
        return pull(|_| Ok(None));
    }
    let mut open: Option<(Value, Vec<Value>)> = None;
    pull(move |cx| {
        loop {
            if let Some((item, others)) = &mut open
                && let Some(other) = others.pop()
            {
                return cx.call(&result, &[item.clone(), other]).map(Some);
            }
            let item = match next.take() {
                Some(item) => item,
                None => match outer.next(cx)? {
                    Some(item) => item,
                    None => return Ok(None),
                },
            };
            let key = cx.call(&key, std::slice::from_ref(&item))?;
            let mut others = groups.get(&key).unwrap_or(&[]).to_vec();
            cx.step(others.len())?;
            others.reverse();
            open = Some((item, others));
        }
    })
}

fn group_join(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let (mut outer, key, result) = (q.iter(cx, 0)?, q.arg(2), q.arg(4));
    let mut next = outer.next(cx)?;
    if next.is_none() {
        return pull(|_| Ok(None));
    }
    let groups = inner(cx, q)?;
    let ty = match q.arg(6) {
        Value::List(l) => l.ty().clone(),
        _ => Ty::array(Ty::Object),
    };
    pull(move |cx| {
        let item = match next.take() {
            Some(item) => item,
            None => match outer.next(cx)? {
                Some(item) => item,
                None => return Ok(None),
            },
        };
        let key = cx.call(&key, std::slice::from_ref(&item))?;
        let others = groups.get(&key).unwrap_or(&[]).to_vec();
        let others = cx.list(ty.clone(), others)?;
        cx.call(&result, &[item, others]).map(Some)
    })
}

pub(super) const ROWS: &[Row] = &[
    m(
        "static IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| group_by(cx, a, None, None, usize::MAX),
    ),
    m(
        "static IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IEqualityComparer<K> comparer)",
        |cx, a| group_by(cx, a, None, None, 2),
    ),
    m(
        "static IEnumerable<IGrouping<K, E>> GroupBy<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector)",
        |cx, a| group_by(cx, a, Some(2), None, usize::MAX),
    ),
    m(
        "static IEnumerable<IGrouping<K, E>> GroupBy<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, IEqualityComparer<K> comparer)",
        |cx, a| group_by(cx, a, Some(2), None, 3),
    ),
    m(
        "static IEnumerable<R> GroupBy<T, K, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<K, IEnumerable<T>, R> resultSelector)",
        |cx, a| group_by(cx, a, None, Some(2), usize::MAX),
    ),
    m(
        "static IEnumerable<R> GroupBy<T, K, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<K, IEnumerable<T>, R> resultSelector, IEqualityComparer<K> comparer)",
        |cx, a| group_by(cx, a, None, Some(2), 3),
    ),
    m(
        "static IEnumerable<R> GroupBy<T, K, E, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, Func<K, IEnumerable<E>, R> resultSelector)",
        |cx, a| group_by(cx, a, Some(2), Some(3), usize::MAX),
    ),
    m(
        "static IEnumerable<R> GroupBy<T, K, E, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, Func<K, IEnumerable<E>, R> resultSelector, IEqualityComparer<K> comparer)",
        |cx, a| group_by(cx, a, Some(2), Some(3), 4),
    ),
    m(
        "static ILookup<K, T> ToLookup<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| lookup(cx, a, false, usize::MAX),
    ),
    m(
        "static ILookup<K, T> ToLookup<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IEqualityComparer<K> comparer)",
        |cx, a| lookup(cx, a, false, 2),
    ),
    m(
        "static ILookup<K, E> ToLookup<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector)",
        |cx, a| lookup(cx, a, true, usize::MAX),
    ),
    m(
        "static ILookup<K, E> ToLookup<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, IEqualityComparer<K> comparer)",
        |cx, a| lookup(cx, a, true, 3),
    ),
    m(
        "static IEnumerable<R> Join<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, U, R> resultSelector)",
        |cx, a| joined(cx, a, join),
    ),
    m(
        "static IEnumerable<R> Join<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, U, R> resultSelector, IEqualityComparer<K> comparer)",
        |cx, a| joined(cx, a, join),
    ),
    m(
        "static IEnumerable<R> GroupJoin<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, IEnumerable<U>, R> resultSelector)",
        |cx, a| joined(cx, a, group_join),
    ),
    m(
        "static IEnumerable<R> GroupJoin<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, IEnumerable<U>, R> resultSelector, IEqualityComparer<K> comparer)",
        |cx, a| joined(cx, a, group_join),
    ),
];

const GROUPING: &[Row] = &[m("K Key", |_, a| Ok(a.object::<Group>(0)?.key.clone()))];

const LOOKUP: &[Row] = &[
    m("int Count", |_, a| {
        Ok(Value::Int(a.object::<Lookup>(0)?.places.len() as i32))
    }),
    m("bool Contains(K key)", |_, a| {
        let l = a.object::<Lookup>(0)?;
        Ok(Value::Bool(
            l.places.contains_key(&Key::of(&a.values[1], l.how)),
        ))
    }),
    m("IEnumerable<T> this[K key]", |_, a| {
        let l = a.object::<Lookup>(0)?;
        let at = l.places.get(&Key::of(&a.values[1], l.how));
        Ok(match at.and_then(|i| l.groups.items().get(*i).cloned()) {
            Some(group) => group,
            None => Value::List(array(&l.of, Vec::new())),
        })
    }),
];

pub(in crate::expr::table) const TYPES: &[Type] = &[
    ty(
        "interface System.Linq.IGrouping<K, T> : IEnumerable<T>",
        GROUPING,
    ),
    ty(
        "interface System.Linq.ILookup<K, T> : IEnumerable<IGrouping<K, T>>",
        LOOKUP,
    ),
];
