//! `TextReader` and `StringReader`.

use super::super::{Row, m};
use super::ops::{copy_units, range};
use crate::expr::eval::{Args, R, Throw, null_argument, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;

#[derive(Debug)]
struct Reader {
    text: Str,
    /// Bytes that were read.
    at: Cell<usize>,
    /// The second half of a pair is still to be read.
    half: Cell<bool>,
    closed: Cell<bool>,
}

impl Object for Reader {
    fn ty(&self) -> Ty {
        Ty::class("StringReader")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Reader {
    fn rest(&self) -> Result<&str, Throw> {
        if self.closed.get() {
            return Err(throw(
                "ObjectDisposedException",
                "Cannot read from a closed TextReader.",
            ));
        }
        Ok(self.text.get(self.at.get()..).unwrap_or(""))
    }

    /// The next unit, and whether it is the first of a pair.
    fn peek(&self) -> Result<Option<u16>, Throw> {
        let mut pair = [0; 2];
        let c = self.rest()?.chars().next();
        Ok(c.map(|c| {
            let units = c.encode_utf16(&mut pair);
            let i = usize::from(self.half.get()).min(units.len() - 1);
            units[i]
        }))
    }

    fn next(&self) -> Result<Option<u16>, Throw> {
        let unit = self.peek()?;
        let c = self.rest()?.chars().next();
        if let Some(c) = c {
            if c.len_utf16() == 2 && !self.half.get() {
                self.half.set(true);
            } else {
                self.half.set(false);
                self.at.set(self.at.get() + c.len_utf8());
            }
        }
        Ok(unit)
    }

    fn take(&self, bytes: usize) -> Result<&str, Throw> {
        let rest = self.rest()?;
        self.half.set(false);
        self.at.set(self.at.get() + bytes);
        Ok(rest.get(..bytes).unwrap_or(rest))
    }
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Reader, Throw> {
    a.object::<Reader>(0)
}

fn unit(u: Option<u16>) -> R {
    Ok(Value::Int(u.map_or(-1, i32::from)))
}

fn block(cx: &mut crate::expr::eval::Cx<'_>, a: &Args<'_>) -> R {
    let r = this(a)?;
    let to = a.list(1).map_err(|_| null_argument("buffer"))?;
    let below = |name: &str| range(name, "Non-negative number required.");
    let at = usize::try_from(a.int(2)).map_err(|_| below("index"))?;
    let n = usize::try_from(a.int(3)).map_err(|_| below("count"))?;
    if at.checked_add(n).is_none_or(|end| end > to.items().len()) {
        return Err(throw(
            "ArgumentException",
            "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.",
        ));
    }
    r.rest()?;
    let mut units = Vec::new();
    while units.len() < n {
        let Some(u) = r.next()? else { break };
        units.push(u);
    }
    let read = units.len();
    copy_units(cx, units.into_iter(), read, &to, at, "ArgumentException")?;
    Ok(Value::Int(read as i32))
}

pub(super) const ROWS: &[Row] = &[
    m("int Peek()", |_, a| unit(this(a)?.peek()?)),
    m("int Read()", |_, a| unit(this(a)?.next()?)),
    m("int Read(char[] buffer, int index, int count)", |cx, a| {
        block(cx, a)
    }),
    m(
        "int ReadBlock(char[] buffer, int index, int count)",
        |cx, a| block(cx, a),
    ),
    m("string ReadLine()", |cx, a| {
        let r = this(a)?;
        let rest = r.rest()?;
        if rest.is_empty() {
            return Ok(Value::Null);
        }
        let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let line = cx.text(&rest[..end])?;
        let after = &rest[end..];
        let ends = match after.as_bytes() {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        r.take(end + ends)?;
        Ok(line)
    }),
    m("string ReadToEnd()", |cx, a| {
        let r = this(a)?;
        let all = r.take(r.rest()?.len())?;
        cx.text(all)
    }),
    m("void Close()", |_, a| {
        this(a)?.closed.set(true);
        Ok(Value::Null)
    }),
    m("void Dispose()", |_, a| {
        this(a)?.closed.set(true);
        Ok(Value::Null)
    }),
];

pub(super) const MADE: &[Row] = &[m("new(string s)", |_, a| {
    Ok(Value::Object(Rc::new(Reader {
        text: a.str(0).map_err(|_| null_argument("s"))?,
        at: Cell::new(0),
        half: Cell::new(false),
        closed: Cell::new(false),
    })))
})];
