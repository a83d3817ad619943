//! `System.Linq.Enumerable`: sets, sums, extremes, and sequences made from nothing.

use super::super::{Row, dictionaries, m};
use super::{mapped, none, seq};
use crate::expr::eval::{Cx, R, Throw, compare, equal, throw, to_number, types};
use crate::expr::types::{Num, Ty};
use crate::value::collections::Key;
use crate::value::{Value, number};
use std::collections::HashSet;

/// A sum in the type of the items; null items count nothing.
fn sum(items: &[Value], ty: &Ty) -> R {
    let num = ty.plain().numeric().unwrap_or(Num::Int);
    let num = if num < Num::Int { Num::Int } else { num };
    let overflow = || {
        throw(
            "OverflowException",
            "Arithmetic operation resulted in an overflow.",
        )
    };
    match num {
        Num::Double | Num::Float => to_number(
            num,
            &Value::Double(items.iter().filter_map(number::as_f64).sum()),
        ),
        Num::Decimal => {
            let mut total = rust_decimal::Decimal::ZERO;
            for v in items {
                if let Value::Decimal(d) = v {
                    total = total.checked_add(*d).ok_or_else(overflow)?;
                }
            }
            Ok(Value::Decimal(total))
        }
        Num::Long => items
            .iter()
            .filter_map(Value::as_i64)
            .try_fold(0i64, i64::checked_add)
            .map(Value::Long)
            .ok_or_else(overflow),
        _ => {
            let total = items
                .iter()
                .filter_map(Value::as_i64)
                .try_fold(0i64, i64::checked_add)
                .ok_or_else(overflow)?;
            i32::try_from(total).map(Value::Int).map_err(|_| overflow())
        }
    }
}

fn average(items: &[Value], decimal: bool) -> R {
    let known: Vec<&Value> = items.iter().filter(|v| !v.is_null()).collect();
    if known.is_empty() {
        return Err(none());
    }
    if decimal {
        let total = sum(items, &Ty::Decimal)?;
        if let Value::Decimal(d) = total {
            return Ok(Value::Decimal(d / rust_decimal::Decimal::from(known.len())));
        }
    }
    Ok(Value::Double(
        known.iter().filter_map(|v| number::as_f64(v)).sum::<f64>() / known.len() as f64,
    ))
}

/// Largest (or smallest) item; of references and nullables null when there is none.
fn extreme(items: Vec<Value>, ty: &Ty, largest: bool) -> R {
    let mut best: Option<Value> = None;
    for v in items.into_iter().filter(|v| !v.is_null()) {
        let better = match &best {
            None => true,
            Some(b) => match compare(&v, b) {
                Some(o) => {
                    if largest {
                        o.is_gt()
                    } else {
                        o.is_lt()
                    }
                }
                None if number::as_f64(&v).is_some() => false,
                None => {
                    return Err(throw(
                        "ArgumentException",
                        "At least one object must implement IComparable.",
                    ));
                }
            },
        };
        if better {
            best = Some(v);
        }
    }
    match best {
        Some(v) => Ok(v),
        None if ty.is_value() => Err(none()),
        None => Ok(Value::Null),
    }
}

fn distinct(items: Vec<Value>, fold: bool) -> Vec<Value> {
    let mut seen = HashSet::new();
    items
        .into_iter()
        .filter(|v| seen.insert(Key::of(v, fold)))
        .collect()
}

fn times(cx: &mut Cx<'_>, n: i64) -> Result<usize, Throw> {
    let n = usize::try_from(n).map_err(|_| {
        throw(
            "ArgumentOutOfRangeException",
            "Specified argument was out of the range of valid values. (Parameter 'count')",
        )
    })?;
    cx.charge(n.saturating_mul(size_of::<Value>()))?;
    Ok(n)
}

pub(super) const ROWS: &[Row] = &[
    m(
        "static IEnumerable<T> Concat<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        |cx, a| {
            let mut v = a.items(cx, 0)?;
            v.extend(a.items(cx, 1)?);
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> Append<T>(this IEnumerable<T> source, T element)",
        |cx, a| {
            let mut v = a.items(cx, 0)?;
            v.push(a.get(1));
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> Prepend<T>(this IEnumerable<T> source, T element)",
        |cx, a| {
            let mut v = vec![a.get(1)];
            v.extend(a.items(cx, 0)?);
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<R> Zip<T, U, R>(this IEnumerable<T> first, IEnumerable<U> second, Func<T, U, R> resultSelector)",
        |cx, a| {
            let f = a.get(2);
            let mut out = Vec::new();
            let second = a.items(cx, 1)?;
            for (x, y) in a.items(cx, 0)?.into_iter().zip(second) {
                out.push(cx.call(&f, &[x, y])?);
            }
            seq(cx, a, 2, out)
        },
    ),
    m(
        "static IEnumerable<T> Union<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        |cx, a| {
            let mut v = a.items(cx, 0)?;
            v.extend(a.items(cx, 1)?);
            let v = distinct(v, false);
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> Intersect<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        |cx, a| {
            let other: HashSet<Key> = a.items(cx, 1)?.iter().map(|v| Key::of(v, false)).collect();
            let v = distinct(a.items(cx, 0)?, false)
                .into_iter()
                .filter(|v| other.contains(&Key::of(v, false)))
                .collect();
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> Except<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        |cx, a| {
            let other: HashSet<Key> = a.items(cx, 1)?.iter().map(|v| Key::of(v, false)).collect();
            let v = distinct(a.items(cx, 0)?, false)
                .into_iter()
                .filter(|v| !other.contains(&Key::of(v, false)))
                .collect();
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        |cx, a| {
            let (x, y) = (a.items(cx, 0)?, a.items(cx, 1)?);
            Ok(Value::Bool(
                x.len() == y.len() && x.iter().zip(&y).all(|(x, y)| equal(x, y)),
            ))
        },
    ),
    m(
        "static IEnumerable<T> Distinct<T>(this IEnumerable<T> source)",
        |cx, a| {
            let v = distinct(a.items(cx, 0)?, false);
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> Distinct<T>(this IEnumerable<T> source, IEqualityComparer<T> comparer)",
        |cx, a| {
            let v = distinct(a.items(cx, 0)?, dictionaries::folds(a, 1));
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> Reverse<T>(this IEnumerable<T> source)",
        |cx, a| {
            let mut v = a.items(cx, 0)?;
            v.reverse();
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source)",
        |cx, a| {
            let mut v = a.items(cx, 0)?;
            if v.is_empty() {
                v.push(types::default_of(&a.ty(0)));
            }
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source, T defaultValue)",
        |cx, a| {
            let mut v = a.items(cx, 0)?;
            if v.is_empty() {
                v.push(a.get(1));
            }
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<R> Cast<R>(this ISequence source)",
        |cx, a| {
            let ty = a.ty(0);
            let mut out = Vec::new();
            for v in a.items(cx, 0)? {
                out.push(types::cast(&ty, v)?);
            }
            seq(cx, a, 0, out)
        },
    ),
    m(
        "static IEnumerable<R> OfType<R>(this ISequence source)",
        |cx, a| {
            let ty = a.ty(0);
            let v = a
                .items(cx, 0)?
                .into_iter()
                .filter(|v| types::is(&ty, v))
                .collect();
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> AsEnumerable<T>(this IEnumerable<T> source)",
        |_, a| Ok(a.get(0)),
    ),
    m("static T Sum<T>(this IEnumerable<T> source)", |cx, a| {
        sum(&a.items(cx, 0)?, &a.ty(0))
    }),
    m(
        "static R Sum<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        |cx, a| {
            let v = mapped(cx, a, 1)?;
            sum(&v, &a.ty(1))
        },
    ),
    m("static T Max<T>(this IEnumerable<T> source)", |cx, a| {
        let v = a.items(cx, 0)?;
        extreme(v, &a.ty(0), true)
    }),
    m(
        "static R Max<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        |cx, a| {
            let v = mapped(cx, a, 1)?;
            extreme(v, &a.ty(1), true)
        },
    ),
    m("static T Min<T>(this IEnumerable<T> source)", |cx, a| {
        let v = a.items(cx, 0)?;
        extreme(v, &a.ty(0), false)
    }),
    m(
        "static R Min<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        |cx, a| {
            let v = mapped(cx, a, 1)?;
            extreme(v, &a.ty(1), false)
        },
    ),
    m(
        "static decimal Average(this IEnumerable<decimal> source)",
        |cx, a| average(&a.items(cx, 0)?, true),
    ),
    m(
        "static double Average<T>(this IEnumerable<T> source)",
        |cx, a| average(&a.items(cx, 0)?, false),
    ),
    m(
        "static double Average<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        |cx, a| {
            let v = mapped(cx, a, 1)?;
            average(&v, false)
        },
    ),
    m(
        "static IEnumerable<int> Range(int start, int count)",
        |cx, a| {
            let n = times(cx, a.int(1))?;
            let start = a.int(0) as i32;
            cx.sequence(
                Ty::Int,
                (0..n)
                    .map(|i| Value::Int(start.wrapping_add(i as i32)))
                    .collect(),
            )
        },
    ),
    m(
        "static IEnumerable<T> Repeat<T>(T element, int count)",
        |cx, a| {
            let n = times(cx, a.int(1))?;
            let v = vec![a.get(0); n];
            seq(cx, a, 0, v)
        },
    ),
    m("static IEnumerable<T> Empty<T>()", |cx, a| {
        seq(cx, a, 0, Vec::new())
    }),
];
