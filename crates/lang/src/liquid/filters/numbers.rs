//! Filters of numbers.
//!
//! Source: DotLiquid's `DoMathsOperation`. What must stay true: whole numbers stay whole (`5 | DividedBy: 2` is 2) and
//! throw on overflow; with a fraction on one side both are decimals, and doubles where decimals are too small.

use super::{Cx, Item, Throw, converted, made};
use crate::expr::eval::ops::{self, decimal_of};
use crate::expr::eval::throw;
use crate::expr::ir::Arith;
use crate::expr::types::Num;
use crate::liquid::condition::num_of;
use crate::value::number::read::{read, style};
use crate::value::number::symbols::INVARIANT;
use crate::value::{Str, Value, number};
use rust_decimal::Decimal;

type Made = Result<Item, Throw>;

fn is_real(value: &Value) -> bool {
    matches!(
        value,
        Value::Double(_) | Value::Float(_) | Value::Decimal(_)
    )
}

/// An operation on two numbers; nil gives nil.
fn calculated(input: &Item, args: &[Item], op: Arith) -> Made {
    let operand = args.first().cloned().unwrap_or(Item::Empty);
    let (Some(a), Some(b)) = (input.scalar(), operand.scalar()) else {
        return Err(super::not_convertible("System.Decimal"));
    };
    if a.is_null() || b.is_null() {
        return Ok(Item::Value(Value::Null));
    }
    if is_real(&a) || is_real(&b) {
        let exact = || -> Result<Value, Throw> {
            let (a, b) = (converted(&a, Num::Decimal)?, converted(&b, Num::Decimal)?);
            ops::checked_arithmetic(op, Num::Decimal, &a, &b)
        };
        return match exact() {
            Ok(value) => Ok(Item::Value(value)),
            Err(Throw::Exception(e))
                if matches!(e.class, "OverflowException" | "DivideByZeroException") =>
            {
                let (a, b) = (converted(&a, Num::Double)?, converted(&b, Num::Double)?);
                ops::arithmetic(op, Num::Double, &a, &b).map(Item::Value)
            }
            Err(other) => Err(other),
        };
    }
    let (Some(left), Some(right)) = (num_of(&a), num_of(&b)) else {
        return Err(throw(
            "InvalidOperationException",
            format!(
                "The binary operator {} is not defined for the types '{}' and '{}'.",
                match op {
                    Arith::Add => "AddChecked",
                    Arith::Sub => "SubtractChecked",
                    Arith::Mul => "MultiplyChecked",
                    Arith::Div => "Divide",
                    _ => "Modulo",
                },
                a.type_name(),
                b.type_name()
            ),
        ));
    };
    let num = if left == Num::Int && right == Num::Int {
        Num::Int
    } else {
        Num::Long
    };
    let (a, b) = (ops::to_checked(num, &a)?, ops::to_checked(num, &b)?);
    ops::checked_arithmetic(op, num, &a, &b).map(Item::Value)
}

pub(super) fn plus(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    // A text is not added to but joined.
    if let Some(text) = text_of(input) {
        let with = args
            .first()
            .map(Item::plain)
            .unwrap_or_else(|| Str::from(""));
        return made(cx, format!("{text}{with}"));
    }
    calculated(input, args, Arith::Add)
}

pub(super) fn minus(_: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    calculated(input, args, Arith::Sub)
}

pub(super) fn times(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    // A text is repeated.
    if let Some(text) = text_of(input)
        && let Some(Value::Int(_) | Value::Long(_)) = args.first().and_then(Item::scalar)
    {
        let count = usize::try_from(super::int(args, 0, 0)?).unwrap_or(0);
        cx.charge(text.len().saturating_mul(count))?;
        return made(cx, text.repeat(count));
    }
    calculated(input, args, Arith::Mul)
}

pub(super) fn divided_by(_: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    calculated(input, args, Arith::Div)
}

pub(super) fn modulo(_: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    calculated(input, args, Arith::Rem)
}

fn text_of(item: &Item) -> Option<Str> {
    match item {
        Item::Value(Value::Str(text)) => Some(text.clone()),
        Item::Xml(node) => Some(node.inner_text()),
        _ => None,
    }
}

/// `double.TryParse` of what a value prints.
fn double(item: &Item) -> Option<f64> {
    let value = item.scalar()?;
    let text = value.to_text();
    let parsed = read(&text, Num::Double, style::NUMBER, &INVARIANT).ok()?;
    number::as_f64(&parsed)
}

pub(super) fn abs(_: &mut Cx<'_>, input: &Item, _: &[Item], _: i64) -> Made {
    let value = double(input).map_or(0.0, f64::abs);
    Ok(Item::Value(Value::Double(value)))
}

/// The larger or the smaller of two numbers; what is none stays.
fn bounded(input: &Item, args: &[Item], pick: fn(f64, f64) -> f64) -> Made {
    Ok(match (double(input), args.first().and_then(double)) {
        (Some(n), Some(bound)) => Item::Value(Value::Double(pick(n, bound))),
        _ => input.clone(),
    })
}

pub(super) fn at_least(_: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    bounded(input, args, f64::max)
}

pub(super) fn at_most(_: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    bounded(input, args, f64::min)
}

/// Rounds halves to the even neighbour; what cannot be rounded is nil.
pub(super) fn round(_: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let rounded = || -> Result<Value, Throw> {
        let places = super::int(args, 0, 0)?;
        let value = input
            .scalar()
            .ok_or_else(|| super::not_convertible("System.Decimal"))?;
        let Value::Decimal(d) = converted(&value, Num::Decimal)? else {
            return Ok(Value::Null);
        };
        Ok(match u32::try_from(places) {
            Ok(places) if places <= 28 => Value::Decimal(d.round_dp(places)),
            _ => Value::Null,
        })
    };
    match rounded() {
        Ok(value) => Ok(Item::Value(value)),
        Err(Throw::Exception(_)) => Ok(Item::Value(Value::Null)),
        Err(bound) => Err(bound),
    }
}

/// In dollars, as `en-US` writes them.
pub(super) fn currency(cx: &mut Cx<'_>, input: &Item, args: &[Item], _: i64) -> Made {
    let Some(value) = input.scalar() else {
        return Err(super::not_convertible("System.Decimal"));
    };
    let culture = args.first().map(Item::plain);
    if let Some(culture) = culture.filter(|c| !matches!(c.trim(), "" | "en" | "en-US")) {
        return Err(throw(
            "CultureNotFoundException",
            format!("Amounts are written for 'en-US' only, and not for '{culture}'."),
        ));
    }
    let amount = match &value {
        Value::Double(f) => decimal_of(*f, 15),
        Value::Decimal(d) => Some(*d),
        value => decimal(&value.to_text()),
    };
    match amount {
        Some(amount) => {
            let mut plain = number::format_with(&Value::Decimal(amount.abs()), "N2", &INVARIANT)
                .unwrap_or_default();
            plain.insert_str(
                0,
                if amount.is_sign_negative() && !amount.is_zero() {
                    "-$"
                } else {
                    "$"
                },
            );
            made(cx, plain)
        }
        None => Ok(Item::text(value.to_text())),
    }
}

/// An amount as people write it: with a sign, `$` and commas.
fn decimal(text: &str) -> Option<Decimal> {
    let plain = text.trim().replacen('$', "", 1);
    match read(
        &plain,
        Num::Decimal,
        style::NUMBER | style::PARENTHESES,
        &INVARIANT,
    )
    .ok()?
    {
        Value::Decimal(d) => Some(d),
        _ => None,
    }
}
