//! `System.Tuple` and `System.ValueTuple`. Their parts (`Item1` …) are fields that the binder knows; `Create` is here.

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Record, compare, throw};
use crate::expr::types::Ty;
use crate::value::Value;

/// A tuple of the arguments, of the class or of the struct.
fn tuple(cx: &mut Cx<'_>, a: &mut Args<'_>, reference: bool) -> R {
    let ty = if reference {
        Ty::generic("Tuple", a.types.to_vec())
    } else {
        Ty::tuple(a.types.iter().map(|t| (None, t.clone())).collect())
    };
    let values: Vec<Value> = (0..a.len()).map(|i| a.take(i)).collect();
    cx.charge(size_of_val(values.as_slice()) + 48)?;
    Record::value(ty, values)
}

/// The row `Create` of both types for some number of parts.
macro_rules! create {
    ($reference:literal, $signature:literal) => {
        m($signature, |cx, a| tuple(cx, a, $reference))
    };
}

/// The order of two tuples, part by part; null is before everything.
pub(super) fn compare_to(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let (own, other) = (a.get(0), a.get(1));
    if !other.is_null() && other.ty() != own.ty() {
        return Err(throw(
            "ArgumentException",
            format!(
                "Argument must be of type {}. (Parameter 'other')",
                own.ty().full_name()
            ),
        ));
    }
    let order = compare(&own, &other);
    Ok(Value::Int(order.map_or(1, |o| o as i32)))
}

const TUPLE: &[Row] = &[
    create!(true, "static Tuple<A> Create<A>(A item1)"),
    create!(true, "static Tuple<A, B> Create<A, B>(A item1, B item2)"),
    create!(
        true,
        "static Tuple<A, B, C> Create<A, B, C>(A item1, B item2, C item3)"
    ),
    create!(
        true,
        "static Tuple<A, B, C, D> Create<A, B, C, D>(A item1, B item2, C item3, D item4)"
    ),
    create!(
        true,
        "static Tuple<A, B, C, D, E> Create<A, B, C, D, E>(A item1, B item2, C item3, D item4, E item5)"
    ),
    create!(
        true,
        "static Tuple<A, B, C, D, E, F> Create<A, B, C, D, E, F>(A item1, B item2, C item3, D item4, E item5, F item6)"
    ),
    create!(
        true,
        "static Tuple<A, B, C, D, E, F, G> Create<A, B, C, D, E, F, G>(A item1, B item2, C item3, D item4, E item5, F item6, G item7)"
    ),
    m(
        "static Tuple<A, B, C, D, E, F, G, Tuple<H>> Create<A, B, C, D, E, F, G, H>(A item1, B item2, C item3, D item4, E item5, F item6, G item7, H item8)",
        |cx, a| {
            let mut types = a.types.to_vec();
            let last = Ty::generic("Tuple", types.split_off(7));
            let rest = Record::value(last.clone(), vec![a.take(7)])?;
            types.push(last);
            let mut values: Vec<Value> = (0..7).map(|i| a.take(i)).collect();
            values.push(rest);
            cx.charge(size_of_val(values.as_slice()) + 96)?;
            let ty = Ty::generic("Tuple", types);
            Record::value(ty, values)
        },
    ),
];

const VALUE_TUPLE: &[Row] = &[
    create!(false, "static (A, B) Create<A, B>(A item1, B item2)"),
    create!(
        false,
        "static (A, B, C) Create<A, B, C>(A item1, B item2, C item3)"
    ),
    create!(
        false,
        "static (A, B, C, D) Create<A, B, C, D>(A item1, B item2, C item3, D item4)"
    ),
    create!(
        false,
        "static (A, B, C, D, E) Create<A, B, C, D, E>(A item1, B item2, C item3, D item4, E item5)"
    ),
    create!(
        false,
        "static (A, B, C, D, E, F) Create<A, B, C, D, E, F>(A item1, B item2, C item3, D item4, E item5, F item6)"
    ),
    create!(
        false,
        "static (A, B, C, D, E, F, G) Create<A, B, C, D, E, F, G>(A item1, B item2, C item3, D item4, E item5, F item6, G item7)"
    ),
    m("[Own] int CompareTo(object other)", compare_to),
];

pub(super) const TYPES: &[Type] = &[
    ty("class System.Tuple : IComparable", TUPLE),
    ty("struct System.ValueTuple : IComparable", VALUE_TUPLE),
];
