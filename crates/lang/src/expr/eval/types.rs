//! Run-time types: `is`, `as`, casts from `object`, default values.

use super::{R, throw};
use crate::expr::table::table;
use crate::expr::types::Ty;
use crate::value::{List, Value};

/// Interfaces and delegates whose type arguments may be more derived (C# `out`).
const COVARIANT: [&str; 7] = [
    "IEnumerable",
    "IEnumerator",
    "IReadOnlyCollection",
    "IReadOnlyList",
    "IGrouping",
    "IOrderedEnumerable",
    "IQueryable",
];

/// Those whose type arguments may be less derived (C# `in`).
const CONTRAVARIANT: [&str; 6] = [
    "Action",
    "Predicate",
    "Comparison",
    "IComparer",
    "IEqualityComparer",
    "IComparable",
];

/// What arrays are of the types of their items, also of less derived ones.
const OF_ARRAYS: [&str; 5] = [
    "IList",
    "ICollection",
    "IEnumerable",
    "IReadOnlyList",
    "IReadOnlyCollection",
];

/// Whether a type has the other among itself, its bases and interfaces, as variance allows.
pub(crate) fn derives(from: &Ty, to: &Ty) -> bool {
    if from == to || *to == Ty::Object {
        return true;
    }
    let reference = |x: &Ty, y: &Ty| *x == Ty::Unknown || (!x.is_value() && derives(x, y));
    if let (Ty::Array(item), Ty::Class(name, args)) = (from, to)
        && OF_ARRAYS.contains(name)
        && let [of] = &args[..]
    {
        return item.as_ref() == of || reference(item, of);
    }
    table().lineage(from).iter().any(|t| match (t, to) {
        (Ty::Class(a, x), Ty::Class(b, y)) => {
            // `IEnumerable` without a type argument is every sequence.
            let any = y.is_empty() && *a == "IEnumerable";
            a == b && (x == y || any || (x.len() == y.len() && varies(a, x, y)))
        }
        (Ty::Array(a), Ty::Array(b)) => a == b || reference(a, b),
        (Ty::Rectangular(a, n), Ty::Rectangular(b, m)) => n == m && (a == b || reference(a, b)),
        _ => t == to,
    })
}

/// Whether an instance of a generic type is one with other arguments.
fn varies(name: &str, x: &[Ty], y: &[Ty]) -> bool {
    let same = |a: &Ty, b: &Ty| a == b || *a == Ty::Unknown || *b == Ty::Unknown;
    let out = |a: &Ty, b: &Ty| same(a, b) || (!a.is_value() && !b.is_value() && derives(a, b));
    match name {
        "Func" | "Converter" => {
            let Some(((a, inputs), (b, others))) = x.split_last().zip(y.split_last()) else {
                return false;
            };
            out(a, b) && inputs.iter().zip(others).all(|(a, b)| out(b, a))
        }
        _ if COVARIANT.contains(&name) => x.iter().zip(y).all(|(a, b)| out(a, b)),
        _ if CONTRAVARIANT.contains(&name) => x.iter().zip(y).all(|(a, b)| out(b, a)),
        _ => x.iter().zip(y).all(|(a, b)| same(a, b)),
    }
}

/// Whether a value is of the type; a boxed value only of exactly its own.
pub(crate) fn is(ty: &Ty, v: &Value) -> bool {
    match (ty.plain(), v) {
        (_, Value::Null) => false,
        (Ty::Object, _) => true,
        (Ty::String, v) => matches!(v, Value::Str(_)),
        (Ty::Bool, v) => matches!(v, Value::Bool(_)),
        (Ty::Int, v) => matches!(v, Value::Int(_)),
        (Ty::Class("JToken", _), Value::Token(_)) => true,
        (Ty::Class(name, _), Value::Token(t)) if *name == t.class() => true,
        (ty, v) => {
            let own = v.ty();
            own == *ty || derives(&own, ty)
        }
    }
}

/// `(T)object`: null passes for references and nullables.
pub(crate) fn cast(ty: &Ty, v: Value) -> R {
    if v.is_null() {
        return if ty.is_value() {
            Err(super::null_reference())
        } else {
            Ok(v)
        };
    }
    if is(ty, &v) {
        return Ok(v);
    }
    // A boxed enum unboxes to its number, and the number to the enum.
    match (ty.plain(), &v) {
        (Ty::Int, Value::Enum(_, n)) => return Ok(Value::Int(*n as i32)),
        (to @ Ty::Class(..), Value::Int(n)) => {
            if let Some(e) = table().of(to).and_then(|t| t.enum_type) {
                return Ok(Value::Enum(e, i64::from(*n)));
            }
        }
        _ => {}
    }
    Err(throw(
        "InvalidCastException",
        format!(
            "Unable to cast object of type '{}' to type '{}'.",
            v.ty().full_name(),
            ty.full_name()
        ),
    ))
}

/// `default(T)`.
pub(crate) fn default_of(ty: &Ty) -> Value {
    match ty {
        Ty::Bool => Value::Bool(false),
        Ty::Char => Value::Char(0),
        Ty::SByte => Value::SByte(0),
        Ty::Byte => Value::Byte(0),
        Ty::Short => Value::Short(0),
        Ty::UShort => Value::UShort(0),
        Ty::Int => Value::Int(0),
        Ty::UInt => Value::UInt(0),
        Ty::Long => Value::Long(0),
        Ty::ULong => Value::ULong(0),
        Ty::Float => Value::Float(0.0),
        Ty::Double => Value::Double(0.0),
        Ty::Decimal => Value::Decimal(rust_decimal::Decimal::ZERO),
        Ty::Class("DateTime", _) => Value::DateTime(crate::value::DateTime {
            ticks: 0,
            kind: crate::value::Kind::Unspecified,
        }),
        Ty::Class("DateTimeOffset", _) => Value::DateTimeOffset(crate::value::DateTimeOffset {
            ticks: 0,
            offset_minutes: 0,
        }),
        Ty::Class("TimeSpan", _) => Value::TimeSpan(0),
        Ty::Class("BigInteger", _) => crate::value::token::number::BigInteger::of(&Value::Int(0))
            .map_or(Value::Null, |zero| Value::Object(std::rc::Rc::new(zero))),
        Ty::Class("Guid", _) => Value::Guid([0; 16]),
        // One without a sequence behind it has no items.
        Ty::Class("JEnumerable", _) => Value::List(List::new(ty.clone(), Vec::new())),
        Ty::Class("DictionaryEntry", _) => crate::expr::table::dictionaries::untyped::no_entry(),
        Ty::Class("HashAlgorithmName", _) => crate::expr::table::rsa::no_hash_name(),
        Ty::Class("TransitionTime", _) => crate::expr::table::zones::rules::no_transition(),
        Ty::Class("RSAParameters", _) => crate::expr::table::rsa::no_parameters(),
        // A type is not nested as deep as objects may be.
        Ty::Tuple(t) => {
            let values = t.items.iter().map(|(_, t)| default_of(t)).collect();
            super::Record::value(ty.clone(), values).unwrap_or_default()
        }
        Ty::Class("KeyValuePair", args) => {
            let of = |i: usize| args.get(i).cloned().unwrap_or(Ty::Object);
            crate::expr::table::dictionaries::pair(
                of(0),
                of(1),
                default_of(&of(0)),
                default_of(&of(1)),
            )
        }
        Ty::Class(name, _) => match table().get(name).and_then(|t| t.enum_type) {
            Some(e) => Value::Enum(e, 0),
            None => Value::Null,
        },
        _ => Value::Null,
    }
}
