//! Arguments of a row, and how rows read them.

use super::{Cx, Iter, Throw, null_reference, throw};
use crate::expr::types::Ty;
use crate::value::{Dict, List, Object, Str, Token, Value};
use bytes::Bytes;
use std::rc::Rc;

/// What a row gets.
pub(crate) struct Args<'a> {
    pub(crate) values: &'a mut [Value],
    /// Type arguments: of the class, then of the method.
    pub(crate) types: &'a [Ty],
}

/// `ArgumentNullException` of a parameter.
pub(crate) fn null_argument(name: &str) -> Throw {
    throw(
        "ArgumentNullException",
        if name.is_empty() {
            "Value cannot be null.".into()
        } else {
            format!("Value cannot be null. (Parameter '{name}')")
        },
    )
}

fn no_value() -> Throw {
    null_argument("")
}

impl Args<'_> {
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn get(&self, i: usize) -> Value {
        self.values.get(i).cloned().unwrap_or_default()
    }

    pub(crate) fn take(&mut self, i: usize) -> Value {
        self.values
            .get_mut(i)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    pub(crate) fn is_null(&self, i: usize) -> bool {
        self.values.get(i).is_none_or(Value::is_null)
    }

    pub(crate) fn ty(&self, i: usize) -> Ty {
        self.types.get(i).cloned().unwrap_or(Ty::Object)
    }

    /// A text that must not be null.
    pub(crate) fn str(&self, i: usize) -> Result<Str, Throw> {
        match self.values.get(i) {
            Some(Value::Str(s)) => Ok(s.clone()),
            _ => Err(no_value()),
        }
    }

    /// As [`Args::str`] without taking a share.
    pub(crate) fn text(&self, i: usize) -> Result<&str, Throw> {
        match self.values.get(i) {
            Some(Value::Str(s)) => Ok(s),
            _ => Err(no_value()),
        }
    }

    /// A text that must not be null, of the parameter with that name.
    pub(crate) fn named(&self, i: usize, name: &str) -> Result<&str, Throw> {
        self.text(i).map_err(|_| null_argument(name))
    }

    pub(crate) fn int(&self, i: usize) -> i64 {
        match self.values.get(i) {
            Some(Value::Enum(_, n)) => *n,
            Some(Value::Char(c)) => i64::from(*c),
            Some(v) => v.as_i64().unwrap_or(0),
            None => 0,
        }
    }

    /// An index or a length: negative is out of range.
    pub(crate) fn size(&self, i: usize, name: &str) -> Result<usize, Throw> {
        usize::try_from(self.int(i)).map_err(|_| out_of_range(name))
    }

    pub(crate) fn bool(&self, i: usize) -> bool {
        matches!(self.values.get(i), Some(Value::Bool(true)))
    }

    pub(crate) fn double(&self, i: usize) -> f64 {
        self.values
            .get(i)
            .and_then(crate::value::number::as_f64)
            .unwrap_or(0.0)
    }

    pub(crate) fn token(&self, i: usize) -> Result<Token, Throw> {
        match self.values.get(i) {
            Some(Value::Token(t)) => Ok(t.clone()),
            _ => Err(null_reference()),
        }
    }

    pub(crate) fn list(&self, i: usize) -> Result<Rc<List>, Throw> {
        match self.values.get(i) {
            Some(Value::List(l)) => Ok(l.clone()),
            _ => Err(no_value()),
        }
    }

    pub(crate) fn dict(&self, i: usize) -> Result<Rc<Dict>, Throw> {
        match self.values.get(i) {
            Some(Value::Dict(d)) => Ok(d.clone()),
            _ => Err(no_value()),
        }
    }

    pub(crate) fn bytes(&self, i: usize) -> Result<Bytes, Throw> {
        self.values
            .get(i)
            .and_then(Value::as_bytes)
            .ok_or_else(no_value)
    }

    /// An object of a known struct.
    pub(crate) fn object<T: Object>(&self, i: usize) -> Result<&T, Throw> {
        match self.values.get(i) {
            Some(Value::Object(o)) => o.as_any().downcast_ref::<T>().ok_or_else(no_value),
            _ => Err(no_value()),
        }
    }

    /// The items of a sequence.
    pub(crate) fn items(&self, cx: &mut Cx<'_>, i: usize) -> Result<Vec<Value>, Throw> {
        match self.values.get(i) {
            None | Some(Value::Null) => Err(null_argument("source")),
            Some(v) => iterate(cx, v),
        }
    }

    /// Starts to go through a sequence.
    pub(crate) fn iter(&self, cx: &mut Cx<'_>, i: usize) -> Result<Iter, Throw> {
        match self.values.get(i) {
            None | Some(Value::Null) => Err(null_argument("source")),
            Some(v) => Iter::of(cx, v),
        }
    }

    /// `ArgumentNullException` for the first of the arguments that is null; an empty name is not checked.
    pub(crate) fn not_null(&self, names: &[&str]) -> Result<(), Throw> {
        match names
            .iter()
            .enumerate()
            .find(|(i, n)| !n.is_empty() && self.is_null(*i))
        {
            Some((_, name)) => Err(null_argument(name)),
            None => Ok(()),
        }
    }
}

pub(crate) fn out_of_range(name: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!(
            "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter '{name}')"
        ),
    )
}

/// All that a `foreach` over the value yields.
pub(crate) fn iterate(cx: &mut Cx<'_>, v: &Value) -> Result<Vec<Value>, Throw> {
    if let Value::List(l) = v {
        let items = l.items().clone();
        cx.step(items.len() / 4)?;
        cx.charge(items.len().saturating_mul(size_of::<Value>()))?;
        return Ok(items);
    }
    super::Iter::of(cx, v)?.rest(cx)
}
