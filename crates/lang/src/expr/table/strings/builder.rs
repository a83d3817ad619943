//! `System.Text.StringBuilder`.

use super::super::{Row, m};
use super::{format, range};
use crate::expr::eval::{Args, Cx, R, Throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value, text};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Debug)]
struct Builder(RefCell<String>);

impl Object for Builder {
    fn ty(&self) -> Ty {
        Ty::class("StringBuilder")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.0.borrow().clone()
    }
}

fn made(s: &str) -> R {
    Ok(Value::Object(Rc::new(Builder(RefCell::new(s.to_string())))))
}

fn append(cx: &mut Cx<'_>, a: &Args<'_>, line: bool) -> R {
    let mut piece = String::new();
    for v in &a.values[1..] {
        text::write(v, &mut piece)?;
    }
    if line {
        piece.push('\n');
    }
    push(cx, a, &piece)
}

fn push(cx: &mut Cx<'_>, a: &Args<'_>, piece: &str) -> R {
    cx.charge(piece.len())?;
    a.object::<Builder>(0)?.0.borrow_mut().push_str(piece);
    Ok(a.get(0))
}

fn edit(a: &Args<'_>, f: impl FnOnce(&str) -> Result<String, Throw>) -> R {
    let b = &a.object::<Builder>(0)?.0;
    let new = f(&b.borrow())?;
    *b.borrow_mut() = new;
    Ok(a.get(0))
}

pub(super) const ROWS: &[Row] = &[
    m("new()", |_, _| made("")),
    m("new(int capacity)", |_, _| made("")),
    m("new(string value)", |_, a| {
        made(a.values[0].as_str().unwrap_or(""))
    }),
    m("new(string value, int capacity)", |_, a| {
        made(a.values[0].as_str().unwrap_or(""))
    }),
    m("int Length", |_, a| {
        Ok(Value::Int(
            text::units(&a.object::<Builder>(0)?.0.borrow()) as i32
        ))
    }),
    m("set int Length", |_, a| {
        let n = a.size(1, "value")?;
        edit(a, |s| {
            let have = text::units(s);
            Ok(if n <= have {
                text::slice(s, 0, n)
            } else {
                format!("{s}{}", "\0".repeat((n - have).min(1 << 20)))
            })
        })?;
        Ok(Value::Null)
    }),
    m("char this[int index]", |_, a| {
        let i = a.size(1, "index")?;
        let b = a.object::<Builder>(0)?.0.borrow();
        b.encode_utf16()
            .nth(i)
            .map(Value::Char)
            .ok_or_else(|| range("index", "Index was out of range."))
    }),
    m("StringBuilder Append(string value)", |cx, a| {
        append(cx, a, false)
    }),
    m("StringBuilder Append(char value)", |cx, a| {
        append(cx, a, false)
    }),
    m("StringBuilder Append(object value)", |cx, a| {
        append(cx, a, false)
    }),
    m(
        "StringBuilder Append(char value, int repeatCount)",
        |cx, a| {
            let n = a.size(2, "repeatCount")?;
            cx.charge(n)?;
            let piece = a.get(1).to_text().repeat(n);
            push(cx, a, &piece)
        },
    ),
    m("StringBuilder AppendLine()", |cx, a| push(cx, a, "\n")),
    m("StringBuilder AppendLine(string value)", |cx, a| {
        append(cx, a, true)
    }),
    m(
        "StringBuilder AppendFormat(string format, params object[] args)",
        |cx, a| {
            let items = a.items(cx, 2)?;
            let piece = format(a.text(1)?, &items)?;
            push(cx, a, &piece)
        },
    ),
    m("StringBuilder Insert(int index, string value)", |cx, a| {
        cx.charge(a.text(2)?.len())?;
        let at = a.size(1, "index")?;
        let piece = a.str(2)?;
        edit(a, |s| {
            let n = text::units(s);
            if at > n {
                return Err(range("index", "Index was out of range."));
            }
            Ok(text::slice(s, 0, at) + &piece + &text::slice(s, at, n - at))
        })
    }),
    m(
        "StringBuilder Remove(int startIndex, int length)",
        |_, a| {
            let (at, len) = (a.size(1, "startIndex")?, a.size(2, "length")?);
            edit(a, |s| {
                let n = text::units(s);
                if at + len > n {
                    return Err(range("length", "Index was out of range."));
                }
                Ok(text::slice(s, 0, at) + &text::slice(s, at + len, n - at - len))
            })
        },
    ),
    m(
        "StringBuilder Replace(string oldValue, string newValue)",
        |cx, a| {
            let (from, to) = (a.str(1)?, a.values[2].to_text());
            if from.is_empty() {
                return Err(crate::expr::eval::throw(
                    "ArgumentException",
                    "String cannot be of zero length. (Parameter 'oldValue')",
                ));
            }
            let grown = a
                .object::<Builder>(0)?
                .0
                .borrow()
                .matches(&*from)
                .count()
                .saturating_mul(to.len());
            cx.charge(grown)?;
            edit(a, |s| Ok(s.replace(&*from, &to)))
        },
    ),
    m("StringBuilder Clear()", |_, a| {
        edit(a, |_| Ok(String::new()))
    }),
    m("string ToString()", |cx, a| {
        let s = a.object::<Builder>(0)?.0.borrow().clone();
        cx.text(s)
    }),
    m("string ToString(int startIndex, int length)", |cx, a| {
        let (at, n) = (a.size(1, "startIndex")?, a.size(2, "length")?);
        let s = a.object::<Builder>(0)?.0.borrow().clone();
        if at + n > text::units(&s) {
            return Err(range("length", "Index was out of range."));
        }
        cx.text(text::slice(&s, at, n))
    }),
];
