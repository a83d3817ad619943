//! Names of algorithms, as `CryptoConfig.CreateFromName` reads them.
//!
//! Called by every `Create(name)`. What must stay true: a name that is not known gives null; one of another kind of
//! algorithm makes that one, which then is no value of the type that was asked for.

use super::{Hasher, null, random};
use crate::expr::eval::{Args, R, throw, types};
use crate::expr::table::{Member, MemberKind, TypeKind, rsa, symmetric, table};
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

/// Whether a name is that of a class of .NET's core library that can be made of nothing.
fn is_class(name: &str) -> bool {
    // What a generic class is of stands in brackets behind its name, and nothing behind them; an array is made of its length.
    let generic = name.contains('`');
    let full = match name.split_once(['`', '[']) {
        Some(_) if !generic || !name.ends_with(']') => return false,
        Some((full, _)) => full,
        None => name,
    };
    let other = [
        "System.Xml.",
        "System.Net.",
        "System.Linq.",
        "System.Uri",
        "Newtonsoft.",
    ];
    if other.iter().any(|of| full.starts_with(of)) {
        return false;
    }
    let simple = full.rsplit('.').next().unwrap_or(full);
    table().get(simple).is_some_and(|t| {
        let empty = |m: &Member| m.kind == MemberKind::Constructor && m.params.is_empty();
        t.full == full && (t.kind == TypeKind::Struct || t.members.iter().any(empty))
    })
}
