//! `Concat`, `Zip`, the set operators, `Reverse`, `Cast`, and sequences made from nothing.

use super::super::comparers::equality;
use super::super::{Row, m};
use super::{SOURCE, lazy, pull, query};
use crate::expr::eval::sequence::{EMPTY, Pull, known_count};
use crate::expr::eval::{Args, Cx, Iter, Query, R, Throw, equals, throw, types};
use crate::expr::types::Ty;
use crate::value::collections::{Equality, Key};
use crate::value::{List, Value};
use smallvec::smallvec;
use std::collections::HashSet;

const BOTH: &[&str] = &["first", "second"];

/// Keys that were seen, counted.
struct Seen {
    keys: HashSet<Key>,
    how: Equality,
}

impl Seen {
    fn new(comparer: &Value) -> Seen {
        Seen {
            keys: HashSet::new(),
            how: equality(comparer),
        }
    }

    /// Whether the value is new.
    fn add(&mut self, cx: &mut Cx<'_>, v: &Value) -> Result<bool, Throw> {
        let new = self.keys.insert(Key::of(v, self.how));
        if new {
            cx.charge(size_of::<Key>() + 16)?;
        }
        Ok(new)
    }

    /// All of a sequence.
    fn fill(&mut self, cx: &mut Cx<'_>, mut items: Iter) -> Result<(), Throw> {
        while let Some(item) = items.next(cx)? {
            self.add(cx, &item)?;
        }
        Ok(())
    }
}

/// One sequence after the other.
fn chained(mut items: Vec<Iter>) -> impl FnMut(&mut Cx<'_>) -> Result<Option<Value>, Throw> {
    items.reverse();
    move |cx| {
        while let Some(now) = items.last_mut() {
            if let Some(item) = now.next(cx)? {
                return Ok(Some(item));
            }
            items.pop();
        }
        Ok(None)
    }
}

/// A set operator: the sources, and the comparer after them.
fn set_query(
    cx: &mut Cx<'_>,
    a: &mut Args<'_>,
    names: &[&str],
    name: &'static str,
    open: crate::expr::eval::sequence::Open,
) -> R {
    a.not_null(names)?;
    let args = (0..=names.len()).map(|i| a.take(i)).collect();
    let of = a.ty(0);
    lazy(cx, "IEnumerable", of, name, args, open)
}

fn distinct(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let (mut items, mut seen) = (q.iter(cx, 0)?, Seen::new(&q.arg(1)));
    pull(move |cx| {
        while let Some(item) = items.next(cx)? {
            if seen.add(cx, &item)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn union(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let (first, second) = (q.iter(cx, 0)?, q.iter(cx, 1)?);
    let mut seen = Seen::new(&q.arg(2));
    let mut items = chained(vec![first, second]);
    pull(move |cx| {
        while let Some(item) = items(cx)? {
            if seen.add(cx, &item)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn except(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let mut seen = Seen::new(&q.arg(2));
    let second = q.iter(cx, 1)?;
    seen.fill(cx, second)?;
    let mut items = q.iter(cx, 0)?;
    pull(move |cx| {
        while let Some(item) = items.next(cx)? {
            if seen.add(cx, &item)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn intersect(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let mut wanted = Seen::new(&q.arg(2));
    let second = q.iter(cx, 1)?;
    wanted.fill(cx, second)?;
    let mut items = q.iter(cx, 0)?;
    pull(move |cx| {
        while let Some(item) = items.next(cx)? {
            if wanted.keys.remove(&Key::of(&item, wanted.how)) {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn reverse(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let mut items = q.iter(cx, 0)?.rest(cx)?;
    pull(move |_| Ok(items.pop()))
}

/// `DistinctBy`, and with a third argument what `ExceptBy` would leave out.
fn distinct_by(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let (mut items, f, mut seen) = (q.iter(cx, 0)?, q.arg(1), Seen::new(&q.arg(2)));
    pull(move |cx| {
        while let Some(item) = items.next(cx)? {
            let key = cx.call(&f, std::slice::from_ref(&item))?;
            if seen.add(cx, &key)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn default_if_empty(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let (mut items, mut default) = (q.iter(cx, 0)?, Some(q.arg(1)));
    pull(move |cx| {
        let item = items.next(cx)?;
        let instead = default.take();
        Ok(item.or(instead))
    })
}

fn equal_sequences(cx: &mut Cx<'_>, a: &Args<'_>, how: Option<Equality>) -> R {
    a.not_null(BOTH)?;
    if let (Some(x), Some(y)) = (known_count(&a.values[0]), known_count(&a.values[1]))
        && x != y
    {
        return Ok(Value::Bool(false));
    }
    let (mut x, mut y) = (a.iter(cx, 0)?, a.iter(cx, 1)?);
    loop {
        let same = match (x.next(cx)?, y.next(cx)?) {
            (Some(x), Some(y)) => match how {
                Some(how) => Key::of(&x, how) == Key::of(&y, how),
                None => equals(&x, &y),
            },
            (None, None) => return Ok(Value::Bool(true)),
            _ => false,
        };
        if !same {
            return Ok(Value::Bool(false));
        }
    }
}

fn out_of_range(name: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!("Specified argument was out of the range of valid values. (Parameter '{name}')"),
    )
}

fn range(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let (start, count) = (a.int(0), a.int(1));
    if count < 0 || start + count - 1 > i64::from(i32::MAX) {
        return Err(out_of_range("count"));
    }
    let name = if count == 0 { EMPTY } else { "RangeIterator" };
    query(cx, a, &[], Ty::Int, name, |_, q| {
        let (mut at, end) = (q.int(0), q.int(0) + q.int(1));
        pull(move |_| {
            if at >= end {
                return Ok(None);
            }
            at += 1;
            Ok(Some(Value::Int((at - 1) as i32)))
        })
    })
}

fn repeat(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    if a.int(1) < 0 {
        return Err(out_of_range("count"));
    }
    let of = a.ty(0);
    let name = if a.int(1) == 0 {
        EMPTY
    } else {
        "RepeatIterator"
    };
    query(cx, a, &[], of, name, |_, q| {
        let (element, mut left) = (q.arg(0), q.int(1));
        pull(move |_| {
            left -= 1;
            Ok((left >= 0).then(|| element.clone()))
        })
    })
}

fn chunk(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    a.not_null(SOURCE)?;
    if a.int(1) < 1 {
        return Err(out_of_range("size"));
    }
    let of = Ty::array(a.ty(0));
    query(cx, a, SOURCE, of, "ChunkIterator", |cx, q| {
        let (mut items, size, of) = (q.iter(cx, 0)?, q.int(1), q.of.clone());
        pull(move |cx| {
            let mut out = Vec::new();
            while (out.len() as i64) < size
                && let Some(item) = items.next(cx)?
            {
                out.push(item);
            }
            if out.is_empty() {
                return Ok(None);
            }
            cx.list(of.clone(), out).map(Some)
        })
    })
}

pub(super) const ROWS: &[Row] = &[
    m(
        "static IEnumerable<T> Concat<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, BOTH, of, "Concat2Iterator", |cx, q| {
                let items = vec![q.iter(cx, 0)?, q.iter(cx, 1)?];
                pull(chained(items))
            })
        },
    ),
    m(
        "static IEnumerable<T> Append<T>(this IEnumerable<T> source, T element)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, SOURCE, of, "AppendPrepend1Iterator", |cx, q| {
                let element = Iter::Items(vec![q.arg(1)].into_iter());
                let items = vec![q.iter(cx, 0)?, element];
                pull(chained(items))
            })
        },
    ),
    m(
        "static IEnumerable<T> Prepend<T>(this IEnumerable<T> source, T element)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, SOURCE, of, "AppendPrepend1Iterator", |cx, q| {
                let element = Iter::Items(vec![q.arg(1)].into_iter());
                let items = vec![element, q.iter(cx, 0)?];
                pull(chained(items))
            })
        },
    ),
    m(
        "static IEnumerable<R> Zip<T, U, R>(this IEnumerable<T> first, IEnumerable<U> second, Func<T, U, R> resultSelector)",
        |cx, a| {
            let of = a.ty(2);
            let names = &["first", "second", "resultSelector"];
            query(cx, a, names, of, "ZipIterator", |cx, q| {
                let (mut x, mut y, f) = (q.iter(cx, 0)?, q.iter(cx, 1)?, q.arg(2));
                pull(move |cx| {
                    let Some(x) = x.next(cx)? else {
                        return Ok(None);
                    };
                    match y.next(cx)? {
                        Some(y) => cx.call(&f, &[x, y]).map(Some),
                        None => Ok(None),
                    }
                })
            })
        },
    ),
    m(
        "static IEnumerable<T> Union<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        |cx, a| set_query(cx, a, BOTH, "UnionIterator2", union),
    ),
    m(
        "static IEnumerable<T> Union<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)",
        |cx, a| set_query(cx, a, BOTH, "UnionIterator2", union),
    ),
    m(
        "static IEnumerable<T> Intersect<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        |cx, a| set_query(cx, a, BOTH, "IntersectIterator", intersect),
    ),
    m(
        "static IEnumerable<T> Intersect<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)",
        |cx, a| set_query(cx, a, BOTH, "IntersectIterator", intersect),
    ),
    m(
        "static IEnumerable<T> Except<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        |cx, a| set_query(cx, a, BOTH, "ExceptIterator", except),
    ),
    m(
        "static IEnumerable<T> Except<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)",
        |cx, a| set_query(cx, a, BOTH, "ExceptIterator", except),
    ),
    m(
        "static IEnumerable<T> Distinct<T>(this IEnumerable<T> source)",
        |cx, a| set_query(cx, a, SOURCE, "DistinctIterator", distinct),
    ),
    m(
        "static IEnumerable<T> Distinct<T>(this IEnumerable<T> source, IEqualityComparer<T> comparer)",
        |cx, a| set_query(cx, a, SOURCE, "DistinctIterator", distinct),
    ),
    m(
        "static IEnumerable<T> DistinctBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| {
            set_query(
                cx,
                a,
                &["source", "keySelector"],
                "DistinctByIterator",
                distinct_by,
            )
        },
    ),
    m(
        "static IEnumerable<T> DistinctBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IEqualityComparer<K> comparer)",
        |cx, a| {
            set_query(
                cx,
                a,
                &["source", "keySelector"],
                "DistinctByIterator",
                distinct_by,
            )
        },
    ),
    m(
        "static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second)",
        |cx, a| equal_sequences(cx, a, None),
    ),
    m(
        "static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)",
        |cx, a| {
            let how = equality(&a.values[2]);
            equal_sequences(cx, a, Some(how))
        },
    ),
    m(
        "static IEnumerable<T> Reverse<T>(this IEnumerable<T> source)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, SOURCE, of, "ReverseIterator", reverse)
        },
    ),
    m(
        "static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source)",
        |cx, a| {
            a.not_null(SOURCE)?;
            let of = a.ty(0);
            let args = smallvec![a.take(0), types::default_of(&of)];
            lazy(
                cx,
                "IEnumerable",
                of,
                "DefaultIfEmptyIterator",
                args,
                default_if_empty,
            )
        },
    ),
    m(
        "static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source, T defaultValue)",
        |cx, a| {
            let of = a.ty(0);
            query(
                cx,
                a,
                SOURCE,
                of,
                "DefaultIfEmptyIterator",
                default_if_empty,
            )
        },
    ),
    m(
        "static IEnumerable<R> Cast<R>(this ISequence source)",
        |cx, a| {
            a.not_null(SOURCE)?;
            let of = a.ty(0);
            // What is such a sequence already stays what it is.
            if types::is(&Ty::generic("IEnumerable", vec![of.clone()]), &a.values[0]) {
                return Ok(a.take(0));
            }
            query(cx, a, SOURCE, of, "CastIterator", |cx, q| {
                let (mut items, ty) = (q.iter(cx, 0)?, q.of.clone());
                pull(move |cx| match items.next(cx)? {
                    Some(v) => types::cast(&ty, v).map(Some),
                    None => Ok(None),
                })
            })
        },
    ),
    m(
        "static IEnumerable<R> OfType<R>(this ISequence source)",
        |cx, a| {
            let of = a.ty(0);
            query(cx, a, SOURCE, of, "OfTypeIterator", |cx, q| {
                let (mut items, ty) = (q.iter(cx, 0)?, q.of.clone());
                pull(move |cx| {
                    while let Some(v) = items.next(cx)? {
                        if types::is(&ty, &v) {
                            return Ok(Some(v));
                        }
                    }
                    Ok(None)
                })
            })
        },
    ),
    m(
        "static IEnumerable<T> AsEnumerable<T>(this IEnumerable<T> source)",
        |_, a| Ok(a.take(0)),
    ),
    m("static IEnumerable<int> Range(int start, int count)", range),
    m(
        "static IEnumerable<T> Repeat<T>(T element, int count)",
        repeat,
    ),
    m("static IEnumerable<T> Empty<T>()", |_, a| {
        Ok(Value::List(List::empty(&a.ty(0))))
    }),
    m(
        "static IEnumerable<T[]> Chunk<T>(this IEnumerable<T> source, int size)",
        chunk,
    ),
];
