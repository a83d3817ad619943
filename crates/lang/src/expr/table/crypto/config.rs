//! Names of algorithms, as `CryptoConfig.CreateFromName` reads them.
//!
//! Called by every `Create(name)`. What must stay true: a name that is not known gives null; one of another kind of
//! algorithm makes that one, which then is no value of the type that was asked for.

use super::{Hasher, null, random};
use crate::expr::eval::{Args, R, types};
use crate::expr::table::{rsa, symmetric};
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
            None => Ok(Value::Null),
        },
    }
}
