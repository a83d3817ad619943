//! `System.Linq.Enumerable` on sequences, evaluated at once. Ordering and grouping are in `linq/ordering.rs`.

mod combine;
pub(crate) mod ordering;

use super::{Row, Type, m, ty_of};
use crate::expr::eval::{Args, Cx, R, Throw, equal, throw, types};
use crate::expr::types::Ty;
use crate::value::collections::Key;
use crate::value::{Dict, Value};

fn none() -> Throw {
    throw("InvalidOperationException", "Sequence contains no elements")
}

fn no_match() -> Throw {
    throw(
        "InvalidOperationException",
        "Sequence contains no matching element",
    )
}

fn several() -> Throw {
    throw(
        "InvalidOperationException",
        "Sequence contains more than one element",
    )
}

fn holds(cx: &mut Cx<'_>, f: &Value, item: &Value) -> Result<bool, Throw> {
    Ok(cx.call(f, std::slice::from_ref(item))?.as_bool() == Some(true))
}

fn filtered(cx: &mut Cx<'_>, a: &Args<'_>, f: usize) -> Result<Vec<Value>, Throw> {
    let f = a.get(f);
    let mut out = Vec::new();
    for item in a.items(cx, 0)? {
        if holds(cx, &f, &item)? {
            out.push(item);
        }
    }
    Ok(out)
}

fn first(cx: &mut Cx<'_>, a: &Args<'_>, filter: bool) -> Result<Option<Value>, Throw> {
    let items = a.items(cx, 0)?;
    if !filter {
        return Ok(items.into_iter().next());
    }
    let f = a.get(1);
    for item in items {
        if holds(cx, &f, &item)? {
            return Ok(Some(item));
        }
    }
    Ok(None)
}

fn last(cx: &mut Cx<'_>, a: &Args<'_>, filter: bool) -> Result<Option<Value>, Throw> {
    let items = a.items(cx, 0)?;
    if !filter {
        return Ok(items.into_iter().next_back());
    }
    let f = a.get(1);
    for item in items.into_iter().rev() {
        if holds(cx, &f, &item)? {
            return Ok(Some(item));
        }
    }
    Ok(None)
}

fn only(cx: &mut Cx<'_>, a: &Args<'_>, filter: bool) -> Result<Option<Value>, Throw> {
    let mut items = if filter {
        filtered(cx, a, 1)?
    } else {
        a.items(cx, 0)?
    };
    match items.len() {
        0 => Ok(None),
        1 => Ok(items.pop()),
        _ => Err(several()),
    }
}

fn or_default(a: &Args<'_>, v: Option<Value>) -> R {
    Ok(v.unwrap_or_else(|| types::default_of(&a.ty(0))))
}

fn mapped(cx: &mut Cx<'_>, a: &Args<'_>, f: usize) -> Result<Vec<Value>, Throw> {
    let f = a.get(f);
    let mut out = Vec::new();
    for item in a.items(cx, 0)? {
        out.push(cx.call(&f, &[item])?);
    }
    Ok(out)
}

fn seq(cx: &mut Cx<'_>, a: &Args<'_>, ty: usize, items: Vec<Value>) -> R {
    cx.sequence(a.ty(ty), items)
}

fn dictionary(cx: &mut Cx<'_>, a: &Args<'_>, value: Option<usize>, fold: bool) -> R {
    let v_ty = if value.is_some() { a.ty(2) } else { a.ty(0) };
    let d = Dict::new(Ty::generic("Dictionary", vec![a.ty(1), v_ty]), fold);
    let f = a.get(1);
    for item in a.items(cx, 0)? {
        let key = cx.call(&f, std::slice::from_ref(&item))?;
        if key.is_null() {
            return Err(throw(
                "ArgumentNullException",
                "Value cannot be null. (Parameter 'key')",
            ));
        }
        let v = match value {
            Some(i) => {
                let g = a.get(i);
                cx.call(&g, &[item])?
            }
            None => item,
        };
        cx.charge(128)?;
        if d.get(&key).is_some() {
            return Err(throw(
                "ArgumentException",
                format!(
                    "An item with the same key has already been added. Key: {}",
                    key.to_text()
                ),
            ));
        }
        d.insert(key, v);
    }
    Ok(Value::Dict(d))
}

fn count(n: usize) -> R {
    Ok(Value::Int(n as i32))
}

const ROWS: &[Row] = &[
    m(
        "static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        |cx, a| {
            let v = mapped(cx, a, 1)?;
            seq(cx, a, 1, v)
        },
    ),
    m(
        "static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, int, R> selector)",
        |cx, a| {
            let f = a.get(1);
            let mut out = Vec::new();
            for (i, item) in a.items(cx, 0)?.into_iter().enumerate() {
                out.push(cx.call(&f, &[item, Value::Int(i as i32)])?);
            }
            seq(cx, a, 1, out)
        },
    ),
    m(
        "static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| {
            let v = filtered(cx, a, 1)?;
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)",
        |cx, a| {
            let f = a.get(1);
            let mut out = Vec::new();
            for (i, item) in a.items(cx, 0)?.into_iter().enumerate() {
                if cx
                    .call(&f, &[item.clone(), Value::Int(i as i32)])?
                    .as_bool()
                    == Some(true)
                {
                    out.push(item);
                }
            }
            seq(cx, a, 0, out)
        },
    ),
    m(
        "static IEnumerable<R> SelectMany<T, R>(this IEnumerable<T> source, Func<T, IEnumerable<R>> selector)",
        |cx, a| {
            let mut out = Vec::new();
            for v in mapped(cx, a, 1)? {
                out.extend(crate::expr::eval::iterate(cx, &v)?);
            }
            seq(cx, a, 1, out)
        },
    ),
    m(
        "static IEnumerable<R> SelectMany<T, C, R>(this IEnumerable<T> source, Func<T, IEnumerable<C>> collectionSelector, Func<T, C, R> resultSelector)",
        |cx, a| {
            let (f, g) = (a.get(1), a.get(2));
            let mut out = Vec::new();
            for item in a.items(cx, 0)? {
                let inner = cx.call(&f, std::slice::from_ref(&item))?;
                for other in crate::expr::eval::iterate(cx, &inner)? {
                    out.push(cx.call(&g, &[item.clone(), other])?);
                    cx.charge(size_of::<Value>())?;
                }
            }
            cx.sequence(a.ty(2), out)
        },
    ),
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
        |cx, a| {
            let i = a.size(1, "index")?;
            a.items(cx, 0)?
                .into_iter()
                .nth(i)
                .ok_or_else(|| crate::expr::eval::out_of_range("index"))
        },
    ),
    m(
        "static T ElementAtOrDefault<T>(this IEnumerable<T> source, int index)",
        |cx, a| {
            let v = usize::try_from(a.int(1)).ok();
            let v = a.items(cx, 0)?.into_iter().nth(v.unwrap_or(usize::MAX));
            or_default(a, v)
        },
    ),
    m("static bool Any<T>(this IEnumerable<T> source)", |cx, a| {
        Ok(Value::Bool(!a.items(cx, 0)?.is_empty()))
    }),
    m(
        "static bool Any<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| Ok(Value::Bool(first(cx, a, true)?.is_some())),
    ),
    m(
        "static bool All<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| {
            let f = a.get(1);
            for item in a.items(cx, 0)? {
                if !holds(cx, &f, &item)? {
                    return Ok(Value::Bool(false));
                }
            }
            Ok(Value::Bool(true))
        },
    ),
    m(
        "static int Count<T>(this IEnumerable<T> source)",
        |cx, a| count(a.items(cx, 0)?.len()),
    ),
    m(
        "static int Count<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| count(filtered(cx, a, 1)?.len()),
    ),
    m(
        "static long LongCount<T>(this IEnumerable<T> source)",
        |cx, a| Ok(Value::Long(a.items(cx, 0)?.len() as i64)),
    ),
    m(
        "static bool Contains<T>(this IEnumerable<T> source, T value)",
        |cx, a| {
            let v = a.get(1);
            // A `JArray` answers for itself, by reference.
            let by: fn(&Value, &Value) -> bool = match a.values[0] {
                Value::Token(_) => crate::expr::eval::same,
                _ => equal,
            };
            Ok(Value::Bool(a.items(cx, 0)?.iter().any(|x| by(x, &v))))
        },
    ),
    m(
        "static bool Contains(this IEnumerable<string> source, string value, IEqualityComparer<string> comparer)",
        |cx, a| {
            let (v, fold) = (
                Key::of(&a.get(1), super::dictionaries::folds(a, 2)),
                super::dictionaries::folds(a, 2),
            );
            Ok(Value::Bool(
                a.items(cx, 0)?.iter().any(|x| Key::of(x, fold) == v),
            ))
        },
    ),
    m(
        "static IEnumerable<T> Take<T>(this IEnumerable<T> source, int count)",
        |cx, a| {
            let n = usize::try_from(a.int(1)).unwrap_or(0);
            let v = a.items(cx, 0)?.into_iter().take(n).collect();
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> Skip<T>(this IEnumerable<T> source, int count)",
        |cx, a| {
            let n = usize::try_from(a.int(1)).unwrap_or(0);
            let v = a.items(cx, 0)?.into_iter().skip(n).collect();
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> TakeLast<T>(this IEnumerable<T> source, int count)",
        |cx, a| {
            let n = usize::try_from(a.int(1)).unwrap_or(0);
            let v = a.items(cx, 0)?;
            let from = v.len().saturating_sub(n);
            let v = v.into_iter().skip(from).collect();
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> SkipLast<T>(this IEnumerable<T> source, int count)",
        |cx, a| {
            let n = usize::try_from(a.int(1)).unwrap_or(0);
            let v = a.items(cx, 0)?;
            let keep = v.len().saturating_sub(n);
            let v = v.into_iter().take(keep).collect();
            seq(cx, a, 0, v)
        },
    ),
    m(
        "static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| {
            let f = a.get(1);
            let mut out = Vec::new();
            for item in a.items(cx, 0)? {
                if !holds(cx, &f, &item)? {
                    break;
                }
                out.push(item);
            }
            seq(cx, a, 0, out)
        },
    ),
    m(
        "static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)",
        |cx, a| {
            let f = a.get(1);
            let mut out = Vec::new();
            let mut skipping = true;
            for item in a.items(cx, 0)? {
                skipping = skipping && holds(cx, &f, &item)?;
                if !skipping {
                    out.push(item);
                }
            }
            seq(cx, a, 0, out)
        },
    ),
    m(
        "static T[] ToArray<T>(this IEnumerable<T> source)",
        |cx, a| {
            let v = a.items(cx, 0)?;
            cx.list(Ty::array(a.ty(0)), v)
        },
    ),
    m(
        "static List<T> ToList<T>(this IEnumerable<T> source)",
        |cx, a| {
            let v = a.items(cx, 0)?;
            cx.list(Ty::generic("List", vec![a.ty(0)]), v)
        },
    ),
    m(
        "static HashSet<T> ToHashSet<T>(this IEnumerable<T> source)",
        |cx, a| {
            let d = Dict::new(Ty::generic("HashSet", vec![a.ty(0)]), false);
            for v in a.items(cx, 0)? {
                if d.get(&v).is_none() {
                    d.insert(v, Value::Null);
                }
            }
            Ok(Value::Dict(d))
        },
    ),
    m(
        "static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| dictionary(cx, a, None, false),
    ),
    m(
        "static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, V> elementSelector)",
        |cx, a| dictionary(cx, a, Some(2), false),
    ),
    m(
        "static Dictionary<K, V> ToDictionary<T, K, V>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, V> elementSelector, IEqualityComparer<K> comparer)",
        |cx, a| {
            let f = super::dictionaries::folds(a, 3);
            dictionary(cx, a, Some(2), f)
        },
    ),
    m(
        "static T Aggregate<T>(this IEnumerable<T> source, Func<T, T, T> func)",
        |cx, a| {
            let f = a.get(1);
            let mut items = a.items(cx, 0)?.into_iter();
            let mut acc = items.next().ok_or_else(none)?;
            for item in items {
                acc = cx.call(&f, &[acc, item])?;
            }
            Ok(acc)
        },
    ),
    m(
        "static A Aggregate<T, A>(this IEnumerable<T> source, A seed, Func<A, T, A> func)",
        |cx, a| {
            let f = a.get(2);
            let mut acc = a.get(1);
            for item in a.items(cx, 0)? {
                acc = cx.call(&f, &[acc, item])?;
            }
            Ok(acc)
        },
    ),
    m(
        "static R Aggregate<T, A, R>(this IEnumerable<T> source, A seed, Func<A, T, A> func, Func<A, R> resultSelector)",
        |cx, a| {
            let (f, g) = (a.get(2), a.get(3));
            let mut acc = a.get(1);
            for item in a.items(cx, 0)? {
                acc = cx.call(&f, &[acc, item])?;
            }
            cx.call(&g, &[acc])
        },
    ),
];

pub(super) const TYPES: &[Type] = &[ty_of(
    "static System.Linq.Enumerable",
    &[ROWS, combine::ROWS],
)];
