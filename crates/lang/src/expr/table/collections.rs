//! Collections: the interfaces, and what `List<T>`, sets, queues and arrays (in the files under `collections/`) share.
//!
//! What must stay true: a class has rows for its own public members; the members of an interface are reached through
//! the interface only, as in C#.

mod array;
mod buffer;
mod list;
mod queue;
pub(crate) mod rectangular;
mod set;
pub(super) mod span;
pub(super) mod store;

use super::{Native, Row, Type, m, ty, ty_of};
use crate::expr::eval::sequence::{View, known_count};
use crate::expr::eval::{
    Args, Cx, Iter, Query, R, Throw, equals, iterate, null_argument, out_of_range, throw, types,
};
use crate::expr::types::Ty;
use crate::value::{List, Object, Value};
use span::{Where, index_of, unchangeable};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// `Count` of any collection.
fn collection_count(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let v = &a.values[0];
    Ok(Value::Int(match (known_count(v), v) {
        (Some(n), _) => n as i32,
        (None, Value::Token(t)) => t.len() as i32,
        (None, v) => iterate(cx, v)?.len() as i32,
    }))
}

fn read_only() -> Throw {
    throw("NotSupportedException", "Collection was of a fixed size.")
}

/// A `List<T>`; arrays and query results do not grow.
fn growing(a: &Args<'_>) -> Result<Rc<List>, Throw> {
    match &a.values[0] {
        Value::List(l) if !matches!(l.ty(), Ty::Array(_)) => Ok(l.clone()),
        Value::List(_) | Value::Bytes(_) => Err(read_only()),
        _ => Err(unchangeable()),
    }
}

fn push(cx: &mut Cx<'_>, l: &List, v: Value) -> Result<(), Throw> {
    cx.charge(size_of::<Value>())?;
    l.items_mut().push(v);
    Ok(())
}

fn add(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    match a.get(0) {
        Value::Dict(d) => {
            cx.charge(96)?;
            match super::dictionaries::parts(&a.values[1]) {
                Some((k, v)) if super::dictionaries::is_dictionary(d.ty()) => {
                    super::dictionaries::added(&d, k, v)?;
                }
                _ => {
                    d.add(a.get(1), Value::Null);
                }
            }
        }
        Value::Token(t) => {
            let v = super::json::content::of(cx, &a.get(1))?;
            t.push(v)?;
        }
        _ => {
            let v = a.get(1);
            push(cx, &*growing(a)?, v)?;
        }
    }
    Ok(Value::Null)
}

fn contains(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let v = a.get(1);
    if let Value::Dict(d) = &a.values[0] {
        return Ok(Value::Bool(match super::dictionaries::parts(&v) {
            Some((key, value)) if super::dictionaries::is_dictionary(d.ty()) => {
                d.get(&key).is_some_and(|x| equals(&x, &value))
            }
            _ => d.contains(&v),
        }));
    }
    if let Value::Object(o) = &a.values[0]
        && let Some((dict, View::Keys)) = super::dictionaries::view(o)
    {
        return match v.is_null() {
            true => Err(null_argument("key")),
            false => Ok(Value::Bool(dict.contains(&v))),
        };
    }
    let mut items = a.iter(cx, 0)?;
    while let Some(item) = items.next(cx)? {
        if equals(&item, &v) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn clear(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    match &a.values[0] {
        Value::Dict(d) => d.clear(),
        Value::List(l) if matches!(l.ty(), Ty::Array(_)) => return Err(unchangeable()),
        _ => span::replace(&*growing(a)?, Vec::new()),
    }
    Ok(Value::Null)
}

fn remove(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let v = a.get(1);
    if let Value::Dict(d) = a.get(0) {
        return Ok(Value::Bool(match super::dictionaries::parts(&v) {
            Some((key, value)) if super::dictionaries::is_dictionary(d.ty()) => {
                let there = d.get(&key).is_some_and(|x| equals(&x, &value));
                there && d.remove(&key).is_some()
            }
            _ => d.contains(&v) && d.remove(&v).is_some(),
        }));
    }
    let l = growing(a)?;
    let found = l.items().iter().position(|x| equals(x, &v));
    cx.step(l.items().len() / 8)?;
    if let Some(i) = found {
        let old = l.items_mut().remove(i);
        drop(old);
    }
    Ok(Value::Bool(found.is_some()))
}

fn copy_to(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    // Dictionaries and their keys and values refuse a place beyond the array by itself.
    let keyed = match &a.values[0] {
        Value::Dict(d) => super::dictionaries::is_dictionary(d.ty()),
        Value::Object(o) => super::dictionaries::view(o).is_some(),
        _ => false,
    };
    if keyed {
        place_in(a, 2)?;
    }
    let items = a.items(cx, 0)?;
    let at = a.int(2);
    span::copy_to(cx, &items, a, 1, at, "array")
}

/// A place of an array to copy to, at most its end.
pub(super) fn place_in(a: &Args<'_>, i: usize) -> Result<(), Throw> {
    let n = span::list(a, 1, "array")?.items().len();
    match usize::try_from(a.int(i)) {
        Ok(at) if at <= n => Ok(()),
        _ => Err(span::out_of_range(
            "arrayIndex",
            "Index was out of range. Must be non-negative and less than or equal to the size of the collection.",
        )),
    }
}

fn place(a: &Args<'_>, l: &List) -> Result<usize, Throw> {
    usize::try_from(a.int(1))
        .ok()
        .filter(|&n| n < l.items().len())
        .ok_or_else(|| out_of_range("index"))
}

fn item(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    match &a.values[0] {
        Value::List(l) => {
            let i = place(a, l)?;
            Ok(l.items()[i].clone())
        }
        _ => {
            let i = a.size(1, "index")?;
            a.items(cx, 0)?
                .get(i)
                .cloned()
                .ok_or_else(|| out_of_range("index"))
        }
    }
}

fn set_item(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let Value::List(l) = &a.values[0] else {
        return Err(unchangeable());
    };
    let i = place(a, l)?;
    let old = std::mem::replace(&mut l.items_mut()[i], a.get(2));
    drop(old);
    Ok(Value::Null)
}

fn insert(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let l = growing(a)?;
    let i = usize::try_from(a.int(1))
        .ok()
        .filter(|i| *i <= l.items().len())
        .ok_or_else(|| {
            span::out_of_range("index", "Index must be within the bounds of the List.")
        })?;
    cx.charge(size_of::<Value>())?;
    cx.step((l.items().len() - i) / 32)?;
    l.items_mut().insert(i, a.get(2));
    Ok(Value::Null)
}

fn remove_at(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let l = growing(a)?;
    let i = place(a, &l)?;
    cx.step((l.items().len() - i) / 32)?;
    let old = l.items_mut().remove(i);
    drop(old);
    Ok(Value::Null)
}

/// `Reverse` of a range.
fn reverse(a: &Args<'_>, names: (&str, &str)) -> R {
    let l = span::list(a, 0, "array")?;
    let n = l.items().len();
    let within = span::range(a, 1, names, n)?;
    if let Some(part) = l.items_mut().get_mut(within) {
        part.reverse();
    }
    Ok(Value::Null)
}

/// `IEnumerator<T>`.
struct Enumerator {
    of: Ty,
    source: Value,
    /// Taken out while it runs: a delegate that moves the enumerator it is called by finds it at its end.
    iter: RefCell<Iter>,
    current: RefCell<Value>,
    state: std::cell::Cell<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    At,
    After,
}

impl std::fmt::Debug for Enumerator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enumerator")
    }
}

impl Object for Enumerator {
    fn ty(&self) -> Ty {
        Ty::generic("IEnumerator", vec![self.of.clone()])
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for Enumerator {
    fn drop(&mut self) {
        let source = std::mem::take(&mut self.source);
        let current = std::mem::take(self.current.get_mut());
        crate::value::collections::drop_later([source, current].into_iter());
    }
}

fn enumerator(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let (source, of) = (a.take(0), a.ty(0));
    enumerator_of(cx, source, of)
}

/// An enumerator of a sequence whose items are of a type.
pub(super) fn enumerator_of(cx: &mut Cx<'_>, source: Value, of: Ty) -> R {
    let iter = Iter::of(cx, &source)?;
    cx.charge(size_of::<Enumerator>())?;
    Ok(Value::Object(Rc::new(Enumerator {
        current: RefCell::new(match Query::behind(&source) {
            Some(q) if q.name == "RepeatIterator" => q.arg(0),
            _ => types::default_of(&of),
        }),
        of,
        source,
        iter: RefCell::new(iter),
        state: std::cell::Cell::new(State::Before),
    })))
}

/// Whether `Current` has a value only between the first `MoveNext` and the end: arrays, queues and stacks.
fn is_strict(v: &Value) -> bool {
    match v {
        Value::Bytes(_) => true,
        Value::List(l) => {
            l.ty().as_array().is_some() || l.ty().is_class("Queue") || l.ty().is_class("Stack")
        }
        _ => false,
    }
}

/// Whether the enumerator is an iterator, which cannot start again.
fn is_iterator(v: &Value) -> bool {
    let ty = v.ty();
    Query::behind(v).is_some() || ty.is_class("IGrouping") || ty.is_class("ILookup")
}

const ENUMERATOR: &[Row] = &[
    m("bool MoveNext()", |cx, a| {
        let e = a.object::<Enumerator>(0)?;
        let mut iter = e.iter.replace(Iter::Done);
        let next = iter.next(cx);
        if !matches!(next, Ok(None)) {
            e.iter.replace(iter);
        }
        let next = next?;
        let moved = next.is_some();
        e.state.set(if moved { State::At } else { State::After });
        // A query keeps its last item, a list goes back to the default.
        if moved || Query::behind(&e.source).is_none() {
            let v = next.unwrap_or_else(|| types::default_of(&e.of));
            let old = e.current.replace(v);
            drop(old);
        }
        Ok(Value::Bool(moved))
    }),
    m("T Current", |_, a| {
        let e = a.object::<Enumerator>(0)?;
        if is_strict(&e.source) && e.state.get() != State::At {
            return Err(throw(
                "InvalidOperationException",
                if e.state.get() == State::Before {
                    "Enumeration has not started. Call MoveNext."
                } else {
                    "Enumeration already finished."
                },
            ));
        }
        Ok(e.current.borrow().clone())
    }),
    m("void Reset()", |cx, a| {
        let e = a.object::<Enumerator>(0)?;
        if is_iterator(&e.source) {
            return Err(throw(
                "NotSupportedException",
                "Specified method is not supported.",
            ));
        }
        let iter = Iter::of(cx, &e.source)?;
        e.iter.replace(iter);
        e.state.set(State::Before);
        let old = e.current.replace(types::default_of(&e.of));
        drop(old);
        Ok(Value::Null)
    }),
];

const READ_ONLY_COLLECTION: &[Row] = &[m("int Count", collection_count)];

const COLLECTION: &[Row] = &[
    m("int Count", collection_count),
    m("bool IsReadOnly", |_, a| {
        Ok(Value::Bool(match &a.values[0] {
            Value::Dict(_) => false,
            Value::List(l) => matches!(l.ty(), Ty::Array(_)),
            Value::Token(_) => false,
            _ => true,
        }))
    }),
    m("void Add(T item)", add),
    m("bool Contains(T item)", |cx, a| {
        or_token(cx, a, "Contains", contains)
    }),
    m("void Clear()", |cx, a| or_token(cx, a, "Clear", clear)),
    m("void CopyTo(T[] array, int arrayIndex)", |cx, a| {
        or_token(cx, a, "CopyTo", copy_to)
    }),
    m("bool Remove(T item)", |cx, a| {
        or_token(cx, a, "Remove", remove)
    }),
];

/// A member of `IList<JToken>` is that of `JArray` when the list is one.
fn or_token(cx: &mut Cx<'_>, a: &mut Args<'_>, name: &str, otherwise: Native) -> R {
    match &a.values[0] {
        Value::Token(_) => super::json::arrays::member(cx, a, name),
        _ => otherwise(cx, a),
    }
}

const READ_ONLY_LIST: &[Row] = &[m("T this[int index]", item)];

const LIST_INTERFACE: &[Row] = &[
    m("T this[int index]", item),
    m("set T this[int index]", |cx, a| {
        or_token(cx, a, "set", set_item)
    }),
    m("int IndexOf(T item)", |cx, a| {
        or_token(cx, a, "IndexOf", |cx, a| {
            index_of(cx, a, &Where::ALL, false)
        })
    }),
    m("void Insert(int index, T item)", |cx, a| {
        cx.charge(size_of::<Value>())?;
        or_token(cx, a, "Insert", insert)
    }),
    m("void RemoveAt(int index)", |cx, a| {
        or_token(cx, a, "RemoveAt", remove_at)
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty(
        "interface System.Collections.Generic.IEnumerable<T> : ISequence",
        &[m("IEnumerator<T> GetEnumerator()", enumerator)],
    ),
    ty(
        "interface System.Collections.Generic.IEnumerator<T> : IDisposable",
        ENUMERATOR,
    ),
    ty(
        "interface System.Collections.Generic.IReadOnlyCollection<T> : IEnumerable<T>",
        READ_ONLY_COLLECTION,
    ),
    ty(
        "interface System.Collections.Generic.ICollection<T> : IEnumerable<T>",
        COLLECTION,
    ),
    ty(
        "interface System.Collections.Generic.IReadOnlyList<T> : IReadOnlyCollection<T>",
        READ_ONLY_LIST,
    ),
    ty(
        "interface System.Collections.Generic.IList<T> : ICollection<T>",
        LIST_INTERFACE,
    ),
    ty(
        "interface System.Collections.Generic.ISet<T> : ICollection<T>",
        set::INTERFACE,
    ),
    ty(
        "class System.Collections.Generic.List<T> : IList<T>, IReadOnlyList<T>",
        list::ROWS,
    ),
    ty(
        "class System.Collections.ObjectModel.ReadOnlyCollection<T> : IList<T>, IReadOnlyList<T>",
        list::READ_ONLY,
    ),
    ty_of(
        "class System.Collections.Generic.HashSet<T> : ISet<T>, IReadOnlyCollection<T>",
        &[set::CLASS, set::INTERFACE],
    ),
    ty(
        "class System.Collections.Generic.Queue<T> : IReadOnlyCollection<T>",
        queue::QUEUE,
    ),
    ty(
        "class System.Collections.Generic.Stack<T> : IReadOnlyCollection<T>",
        queue::STACK,
    ),
    ty_of(
        "class System.Array : ISequence",
        &[array::INSTANCE, array::STATIC],
    ),
    ty("static System.Buffer", buffer::ROWS),
];
