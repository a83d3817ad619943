//! Does at load what the exchange cannot change: folds constants, resolves names of headers and variables.
//!
//! Called by [`super::compile`] after binding, so that folding has no say in types. What must stay true: an expression
//! gives the same value, and throws the same, as before; what throws stays as it is and throws when it runs.

mod lookups;
mod members;
mod reads;

use super::eval::{Cx, Slots, value_of};
use super::host::Nowhere;
use super::ir::{Code, Ir, IrPiece, IrStmt};
use crate::value::{Frozen, HostObject, Str, Value};

/// Longest text or byte array that is kept instead of the expression that makes it.
const LONGEST: usize = 4096;

/// Deepest nest that is gone through; the parser lets no expression be deeper.
const DEPTH: usize = 512;

/// Improves a bound expression in place; whether it leaves JSON trees as they are. One that writes into arrays of bytes
/// needs each of its own.
pub(super) fn code(code: &mut Code, writes_bytes: bool) -> bool {
    // Before nodes are replaced by others that say less.
    let only_reads = reads::only(code);
    alone(code);
    code.each(&mut |ir| improve(ir, DEPTH, writes_bytes));
    only_reads
}

/// `{ return e; }` is `e`.
fn alone(code: &mut Code) {
    if let Code::Block(list) = code
        && let [IrStmt::Return(Some(ir))] = &mut list[..]
    {
        *code = Code::Expr(std::mem::replace(ir, Ir::Const(Frozen::Null)));
    }
}

fn improve(ir: &mut Ir, depth: usize, writes_bytes: bool) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    ir.each_child(&mut |child| improve(child, depth, writes_bytes));
    match ir {
        Ir::Concat(list) => join(list),
        Ir::Interpolate(list) => join_pieces(list),
        _ => {}
    }
    if let Some(value) = known(ir, writes_bytes) {
        *ir = value;
        return;
    }
    if !members::resolve(ir, depth, writes_bytes) {
        lookups::resolve(ir);
    }
}

fn is_constant(ir: &Ir) -> bool {
    matches!(ir, Ir::Const(_) | Ir::Text(_))
}

/// The value of an expression that is the same in every exchange.
fn known(ir: &Ir, writes_bytes: bool) -> Option<Ir> {
    match ir {
        Ir::If(test, yes, no) => {
            if let Ir::Const(Frozen::Bool(b)) = &**test {
                let branch = if *b { yes } else { no };
                return copied(branch);
            }
            return None;
        }
        Ir::Coalesce(a, b) => {
            return match &**a {
                Ir::Const(Frozen::Null) => copied(b),
                a => copied(a),
            };
        }
        _ => {}
    }
    let pure = match ir {
        Ir::Call(c) => {
            c.outs.is_empty()
                && c.args
                    .iter()
                    .all(|a| is_constant(a) || matches!(a, Ir::Host(_)))
        }
        Ir::Arithmetic(_, _, a, b)
        | Ir::Compare(_, a, b)
        | Ir::Equal(_, a, b)
        | Ir::Logic(_, a, b) => is_constant(a) && is_constant(b),
        Ir::Negate(_, a)
        | Ir::Complement(_, a)
        | Ir::Not(a)
        | Ir::Number(_, a)
        | Ir::ToEnum(_, a)
        | Ir::FromEnum(_, a)
        | Ir::Unwrap(a)
        | Ir::Cast(_, a)
        | Ir::Is(_, a)
        | Ir::As(_, a) => is_constant(a),
        Ir::Concat(list) | Ir::And(list) | Ir::Or(list) => list.iter().all(is_constant),
        Ir::Interpolate(list) => list.iter().all(|p| match p {
            IrPiece::Text(_) => true,
            IrPiece::Hole(ir, _, _) => is_constant(ir),
        }),
        _ => false,
    };
    if !pure {
        return None;
    }
    let mut nowhere = Nowhere::default();
    let value = value_of(&mut Cx::folding(&mut nowhere), &mut Slots::new(), ir).ok()?;
    // A row that asked the host says something else in each exchange.
    if nowhere.was_asked() {
        return None;
    }
    match value {
        Value::Str(s) if s.len() <= LONGEST => Some(Ir::Text(s)),
        Value::Bytes(b) if !writes_bytes && b.len() <= LONGEST => Some(Ir::Const(Frozen::Bytes(b))),
        Value::Host(HostObject(part)) => Some(Ir::Host(part)),
        // What has no identity and cannot change.
        v @ (Value::Null
        | Value::Bool(_)
        | Value::Char(_)
        | Value::SByte(_)
        | Value::Byte(_)
        | Value::Short(_)
        | Value::UShort(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Long(_)
        | Value::ULong(_)
        | Value::Float(_)
        | Value::Double(_)
        | Value::Decimal(_)
        | Value::DateTime(_)
        | Value::DateTimeOffset(_)
        | Value::TimeSpan(_)
        | Value::Guid(_)
        | Value::Enum(..)) => v.freeze().map(Ir::Const),
        _ => None,
    }
}

/// A constant again.
fn copied(ir: &Ir) -> Option<Ir> {
    match ir {
        Ir::Const(c) => Some(Ir::Const(c.clone())),
        Ir::Text(s) => Some(Ir::Text(s.clone())),
        _ => None,
    }
}

/// Joins constant texts that stand side by side.
fn join(list: &mut Vec<Ir>) {
    let mut out: Vec<Ir> = Vec::with_capacity(list.len());
    for ir in list.drain(..) {
        match (out.last_mut(), &ir) {
            (Some(Ir::Text(before)), Ir::Text(s)) => *before = joined(before, s),
            _ => out.push(ir),
        }
    }
    *list = out;
}

/// The same in an interpolated text; a constant text in a hole without width and format is text.
fn join_pieces(list: &mut Vec<IrPiece>) {
    let mut out: Vec<IrPiece> = Vec::with_capacity(list.len());
    for piece in list.drain(..) {
        let piece = match piece {
            IrPiece::Hole(Ir::Text(s), 0, None) => IrPiece::Text(s),
            p => p,
        };
        match (out.last_mut(), &piece) {
            (Some(IrPiece::Text(before)), IrPiece::Text(s)) => *before = joined(before, s),
            _ => out.push(piece),
        }
    }
    *list = out;
}

fn joined(a: &str, b: &str) -> Str {
    Str::from(format!("{a}{b}"))
}

#[cfg(test)]
mod tests;
