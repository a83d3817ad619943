//! `Where`, `Select`, `SelectMany`, `Take`, `Skip` and their kin.

use super::super::{Row, m};
use super::{PREDICATE, SOURCE, holds, pull, query};
use crate::expr::eval::sequence::{EMPTY, Pull};
use crate::expr::eval::{Args, Cx, Iter, Query, R, Throw};
use crate::expr::types::Ty;
use crate::value::{List, Value};
use std::rc::Rc;

/// Part of a list seen through selectors: .NET reaches its items by index, without calling a selector for others.
pub(super) struct Part {
    list: Rc<List>,
    /// The one that is called first comes first.
    selectors: Vec<Value>,
    from: usize,
    to: usize,
}

/// Selectors and parts that are looked through.
const DEEP: usize = 16;

impl Part {
    /// The part that a query stands for, and whether it has a selector: `Select` on a list, `Skip` and `Take` of that.
    pub(super) fn behind(v: &Value) -> Option<(Part, bool)> {
        Part::at(v, 0).filter(|(_, selects)| *selects)
    }

    fn at(v: &Value, depth: usize) -> Option<(Part, bool)> {
        if depth > DEEP {
            return None;
        }
        if let Value::List(list) = v {
            let part = Part {
                list: list.clone(),
                selectors: Vec::new(),
                from: 0,
                to: usize::MAX,
            };
            return Some((part, false));
        }
        let q = Query::behind(v)?;
        match q.name {
            "SelectListIterator" => {
                let (mut part, _) = Part::at(q.args.first()?, depth + 1)?;
                part.selectors.push(q.arg(1));
                Some((part, true))
            }
            "SkipListPartition" | "TakeListPartition" => {
                let (mut part, selects) = Part::at(q.args.first()?, depth + 1)?;
                let n = usize::try_from(q.int(1)).unwrap_or(0);
                if q.name == "SkipListPartition" {
                    part.from = part.from.saturating_add(n);
                } else {
                    part.to = part.to.min(part.from.saturating_add(n));
                }
                Some((part, selects))
            }
            _ => None,
        }
    }

    pub(super) fn nth(&mut self, cx: &mut Cx<'_>, i: usize) -> Result<Option<Value>, Throw> {
        let at = self.from.saturating_add(i);
        if at >= self.to {
            return Ok(None);
        }
        let Some(mut item) = self.list.items().get(at).cloned() else {
            return Ok(None);
        };
        for f in &self.selectors {
            item = cx.call(f, &[item])?;
        }
        Ok(Some(item))
    }

    pub(super) fn len(&self) -> usize {
        self.list
            .items()
            .len()
            .min(self.to)
            .saturating_sub(self.from)
    }

    pub(super) fn last(&mut self, cx: &mut Cx<'_>) -> Result<Option<Value>, Throw> {
        match self.len().checked_sub(1) {
            Some(i) => self.nth(cx, i),
            None => Ok(None),
        }
    }
}

/// Whether the source is an empty array.
fn no_array(a: &Args<'_>) -> bool {
    matches!(
        a.values.first(),
        Some(Value::List(l)) if matches!(l.ty(), Ty::Array(_)) && l.items().is_empty()
    )
}

/// Whether the source is a query that is known to give nothing.
fn over_nothing(a: &Args<'_>) -> bool {
    a.values
        .first()
        .and_then(Query::behind)
        .is_some_and(|q| q.name == EMPTY)
}

fn select(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let of = a.ty(1);
    let name = if no_array(a) || over_nothing(a) {
        EMPTY
    } else if a.values.first().is_some_and(indexed) {
        "SelectListIterator"
    } else {
        "SelectEnumerableIterator"
    };
    query(cx, a, &["source", "selector"], of, name, |cx, q| {
        let (mut items, f) = (q.iter(cx, 0)?, q.arg(1));
        pull(move |cx| match items.next(cx)? {
            Some(item) => cx.call(&f, &[item]).map(Some),
            None => Ok(None),
        })
    })
}

/// `SelectMany`: the sequences that `inner` makes of each item, one after the other, through a result selector if there
/// is one.
fn flattened(
    mut items: Iter,
    mut inner: impl FnMut(&mut Cx<'_>, &Value) -> R + 'static,
    result: Value,
) -> Result<Pull, Throw> {
    let mut open: Option<(Value, Iter)> = None;
    pull(move |cx| {
        loop {
            if let Some((outer, list)) = &mut open
                && let Some(item) = list.next(cx)?
            {
                return if result.is_null() {
                    Ok(Some(item))
                } else {
                    cx.call(&result, &[outer.clone(), item]).map(Some)
                };
            }
            let Some(outer) = items.next(cx)? else {
                return Ok(None);
            };
            let list = inner(cx, &outer)?;
            open = Some((outer, Iter::of(cx, &list)?));
        }
    })
}

fn many(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let (items, f) = (q.iter(cx, 0)?, q.arg(1));
    flattened(
        items,
        move |cx, item| cx.call(&f, std::slice::from_ref(item)),
        q.arg(2),
    )
}

fn many_at(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let (items, f) = (q.iter(cx, 0)?, q.arg(1));
    let mut i = -1;
    flattened(
        items,
        move |cx, item| {
            i += 1;
            cx.call(&f, &[item.clone(), Value::Int(i)])
        },
        q.arg(2),
    )
}

/// `TakeWhile` and `SkipWhile`: whether the predicate holds for an item at its place.
fn test(cx: &mut Cx<'_>, f: &Value, item: &Value, place: Option<&mut i32>) -> Result<bool, Throw> {
    match place {
        None => holds(cx, f, item),
        Some(i) => {
            let at = *i;
            *i += 1;
            let answer = cx.call(f, &[item.clone(), Value::Int(at)])?;
            Ok(answer.as_bool() == Some(true))
        }
    }
}

fn filtered(cx: &mut Cx<'_>, q: &Query, indexed: bool) -> Result<Pull, Throw> {
    let (mut items, f) = (q.iter(cx, 0)?, q.arg(1));
    let mut place = 0;
    pull(move |cx| {
        while let Some(item) = items.next(cx)? {
            if test(cx, &f, &item, indexed.then_some(&mut place))? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn take_while(cx: &mut Cx<'_>, q: &Query, indexed: bool) -> Result<Pull, Throw> {
    let (mut items, f) = (q.iter(cx, 0)?, q.arg(1));
    let mut place = 0;
    pull(move |cx| match items.next(cx)? {
        Some(item) if test(cx, &f, &item, indexed.then_some(&mut place))? => Ok(Some(item)),
        _ => Ok(None),
    })
}

fn skip_while(cx: &mut Cx<'_>, q: &Query, indexed: bool) -> Result<Pull, Throw> {
    let (mut items, f) = (q.iter(cx, 0)?, q.arg(1));
    let mut place = 0;
    let mut skipping = true;
    pull(move |cx| {
        while let Some(item) = items.next(cx)? {
            if !skipping || !test(cx, &f, &item, indexed.then_some(&mut place))? {
                skipping = false;
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

/// How many `Take` and `Skip` are told; less than nothing is nothing.
fn amount(q: &Query) -> usize {
    usize::try_from(q.int(1)).unwrap_or(0)
}

/// Whether items of the source are reached by index.
fn indexed(v: &Value) -> bool {
    Part::at(v, 0).is_some()
}

fn take(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    a.not_null(SOURCE)?;
    let of = a.ty(0);
    let name = if a.int(1) <= 0 || over_nothing(a) {
        EMPTY
    } else if indexed(&a.values[0]) {
        "TakeListPartition"
    } else {
        "EnumerablePartition"
    };
    query(cx, a, SOURCE, of, name, |cx, q| {
        let mut left = amount(q);
        if left == 0 {
            return pull(|_| Ok(None));
        }
        let mut items = q.iter(cx, 0)?;
        pull(move |cx| {
            if left == 0 {
                return Ok(None);
            }
            left -= 1;
            items.next(cx)
        })
    })
}

fn skip(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    a.not_null(SOURCE)?;
    let of = a.ty(0);
    let name = if over_nothing(a) {
        EMPTY
    } else if indexed(&a.values[0]) {
        "SkipListPartition"
    } else {
        "EnumerablePartition"
    };
    query(cx, a, SOURCE, of, name, |cx, q| {
        let mut left = amount(q);
        if let Some((mut part, true)) = Part::at(&q.arg(0), 0) {
            let mut at = left;
            return pull(move |cx| {
                at += 1;
                part.nth(cx, at - 1)
            });
        }
        if let Some(q) = super::ordering::behind(&q.arg(0)) {
            return super::ordering::sorted_behind(cx, q, left);
        }
        if let Some(seen) =
            Query::behind(&q.arg(0)).filter(|q| q.name == "SelectEnumerableIterator")
            && let Some(inner) = super::ordering::behind(&seen.arg(0))
        {
            let (mut next, f) = (
                super::ordering::sorted_behind(cx, inner, left)?,
                seen.arg(1),
            );
            return pull(move |cx| match next(cx)? {
                Some(item) => cx.call(&f, &[item]).map(Some),
                None => Ok(None),
            });
        }
        let mut items = q.iter(cx, 0)?;
        pull(move |cx| {
            while left > 0 {
                left -= 1;
                if items.next(cx)?.is_none() {
                    return Ok(None);
                }
            }
            items.next(cx)
        })
    })
}

fn take_last(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let n = amount(q);
    let mut source = Some(q.iter(cx, 0)?);
    let mut kept = std::collections::VecDeque::new();
    pull(move |cx| {
        if let Some(mut items) = source.take()
            && n > 0
        {
            while let Some(item) = items.next(cx)? {
                if kept.len() == n {
                    kept.pop_front();
                } else {
                    cx.charge(size_of::<Value>())?;
                }
                kept.push_back(item);
            }
        }
        Ok(kept.pop_front())
    })
}

fn skip_last(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let n = amount(q);
    let mut items = q.iter(cx, 0)?;
    let mut held = std::collections::VecDeque::new();
    pull(move |cx| {
        while let Some(item) = items.next(cx)? {
            held.push_back(item);
            if held.len() > n {
                return Ok(held.pop_front());
            }
            cx.charge(size_of::<Value>())?;
        }
        Ok(None)
    })
}

pub(super) const ROWS: &[Row] = &[
    m(
        "static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        select,
    ),
    m(
        "static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, int, R> selector)",
        |cx, a| {
            let of = a.ty(1);
            query(
                cx,
                a,
                &["source", "selector"],
                of,
                "SelectIterator",
                |cx, q| {
                    let (mut items, f) = (q.iter(cx, 0)?, q.arg(1));
                    let mut i = -1;
                    pull(move |cx| match items.next(cx)? {
                        Some(item) => {
                            i += 1;
                            cx.call(&f, &[item, Value::Int(i)]).map(Some)
                        }
                        None => Ok(None),
                    })
                },
            )
        },
    ),
    m(
        "static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| {
            let of = a.ty(0);
            let name = match a.values.first() {
                _ if no_array(a) => EMPTY,
                Some(Value::List(l)) if matches!(l.ty(), Ty::Array(_)) => "WhereArrayIterator",
                Some(Value::List(_)) => "WhereListIterator",
                _ => "WhereEnumerableIterator",
            };
            query(cx, a, PREDICATE, of, name, |cx, q| filtered(cx, q, false))
        },
    ),
    m(
        "static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, PREDICATE, of, "WhereIterator", |cx, q| {
                filtered(cx, q, true)
            })
        },
    ),
    m(
        "static IEnumerable<R> SelectMany<T, R>(this IEnumerable<T> source, Func<T, IEnumerable<R>> selector)",
        |cx, a| {
            let of = a.ty(1);
            query(
                cx,
                a,
                &["source", "selector"],
                of,
                "SelectManySingleSelectorIterator",
                many,
            )
        },
    ),
    m(
        "static IEnumerable<R> SelectMany<T, R>(this IEnumerable<T> source, Func<T, int, IEnumerable<R>> selector)",
        |cx, a| {
            let of = a.ty(1);
            query(
                cx,
                a,
                &["source", "selector"],
                of,
                "SelectManyIterator",
                many_at,
            )
        },
    ),
    m(
        "static IEnumerable<R> SelectMany<T, C, R>(this IEnumerable<T> source, Func<T, IEnumerable<C>> collectionSelector, Func<T, C, R> resultSelector)",
        |cx, a| {
            let of = a.ty(2);
            let names = &["source", "collectionSelector", "resultSelector"];
            query(cx, a, names, of, "SelectManyIterator", many)
        },
    ),
    m(
        "static IEnumerable<R> SelectMany<T, C, R>(this IEnumerable<T> source, Func<T, int, IEnumerable<C>> collectionSelector, Func<T, C, R> resultSelector)",
        |cx, a| {
            let of = a.ty(2);
            let names = &["source", "collectionSelector", "resultSelector"];
            query(cx, a, names, of, "SelectManyIterator", many_at)
        },
    ),
    m(
        "static IEnumerable<T> Take<T>(this IEnumerable<T> source, int count)",
        take,
    ),
    m(
        "static IEnumerable<T> Skip<T>(this IEnumerable<T> source, int count)",
        skip,
    ),
    m(
        "static IEnumerable<T> TakeLast<T>(this IEnumerable<T> source, int count)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, SOURCE, of, "TakeLastIterator", take_last)
        },
    ),
    m(
        "static IEnumerable<T> SkipLast<T>(this IEnumerable<T> source, int count)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, SOURCE, of, "SkipLastIterator", skip_last)
        },
    ),
    m(
        "static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, PREDICATE, of, "TakeWhileIterator", |cx, q| {
                take_while(cx, q, false)
            })
        },
    ),
    m(
        "static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, PREDICATE, of, "TakeWhileIterator", |cx, q| {
                take_while(cx, q, true)
            })
        },
    ),
    m(
        "static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, PREDICATE, of, "SkipWhileIterator", |cx, q| {
                skip_while(cx, q, false)
            })
        },
    ),
    m(
        "static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, PREDICATE, of, "SkipWhileIterator", |cx, q| {
                skip_while(cx, q, true)
            })
        },
    ),
];
