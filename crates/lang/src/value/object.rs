//! Objects that have no variant of their own: `StringBuilder`, `Regex`, `Uri`, `Jwt` and the like.
//!
//! What must stay true: [`Object::ty`] names a type of the table, and only rows of that type downcast to the struct.

use super::{Frozen, Value};
use crate::expr::types::Ty;
use std::any::Any;
use std::fmt::Debug;

/// Why an object has no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritten {
    /// Simple name of the exception's class.
    pub class: &'static str,
    /// Its message.
    pub message: String,
}

/// An object behind a [`Value::Object`].
pub trait Object: Debug + 'static {
    /// Its .NET type.
    #[doc(hidden)]
    fn ty(&self) -> Ty;
    /// For the rows of its type.
    fn as_any(&self) -> &dyn Any;
    /// `ToString()`; the type's name where .NET prints that.
    fn text(&self) -> String {
        self.ty().full_name()
    }
    /// `ToString()` of a type where it may throw.
    ///
    /// # Errors
    /// What it throws.
    fn written(&self) -> Result<String, Unwritten> {
        Ok(self.text())
    }
    /// `Equals`; by reference unless the type says otherwise.
    fn equals(&self, other: &dyn Object) -> bool {
        std::ptr::addr_eq(
            std::ptr::from_ref(self.as_any()),
            std::ptr::from_ref(other.as_any()),
        )
    }
    /// `IComparable.CompareTo`, when the type has an order.
    fn order(&self, other: &dyn Object) -> Option<std::cmp::Ordering> {
        let _ = other;
        None
    }
    /// Whether equal objects are one and the same in .NET, as those of a static property are.
    fn is_single(&self) -> bool {
        false
    }
    /// A copy that may cross threads, when the type can be stored.
    fn freeze(&self) -> Option<Frozen> {
        None
    }
    /// The values of a tuple or of an object of an anonymous type, which is equal to another when all of them are.
    fn parts(&self) -> Option<&[Value]> {
        None
    }
    /// What a sequence of this type yields, when it is one.
    fn items(&self) -> Option<Vec<Value>> {
        None
    }
    /// Whether it is a sequence, also one whose items only an evaluation can tell.
    fn is_sequence(&self) -> bool {
        self.items().is_some() || self.enumerated().is_some()
    }
    /// The value that is gone through in its place.
    fn enumerated(&self) -> Option<Value> {
        None
    }
    /// A text that is the same for equal objects, when `Equals` compares by value: what dictionaries find them by.
    fn hash_text(&self) -> Option<String> {
        None
    }
    /// How many objects its text and its equality go through, itself included. Types that hold others by value give
    /// what `eval::weigh` said when they were made, which bounds it.
    fn weight(&self) -> usize {
        1
    }
    /// Full name of the class behind it, where the type of the table is a base of it.
    fn class_name(&self) -> Option<String> {
        None
    }
    /// `IFormattable.ToString(format)`, when the type has formats.
    fn format(&self, format: &str) -> Option<String> {
        let _ = format;
        None
    }
}
