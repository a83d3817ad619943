//! Arrays, lists, query results, dictionaries and sets.
//!
//! What must stay true: they alias as .NET's do; dropping a deep nest does not use the stack (see [`drop_later`]).

use super::{Object, Str, Value};
use crate::expr::table::xml::compare::content_key;
use crate::expr::types::Ty;
use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::mem::{Discriminant, discriminant};
use std::rc::Rc;

/// An array, a `List<T>`, or the materialised result of a query.
#[derive(Debug)]
pub struct List {
    ty: Ty,
    items: RefCell<Vec<Value>>,
    version: Cell<u32>,
    /// `Capacity` as far as it was set; only for show.
    capacity: Cell<u32>,
    /// Lengths of the dimensions of an array that has more than one; its items are in row order.
    lengths: Option<Box<[usize]>>,
}

/// Most types of which a thread keeps the empty array.
const MAX_EMPTY: usize = 64;

impl List {
    /// A list of the given type (`T[]`, `List<T>`, `IEnumerable<T>`).
    pub(crate) fn new(ty: Ty, items: Vec<Value>) -> Rc<List> {
        Rc::new(List {
            ty,
            items: RefCell::new(items),
            version: Cell::new(0),
            capacity: Cell::new(0),
            lengths: None,
        })
    }

    /// The empty array of a type that .NET's own methods give: always the same one.
    pub(crate) fn empty(of: &Ty) -> Rc<List> {
        thread_local! {
            static EMPTY: RefCell<Vec<Rc<List>>> = const { RefCell::new(Vec::new()) };
        }
        let same = |l: &&Rc<List>| matches!(&l.ty, Ty::Array(known) if **known == *of);
        EMPTY.with_borrow_mut(|all| {
            if let Some(known) = all.iter().find(same) {
                return known.clone();
            }
            let made = List::new(Ty::array(of.clone()), Vec::new());
            // Types are as many as expressions name; those of a thread that has seen too many are forgotten.
            if all.len() >= MAX_EMPTY {
                all.clear();
            }
            all.push(made.clone());
            made
        })
    }

    /// An array of more than one dimension: as many items as the product of the lengths, in row order.
    pub(crate) fn rectangular(ty: Ty, lengths: Vec<usize>, items: Vec<Value>) -> Rc<List> {
        Rc::new(List {
            ty,
            items: RefCell::new(items),
            version: Cell::new(0),
            capacity: Cell::new(0),
            lengths: Some(lengths.into()),
        })
    }

    /// Lengths of the dimensions, when there is more than one.
    pub(crate) fn lengths(&self) -> Option<&[usize]> {
        self.lengths.as_deref()
    }

    /// Its .NET type.
    pub(crate) fn ty(&self) -> &Ty {
        &self.ty
    }

    /// The items.
    pub fn items(&self) -> Ref<'_, Vec<Value>> {
        self.items.borrow()
    }

    /// The items, to change them: running enumerations end. Rows must not call back into the evaluator while holding it.
    pub(crate) fn items_mut(&self) -> RefMut<'_, Vec<Value>> {
        self.version.set(self.version.get().wrapping_add(1));
        self.items.borrow_mut()
    }

    /// How often it was changed.
    pub(crate) fn version(&self) -> u32 {
        self.version.get()
    }

    /// `Capacity`: doubles where items outgrow it.
    pub(crate) fn capacity(&self) -> u32 {
        let n = u32::try_from(self.items.borrow().len()).unwrap_or(u32::MAX);
        let mut capacity = self.capacity.get();
        while capacity < n {
            capacity = capacity.saturating_mul(2).max(4);
        }
        self.capacity.set(capacity);
        capacity
    }

    /// Sets `Capacity`.
    pub(crate) fn set_capacity(&self, capacity: u32) {
        self.capacity.set(capacity);
    }
}

impl Drop for List {
    fn drop(&mut self) {
        drop_later(self.items.get_mut().drain(..));
    }
}

/// How sets and dictionaries compare keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Equality {
    /// `EqualityComparer<T>.Default`.
    #[default]
    Default,
    /// A `StringComparer` that ignores case.
    IgnoreCase,
    /// `JTokenEqualityComparer`: by content.
    Tokens,
    /// `XNodeEqualityComparer`: by content.
    Nodes,
}

/// What a dictionary is keyed by: a value as .NET's default equality sees it.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    /// Parts of a tuple or of an object of an anonymous type.
    Parts(Vec<Key>),
    Null,
    Text(Str),
    /// Kind of the value, and its bits.
    Number(Discriminant<Value>, u64),
    Bytes(Discriminant<Value>, [u8; 16]),
    /// A JSON token, by its own notion of equality.
    Token(String),
    /// An object that compares by value: a text that equal ones share, and the object.
    Equal(String, Rc<dyn Object>),
    /// A reference. The value is kept, so that no other is made at its address.
    Same(Value),
}

impl Key {
    /// The key of a value.
    pub(crate) fn of(value: &Value, how: Equality) -> Key {
        let number = |bits: u64| Key::Number(discriminant(value), bits);
        match value {
            Value::Null => Key::Null,
            Value::Str(s) if how == Equality::IgnoreCase => {
                Key::Text(super::text::upper_invariant(s).into())
            }
            Value::Str(s) => Key::Text(s.clone()),
            Value::Bool(b) => number(u64::from(*b)),
            Value::Char(c) => number(u64::from(*c)),
            Value::Enum(e, n) => Key::Bytes(discriminant(value), {
                let mut bytes = [0; 16];
                let place = std::ptr::from_ref::<super::EnumType>(e).addr() as u64;
                bytes[..8].copy_from_slice(&place.to_ne_bytes());
                bytes[8..].copy_from_slice(&n.to_ne_bytes());
                bytes
            }),
            Value::TimeSpan(n) => number(n.cast_unsigned()),
            Value::DateTime(d) => number(d.ticks.cast_unsigned()),
            Value::DateTimeOffset(d) => number(d.utc_ticks().cast_unsigned()),
            Value::Guid(g) => Key::Bytes(discriminant(value), *g),
            // Adding zero makes -0 the key that 0 is.
            Value::Double(d) if d.is_nan() => number(f64::NAN.to_bits()),
            Value::Double(d) => number((d + 0.0).to_bits()),
            Value::Float(d) if d.is_nan() => number(u64::from(f32::NAN.to_bits())),
            Value::Float(d) => number(u64::from((d + 0.0).to_bits())),
            Value::Decimal(d) => Key::Bytes(discriminant(value), d.normalize().serialize()),
            Value::ULong(n) => number(*n),
            Value::Object(o) if how == Equality::Nodes && o.as_any().is::<super::xml::Node>() => {
                let node = o.as_any().downcast_ref::<super::xml::Node>();
                Key::Token(node.map(content_key).unwrap_or_default())
            }
            Value::Token(t) if how == Equality::Tokens => Key::Token(t.deep_key()),
            Value::Token(t) => match t.scalar_key() {
                Some(content) => Key::Token(content),
                None => Key::Same(value.clone()),
            },
            Value::List(_)
            | Value::Dict(_)
            | Value::Response(_)
            | Value::Func(_)
            | Value::Bytes(_) => Key::Same(value.clone()),
            Value::Host(h) => Key::Text(format!("{h:?}").into()),
            Value::Object(o) if o.parts().is_some() => Key::Parts(
                o.parts()
                    .unwrap_or_default()
                    .iter()
                    .map(|v| Key::of(v, Equality::Default))
                    .collect(),
            ),
            Value::Object(o) => match o.hash_text() {
                Some(text) => Key::Equal(text, o.clone()),
                None => Key::Same(value.clone()),
            },
            other => number(other.as_i64().unwrap_or(0).cast_unsigned()),
        }
    }
}

/// Where a reference leads; nowhere for values.
fn address(value: &Value) -> usize {
    let place: *const () = match value {
        Value::Token(t) => t.address(),
        Value::List(l) => Rc::as_ptr(l).cast(),
        Value::Dict(d) => Rc::as_ptr(d).cast(),
        Value::Response(r) => Rc::as_ptr(r).cast(),
        Value::Func(f) => Rc::as_ptr(&f.0).cast(),
        Value::Bytes(b) => b.as_ptr().cast(),
        Value::Object(o) => Rc::as_ptr(o).cast(),
        _ => std::ptr::null(),
    };
    place.addr()
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        match (self, other) {
            (Key::Null, Key::Null) => true,
            (Key::Text(a), Key::Text(b)) => a == b,
            (Key::Number(k, a), Key::Number(l, b)) => k == l && a == b,
            (Key::Bytes(k, a), Key::Bytes(l, b)) => k == l && a == b,
            (Key::Token(a), Key::Token(b)) => a == b,
            (Key::Parts(a), Key::Parts(b)) => a == b,
            (Key::Equal(a, x), Key::Equal(b, y)) => a == b && x.equals(&**y),
            (Key::Same(a), Key::Same(b)) => address(a) == address(b),
            _ => false,
        }
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Key::Null => 0.hash(state),
            Key::Text(s) => s.hash(state),
            Key::Number(_, n) => n.hash(state),
            Key::Bytes(_, b) => b.hash(state),
            Key::Token(s) | Key::Equal(s, _) => s.hash(state),
            Key::Parts(all) => all.hash(state),
            Key::Same(v) => address(v).hash(state),
        }
    }
}

/// A `Dictionary<K, V>`, or a `HashSet<T>` whose values are unused. Enumerates as .NET's does: in the order of insertion,
/// where a new entry takes the place of the one removed last.
#[derive(Debug)]
pub struct Dict {
    ty: Ty,
    how: Equality,
    data: RefCell<DictData>,
    /// What `EnsureCapacity` answers; only for show.
    capacity: Cell<usize>,
}

/// Sizes that .NET's hash tables grow to.
const PRIMES: [usize; 72] = [
    3, 7, 11, 17, 23, 29, 37, 47, 59, 71, 89, 107, 131, 163, 197, 239, 293, 353, 431, 521, 631,
    761, 919, 1103, 1327, 1597, 1931, 2333, 2801, 3371, 4049, 4861, 5839, 7013, 8419, 10103, 12143,
    14591, 17519, 21023, 25229, 30293, 36353, 43627, 52361, 62851, 75431, 90523, 108_631, 130_363,
    156_437, 187_751, 225_307, 270_371, 324_449, 389_357, 467_237, 560_689, 672_827, 807_403,
    968_897, 1_162_687, 1_395_263, 1_674_319, 2_009_191, 2_411_033, 2_893_249, 3_471_899,
    4_166_287, 4_999_559, 5_999_471, 7_199_369,
];

/// The first of those sizes that holds so many; beyond the table the number itself.
fn prime(n: usize) -> usize {
    PRIMES.into_iter().find(|p| *p >= n).unwrap_or(n)
}

#[derive(Debug, Default)]
struct DictData {
    entries: Vec<Option<(Value, Value)>>,
    /// Places of removed entries, the last one first to be used again.
    free: Vec<usize>,
    index: HashMap<Key, usize>,
    version: u32,
}

impl Dict {
    /// An empty one; `fold` compares text keys without case.
    pub(crate) fn new(ty: Ty, fold: bool) -> Rc<Dict> {
        Dict::with(
            ty,
            if fold {
                Equality::IgnoreCase
            } else {
                Equality::Default
            },
        )
    }

    /// An empty one whose keys compare as told.
    pub(crate) fn with(ty: Ty, how: Equality) -> Rc<Dict> {
        Rc::new(Dict {
            ty,
            how,
            data: RefCell::default(),
            capacity: Cell::new(0),
        })
    }

    /// Its .NET type.
    pub(crate) fn ty(&self) -> &Ty {
        &self.ty
    }

    /// Whether text keys compare without case.
    pub(crate) fn folds(&self) -> bool {
        self.how == Equality::IgnoreCase
    }

    /// Makes room; nothing for nothing.
    pub(crate) fn reserve(&self, n: usize) {
        self.capacity.set(if n == 0 { 0 } else { prime(n) });
    }

    /// How many it has room for.
    pub(crate) fn capacity(&self) -> usize {
        let n = self.data.borrow().entries.len();
        let mut capacity = self.capacity.get();
        while capacity < n {
            capacity = prime(capacity.saturating_mul(2).max(3));
        }
        self.capacity.set(capacity);
        capacity
    }

    /// `TrimExcess`: gives back room, when a smaller size holds all, and forgets the places of what was removed.
    pub(crate) fn trim(&self) {
        let smaller = prime(self.len());
        if smaller >= self.capacity() {
            return;
        }
        self.capacity.set(smaller);
        let mut data = self.data.borrow_mut();
        let data = &mut *data;
        data.version = data.version.wrapping_add(1);
        if data.free.is_empty() {
            return;
        }
        data.free.clear();
        // Entries keep their order, each moves over the holes before it.
        let mut kept = 0;
        let moved: Vec<usize> = data
            .entries
            .iter()
            .map(|e| {
                let at = kept;
                kept += usize::from(e.is_some());
                at
            })
            .collect();
        for at in data.index.values_mut() {
            *at = moved[*at];
        }
        data.entries.retain(Option::is_some);
    }

    /// How keys compare.
    pub(crate) fn equality(&self) -> Equality {
        self.how
    }

    /// The value under a key.
    pub fn get(&self, key: &Value) -> Option<Value> {
        self.entry(key).map(|(_, v)| v)
    }

    /// The key as it was added, and its value.
    pub(crate) fn entry(&self, key: &Value) -> Option<(Value, Value)> {
        let data = self.data.borrow();
        let at = *data.index.get(&Key::of(key, self.how))?;
        data.entries.get(at).cloned().flatten()
    }

    /// Whether there is such a key.
    pub(crate) fn contains(&self, key: &Value) -> bool {
        self.data
            .borrow()
            .index
            .contains_key(&Key::of(key, self.how))
    }

    /// Adds or replaces; the former value. Only adding ends running enumerations.
    pub fn insert(&self, key: Value, value: Value) -> Option<Value> {
        let mut data = self.data.borrow_mut();
        let data = &mut *data;
        match data.index.entry(Key::of(&key, self.how)) {
            Entry::Occupied(e) => match data.entries.get_mut(*e.get()) {
                Some(Some((_, old))) => Some(std::mem::replace(old, value)),
                _ => None,
            },
            Entry::Vacant(e) => {
                data.version = data.version.wrapping_add(1);
                match data.free.pop() {
                    Some(at) => {
                        e.insert(at);
                        data.entries[at] = Some((key, value));
                    }
                    None => {
                        e.insert(data.entries.len());
                        data.entries.push(Some((key, value)));
                    }
                }
                None
            }
        }
    }

    /// Adds a key that is not there yet; whether it was added.
    pub(crate) fn add(&self, key: Value, value: Value) -> bool {
        !self.contains(&key) && self.insert(key, value).is_none()
    }

    /// Removes a key; its value. Running enumerations go on, as in .NET since Core 3.
    pub fn remove(&self, key: &Value) -> Option<Value> {
        let removed = {
            let mut data = self.data.borrow_mut();
            let at = data.index.remove(&Key::of(key, self.how))?;
            let old = data.entries.get_mut(at).and_then(Option::take);
            data.free.push(at);
            old
        };
        removed.map(|(_, value)| value)
    }

    /// Removes everything.
    pub fn clear(&self) {
        // The room stays.
        self.capacity();
        let old = {
            let mut data = self.data.borrow_mut();
            let version = data.version;
            let old = std::mem::take(&mut *data);
            data.version = version;
            old
        };
        drop_later(old.values());
    }

    /// How many.
    pub fn len(&self) -> usize {
        let data = self.data.borrow();
        data.entries.len() - data.free.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys and values in order.
    pub fn entries(&self) -> Vec<(Value, Value)> {
        self.data
            .borrow()
            .entries
            .iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// The first entry at a place or after it, and its place.
    pub(crate) fn entry_from(&self, at: usize) -> Option<(usize, Value, Value)> {
        let data = self.data.borrow();
        let rest = data.entries.get(at..)?;
        rest.iter()
            .enumerate()
            .find_map(|(i, e)| e.clone().map(|(k, v)| (at + i, k, v)))
    }

    /// How often something was added.
    pub(crate) fn version(&self) -> u32 {
        self.data.borrow().version
    }
}

impl DictData {
    fn values(self) -> impl Iterator<Item = Value> {
        self.entries.into_iter().flatten().flat_map(|(k, v)| [k, v])
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        drop_later(std::mem::take(self.data.get_mut()).values());
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
