//! Arrays, lists, query results, dictionaries and sets.
//!
//! What must stay true: they alias as .NET's do; dropping a deep nest does not use the stack (see [`drop_later`]).

use super::Value;
use crate::expr::types::Ty;
use std::cell::{Ref, RefCell, RefMut};
use std::collections::HashMap;
use std::rc::Rc;

/// An array, a `List<T>`, or the materialised result of a query.
#[derive(Debug)]
pub struct List {
    ty: Ty,
    items: RefCell<Vec<Value>>,
}

impl List {
    /// A list of the given type (`T[]`, `List<T>`, `IEnumerable<T>`).
    pub(crate) fn new(ty: Ty, items: Vec<Value>) -> Rc<List> {
        Rc::new(List {
            ty,
            items: RefCell::new(items),
        })
    }

    /// Its .NET type.
    pub(crate) fn ty(&self) -> &Ty {
        &self.ty
    }

    /// The items.
    pub fn items(&self) -> Ref<'_, Vec<Value>> {
        self.items.borrow()
    }

    /// The items, to change them. Rows must not call back into the evaluator while holding it.
    pub(crate) fn items_mut(&self) -> RefMut<'_, Vec<Value>> {
        self.items.borrow_mut()
    }
}

impl Drop for List {
    fn drop(&mut self) {
        drop_later(self.items.get_mut().drain(..));
    }
}

/// What a dictionary is keyed by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Text(String),
    Number(i64),
    Bytes(Vec<u8>),
    /// Parts of a tuple or of an object of an anonymous type.
    Parts(Vec<Key>),
    Null,
}

impl Key {
    /// The key of a value under .NET's default equality; `fold` for `StringComparer.OrdinalIgnoreCase`.
    pub(crate) fn of(value: &Value, fold: bool) -> Key {
        match value {
            Value::Null => Key::Null,
            Value::Str(s) if fold => Key::Text(super::text::upper_invariant(s)),
            Value::Str(s) => Key::Text(s.to_string()),
            Value::Bool(b) => Key::Number(i64::from(*b)),
            Value::Char(c) => Key::Number(i64::from(*c)),
            Value::Enum(_, n) | Value::TimeSpan(n) => Key::Number(*n),
            Value::DateTime(d) => Key::Number(d.ticks),
            Value::DateTimeOffset(d) => Key::Number(d.utc_ticks()),
            Value::Guid(g) => Key::Bytes(g.to_vec()),
            Value::Double(d) => Key::Bytes(d.to_be_bytes().to_vec()),
            Value::Token(t) => Key::Text(t.key()),
            Value::List(l) => Key::Number(Rc::as_ptr(l) as usize as i64),
            Value::Dict(d) => Key::Number(Rc::as_ptr(d) as usize as i64),
            Value::Object(o) if o.parts().is_some() => Key::Parts(
                o.parts()
                    .unwrap_or_default()
                    .iter()
                    .map(|v| Key::of(v, false))
                    .collect(),
            ),
            other => match other.as_i64() {
                Some(n) => Key::Number(n),
                None => Key::Text(other.to_text().to_string()),
            },
        }
    }
}

/// A `Dictionary<K, V>`, or a `HashSet<T>` whose values are unused. Keeps the order of insertion, as .NET does
/// until something is removed.
#[derive(Debug)]
pub struct Dict {
    ty: Ty,
    fold: bool,
    data: RefCell<DictData>,
}

#[derive(Debug, Default)]
struct DictData {
    entries: Vec<(Value, Value)>,
    index: HashMap<Key, usize>,
}

impl Dict {
    /// An empty one; `fold` compares text keys without case.
    pub(crate) fn new(ty: Ty, fold: bool) -> Rc<Dict> {
        Rc::new(Dict {
            ty,
            fold,
            data: RefCell::default(),
        })
    }

    /// Its .NET type.
    pub(crate) fn ty(&self) -> &Ty {
        &self.ty
    }

    /// Whether text keys compare without case.
    pub(crate) fn folds(&self) -> bool {
        self.fold
    }

    /// The value under a key.
    pub fn get(&self, key: &Value) -> Option<Value> {
        let data = self.data.borrow();
        data.index
            .get(&Key::of(key, self.fold))
            .map(|&i| data.entries[i].1.clone())
    }

    /// Adds or replaces; the former value.
    pub fn insert(&self, key: Value, value: Value) -> Option<Value> {
        let mut data = self.data.borrow_mut();
        let at = data.entries.len();
        match data.index.entry(Key::of(&key, self.fold)) {
            std::collections::hash_map::Entry::Occupied(e) => {
                let i = *e.get();
                Some(std::mem::replace(&mut data.entries[i].1, value))
            }
            std::collections::hash_map::Entry::Vacant(e) => {
                e.insert(at);
                data.entries.push((key, value));
                None
            }
        }
    }

    /// Removes a key; its value.
    pub fn remove(&self, key: &Value) -> Option<Value> {
        let mut data = self.data.borrow_mut();
        let at = data.index.remove(&Key::of(key, self.fold))?;
        let (_, value) = data.entries.remove(at);
        for i in data.index.values_mut() {
            if *i > at {
                *i -= 1;
            }
        }
        Some(value)
    }

    /// Removes everything.
    pub fn clear(&self) {
        let old = std::mem::take(&mut *self.data.borrow_mut());
        drop_later(old.entries.into_iter().map(|(_, v)| v));
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.data.borrow().entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys and values in order.
    pub fn entries(&self) -> Vec<(Value, Value)> {
        self.data.borrow().entries.clone()
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        drop_later(
            std::mem::take(&mut self.data.get_mut().entries)
                .into_iter()
                .map(|(_, v)| v),
        );
    }
}

thread_local! {
    static PENDING: RefCell<Option<Vec<Value>>> = const { RefCell::new(None) };
}

/// Drops values without recursion: the outermost call empties a work list that nested drops only add to.
pub(crate) fn drop_later(values: impl Iterator<Item = Value>) {
    let mut values = values
        .filter(|v| {
            matches!(
                v,
                Value::List(_)
                    | Value::Dict(_)
                    | Value::Token(_)
                    | Value::Object(_)
                    | Value::Func(_)
            )
        })
        .peekable();
    if values.peek().is_none() {
        return;
    }
    // `try_with`: a value kept in another thread-local may die after this one.
    let outermost = PENDING.try_with(|p| {
        let mut p = p.borrow_mut();
        match p.as_mut() {
            Some(list) => {
                list.extend(&mut values);
                false
            }
            None => {
                *p = Some(values.by_ref().collect());
                true
            }
        }
    });
    if outermost == Ok(true) {
        while let Ok(Some(next)) = PENDING.try_with(|p| p.borrow_mut().as_mut().and_then(Vec::pop))
        {
            drop(next);
        }
        let _ = PENDING.try_with(|p| *p.borrow_mut() = None);
    }
}
