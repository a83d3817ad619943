//! `System.Version`.

use super::super::{Row, m};
use crate::expr::eval::{Args, R, Throw, throw};
use crate::expr::types::Num;
use crate::expr::types::Ty;
use crate::value::number::read::read_usual;
use crate::value::{Object, Value};
use std::any::Any;
use std::cmp::Ordering;
use std::rc::Rc;

/// Major, minor, build and revision; -1 for the last two when they are not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version([i32; 4]);

impl Object for Version {
    fn ty(&self) -> Ty {
        Ty::class("Version")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.fields(self.count())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Version>() == Some(self)
    }
    fn order(&self, other: &dyn Object) -> Option<Ordering> {
        Some(self.cmp(other.as_any().downcast_ref::<Version>()?))
    }
}

impl Version {
    /// How many parts are given.
    fn count(&self) -> usize {
        self.0.iter().filter(|n| **n >= 0).count()
    }

    fn fields(&self, n: usize) -> String {
        let parts: Vec<String> = self.0.iter().take(n).map(i32::to_string).collect();
        parts.join(".")
    }
}

fn range(name: &str, message: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!("{message} (Parameter '{name}')"),
    )
}

fn read(s: &str, name: &str) -> Result<Version, Throw> {
    let parts: Vec<&str> = s.split('.').collect();
    if !(2..=4).contains(&parts.len()) {
        return Err(throw(
            "ArgumentException",
            format!("Version string portion was too short or too long. (Parameter '{name}')"),
        ));
    }
    let mut out = Version([-1; 4]);
    for (place, part) in out.0.iter_mut().zip(parts) {
        let n = read_usual(part, Num::Int)
            .map_err(|why| super::super::numbers::unread(why, part, Num::Int))?;
        *place = n.as_i64().unwrap_or(0) as i32;
        if *place < 0 {
            return Err(range(
                name,
                "Version's parameters must be greater than or equal to zero.",
            ));
        }
    }
    Ok(out)
}

fn made(v: Version) -> R {
    Ok(Value::Object(Rc::new(v)))
}

fn of_numbers(a: &Args<'_>, names: &[&str]) -> R {
    let mut out = Version([-1; 4]);
    for (i, name) in names.iter().enumerate() {
        let n = a.int(i);
        if n < 0 {
            return Err(range(
                name,
                "Version's parameters must be greater than or equal to zero.",
            ));
        }
        out.0[i] = n as i32;
    }
    made(out)
}

fn this(a: &Args<'_>) -> Result<Version, Throw> {
    a.object::<Version>(0).copied()
}

fn field(a: &Args<'_>, i: usize) -> R {
    Ok(Value::Int(this(a)?.0[i]))
}

/// Null comes first.
fn order(a: &Args<'_>) -> Ordering {
    a.object::<Version>(0)
        .ok()
        .cmp(&a.object::<Version>(1).ok())
}

fn compared(a: &Args<'_>) -> R {
    if !a.is_null(1) && a.object::<Version>(1).is_err() {
        return Err(throw(
            "ArgumentException",
            "Object must be of type Version.",
        ));
    }
    Ok(Value::Int(order(a) as i32))
}

macro_rules! operator {
    ($op:literal, $f:expr) => {
        m(
            concat!("static bool operator ", $op, "(Version v1, Version v2)"),
            |_, a| Ok(Value::Bool($f(order(a)))),
        )
    };
}

pub(super) const ROWS: &[Row] = &[
    m("new()", |_, _| made(Version([0, 0, -1, -1]))),
    m("new(string version)", |_, a| {
        made(read(a.named(0, "version")?, "version")?)
    }),
    m("new(int major, int minor)", |_, a| {
        of_numbers(a, &["major", "minor"])
    }),
    m("new(int major, int minor, int build)", |_, a| {
        of_numbers(a, &["major", "minor", "build"])
    }),
    m(
        "new(int major, int minor, int build, int revision)",
        |_, a| of_numbers(a, &["major", "minor", "build", "revision"]),
    ),
    m("int Major", |_, a| field(a, 0)),
    m("int Minor", |_, a| field(a, 1)),
    m("int Build", |_, a| field(a, 2)),
    m("int Revision", |_, a| field(a, 3)),
    m("short MajorRevision", |_, a| {
        Ok(Value::Short(
            (field(a, 3)?.as_i64().unwrap_or(0) >> 16) as i16,
        ))
    }),
    m("short MinorRevision", |_, a| {
        Ok(Value::Short(field(a, 3)?.as_i64().unwrap_or(0) as i16))
    }),
    m("static Version Parse(string input)", |_, a| {
        made(read(a.named(0, "input")?, "input")?)
    }),
    m(
        "static bool TryParse(string input, out Version result)",
        |_, a| {
            let read = a.text(0).ok().and_then(|s| read(s, "input").ok());
            a.values[1] = match read {
                Some(v) => made(v)?,
                None => Value::Null,
            };
            Ok(Value::Bool(read.is_some()))
        },
    ),
    m("string ToString()", |_, a| Ok(Value::from(this(a)?.text()))),
    m("string ToString(int fieldCount)", |_, a| {
        let v = this(a)?;
        let n = usize::try_from(a.int(1)).ok().filter(|n| *n <= v.count());
        n.map(|n| Value::from(v.fields(n))).ok_or_else(|| {
            throw(
                "ArgumentException",
                format!(
                    "Argument must be between 0 and {}. (Parameter 'fieldCount')",
                    v.count()
                ),
            )
        })
    }),
    m("int CompareTo(Version value)", |_, a| compared(a)),
    m("int CompareTo(object version)", |_, a| compared(a)),
    m("bool Equals(Version obj)", |_, a| {
        Ok(Value::Bool(order(a).is_eq()))
    }),
    m("object Clone()", |_, a| made(this(a)?)),
    operator!("==", Ordering::is_eq),
    operator!("!=", Ordering::is_ne),
    operator!("<", Ordering::is_lt),
    operator!("<=", Ordering::is_le),
    operator!(">", Ordering::is_gt),
    operator!(">=", Ordering::is_ge),
];
