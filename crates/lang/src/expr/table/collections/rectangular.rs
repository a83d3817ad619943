//! Arrays of more than one dimension: a list of all items in row order that knows the lengths of its dimensions.
//!
//! The binder calls what makes them and what reads and writes an item; `array.rs` has their members. What must stay
//! true: there are as many items as the product of the lengths, which are told in [`List::lengths`].

use crate::expr::eval::{Args, Cx, R, Throw, null_reference, throw, types};
use crate::expr::types::Ty;
use crate::value::{List, Value};
use std::rc::Rc;

pub(super) fn outside() -> Throw {
    throw(
        "IndexOutOfRangeException",
        "Index was outside the bounds of the array.",
    )
}

/// Type of the array to make, of its items, and its rank.
fn made(a: &Args<'_>) -> (Ty, Ty, usize) {
    let ty = a.ty(0);
    let (of, rank) = ty
        .as_array()
        .map_or((Ty::Object, 1), |(of, rank)| (of.clone(), rank));
    (ty, of, usize::from(rank))
}

/// Lengths as .NET takes them.
fn lengths(values: &[Value]) -> Result<Vec<usize>, Throw> {
    let length = |v: &Value| {
        v.as_i64()
            .and_then(|n| i32::try_from(n).ok())
            .and_then(|n| usize::try_from(n).ok())
            .ok_or_else(|| {
                throw(
                    "OverflowException",
                    "Arithmetic operation resulted in an overflow.",
                )
            })
    };
    values.iter().map(length).collect()
}

/// `new T[n, m]`: the arguments are the lengths.
pub(crate) fn sized(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let (ty, of, _) = made(a);
    let lengths = lengths(a.values)?;
    let n = lengths.iter().fold(1, |n: usize, l| n.saturating_mul(*l));
    cx.charge(n.saturating_mul(size_of::<Value>()).saturating_add(64))?;
    let items = vec![types::default_of(&of); n];
    Ok(Value::List(List::rectangular(ty, lengths, items)))
}

/// `new T[,] { … }`: the arguments are the lengths, then the items.
pub(crate) fn of(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let (ty, _, rank) = made(a);
    let (sizes, items) = a.values.split_at_checked(rank).unwrap_or_default();
    let lengths = lengths(sizes)?;
    cx.charge(
        items
            .len()
            .saturating_mul(size_of::<Value>())
            .saturating_add(64),
    )?;
    Ok(Value::List(List::rectangular(ty, lengths, items.to_vec())))
}

/// Where an item is, by as many indices as there are dimensions.
fn offset(lengths: &[usize], places: impl Iterator<Item = Option<i64>>) -> Result<usize, Throw> {
    let mut at = 0;
    for (length, i) in lengths.iter().zip(places) {
        let i = i
            .and_then(|i| usize::try_from(i).ok())
            .filter(|i| i < length)
            .ok_or_else(outside)?;
        at = at * length + i;
    }
    Ok(at)
}

/// The array in the first argument and the place that the arguments after it tell.
fn place(a: &Args<'_>, end: usize) -> Result<(Rc<List>, usize), Throw> {
    let Some(Value::List(l)) = a.values.first() else {
        return Err(null_reference());
    };
    let places = a.values.get(1..end).unwrap_or_default();
    let at = offset(
        l.lengths().unwrap_or_default(),
        places.iter().map(Value::as_i64),
    )?;
    Ok((l.clone(), at))
}

/// `a[i, j]`.
pub(crate) fn item(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let (l, at) = place(a, a.len())?;
    let item = l.items().get(at).cloned();
    item.ok_or_else(outside)
}

/// `a[i, j] = value`: the value.
pub(crate) fn set_item(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let last = a.len().saturating_sub(1);
    let (l, at) = place(a, last)?;
    let value = a.get(last);
    let old = l
        .items_mut()
        .get_mut(at)
        .map(|place| std::mem::replace(place, value.clone()));
    drop(old.ok_or_else(outside)?);
    Ok(value)
}

/// Lengths of the dimensions of any array.
pub(super) fn dimensions(v: &Value) -> Vec<usize> {
    match v {
        Value::List(l) => match l.lengths() {
            Some(lengths) => lengths.to_vec(),
            None => vec![l.items().len()],
        },
        Value::Bytes(b) => vec![b.len()],
        _ => vec![0],
    }
}

/// Length of the dimension that the second argument names.
pub(super) fn dimension(a: &Args<'_>) -> Result<usize, Throw> {
    usize::try_from(a.int(1))
        .ok()
        .and_then(|d| dimensions(&a.values[0]).get(d).copied())
        .ok_or_else(outside)
}

/// What only arrays of one dimension can.
pub(super) fn single(a: &Args<'_>, i: usize) -> Result<(), Throw> {
    match a.values.get(i) {
        Some(Value::List(l)) if l.lengths().is_some() => Err(throw(
            "RankException",
            "Only single dimension arrays are supported here.",
        )),
        _ => Ok(()),
    }
}

/// The place of `GetValue` and `SetValue`: as many indices as arguments from there, or those of an array.
pub(super) fn indexed(cx: &mut Cx<'_>, a: &Args<'_>, from: usize) -> Result<usize, Throw> {
    let lengths = dimensions(&a.values[0]);
    let given: Vec<Option<i64>> = match a.values.get(from..) {
        Some([Value::Null]) => return Err(crate::expr::eval::null_argument("indices")),
        Some([Value::List(_)]) => a.items(cx, from)?.iter().map(Value::as_i64).collect(),
        Some(values) => values.iter().map(Value::as_i64).collect(),
        None => Vec::new(),
    };
    if given.len() != lengths.len() {
        let listed = matches!(a.values.get(from), Some(Value::List(_)));
        return Err(throw(
            "ArgumentException",
            match given.len() {
                1 if !listed => "Array was not a one-dimensional array.",
                2 if !listed => "Array was not a two-dimensional array.",
                3 if !listed => "Array was not a three-dimensional array.",
                _ => "The number of dimensions and indices must match.",
            },
        ));
    }
    if given.iter().flatten().any(|n| i32::try_from(*n).is_err()) {
        return Err(super::span::too_wide());
    }
    offset(&lengths, given.into_iter())
}
