//! `TextWriter` and `StringWriter`.

use super::super::{Row, m};
use super::builder::Builder;
use super::edit::formatted;
use super::ops::units_of;
use crate::expr::eval::{Args, Cx, R, Throw, null_argument, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[derive(Debug)]
struct Writer {
    /// A `StringBuilder`, which may be the expression's own.
    builder: Value,
    new_line: RefCell<String>,
    closed: Cell<bool>,
}

impl Object for Writer {
    fn ty(&self) -> Ty {
        Ty::class("StringWriter")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.builder.to_text().to_string()
    }
}

fn made(builder: Value) -> R {
    Ok(Value::Object(Rc::new(Writer {
        builder,
        new_line: RefCell::new("\n".into()),
        closed: Cell::new(false),
    })))
}

fn fresh() -> R {
    made(Value::Object(Builder::of("", 16)))
}

/// A writer around a `StringBuilder` that was given.
fn around(a: &Args<'_>) -> R {
    if a.is_null(0) {
        return Err(null_argument("sb"));
    }
    made(a.get(0))
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Writer, Throw> {
    a.object::<Writer>(0)
}

/// Writes a text, and the end of the line if wanted.
pub(in crate::expr::table) fn push(cx: &mut Cx<'_>, a: &Args<'_>, piece: &str, line: bool) -> R {
    let w = this(a)?;
    if w.closed.get() {
        return Err(throw(
            "ObjectDisposedException",
            "Cannot write to a closed TextWriter.",
        ));
    }
    if let Value::Object(o) = &w.builder
        && let Some(b) = o.as_any().downcast_ref::<Builder>()
    {
        b.push(cx, piece)?;
        if line {
            b.push(cx, &w.new_line.borrow())?;
        }
    }
    Ok(Value::Null)
}

/// Writes an object. Null is nothing, which a closed writer takes too.
fn object(cx: &mut Cx<'_>, a: &Args<'_>, line: bool) -> R {
    if a.is_null(1) && !line {
        return Ok(Value::Null);
    }
    value(cx, a, line)
}

fn value(cx: &mut Cx<'_>, a: &Args<'_>, line: bool) -> R {
    let mut piece = String::new();
    crate::expr::eval::write_text(cx, a.get(1), &mut piece)?;
    push(cx, a, &piece, line)
}

fn chars(cx: &mut Cx<'_>, a: &Args<'_>, line: bool) -> R {
    let piece = match a.is_null(1) {
        true if !line => return Ok(Value::Null),
        true => String::new(),
        false => String::from_utf16_lossy(&units_of(a, 1, "buffer")?),
    };
    push(cx, a, &piece, line)
}

fn part(cx: &mut Cx<'_>, a: &Args<'_>, line: bool) -> R {
    let units = units_of(a, 1, "buffer")?;
    let (at, n) = (a.size(2, "index")?, a.size(3, "count")?);
    let part = at.checked_add(n).and_then(|end| units.get(at..end));
    let part = part.ok_or_else(|| {
        throw(
            "ArgumentException",
            "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.",
        )
    })?;
    push(cx, a, &String::from_utf16_lossy(part), line)
}

fn format(cx: &mut Cx<'_>, a: &Args<'_>, array: bool, line: bool) -> R {
    let piece = formatted(cx, a, 1, None, array)?;
    push(cx, a, &piece, line)
}

fn close(a: &Args<'_>) -> R {
    this(a)?.closed.set(true);
    Ok(Value::Null)
}

macro_rules! writes {
    ($rows:ident, $name:literal, $line:literal) => {
        const $rows: &[Row] = &[
            m(concat!("void ", $name, "(string value)"), |cx, a| {
                value(cx, a, $line)
            }),
            m(concat!("void ", $name, "(char value)"), |cx, a| {
                value(cx, a, $line)
            }),
            m(concat!("void ", $name, "(object value)"), |cx, a| {
                object(cx, a, $line)
            }),
            m(concat!("void ", $name, "(char[] buffer)"), |cx, a| {
                chars(cx, a, $line)
            }),
            m(
                concat!("void ", $name, "(char[] buffer, int index, int count)"),
                |cx, a| part(cx, a, $line),
            ),
            m(
                concat!("void ", $name, "(string format, object arg0)"),
                |cx, a| format(cx, a, false, $line),
            ),
            m(
                concat!("void ", $name, "(string format, object arg0, object arg1)"),
                |cx, a| format(cx, a, false, $line),
            ),
            m(
                concat!(
                    "void ",
                    $name,
                    "(string format, object arg0, object arg1, object arg2)"
                ),
                |cx, a| format(cx, a, false, $line),
            ),
            m(
                concat!("void ", $name, "(string format, params object[] arg)"),
                |cx, a| format(cx, a, true, $line),
            ),
        ];
    };
}

writes!(WRITE, "Write", false);
writes!(WRITE_LINE, "WriteLine", true);

pub(super) const LINES: &[Row] = &[
    m("void WriteLine()", |cx, a| push(cx, a, "", true)),
    m("string NewLine", |_, a| {
        Ok(Value::from(this(a)?.new_line.borrow().as_str()))
    }),
    m("set string NewLine", |cx, a| {
        let s = a.values[1].as_str().unwrap_or("\n").to_string();
        cx.charge(s.len())?;
        *this(a)?.new_line.borrow_mut() = s;
        Ok(Value::Null)
    }),
    m("Encoding Encoding", |_, _| {
        super::super::convert::utf16_encoding()
    }),
    m("void Flush()", |_, _| Ok(Value::Null)),
    m("void Close()", |_, a| close(a)),
    m("void Dispose()", |_, a| close(a)),
];

pub(super) const ROWS: &[&[Row]] = &[WRITE, WRITE_LINE, LINES];

pub(super) const MADE: &[Row] = &[
    m("new()", |_, _| fresh()),
    m("new(IFormatProvider formatProvider)", |_, _| fresh()),
    m("new(StringBuilder sb)", |_, a| around(a)),
    m(
        "new(StringBuilder sb, IFormatProvider formatProvider)",
        |_, a| around(a),
    ),
    m("StringBuilder GetStringBuilder()", |_, a| {
        Ok(this(a)?.builder.clone())
    }),
    m("string ToString()", |cx, a| {
        let s = this(a)?.builder.to_text();
        cx.text(s)
    }),
];
