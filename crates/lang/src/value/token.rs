//! The JSON tree of `Newtonsoft.Json.Linq`: objects, arrays, properties and values that alias and know their parent.
//!
//! What must stay true: a token that has a parent is cloned when it is put elsewhere, as Json.NET does; no tree is
//! nested deeper than [`MAX_HEIGHT`] nodes, so walking one with recursion is safe; property order is insertion order.

pub(crate) mod compare;
mod dates;
mod equal;
pub(crate) mod number;
pub(crate) mod parse;
mod place;
pub(crate) mod write;

pub(crate) use dates::date;
pub(crate) use place::path_name;

use super::{Str, Value};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

/// Nodes from root to leaf; a JSON level of objects takes two (property and value).
pub(crate) const MAX_HEIGHT: u16 = 512;

/// The tree would be nested too deeply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooDeep;

/// A `JToken`.
#[derive(Clone, Debug)]
pub struct Token(Rc<Node>);

#[derive(Debug)]
struct Node {
    parent: RefCell<Weak<Node>>,
    /// Upper bound of the levels below; never lowered on removal.
    height: Cell<u16>,
    /// What the type of a `JValue` is beside what its value says.
    form: Cell<Form>,
    annotations: RefCell<Vec<Value>>,
    kind: Kind,
}

/// Values whose `JTokenType` their value does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    #[default]
    Plain,
    /// Made of a text, which may be null.
    Text,
    Comment,
    Raw,
    /// Raw, in a `JValue` that was made of a `JRaw`.
    RawValue,
    /// A `JRaw` that was given a value of another type: no longer raw.
    RawGiven,
    Undefined,
}

/// What a token is.
#[derive(Debug)]
pub(crate) enum Kind {
    Object(RefCell<Fields>),
    Array(RefCell<Vec<Token>>),
    /// `new Name(items)`.
    Constructor(RefCell<Str>, RefCell<Vec<Token>>),
    /// Without a value when it was given a comment, which it does not take.
    Property(Str, RefCell<Option<Token>>),
    Scalar(RefCell<Value>),
}

/// The properties of an object, with an index once there are many.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    list: Vec<Token>,
    index: Option<HashMap<Str, usize>>,
}

const INDEX_FROM: usize = 12;

impl Fields {
    pub(crate) fn list(&self) -> &[Token] {
        &self.list
    }

    pub(crate) fn push(&mut self, property: Token) {
        if let (Some(index), Kind::Property(name, _)) = (&mut self.index, property.kind()) {
            index.insert(name.clone(), self.list.len());
        }
        self.list.push(property);
        if self.index.is_none() && self.list.len() >= INDEX_FROM {
            self.reindex();
        }
    }

    fn reindex(&mut self) {
        self.index = (self.list.len() >= INDEX_FROM).then(|| {
            self.list
                .iter()
                .enumerate()
                .filter_map(|(i, p)| p.name().map(|n| (n.clone(), i)))
                .collect()
        });
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self
                .list
                .iter()
                .position(|p| p.name().is_some_and(|n| &**n == name)),
        }
    }

    pub(crate) fn insert(&mut self, at: usize, property: Token) {
        self.list.insert(at, property);
        self.reindex();
    }

    fn remove(&mut self, at: usize) -> Token {
        let token = self.list.remove(at);
        self.reindex();
        token
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let children: Vec<Token> = match &mut self.kind {
            Kind::Object(f) => std::mem::take(&mut f.get_mut().list),
            Kind::Array(a) | Kind::Constructor(_, a) => std::mem::take(a.get_mut()),
            // The value of a property is dropped in place: heights are bounded, so this recursion is too.
            Kind::Property(..) | Kind::Scalar(_) => return,
        };
        super::collections::drop_later(
            children
                .into_iter()
                .filter(|t| !matches!(t.kind(), Kind::Scalar(_)))
                .map(Value::Token),
        );
    }
}

impl Token {
    /// A tree of a JSON text, in which texts that look like dates stay texts; `None` when it is no JSON.
    pub fn of_json(text: &str) -> Option<Token> {
        parse::parse_with(text, false).ok()
    }

    /// It as JSON, on one line.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        // A tree that was read has a value where one must be; another ends where it cannot be written.
        let _ = write::write(self, false, &mut out);
        out
    }
}

impl Token {
    fn new(kind: Kind) -> Token {
        Token(Rc::new(Node {
            parent: RefCell::default(),
            height: Cell::new(0),
            form: Cell::default(),
            annotations: RefCell::default(),
            kind,
        }))
    }

    /// A `JValue`; the value must be a scalar.
    pub(crate) fn scalar(value: Value) -> Token {
        Token::new(Kind::Scalar(RefCell::new(value)))
    }

    /// A `JValue` made of a text that may be null.
    pub(crate) fn text(value: Value) -> Token {
        Token::formed(value, Form::Text)
    }

    /// A `JValue` of a type of its own.
    pub(crate) fn formed(value: Value, form: Form) -> Token {
        let token = Token::scalar(value);
        token.0.form.set(form);
        token
    }

    pub(crate) fn form(&self) -> Form {
        self.0.form.get()
    }

    pub(crate) fn null() -> Token {
        Token::scalar(Value::Null)
    }

    /// A `JProperty` over a value that has no parent.
    pub(crate) fn property(name: Str, value: Token) -> Token {
        let height = value.0.height.get() + 1;
        let token = Token::new(Kind::Property(name, RefCell::new(Some(value.clone()))));
        *value.0.parent.borrow_mut() = Rc::downgrade(&token.0);
        token.0.height.set(height);
        token
    }

    /// A `JProperty` without a value.
    pub(crate) fn empty_property(name: Str) -> Token {
        Token::new(Kind::Property(name, RefCell::default()))
    }

    /// A `JProperty` as one is made of a value, which is copied when it stands somewhere.
    pub(crate) fn property_of(name: Str, value: Token) -> Result<Token, TooDeep> {
        let made = Token::empty_property(name);
        made.set_content(value)?;
        Ok(made)
    }

    /// A `JObject` over properties that have no parent.
    pub(crate) fn object(fields: Fields) -> Token {
        let height = fields
            .list
            .iter()
            .map(|t| t.0.height.get() + 1)
            .max()
            .unwrap_or(0);
        let token = Token::new(Kind::Object(RefCell::new(fields)));
        if let Kind::Object(f) = token.kind() {
            for p in &f.borrow().list {
                *p.0.parent.borrow_mut() = Rc::downgrade(&token.0);
            }
        }
        token.0.height.set(height);
        token
    }

    /// A `JArray` over tokens that have no parent.
    pub(crate) fn array(items: Vec<Token>) -> Token {
        Token::over(items, Kind::Array)
    }

    /// A `JConstructor` over tokens that have no parent.
    pub(crate) fn constructor(name: Str, items: Vec<Token>) -> Token {
        Token::over(items, |items| Kind::Constructor(RefCell::new(name), items))
    }

    fn over(items: Vec<Token>, kind: impl FnOnce(RefCell<Vec<Token>>) -> Kind) -> Token {
        let height = items
            .iter()
            .map(|t| t.0.height.get() + 1)
            .max()
            .unwrap_or(0);
        let token = Token::new(kind(RefCell::new(items)));
        if let Some(a) = token.items() {
            for t in &*a.borrow() {
                *t.0.parent.borrow_mut() = Rc::downgrade(&token.0);
            }
        }
        token.0.height.set(height);
        token
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// The items of an array or a constructor.
    pub(crate) fn items(&self) -> Option<&RefCell<Vec<Token>>> {
        match self.kind() {
            Kind::Array(items) | Kind::Constructor(_, items) => Some(items),
            _ => None,
        }
    }

    /// What was added to the token beside its content.
    pub(crate) fn annotations(&self) -> &RefCell<Vec<Value>> {
        &self.0.annotations
    }

    /// Name of the .NET class.
    pub(crate) fn class(&self) -> &'static str {
        match self.kind() {
            Kind::Object(_) => "JObject",
            Kind::Array(_) => "JArray",
            Kind::Constructor(..) => "JConstructor",
            Kind::Property(..) => "JProperty",
            Kind::Scalar(_) if matches!(self.form(), Form::Raw | Form::RawGiven) => "JRaw",
            Kind::Scalar(_) => "JValue",
        }
    }

    /// The number in `JTokenType`.
    pub(crate) fn type_number(&self) -> i64 {
        match self.kind() {
            Kind::Object(_) => 1,
            Kind::Array(_) => 2,
            Kind::Constructor(..) => 3,
            Kind::Property(..) => 4,
            Kind::Scalar(v) => match (self.form(), &*v.borrow()) {
                (Form::Comment, _) => 5,
                (Form::Raw | Form::RawValue, _) => 13,
                (Form::Undefined, _) => 11,
                (Form::Text, Value::Null) => 8,
                (_, v) => type_of_value(v),
            },
        }
    }

    /// Name of the token that a reader stands on when it has read this one.
    pub(crate) fn reader_name(&self) -> &'static str {
        match self.type_number() {
            1 => "StartObject",
            2 => "StartArray",
            3 => "StartConstructor",
            5 => "Comment",
            6 => "Integer",
            7 => "Float",
            9 => "Boolean",
            10 => "Null",
            11 => "Undefined",
            12 => "Date",
            13 => "Raw",
            14 => "Bytes",
            _ => "String",
        }
    }

    /// Name of a property.
    pub(crate) fn name(&self) -> Option<&Str> {
        match self.kind() {
            Kind::Property(name, _) => Some(name),
            _ => None,
        }
    }

    /// The value of a `JValue`.
    pub(crate) fn value(&self) -> Option<Value> {
        match self.kind() {
            Kind::Scalar(v) => Some(v.borrow().clone()),
            _ => None,
        }
    }

    pub(crate) fn same(&self, other: &Token) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Where it is: the same for every reference to it while one is left.
    pub(crate) fn address(&self) -> *const () {
        Rc::as_ptr(&self.0).cast()
    }

    pub(crate) fn parent(&self) -> Option<Token> {
        self.0.parent.borrow().upgrade().map(Token)
    }

    /// Whether it had a parent that nothing holds any more.
    pub(crate) fn lost_parent(&self) -> bool {
        let parent = self.0.parent.borrow();
        parent.upgrade().is_none() && !parent.ptr_eq(&Weak::new())
    }

    pub(crate) fn root(&self) -> Token {
        let mut at = self.clone();
        while let Some(up) = at.parent() {
            at = up;
        }
        at
    }

    /// Puts `item` under `self`: cloned when it already stands somewhere or would close a circle.
    fn adopt(&self, item: Token) -> Result<Token, TooDeep> {
        let has_values = !matches!(item.kind(), Kind::Scalar(_));
        let item = if item.parent().is_some()
            || item.same(self)
            || (has_values && self.root().same(&item))
        {
            item.deep_clone()
        } else {
            item
        };
        let mut height = item.0.height.get() + 1;
        let mut at = Some(self.clone());
        let mut changed = Vec::new();
        let mut above = 0u16;
        while let Some(node) = at {
            above += 1;
            changed.push((node.clone(), height));
            height = height.saturating_add(1);
            at = node.parent();
        }
        if item.0.height.get().saturating_add(above) > MAX_HEIGHT {
            return Err(TooDeep);
        }
        for (node, height) in changed {
            if node.0.height.get() >= height {
                break;
            }
            node.0.height.set(height);
        }
        *item.0.parent.borrow_mut() = Rc::downgrade(&self.0);
        Ok(item)
    }

    fn orphan(&self) {
        *self.0.parent.borrow_mut() = Weak::new();
    }

    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<Token> {
        match self.kind() {
            Kind::Object(f) => {
                let f = f.borrow();
                f.position(name).and_then(|i| f.list[i].content())
            }
            _ => None,
        }
    }

    /// Whether there is a property of that name.
    pub(crate) fn has_field(&self, name: &str) -> bool {
        match self.kind() {
            Kind::Object(f) => f.borrow().position(name).is_some(),
            _ => false,
        }
    }

    /// The property of that name.
    pub(crate) fn field_property(&self, name: &str, ignore_case: bool) -> Option<Token> {
        let Kind::Object(f) = self.kind() else {
            return None;
        };
        let f = f.borrow();
        if let Some(i) = f.position(name) {
            return Some(f.list[i].clone());
        }
        ignore_case
            .then(|| {
                f.list
                    .iter()
                    .find(|p| p.name().is_some_and(|n| n.eq_ignore_ascii_case(name)))
                    .cloned()
            })
            .flatten()
    }

    /// The value of a property.
    pub(crate) fn content(&self) -> Option<Token> {
        match self.kind() {
            Kind::Property(_, v) => v.borrow().clone(),
            _ => None,
        }
    }

    /// Sets the value of a property. One without a value takes no comment, one with a value keeps it when the new one
    /// is equal.
    pub(crate) fn set_content(&self, value: Token) -> Result<(), TooDeep> {
        let Kind::Property(_, slot) = self.kind() else {
            return Ok(());
        };
        let kept = match &*slot.borrow() {
            Some(old) => old.is_unchanged_by(&value),
            None => value.form() == Form::Comment,
        };
        if !kept {
            let value = self.adopt(value)?;
            if let Some(old) = slot.replace(Some(value)) {
                old.orphan();
            }
        }
        Ok(())
    }

    /// Whether Json.NET leaves this token where it is when another one is to take its place.
    pub(crate) fn is_unchanged_by(&self, new: &Token) -> bool {
        matches!(self.kind(), Kind::Scalar(_)) && (self.same(new) || self.value_equals(new))
    }

    /// Adds a field or replaces its value. Gives the property that was made for the value when only a copy of it was
    /// added, because the value is the root of the tree: it stays the parent of the value.
    pub(crate) fn set_field(&self, name: &Str, value: Token) -> Result<Option<Token>, TooDeep> {
        let Kind::Object(f) = self.kind() else {
            return Ok(None);
        };
        let found = {
            let f = f.borrow();
            f.position(name).map(|i| f.list[i].clone())
        };
        match found {
            Some(property) => property.set_content(value).map(|()| None),
            None => {
                let made = Token::property_of(name.clone(), value)?;
                let property = self.adopt(made.clone())?;
                let left = (!property.same(&made)).then_some(made);
                f.borrow_mut().push(property);
                Ok(left)
            }
        }
    }

    /// Inserts into an array, a constructor or an object.
    pub(crate) fn insert(&self, at: usize, item: Token) -> Result<(), TooDeep> {
        match self.kind() {
            Kind::Array(a) | Kind::Constructor(_, a) => {
                let item = self.adopt(item)?;
                let mut a = a.borrow_mut();
                let at = at.min(a.len());
                a.insert(at, item);
            }
            Kind::Object(f) => {
                let item = self.adopt(item)?;
                let mut f = f.borrow_mut();
                if at >= f.list.len() {
                    f.push(item);
                } else {
                    f.insert(at, item);
                }
            }
            Kind::Property(..) => self.set_content(item)?,
            Kind::Scalar(_) => {}
        }
        Ok(())
    }

    /// Appends to an array.
    pub(crate) fn push(&self, item: Token) -> Result<(), TooDeep> {
        self.insert(usize::MAX, item)
    }

    /// Children: properties of an object, items of an array, the value of a property.
    pub(crate) fn children(&self) -> Vec<Token> {
        match self.kind() {
            Kind::Object(f) => f.borrow().list.clone(),
            Kind::Array(a) | Kind::Constructor(_, a) => a.borrow().clone(),
            Kind::Property(_, v) => v.borrow().iter().cloned().collect(),
            Kind::Scalar(_) => Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self.kind() {
            Kind::Object(f) => f.borrow().list.len(),
            Kind::Array(a) | Kind::Constructor(_, a) => a.borrow().len(),
            Kind::Property(_, v) => usize::from(v.borrow().is_some()),
            Kind::Scalar(_) => 0,
        }
    }

    /// The n-th child.
    pub(crate) fn child(&self, at: usize) -> Option<Token> {
        match self.kind() {
            Kind::Object(f) => f.borrow().list.get(at).cloned(),
            Kind::Array(a) | Kind::Constructor(_, a) => a.borrow().get(at).cloned(),
            Kind::Property(_, v) => v.borrow().clone().filter(|_| at == 0),
            Kind::Scalar(_) => None,
        }
    }

    pub(crate) fn position_of(&self, child: &Token) -> Option<usize> {
        match self.kind() {
            Kind::Object(f) => f.borrow().list.iter().position(|t| t.same(child)),
            Kind::Array(a) | Kind::Constructor(_, a) => {
                a.borrow().iter().position(|t| t.same(child))
            }
            Kind::Property(_, v) => {
                let v = v.borrow();
                v.as_ref().filter(|v| v.same(child)).map(|_| 0)
            }
            Kind::Scalar(_) => None,
        }
    }

    /// Removes the n-th child.
    pub(crate) fn remove_at(&self, at: usize) -> Option<Token> {
        let removed = match self.kind() {
            Kind::Object(f) => {
                let mut f = f.borrow_mut();
                (at < f.list.len()).then(|| f.remove(at))
            }
            Kind::Array(a) | Kind::Constructor(_, a) => {
                let mut a = a.borrow_mut();
                (at < a.len()).then(|| a.remove(at))
            }
            _ => None,
        };
        if let Some(t) = &removed {
            t.orphan();
        }
        removed
    }

    /// Removes every child.
    pub(crate) fn clear(&self) {
        let old = match self.kind() {
            Kind::Object(f) => std::mem::take(&mut *f.borrow_mut()).list.clone(),
            Kind::Array(a) | Kind::Constructor(_, a) => std::mem::take(&mut *a.borrow_mut()),
            _ => return,
        };
        old.iter().for_each(Token::orphan);
    }

    /// Puts another token in the place of the n-th item of an array.
    pub(crate) fn replace_at(&self, at: usize, item: Token) -> Result<bool, TooDeep> {
        let Some(a) = self.items() else {
            return Ok(false);
        };
        if at >= a.borrow().len() {
            return Ok(false);
        }
        let item = self.adopt(item)?;
        let old = std::mem::replace(&mut a.borrow_mut()[at], item);
        old.orphan();
        Ok(true)
    }

    /// Makes another value of a `JValue`.
    pub(crate) fn put(&self, value: Value, form: Form) {
        if let Kind::Scalar(v) = self.kind() {
            v.replace(value);
            self.0.form.set(form);
        }
    }

    /// Sets the value of a `JValue`.
    pub(crate) fn set_value(&self, value: Value) {
        if let Kind::Scalar(v) = self.kind() {
            if value.ty() != v.borrow().ty() || value.is_null() != v.borrow().is_null() {
                let kept = matches!(value, Value::Str(_))
                    && matches!(self.form(), Form::Comment | Form::Raw | Form::RawValue);
                if !kept {
                    self.0.form.set(match self.form() {
                        Form::Raw | Form::RawGiven => Form::RawGiven,
                        _ => Form::Plain,
                    });
                }
            }
            *v.borrow_mut() = value;
        }
    }

    /// All tokens below, in document order; `with_self` first.
    pub(crate) fn descendants(&self, with_self: bool) -> Vec<Token> {
        let mut out = Vec::new();
        if with_self {
            out.push(self.clone());
        }
        let mut stack: Vec<Token> = self.children().into_iter().rev().collect();
        while let Some(t) = stack.pop() {
            stack.extend(t.children().into_iter().rev());
            out.push(t);
        }
        out
    }
}

/// The `JTokenType` of a value.
pub(crate) fn type_of_value(value: &Value) -> i64 {
    match value {
        Value::Null => 10,
        Value::Str(_) | Value::Char(_) => 8,
        Value::Bool(_) => 9,
        Value::Double(_) | Value::Float(_) | Value::Decimal(_) => 7,
        Value::DateTime(_) | Value::DateTimeOffset(_) => 12,
        Value::Bytes(_) => 14,
        Value::Guid(_) => 15,
        Value::TimeSpan(_) => 17,
        Value::Object(o) if o.as_any().is::<number::BigInteger>() => 6,
        Value::Object(_) => 16,
        _ => 6,
    }
}
