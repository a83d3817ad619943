//! Arguments of a row, and how rows read them.

use super::{Cx, Throw, null_reference, throw};
use crate::expr::types::Ty;
use crate::value::token::Kind;
use crate::value::{Dict, List, Object, Str, Token, Value};
use bytes::Bytes;
use std::rc::Rc;

/// What a row gets.
pub(crate) struct Args<'a> {
    pub(crate) values: &'a mut [Value],
    /// Type arguments: of the class, then of the method.
    pub(crate) types: &'a [Ty],
}

fn null_argument() -> Throw {
    throw("ArgumentNullException", "Value cannot be null.")
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
            _ => Err(null_argument()),
        }
    }

    /// As [`Args::str`] without taking a share.
    pub(crate) fn text(&self, i: usize) -> Result<&str, Throw> {
        match self.values.get(i) {
            Some(Value::Str(s)) => Ok(s),
            _ => Err(null_argument()),
        }
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
            _ => Err(null_argument()),
        }
    }

    pub(crate) fn dict(&self, i: usize) -> Result<Rc<Dict>, Throw> {
        match self.values.get(i) {
            Some(Value::Dict(d)) => Ok(d.clone()),
            _ => Err(null_argument()),
        }
    }

    pub(crate) fn bytes(&self, i: usize) -> Result<Bytes, Throw> {
        self.values
            .get(i)
            .and_then(Value::as_bytes)
            .ok_or_else(null_argument)
    }

    /// An object of a known struct.
    pub(crate) fn object<T: Object>(&self, i: usize) -> Result<&T, Throw> {
        match self.values.get(i) {
            Some(Value::Object(o)) => o.as_any().downcast_ref::<T>().ok_or_else(null_argument),
            _ => Err(null_argument()),
        }
    }

    /// The items of a sequence.
    pub(crate) fn items(&self, cx: &mut Cx<'_>, i: usize) -> Result<Vec<Value>, Throw> {
        match self.values.get(i) {
            None | Some(Value::Null) => Err(throw(
                "ArgumentNullException",
                "Value cannot be null. (Parameter 'source')",
            )),
            Some(v) => iterate(cx, v),
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

/// What a `foreach` over the value yields.
pub(crate) fn iterate(cx: &mut Cx<'_>, v: &Value) -> Result<Vec<Value>, Throw> {
    let items = match v {
        Value::Null => return Err(null_reference()),
        Value::List(l) => l.items().clone(),
        Value::Bytes(b) => {
            cx.charge(b.len().saturating_mul(size_of::<Value>()))?;
            b.iter().map(|b| Value::Byte(*b)).collect()
        }
        Value::Str(s) => {
            cx.charge(s.len().saturating_mul(size_of::<Value>()))?;
            s.encode_utf16().map(Value::Char).collect()
        }
        Value::Token(t) => match t.kind() {
            Kind::Scalar(_) => Vec::new(),
            _ => t.children().into_iter().map(Value::Token).collect(),
        },
        Value::Dict(d) => {
            let set = !matches!(d.ty(), Ty::Class(n, _) if n.contains("Dictionary"));
            d.entries()
                .into_iter()
                .map(|(k, v)| if set { k } else { pair(d.ty(), k, v) })
                .collect()
        }
        Value::Host(_) => crate::expr::table::dictionaries::entries(cx, v)?,
        Value::Object(o) => o.items().ok_or_else(null_reference)?,
        _ => return Err(null_reference()),
    };
    cx.step(items.len() / 4)?;
    cx.charge(items.len().saturating_mul(size_of::<Value>()))?;
    Ok(items)
}

fn pair(dict: &Ty, key: Value, value: Value) -> Value {
    let args = match dict {
        Ty::Class(_, a) if a.len() == 2 => (a[0].clone(), a[1].clone()),
        _ => (Ty::Object, Ty::Object),
    };
    crate::expr::table::dictionaries::pair(args.0, args.1, key, value)
}
