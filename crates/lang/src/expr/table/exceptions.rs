//! Exceptions: the hierarchy that `catch` knows.

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Exception, R};
use crate::value::{Str, Value};
use std::rc::Rc;

fn make(class: &'static str, a: &Args<'_>, default: &str) -> R {
    let message: Str = match a.values.first() {
        Some(Value::Str(s)) => s.clone(),
        _ => default.into(),
    };
    Ok(Value::Object(Rc::new(Exception {
        class,
        message,
        inner: a.get(1),
    })))
}

macro_rules! exception {
    ($class:literal, $default:literal) => {
        &[
            m("new()", |_, a| make($class, a, $default)),
            m("new(string message)", |_, a| make($class, a, $default)),
            m("new(string message, Exception innerException)", |_, a| {
                make($class, a, $default)
            }),
        ]
    };
}

const EXCEPTION: &[Row] = &[
    m("new()", |_, a| {
        make(
            "Exception",
            a,
            "Exception of type 'System.Exception' was thrown.",
        )
    }),
    m("new(string message)", |_, a| {
        make(
            "Exception",
            a,
            "Exception of type 'System.Exception' was thrown.",
        )
    }),
    m("new(string message, Exception innerException)", |_, a| {
        make("Exception", a, "")
    }),
    m("string Message", |_, a| {
        Ok(Value::Str(a.object::<Exception>(0)?.message.clone()))
    }),
    m("Exception InnerException", |_, a| {
        Ok(a.object::<Exception>(0)?.inner.clone())
    }),
    // The host's call stack is nobody's business; .NET gives text here.
    m("string StackTrace", |_, _| Ok(Value::from(""))),
    m("string Source", |_, _| Ok(Value::from("expression"))),
    m("Exception GetBaseException()", |_, a| {
        let mut at = a.get(0);
        loop {
            let next = match &at {
                Value::Object(o) => o
                    .as_any()
                    .downcast_ref::<Exception>()
                    .map(|e| e.inner.clone())
                    .unwrap_or_default(),
                _ => Value::Null,
            };
            if next.is_null() {
                return Ok(at);
            }
            at = next;
        }
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty("class System.Exception", EXCEPTION),
    ty(
        "class System.SystemException : Exception",
        exception!("SystemException", "System error."),
    ),
    ty(
        "class System.ApplicationException : Exception",
        exception!("ApplicationException", "Error in the application."),
    ),
    ty(
        "class System.ArgumentException : SystemException",
        exception!(
            "ArgumentException",
            "Value does not fall within the expected range."
        ),
    ),
    ty(
        "class System.ArgumentNullException : ArgumentException",
        exception!("ArgumentNullException", "Value cannot be null."),
    ),
    ty(
        "class System.ArgumentOutOfRangeException : ArgumentException",
        exception!(
            "ArgumentOutOfRangeException",
            "Specified argument was out of the range of valid values."
        ),
    ),
    ty(
        "class System.ArithmeticException : SystemException",
        exception!(
            "ArithmeticException",
            "Overflow or underflow in the arithmetic operation."
        ),
    ),
    ty(
        "class System.DivideByZeroException : ArithmeticException",
        exception!("DivideByZeroException", "Attempted to divide by zero."),
    ),
    ty(
        "class System.OverflowException : ArithmeticException",
        exception!(
            "OverflowException",
            "Arithmetic operation resulted in an overflow."
        ),
    ),
    ty(
        "class System.FormatException : SystemException",
        exception!(
            "FormatException",
            "One of the identified items was in an invalid format."
        ),
    ),
    ty(
        "class System.UriFormatException : FormatException",
        exception!(
            "UriFormatException",
            "Invalid URI: The format of the URI could not be determined."
        ),
    ),
    ty(
        "class System.IndexOutOfRangeException : SystemException",
        exception!(
            "IndexOutOfRangeException",
            "Index was outside the bounds of the array."
        ),
    ),
    ty(
        "class System.InvalidCastException : SystemException",
        exception!("InvalidCastException", "Specified cast is not valid."),
    ),
    ty(
        "class System.InvalidOperationException : SystemException",
        exception!(
            "InvalidOperationException",
            "Operation is not valid due to the current state of the object."
        ),
    ),
    ty(
        "class System.NotImplementedException : SystemException",
        exception!(
            "NotImplementedException",
            "The method or operation is not implemented."
        ),
    ),
    ty(
        "class System.NotSupportedException : SystemException",
        exception!(
            "NotSupportedException",
            "Specified method is not supported."
        ),
    ),
    ty(
        "class System.NullReferenceException : SystemException",
        exception!(
            "NullReferenceException",
            "Object reference not set to an instance of an object."
        ),
    ),
    ty(
        "class System.TimeoutException : SystemException",
        exception!("TimeoutException", "The operation has timed out."),
    ),
    ty(
        "class System.Collections.Generic.KeyNotFoundException : SystemException",
        exception!(
            "KeyNotFoundException",
            "The given key was not present in the dictionary."
        ),
    ),
    ty(
        "class System.Text.RegularExpressions.RegexMatchTimeoutException : TimeoutException",
        exception!(
            "RegexMatchTimeoutException",
            "The regex engine took too long."
        ),
    ),
    ty(
        "class System.Security.Cryptography.CryptographicException : SystemException",
        exception!(
            "CryptographicException",
            "Error occurred during a cryptographic operation."
        ),
    ),
    ty(
        "class System.Security.Cryptography.AuthenticationTagMismatchException : CryptographicException",
        exception!(
            "AuthenticationTagMismatchException",
            "The computed authentication tag did not match the input authentication tag."
        ),
    ),
    ty(
        "class System.Globalization.CultureNotFoundException : ArgumentException",
        exception!("CultureNotFoundException", "Culture is not supported."),
    ),
    ty(
        "class System.Runtime.Serialization.SerializationException : SystemException",
        exception!("SerializationException", "Serialization error."),
    ),
    ty(
        "class System.Net.Sockets.SocketException : Exception",
        exception!("SocketException", "The socket operation failed."),
    ),
    ty(
        "class System.InvalidTimeZoneException : Exception",
        exception!(
            "InvalidTimeZoneException",
            "The time zone data is not valid."
        ),
    ),
    ty(
        "class System.TimeZoneNotFoundException : Exception",
        exception!(
            "TimeZoneNotFoundException",
            "The time zone was not found on the local computer."
        ),
    ),
    ty(
        "class System.Xml.XmlException : SystemException",
        exception!("XmlException", "An XML error has occurred."),
    ),
    ty(
        "class System.Xml.XPath.XPathException : SystemException",
        exception!("XPathException", "The path is not valid."),
    ),
    ty(
        "class Newtonsoft.Json.JsonException : Exception",
        exception!("JsonException", "JSON error."),
    ),
    ty(
        "class Newtonsoft.Json.JsonReaderException : JsonException",
        exception!("JsonReaderException", "JSON error."),
    ),
    ty(
        "class Newtonsoft.Json.JsonWriterException : JsonException",
        exception!("JsonWriterException", "JSON error."),
    ),
    ty(
        "class Newtonsoft.Json.JsonSerializationException : JsonException",
        exception!("JsonSerializationException", "JSON error."),
    ),
];
