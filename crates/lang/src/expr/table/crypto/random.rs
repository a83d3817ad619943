//! `RandomNumberGenerator`: bytes for keys, by aws-lc-rs. The host's random numbers are not for these.

use super::{BYTES_PER_STEP, null, part, write_bytes};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::table::{Row, Type, m, ty};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use std::any::Any;
use std::rc::Rc;

/// Bytes that nobody can predict; the host's random numbers are not for keys.
pub(in super::super) fn random_bytes(n: usize) -> Result<Vec<u8>, Throw> {
    let mut bytes = vec![0; n];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        throw(
            "CryptographicException",
            "Error occurred during a cryptographic operation.",
        )
    })?;
    Ok(bytes)
}

/// A generator of random bytes.
#[derive(Debug)]
struct Generator;

impl Object for Generator {
    fn ty(&self) -> Ty {
        Ty::class("RNGCryptoServiceProvider")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The generator, when that is what the class is.
pub(super) fn of_class(class: &str) -> Option<Rc<dyn Object>> {
    (class == "RNGCryptoServiceProvider").then(|| Rc::new(Generator) as Rc<dyn Object>)
}

/// An `int` from a range, each as likely as another.
fn random_between(low: i64, high: i64) -> R {
    if low >= high {
        return Err(throw(
            "ArgumentException",
            "Range of random number does not contain at least one possibility.",
        ));
    }
    // What is above the largest multiple would make the low numbers likelier: drawn again.
    let range = (high - low) as u64;
    let most = u64::MAX - u64::MAX % range;
    loop {
        let bytes = random_bytes(8)?;
        let drawn = bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b));
        if drawn < most {
            return Ok(Value::Int((low + (drawn % range) as i64) as i32));
        }
    }
}

/// Fills an array, without zeros if wished.
fn fill(cx: &mut Cx<'_>, a: &Args<'_>, zeros: bool) -> R {
    let list = a.list(1).map_err(|_| null("data"))?;
    let n = list.items().len();
    cx.step(n)?;
    let mut bytes = random_bytes(n)?;
    while !zeros && let Some(at) = bytes.iter().position(|b| *b == 0) {
        bytes[at] = random_bytes(1)?[0];
    }
    *list.items_mut() = bytes.into_iter().map(Value::Byte).collect();
    Ok(Value::Null)
}

const GENERATOR: &[Row] = &[
    m("static RandomNumberGenerator Create()", |_, _| {
        Ok(Value::Object(Rc::new(Generator)))
    }),
    m("void GetBytes(byte[] data)", |cx, a| fill(cx, a, true)),
    m("void GetNonZeroBytes(byte[] data)", |cx, a| {
        fill(cx, a, false)
    }),
    m(
        "void GetBytes(byte[] data, int offset, int count)",
        |cx, a| {
            if !a.is_null(1) && a.int(2) >= 0 && a.int(3) < 0 {
                return Err(throw(
                    "ArgumentOutOfRangeException",
                    "Non-negative number required. (Parameter 'count')",
                ));
            }
            let n = part(a, 1)?.len();
            cx.step(n)?;
            let drawn = random_bytes(n)?;
            write_bytes(a, 1, &drawn)?;
            Ok(Value::Null)
        },
    ),
    m("static void Fill(byte[] data)", |cx, a| {
        let n = a.bytes(0).map_err(|_| null("data"))?.len();
        cx.step(n)?;
        let drawn = random_bytes(n)?;
        let list = a.list(0)?;
        *list.items_mut() = drawn.into_iter().map(Value::Byte).collect();
        Ok(Value::Null)
    }),
    m(
        "static RandomNumberGenerator Create(string rngName)",
        |_, a| super::config::create(a, "name", "RandomNumberGenerator"),
    ),
    m("static byte[] GetBytes(int count)", |cx, a| {
        let n = a.size(0, "count")?;
        cx.charge(n)?;
        cx.step(n / BYTES_PER_STEP)?;
        Ok(Value::Bytes(random_bytes(n)?.into()))
    }),
    m("static int GetInt32(int toExclusive)", |_, a| {
        random_between(0, a.int(0))
    }),
    m(
        "static int GetInt32(int fromInclusive, int toExclusive)",
        |_, a| random_between(a.int(0), a.int(1)),
    ),
    m("void Dispose()", |_, _| Ok(Value::Null)),
];

pub(in super::super) const TYPES: &[Type] = &[
    ty(
        "class System.Security.Cryptography.RandomNumberGenerator : IDisposable",
        GENERATOR,
    ),
    ty(
        "class System.Security.Cryptography.RNGCryptoServiceProvider : RandomNumberGenerator",
        &[m("new()", |_, _| Ok(Value::Object(Rc::new(Generator))))],
    ),
];
