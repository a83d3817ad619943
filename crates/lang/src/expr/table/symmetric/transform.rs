//! `ICryptoTransform`: an encryption or decryption that takes its input in pieces.

use super::cipher::{Cipher, Family, Mode};
use super::cryptographic;
use crate::expr::eval::{Cx, R, Throw};
use crate::expr::table::crypto::{BYTES_PER_STEP, part, write_bytes};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use bytes::Bytes;
use std::any::Any;
use std::cell::RefCell;

/// An `ICryptoTransform`; after its last block it is as at the start.
pub(super) struct Transform {
    start: Start,
    running: RefCell<Option<Running>>,
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
        }
    }

    fn begun(&self) -> Result<Running, Throw> {
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
        if data.is_empty() || !data.len().is_multiple_of(block) {
            return Err(cryptographic("The input data is not a complete block."));
        }
        let mut running = self.begun()?;
        let mut buffer = std::mem::take(&mut running.held);
        buffer.extend_from_slice(data);
        if running.cipher.keeps_last() {
            running.held = buffer.split_off(buffer.len() - block);
        }
        running.cipher.update(&mut buffer)?;
        self.running.replace(Some(running));
        Ok(buffer)
    }
}

pub(super) const ROWS: &[Row] = &[
    m(
        "byte[] TransformFinalBlock(byte[] inputBuffer, int inputOffset, int inputCount)",
        |cx, a| {
            let data = part(a, 1)?;
            a.object::<Transform>(0)?.finish(cx, &data)
        },
    ),
    m(
        "int TransformBlock(byte[] inputBuffer, int inputOffset, int inputCount, byte[] outputBuffer, int outputOffset)",
        |cx, a| {
            let data = part(a, 1)?;
            let made = a.object::<Transform>(0)?.update(cx, &data)?;
            write_bytes(a, 4, &made)?;
            Ok(Value::Int(made.len() as i32))
        },
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
    m("void Dispose()", |_, _| Ok(Value::Null)),
];
