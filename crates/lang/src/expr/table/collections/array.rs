//! `System.Array`.

use super::super::linq::sort::Order;
use super::super::{Row, m};
use super::rectangular::{dimension, dimensions, indexed, outside, single};
use super::span::{
    self, Items, NEGATIVE, Where, binary_search, find_index, index_of, list, matching,
    out_of_range, range, sort_range,
};
use super::store::{self, element};
use crate::expr::eval::{Args, Cx, R, Throw, throw, types};
use crate::expr::types::Ty;
use crate::value::{List, Value};

fn too_short(source: bool) -> Throw {
    throw(
        "ArgumentException",
        if source {
            "Source array was not long enough. Check the source index, length, and the array's lower bounds. (Parameter 'sourceArray')"
        } else {
            "Destination array was not long enough. Check the destination index, length, and the array's lower bounds. (Parameter 'destinationArray')"
        },
    )
}

/// `Array.Copy`: the arguments that tell from where, to where, and how many.
fn copy(cx: &mut Cx<'_>, a: &Args<'_>, to: usize, at: i64, to_at: i64, n: i64) -> R {
    let from = Items::of(cx, a, 0, "sourceArray")?;
    let target = list(a, to, "destinationArray")?;
    let n = usize::try_from(n).map_err(|_| out_of_range("length", NEGATIVE))?;
    let at = usize::try_from(at).map_err(|_| out_of_range("sourceIndex", NEGATIVE))?;
    let to_at = usize::try_from(to_at).map_err(|_| out_of_range("destinationIndex", NEGATIVE))?;
    if at.checked_add(n).is_none_or(|end| end > from.len()) {
        return Err(too_short(true));
    }
    if to_at
        .checked_add(n)
        .is_none_or(|end| end > target.items().len())
    {
        return Err(too_short(false));
    }
    cx.step(n / 8)?;
    cx.charge(n.saturating_mul(size_of::<Value>()))?;
    // Read whole before anything is written: the two may be one array.
    let moved: Vec<Value> = (at..at + n).filter_map(|i| from.get(i)).collect();
    let of = a.values.first().map_or(Ty::Object, |v| element(&v.ty()));
    store::copy(&of, moved, &target, to_at)
}

/// `Array.Copy`, which wants arrays of as many dimensions.
fn copy_array(cx: &mut Cx<'_>, a: &Args<'_>, to: usize, at: i64, to_at: i64, n: i64) -> R {
    let rank = |i: usize| match a.values.get(i) {
        Some(v) if !v.is_null() => Some(dimensions(v).len()),
        _ => None,
    };
    if let (Some(from), Some(to)) = (rank(0), rank(to))
        && from != to
    {
        return Err(throw(
            "RankException",
            "The specified arrays must have the same number of dimensions.",
        ));
    }
    copy(cx, a, to, at, to_at, n)
}

fn fill(l: &List, within: std::ops::Range<usize>, v: &Value) -> R {
    let old: Vec<Value> = {
        let mut items = l.items_mut();
        let part = items.get_mut(within).unwrap_or_default();
        part.iter_mut()
            .map(|place| std::mem::replace(place, v.clone()))
            .collect()
    };
    drop(old);
    Ok(Value::Null)
}

/// Place and length that must lie within an array: `IndexOutOfRangeException` or what .NET says instead.
fn part(a: &Args<'_>, i: usize, len: usize) -> Result<std::ops::Range<usize>, Throw> {
    range(a, i, ("index", "length"), len)
}

fn sort_all(cx: &mut Cx<'_>, a: &Args<'_>, order: &Order) -> R {
    single(a, 0)?;
    let l = list(a, 0, "array")?;
    let n = l.items().len();
    sort_range(cx, &l, None, 0..n, order)
}

fn sort_part(cx: &mut Cx<'_>, a: &Args<'_>, order: &Order) -> R {
    let l = list(a, 0, "array")?;
    let n = l.items().len();
    let within = part(a, 1, n)?;
    sort_range(cx, &l, None, within, order)
}

/// Keys with the items that move with them.
fn sort_keyed(cx: &mut Cx<'_>, a: &Args<'_>, ranged: bool, order: &Order) -> R {
    let keys = list(a, 0, "keys")?;
    let n = keys.items().len();
    let within = if ranged { part(a, 2, n)? } else { 0..n };
    if a.is_null(1) {
        return sort_range(cx, &keys, None, within, order);
    }
    let items = list(a, 1, "items")?;
    if items.items().len() < within.end {
        return Err(throw(
            "ArgumentException",
            "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.",
        ));
    }
    sort_range(cx, &keys, Some(&items), within, order)
}

fn searched(cx: &mut Cx<'_>, a: &Args<'_>, value: usize, order: &Order) -> R {
    let items = Items::of(cx, a, 0, "array")?;
    single(a, 0)?;
    let within = if value == 1 {
        0..items.len()
    } else {
        part(a, 1, items.len())?
    };
    binary_search(cx, &items, within, &a.get(value), order)
}

/// `FindIndex` of an array: the predicate is the last argument.
fn found(cx: &mut Cx<'_>, a: &Args<'_>, backward: bool) -> R {
    let f = a.len() - 1;
    let wherein = match f {
        1 => Where::ALL,
        2 => Where::from(1),
        _ => Where::within(1, 2),
    };
    find_index(cx, a, f, &wherein, backward)
}

/// `IndexOf` of an array: value, start, count.
fn place_of(cx: &mut Cx<'_>, a: &Args<'_>, backward: bool) -> R {
    single(a, 0)?;
    let wherein = match a.len() {
        2 => Where::ALL,
        3 => Where::from(2),
        _ => Where::within(2, 3),
    };
    index_of(cx, a, &wherein, backward)
}

fn resize(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let n = usize::try_from(a.int(1)).map_err(|_| out_of_range("newSize", NEGATIVE))?;
    cx.charge(n.saturating_mul(size_of::<Value>()))?;
    let mut items = if a.is_null(0) {
        Vec::new()
    } else {
        a.items(cx, 0)?
    };
    if items.len() != n || a.is_null(0) {
        items.resize(n, types::default_of(&a.ty(0)));
        a.values[0] = cx.list(Ty::array(a.ty(0)), items)?;
    }
    Ok(Value::Null)
}

/// An index beyond 32 bits is refused before it is counted how many there are; those of an array after it.
fn narrow(a: &Args<'_>, from: usize) -> Result<(), Throw> {
    let indices = a.values.get(from..).unwrap_or_default();
    let wide = |v: &Value| v.as_i64().is_some_and(|n| i32::try_from(n).is_err());
    if indices.iter().any(wide) {
        return Err(span::too_wide());
    }
    Ok(())
}

fn get_value(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    narrow(a, 1)?;
    let at = indexed(cx, a, 1)?;
    let items = Items::of(cx, a, 0, "array")?;
    Ok(items.get(at).unwrap_or_default())
}

fn set_value(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let l = list(a, 0, "array")?;
    narrow(a, 2)?;
    let i = indexed(cx, a, 2)?;
    store::set(&l, i64::try_from(i).unwrap_or(i64::MAX), a.get(1))
}

pub(super) const INSTANCE: &[Row] = &[
    m("int Length", |_, a| {
        Ok(Value::Int(match &a.values[0] {
            Value::Bytes(b) => b.len() as i32,
            Value::List(l) => l.items().len() as i32,
            _ => 0,
        }))
    }),
    m("long LongLength", |cx, a| {
        Ok(Value::Long(Items::of(cx, a, 0, "array")?.len() as i64))
    }),
    m("int Rank", |_, a| {
        Ok(Value::Int(dimensions(&a.values[0]).len() as i32))
    }),
    m("bool IsFixedSize", |_, _| Ok(Value::Bool(true))),
    m("bool IsReadOnly", |_, _| Ok(Value::Bool(false))),
    m("bool IsSynchronized", |_, _| Ok(Value::Bool(false))),
    m("object SyncRoot", |_, a| Ok(a.get(0))),
    m("int GetLength(int dimension)", |_, a| {
        Ok(Value::Int(dimension(a)? as i32))
    }),
    m("long GetLongLength(int dimension)", |_, a| {
        Ok(Value::Long(dimension(a)? as i64))
    }),
    m("int GetLowerBound(int dimension)", |_, a| {
        dimension(a)?;
        Ok(Value::Int(0))
    }),
    m("int GetUpperBound(int dimension)", |_, a| {
        Ok(Value::Int(dimension(a)? as i32 - 1))
    }),
    m("object GetValue(int index)", get_value),
    m("object GetValue(int index1, int index2)", get_value),
    m(
        "object GetValue(int index1, int index2, int index3)",
        get_value,
    ),
    m("object GetValue(params int[] indices)", get_value),
    m("object GetValue(long index)", get_value),
    m("object GetValue(long index1, long index2)", get_value),
    m(
        "object GetValue(long index1, long index2, long index3)",
        get_value,
    ),
    m("object GetValue(params long[] indices)", get_value),
    m("void SetValue(object value, int index)", set_value),
    m(
        "void SetValue(object value, int index1, int index2)",
        set_value,
    ),
    m(
        "void SetValue(object value, int index1, int index2, int index3)",
        set_value,
    ),
    m(
        "void SetValue(object value, params int[] indices)",
        set_value,
    ),
    m("void SetValue(object value, long index)", set_value),
    m(
        "void SetValue(object value, long index1, long index2)",
        set_value,
    ),
    m(
        "void SetValue(object value, long index1, long index2, long index3)",
        set_value,
    ),
    m(
        "void SetValue(object value, params long[] indices)",
        set_value,
    ),
    m("object Clone()", |cx, a| match a.get(0) {
        Value::List(l) => {
            let items = l.items().clone();
            match l.lengths() {
                Some(lengths) => {
                    cx.charge(items.len().saturating_mul(size_of::<Value>()))?;
                    let made = List::rectangular(l.ty().clone(), lengths.to_vec(), items);
                    Ok(Value::List(made))
                }
                None => cx.list(l.ty().clone(), items),
            }
        }
        v => Ok(v),
    }),
    m("void CopyTo(Array array, int index)", |cx, a| {
        let n = Items::of(cx, a, 0, "array")?.len();
        a.not_null(&["", "array"])?;
        copy_array(cx, a, 1, 0, a.int(2), n as i64)
    }),
    m("void Initialize()", |_, _| Ok(Value::Null)),
];

pub(super) const STATIC: &[Row] = &[
    m(
        "static ReadOnlyCollection<T> AsReadOnly<T>(T[] array)",
        |_, a| super::list::read_only(a, "array"),
    ),
    m("static int BinarySearch<T>(T[] array, T value)", |cx, a| {
        searched(cx, a, 1, &Order::Default)
    }),
    m(
        "static int BinarySearch<T>(T[] array, T value, IComparer<T> comparer)",
        |cx, a| {
            let order = Order::of(&a.values[2]);
            searched(cx, a, 1, &order)
        },
    ),
    m(
        "static int BinarySearch<T>(T[] array, int index, int length, T value)",
        |cx, a| searched(cx, a, 3, &Order::Default),
    ),
    m(
        "static int BinarySearch<T>(T[] array, int index, int length, T value, IComparer<T> comparer)",
        |cx, a| {
            let order = Order::of(&a.values[4]);
            searched(cx, a, 3, &order)
        },
    ),
    m(
        "static int BinarySearch(Array array, object value)",
        |cx, a| searched(cx, a, 1, &Order::Default),
    ),
    m(
        "static int BinarySearch(Array array, int index, int length, object value)",
        |cx, a| searched(cx, a, 3, &Order::Default),
    ),
    m("static void Clear(Array array)", |_, a| {
        let l = list(a, 0, "array")?;
        let n = l.items().len();
        fill(&l, 0..n, &types::default_of(&element(l.ty())))
    }),
    m(
        "static void Clear(Array array, int index, int length)",
        |_, a| {
            let l = list(a, 0, "array")?;
            let n = l.items().len();
            let within = part(a, 1, n).map_err(|_| outside())?;
            fill(&l, within, &types::default_of(&element(l.ty())))
        },
    ),
    m(
        "static void ConstrainedCopy(Array sourceArray, int sourceIndex, Array destinationArray, int destinationIndex, int length)",
        |cx, a| copy_array(cx, a, 2, a.int(1), a.int(3), a.int(4)),
    ),
    m(
        "static R[] ConvertAll<T, R>(T[] array, Converter<T, R> converter)",
        |cx, a| {
            let ty = Ty::array(a.ty(1));
            span::converted(cx, a, ty, "array")
        },
    ),
    m(
        "static void Copy(Array sourceArray, Array destinationArray, int length)",
        |cx, a| copy_array(cx, a, 1, 0, 0, a.int(2)),
    ),
    m(
        "static void Copy(Array sourceArray, Array destinationArray, long length)",
        |cx, a| copy_array(cx, a, 1, 0, 0, a.int(2)),
    ),
    m(
        "static void Copy(Array sourceArray, int sourceIndex, Array destinationArray, int destinationIndex, int length)",
        |cx, a| copy_array(cx, a, 2, a.int(1), a.int(3), a.int(4)),
    ),
    m(
        "static void Copy(Array sourceArray, long sourceIndex, Array destinationArray, long destinationIndex, long length)",
        |cx, a| copy_array(cx, a, 2, a.int(1), a.int(3), a.int(4)),
    ),
    m("static T[] Empty<T>()", |_, a| {
        Ok(Value::List(List::empty(&a.ty(0))))
    }),
    m(
        "static bool Exists<T>(T[] array, Predicate<T> match)",
        |cx, a| {
            let found = matching(cx, a, 1, &Where::ALL, false)?;
            Ok(Value::Bool(found.is_some()))
        },
    ),
    m("static void Fill<T>(T[] array, T value)", |cx, a| {
        let l = list(a, 0, "array")?;
        let n = l.items().len();
        cx.step(n / 8)?;
        fill(&l, 0..n, &a.get(1))
    }),
    m(
        "static void Fill<T>(T[] array, T value, int startIndex, int count)",
        |_, a| {
            let l = list(a, 0, "array")?;
            let n = l.items().len();
            let within = Where::within(2, 3).forward(a, n)?;
            fill(&l, within, &a.get(1))
        },
    ),
    m(
        "static T Find<T>(T[] array, Predicate<T> match)",
        |cx, a| {
            let found = matching(cx, a, 1, &Where::ALL, false)?;
            Ok(found.map_or_else(|| types::default_of(&a.ty(0)), |(_, v)| v))
        },
    ),
    m(
        "static T[] FindAll<T>(T[] array, Predicate<T> match)",
        |cx, a| {
            let ty = Ty::array(a.ty(0));
            span::find_all(cx, a, ty)
        },
    ),
    m(
        "static int FindIndex<T>(T[] array, Predicate<T> match)",
        |cx, a| found(cx, a, false),
    ),
    m(
        "static int FindIndex<T>(T[] array, int startIndex, Predicate<T> match)",
        |cx, a| found(cx, a, false),
    ),
    m(
        "static int FindIndex<T>(T[] array, int startIndex, int count, Predicate<T> match)",
        |cx, a| found(cx, a, false),
    ),
    m(
        "static T FindLast<T>(T[] array, Predicate<T> match)",
        |cx, a| {
            let found = matching(cx, a, 1, &Where::ALL, true)?;
            Ok(found.map_or_else(|| types::default_of(&a.ty(0)), |(_, v)| v))
        },
    ),
    m(
        "static int FindLastIndex<T>(T[] array, Predicate<T> match)",
        |cx, a| found(cx, a, true),
    ),
    m(
        "static int FindLastIndex<T>(T[] array, int startIndex, Predicate<T> match)",
        |cx, a| found(cx, a, true),
    ),
    m(
        "static int FindLastIndex<T>(T[] array, int startIndex, int count, Predicate<T> match)",
        |cx, a| found(cx, a, true),
    ),
    m(
        "static void ForEach<T>(T[] array, Action<T> action)",
        |cx, a| {
            a.not_null(&["array", "action"])?;
            Items::of(cx, a, 0, "array")?.each(cx, &a.get(1))
        },
    ),
    m("static int IndexOf<T>(T[] array, T value)", |cx, a| {
        place_of(cx, a, false)
    }),
    m(
        "static int IndexOf<T>(T[] array, T value, int startIndex)",
        |cx, a| place_of(cx, a, false),
    ),
    m(
        "static int IndexOf<T>(T[] array, T value, int startIndex, int count)",
        |cx, a| place_of(cx, a, false),
    ),
    m("static int IndexOf(Array array, object value)", |cx, a| {
        place_of(cx, a, false)
    }),
    m(
        "static int IndexOf(Array array, object value, int startIndex)",
        |cx, a| place_of(cx, a, false),
    ),
    m(
        "static int IndexOf(Array array, object value, int startIndex, int count)",
        |cx, a| place_of(cx, a, false),
    ),
    m("static int LastIndexOf<T>(T[] array, T value)", |cx, a| {
        place_of(cx, a, true)
    }),
    m(
        "static int LastIndexOf<T>(T[] array, T value, int startIndex)",
        |cx, a| place_of(cx, a, true),
    ),
    m(
        "static int LastIndexOf<T>(T[] array, T value, int startIndex, int count)",
        |cx, a| place_of(cx, a, true),
    ),
    m(
        "static int LastIndexOf(Array array, object value)",
        |cx, a| place_of(cx, a, true),
    ),
    m("static void Resize<T>(ref T[] array, int newSize)", resize),
    m("static void Reverse(Array array)", |_, a| {
        single(a, 0)?;
        list(a, 0, "array")?.items_mut().reverse();
        Ok(Value::Null)
    }),
    m(
        "static void Reverse(Array array, int index, int length)",
        |_, a| {
            single(a, 0)?;
            super::reverse(a, ("index", "length"))
        },
    ),
    m("static void Sort(Array array)", |cx, a| {
        sort_all(cx, a, &Order::Default)
    }),
    m("static void Sort<T>(T[] array)", |cx, a| {
        sort_all(cx, a, &Order::Default)
    }),
    m(
        "static void Sort<T>(T[] array, IComparer<T> comparer)",
        |cx, a| {
            let order = Order::of(&a.values[1]);
            sort_all(cx, a, &order)
        },
    ),
    m(
        "static void Sort<T>(T[] array, Comparison<T> comparison)",
        |cx, a| {
            a.not_null(&["array", "comparison"])?;
            let order = Order::of(&a.values[1]);
            sort_all(cx, a, &order)
        },
    ),
    m(
        "static void Sort<T>(T[] array, int index, int length)",
        |cx, a| sort_part(cx, a, &Order::Default),
    ),
    m(
        "static void Sort<T>(T[] array, int index, int length, IComparer<T> comparer)",
        |cx, a| {
            let order = Order::of(&a.values[3]);
            sort_part(cx, a, &order)
        },
    ),
    m("static void Sort<K, V>(K[] keys, V[] items)", |cx, a| {
        sort_keyed(cx, a, false, &Order::Default)
    }),
    m(
        "static void Sort<K, V>(K[] keys, V[] items, IComparer<K> comparer)",
        |cx, a| {
            let order = Order::of(&a.values[2]);
            sort_keyed(cx, a, false, &order)
        },
    ),
    m(
        "static void Sort<K, V>(K[] keys, V[] items, int index, int length)",
        |cx, a| sort_keyed(cx, a, true, &Order::Default),
    ),
    m(
        "static void Sort<K, V>(K[] keys, V[] items, int index, int length, IComparer<K> comparer)",
        |cx, a| {
            let order = Order::of(&a.values[4]);
            sort_keyed(cx, a, true, &order)
        },
    ),
    m(
        "static bool TrueForAll<T>(T[] array, Predicate<T> match)",
        |cx, a| span::true_for_all(cx, a),
    ),
];
