//! Evaluates expressions of the IR.
//!
//! `eval` is a small dispatcher so that its stack frame stays small; everything with locals lives in functions of its own.

use super::{
    Closure, Cx, R, Record, Slot, Slots, Throw, null_reference, ops, statements, throw, types,
};
use crate::expr::ir::{Call, Code, HeaderRead, Ir, IrPiece, Lambda, VariableRead};
use crate::expr::table::dictionaries;
use crate::expr::types::{Num, Ty};
use crate::value::{Func, HostObject, List, Value};
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// Runs the body of an expression, lambda or local function.
pub(crate) fn code(cx: &mut Cx<'_>, frame: &mut Slots, code: &Code) -> R {
    let depth = cx.depth;
    cx.enter()?;
    let result = match code {
        Code::Expr(ir) => eval(cx, frame, ir),
        Code::Block(list) => statements::block(cx, frame, list).map(|flow| match flow {
            statements::Flow::Return(v) => v,
            _ => Value::Null,
        }),
    };
    cx.depth = depth;
    result
}

/// Evaluates one expression of a frame: for folding constants.
pub(crate) fn value_of(cx: &mut Cx<'_>, frame: &mut Slots, ir: &Ir) -> R {
    eval(cx, frame, ir)
}

/// Value of a variable.
#[inline]
pub(super) fn load(frame: &Slots, slot: u32) -> Value {
    match frame.get(slot as usize) {
        Some(Slot::Plain(v)) => v.clone(),
        Some(Slot::Shared(c)) => c.borrow().clone(),
        None => Value::Null,
    }
}

#[inline]
pub(super) fn store(frame: &mut Slots, slot: u32, value: Value) {
    match frame.get_mut(slot as usize) {
        Some(Slot::Plain(v)) => *v = value,
        Some(Slot::Shared(c)) => {
            // The old value must be dropped after the borrow ends.
            let old = c.replace(value);
            drop(old);
        }
        None => {}
    }
}

/// Evaluates.
pub(super) fn eval(cx: &mut Cx<'_>, frame: &mut Slots, ir: &Ir) -> R {
    cx.step(1)?;
    match ir {
        Ir::Text(s) => return Ok(Value::Str(s.clone())),
        Ir::Const(c) => return owned(cx, c.thaw()),
        Ir::Local(slot) | Ir::Unsure(slot, _) => return Ok(load(frame, *slot)),
        Ir::Host(part) => return Ok(Value::Host(HostObject(*part))),
        _ => {}
    }
    cx.enter()?;
    let result = dispatch(cx, frame, ir);
    cx.depth -= 1;
    result
}

#[inline(always)]
fn dispatch(cx: &mut Cx<'_>, frame: &mut Slots, ir: &Ir) -> R {
    match ir {
        Ir::Call(c) => call(cx, frame, c),
        Ir::SetLocal(slot, value) => set_local(cx, frame, *slot, value),
        Ir::Coalesce(a, b) => coalesce(cx, frame, a, b),
        Ir::NullConditional(slot, of, rest) => null_conditional(cx, frame, *slot, of, rest),
        Ir::Let(list, body) => bind(cx, frame, list, body),
        Ir::Sequence(list) => sequence(cx, frame, list),
        Ir::If(test, yes, no) => conditional(cx, frame, test, yes, no),
        Ir::And(list) => logical(cx, frame, list, false),
        Ir::Or(list) => logical(cx, frame, list, true),
        Ir::Not(a) => one(cx, frame, a, |v| {
            Ok(match v {
                Value::Bool(b) => Value::Bool(!b),
                v => v,
            })
        }),
        Ir::Arithmetic(op, num, a, b) => {
            two(cx, frame, a, b, |a, b| ops::arithmetic(*op, *num, a, b))
        }
        Ir::CheckedArithmetic(op, num, a, b) => two(cx, frame, a, b, |a, b| {
            ops::checked_arithmetic(*op, *num, a, b)
        }),
        Ir::Logic(op, a, b) => two(cx, frame, a, b, |a, b| Ok(ops::logic(*op, a, b))),
        Ir::Negate(num, a) => one(cx, frame, a, |v| ops::negate(*num, &v)),
        Ir::Complement(num, a) => one(cx, frame, a, |v| Ok(ops::complement(*num, &v))),
        Ir::Compare(op, a, b) => two(cx, frame, a, b, |a, b| {
            Ok(Value::Bool(ops::ordered(*op, a, b)))
        }),
        Ir::Equal(expected, a, b) => equal(cx, frame, *expected, a, b),
        Ir::Same(expected, a, b) => two(cx, frame, a, b, |a, b| {
            Ok(Value::Bool(ops::same(a, b) == *expected))
        }),
        Ir::Concat(list) => concat(cx, frame, list),
        Ir::Interpolate(list) => interpolate(cx, frame, list),
        Ir::Number(num, a) => one(cx, frame, a, |v| ops::to_number(*num, &v)),
        Ir::CheckedNumber(num, a) => one(cx, frame, a, |v| ops::to_checked(*num, &v)),
        Ir::ToEnum(e, a) => one(cx, frame, a, |v| {
            Ok(match v {
                Value::Null => Value::Null,
                v => Value::Enum(e, ops::to_number(Num::Long, &v)?.as_i64().unwrap_or(0)),
            })
        }),
        Ir::FromEnum(num, a) => one(cx, frame, a, |v| match v {
            Value::Enum(_, n) => ops::to_number(*num, &Value::Long(n)),
            v => Ok(v),
        }),
        Ir::Unwrap(a) => one(cx, frame, a, |v| match v {
            Value::Null => Err(throw(
                "InvalidOperationException",
                "Nullable object must have a value.",
            )),
            v => Ok(v),
        }),
        Ir::Cast(ty, a) => one(cx, frame, a, |v| types::cast(ty, v)),
        Ir::Is(ty, a) => one(cx, frame, a, |v| Ok(Value::Bool(types::is(ty, &v)))),
        Ir::As(ty, a) => one(cx, frame, a, |v| {
            Ok(if types::is(ty, &v) { v } else { Value::Null })
        }),
        Ir::Item(of, at) => two(cx, frame, of, at, item),
        Ir::SetItem(of, at, value) => set_item(cx, frame, of, at, value),
        Ir::NewArray(ty, list) => array(cx, frame, ty, list),
        Ir::NewArrayOf(ty, size) => sized_array(cx, frame, ty, size),
        Ir::Record(ty, list) => record(cx, frame, ty, list),
        Ir::Field(i, of) => one(cx, frame, of, |v| field(&v, *i)),
        Ir::Lambda(code) => Ok(lambda(frame, code)),
        Ir::Invoke(f, args) => invoke(cx, frame, f, args),
        Ir::Match(arms, otherwise) => matched(cx, frame, arms, otherwise),
        Ir::Throw(e) => one(cx, frame, e, |v| Err(thrown(v))),
        Ir::EqualText(expected, a, s) => equal_text(cx, frame, *expected, a, s),
        Ir::EqualInt(expected, a, n) => one(cx, frame, a, |v| {
            Ok(Value::Bool(
                matches!(v, Value::Int(v) if v == *n) == *expected,
            ))
        }),
        Ir::CompareInt(op, a, n) => one(cx, frame, a, |v| {
            Ok(Value::Bool(ops::ordered(*op, &v, &Value::Int(*n))))
        }),
        Ir::Entity(entity, part) => Ok(if cx.host.has(*entity) {
            Value::Host(HostObject(*part))
        } else {
            Value::Null
        }),
        Ir::Member(field) => Ok(cx.host.field(*field).into_value()),
        Ir::MemberOf(entity, field) => {
            if cx.host.has(*entity) {
                Ok(cx.host.field(*field).into_value())
            } else {
                Err(null_reference())
            }
        }
        Ir::IfHas(entity, then) => {
            if cx.host.has(*entity) {
                eval(cx, frame, then)
            } else {
                Ok(Value::Null)
            }
        }
        Ir::Header(read) => header(cx, read),
        Ir::Variable(read) => variable(cx, read),
        Ir::HasVariable(name) => Ok(Value::Bool(cx.host.variable(name).is_some())),
        Ir::Text(_) | Ir::Const(_) | Ir::Local(_) | Ir::Unsure(..) | Ir::Host(_) => Ok(Value::Null),
    }
}

#[inline(never)]
fn equal(cx: &mut Cx<'_>, frame: &mut Slots, expected: bool, a: &Ir, b: &Ir) -> R {
    let a = eval(cx, frame, a)?;
    let b = eval(cx, frame, b)?;
    if let (Value::Str(a), Value::Str(b)) = (&a, &b)
        && a.len() == b.len()
    {
        cx.step(a.len() / super::work::LIGHT)?;
    }
    Ok(Value::Bool(ops::equal(&a, &b) == expected))
}

/// Compares without a copy of what is compared, where it is a header or a local variable.
#[inline(never)]
fn equal_text(cx: &mut Cx<'_>, frame: &mut Slots, expected: bool, a: &Ir, s: &str) -> R {
    let same = match a {
        Ir::Header(read) => {
            cx.step(1)?;
            match dictionaries::header_equals(cx.host.headers(read.message), &read.name, s) {
                Some(same) => same,
                None => read.missing.as_deref() == Some(s),
            }
        }
        Ir::Local(slot) => match frame.get(*slot as usize) {
            Some(Slot::Plain(v)) => v.as_str() == Some(s),
            Some(Slot::Shared(c)) => c.borrow().as_str() == Some(s),
            None => false,
        },
        a => eval(cx, frame, a)?.as_str() == Some(s),
    };
    Ok(Value::Bool(same == expected))
}

#[inline(never)]
fn header(cx: &mut Cx<'_>, read: &HeaderRead) -> R {
    let found = dictionaries::header_joined(cx.host.headers(read.message), &read.name);
    Ok(match (found, &read.missing) {
        (Some(s), _) => {
            cx.charge(s.len() + 16)?;
            Value::Str(s)
        }
        (None, Some(s)) => Value::Str(s.clone()),
        (None, None) => Value::Null,
    })
}

#[inline(never)]
fn variable(cx: &mut Cx<'_>, read: &VariableRead) -> R {
    match (cx.host.variable(&read.name), &read.missing) {
        (Some(v), _) => match &read.cast {
            None => Ok(v.clone()),
            Some(ty) => types::cast(ty, v.clone()),
        },
        (None, Some(missing)) => Ok(missing.thaw()),
        (None, None) => Err(dictionaries::missing(&Value::Str(read.name.clone()))),
    }
}

/// An operation on one value. Not inlined: every arm of the dispatcher would add its temporaries to each stack frame.
#[inline(never)]
fn one(cx: &mut Cx<'_>, frame: &mut Slots, a: &Ir, f: impl FnOnce(Value) -> R) -> R {
    let v = eval(cx, frame, a)?;
    f(v)
}

/// As [`one`], on two.
#[inline(never)]
fn two(
    cx: &mut Cx<'_>,
    frame: &mut Slots,
    a: &Ir,
    b: &Ir,
    f: impl FnOnce(&Value, &Value) -> R,
) -> R {
    let a = eval(cx, frame, a)?;
    let b = eval(cx, frame, b)?;
    f(&a, &b)
}

#[inline(never)]
fn set_local(cx: &mut Cx<'_>, frame: &mut Slots, slot: u32, value: &Ir) -> R {
    let v = eval(cx, frame, value)?;
    store(frame, slot, v.clone());
    Ok(v)
}

#[inline(never)]
fn coalesce(cx: &mut Cx<'_>, frame: &mut Slots, a: &Ir, b: &Ir) -> R {
    // The result is passed on as it is: moving a value costs more than the test.
    let result = eval(cx, frame, a);
    match &result {
        Ok(Value::Null) => eval(cx, frame, b),
        _ => result,
    }
}

#[inline(never)]
fn null_conditional(cx: &mut Cx<'_>, frame: &mut Slots, slot: u32, of: &Ir, rest: &Ir) -> R {
    match eval(cx, frame, of)? {
        Value::Null => Ok(Value::Null),
        v => {
            store(frame, slot, v);
            eval(cx, frame, rest)
        }
    }
}

#[inline(never)]
fn bind(cx: &mut Cx<'_>, frame: &mut Slots, list: &[(u32, Ir)], body: &Ir) -> R {
    for (slot, init) in list {
        let v = eval(cx, frame, init)?;
        store(frame, *slot, v);
    }
    eval(cx, frame, body)
}

#[inline(never)]
fn conditional(cx: &mut Cx<'_>, frame: &mut Slots, test: &Ir, yes: &Ir, no: &Ir) -> R {
    let branch = if truth(&eval(cx, frame, test)?)? {
        yes
    } else {
        no
    };
    eval(cx, frame, branch)
}

#[inline(never)]
fn matched(cx: &mut Cx<'_>, frame: &mut Slots, arms: &[(Ir, Ir)], otherwise: &Ir) -> R {
    for (test, value) in arms {
        if truth(&eval(cx, frame, test)?)? {
            return eval(cx, frame, value);
        }
    }
    eval(cx, frame, otherwise)
}

#[inline(never)]
fn array(cx: &mut Cx<'_>, frame: &mut Slots, ty: &Ty, list: &[Ir]) -> R {
    let mut items = Vec::with_capacity(list.len());
    for i in list {
        items.push(eval(cx, frame, i)?);
    }
    cx.new_list(ty.clone(), items)
}

#[inline(never)]
fn sized_array(cx: &mut Cx<'_>, frame: &mut Slots, ty: &Ty, size: &Ir) -> R {
    let n = eval(cx, frame, size)?.as_i64().unwrap_or(0);
    new_array(cx, ty, n)
}

/// What a `throw` of the value means.
pub(super) fn thrown(v: Value) -> Throw {
    if let Value::Object(o) = &v
        && o.as_any().is::<super::Exception>()
        && let Some(e) = as_exception(&v)
    {
        return Throw::Exception(e);
    }
    null_reference()
}

fn as_exception(v: &Value) -> Option<Rc<super::Exception>> {
    let Value::Object(o) = v else { return None };
    let e = o.as_any().downcast_ref::<super::Exception>()?;
    Some(Rc::new(super::Exception {
        class: e.class,
        message: e.message.clone(),
        inner: e.inner.clone(),
        details: e.details.clone(),
    }))
}

#[inline]
pub(super) fn truth(v: &Value) -> Result<bool, Throw> {
    match v {
        Value::Bool(b) => Ok(*b),
        _ => Err(throw(
            "InvalidOperationException",
            "Nullable object must have a value.",
        )),
    }
}

#[inline(never)]
fn sequence(cx: &mut Cx<'_>, frame: &mut Slots, list: &[Ir]) -> R {
    let mut last = Value::Null;
    for ir in list {
        last = eval(cx, frame, ir)?;
    }
    Ok(last)
}

#[inline(never)]
fn logical(cx: &mut Cx<'_>, frame: &mut Slots, list: &[Ir], until: bool) -> R {
    for ir in list {
        if truth(&eval(cx, frame, ir)?)? == until {
            return Ok(Value::Bool(until));
        }
    }
    Ok(Value::Bool(!until))
}

/// A call of a row. The arguments of most are few: they have their place on the stack.
fn call(cx: &mut Cx<'_>, frame: &mut Slots, c: &Call) -> R {
    match c.args.len() {
        0 => call_of::<0>(cx, frame, c),
        1 => call_of::<1>(cx, frame, c),
        2 => call_of::<2>(cx, frame, c),
        3 => call_of::<3>(cx, frame, c),
        4 => call_of::<4>(cx, frame, c),
        n => {
            let mut args = vec![Value::Null; n];
            call_with(cx, frame, c, &mut args)
        }
    }
}

#[inline(never)]
fn call_of<const N: usize>(cx: &mut Cx<'_>, frame: &mut Slots, c: &Call) -> R {
    let mut args = [const { Value::Null }; N];
    call_with(cx, frame, c, &mut args)
}

#[inline(always)]
fn call_with(cx: &mut Cx<'_>, frame: &mut Slots, c: &Call, args: &mut [Value]) -> R {
    for (ir, place) in c.args.iter().zip(args.iter_mut()) {
        *place = eval(cx, frame, ir)?;
    }
    // C# evaluates the arguments before it looks at the receiver.
    if c.checked && args.first().is_some_and(Value::is_null) {
        return Err(null_reference());
    }
    for v in args.iter() {
        super::work::count(cx, c, v)?;
    }
    let result = (c.run)(
        cx,
        &mut super::Args {
            values: args,
            types: &c.types,
        },
    );
    // C# assigns `out` before the call returns; a call that throws leaves them as they were.
    if !c.outs.is_empty() && result.is_ok() {
        for (i, slot) in &c.outs {
            let v = args.get_mut(*i).map(std::mem::take).unwrap_or_default();
            store(frame, *slot, v);
        }
    }
    match result {
        Ok(Value::Bytes(b)) => owned(cx, Value::Bytes(b)),
        // Passed on as it is: moving a value costs more than the test.
        other => other,
    }
}

/// A value that the expression may change: bytes of rows are shared otherwise.
#[inline(always)]
fn owned(cx: &mut Cx<'_>, v: Value) -> R {
    match v {
        Value::Bytes(b) if cx.own_bytes => own(cx, &b),
        v => Ok(v),
    }
}

#[cold]
fn own(cx: &mut Cx<'_>, bytes: &[u8]) -> R {
    cx.list(
        Ty::array(Ty::Byte),
        bytes.iter().map(|b| Value::Byte(*b)).collect(),
    )
}

thread_local! {
    /// A buffer for texts being joined, so that joining allocates only the result.
    static BUFFER: Cell<String> = const { Cell::new(String::new()) };
}

/// Largest buffer that is kept.
const KEPT: usize = 16 * 1024;

/// What is made in that buffer.
pub(super) fn joined<T>(make: impl FnOnce(&mut String) -> T) -> T {
    // A text inside takes a buffer of its own: this one is not there meanwhile.
    let mut out = BUFFER.take();
    out.clear();
    let made = make(&mut out);
    if out.capacity() <= KEPT {
        BUFFER.set(out);
    }
    made
}

#[inline(never)]
fn concat(cx: &mut Cx<'_>, frame: &mut Slots, list: &[Ir]) -> R {
    joined(|out| append(cx, frame, list, out).and_then(|()| cx.text(out.as_str())))
}

fn append(cx: &mut Cx<'_>, frame: &mut Slots, list: &[Ir], out: &mut String) -> Result<(), Throw> {
    for ir in list {
        match ir {
            Ir::Text(s) => out.push_str(s),
            ir => {
                let v = eval(cx, frame, ir)?;
                super::write_text(cx, v, out)?;
            }
        }
        if out.len() > super::MAX_BYTES {
            break;
        }
    }
    Ok(())
}

#[inline(never)]
fn interpolate(cx: &mut Cx<'_>, frame: &mut Slots, list: &[IrPiece]) -> R {
    joined(|out| fill(cx, frame, list, out).and_then(|()| cx.text(out.as_str())))
}

fn fill(
    cx: &mut Cx<'_>,
    frame: &mut Slots,
    list: &[IrPiece],
    out: &mut String,
) -> Result<(), Throw> {
    for piece in list {
        match piece {
            IrPiece::Text(s) => out.push_str(s),
            IrPiece::Hole(ir, 0, None) => {
                let v = eval(cx, frame, ir)?;
                super::write_text(cx, v, out)?;
            }
            IrPiece::Hole(ir, width, format) => {
                let v = eval(cx, frame, ir)?;
                let v = super::told(cx, v)?;
                let piece = super::formatted(&v, format.as_deref())?;
                super::pad(&piece, *width, out);
            }
        }
        if out.len() > super::MAX_BYTES {
            break;
        }
    }
    Ok(())
}

fn out_of_range() -> Throw {
    throw(
        "IndexOutOfRangeException",
        "Index was outside the bounds of the array.",
    )
}

fn item(of: &Value, at: &Value) -> R {
    let at = at.as_i64().and_then(|n| usize::try_from(n).ok());
    match of {
        Value::List(l) => at
            .and_then(|i| l.items().get(i).cloned())
            .ok_or_else(out_of_range),
        Value::Bytes(b) => at
            .and_then(|i| b.get(i).copied())
            .map(Value::Byte)
            .ok_or_else(out_of_range),
        _ => Err(null_reference()),
    }
}

#[inline(never)]
fn set_item(cx: &mut Cx<'_>, frame: &mut Slots, of: &Ir, at: &Ir, value: &Ir) -> R {
    let of = eval(cx, frame, of)?;
    let at = eval(cx, frame, at)?
        .as_i64()
        .and_then(|n| usize::try_from(n).ok());
    let value = eval(cx, frame, value)?;
    match &of {
        Value::List(l) => {
            let old = {
                let mut items = l.items_mut();
                let place = at.and_then(|i| items.get_mut(i)).ok_or_else(out_of_range)?;
                std::mem::replace(place, value.clone())
            };
            drop(old);
            Ok(value)
        }
        Value::Bytes(_) => Err(throw(
            "NotSupportedException",
            "Bytes that a method returned cannot be changed here; copy them with ToArray() first.",
        )),
        _ => Err(null_reference()),
    }
}

#[inline(never)]
fn new_array(cx: &mut Cx<'_>, ty: &Ty, n: i64) -> R {
    let n = usize::try_from(n).map_err(|_| {
        throw(
            "OverflowException",
            "Arithmetic operation resulted in an overflow.",
        )
    })?;
    cx.charge(n.saturating_mul(size_of::<Value>()))?;
    let of = if let Ty::Array(of) = ty {
        (**of).clone()
    } else {
        Ty::Object
    };
    Ok(Value::List(List::new(
        ty.clone(),
        vec![types::default_of(&of); n],
    )))
}

#[inline(never)]
fn record(cx: &mut Cx<'_>, frame: &mut Slots, ty: &Ty, list: &[Ir]) -> R {
    let mut values = Vec::with_capacity(list.len());
    for i in list {
        values.push(eval(cx, frame, i)?);
    }
    cx.charge(values.len() * size_of::<Value>() + 48)?;
    Record::value(ty.clone(), values)
}

fn field(of: &Value, i: u32) -> R {
    let Value::Object(o) = of else {
        return Err(null_reference());
    };
    o.as_any()
        .downcast_ref::<Record>()
        .and_then(|r| r.values.get(i as usize).cloned())
        .ok_or_else(null_reference)
}

#[inline(never)]
fn lambda(frame: &mut Slots, code: &Arc<Lambda>) -> Value {
    let captured = code
        .captures
        .iter()
        .map(|(slot, _)| match frame.get_mut(*slot as usize) {
            Some(Slot::Shared(c)) => c.clone(),
            Some(place) => {
                // A temporary that the binder did not declare: becomes shared now.
                let Slot::Plain(v) = place.clone() else {
                    return Rc::default();
                };
                let cell = Rc::new(RefCell::new(v));
                *place = Slot::Shared(cell.clone());
                cell
            }
            None => Rc::default(),
        })
        .collect();
    Value::Func(Func(Rc::new(Closure {
        ty: code.ty.clone(),
        code: code.clone(),
        captured,
    })))
}

#[inline(never)]
fn invoke(cx: &mut Cx<'_>, frame: &mut Slots, f: &Ir, args: &[Ir]) -> R {
    let f = eval(cx, frame, f)?;
    let mut values: SmallVec<[Value; 4]> = SmallVec::new();
    for ir in args {
        values.push(eval(cx, frame, ir)?);
    }
    cx.call(&f, &values)
}
