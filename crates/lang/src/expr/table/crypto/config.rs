//! Names of algorithms, as `CryptoConfig.CreateFromName` reads them.
//!
//! Called by every `Create(name)`. What must stay true: a name that is not known gives null; one of another kind of
//! algorithm makes that one, which then is no value of the type that was asked for.

use super::{Hasher, null, random};
use crate::expr::eval::{Args, R, throw, types};
use crate::expr::table::{MemberKind, rsa, symmetric, table};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use std::rc::Rc;

/// What `Create(name)` of a class gives: what the name means, if it is a value of the class.
pub(in crate::expr::table) fn create(a: &Args<'_>, parameter: &str, class: &'static str) -> R {
    let name = a.text(0).map_err(|_| null(parameter))?;
    let hasher = Hasher::named(name)?.map(|h| Rc::new(h) as Rc<dyn Object>);
    let made = hasher
        .or_else(|| symmetric::by_name(name))
        .or_else(|| random::by_name(name));
    match made {
        Some(made) => types::cast(&Ty::class(class), Value::Object(made)),
        None => match rsa::by_name(name) {
            Some(made) => types::cast(&Ty::class(class), made?),
            // An object of any class can be made, which is no algorithm.
            None if is_class(name) => Err(throw(
                "InvalidCastException",
                format!("Unable to cast object of type '{name}' to type '{class}'."),
            )),
            None => Ok(Value::Null),
        },
    }
}

/// Whether a name is that of a class with constructors.
fn is_class(name: &str) -> bool {
    // An array has no constructor that takes nothing.
    if name.ends_with("[]") {
        return false;
    }
    let full = name.split(['`', '[']).next().unwrap_or(name);
    let simple = full.rsplit('.').next().unwrap_or(full);
    table().get(simple).is_some_and(|t| {
        let mut members = t.members.iter();
        t.full == full && members.any(|m| m.kind == MemberKind::Constructor)
    })
}
