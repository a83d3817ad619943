//! .NET values as expressions see them.
//!
//! What must stay true: a value is cheap to clone; reference types (JSON tokens, lists) alias as in .NET.
//! Values belong to one exchange on one thread; [`Frozen`] is what may cross threads (caches).

pub mod collections;
pub mod frozen;
pub mod lent;
pub mod number;
pub mod object;
pub mod response;
pub mod text;
pub mod time;
pub mod token;
pub(crate) mod xml;

pub use collections::{Dict, List};
pub use frozen::Frozen;
pub use lent::Lent;
pub use object::Object;
pub use response::Response;
pub use time::{DateTime, DateTimeOffset, Kind};
pub use token::Token;

use crate::expr::eval::Closure;
use crate::expr::types::Ty;
use bytes::Bytes;
use rust_decimal::Decimal;
use std::rc::Rc;
use std::sync::Arc;

/// Shared immutable text.
pub type Str = Arc<str>;

/// Members of an enum type.
#[derive(Debug, PartialEq, Eq)]
pub struct EnumType {
    /// Full .NET name.
    pub name: &'static str,
    /// Whether values combine (`[Flags]`).
    pub flags: bool,
    /// Names and numbers.
    pub members: &'static [(&'static str, i64)],
}

/// One of the objects of `context` that the host stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostObject(pub(crate) crate::expr::table::context::Part);

/// A delegate: code of the expression with what it captured.
#[derive(Clone)]
pub struct Func(pub(crate) Rc<Closure>);

impl std::fmt::Debug for Func {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Func")
    }
}

/// A value.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `System.Boolean`.
    Bool(bool),
    /// `System.Char`: one UTF-16 unit.
    Char(u16),
    /// `System.SByte`.
    SByte(i8),
    /// `System.Byte`.
    Byte(u8),
    /// `System.Int16`.
    Short(i16),
    /// `System.UInt16`.
    UShort(u16),
    /// `System.Int32`.
    Int(i32),
    /// `System.UInt32`.
    UInt(u32),
    /// `System.Int64`.
    Long(i64),
    /// `System.UInt64`.
    ULong(u64),
    /// `System.Single`.
    Float(f32),
    /// `System.Double`.
    Double(f64),
    /// `System.Decimal`.
    Decimal(Decimal),
    /// `System.String`.
    Str(Str),
    /// `System.Byte[]`.
    Bytes(Bytes),
    /// `System.DateTime`.
    DateTime(DateTime),
    /// `System.DateTimeOffset`.
    DateTimeOffset(DateTimeOffset),
    /// `System.TimeSpan`, in ticks of 100 ns.
    TimeSpan(i64),
    /// `System.Guid`, in the order of its text.
    Guid([u8; 16]),
    /// A value of an enum.
    Enum(&'static EnumType, i64),
    /// A JSON token (`Newtonsoft.Json.Linq`).
    Token(Token),
    /// An array, `List<T>` or the result of a query.
    List(Rc<List>),
    /// `Dictionary<K, V>` or `HashSet<T>`.
    Dict(Rc<Dict>),
    /// A response (`IResponse`) that a policy put into a variable.
    Response(Rc<Response>),
    /// Any other object.
    Object(Rc<dyn Object>),
    /// A delegate.
    Func(Func),
    /// A part of `context`.
    Host(HostObject),
}

impl Value {
    /// The text as API Management writes a result into a header or a body: null is empty, bool `True`/`False`,
    /// numbers invariant, JSON tokens their `ToString()`.
    pub fn to_text(&self) -> Str {
        match self {
            Value::Str(s) => s.clone(),
            Value::Null => Str::from(""),
            Value::Bool(true) => Str::from("True"),
            Value::Bool(false) => Str::from("False"),
            _ => {
                let mut out = String::new();
                // What XML cannot write is refused where an expression asks for its text; an empty text is the safe rest.
                if text::write(self, &mut out).is_err() {
                    out.clear();
                }
                Str::from(out)
            }
        }
    }

    /// A deep copy that may cross threads; `None` for what cannot be stored.
    pub fn freeze(&self) -> Option<Frozen> {
        Frozen::of(self, 0)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The number, if it is an integer of any width.
    pub fn as_i64(&self) -> Option<i64> {
        Some(match *self {
            Value::SByte(n) => n.into(),
            Value::Byte(n) => n.into(),
            Value::Short(n) => n.into(),
            Value::UShort(n) => n.into(),
            Value::Int(n) => n.into(),
            Value::UInt(n) => n.into(),
            Value::Long(n) => n,
            Value::ULong(n) => i64::try_from(n).ok()?,
            _ => return None,
        })
    }

    /// The text, if it is a `System.String`.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(s) => Some(s),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The bytes of a `byte[]`, also of one that the expression filled itself.
    pub fn as_bytes(&self) -> Option<Bytes> {
        match self {
            Value::Bytes(b) => Some(b.clone()),
            Value::List(l) if l.ty() == &Ty::array(Ty::Byte) => Some(
                l.items()
                    .iter()
                    .map(|v| if let Value::Byte(b) = v { *b } else { 0 })
                    .collect::<Vec<u8>>()
                    .into(),
            ),
            _ => None,
        }
    }

    /// A `string[]`.
    pub fn strings(items: impl IntoIterator<Item = Str>) -> Value {
        Value::List(List::new(
            Ty::array(Ty::String),
            items.into_iter().map(Value::Str).collect(),
        ))
    }

    /// A UTC `DateTime` from .NET ticks.
    pub fn utc(ticks: i64) -> Value {
        Value::DateTime(DateTime {
            ticks,
            kind: Kind::Utc,
        })
    }

    /// A JSON text parsed as `JToken.Parse` does; the error is Json.NET's message.
    pub fn json(text: &str) -> Result<Value, String> {
        token::parse::parse(text).map(Value::Token)
    }

    /// Full .NET name of the value's type, as exceptions name it; `System.Object` for null.
    pub fn type_name(&self) -> String {
        if let Value::Object(o) = self
            && let Some(name) = o.class_name()
        {
            return name;
        }
        self.ty().full_name()
    }

    /// The .NET type of the value; `object` for null.
    pub(crate) fn ty(&self) -> Ty {
        match self {
            Value::Null => Ty::Object,
            Value::Bool(_) => Ty::Bool,
            Value::Char(_) => Ty::Char,
            Value::SByte(_) => Ty::SByte,
            Value::Byte(_) => Ty::Byte,
            Value::Short(_) => Ty::Short,
            Value::UShort(_) => Ty::UShort,
            Value::Int(_) => Ty::Int,
            Value::UInt(_) => Ty::UInt,
            Value::Long(_) => Ty::Long,
            Value::ULong(_) => Ty::ULong,
            Value::Float(_) => Ty::Float,
            Value::Double(_) => Ty::Double,
            Value::Decimal(_) => Ty::Decimal,
            Value::Str(_) => Ty::String,
            Value::Bytes(_) => Ty::array(Ty::Byte),
            Value::DateTime(_) => Ty::class("DateTime"),
            Value::DateTimeOffset(_) => Ty::class("DateTimeOffset"),
            Value::TimeSpan(_) => Ty::class("TimeSpan"),
            Value::Guid(_) => Ty::class("Guid"),
            Value::Enum(e, _) => Ty::class(e.name.rsplit('.').next().unwrap_or(e.name)),
            Value::Token(t) => Ty::class(t.class()),
            Value::List(l) => l.ty().clone(),
            Value::Dict(d) => d.ty().clone(),
            Value::Response(_) => Ty::class("IResponse"),
            Value::Object(o) => o.ty(),
            Value::Func(f) => f.0.ty.clone(),
            Value::Host(h) => h.0.ty(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(Str::from(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(Str::from(text))
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Value {
        Value::Str(text)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Value {
        Value::Int(n)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Value {
        Value::Long(n)
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Value {
        Value::Double(n)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::Bool(b)
    }
}

impl From<Bytes> for Value {
    fn from(b: Bytes) -> Value {
        Value::Bytes(b)
    }
}
