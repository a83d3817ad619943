//! Exceptions: the hierarchy that `catch` knows, and what all of them have.
//!
//! What must stay true: messages are .NET's, with `(Parameter 'name')` at the end where a parameter is named; an exception
//! nests at most [`weigh`]'s bound of others. There is no stack trace: the host's calls are nobody's business.

mod arguments;

use super::dictionaries::untyped::Entries;
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Exception, ExceptionDetails, R, weigh};
use crate::expr::types::Ty;
use crate::value::{Str, Value};
use std::rc::Rc;

/// An exception object.
fn built(class: &'static str, message: impl Into<Str>, inner: Value) -> R {
    weigh([&inner])?;
    Ok(Value::Object(Rc::new(Exception {
        class,
        message: message.into(),
        inner,
        details: Default::default(),
    })))
}

/// `new X()`, `new X(message)`, `new X(message, inner)`; a message that is null says the class.
fn make(class: &'static str, a: &Args<'_>, default: &str) -> R {
    let message: Str = match a.values.first() {
        Some(Value::Str(s)) => s.clone(),
        None => default.into(),
        // These have a text of their own there.
        Some(_) if matches!(class, "XmlException" | "XPathException") => default.into(),
        Some(_) => of_class(class),
    };
    built(class, message, a.get(1))
}

/// The message of an exception that was made with none.
fn of_class(class: &'static str) -> Str {
    let full = Ty::class(class).full_name();
    format!("Exception of type '{full}' was thrown.").into()
}

macro_rules! exception {
    ($class:literal, $default:literal) => {
        exception!($class, $default, "message", "innerException")
    };
    // With the names of the constructor's parameters.
    ($class:literal, $default:literal, $message:literal, $inner:literal) => {
        &[
            m("new()", |_, a| make($class, a, $default)),
            m(concat!("new(string ", $message, ")"), |_, a| {
                make($class, a, $default)
            }),
            m(
                concat!("new(string ", $message, ", Exception ", $inner, ")"),
                |_, a| make($class, a, $default),
            ),
        ]
    };
}

/// `HResult` of the classes that have one of their own, by the numbers of COM.
fn hresult(class: &str) -> i32 {
    (match class {
        "SystemException" => 0x8013_1501_u32,
        "ApplicationException" => 0x8013_1600,
        "ArgumentException" => 0x8007_0057,
        "ArgumentNullException" | "NullReferenceException" => 0x8000_4003,
        "ArgumentOutOfRangeException" => 0x8013_1502,
        "ArithmeticException" => 0x8007_0216,
        "DivideByZeroException" => 0x8002_0012,
        "OverflowException" => 0x8013_1516,
        "FormatException" | "UriFormatException" => 0x8013_1537,
        "IndexOutOfRangeException" => 0x8013_1508,
        "InvalidCastException" => 0x8000_4002,
        "InvalidOperationException" => 0x8013_1509,
        "NotImplementedException" => 0x8000_4001,
        "NotSupportedException" => 0x8013_1515,
        "ObjectDisposedException" => 0x8013_1622,
        "TimeoutException" => 0x8013_1505,
        "KeyNotFoundException" => 0x8013_1577,
        "OutOfMemoryException" => 0x8007_000e,
        "RankException" => 0x8013_1517,
        "ArrayTypeMismatchException" => 0x8013_1503,
        _ => 0x8013_1500,
    }) as i32
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Exception, crate::expr::eval::Throw> {
    a.object::<Exception>(0)
}

fn change(a: &Args<'_>, f: impl FnOnce(&mut ExceptionDetails)) -> R {
    f(this(a)?.details.borrow_mut().get_or_insert_default());
    Ok(Value::Null)
}

fn details<T>(
    a: &Args<'_>,
    f: impl FnOnce(&ExceptionDetails) -> T,
) -> Result<Option<T>, crate::expr::eval::Throw> {
    Ok(this(a)?.details.borrow().as_deref().map(f))
}

const EXCEPTION: &[Row] = &[
    m("new()", |_, a| {
        make(
            "Exception",
            a,
            "Exception of type 'System.Exception' was thrown.",
        )
    }),
    m("new(string message)", |_, a| make("Exception", a, "")),
    m("new(string message, Exception innerException)", |_, a| {
        make("Exception", a, "")
    }),
    m("string Message", |_, a| {
        Ok(Value::Str(this(a)?.message.clone()))
    }),
    m("Exception InnerException", |_, a| {
        Ok(this(a)?.inner.clone())
    }),
    m("string StackTrace", |_, _| Ok(Value::from(""))),
    m("string Source", |_, a| {
        let source = details(a, |d| d.source.clone())?.unwrap_or_default();
        Ok(if source.is_null() {
            Value::from("expression")
        } else {
            source
        })
    }),
    m("set string Source", |_, a| {
        change(a, |d| d.source = a.get(1))
    }),
    m("string HelpLink", |_, a| {
        Ok(details(a, |d| d.help_link.clone())?.unwrap_or_default())
    }),
    m("set string HelpLink", |_, a| {
        change(a, |d| d.help_link = a.get(1))
    }),
    m("int HResult", |_, a| {
        let own = details(a, |d| d.hresult)?.flatten();
        Ok(Value::Int(own.unwrap_or_else(|| {
            this(a).map_or(0, |e| hresult(e.class))
        })))
    }),
    m("set int HResult", |_, a| {
        change(a, |d| d.hresult = Some(a.int(1) as i32))
    }),
    m("IObjectDictionary Data", |cx, a| {
        cx.charge(64)?;
        let mut details = this(a)?.details.borrow_mut();
        let data = &mut details.get_or_insert_default().data;
        if data.is_null() {
            *data = Value::Object(Rc::new(Entries::default()));
        }
        Ok(data.clone())
    }),
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
        arguments::ARGUMENT,
    ),
    ty(
        "class System.ArgumentNullException : ArgumentException",
        arguments::NULL,
    ),
    ty(
        "class System.ArgumentOutOfRangeException : ArgumentException",
        arguments::RANGE,
    ),
    ty(
        "class System.ObjectDisposedException : InvalidOperationException",
        arguments::DISPOSED,
    ),
    ty(
        "class System.OutOfMemoryException : SystemException",
        exception!(
            "OutOfMemoryException",
            "Insufficient memory to continue the execution of the program."
        ),
    ),
    ty(
        "class System.RankException : SystemException",
        exception!(
            "RankException",
            "Attempted to operate on an array with the incorrect number of dimensions."
        ),
    ),
    ty(
        "class System.ArrayTypeMismatchException : SystemException",
        exception!(
            "ArrayTypeMismatchException",
            "Attempted to access an element as a type incompatible with the array."
        ),
    ),
    ty(
        "class System.IO.IOException : SystemException",
        exception!("IOException", "I/O error occurred."),
    ),
    ty(
        "class System.UnauthorizedAccessException : SystemException",
        exception!(
            "UnauthorizedAccessException",
            "Attempted to perform an unauthorized operation.",
            "message",
            "inner"
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
            "One of the identified items was in an invalid format.",
            "textString",
            "e"
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
        "class System.PlatformNotSupportedException : NotSupportedException",
        exception!(
            "PlatformNotSupportedException",
            "Operation is not supported on this platform.",
            "message",
            "inner"
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
            "The regex engine took too long.",
            "message",
            "inner"
        ),
    ),
    ty(
        "class System.Security.Cryptography.CryptographicException : SystemException",
        exception!(
            "CryptographicException",
            "Error occurred during a cryptographic operation.",
            "message",
            "inner"
        ),
    ),
    ty(
        "class System.Security.Cryptography.CryptographicUnexpectedOperationException : CryptographicException",
        exception!(
            "CryptographicUnexpectedOperationException",
            "Unexpected error occurred during a cryptographic operation.",
            "message",
            "inner"
        ),
    ),
    ty(
        "class System.Security.Cryptography.AuthenticationTagMismatchException : CryptographicException",
        exception!(
            "AuthenticationTagMismatchException",
            "The computed authentication tag did not match the input authentication tag.",
            "message",
            "inner"
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
        // .NET makes it of a number of the system.
        &[],
    ),
    ty(
        "class System.InvalidTimeZoneException : Exception",
        exception!(
            "InvalidTimeZoneException",
            "Exception of type 'System.InvalidTimeZoneException' was thrown."
        ),
    ),
    ty(
        "class System.TimeZoneNotFoundException : Exception",
        exception!(
            "TimeZoneNotFoundException",
            "Exception of type 'System.TimeZoneNotFoundException' was thrown."
        ),
    ),
    ty(
        "class System.Xml.XmlException : SystemException",
        exception!("XmlException", "An XML error has occurred."),
    ),
    ty(
        "class System.Xml.XPath.XPathException : SystemException",
        exception!("XPathException", ""),
    ),
    ty(
        "class Newtonsoft.Json.JsonException : Exception",
        exception!(
            "JsonException",
            "Exception of type 'Newtonsoft.Json.JsonException' was thrown."
        ),
    ),
    ty(
        "class Newtonsoft.Json.JsonReaderException : JsonException",
        exception!(
            "JsonReaderException",
            "Exception of type 'Newtonsoft.Json.JsonReaderException' was thrown."
        ),
    ),
    ty(
        "class Newtonsoft.Json.JsonWriterException : JsonException",
        exception!(
            "JsonWriterException",
            "Exception of type 'Newtonsoft.Json.JsonWriterException' was thrown."
        ),
    ),
    ty(
        "class Newtonsoft.Json.JsonSerializationException : JsonException",
        exception!(
            "JsonSerializationException",
            "Exception of type 'Newtonsoft.Json.JsonSerializationException' was thrown."
        ),
    ),
];
