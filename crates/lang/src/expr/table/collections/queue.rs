//! `Queue<T>` and `Stack<T>`. Both keep the item that comes out next first, which is the order they enumerate in.

use super::super::{Row, m};
use super::span::{capacity, list};
use super::{collection_count, contains, copy_to, push};
use crate::expr::eval::{Args, Cx, R, Throw, throw, types};
use crate::expr::types::Ty;
use crate::value::Value;

fn new(cx: &mut Cx<'_>, a: &Args<'_>, name: &'static str, items: Vec<Value>) -> R {
    cx.list(Ty::generic(name, vec![a.ty(0)]), items)
}

fn take(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Value>, Throw> {
    let l = list(a, 0, "source")?;
    let n = l.items().len();
    cx.step(n / 32)?;
    Ok((n > 0).then(|| l.items_mut().remove(0)))
}

fn peek(a: &Args<'_>) -> Result<Option<Value>, Throw> {
    Ok(list(a, 0, "source")?.items().first().cloned())
}

fn or_empty(v: Option<Value>, what: &str) -> R {
    v.ok_or_else(|| throw("InvalidOperationException", format!("{what} empty.")))
}

/// The `Try` form: the item goes to the `out` parameter.
fn tried(a: &mut Args<'_>, v: Option<Value>) -> R {
    let found = v.is_some();
    a.values[1] = v.unwrap_or_else(|| types::default_of(&a.ty(0)));
    Ok(Value::Bool(found))
}

fn cleared(a: &Args<'_>) -> R {
    super::span::replace(&*list(a, 0, "source")?, Vec::new());
    Ok(Value::Null)
}

/// `CopyTo`: a place beyond the array is refused by itself.
fn copied(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    super::place_in(a, 2)?;
    copy_to(cx, a)
}

fn array(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let items = a.items(cx, 0)?;
    cx.list(Ty::array(a.ty(0)), items)
}

pub(super) const QUEUE: &[Row] = &[
    m("new()", |cx, a| new(cx, a, "Queue", Vec::new())),
    m("new(int capacity)", |cx, a| {
        capacity(cx, a, 0)?;
        new(cx, a, "Queue", Vec::new())
    }),
    m("new(IEnumerable<T> collection)", |cx, a| {
        a.not_null(&["collection"])?;
        let items = a.items(cx, 0)?;
        new(cx, a, "Queue", items)
    }),
    m("void Enqueue(T item)", |cx, a| {
        let v = a.get(1);
        push(cx, &*list(a, 0, "source")?, v)?;
        Ok(Value::Null)
    }),
    m("T Dequeue()", |cx, a| or_empty(take(cx, a)?, "Queue")),
    m("T Peek()", |_, a| or_empty(peek(a)?, "Queue")),
    m("bool TryDequeue(out T result)", |cx, a| {
        let v = take(cx, a)?;
        tried(a, v)
    }),
    m("bool TryPeek(out T result)", |_, a| {
        let v = peek(a)?;
        tried(a, v)
    }),
    m("int Count", collection_count),
    m("void Clear()", |_, a| cleared(a)),
    m("bool Contains(T item)", contains),
    m("void CopyTo(T[] array, int arrayIndex)", |cx, a| {
        copied(cx, a)
    }),
    m("T[] ToArray()", |cx, a| array(cx, a)),
    m("void TrimExcess()", |_, _| Ok(Value::Null)),
];

pub(super) const STACK: &[Row] = &[
    m("new()", |cx, a| new(cx, a, "Stack", Vec::new())),
    m("new(int capacity)", |cx, a| {
        capacity(cx, a, 0)?;
        new(cx, a, "Stack", Vec::new())
    }),
    m("new(IEnumerable<T> collection)", |cx, a| {
        a.not_null(&["collection"])?;
        let mut items = a.items(cx, 0)?;
        items.reverse();
        new(cx, a, "Stack", items)
    }),
    m("void Push(T item)", |cx, a| {
        cx.charge(size_of::<Value>())?;
        let l = list(a, 0, "source")?;
        cx.step(l.items().len() / 32)?;
        l.items_mut().insert(0, a.get(1));
        Ok(Value::Null)
    }),
    m("T Pop()", |cx, a| or_empty(take(cx, a)?, "Stack")),
    m("T Peek()", |_, a| or_empty(peek(a)?, "Stack")),
    m("bool TryPop(out T result)", |cx, a| {
        let v = take(cx, a)?;
        tried(a, v)
    }),
    m("bool TryPeek(out T result)", |_, a| {
        let v = peek(a)?;
        tried(a, v)
    }),
    m("int Count", collection_count),
    m("void Clear()", |_, a| cleared(a)),
    m("bool Contains(T item)", contains),
    m("void CopyTo(T[] array, int arrayIndex)", |cx, a| {
        copied(cx, a)
    }),
    m("T[] ToArray()", |cx, a| array(cx, a)),
    m("void TrimExcess()", |_, _| Ok(Value::Null)),
];
