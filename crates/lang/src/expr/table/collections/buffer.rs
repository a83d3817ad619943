//! `System.Buffer`: arrays of primitives as the bytes that they are made of.
//!
//! What must stay true: numbers stand least significant byte first; every kind of array is told apart by the type of its
//! items, and those of anything but primitives are refused.

use super::super::{Row, m};
use super::span::{self, NEGATIVE, list, out_of_range};
use crate::expr::eval::{Args, R, Throw, null_argument, throw};
use crate::expr::types::Ty;
use crate::value::{List, Value};
use std::rc::Rc;

/// Widest primitive.
const WIDEST: usize = 8;

/// An array of primitives.
enum Primitives {
    /// Bytes that do not change.
    Bytes(bytes::Bytes),
    /// An array, and the type of its items.
    Array(Rc<List>, Ty),
}

fn no_primitives(name: &str) -> Throw {
    throw(
        "ArgumentException",
        format!("Object must be an array of primitives. (Parameter '{name}')"),
    )
}

/// How many bytes an item takes.
fn width(of: &Ty) -> Option<usize> {
    Some(match of {
        Ty::Bool | Ty::Byte | Ty::SByte => 1,
        Ty::Char | Ty::Short | Ty::UShort => 2,
        Ty::Int | Ty::UInt | Ty::Float => 4,
        Ty::Long | Ty::ULong | Ty::Double => WIDEST,
        _ => return None,
    })
}

/// The bytes of an item.
fn bytes_of(v: &Value) -> [u8; WIDEST] {
    let mut out = [0; WIDEST];
    let mut put = |b: &[u8]| {
        for (place, byte) in out.iter_mut().zip(b) {
            *place = *byte;
        }
    };
    match v {
        Value::Bool(b) => put(&[u8::from(*b)]),
        Value::Byte(n) => put(&n.to_le_bytes()),
        Value::SByte(n) => put(&n.to_le_bytes()),
        Value::Char(n) | Value::UShort(n) => put(&n.to_le_bytes()),
        Value::Short(n) => put(&n.to_le_bytes()),
        Value::Int(n) => put(&n.to_le_bytes()),
        Value::UInt(n) => put(&n.to_le_bytes()),
        Value::Float(n) => put(&n.to_le_bytes()),
        Value::Long(n) => put(&n.to_le_bytes()),
        Value::ULong(n) => put(&n.to_le_bytes()),
        Value::Double(n) => put(&n.to_le_bytes()),
        _ => {}
    }
    out
}

/// The item of a type that bytes are.
fn item(of: &Ty, b: [u8; WIDEST]) -> Value {
    let [b0, b1, b2, b3, ..] = b;
    let two = [b0, b1];
    let four = [b0, b1, b2, b3];
    match of {
        Ty::Bool => Value::Bool(b0 != 0),
        Ty::SByte => Value::SByte(i8::from_le_bytes([b0])),
        Ty::Char => Value::Char(u16::from_le_bytes(two)),
        Ty::Short => Value::Short(i16::from_le_bytes(two)),
        Ty::UShort => Value::UShort(u16::from_le_bytes(two)),
        Ty::Int => Value::Int(i32::from_le_bytes(four)),
        Ty::UInt => Value::UInt(u32::from_le_bytes(four)),
        Ty::Float => Value::Float(f32::from_le_bytes(four)),
        Ty::Long => Value::Long(i64::from_le_bytes(b)),
        Ty::ULong => Value::ULong(u64::from_le_bytes(b)),
        Ty::Double => Value::Double(f64::from_le_bytes(b)),
        _ => Value::Byte(b0),
    }
}

impl Primitives {
    fn of(a: &Args<'_>, i: usize, name: &str) -> Result<Primitives, Throw> {
        if let Some(Value::Bytes(b)) = a.values.get(i) {
            return Ok(Primitives::Bytes(b.clone()));
        }
        if a.is_null(i) {
            return Err(null_argument(name));
        }
        let l = list(a, i, name).map_err(|_| no_primitives(name))?;
        let of = l.ty().as_array().map(|(of, _)| of.clone());
        match of.filter(|of| width(of).is_some()) {
            Some(of) => Ok(Primitives::Array(l, of)),
            None => Err(no_primitives(name)),
        }
    }

    fn width(&self) -> usize {
        match self {
            Primitives::Bytes(_) => 1,
            Primitives::Array(_, of) => width(of).unwrap_or(1),
        }
    }

    /// Length in bytes.
    fn len(&self) -> usize {
        match self {
            Primitives::Bytes(b) => b.len(),
            Primitives::Array(l, _) => l.items().len().saturating_mul(self.width()),
        }
    }

    /// A part that lies within.
    fn read(&self, at: usize, n: usize) -> Vec<u8> {
        match self {
            Primitives::Bytes(b) => b.iter().skip(at).take(n).copied().collect(),
            Primitives::Array(l, _) => {
                let width = self.width();
                let items = l.items();
                let touched = items.iter().skip(at / width).take(n.div_ceil(width) + 1);
                let bytes = touched.flat_map(|v| bytes_of(v).into_iter().take(width));
                bytes.skip(at % width).take(n).collect()
            }
        }
    }

    /// Writes bytes to a place within.
    fn write(&self, at: usize, bytes: &[u8]) -> R {
        let Primitives::Array(l, of) = self else {
            return Err(span::unchangeable());
        };
        let width = self.width();
        let mut items = l.items_mut();
        let mut held: Option<(usize, [u8; WIDEST])> = None;
        for (i, byte) in (at..).zip(bytes) {
            let place = i / width;
            let mut all = match held.take() {
                Some((before, all)) if before == place => all,
                _ => items.get(place).map_or([0; WIDEST], bytes_of),
            };
            if let Some(b) = all.get_mut(i % width) {
                *b = *byte;
            }
            if let Some(v) = items.get_mut(place) {
                *v = item(of, all);
            }
            held = Some((place, all));
        }
        Ok(Value::Null)
    }
}

/// The index of a byte, the second argument.
fn byte_place(a: &Args<'_>, of: &Primitives) -> Result<usize, Throw> {
    usize::try_from(a.int(1))
        .ok()
        .filter(|i| *i < of.len())
        .ok_or_else(|| {
            out_of_range(
                "index",
                "Index was out of range. Must be non-negative and less than the size of the collection.",
            )
        })
}

pub(super) const ROWS: &[Row] = &[
    m(
        "static void BlockCopy(Array src, int srcOffset, Array dst, int dstOffset, int count)",
        |cx, a| {
            a.not_null(&["src", "", "dst"])?;
            let from = Primitives::of(a, 0, "src")?;
            let to = Primitives::of(a, 2, "dst")?;
            let place = |i: usize, name: &str| {
                usize::try_from(a.int(i)).map_err(|_| out_of_range(name, NEGATIVE))
            };
            let (at, to_at) = (place(1, "srcOffset")?, place(3, "dstOffset")?);
            let n = place(4, "count")?;
            let fits = |at: usize, len: usize| at.checked_add(n).is_some_and(|end| end <= len);
            if !fits(at, from.len()) || !fits(to_at, to.len()) {
                return Err(span::too_long());
            }
            cx.step(n / 8)?;
            cx.charge(n)?;
            // Read whole before anything is written: the two may be one array.
            to.write(to_at, &from.read(at, n))
        },
    ),
    m("static int ByteLength(Array array)", |_, a| {
        let n = Primitives::of(a, 0, "array")?.len();
        Ok(Value::Int(i32::try_from(n).unwrap_or(i32::MAX)))
    }),
    m("static byte GetByte(Array array, int index)", |_, a| {
        let of = Primitives::of(a, 0, "array")?;
        let at = byte_place(a, &of)?;
        Ok(Value::Byte(of.read(at, 1).first().copied().unwrap_or(0)))
    }),
    m(
        "static void SetByte(Array array, int index, byte value)",
        |_, a| {
            let to = Primitives::of(a, 0, "array")?;
            let at = byte_place(a, &to)?;
            to.write(at, &bytes_of(&a.get(2))[..1])
        },
    ),
];
