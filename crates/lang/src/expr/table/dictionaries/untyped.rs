//! `System.Collections.IDictionary`, which is what `Exception.Data` gives.
//!
//! Source: .NET's `ListDictionaryInternal`. What must stay true: a key that is not there gives null; entries stand in the
//! order in which they were added; every look-up counts the entries it goes through.

use super::super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, equals, null_argument, throw, weigh};
use crate::expr::types::Ty;
use crate::value::collections::drop_later;
use crate::value::{Object, Value};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// The dictionary. Its interface, without type arguments, has a name of its own: a type is found by its simple name.
#[derive(Debug, Default)]
pub(crate) struct Entries(RefCell<Vec<Entry>>);

/// `DictionaryEntry`.
#[derive(Clone, Debug)]
struct Entry {
    key: Value,
    value: Value,
    weight: usize,
}

/// Keys or values, as they are when one looks.
#[derive(Debug)]
struct Column {
    of: Rc<dyn Object>,
    values: bool,
}

impl Object for Entries {
    fn ty(&self) -> Ty {
        Ty::class("IObjectDictionary")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.class_name().unwrap_or_default()
    }
    fn class_name(&self) -> Option<String> {
        Some("System.Collections.ListDictionaryInternal".into())
    }
    fn items(&self) -> Option<Vec<Value>> {
        let all = self.0.borrow();
        Some(
            all.iter()
                .map(|e| Value::Object(Rc::new(e.clone())))
                .collect(),
        )
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        let all = self.0.take();
        drop_later(all.into_iter().flat_map(|mut e| e.taken()));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        drop_later(self.taken().into_iter());
    }
}

impl Entry {
    /// What nests no deeper than it can be compared and dropped.
    fn new(key: Value, value: Value) -> Result<Entry, Throw> {
        let weight = weigh([&key, &value])?;
        Ok(Entry { key, value, weight })
    }

    fn taken(&mut self) -> [Value; 2] {
        [
            std::mem::take(&mut self.key),
            std::mem::take(&mut self.value),
        ]
    }
}

impl Object for Entry {
    fn weight(&self) -> usize {
        self.weight
    }
    fn ty(&self) -> Ty {
        Ty::class("DictionaryEntry")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Entry>();
        other.is_some_and(|o| equals(&self.key, &o.key) && equals(&self.value, &o.value))
    }
}

/// `default(DictionaryEntry)`.
pub(crate) fn no_entry() -> Value {
    Value::Object(Rc::new(Entry {
        key: Value::Null,
        value: Value::Null,
        weight: 1,
    }))
}

impl Object for Column {
    fn ty(&self) -> Ty {
        Ty::class("IObjectCollection")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.class_name().unwrap_or_default()
    }
    fn class_name(&self) -> Option<String> {
        Some("System.Collections.ListDictionaryInternal+NodeKeyValueCollection".into())
    }
    fn items(&self) -> Option<Vec<Value>> {
        let all = self.of.as_any().downcast_ref::<Entries>()?.pairs();
        let one = |(k, v)| if self.values { v } else { k };
        Some(all.into_iter().map(one).collect())
    }
}

impl Entries {
    /// Keys with their values.
    pub(crate) fn pairs(&self) -> Vec<(Value, Value)> {
        let all = self.0.borrow();
        all.iter()
            .map(|e| (e.key.clone(), e.value.clone()))
            .collect()
    }

    fn position(&self, cx: &mut Cx<'_>, key: &Value) -> Result<Option<usize>, Throw> {
        if key.is_null() {
            return Err(null_argument("key"));
        }
        cx.step(self.0.borrow().len())?;
        Ok(self.0.borrow().iter().position(|e| equals(&e.key, key)))
    }
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Entries, Throw> {
    a.object::<Entries>(0)
}

fn set(cx: &mut Cx<'_>, a: &Args<'_>, over: bool) -> R {
    cx.charge(size_of::<Entry>())?;
    let at = this(a)?.position(cx, &a.get(1))?;
    let made = Entry::new(a.get(1), a.get(2))?;
    let mut all = this(a)?.0.borrow_mut();
    match at.and_then(|at| all.get_mut(at)) {
        Some(place) if over => {
            let old = std::mem::replace(place, made);
            drop(all);
            drop(old);
        }
        Some(known) => {
            return Err(throw(
                "ArgumentException",
                format!(
                    "Item has already been added. Key in dictionary: '{}'  Key being added: '{}'",
                    known.key.to_text(),
                    made.key.to_text()
                ),
            ));
        }
        None => all.push(made),
    }
    Ok(Value::Null)
}

fn column(a: &Args<'_>, values: bool) -> R {
    match a.get(0) {
        Value::Object(of) => Ok(Value::Object(Rc::new(Column { of, values }))),
        _ => Ok(Value::Null),
    }
}

const DICTIONARY: &[Row] = &[
    m("object this[object key]", |cx, a| {
        let at = this(a)?.position(cx, &a.get(1))?;
        let all = this(a)?.0.borrow();
        Ok(at
            .and_then(|at| all.get(at))
            .map(|e| e.value.clone())
            .unwrap_or_default())
    }),
    m("set object this[object key]", |cx, a| set(cx, a, true)),
    m("int Count", |_, a| {
        Ok(Value::Int(this(a)?.0.borrow().len() as i32))
    }),
    m("bool IsReadOnly", |_, _| Ok(Value::Bool(false))),
    m("bool IsFixedSize", |_, _| Ok(Value::Bool(false))),
    m("IObjectCollection Keys", |_, a| column(a, false)),
    m("IObjectCollection Values", |_, a| column(a, true)),
    m("void Add(object key, object value)", |cx, a| {
        set(cx, a, false)
    }),
    m("bool Contains(object key)", |cx, a| {
        let at = this(a)?.position(cx, &a.get(1))?;
        Ok(Value::Bool(at.is_some()))
    }),
    m("void Remove(object key)", |cx, a| {
        if let Some(at) = this(a)?.position(cx, &a.get(1))? {
            let old = this(a)?.0.borrow_mut().remove(at);
            drop(old);
        }
        Ok(Value::Null)
    }),
    m("void Clear()", |_, a| {
        let old = this(a)?.0.take();
        drop(old);
        Ok(Value::Null)
    }),
];

const ENTRY: &[Row] = &[
    m("new(object key, object value)", |cx, a| {
        cx.charge(size_of::<Entry>())?;
        Ok(Value::Object(Rc::new(Entry::new(a.get(0), a.get(1))?)))
    }),
    m("object Key", |_, a| Ok(a.object::<Entry>(0)?.key.clone())),
    m("object Value", |_, a| {
        Ok(a.object::<Entry>(0)?.value.clone())
    }),
];

pub(in crate::expr::table) const TYPES: &[Type] = &[
    ty("struct System.Collections.DictionaryEntry", ENTRY),
    ty(
        "interface System.Collections.IObjectCollection : ISequence",
        &[m("int Count", |_, a| {
            let all = match a.get(0) {
                Value::Object(o) => o.items(),
                _ => None,
            };
            Ok(Value::Int(all.map_or(0, |all| all.len() as i32)))
        })],
    ),
    ty(
        "interface System.Collections.IObjectDictionary : IObjectCollection",
        DICTIONARY,
    ),
];
