//! `JValue`, `JRaw` and `JTokenEqualityComparer`.

use super::convert::made;
use super::from::scalar;
use crate::expr::eval::{Args, Cx, R};
use crate::expr::table::{Row, Type, m, ty};
use crate::expr::types::Ty;
use crate::value::token::{Form, Kind, compare};
use crate::value::{Object, Token, Value};
use std::any::Any;
use std::rc::Rc;

/// `JTokenEqualityComparer`.
#[derive(Debug)]
pub(crate) struct Comparer {
    /// Whether it is `JToken.EqualityComparer`.
    single: bool,
}

impl Object for Comparer {
    fn ty(&self) -> Ty {
        Ty::class("JTokenEqualityComparer")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn is_single(&self) -> bool {
        self.single
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Comparer>();
        other.is_some_and(|o| std::ptr::eq(self, o) || (self.single && o.single))
    }
}

pub(in crate::expr::table) fn comparer() -> Value {
    Value::Object(Rc::new(Comparer { single: true }))
}

/// `new JValue(x)` where the constructor is that of the argument's type.
fn typed(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    cx.charge(96)?;
    Ok(Value::Token(made(&a.get(0))))
}

/// `new JValue((object)x)`: the value stays as it is.
fn boxed(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    cx.charge(96)?;
    let v = a.get(0);
    match scalar(&v) {
        Some(t) => Ok(Value::Token(t)),
        None => Err(super::content::undetermined(&v)),
    }
}

fn text(cx: &mut Cx<'_>, a: &Args<'_>, form: Form) -> R {
    cx.charge(96)?;
    Ok(Value::Token(Token::formed(a.get(0), form)))
}

/// `CompareTo` of a value with a token or a value; anything is more than null.
pub(in crate::expr::table) fn compared_to(t: &Token, other: &Value) -> R {
    let own = t.value().unwrap_or_default();
    let mut ty = t.type_number();
    let other = match other.clone() {
        Value::Null => return Ok(Value::Int(1)),
        Value::Token(o) if o.value().is_some() => {
            // A text is compared as what the other is.
            if ty == 8 && o.type_number() != 8 {
                ty = o.type_number();
            }
            o.value().unwrap_or_default()
        }
        v => v,
    };
    Ok(Value::Int(compare::distance(ty, &own, &other)?))
}

fn compared(a: &Args<'_>) -> R {
    compared_to(&a.token(0)?, &a.values[1])
}

/// `ToString(format)`: what has no formats prints as ever.
fn formatted(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let v = a.token(0)?.value().unwrap_or_default();
    let formattable = !matches!(
        v,
        Value::Null
            | Value::Str(_)
            | Value::Bool(_)
            | Value::Char(_)
            | Value::Object(_)
            | Value::Bytes(_)
    );
    match a.text(1) {
        Ok(format) if formattable => {
            let s = crate::expr::eval::formatted(&v, Some(format))?;
            cx.text(s)
        }
        _ => {
            let s = v.to_text();
            cx.text(s)
        }
    }
}

const VALUE: &[Row] = &[
    m("new(JValue other)", |cx, a| {
        cx.charge(96)?;
        let other = a.token(0)?;
        Ok(Value::Token(match other.form() {
            Form::Raw => Token::formed(other.value().unwrap_or_default(), Form::RawValue),
            Form::RawGiven => Token::formed(other.value().unwrap_or_default(), Form::Plain),
            _ => other.deep_clone(),
        }))
    }),
    m("new(long value)", typed),
    m("new(ulong value)", typed),
    m("new(decimal value)", typed),
    m("new(char value)", typed),
    m("new(double value)", typed),
    m("new(float value)", typed),
    m("new(DateTime value)", typed),
    m("new(DateTimeOffset value)", typed),
    m("new(bool value)", typed),
    m("new(string value)", |cx, a| text(cx, a, Form::Text)),
    m("new(Guid value)", typed),
    m("new(Uri value)", typed),
    m("new(TimeSpan value)", typed),
    m("new(object value)", boxed),
    m("static JValue CreateNull()", |_, _| {
        Ok(Value::Token(Token::null()))
    }),
    m("static JValue CreateUndefined()", |_, _| {
        Ok(Value::Token(Token::formed(Value::Null, Form::Undefined)))
    }),
    m("static JValue CreateString(string value)", |cx, a| {
        text(cx, a, Form::Text)
    }),
    m("static JValue CreateComment(string value)", |cx, a| {
        text(cx, a, Form::Comment)
    }),
    m("object Value", |_, a| {
        Ok(a.token(0)?.value().unwrap_or_default())
    }),
    m("set object Value", |_, a| {
        let v = a.get(1);
        match scalar(&v) {
            Some(t) => {
                let v = t.value().unwrap_or_default();
                a.token(0)?.set_value(v);
                Ok(Value::Null)
            }
            None => Err(super::content::undetermined(&v)),
        }
    }),
    m("bool Equals(JValue other)", |_, a| {
        Ok(Value::Bool(match a.token(1) {
            Ok(o) => a.token(0)?.value_equals(&o),
            Err(_) => false,
        }))
    }),
    m("string ToString()", |cx, a| {
        let v = a.token(0)?.value().unwrap_or_default().to_text();
        cx.text(v)
    }),
    m("string ToString(string format)", |cx, a| formatted(cx, a)),
    m(
        "string ToString(IFormatProvider formatProvider)",
        |cx, a| {
            let v = a.token(0)?.value().unwrap_or_default().to_text();
            cx.text(v)
        },
    ),
    m(
        "string ToString(string format, IFormatProvider formatProvider)",
        |cx, a| formatted(cx, a),
    ),
    m("[Explicit] int CompareTo(object obj)", |_, a| compared(a)),
    m("int CompareTo(JValue obj)", |_, a| {
        // Unlike the overload for an object, by the own type alone.
        let t = a.token(0)?;
        let Ok(other) = a.token(1) else {
            return Ok(Value::Int(1));
        };
        let (own, other) = (
            t.value().unwrap_or_default(),
            other.value().unwrap_or_default(),
        );
        Ok(Value::Int(compare::distance(
            t.type_number(),
            &own,
            &other,
        )?))
    }),
];

const RAW: &[Row] = &[
    m("new(JRaw other)", |cx, a| {
        cx.charge(96)?;
        let other = a.token(0)?;
        Ok(Value::Token(other.deep_clone()))
    }),
    m("new(object rawJson)", |cx, a| text(cx, a, Form::Raw)),
];

/// A hash that equal tokens share.
fn hash(t: &Token) -> i32 {
    let own = i32::try_from(t.type_number()).unwrap_or(0);
    let below = match t.kind() {
        Kind::Scalar(v) => crate::expr::table::core::hash(&v.borrow()),
        Kind::Property(name, value) => {
            let below = value.borrow().as_ref().map_or(0, hash);
            crate::expr::table::core::hash(&Value::Str(name.clone())) ^ below
        }
        Kind::Constructor(name, _) => {
            let name = Value::Str(name.borrow().clone());
            let below = t.children().iter().fold(0, |all, t| all ^ hash(t));
            crate::expr::table::core::hash(&name) ^ below
        }
        // The order of properties does not count.
        _ => t.children().iter().fold(0, |all, t| all ^ hash(t)),
    };
    own.wrapping_mul(397) ^ below
}

const COMPARER: &[Row] = &[
    m("new()", |_, _| {
        Ok(Value::Object(Rc::new(Comparer { single: false })))
    }),
    m("bool Equals(JToken x, JToken y)", |_, a| {
        Ok(Value::Bool(match (a.token(1), a.token(2)) {
            (Ok(x), Ok(y)) => x.deep_equals(&y),
            (Err(_), Err(_)) => true,
            _ => false,
        }))
    }),
    m("int GetHashCode(JToken obj)", |cx, a| match a.token(1) {
        Ok(t) => {
            cx.step(t.descendants(true).len())?;
            Ok(Value::Int(hash(&t)))
        }
        Err(_) => Ok(Value::Int(0)),
    }),
];

pub(in crate::expr::table) const TYPES: &[Type] = &[
    ty(
        "class Newtonsoft.Json.Linq.JValue : JToken, IComparable, IFormattable, IConvertible",
        VALUE,
    ),
    ty("class Newtonsoft.Json.Linq.JRaw : JValue", RAW),
    ty(
        "class Newtonsoft.Json.Linq.JTokenEqualityComparer : IEqualityComparer<JToken>",
        COMPARER,
    ),
];
