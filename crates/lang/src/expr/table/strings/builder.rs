//! `System.Text.StringBuilder`.
//!
//! What must stay true: places are UTF-16 units; everything appended is charged before it is there.

mod edits;

pub(super) use edits::EDITS;

use super::super::{Row, m};
use super::edit::{formatted, replaced};
use super::ops::{byte_of, copy_units, cut_pair, range, unit_text, units_of};
use crate::expr::eval::{Args, Cx, R, Throw, null_argument, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value, text};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// First capacity, and the largest block by which it grows.
const FIRST: usize = 16;
const BLOCK: usize = 8000;

#[derive(Debug)]
pub(super) struct Builder {
    text: RefCell<String>,
    /// What `Capacity` says; nothing is allocated for it.
    capacity: Cell<usize>,
    /// `MaxCapacity`: most units that it takes.
    most: usize,
}

impl Object for Builder {
    fn ty(&self) -> Ty {
        Ty::class("StringBuilder")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.text.borrow().clone()
    }
}

impl Builder {
    pub(super) fn of(s: &str, capacity: usize) -> Rc<Builder> {
        Rc::new(Builder {
            text: RefCell::new(s.to_string()),
            capacity: Cell::new(capacity.max(text::units(s))),
            most: i32::MAX as usize,
        })
    }

    /// Appends, counted.
    pub(super) fn push(&self, cx: &mut Cx<'_>, piece: &str) -> Result<(), Throw> {
        cx.charge(piece.len())?;
        // What there is room for already is not held against `MaxCapacity`, which room is made beyond of.
        if self.bound() && self.with(piece) > self.capacity.get() {
            self.check(text::units(piece))?;
        }
        self.text.borrow_mut().push_str(piece);
        self.grow();
        Ok(())
    }

    /// Whether `MaxCapacity` is less than any builder takes.
    fn bound(&self) -> bool {
        self.most < i32::MAX as usize
    }

    /// How many units there would be with a piece more.
    fn with(&self, piece: &str) -> usize {
        text::units(&self.text.borrow()) + text::units(piece)
    }

    /// Whether so many units more would go beyond `MaxCapacity`.
    fn too_many(&self, more: usize) -> bool {
        self.bound() && text::units(&self.text.borrow()).saturating_add(more) > self.most
    }

    /// Refuses what would go beyond `MaxCapacity`.
    fn check(&self, more: usize) -> Result<(), Throw> {
        match self.too_many(more) {
            true => Err(range(
                "requiredLength",
                "capacity was less than the current size.",
            )),
            false => Ok(()),
        }
    }

    /// Makes room within the text for so many units, which stand in it afterwards.
    fn make_room(&self, more: usize) {
        /// Longest text that is moved to make room.
        const MOVED: usize = 2 * FIRST;
        let have = text::units(&self.text.borrow());
        let room = self.capacity.get().saturating_sub(have);
        if more > 0 && (have > MOVED || room < more) {
            self.capacity.set(self.capacity.get() + more);
        }
    }

    /// The bytes of a part given in units, whose ends cut no pair any more.
    fn part(&self, at: usize, n: usize, names: (&str, &str)) -> Result<(usize, usize), Throw> {
        bytes(&self.text.borrow(), at, n, names)?;
        let mut text = self.text.borrow_mut();
        cut_pair(&mut text, at);
        cut_pair(&mut text, at + n);
        bytes(&text, at, n, names)
    }

    /// Sets the capacity, which no text may be longer than.
    fn set_capacity(&self, n: usize) -> Result<(), Throw> {
        if n > self.most {
            return Err(range("value", "Capacity exceeds maximum capacity."));
        }
        if n < text::units(&self.text.borrow()) {
            return Err(range("value", "capacity was less than the current size."));
        }
        self.capacity.set(n);
        Ok(())
    }

    /// Makes the capacity fit the length, by blocks as .NET does.
    fn grow(&self) {
        let (have, need) = (self.capacity.get(), self.text.borrow().len());
        // Bytes are at least as many as units: most appends end here.
        if need <= have {
            return;
        }
        let need = text::units(&self.text.borrow());
        if need > have {
            let block = (need - have).max(have.min(BLOCK));
            self.capacity.set(have + block);
        }
    }
}

/// `Capacity` of a `StringBuilder`.
pub(crate) fn capacity(v: &Value) -> Option<i32> {
    let Value::Object(o) = v else { return None };
    let of = o.as_any().downcast_ref::<Builder>()?;
    Some(i32::try_from(of.capacity.get()).unwrap_or(i32::MAX))
}

fn made(s: &str, capacity: i64) -> R {
    let capacity = usize::try_from(capacity)
        .map_err(|_| range("capacity", "'capacity' must be greater than zero."))?;
    let capacity = if capacity == 0 { FIRST } else { capacity };
    Ok(Value::Object(Builder::of(s, capacity)))
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Builder, Throw> {
    a.object::<Builder>(0)
}

fn push(cx: &mut Cx<'_>, a: &Args<'_>, piece: &str) -> R {
    this(a)?.push(cx, piece)?;
    Ok(a.get(0))
}

/// Appends the text of the argument.
fn append(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    if let Some(Value::Str(s)) = a.values.get(1) {
        return push(cx, a, s);
    }
    let mut piece = String::new();
    crate::expr::eval::write_text(cx, a.get(1), &mut piece)?;
    push(cx, a, &piece)
}

/// Appends a part of another builder, or of itself.
fn append_builder(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    part: impl Fn(&str) -> Result<String, Throw>,
) -> R {
    if a.is_null(1) {
        return Ok(a.get(0));
    }
    let piece = {
        let other = a.object::<Builder>(1)?.text.borrow();
        cx.charge(other.len())?;
        part(&other)?
    };
    let b = this(a)?;
    if !piece.is_empty() {
        b.check(text::units(&piece))?;
    }
    b.push(cx, &piece)?;
    Ok(a.get(0))
}

/// A count of times or places: negative is out of range.
fn count(a: &Args<'_>, i: usize, name: &str) -> Result<usize, Throw> {
    usize::try_from(a.int(i)).map_err(|_| range(name, &format!("'{name}' must be non-negative.")))
}

const INDEX: &str =
    "Index was out of range. Must be non-negative and less than the size of the collection.";

/// The bytes of a part given in units.
fn bytes(s: &str, at: usize, n: usize, names: (&str, &str)) -> Result<(usize, usize), Throw> {
    let units = text::units(s);
    if at > units {
        return Err(range(names.0, INDEX));
    }
    if n > units - at {
        return Err(range(names.1, INDEX));
    }
    let place = |units| byte_of(s, units).unwrap_or(s.len());
    Ok((place(at), place(at + n)))
}

/// Puts a text at a place.
fn insert(cx: &mut Cx<'_>, a: &Args<'_>, piece: &str) -> R {
    insert_times(cx, a, piece, 1, |b, units| b.check(units))
}

/// Puts a text at a place, so many times; `check` refuses what goes beyond `MaxCapacity`.
fn insert_times(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    piece: &str,
    times: usize,
    check: fn(&Builder, usize) -> Result<(), Throw>,
) -> R {
    let b = this(a)?;
    let at = count(a, 1, "index")?;
    bytes(&b.text.borrow(), at, 0, ("index", "count"))?;
    cx.charge(piece.len().saturating_mul(times))?;
    let units = text::units(piece).saturating_mul(times);
    check(b, units)?;
    cx.step(b.text.borrow().len() / 64)?;
    b.make_room(units);
    let (place, _) = b.part(at, 0, ("index", "count"))?;
    b.text.borrow_mut().insert_str(place, &piece.repeat(times));
    Ok(a.get(0))
}

/// What a text that is inserted many times must not do is told as a lack of memory.
fn check_times(b: &Builder, units: usize) -> Result<(), Throw> {
    match b.too_many(units) {
        true => Err(throw(
            "OutOfMemoryException",
            "Insufficient memory to continue the execution of the program.",
        )),
        false => Ok(()),
    }
}

/// A part of a `char[]` after the array itself.
fn chars(a: &Args<'_>, i: usize, names: (&str, &str)) -> Result<String, Throw> {
    let (at, n) = (count(a, i + 1, names.0)?, count(a, i + 2, names.1)?);
    if a.is_null(i) && at == 0 && n == 0 {
        return Ok(String::new());
    }
    let units = units_of(a, i, "value")?;
    let part = at.checked_add(n).and_then(|end| units.get(at..end));
    part.map(String::from_utf16_lossy)
        .ok_or_else(|| range(names.1, INDEX))
}

/// Replaces in the whole, or in a part whose start and length stand in the arguments.
fn replace(cx: &mut Cx<'_>, a: &Args<'_>, from: &str, to: &str, in_part: bool) -> R {
    let b = this(a)?;
    let (at, n) = if in_part {
        (count(a, 3, "startIndex")?, count(a, 4, "count")?)
    } else {
        (0, text::units(&b.text.borrow()))
    };
    bytes(&b.text.borrow(), at, n, ("startIndex", "count"))?;
    let before = text::slice(&b.text.borrow(), at, n);
    let part = replaced(cx, &before, from, to, 4)?;
    if part == before {
        return Ok(a.get(0));
    }
    let more = text::units(&part).saturating_sub(text::units(&before));
    if more > 0 {
        b.check(more)?;
        // Nothing is moved: what grows gets room of its own.
        b.capacity.set(b.capacity.get() + more);
    }
    let (start, end) = b.part(at, n, ("startIndex", "count"))?;
    b.text.borrow_mut().replace_range(start..end, &part);
    Ok(a.get(0))
}

fn set_length(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let b = this(a)?;
    let n = usize::try_from(a.int(1))
        .map_err(|_| range("value", "Length cannot be less than zero."))?;
    let have = text::units(&b.text.borrow());
    if n <= have {
        cut_pair(&mut b.text.borrow_mut(), n);
        let end = byte_of(&b.text.borrow(), n).unwrap_or(0);
        b.text.borrow_mut().truncate(end);
    } else {
        if n > b.most {
            return Err(range("value", "capacity was less than the current size."));
        }
        cx.charge(n - have)?;
        b.text
            .borrow_mut()
            .extend(std::iter::repeat_n('\0', n - have));
        b.grow();
    }
    Ok(Value::Null)
}

fn set_capacity(a: &Args<'_>) -> R {
    let b = this(a)?;
    b.set_capacity(count(a, 1, "value")?)?;
    Ok(Value::Null)
}

fn set_char(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let b = this(a)?;
    cx.step(1 + b.text.borrow().len() / 64)?;
    let at = a.size(1, "index")?;
    let (from, to) = b.part(at, 1, ("index", "index"))?;
    let unit = unit_text(&a.get(2));
    b.text.borrow_mut().replace_range(from..to, &unit);
    Ok(Value::Null)
}

fn append_format(cx: &mut Cx<'_>, a: &Args<'_>, with_provider: bool, array: bool) -> R {
    let info = with_provider.then_some(1);
    let piece = formatted(cx, a, 1 + usize::from(with_provider), info, array)?;
    push(cx, a, &piece)
}

fn append_join(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    if a.is_null(2) {
        return Err(null_argument("values"));
    }
    let separator = a.values[1].to_text();
    let b = this(a)?;
    for (i, v) in a.items(cx, 2)?.iter().enumerate() {
        if i > 0 {
            b.push(cx, &separator)?;
        }
        let mut piece = String::new();
        crate::expr::eval::write_text(cx, v.clone(), &mut piece)?;
        b.push(cx, &piece)?;
    }
    Ok(a.get(0))
}

fn length(a: &Args<'_>) -> Result<usize, Throw> {
    Ok(text::units(&this(a)?.text.borrow()))
}

pub(super) const ROWS: &[Row] = &[
    m("new()", |_, _| made("", 0)),
    m("new(int capacity)", |_, a| made("", a.int(0))),
    m("new(int capacity, int maxCapacity)", |_, a| {
        let (capacity, most) = (a.int(0), a.int(1));
        if capacity > most {
            return Err(range("capacity", "Capacity exceeds maximum capacity."));
        }
        if most < 1 {
            return Err(range("maxCapacity", "MaxCapacity must be one or greater."));
        }
        if capacity < 0 {
            return Err(range("capacity", "'capacity' must be greater than zero."));
        }
        let first = if capacity == 0 {
            most.min(FIRST as i64)
        } else {
            capacity
        };
        Ok(Value::Object(Rc::new(Builder {
            text: RefCell::default(),
            capacity: Cell::new(first as usize),
            most: most as usize,
        })))
    }),
    m("new(string value)", |_, a| {
        made(a.values[0].as_str().unwrap_or(""), 0)
    }),
    m("new(string value, int capacity)", |_, a| {
        made(a.values[0].as_str().unwrap_or(""), a.int(1))
    }),
    m(
        "new(string value, int startIndex, int length, int capacity)",
        |_, a| {
            let s = a.values[0].as_str().unwrap_or("");
            let (at, n) = (count(a, 1, "startIndex")?, count(a, 2, "length")?);
            bytes(s, at, n, ("length", "length"))?;
            made(&text::slice(s, at, n), a.int(3))
        },
    ),
    m("int Length", |_, a| Ok(Value::Int(length(a)? as i32))),
    m("set int Length", |cx, a| set_length(cx, a)),
    m("int Capacity", |_, a| {
        Ok(Value::Int(
            i32::try_from(this(a)?.capacity.get()).unwrap_or(i32::MAX),
        ))
    }),
    m("set int Capacity", |_, a| set_capacity(a)),
    m("int MaxCapacity", |_, a| {
        Ok(Value::Int(this(a)?.most as i32))
    }),
    m("int EnsureCapacity(int capacity)", |_, a| {
        let b = this(a)?;
        let wanted = count(a, 1, "capacity")?;
        if b.capacity.get() < wanted {
            b.set_capacity(wanted)?;
        }
        Ok(Value::Int(
            i32::try_from(b.capacity.get()).unwrap_or(i32::MAX),
        ))
    }),
    m("char this[int index]", |cx, a| {
        let i = usize::try_from(a.int(1)).ok();
        let b = this(a)?.text.borrow();
        let unit = i.and_then(|i| text::unit_at(&b, i));
        cx.step(b.len() / 256)?;
        unit.map(Value::Char).ok_or_else(|| {
            throw(
                "IndexOutOfRangeException",
                "Index was outside the bounds of the array.",
            )
        })
    }),
    m("set char this[int index]", |cx, a| set_char(cx, a)),
    m("StringBuilder Clear()", |_, a| {
        this(a)?.text.borrow_mut().clear();
        Ok(a.get(0))
    }),
    m("string ToString()", |cx, a| {
        let s = this(a)?.text.borrow().clone();
        cx.text(s)
    }),
    m("string ToString(int startIndex, int length)", |cx, a| {
        let s = this(a)?.text.borrow();
        let (at, n) = (count(a, 1, "startIndex")?, count(a, 2, "length")?);
        bytes(&s, at, n, ("startIndex", "length"))?;
        cx.text(text::slice(&s, at, n))
    }),
    m("bool Equals(StringBuilder sb)", |_, a| {
        let Ok(other) = a.object::<Builder>(1) else {
            return Ok(Value::Bool(false));
        };
        Ok(Value::Bool(*this(a)?.text.borrow() == *other.text.borrow()))
    }),
    m(
        "void CopyTo(int sourceIndex, char[] destination, int destinationIndex, int count)",
        |cx, a| {
            let s = this(a)?.text.borrow();
            let to = a.list(2).map_err(|_| null_argument("destination"))?;
            let place = count(a, 3, "destinationIndex")?;
            if place as i64 > to.items().len() as i64 - a.int(4) {
                return Err(throw(
                    "ArgumentException",
                    "Either offset did not refer to a position in the string, or there is an insufficient length of destination character array.",
                ));
            }
            let n = count(a, 4, "count")?;
            let at = count(a, 1, "sourceIndex")?;
            if at <= text::units(&s) && n > text::units(&s) - at {
                return Err(throw(
                    "ArgumentException",
                    "Source string was not long enough. Check sourceIndex and count.",
                ));
            }
            bytes(&s, at, n, ("sourceIndex", "sourceIndex"))?;
            copy_units(
                cx,
                s.encode_utf16().skip(at).take(n),
                n,
                &to,
                place,
                "ArgumentException",
            )
        },
    ),
];
