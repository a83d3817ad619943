//! `ICryptoTransform`: an encryption or decryption that takes its input in pieces.

use super::cipher::{Cipher, Family, Mode};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::table::crypto::{BYTES_PER_STEP, null, write_bytes};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use bytes::Bytes;
use std::any::Any;
use std::cell::{Cell, RefCell};

/// An `ICryptoTransform`; after its last block it is as at the start.
pub(super) struct Transform {
    start: Start,
    running: RefCell<Option<Running>>,
    disposed: Cell<bool>,
}

/// What a transform begins with.
pub(super) struct Start {
    pub(super) family: Family,
    pub(super) encrypts: bool,
    pub(super) key: Bytes,
    pub(super) iv: Bytes,
    pub(super) mode: Mode,
    /// `PaddingMode`.
    pub(super) padding: i64,
}

struct Running {
    cipher: Cipher,
    /// The last block of an input to decrypt, which may hold padding.
    held: Vec<u8>,
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CryptoTransform")
    }
}

impl Object for Transform {
    fn ty(&self) -> Ty {
        Ty::class("ICryptoTransform")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Transform {
    pub(super) fn new(start: Start) -> Transform {
        Transform {
            start,
            running: RefCell::default(),
            disposed: Cell::new(false),
        }
    }

    fn begun(&self) -> Result<Running, Throw> {
        if self.disposed.get() {
            return Err(throw(
                "ObjectDisposedException",
                "Safe handle has been closed.",
            ));
        }
        if let Some(running) = self.running.take() {
            return Ok(running);
        }
        Ok(Running {
            cipher: Cipher::new(
                self.start.family,
                self.start.mode,
                self.start.padding,
                &self.start.key,
                &self.start.iv,
                self.start.encrypts,
            )?,
            held: Vec::new(),
        })
    }

    fn count(cx: &mut Cx<'_>, data: &[u8]) -> Result<(), Throw> {
        cx.step(1 + data.len() / BYTES_PER_STEP)?;
        cx.charge(data.len() + 64)
    }

    /// All that is left, with padding.
    pub(super) fn finish(&self, cx: &mut Cx<'_>, data: &[u8]) -> R {
        Transform::count(cx, data)?;
        let Running {
            mut cipher,
            held: mut buffer,
        } = self.begun()?;
        buffer.extend_from_slice(data);
        cipher.finish(&mut buffer)?;
        Ok(Value::Bytes(buffer.into()))
    }

    /// Whole blocks.
    fn update(&self, cx: &mut Cx<'_>, data: &[u8]) -> Result<Vec<u8>, Throw> {
        Transform::count(cx, data)?;
        let block = self.start.family.block();
        let mut running = self.begun()?;
        let mut buffer = std::mem::take(&mut running.held);
        buffer.extend_from_slice(data);
        if running.cipher.keeps_last() {
            running.held = buffer.split_off(buffer.len().saturating_sub(block));
        }
        running.cipher.update(&mut buffer)?;
        self.running.replace(Some(running));
        Ok(buffer)
    }
}

fn range(name: &str, why: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!("{why} (Parameter '{name}')"),
    )
}

/// A number that must not be negative, nor beyond what there is.
fn within(n: i64, most: usize, name: &str) -> Result<usize, Throw> {
    let n = usize::try_from(n).map_err(|_| {
        range(
            name,
            &format!("{name} ('{n}') must be a non-negative value."),
        )
    })?;
    if n > most {
        return Err(range(
            name,
            &format!("{name} ('{n}') must be less than or equal to '{most}'."),
        ));
    }
    Ok(n)
}

/// `TransformBlock`, with its checks in their order.
fn transform_block(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let input = a.bytes(1).map_err(|_| null("inputBuffer"))?;
    let from = within(a.int(2), input.len(), "inputOffset")?;
    let transform = a.object::<Transform>(0)?;
    let block = transform.start.family.block() as i64;
    if a.int(3) <= 0 {
        return Err(range(
            "inputCount",
            "inputCount must be a non-negative and non-zero value.",
        ));
    }
    if a.int(3) % block != 0 {
        return Err(range(
            "inputCount",
            "TransformBlock may only process bytes in block sized increments.",
        ));
    }
    let count = within(a.int(3), input.len() - from, "inputCount")?;
    if a.is_null(4) {
        return Err(null("outputBuffer"));
    }
    let room = a.bytes(4)?.len();
    let at = within(a.int(5), room, "outputOffset")?;
    within(a.int(3), room - at, "inputCount")?;
    let made = transform.update(cx, &input.slice(from..from + count))?;
    write_bytes(a, 4, &made)?;
    Ok(Value::Int(made.len() as i32))
}

/// `TransformFinalBlock`.
fn transform_final(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let input = a.bytes(1).map_err(|_| null("inputBuffer"))?;
    for (i, name) in [(2, "inputOffset"), (3, "inputCount")] {
        within(a.int(i), usize::MAX, name)?;
    }
    let from = within(a.int(2), input.len(), "inputOffset")?;
    let count = within(a.int(3), input.len() - from, "inputCount")?;
    a.object::<Transform>(0)?
        .finish(cx, &input.slice(from..from + count))
}

pub(super) const ROWS: &[Row] = &[
    m(
        "byte[] TransformFinalBlock(byte[] inputBuffer, int inputOffset, int inputCount)",
        |cx, a| transform_final(cx, a),
    ),
    m(
        "int TransformBlock(byte[] inputBuffer, int inputOffset, int inputCount, byte[] outputBuffer, int outputOffset)",
        |cx, a| transform_block(cx, a),
    ),
    m("int InputBlockSize", |_, a| {
        Ok(Value::Int(
            a.object::<Transform>(0)?.start.family.block() as i32
        ))
    }),
    m("int OutputBlockSize", |_, a| {
        Ok(Value::Int(
            a.object::<Transform>(0)?.start.family.block() as i32
        ))
    }),
    m("bool CanReuseTransform", |_, _| Ok(Value::Bool(true))),
    m("bool CanTransformMultipleBlocks", |_, _| {
        Ok(Value::Bool(true))
    }),
    m("void Dispose()", |_, a| {
        let transform = a.object::<Transform>(0)?;
        transform.disposed.set(true);
        transform.running.replace(None);
        Ok(Value::Null)
    }),
];
