//! `List<T>`, `HashSet<T>`, `Queue<T>`, `Stack<T>` and the collection interfaces.

use super::core::{first_match, index_of};
use super::linq::sort::Order;
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, equal, iterate, out_of_range, throw, types};
use crate::expr::types::Ty;
use crate::value::{Dict, List, Value};

fn new_list(cx: &mut Cx<'_>, a: &Args<'_>, name: &'static str, items: Vec<Value>) -> R {
    cx.list(Ty::generic(name, vec![a.ty(0)]), items)
}

fn at(a: &Args<'_>, l: &List, i: usize) -> Result<usize, Throw> {
    usize::try_from(a.int(i))
        .ok()
        .filter(|&n| n < l.items().len())
        .ok_or_else(|| out_of_range("index"))
}

fn count(cx: &mut Cx<'_>, v: &Value) -> R {
    Ok(Value::Int(match v {
        Value::List(l) => l.items().len() as i32,
        Value::Dict(d) => d.len() as i32,
        Value::Bytes(b) => b.len() as i32,
        Value::Token(t) => t.len() as i32,
        v => iterate(cx, v)?.len() as i32,
    }))
}

fn read_only() -> Throw {
    throw("NotSupportedException", "Collection was of a fixed size.")
}

/// A `List<T>`; arrays and query results do not grow.
fn growing(a: &Args<'_>) -> Result<std::rc::Rc<List>, Throw> {
    let l = a.list(0)?;
    match l.ty() {
        Ty::Array(_) => Err(read_only()),
        _ => Ok(l),
    }
}

fn push(cx: &mut Cx<'_>, l: &List, v: Value) -> Result<(), Throw> {
    cx.charge(size_of::<Value>())?;
    l.items_mut().push(v);
    Ok(())
}

fn find(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<(usize, Value)>, Throw> {
    let items = a.list(0)?.items().clone();
    first_match(cx, items, &a.get(1))
}

const COLLECTION: &[Row] = &[
    m("int Count", |cx, a| {
        let v = a.get(0);
        count(cx, &v)
    }),
    m("void Add(T item)", |cx, a| match a.get(0) {
        Value::Dict(d) => {
            cx.charge(96)?;
            d.insert(a.get(1), Value::Null);
            Ok(Value::Null)
        }
        Value::Token(t) => {
            let v = super::json::content::of(cx, &a.get(1))?;
            t.push(v)?;
            Ok(Value::Null)
        }
        _ => {
            let v = a.get(1);
            push(cx, &*growing(a)?, v)?;
            Ok(Value::Null)
        }
    }),
    m("bool Contains(T item)", |cx, a| {
        let v = a.get(1);
        if let Value::Dict(d) = a.get(0) {
            return Ok(Value::Bool(d.get(&v).is_some()));
        }
        Ok(Value::Bool(a.items(cx, 0)?.iter().any(|x| equal(x, &v))))
    }),
    m("void Clear()", |_, a| match a.get(0) {
        Value::Dict(d) => {
            d.clear();
            Ok(Value::Null)
        }
        _ => {
            let old = std::mem::take(&mut *growing(a)?.items_mut());
            drop(old);
            Ok(Value::Null)
        }
    }),
    m("bool Remove(T item)", |_, a| {
        let v = a.get(1);
        if let Value::Dict(d) = a.get(0) {
            return Ok(Value::Bool(d.remove(&v).is_some()));
        }
        let l = growing(a)?;
        let found = l.items().iter().position(|x| equal(x, &v));
        if let Some(i) = found {
            let old = l.items_mut().remove(i);
            drop(old);
        }
        Ok(Value::Bool(found.is_some()))
    }),
];

const LIST_INTERFACE: &[Row] = &[
    m("T this[int index]", |cx, a| match a.get(0) {
        Value::List(l) => {
            let i = at(a, &l, 1)?;
            Ok(l.items()[i].clone())
        }
        _ => {
            let i = a.size(1, "index")?;
            a.items(cx, 0)?
                .get(i)
                .cloned()
                .ok_or_else(|| out_of_range("index"))
        }
    }),
    m("set T this[int index]", |_, a| {
        let l = a.list(0)?;
        let i = at(a, &l, 1)?;
        let old = std::mem::replace(&mut l.items_mut()[i], a.get(2));
        drop(old);
        Ok(Value::Null)
    }),
    m("int IndexOf(T item)", index_of),
    m("void Insert(int index, T item)", |cx, a| {
        let l = growing(a)?;
        let i = a.size(1, "index")?;
        if i > l.items().len() {
            return Err(out_of_range("index"));
        }
        cx.charge(size_of::<Value>())?;
        l.items_mut().insert(i, a.get(2));
        Ok(Value::Null)
    }),
    m("void RemoveAt(int index)", |_, a| {
        let l = growing(a)?;
        let i = at(a, &l, 1)?;
        let old = l.items_mut().remove(i);
        drop(old);
        Ok(Value::Null)
    }),
];

const LIST: &[Row] = &[
    m("new()", |cx, a| new_list(cx, a, "List", Vec::new())),
    m("new(int capacity)", |cx, a| {
        new_list(cx, a, "List", Vec::new())
    }),
    m("new(IEnumerable<T> collection)", |cx, a| {
        let items = a.items(cx, 0)?;
        new_list(cx, a, "List", items)
    }),
    m("void AddRange(IEnumerable<T> collection)", |cx, a| {
        let items = a.items(cx, 1)?;
        a.list(0)?.items_mut().extend(items);
        Ok(Value::Null)
    }),
    m(
        "void InsertRange(int index, IEnumerable<T> collection)",
        |cx, a| {
            let items = a.items(cx, 2)?;
            let (l, i) = (a.list(0)?, a.size(1, "index")?);
            if i > l.items().len() {
                return Err(out_of_range("index"));
            }
            l.items_mut().splice(i..i, items);
            Ok(Value::Null)
        },
    ),
    m("void RemoveRange(int index, int count)", |_, a| {
        let (l, i, n) = (a.list(0)?, a.size(1, "index")?, a.size(2, "count")?);
        if i + n > l.items().len() {
            return Err(throw(
                "ArgumentException",
                "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.",
            ));
        }
        let old: Vec<Value> = l.items_mut().drain(i..i + n).collect();
        drop(old);
        Ok(Value::Null)
    }),
    m("int RemoveAll(Predicate<T> match)", |cx, a| {
        let (l, f) = (a.list(0)?, a.get(1));
        let mut kept = Vec::new();
        let before = l.items().clone();
        for item in &before {
            if cx.call(&f, std::slice::from_ref(item))?.as_bool() != Some(true) {
                kept.push(item.clone());
            }
        }
        let removed = before.len() - kept.len();
        *l.items_mut() = kept;
        Ok(Value::Int(removed as i32))
    }),
    m("List<T> GetRange(int index, int count)", |cx, a| {
        let (l, i, n) = (a.list(0)?, a.size(1, "index")?, a.size(2, "count")?);
        let items = l.items().get(i..i.saturating_add(n)).map(<[Value]>::to_vec);
        new_list(cx, a, "List", items.ok_or_else(|| out_of_range("index"))?)
    }),
    m("T Find(Predicate<T> match)", |cx, a| {
        let ty = a.ty(0);
        Ok(find(cx, a)?.map_or_else(|| types::default_of(&ty), |(_, v)| v))
    }),
    m("int FindIndex(Predicate<T> match)", |cx, a| {
        Ok(Value::Int(find(cx, a)?.map_or(-1, |(i, _)| i as i32)))
    }),
    m("bool Exists(Predicate<T> match)", |cx, a| {
        Ok(Value::Bool(find(cx, a)?.is_some()))
    }),
    m("List<T> FindAll(Predicate<T> match)", |cx, a| {
        let f = a.get(1);
        let mut out = Vec::new();
        for item in a.items(cx, 0)? {
            if cx.call(&f, std::slice::from_ref(&item))?.as_bool() == Some(true) {
                out.push(item);
            }
        }
        new_list(cx, a, "List", out)
    }),
    m("bool TrueForAll(Predicate<T> match)", |cx, a| {
        let f = a.get(1);
        for item in a.items(cx, 0)? {
            if cx.call(&f, &[item])?.as_bool() != Some(true) {
                return Ok(Value::Bool(false));
            }
        }
        Ok(Value::Bool(true))
    }),
    m("void ForEach(Action<T> action)", |cx, a| {
        let f = a.get(1);
        for item in a.items(cx, 0)? {
            cx.call(&f, &[item])?;
        }
        Ok(Value::Null)
    }),
    m("void Reverse()", |_, a| {
        a.list(0)?.items_mut().reverse();
        Ok(Value::Null)
    }),
    m("void Sort()", |cx, a| {
        let l = a.list(0)?;
        let mut items = l.items().clone();
        super::linq::sort::sort(cx, &mut items, None, &Order::Default)?;
        *l.items_mut() = items;
        Ok(Value::Null)
    }),
    m("void Sort(Comparison<T> comparison)", |cx, a| {
        let (l, f) = (a.list(0)?, a.get(1));
        let mut items = l.items().clone();
        super::linq::sort::sort(cx, &mut items, None, &Order::of(&f))?;
        *l.items_mut() = items;
        Ok(Value::Null)
    }),
    m("T[] ToArray()", |cx, a| {
        let items = a.items(cx, 0)?;
        cx.list(Ty::array(a.ty(0)), items)
    }),
    m("int Capacity", |cx, a| {
        let v = a.get(0);
        count(cx, &v)
    }),
];

fn new_set(cx: &mut Cx<'_>, a: &Args<'_>, items: Vec<Value>, fold: bool) -> R {
    let d = Dict::new(Ty::generic("HashSet", vec![a.ty(0)]), fold);
    cx.charge(items.len() * 96)?;
    for i in items {
        if d.get(&i).is_none() {
            d.insert(i, Value::Null);
        }
    }
    Ok(Value::Dict(d))
}

fn as_set(cx: &mut Cx<'_>, a: &Args<'_>, fold: bool) -> R {
    let items = a.items(cx, 1)?;
    new_set(cx, a, items, fold)
}

const SET: &[Row] = &[
    m("new()", |cx, a| new_set(cx, a, Vec::new(), false)),
    m("new(IEnumerable<T> collection)", |cx, a| {
        let items = a.items(cx, 0)?;
        new_set(cx, a, items, false)
    }),
    m("new(IEqualityComparer<string> comparer)", |cx, a| {
        let f = super::dictionaries::folds(a, 0);
        new_set(cx, a, Vec::new(), f)
    }),
    m(
        "new(IEnumerable<T> collection, IEqualityComparer<string> comparer)",
        |cx, a| {
            let (items, f) = (a.items(cx, 0)?, super::dictionaries::folds(a, 1));
            new_set(cx, a, items, f)
        },
    ),
    m("bool Add(T item)", |cx, a| {
        let d = a.dict(0)?;
        let new = d.get(&a.get(1)).is_none();
        if new {
            cx.charge(96)?;
            d.insert(a.get(1), Value::Null);
        }
        Ok(Value::Bool(new))
    }),
    m("void UnionWith(IEnumerable<T> other)", |cx, a| {
        let d = a.dict(0)?;
        for i in a.items(cx, 1)? {
            if d.get(&i).is_none() {
                cx.charge(96)?;
                d.insert(i, Value::Null);
            }
        }
        Ok(Value::Null)
    }),
    m("void ExceptWith(IEnumerable<T> other)", |cx, a| {
        let d = a.dict(0)?;
        for i in a.items(cx, 1)? {
            cx.step(d.len() / 8)?;
            d.remove(&i);
        }
        Ok(Value::Null)
    }),
    m("void IntersectWith(IEnumerable<T> other)", |cx, a| {
        let d = a.dict(0)?;
        let Value::Dict(keep) = as_set(cx, a, d.folds())? else {
            return Ok(Value::Null);
        };
        for (k, _) in d.entries() {
            if keep.get(&k).is_none() {
                cx.step(d.len() / 8)?;
                d.remove(&k);
            }
        }
        Ok(Value::Null)
    }),
    m("bool Overlaps(IEnumerable<T> other)", |cx, a| {
        let d = a.dict(0)?;
        Ok(Value::Bool(
            a.items(cx, 1)?.iter().any(|i| d.get(i).is_some()),
        ))
    }),
    m("bool IsSupersetOf(IEnumerable<T> other)", |cx, a| {
        let d = a.dict(0)?;
        Ok(Value::Bool(
            a.items(cx, 1)?.iter().all(|i| d.get(i).is_some()),
        ))
    }),
    m("bool IsSubsetOf(IEnumerable<T> other)", |cx, a| {
        let d = a.dict(0)?;
        let Value::Dict(other) = as_set(cx, a, d.folds())? else {
            return Ok(Value::Null);
        };
        Ok(Value::Bool(
            d.entries().iter().all(|(k, _)| other.get(k).is_some()),
        ))
    }),
    m("bool SetEquals(IEnumerable<T> other)", |cx, a| {
        let d = a.dict(0)?;
        let Value::Dict(other) = as_set(cx, a, d.folds())? else {
            return Ok(Value::Null);
        };
        Ok(Value::Bool(
            other.len() == d.len() && d.entries().iter().all(|(k, _)| other.get(k).is_some()),
        ))
    }),
];

fn empty(what: &str) -> Throw {
    throw("InvalidOperationException", format!("{what} empty."))
}

const QUEUE: &[Row] = &[
    m("new()", |cx, a| new_list(cx, a, "Queue", Vec::new())),
    m("new(IEnumerable<T> collection)", |cx, a| {
        let items = a.items(cx, 0)?;
        new_list(cx, a, "Queue", items)
    }),
    m("void Enqueue(T item)", |cx, a| {
        let v = a.get(1);
        push(cx, &*a.list(0)?, v)?;
        Ok(Value::Null)
    }),
    m("T Dequeue()", |cx, a| {
        let l = a.list(0)?;
        cx.step(l.items().len() / 32)?;
        if l.items().is_empty() {
            Err(empty("Queue"))
        } else {
            Ok(l.items_mut().remove(0))
        }
    }),
    m("T Peek()", |_, a| {
        a.list(0)?
            .items()
            .first()
            .cloned()
            .ok_or_else(|| empty("Queue"))
    }),
];

const STACK: &[Row] = &[
    m("new()", |cx, a| new_list(cx, a, "Stack", Vec::new())),
    m("void Push(T item)", |cx, a| {
        // Kept top first, so that it enumerates as .NET's does.
        cx.charge(size_of::<Value>())?;
        let l = a.list(0)?;
        cx.step(l.items().len() / 32)?;
        l.items_mut().insert(0, a.get(1));
        Ok(Value::Null)
    }),
    m("T Pop()", |cx, a| {
        let l = a.list(0)?;
        cx.step(l.items().len() / 32)?;
        if l.items().is_empty() {
            Err(empty("Stack"))
        } else {
            Ok(l.items_mut().remove(0))
        }
    }),
    m("T Peek()", |_, a| {
        a.list(0)?
            .items()
            .first()
            .cloned()
            .ok_or_else(|| empty("Stack"))
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty(
        "interface System.Collections.Generic.IEnumerable<T> : ISequence",
        &[],
    ),
    ty(
        "interface System.Collections.Generic.IReadOnlyCollection<T> : IEnumerable<T>",
        &[],
    ),
    ty(
        "interface System.Collections.Generic.ICollection<T> : IReadOnlyCollection<T>",
        COLLECTION,
    ),
    ty(
        "interface System.Collections.Generic.IReadOnlyList<T> : IReadOnlyCollection<T>",
        &[],
    ),
    ty(
        "interface System.Collections.Generic.IList<T> : ICollection<T>, IReadOnlyList<T>",
        LIST_INTERFACE,
    ),
    ty(
        "interface System.Collections.Generic.ISet<T> : ICollection<T>",
        &[],
    ),
    ty("class System.Collections.Generic.List<T> : IList<T>", LIST),
    ty("class System.Collections.Generic.HashSet<T> : ISet<T>", SET),
    ty(
        "class System.Collections.Generic.Queue<T> : ICollection<T>",
        QUEUE,
    ),
    ty(
        "class System.Collections.Generic.Stack<T> : ICollection<T>",
        STACK,
    ),
];
