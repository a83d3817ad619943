//! `object`, `Enum`, `Nullable`, `Array`, `Tuple`-free basics, delegates, `Guid`.

pub(super) mod boolean;
pub(super) mod chars;
mod enumeration;
mod guid;
mod version;

pub(super) use boolean::parse as parse_bool;
pub(super) use chars::of_text as char_of_text;

use super::{Row, Type, m, ty, ty_of};
use crate::expr::eval::{Args, Cx, R, equal, same, throw, types};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use std::any::Any;
use std::rc::Rc;

/// `GetHashCode`: as .NET computes it for numbers, `bool`, `char`, enums and `Guid`. For text .NET's is different in every
/// process; ours is stable, so that `new Random(text.GetHashCode())` decides alike everywhere.
pub(in crate::expr::table) fn hash(v: &Value) -> i32 {
    let wide = |n: u64| (n as i32) ^ ((n >> 32) as i32);
    match v {
        Value::Null => 0,
        Value::Bool(b) => i32::from(*b),
        Value::Int(n) => *n,
        Value::UInt(n) => *n as i32,
        Value::SByte(n) => i32::from(*n),
        Value::Byte(n) => i32::from(*n),
        Value::Short(n) => i32::from(*n),
        Value::UShort(n) => i32::from(*n),
        Value::Long(n) | Value::TimeSpan(n) => wide(*n as u64),
        Value::ULong(n) => wide(*n),
        // The zeros are equal, and so are all NaN.
        Value::Double(f) if *f == 0.0 => 0,
        Value::Double(f) if f.is_nan() => 0x7ff0_0000,
        Value::Double(f) => wide(f.to_bits()),
        Value::Float(f) if *f == 0.0 => 0,
        Value::Float(f) if f.is_nan() => 0x7f80_0000,
        Value::Float(f) => f.to_bits() as i32,
        Value::Decimal(d) => super::numbers::decimal_hash(d),
        Value::DateTime(d) => wide(d.ticks as u64),
        Value::DateTimeOffset(d) => wide(d.utc_ticks() as u64),
        Value::Char(c) => i32::from(*c) | (i32::from(*c) << 16),
        Value::Enum(_, n) => *n as i32,
        Value::Guid(g) => guid::hash(*g),
        Value::Object(o) if o.parts().is_some() => o
            .parts()
            .unwrap_or_default()
            .iter()
            .fold(17, |h: i32, v| h.wrapping_mul(31).wrapping_add(hash(v))),
        other => {
            let mut h: u32 = 2_166_136_261;
            for b in other.to_text().bytes() {
                h = (h ^ u32::from(b)).wrapping_mul(16_777_619);
            }
            h as i32
        }
    }
}

const OBJECT: &[Row] = &[
    m("new()", |_, _| Ok(Value::Object(Rc::new(Plain)))),
    m("string ToString()", |cx, a| {
        let s = a.get(0).to_text();
        cx.text(s)
    }),
    m("bool Equals(object obj)", |_, a| {
        Ok(Value::Bool(equal(&a.get(0), &a.get(1))))
    }),
    m("int GetHashCode()", |_, a| Ok(Value::Int(hash(&a.get(0))))),
    m("Type GetType()", super::types::get_type),
    m("static bool Equals(object objA, object objB)", |_, a| {
        Ok(Value::Bool(equal(&a.get(0), &a.get(1))))
    }),
    m(
        "static bool ReferenceEquals(object objA, object objB)",
        |_, a| Ok(Value::Bool(same(&a.get(0), &a.get(1)))),
    ),
];

/// `new object()`.
#[derive(Debug)]
struct Plain;

impl Object for Plain {
    fn ty(&self) -> Ty {
        Ty::Object
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

const NULLABLE: &[Row] = &[
    m("bool HasValue", |_, a| Ok(Value::Bool(!a.is_null(0)))),
    m("T Value", |_, a| match a.take(0) {
        Value::Null => Err(throw(
            "InvalidOperationException",
            "Nullable object must have a value.",
        )),
        v => Ok(v),
    }),
    m("T GetValueOrDefault()", |_, a| {
        let ty = a.ty(0);
        Ok(match a.take(0) {
            Value::Null => types::default_of(&ty),
            v => v,
        })
    }),
    m("T GetValueOrDefault(T defaultValue)", |_, a| {
        Ok(if a.is_null(0) { a.take(1) } else { a.take(0) })
    }),
    m("string ToString()", |_, a| {
        Ok(Value::Str(a.get(0).to_text()))
    }),
    m("bool Equals(object other)", |_, a| {
        Ok(Value::Bool(equal(&a.get(0), &a.get(1))))
    }),
    m("int GetHashCode()", |_, a| Ok(Value::Int(hash(&a.get(0))))),
    m("static int Compare<U>(U? n1, U? n2)", |_, a| {
        let (x, y) = (&a.values[0], &a.values[1]);
        Ok(Value::Int(match (x.is_null(), y.is_null()) {
            (true, true) => 0,
            (true, false) => -1,
            (false, true) => 1,
            _ => super::numbers::order(x, y) as i32,
        }))
    }),
    m("static bool Equals<U>(U? n1, U? n2)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
    m(
        "static Type GetUnderlyingType(Type nullableType)",
        |_, a| match super::types::argument(a, 0, "nullableType")? {
            Ty::Nullable(inner) => super::types::described((*inner).clone()),
            _ => Ok(Value::Null),
        },
    ),
];

/// `IComparable.CompareTo`: that of the value's own type; tuples have none that is public.
fn compare_to(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let table = super::table();
    let own = a.values[0].ty();
    let takes_object = |m: &&super::Member| {
        let object = matches!(&m.params[..], [p] if p.ty == Ty::Object);
        m.name == "CompareTo" && !m.is_static && object
    };
    // Of a class that derives from the one with the member too; this one is the interface's.
    let row = table
        .lineage(&own)
        .into_iter()
        .filter(|ty| *ty != Ty::class("IComparable"))
        .find_map(|ty| table.of(&ty)?.members.iter().find(takes_object));
    match row {
        Some(m) => (m.run)(cx, a),
        None => super::tuples::compare_to(cx, a),
    }
}

pub(super) const TYPES: &[Type] = &[
    ty("class System.Object", OBJECT),
    ty("class System.Void", &[]),
    ty(
        "class System.Enum : IComparable, IFormattable, IConvertible",
        enumeration::ROWS,
    ),
    ty("struct System.Nullable<T>", NULLABLE),
    ty("class System.Version : IComparable", version::ROWS),
    ty("struct System.Guid : IComparable, IFormattable", guid::ROWS),
    ty_of(
        "struct System.Char : IComparable, IConvertible",
        chars::ROWS,
    ),
    ty(
        "struct System.Boolean : IComparable, IConvertible",
        boolean::ROWS,
    ),
    ty(
        "interface System.IComparable",
        &[m("int CompareTo(object obj)", compare_to)],
    ),
    ty(
        "interface System.IDisposable",
        &[m("void Dispose()", |_, _| Ok(Value::Null))],
    ),
    // The interface without type arguments, under a name of its own: a type is found by its simple name.
    ty("interface System.Collections.ISequence", &[]),
    ty("delegate System.Func", &[]),
    ty("delegate System.Action", &[]),
    ty("delegate System.Predicate<T>", &[]),
    ty("delegate System.Comparison<T>", &[]),
    ty("delegate System.Converter<T, R>", &[]),
];
