//! `XDeclaration`.

use super::null;
use crate::expr::eval::{Args, R};
use crate::expr::table::{Row, m};
use crate::value::xml::{Declaration, Declared};
use crate::value::{Str, Value};

/// A part of a declaration.
fn declared(a: &Args<'_>, part: fn(&mut Declaration) -> &mut Option<Str>) -> R {
    let declaration = a.object::<Declared>(0)?;
    let found = part(&mut declaration.0.borrow_mut()).clone();
    Ok(found.map_or(Value::Null, Value::Str))
}

fn set_declared(a: &Args<'_>, part: fn(&mut Declaration) -> &mut Option<Str>) -> R {
    let declaration = a.object::<Declared>(0)?;
    *part(&mut declaration.0.borrow_mut()) = a.str(1).ok();
    Ok(Value::Null)
}

pub(super) const ROWS: &[Row] = &[
    m(
        "new(string version, string encoding, string standalone)",
        |_, a| {
            let part = |i: usize| a.str(i).ok();
            Ok(Declared::value(Declaration {
                version: part(0),
                encoding: part(1),
                standalone: part(2),
            }))
        },
    ),
    m("new(XDeclaration other)", |_, a| {
        let other = a.object::<Declared>(0).map_err(|_| null("other"))?;
        let copy = other.0.borrow().clone();
        Ok(Declared::value(copy))
    }),
    // In the order of .NET's class, which is that of their names: JSON has them so.
    m("string Encoding", |_, a| declared(a, |d| &mut d.encoding)),
    m("string Standalone", |_, a| {
        declared(a, |d| &mut d.standalone)
    }),
    m("string Version", |_, a| declared(a, |d| &mut d.version)),
    m("set string Version", |_, a| {
        set_declared(a, |d| &mut d.version)
    }),
    m("set string Encoding", |_, a| {
        set_declared(a, |d| &mut d.encoding)
    }),
    m("set string Standalone", |_, a| {
        set_declared(a, |d| &mut d.standalone)
    }),
];
