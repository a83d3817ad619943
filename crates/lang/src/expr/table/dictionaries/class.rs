//! `Dictionary<K, V>` with its keys and values, and what the dictionary interfaces have.

use super::super::{Row, m};
use super::{entries, get, missing, parts};
use crate::expr::eval::sequence::View;
use crate::expr::eval::{Args, Cx, R, Throw, equals, null_argument, types};
use crate::expr::types::Ty;
use crate::value::collections::Equality;
use crate::value::{Dict, Object, Value};
use std::any::Any;
use std::rc::Rc;

/// The dictionary behind a collection of its keys or values.
pub(crate) fn view(o: &Rc<dyn Object>) -> Option<(&Rc<Dict>, View)> {
    let v = o.as_any().downcast_ref::<Column>()?;
    Some((&v.dict, if v.values { View::Values } else { View::Keys }))
}

/// `KeyCollection` and `ValueCollection`: what stands in the dictionary now.
#[derive(Debug)]
struct Column {
    dict: Rc<Dict>,
    values: bool,
}

impl Object for Column {
    fn ty(&self) -> Ty {
        let args = match self.dict.ty() {
            Ty::Class(_, a) => a.to_vec(),
            _ => Vec::new(),
        };
        Ty::generic(
            if self.values {
                "ValueCollection"
            } else {
                "KeyCollection"
            },
            args,
        )
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        let all = self.dict.entries().into_iter();
        Some(all.map(|(k, v)| if self.values { v } else { k }).collect())
    }
}

fn keys(cx: &mut Cx<'_>, a: &Args<'_>, values: bool) -> R {
    if let Value::Dict(dict) = &a.values[0] {
        let dict = dict.clone();
        return Ok(Value::Object(Rc::new(Column { dict, values })));
    }
    let ty = a.ty(usize::from(values));
    let all = entries(cx, &a.get(0))?
        .iter()
        .filter_map(parts)
        .map(|(k, v)| if values { v } else { k })
        .collect();
    cx.list(Ty::generic("List", vec![ty]), all)
}

/// `Add`: a key that is there already is refused.
pub(in crate::expr::table) fn added(d: &Dict, key: Value, value: Value) -> Result<(), Throw> {
    let key = not_null(key)?;
    if d.contains(&key) {
        return Err(super::super::linq::duplicate(&key));
    }
    d.insert(key, value);
    Ok(())
}

fn not_null(key: Value) -> Result<Value, Throw> {
    if key.is_null() {
        return Err(null_argument("key"));
    }
    Ok(key)
}

fn count(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    Ok(Value::Int(match &a.values[0] {
        Value::Dict(d) => d.len() as i32,
        v => entries(cx, v)?.len() as i32,
    }))
}

fn item(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    get(cx, &a.values[0], &a.values[1])?.ok_or_else(|| missing(&a.values[1]))
}

fn contains_key(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    Ok(Value::Bool(get(cx, &a.values[0], &a.values[1])?.is_some()))
}

fn try_get(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let found = get(cx, &a.values[0], &a.values[1])?;
    let ok = found.is_some();
    a.values[2] = found.unwrap_or_else(|| types::default_of(&a.ty(1)));
    Ok(Value::Bool(ok))
}

fn set(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let (d, key) = (a.dict(0)?, not_null(a.get(1))?);
    cx.charge(128)?;
    let old = d.insert(key, a.get(2));
    drop(old);
    Ok(Value::Null)
}

fn add(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    cx.charge(128)?;
    added(&*a.dict(0)?, a.get(1), a.get(2))?;
    Ok(Value::Null)
}

fn remove(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let key = not_null(a.get(1))?;
    Ok(Value::Bool(a.dict(0)?.remove(&key).is_some()))
}

pub(super) const READ: &[Row] = &[
    m("V this[K key]", item),
    m("bool ContainsKey(K key)", contains_key),
    m("bool TryGetValue(K key, out V value)", try_get),
    m("IEnumerable<K> Keys", |cx, a| keys(cx, a, false)),
    m("IEnumerable<V> Values", |cx, a| keys(cx, a, true)),
    m("int Count", count),
];

pub(super) const WRITE: &[Row] = &[
    m("V this[K key]", item),
    m("set V this[K key]", set),
    m("bool ContainsKey(K key)", contains_key),
    m("bool TryGetValue(K key, out V value)", try_get),
    m("ICollection<K> Keys", |cx, a| keys(cx, a, false)),
    m("ICollection<V> Values", |cx, a| keys(cx, a, true)),
    m("int Count", count),
    m("void Add(K key, V value)", add),
    m("bool Remove(K key)", remove),
];

fn new_dict(a: &Args<'_>, how: Equality) -> Rc<Dict> {
    Dict::with(Ty::generic("Dictionary", vec![a.ty(0), a.ty(1)]), how)
}

/// A new dictionary: of pairs if an argument gives them, with a comparer if one does.
fn created(cx: &mut Cx<'_>, a: &Args<'_>, from: &str, comparer: usize) -> R {
    let d = new_dict(a, equality(a, comparer));
    if !from.is_empty() {
        if a.is_null(0) {
            return Err(null_argument(from));
        }
        let mut all = a.iter(cx, 0)?;
        while let Some(e) = all.next(cx)? {
            if let Some((k, v)) = parts(&e) {
                cx.charge(128)?;
                added(&d, k, v)?;
            }
        }
    }
    Ok(Value::Dict(d))
}

fn with_capacity(cx: &mut Cx<'_>, a: &Args<'_>, comparer: usize) -> R {
    let n = super::super::collections::span::capacity(cx, a, 0)?;
    let d = new_dict(a, equality(a, comparer));
    d.reserve(n);
    Ok(Value::Dict(d))
}

/// `EnsureCapacity` of sets and dictionaries.
pub(in crate::expr::table) fn ensured(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let wanted = super::super::collections::span::capacity(cx, a, 1)?;
    let d = a.dict(0)?;
    if wanted > d.capacity() {
        d.reserve(wanted);
    }
    Ok(Value::Int(i32::try_from(d.capacity()).unwrap_or(i32::MAX)))
}

/// How the comparer at an argument compares; the default without one.
pub(in crate::expr::table) fn equality(a: &Args<'_>, i: usize) -> Equality {
    a.values
        .get(i)
        .map_or(Equality::Default, super::super::comparers::equality)
}

/// `Comparer` of a set or dictionary.
pub(in crate::expr::table) fn comparer_of(a: &Args<'_>) -> R {
    super::super::comparers::of_equality(a.ty(0), a.dict(0)?.equality())
}

pub(super) const DICTIONARY: &[Row] = &[
    m("new()", |cx, a| created(cx, a, "", usize::MAX)),
    m("new(int capacity)", |cx, a| {
        with_capacity(cx, a, usize::MAX)
    }),
    m("new(IEqualityComparer<K> comparer)", |cx, a| {
        created(cx, a, "", 0)
    }),
    m(
        "new(int capacity, IEqualityComparer<K> comparer)",
        |cx, a| with_capacity(cx, a, 1),
    ),
    m("new(IDictionary<K, V> dictionary)", |cx, a| {
        created(cx, a, "dictionary", usize::MAX)
    }),
    m(
        "new(IDictionary<K, V> dictionary, IEqualityComparer<K> comparer)",
        |cx, a| created(cx, a, "dictionary", 1),
    ),
    m(
        "new(IEnumerable<KeyValuePair<K, V>> collection)",
        |cx, a| created(cx, a, "collection", usize::MAX),
    ),
    m(
        "new(IEnumerable<KeyValuePair<K, V>> collection, IEqualityComparer<K> comparer)",
        |cx, a| created(cx, a, "collection", 1),
    ),
    m("V this[K key]", item),
    m("set V this[K key]", set),
    m("int Count", count),
    m("IEqualityComparer<K> Comparer", |_, a| comparer_of(a)),
    m("KeyCollection<K, V> Keys", |cx, a| keys(cx, a, false)),
    m("ValueCollection<K, V> Values", |cx, a| keys(cx, a, true)),
    m("void Add(K key, V value)", add),
    m("void Clear()", |_, a| {
        a.dict(0)?.clear();
        Ok(Value::Null)
    }),
    m("bool ContainsKey(K key)", contains_key),
    m("bool ContainsValue(V value)", |cx, a| {
        let (d, v) = (a.dict(0)?, a.get(1));
        cx.step(d.len() / 8)?;
        Ok(Value::Bool(d.entries().iter().any(|(_, x)| equals(x, &v))))
    }),
    m("bool Remove(K key)", remove),
    m("bool Remove(K key, out V value)", |_, a| {
        let key = not_null(a.get(1))?;
        let old = a.dict(0)?.remove(&key);
        let found = old.is_some();
        a.values[2] = old.unwrap_or_else(|| types::default_of(&a.ty(1)));
        Ok(Value::Bool(found))
    }),
    m("bool TryAdd(K key, V value)", |cx, a| {
        let (d, key) = (a.dict(0)?, not_null(a.get(1))?);
        cx.charge(128)?;
        Ok(Value::Bool(d.add(key, a.get(2))))
    }),
    m("bool TryGetValue(K key, out V value)", try_get),
    m("void TrimExcess()", |_, a| {
        a.dict(0)?.trim();
        Ok(Value::Null)
    }),
    m("int EnsureCapacity(int capacity)", |cx, a| ensured(cx, a)),
];

/// Rows of `KeyCollection` and `ValueCollection`.
macro_rules! column {
    ($of:literal) => {
        &[
            m("int Count", count),
            m(
                concat!("void CopyTo(", $of, "[] array, int index)"),
                |cx, a| {
                    super::super::collections::place_in(a, 2)?;
                    let items = a.items(cx, 0)?;
                    super::super::collections::span::copy_to(cx, &items, a, 1, a.int(2), "array")
                },
            ),
        ]
    };
}

pub(super) const KEYS: &[Row] = column!("K");
pub(super) const VALUES: &[Row] = column!("V");
