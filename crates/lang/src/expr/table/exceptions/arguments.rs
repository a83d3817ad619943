//! Exceptions that name a parameter or an object.

use super::super::{Row, m};
use super::{built, make, of_class, this};
use crate::expr::eval::{Args, Exception, R, Throw};
use crate::value::Value;

const VALUE: &str = "Value does not fall within the expected range.";
const NULL_VALUE: &str = "Value cannot be null.";
const OUTSIDE: &str = "Specified argument was out of the range of valid values.";

/// The message, with the parameter at its end if there is one.
fn with_parameter(message: Option<&str>, default: &str, parameter: Option<&str>) -> String {
    let message = message.unwrap_or(default);
    match parameter {
        Some(name) if !name.is_empty() => format!("{message} (Parameter '{name}')"),
        _ => message.to_string(),
    }
}

/// Message and parameter stand at these places, when they are given; the inner exception too.
fn named(
    class: &'static str,
    a: &Args<'_>,
    default: &str,
    (message, parameter, inner): (Option<usize>, Option<usize>, Option<usize>),
) -> R {
    let text = |i: Option<usize>| i.and_then(|i| a.values.get(i)).and_then(Value::as_str);
    let message = with_parameter(text(message), default, text(parameter));
    let made = built(class, message, inner.map_or(Value::Null, |i| a.get(i)))?;
    if let (Some(""), Value::Object(o)) = (text(parameter), &made)
        && let Some(e) = o.as_any().downcast_ref::<Exception>()
    {
        e.details.borrow_mut().get_or_insert_default().parameter = Value::from("");
    }
    Ok(made)
}

/// What stands between the last `start` and the `end` after it: names are kept in the message only.
fn quoted(a: &Args<'_>, start: &str, end: &str) -> Result<Value, Throw> {
    if let Some(d) = this(a)?.details.borrow().as_deref()
        && !d.parameter.is_null()
    {
        return Ok(d.parameter.clone());
    }
    let message = &this(a)?.message;
    let name = message.rsplit_once(start).and_then(|(_, rest)| {
        let at = rest.find(&format!("{end}\n"));
        match at {
            Some(at) => rest.get(..at),
            None => rest.strip_suffix(end),
        }
    });
    Ok(name.map_or(Value::Null, Value::from))
}

pub(super) const ARGUMENT: &[Row] = &[
    m("new()", |_, a| make("ArgumentException", a, VALUE)),
    m("new(string message)", |_, a| {
        named("ArgumentException", a, VALUE, (Some(0), None, None))
    }),
    m("new(string message, Exception innerException)", |_, a| {
        named("ArgumentException", a, VALUE, (Some(0), None, Some(1)))
    }),
    m("new(string message, string paramName)", |_, a| {
        named("ArgumentException", a, VALUE, (Some(0), Some(1), None))
    }),
    m(
        "new(string message, string paramName, Exception innerException)",
        |_, a| named("ArgumentException", a, VALUE, (Some(0), Some(1), Some(2))),
    ),
    m("string ParamName", |_, a| quoted(a, "(Parameter '", "')")),
];

pub(super) const NULL: &[Row] = &[
    m("new()", |_, a| make("ArgumentNullException", a, NULL_VALUE)),
    m("new(string paramName)", |_, a| {
        named(
            "ArgumentNullException",
            a,
            NULL_VALUE,
            (None, Some(0), None),
        )
    }),
    m("new(string message, Exception innerException)", |_, a| {
        named(
            "ArgumentNullException",
            a,
            NULL_VALUE,
            (Some(0), None, Some(1)),
        )
    }),
    m("new(string paramName, string message)", |_, a| {
        named(
            "ArgumentNullException",
            a,
            NULL_VALUE,
            (Some(1), Some(0), None),
        )
    }),
];

pub(super) const RANGE: &[Row] = &[
    m("new()", |_, a| {
        make("ArgumentOutOfRangeException", a, OUTSIDE)
    }),
    m("new(string paramName)", |_, a| {
        named(
            "ArgumentOutOfRangeException",
            a,
            OUTSIDE,
            (None, Some(0), None),
        )
    }),
    m("new(string message, Exception innerException)", |_, a| {
        named(
            "ArgumentOutOfRangeException",
            a,
            OUTSIDE,
            (Some(0), None, Some(1)),
        )
    }),
    m("new(string paramName, string message)", |_, a| {
        named(
            "ArgumentOutOfRangeException",
            a,
            OUTSIDE,
            (Some(1), Some(0), None),
        )
    }),
    m(
        "new(string paramName, object actualValue, string message)",
        |_, a| {
            let text = |i: usize| a.values.get(i).and_then(Value::as_str);
            let mut message = with_parameter(text(2), OUTSIDE, text(0));
            if !a.is_null(1) {
                message.push_str("\nActual value was ");
                message.push_str(&a.values[1].to_text());
                message.push('.');
            }
            built("ArgumentOutOfRangeException", message, Value::Null)
        },
    ),
];

pub(super) const DISPOSED: &[Row] = &[
    m("new(string objectName)", |_, a| {
        let name = a.values[0].as_str().unwrap_or("");
        let message = if name.is_empty() {
            "Cannot access a disposed object.".to_string()
        } else {
            format!("Cannot access a disposed object.\nObject name: '{name}'.")
        };
        built("ObjectDisposedException", message, Value::Null)
    }),
    m("new(string message, Exception innerException)", |_, a| {
        make("ObjectDisposedException", a, "")
    }),
    m("new(string objectName, string message)", |_, a| {
        let mut message = match a.values[1].as_str() {
            Some(s) => s.to_string(),
            None => of_class("ObjectDisposedException").to_string(),
        };
        if let Some(name) = a.values[0].as_str().filter(|n| !n.is_empty()) {
            message.push_str(&format!("\nObject name: '{name}'."));
        }
        built("ObjectDisposedException", message, Value::Null)
    }),
    m("string ObjectName", |_, a| {
        let name = quoted(a, "Object name: '", "'.")?;
        Ok(if name.is_null() {
            Value::from("")
        } else {
            name
        })
    }),
];
