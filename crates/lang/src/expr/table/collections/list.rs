//! `List<T>`.

use super::super::linq::sort::Order;
use super::super::{Row, m};
use super::collection_count;
use super::span::{
    self, Items, Where, binary_search, find_index, index_of, list, matching, out_of_range, range,
    replace, size, sort_range,
};
use crate::expr::eval::sequence::known_count;
use crate::expr::eval::{Args, Cx, R, types};
use crate::expr::types::Ty;
use crate::value::{List, Object, Value};
use std::any::Any;
use std::rc::Rc;

/// `ReadOnlyCollection<T>`: shows a list.
#[derive(Debug)]
struct ReadOnly {
    of: Ty,
    list: Rc<List>,
}

impl Object for ReadOnly {
    fn ty(&self) -> Ty {
        Ty::generic("ReadOnlyCollection", vec![self.of.clone()])
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        Some(self.list.items().clone())
    }
    fn enumerated(&self) -> Option<Value> {
        Some(Value::List(self.list.clone()))
    }
}

/// `AsReadOnly`, `new ReadOnlyCollection<T>(list)`.
pub(super) fn read_only(a: &Args<'_>, name: &str) -> R {
    Ok(Value::Object(Rc::new(ReadOnly {
        of: a.ty(0),
        list: list(a, 0, name)?,
    })))
}

/// A list whose `Capacity` is what it holds.
fn exact(made: Value) -> Value {
    if let Value::List(l) = &made {
        let n = l.items().len();
        l.set_capacity(u32::try_from(n).unwrap_or(u32::MAX));
    }
    made
}

pub(super) const READ_ONLY: &[Row] = &[
    m("new(IList<T> list)", |_, a| read_only(a, "list")),
    m("int Count", collection_count),
    m("T this[int index]", super::item),
    m("bool Contains(T value)", super::contains),
    m("int IndexOf(T value)", |cx, a| {
        index_of(cx, a, &Where::ALL, false)
    }),
    m("void CopyTo(T[] array, int index)", |cx, a| {
        let items = a.items(cx, 0)?;
        span::copy_to(cx, &items, a, 1, a.int(2), "array")
    }),
];

fn new_list(cx: &mut Cx<'_>, a: &Args<'_>, items: Vec<Value>) -> R {
    cx.list(Ty::generic("List", vec![a.ty(0)]), items)
}

fn sized(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let capacity = span::capacity(cx, a, 0)?;
    let made = new_list(cx, a, Vec::new())?;
    if let Value::List(l) = &made {
        l.set_capacity(u32::try_from(capacity).unwrap_or(u32::MAX));
    }
    Ok(made)
}

/// Adds what a sequence gives while it is walked through: what throws on the way leaves what came before it.
fn one_by_one(cx: &mut Cx<'_>, a: &Args<'_>, of: usize, l: &List, mut at: usize) -> R {
    let mut items = a.iter(cx, of)?;
    while let Some(item) = items.next(cx)? {
        cx.charge(size_of::<Value>())?;
        cx.step((l.items().len().saturating_sub(at)) / 32)?;
        let mut all = l.items_mut();
        let place = at.min(all.len());
        all.insert(place, item);
        at = at.saturating_add(1);
    }
    Ok(Value::Null)
}

fn remove_all(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    a.not_null(&["", "match"])?;
    let (l, f) = (list(a, 0, "list")?, a.get(1));
    let before = l.items().clone();
    cx.charge(before.len() * size_of::<Value>())?;
    let mut kept = Vec::new();
    for item in &before {
        if cx.call(&f, std::slice::from_ref(item))?.as_bool() != Some(true) {
            kept.push(item.clone());
        }
    }
    let removed = before.len() - kept.len();
    if removed > 0 {
        replace(&l, kept);
    }
    Ok(Value::Int(removed as i32))
}

fn sort(cx: &mut Cx<'_>, a: &Args<'_>, order: &Order) -> R {
    let l = list(a, 0, "list")?;
    let n = l.items().len();
    sort_range(cx, &l, None, 0..n, order)
}

fn searched(cx: &mut Cx<'_>, a: &Args<'_>, item: usize, order: &Order) -> R {
    let items = Items::of(cx, a, 0, "list")?;
    let within = if item == 1 {
        0..items.len()
    } else {
        range(a, 1, ("index", "count"), items.len())?
    };
    binary_search(cx, &items, within, &a.get(item), order)
}

pub(super) const ROWS: &[Row] = &[
    m("new()", |cx, a| new_list(cx, a, Vec::new())),
    m("new(int capacity)", |cx, a| sized(cx, a)),
    m("new(IEnumerable<T> collection)", |cx, a| {
        a.not_null(&["collection"])?;
        let known = known_count(&a.values[0]);
        let items = a.items(cx, 0)?;
        let made = new_list(cx, a, items)?;
        if let (Value::List(l), Some(n)) = (&made, known) {
            l.set_capacity(n as u32);
        }
        Ok(made)
    }),
    m("int Count", collection_count),
    m("int Capacity", |_, a| {
        Ok(Value::Int(list(a, 0, "list")?.capacity() as i32))
    }),
    m("set int Capacity", |_, a| {
        let l = list(a, 0, "list")?;
        if a.int(1) < l.items().len() as i64 {
            return Err(out_of_range(
                "value",
                "capacity was less than the current size.",
            ));
        }
        l.set_capacity(a.int(1) as u32);
        Ok(Value::Null)
    }),
    m("T this[int index]", super::item),
    m("set T this[int index]", super::set_item),
    m("void Add(T item)", super::add),
    m("void AddRange(IEnumerable<T> collection)", |cx, a| {
        a.not_null(&["", "collection"])?;
        let l = list(a, 0, "list")?;
        if known_count(&a.values[1]).is_none() {
            // Each goes to the end.
            return one_by_one(cx, a, 1, &l, usize::MAX);
        }
        let items = a.items(cx, 1)?;
        l.items_mut().extend(items);
        Ok(Value::Null)
    }),
    m("ReadOnlyCollection<T> AsReadOnly()", |_, a| {
        read_only(a, "list")
    }),
    m("int BinarySearch(T item)", |cx, a| {
        searched(cx, a, 1, &Order::Default)
    }),
    m(
        "int BinarySearch(T item, IComparer<T> comparer)",
        |cx, a| {
            let order = Order::of(&a.values[2]);
            searched(cx, a, 1, &order)
        },
    ),
    m(
        "int BinarySearch(int index, int count, T item, IComparer<T> comparer)",
        |cx, a| {
            let order = Order::of(&a.values[4]);
            searched(cx, a, 3, &order)
        },
    ),
    m("void Clear()", super::clear),
    m("bool Contains(T item)", super::contains),
    m(
        "List<R> ConvertAll<R>(Converter<T, R> converter)",
        |cx, a| {
            let ty = Ty::generic("List", vec![a.ty(1)]);
            let made = span::converted(cx, a, ty, "list")?;
            Ok(exact(made))
        },
    ),
    m("void CopyTo(T[] array)", |cx, a| {
        let items = a.items(cx, 0)?;
        span::copy_to(cx, &items, a, 1, 0, "array")
    }),
    m("void CopyTo(T[] array, int arrayIndex)", super::copy_to),
    m(
        "void CopyTo(int index, T[] array, int arrayIndex, int count)",
        |cx, a| {
            let items = a.items(cx, 0)?;
            // The end is looked at before the signs, with what an int holds, and the target before them too.
            let rest = (items.len() as i32).wrapping_sub(a.int(1) as i32);
            if i64::from(rest) < a.int(4) {
                return Err(span::too_long());
            }
            span::list(a, 2, "destinationArray")?;
            let (n, from) = (size(a, 4, "length")?, size(a, 1, "sourceIndex")?);
            let end = from.checked_add(n).filter(|end| *end <= items.len());
            let part = end.and_then(|end| items.get(from..end));
            let part = part.ok_or_else(span::too_long)?;
            span::copy_to(cx, part, a, 2, a.int(3), "array")
        },
    ),
    m("bool Exists(Predicate<T> match)", |cx, a| {
        let found = matching(cx, a, 1, &Where::ALL, false)?;
        Ok(Value::Bool(found.is_some()))
    }),
    m("T Find(Predicate<T> match)", |cx, a| {
        let found = matching(cx, a, 1, &Where::ALL, false)?;
        Ok(found.map_or_else(|| types::default_of(&a.ty(0)), |(_, v)| v))
    }),
    m("List<T> FindAll(Predicate<T> match)", |cx, a| {
        let ty = Ty::generic("List", vec![a.ty(0)]);
        span::find_all(cx, a, ty)
    }),
    m("int FindIndex(Predicate<T> match)", |cx, a| {
        find_index(cx, a, 1, &Where::ALL, false)
    }),
    m(
        "int FindIndex(int startIndex, Predicate<T> match)",
        |cx, a| find_index(cx, a, 2, &Where::from(1), false),
    ),
    m(
        "int FindIndex(int startIndex, int count, Predicate<T> match)",
        |cx, a| find_index(cx, a, 3, &Where::within(1, 2), false),
    ),
    m("T FindLast(Predicate<T> match)", |cx, a| {
        let found = matching(cx, a, 1, &Where::ALL, true)?;
        Ok(found.map_or_else(|| types::default_of(&a.ty(0)), |(_, v)| v))
    }),
    m("int FindLastIndex(Predicate<T> match)", |cx, a| {
        find_index(cx, a, 1, &Where::ALL, true)
    }),
    m(
        "int FindLastIndex(int startIndex, Predicate<T> match)",
        |cx, a| find_index(cx, a, 2, &Where::from(1), true),
    ),
    m(
        "int FindLastIndex(int startIndex, int count, Predicate<T> match)",
        |cx, a| find_index(cx, a, 3, &Where::within(1, 2), true),
    ),
    m("void ForEach(Action<T> action)", |cx, a| {
        a.not_null(&["", "action"])?;
        Items::of(cx, a, 0, "list")?.each(cx, &a.get(1))
    }),
    m("List<T> GetRange(int index, int count)", |cx, a| {
        let items = a.items(cx, 0)?;
        let within = range(a, 1, ("index", "count"), items.len())?;
        let made = new_list(cx, a, items.get(within).unwrap_or_default().to_vec())?;
        Ok(exact(made))
    }),
    m("int IndexOf(T item)", |cx, a| {
        index_of(cx, a, &Where::ALL, false)
    }),
    m("int IndexOf(T item, int index)", |cx, a| {
        index_of(cx, a, &Where::from(2).index(), false)
    }),
    m("int IndexOf(T item, int index, int count)", |cx, a| {
        index_of(cx, a, &Where::within(2, 3).index(), false)
    }),
    m("void Insert(int index, T item)", super::insert),
    m(
        "void InsertRange(int index, IEnumerable<T> collection)",
        |cx, a| {
            a.not_null(&["", "", "collection"])?;
            let l = list(a, 0, "list")?;
            let place = |l: &List| {
                usize::try_from(a.int(1))
                    .ok()
                    .filter(|i| *i <= l.items().len())
                    .ok_or_else(|| {
                        out_of_range(
                            "index",
                            "Index was out of range. Must be non-negative and less than or equal to the size of the collection.",
                        )
                    })
            };
            let i = place(&l)?;
            if known_count(&a.values[2]).is_none() {
                return one_by_one(cx, a, 2, &l, i);
            }
            let items = a.items(cx, 2)?;
            cx.step((l.items().len() - i) / 32)?;
            l.items_mut().splice(i..i, items);
            Ok(Value::Null)
        },
    ),
    m("int LastIndexOf(T item)", |cx, a| {
        index_of(cx, a, &Where::ALL, true)
    }),
    m("int LastIndexOf(T item, int index)", |cx, a| {
        index_of(cx, a, &Where::from(2).index(), true)
    }),
    m("int LastIndexOf(T item, int index, int count)", |cx, a| {
        index_of(cx, a, &Where::within(2, 3).index(), true)
    }),
    m("bool Remove(T item)", super::remove),
    m("int RemoveAll(Predicate<T> match)", remove_all),
    m("void RemoveAt(int index)", super::remove_at),
    m("void RemoveRange(int index, int count)", |_, a| {
        let l = list(a, 0, "list")?;
        let n = l.items().len();
        let within = range(a, 1, ("index", "count"), n)?;
        if !within.is_empty() {
            let old: Vec<Value> = l.items_mut().drain(within).collect();
            drop(old);
        }
        Ok(Value::Null)
    }),
    m("void Reverse()", |_, a| {
        list(a, 0, "list")?.items_mut().reverse();
        Ok(Value::Null)
    }),
    m("void Reverse(int index, int count)", |_, a| {
        super::reverse(a, ("index", "count"))
    }),
    m("void Sort()", |cx, a| sort(cx, a, &Order::Default)),
    m("void Sort(IComparer<T> comparer)", |cx, a| {
        let order = Order::of(&a.values[1]);
        sort(cx, a, &order)
    }),
    m("void Sort(Comparison<T> comparison)", |cx, a| {
        a.not_null(&["", "comparison"])?;
        let order = Order::of(&a.values[1]);
        sort(cx, a, &order)
    }),
    m(
        "void Sort(int index, int count, IComparer<T> comparer)",
        |cx, a| {
            let l = list(a, 0, "list")?;
            let n = l.items().len();
            let within = range(a, 1, ("index", "count"), n)?;
            sort_range(cx, &l, None, within, &Order::of(&a.values[3]))
        },
    ),
    m("T[] ToArray()", |cx, a| {
        let items = a.items(cx, 0)?;
        cx.list(Ty::array(a.ty(0)), items)
    }),
    m("void TrimExcess()", |_, a| {
        let l = list(a, 0, "list")?;
        let n = l.items().len();
        l.set_capacity(n as u32);
        Ok(Value::Null)
    }),
    m("int EnsureCapacity(int capacity)", |cx, a| {
        let wanted = span::capacity(cx, a, 1)?;
        let l = list(a, 0, "list")?;
        l.set_capacity(l.capacity().max(wanted as u32));
        Ok(Value::Int(l.capacity() as i32))
    }),
    m("bool TrueForAll(Predicate<T> match)", |cx, a| {
        span::true_for_all(cx, a)
    }),
];
