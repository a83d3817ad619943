//! `System.Random`.
//!
//! What must stay true: `new Random(seed)` gives the very sequence that .NET gives for that seed (Knuth's subtractive
//! generator, as every version of .NET keeps it), because documents derive decisions from `new Random(x).Next(…)`.
//! Without a seed the sequence comes from the host.

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, R, Throw, null_argument, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// Largest number of the generator, itself never given.
const BIG: i32 = i32::MAX;
/// Knuth's seed.
const SEED: i32 = 161_803_398;
/// Numbers kept, and the lag of the second index.
const KEPT: usize = 55;
const LAG: usize = 21;

/// The generator: the last 55 numbers, and where the next comes from.
#[derive(Debug)]
struct Subtractive {
    kept: [i32; KEPT + 1],
    next: usize,
    nextp: usize,
}

impl Subtractive {
    fn new(seed: i32) -> Subtractive {
        let mut kept = [0; KEPT + 1];
        let mut mj = SEED
            - if seed == i32::MIN {
                i32::MAX
            } else {
                seed.abs()
            };
        kept[KEPT] = mj;
        let mut mk = 1;
        let mut at = 0;
        for _ in 1..KEPT {
            at = (at + LAG) % KEPT;
            kept[at] = mk;
            mk = mj.wrapping_sub(mk);
            if mk < 0 {
                mk = mk.wrapping_add(BIG);
            }
            mj = kept[at];
        }
        for _ in 1..5 {
            for k in 1..=KEPT {
                let n = 1 + (k + 30) % KEPT;
                kept[k] = kept[k].wrapping_sub(kept[n]);
                if kept[k] < 0 {
                    kept[k] = kept[k].wrapping_add(BIG);
                }
            }
        }
        Subtractive {
            kept,
            next: 0,
            nextp: LAG,
        }
    }

    /// From 0 to `BIG - 1`.
    fn draw(&mut self) -> i32 {
        self.next = if self.next >= KEPT { 1 } else { self.next + 1 };
        self.nextp = if self.nextp >= KEPT {
            1
        } else {
            self.nextp + 1
        };
        let mut n = self.kept[self.next].wrapping_sub(self.kept[self.nextp]);
        if n == BIG {
            n -= 1;
        }
        if n < 0 {
            n = n.wrapping_add(BIG);
        }
        self.kept[self.next] = n;
        n
    }

    /// From 0 to below 1.
    fn sample(&mut self) -> f64 {
        f64::from(self.draw()) * (1.0 / f64::from(BIG))
    }

    /// From 0 to below 1 with more steps, for ranges wider than `int`.
    fn wide_sample(&mut self) -> f64 {
        let n = self.draw();
        let n = if self.draw() % 2 == 0 { -n } else { n };
        (f64::from(n) + f64::from(BIG - 1)) / (2.0 * f64::from(BIG) - 1.0)
    }
}

#[derive(Debug)]
struct Random(RefCell<Subtractive>);

impl Object for Random {
    fn ty(&self) -> Ty {
        Ty::class("Random")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn seeded(seed: i32) -> R {
    Ok(Value::Object(Rc::new(Random(RefCell::new(
        Subtractive::new(seed),
    )))))
}

/// The generator of the receiver does something.
fn with<T>(a: &Args<'_>, f: impl FnOnce(&mut Subtractive) -> T) -> Result<T, Throw> {
    Ok(f(&mut a.object::<Random>(0)?.0.borrow_mut()))
}

fn outside(message: impl Into<crate::value::Str>) -> Throw {
    throw("ArgumentOutOfRangeException", message)
}

const RANDOM: &[Row] = &[
    m("new()", |cx, _| seeded(cx.host.random() as i32)),
    m("new(int Seed)", |_, a| seeded(a.int(0) as i32)),
    m("int Next()", |_, a| {
        Ok(Value::Int(with(a, Subtractive::draw)?))
    }),
    m("int Next(int maxValue)", |_, a| {
        let n = a.int(1);
        if n < 0 {
            return Err(outside(format!(
                "maxValue ('{n}') must be a non-negative value. (Parameter 'maxValue')\nActual value was {n}."
            )));
        }
        Ok(Value::Int(
            (with(a, Subtractive::sample)? * n as f64) as i32,
        ))
    }),
    m("int Next(int minValue, int maxValue)", |_, a| {
        let (low, high) = (a.int(1), a.int(2));
        if low > high {
            return Err(outside(
                "'minValue' cannot be greater than 'maxValue'. (Parameter 'minValue')",
            ));
        }
        let range = high - low;
        let sample = with(a, |r| {
            if range <= i64::from(BIG) {
                r.sample()
            } else {
                r.wide_sample()
            }
        })?;
        Ok(Value::Int(((sample * range as f64) as i64 + low) as i32))
    }),
    m("double NextDouble()", |_, a| {
        Ok(Value::Double(with(a, Subtractive::sample)?))
    }),
    m("void NextBytes(byte[] buffer)", |cx, a| {
        if a.is_null(1) {
            return Err(null_argument("buffer"));
        }
        let list = a.list(1)?;
        cx.step(list.items().len())?;
        with(a, |r| {
            for place in list.items_mut().iter_mut() {
                *place = Value::Byte(r.draw() as u8);
            }
        })?;
        Ok(Value::Null)
    }),
];

pub(super) const TYPES: &[Type] = &[ty("class System.Random", RANDOM)];
