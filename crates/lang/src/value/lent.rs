//! What the exchange or an expression lends: a value that nobody took a share of yet.
//!
//! Hosts answer with it, and an evaluation may: a condition that only looks at a text need not count a reference to it,
//! nor copy it. Who keeps the value turns it into one of its own with [`Lent::into_value`].

use super::{Frozen, Str, Value};

/// A value that may still belong to the exchange or to the expression.
#[derive(Clone, Debug)]
pub enum Lent<'a> {
    /// A text that is shared: keeping it takes a share.
    Text(&'a Str),
    /// A text that is part of something else: keeping it copies it.
    Part(&'a str),
    /// A value that is kept elsewhere, such as a variable.
    Kept(&'a Value),
    /// A value made for the asker.
    Own(Value),
}

impl<'a> Lent<'a> {
    /// `null`.
    pub const NULL: Lent<'static> = Lent::Own(Value::Null);

    /// The value, with a share of what it holds.
    #[inline]
    pub fn into_value(self) -> Value {
        match self {
            Lent::Own(value) => value,
            Lent::Text(text) => Value::Str(text.clone()),
            Lent::Kept(value) => value.clone(),
            Lent::Part(text) => Value::from(text),
        }
    }

    /// The value where it is one already; a text that is lent is none.
    #[inline]
    pub fn value(&self) -> Option<&Value> {
        match self {
            Lent::Own(value) => Some(value),
            Lent::Kept(value) => Some(value),
            Lent::Text(_) | Lent::Part(_) => None,
        }
    }

    /// The text, if it is a `System.String`.
    #[inline]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Lent::Text(text) => Some(text),
            Lent::Part(text) => Some(text),
            Lent::Kept(value) => value.as_str(),
            Lent::Own(value) => value.as_str(),
        }
    }

    /// Whether it is `null`.
    #[inline]
    pub fn is_null(&self) -> bool {
        self.value().is_some_and(Value::is_null)
    }

    /// The text as [`Value::to_text`] gives it.
    pub fn to_text(&self) -> Str {
        match self {
            Lent::Text(text) => Str::clone(text),
            Lent::Part(text) => Str::from(*text),
            Lent::Kept(value) => value.to_text(),
            Lent::Own(value) => value.to_text(),
        }
    }

    /// As [`Lent::to_text`], of what nobody else asks.
    pub fn into_text(self) -> Str {
        match self {
            Lent::Own(Value::Str(text)) => text,
            other => other.to_text(),
        }
    }

    /// A constant.
    #[inline]
    pub(crate) fn constant(frozen: &'a Frozen) -> Lent<'a> {
        match frozen {
            Frozen::Text(text) => Lent::Text(text),
            other => Lent::Own(other.thaw()),
        }
    }
}

impl From<bool> for Lent<'_> {
    fn from(b: bool) -> Self {
        Lent::Own(Value::Bool(b))
    }
}

impl From<i32> for Lent<'_> {
    fn from(n: i32) -> Self {
        Lent::Own(Value::Int(n))
    }
}

impl From<i64> for Lent<'_> {
    fn from(n: i64) -> Self {
        Lent::Own(Value::Long(n))
    }
}
