//! `System.Globalization.NumberFormatInfo`: the symbols that an expression may set itself.
//!
//! What must stay true: only an object made with `new` can be changed; the one of the invariant culture is read-only.

use super::{Row, m};
use crate::expr::eval::{Args, Cx, R, Throw, null_argument, throw};
use crate::expr::types::Ty;
use crate::value::number::symbols::{INVARIANT, Layout, Symbols};
use crate::value::{Object, Value};
use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Debug)]
struct NumberFormat {
    symbols: RefCell<Symbols>,
    read_only: bool,
}

impl Object for NumberFormat {
    fn ty(&self) -> Ty {
        Ty::class("NumberFormatInfo")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn made(symbols: Symbols, read_only: bool) -> R {
    Ok(Value::Object(Rc::new(NumberFormat {
        symbols: RefCell::new(symbols),
        read_only,
    })))
}

/// `NumberFormatInfo.InvariantInfo`, also that of the culture.
pub(in crate::expr::table) fn invariant() -> R {
    thread_local! {
        /// There is one, however often it is asked for.
        static ONE: Rc<NumberFormat> = Rc::new(NumberFormat {
            symbols: RefCell::new(INVARIANT.clone()),
            read_only: true,
        });
    }
    Ok(Value::Object(ONE.with(|one| one.clone())))
}

/// The symbols that a provider stands for: those of a `NumberFormatInfo`, else the invariant ones.
pub(in crate::expr::table) fn provider(a: &Args<'_>, i: Option<usize>) -> Cow<'static, Symbols> {
    let format = i.and_then(|i| a.object::<NumberFormat>(i).ok());
    match format {
        Some(f) => Cow::Owned(f.symbols.borrow().clone()),
        None => Cow::Borrowed(&INVARIANT),
    }
}

fn get<T>(a: &Args<'_>, f: impl FnOnce(&Symbols) -> T) -> Result<T, Throw> {
    Ok(f(&a.object::<NumberFormat>(0)?.symbols.borrow()))
}

/// The object, if it may be changed.
fn writable<'a>(a: &'a Args<'_>) -> Result<&'a NumberFormat, Throw> {
    let format = a.object::<NumberFormat>(0)?;
    if format.read_only {
        return Err(throw("InvalidOperationException", "Instance is read-only."));
    }
    Ok(format)
}

fn set(a: &Args<'_>, f: impl FnOnce(&mut Symbols)) -> R {
    let format = writable(a)?;
    f(&mut format.symbols.borrow_mut());
    Ok(Value::Null)
}

fn set_text(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    name: &str,
    may_be_empty: bool,
    f: fn(&mut Symbols, Cow<'static, str>),
) -> R {
    // .NET looks at the object first where it is about separators.
    if name.ends_with("Separator") {
        writable(a)?;
    }
    let s = a.str(1).map_err(|_| null_argument(name))?;
    if s.is_empty() && !may_be_empty {
        return Err(throw(
            "ArgumentException",
            format!("Decimal separator cannot be the empty string. (Parameter '{name}')"),
        ));
    }
    cx.charge(s.len())?;
    // A symbol stands at every place of a number that has hundreds of them.
    if s.len() > 64 {
        return Err(throw(
            "ArgumentException",
            format!("The text is longer than 64 bytes. (Parameter '{name}')"),
        ));
    }
    set(a, |i| f(i, Cow::Owned(s.to_string())))
}

fn set_number(a: &Args<'_>, name: &str, most: i64, f: fn(&mut Symbols, usize)) -> R {
    let n = a.int(1);
    if !(0..=most).contains(&n) {
        return Err(throw(
            "ArgumentOutOfRangeException",
            format!("Valid values are between 0 and {most}, inclusive. (Parameter '{name}')"),
        ));
    }
    set(a, |i| f(i, n as usize))
}

fn set_sizes(cx: &mut Cx<'_>, a: &Args<'_>, name: &str, f: fn(&mut Symbols) -> &mut Layout) -> R {
    if a.is_null(1) {
        return Err(null_argument(name));
    }
    writable(a)?;
    let sizes: Vec<i64> = a
        .items(cx, 1)?
        .iter()
        .map(|v| v.as_i64().unwrap_or(0))
        .collect();
    let last = sizes.len().saturating_sub(1);
    let fits = |(i, n): (usize, &i64)| (1..=9).contains(n) || (*n == 0 && i == last);
    if !sizes.iter().enumerate().all(fits) {
        return Err(throw(
            "ArgumentException",
            format!(
                "Every element in the value array should be between one and nine, except for the last element, which can be zero. (Parameter '{name}')"
            ),
        ));
    }
    set(a, |i| {
        f(i).sizes = Cow::Owned(sizes.iter().map(|n| *n as usize).collect());
    })
}

macro_rules! symbol {
    ($name:literal, $field:ident $(. $rest:ident)?, $may_be_empty:literal) => {
        [
            m(concat!("string ", $name), |_, a| {
                get(a, |i| Value::from(&*i.$field $(.$rest)?))
            }),
            m(concat!("set string ", $name), |cx, a| {
                set_text(cx, a, $name, $may_be_empty, |i, s| i.$field $(.$rest)? = s)
            }),
        ]
    };
}

macro_rules! number {
    ($name:literal, $field:ident . $rest:ident, $most:literal) => {
        [
            m(concat!("int ", $name), |_, a| {
                get(a, |i| Value::Int(i.$field.$rest as i32))
            }),
            m(concat!("set int ", $name), |_, a| {
                set_number(a, $name, $most, |i, n| i.$field.$rest = n)
            }),
        ]
    };
}

macro_rules! sizes {
    ($name:literal, $field:ident) => {
        [
            m(concat!("int[] ", $name), |cx, a| {
                let sizes = get(a, |i| i.$field.sizes.to_vec())?;
                let items = sizes.into_iter().map(|n| Value::Int(n as i32)).collect();
                cx.list(Ty::array(Ty::Int), items)
            }),
            m(concat!("set int[] ", $name), |cx, a| {
                set_sizes(cx, a, $name, |i| &mut i.$field)
            }),
        ]
    };
}

const GENERAL: &[Row] = &[
    m("new()", |_, _| made(INVARIANT.clone(), false)),
    m("static NumberFormatInfo InvariantInfo", |_, _| invariant()),
    m("static NumberFormatInfo CurrentInfo", |_, _| invariant()),
    m(
        "static NumberFormatInfo GetInstance(IFormatProvider formatProvider)",
        |_, a| match a.object::<NumberFormat>(0) {
            Ok(_) => Ok(a.get(0)),
            Err(_) => invariant(),
        },
    ),
    m(
        "static NumberFormatInfo ReadOnly(NumberFormatInfo nfi)",
        |_, a| {
            let f = a
                .object::<NumberFormat>(0)
                .map_err(|_| null_argument("nfi"))?;
            if f.read_only {
                return Ok(a.get(0));
            }
            made(f.symbols.borrow().clone(), true)
        },
    ),
    m("bool IsReadOnly", |_, a| {
        Ok(Value::Bool(a.object::<NumberFormat>(0)?.read_only))
    }),
    m("object Clone()", |_, a| {
        made(get(a, Symbols::clone)?, false)
    }),
];

pub(super) const ROWS: &[&[Row]] = &[
    GENERAL,
    &symbol!("NumberDecimalSeparator", number.point, false),
    &symbol!("NumberGroupSeparator", number.separator, true),
    &symbol!("CurrencyDecimalSeparator", currency.point, false),
    &symbol!("CurrencyGroupSeparator", currency.separator, true),
    &symbol!("PercentDecimalSeparator", percent.point, false),
    &symbol!("PercentGroupSeparator", percent.separator, true),
    &symbol!("NegativeSign", minus, true),
    &symbol!("PositiveSign", plus, true),
    &symbol!("CurrencySymbol", currency_symbol, true),
    &symbol!("PercentSymbol", percent_symbol, true),
    &symbol!("PerMilleSymbol", per_mille, true),
    &symbol!("NaNSymbol", nan, true),
    &symbol!("PositiveInfinitySymbol", infinity, true),
    &symbol!("NegativeInfinitySymbol", minus_infinity, true),
    &number!("NumberDecimalDigits", number.decimals, 99),
    &number!("CurrencyDecimalDigits", currency.decimals, 99),
    &number!("PercentDecimalDigits", percent.decimals, 99),
    &number!("NumberNegativePattern", number.negative, 4),
    &number!("CurrencyPositivePattern", currency.positive, 3),
    &number!("CurrencyNegativePattern", currency.negative, 15),
    &number!("PercentPositivePattern", percent.positive, 3),
    &number!("PercentNegativePattern", percent.negative, 11),
    &sizes!("NumberGroupSizes", number),
    &sizes!("CurrencyGroupSizes", currency),
    &sizes!("PercentGroupSizes", percent),
];
