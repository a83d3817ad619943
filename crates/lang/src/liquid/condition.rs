//! Conditions of `if`, `unless` and `case`.
//!
//! Source: DotLiquid's `Condition`. What must stay true: the right side is made the left one's type before they are
//! compared, as `Convert.ChangeType` does; comparing with nil is false, except for equality.

use super::item::Item;
use super::node::Operator;
use crate::expr::eval::ops;
use crate::expr::eval::{Throw, throw};
use crate::expr::types::Num;
use crate::value::number::read::read_usual;
use crate::value::{Value, time};
use std::cmp::Ordering;

/// Whether an operator holds between two values. `today` is the day that a time without a date means, in ticks.
pub(super) fn holds(
    operator: Operator,
    left: &Item,
    right: &Item,
    today: i64,
) -> Result<bool, Throw> {
    let order = || -> Result<Option<Ordering>, Throw> {
        let (Some(l), Some(r)) = (left.scalar(), right.scalar()) else {
            if left.is_nil() || right.is_nil() {
                return Ok(None);
            }
            return Err(throw(
                "ArgumentException",
                "At least one object must implement IComparable.",
            ));
        };
        if l.is_null() || r.is_null() {
            return Ok(None);
        }
        let r = changed(&r, &l, today)?;
        Ok(ops::compare(&l, &r))
    };
    Ok(match operator {
        Operator::Equal => equal(left, right, today),
        Operator::NotEqual => !equal(left, right, today),
        Operator::Less => order()? == Some(Ordering::Less),
        Operator::Greater => order()? == Some(Ordering::Greater),
        Operator::LessOrEqual => order()?.is_some_and(Ordering::is_le),
        Operator::GreaterOrEqual => order()?.is_some_and(Ordering::is_ge),
        Operator::Contains => match text(left) {
            Some(l) => l.contains(&*part(right)?),
            None => items(left).iter().any(|item| equal(item, right, today)),
        },
        Operator::StartsWith => match text(left) {
            Some(l) => l.starts_with(&*part(right)?),
            None => items(left)
                .first()
                .is_some_and(|item| equal(item, right, today)),
        },
        Operator::EndsWith => match text(left) {
            Some(l) => l.ends_with(&*part(right)?),
            None => items(left)
                .last()
                .is_some_and(|item| equal(item, right, today)),
        },
        Operator::HasKey => left.member(&right.plain()).is_some(),
        Operator::HasValue => items(left).iter().any(|item| match item {
            Item::Pair(pair) => equal(&pair.1, right, today),
            _ => false,
        }),
    })
}

/// `==`.
pub(super) fn equal(left: &Item, right: &Item, today: i64) -> bool {
    match (left, right) {
        (Item::Empty, Item::Empty) => true,
        (Item::Empty, other) | (other, Item::Empty) => other.is_empty(),
        _ => match (left.scalar(), right.scalar()) {
            (Some(Value::Null), Some(r)) => r.is_null(),
            (Some(l), Some(Value::Null)) => l.is_null(),
            (Some(l), Some(r)) => match changed(&r, &l, today) {
                Ok(r) => ops::equals(&l, &r),
                Err(_) => false,
            },
            (None, None) => match (left, right) {
                (Item::Value(l), Item::Value(r)) => ops::same(l, r),
                _ => false,
            },
            _ => false,
        },
    }
}

/// A text, of a value or an element without child elements.
fn text(item: &Item) -> Option<crate::value::Str> {
    match item {
        Item::Value(Value::Str(text)) => Some(text.clone()),
        Item::Xml(node) if super::item::elements(node).next().is_none() => Some(node.inner_text()),
        _ => None,
    }
}

/// What a text is searched for.
fn part(item: &Item) -> Result<crate::value::Str, Throw> {
    match item.scalar() {
        Some(Value::Null) => Err(throw(
            "ArgumentNullException",
            "Value cannot be null. (Parameter 'value')",
        )),
        Some(value) => Ok(value.to_text()),
        None => Err(super::item::not_convertible("System.String")),
    }
}

fn items(item: &Item) -> Vec<Item> {
    item.each().unwrap_or_default()
}

/// `Convert.ChangeType(value, like.GetType())`.
pub(super) fn changed(value: &Value, like: &Value, today: i64) -> Result<Value, Throw> {
    let num = match like {
        Value::Str(_) => return Ok(Value::Str(value.to_text())),
        Value::Bool(_) => return to_bool(value),
        Value::DateTime(_) => {
            return match value {
                Value::DateTime(_) => Ok(value.clone()),
                Value::Str(s) => time::parse_date(s, today)
                    .map(Value::DateTime)
                    .ok_or_else(|| wrong_format(s)),
                _ => Err(invalid_cast()),
            };
        }
        like => match num_of(like) {
            Some(num) => num,
            None => return Ok(value.clone()),
        },
    };
    converted(value, num)
}

/// The kind of a number.
pub(super) fn num_of(value: &Value) -> Option<Num> {
    Some(match value {
        Value::Int(_) => Num::Int,
        Value::Long(_) => Num::Long,
        Value::Double(_) => Num::Double,
        Value::Decimal(_) => Num::Decimal,
        Value::Float(_) => Num::Float,
        Value::UInt(_) => Num::UInt,
        Value::ULong(_) => Num::ULong,
        Value::Short(_) => Num::Short,
        Value::UShort(_) => Num::UShort,
        Value::Byte(_) => Num::Byte,
        Value::SByte(_) => Num::SByte,
        _ => return None,
    })
}

/// `Convert.ToInt32`, `ToDecimal` and the like: a text is read, a fraction is rounded to the even neighbour.
pub(super) fn converted(value: &Value, num: Num) -> Result<Value, Throw> {
    match value {
        Value::Null => ops::to_number(num, &Value::Int(0)),
        Value::Bool(b) => ops::to_number(num, &Value::Int(i32::from(*b))),
        Value::Str(s) => read_usual(s, num).map_err(|_| wrong_format(s)),
        value if num_of(value).is_some() => {
            let whole = !matches!(num, Num::Double | Num::Float | Num::Decimal);
            match value {
                Value::Double(f) if whole => {
                    ops::to_checked(num, &Value::Double(f.round_ties_even()))
                }
                Value::Float(f) if whole => {
                    ops::to_checked(num, &Value::Double(f64::from(*f).round_ties_even()))
                }
                Value::Decimal(d) if whole => ops::to_checked(num, &Value::Decimal(d.round())),
                Value::Double(f) if num == Num::Decimal => {
                    ops::decimal_of(*f, 15).map(Value::Decimal).ok_or_else(|| {
                        throw(
                            "OverflowException",
                            "Value was either too large or too small for a Decimal.",
                        )
                    })
                }
                value => ops::to_checked(num, value),
            }
        }
        _ => Err(invalid_cast()),
    }
}

fn to_bool(value: &Value) -> Result<Value, Throw> {
    Ok(Value::Bool(match value {
        Value::Bool(b) => *b,
        Value::Null => false,
        Value::Str(s) if s.trim().eq_ignore_ascii_case("true") => true,
        Value::Str(s) if s.trim().eq_ignore_ascii_case("false") => false,
        Value::Str(_) => {
            return Err(throw(
                "FormatException",
                "String was not recognized as a valid Boolean.",
            ));
        }
        value => match crate::value::number::as_f64(value) {
            Some(f) => f != 0.0,
            None => return Err(invalid_cast()),
        },
    }))
}

fn wrong_format(_: &str) -> Throw {
    throw(
        "FormatException",
        "Input string was not in a correct format.",
    )
}

fn invalid_cast() -> Throw {
    throw(
        "InvalidCastException",
        "Invalid cast from one type to another.",
    )
}
