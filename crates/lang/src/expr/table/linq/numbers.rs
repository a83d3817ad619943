//! `Sum`, `Average`, `Min` and `Max`.

use super::super::{Row, m};
use super::{SOURCE, none, sort};
use crate::expr::eval::{Args, Cx, Iter, R, Throw, throw, to_number};
use crate::expr::types::Num;
use crate::value::{Value, number};
use rust_decimal::Decimal;

fn overflow() -> Throw {
    throw(
        "OverflowException",
        "Arithmetic operation resulted in an overflow.",
    )
}

/// What the numbers of a sequence come to.
enum Total {
    Whole(i64),
    Float(f64),
    Decimal(Decimal),
}

/// The numbers of a sequence: through a selector if there is one.
struct Numbers {
    items: Iter,
    selector: Value,
}

impl Numbers {
    fn of(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Numbers, Throw> {
        a.not_null(&["source", "selector"][..a.len().min(2)])?;
        Ok(Numbers {
            items: a.iter(cx, 0)?,
            selector: a.get(1),
        })
    }

    fn next(&mut self, cx: &mut Cx<'_>) -> Result<Option<Value>, Throw> {
        match self.items.next(cx)? {
            Some(item) if !self.selector.is_null() => cx.call(&self.selector, &[item]).map(Some),
            item => Ok(item),
        }
    }

    /// The sum and how many there were that are not null.
    fn total(&mut self, cx: &mut Cx<'_>, num: Num, average: bool) -> Result<(Total, i64), Throw> {
        let mut total = match num {
            Num::Decimal => Total::Decimal(Decimal::ZERO),
            Num::Double | Num::Float => Total::Float(0.0),
            _ => Total::Whole(0),
        };
        let mut n = 0;
        while let Some(v) = self.next(cx)? {
            if v.is_null() {
                continue;
            }
            n += 1;
            match (&mut total, &v) {
                (Total::Decimal(d), Value::Decimal(v)) => {
                    *d = d.checked_add(*v).ok_or_else(|| {
                        throw(
                            "OverflowException",
                            "Value was either too large or too small for a Decimal.",
                        )
                    })?;
                }
                (Total::Float(f), v) => *f += number::as_f64(v).unwrap_or(0.0),
                (Total::Whole(w), v) => {
                    *w = w
                        .checked_add(v.as_i64().unwrap_or(0))
                        // The sum of ints is an int at every step; an average adds up longs.
                        .filter(|w| average || num != Num::Int || i32::try_from(*w).is_ok())
                        .ok_or_else(overflow)?;
                }
                (Total::Decimal(_), _) => {}
            }
        }
        Ok((total, n))
    }
}

fn sum(cx: &mut Cx<'_>, a: &Args<'_>, num: Num) -> R {
    let (total, _) = Numbers::of(cx, a)?.total(cx, num, false)?;
    Ok(match total {
        Total::Decimal(d) => Value::Decimal(d),
        Total::Float(f) => to_number(num, &Value::Double(f))?,
        Total::Whole(w) if num == Num::Int => Value::Int(i32::try_from(w).map_err(|_| overflow())?),
        Total::Whole(w) => Value::Long(w),
    })
}

fn average(cx: &mut Cx<'_>, a: &Args<'_>, num: Num, nullable: bool) -> R {
    let (total, n) = Numbers::of(cx, a)?.total(cx, num, true)?;
    if n == 0 {
        return if nullable {
            Ok(Value::Null)
        } else {
            Err(none())
        };
    }
    match total {
        Total::Decimal(d) => d
            .checked_div(Decimal::from(n))
            .map(|q| Value::Decimal(q.normalize()))
            .ok_or_else(overflow),
        Total::Float(f) => to_number(num, &Value::Double(f / n as f64)),
        Total::Whole(w) => Ok(Value::Double(w as f64 / n as f64)),
    }
}

/// Largest (or smallest) item in the default order; null items do not count. Of references and nullables null when there
/// is none.
fn extreme(cx: &mut Cx<'_>, a: &Args<'_>, ty: usize, largest: bool) -> R {
    let mut items = Numbers::of(cx, a)?;
    let mut best: Option<Value> = None;
    while let Some(v) = items.next(cx)? {
        if v.is_null() {
            continue;
        }
        best = Some(match best {
            Some(b) => {
                let o = sort::order(&v, &b)?;
                if if largest { o.is_gt() } else { o.is_lt() } {
                    v
                } else {
                    b
                }
            }
            None => v,
        });
    }
    match best {
        Some(v) => Ok(v),
        None if a.ty(ty).is_value() => Err(none()),
        None => Ok(Value::Null),
    }
}

/// `MinBy` and `MaxBy`: the first item with the smallest or largest key.
fn extreme_by(cx: &mut Cx<'_>, a: &Args<'_>, largest: bool) -> R {
    a.not_null(&["source", "keySelector"])?;
    let order = sort::Order::of(&a.get(2));
    let f = a.get(1);
    let mut items = a.iter(cx, 0)?;
    let mut best: Option<(Value, Value)> = None;
    let mut first = None;
    while let Some(item) = items.next(cx)? {
        let key = cx.call(&f, std::slice::from_ref(&item))?;
        first.get_or_insert_with(|| item.clone());
        if key.is_null() {
            continue;
        }
        let better = match &best {
            None => true,
            Some((b, _)) => {
                let o = order.compare(cx, &key, b)?;
                if largest { o.is_gt() } else { o.is_lt() }
            }
        };
        if better {
            best = Some((key, item));
        }
    }
    match best.map(|(_, item)| item).or(first) {
        Some(v) => Ok(v),
        None if a.ty(0).is_value() => Err(none()),
        None => Ok(Value::Null),
    }
}

macro_rules! numeric {
    ($($num:ident $ty:literal $result:literal),*) => {
        &[$(
            m(concat!("static ", $ty, " Sum(this IEnumerable<", $ty, "> source)"), |cx, a| {
                sum(cx, a, Num::$num)
            }),
            m(concat!("static ", $ty, "? Sum(this IEnumerable<", $ty, "?> source)"), |cx, a| {
                sum(cx, a, Num::$num)
            }),
            m(
                concat!("static ", $ty, " Sum<T>(this IEnumerable<T> source, Func<T, ", $ty, "> selector)"),
                |cx, a| sum(cx, a, Num::$num),
            ),
            m(
                concat!("static ", $ty, "? Sum<T>(this IEnumerable<T> source, Func<T, ", $ty, "?> selector)"),
                |cx, a| sum(cx, a, Num::$num),
            ),
            m(concat!("static ", $result, " Average(this IEnumerable<", $ty, "> source)"), |cx, a| {
                average(cx, a, Num::$num, false)
            }),
            m(concat!("static ", $result, "? Average(this IEnumerable<", $ty, "?> source)"), |cx, a| {
                average(cx, a, Num::$num, true)
            }),
            m(
                concat!("static ", $result, " Average<T>(this IEnumerable<T> source, Func<T, ", $ty, "> selector)"),
                |cx, a| average(cx, a, Num::$num, false),
            ),
            m(
                concat!("static ", $result, "? Average<T>(this IEnumerable<T> source, Func<T, ", $ty, "?> selector)"),
                |cx, a| average(cx, a, Num::$num, true),
            ),
        )*]
    };
}

/// `Sum` and `Average` of every numeric type.
pub(super) const NUMERIC: &[Row] = numeric!(
    Int "int" "double",
    Long "long" "double",
    Float "float" "float",
    Double "double" "double",
    Decimal "decimal" "decimal"
);

pub(super) const ROWS: &[Row] = &[
    m("static T Max<T>(this IEnumerable<T> source)", |cx, a| {
        a.not_null(SOURCE)?;
        extreme(cx, a, 0, true)
    }),
    m(
        "static R Max<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        |cx, a| extreme(cx, a, 1, true),
    ),
    m("static T Min<T>(this IEnumerable<T> source)", |cx, a| {
        a.not_null(SOURCE)?;
        extreme(cx, a, 0, false)
    }),
    m(
        "static R Min<T, R>(this IEnumerable<T> source, Func<T, R> selector)",
        |cx, a| extreme(cx, a, 1, false),
    ),
    m(
        "static T MaxBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| extreme_by(cx, a, true),
    ),
    m(
        "static T MaxBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)",
        |cx, a| extreme_by(cx, a, true),
    ),
    m(
        "static T MinBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)",
        |cx, a| extreme_by(cx, a, false),
    ),
    m(
        "static T MinBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)",
        |cx, a| extreme_by(cx, a, false),
    ),
];
