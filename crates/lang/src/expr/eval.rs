//! Runs the IR. Called by [`super::Expr::eval`] and by rows that take delegates.
//!
//! What must stay true: every evaluation is bounded in steps, memory and depth; exceeding a bound cannot be caught by the
//! expression; no input panics. Rows never see a name.

mod args;
mod direct;
mod format;
pub(crate) mod ops;
mod record;
mod run;
pub(crate) mod sequence;
mod statements;
pub(crate) mod types;
mod work;

pub(crate) use args::{Args, iterate, null_argument, out_of_range};
pub(crate) use direct::Direct;
pub(crate) use format::{composite, formatted, formatted_with, pad};
pub(crate) use ops::{arithmetic, compare, equal, equals, exact, same, to_number};
pub(crate) use record::Record;
pub(crate) use run::{code, value_of};
pub(crate) use sequence::{Iter, Query};

use super::EvalError;
use super::host::{Host, Message, Parsed};
use super::ir::Lambda;
use super::types::Ty;
use crate::value::object::Unwritten;
use crate::value::token::TooDeep;
use crate::value::{Object, Str, Token, Value};
use bytes::Bytes;
use smallvec::SmallVec;
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Most steps of one evaluation; a step is a node of the IR, or an item that a row goes through.
pub(crate) const MAX_STEPS: u64 = 2_000_000;
/// Steps between two pauses ([`Host::pause`]), about a millisecond: what one evaluation may keep its thread from others.
pub(crate) const SLICE: u64 = 20_000;
/// Most bytes that one evaluation may allocate, counted when texts, lists and trees grow.
pub(crate) const MAX_BYTES: usize = 64 << 20;
/// Deepest nest of calls and operators at run time.
pub(crate) const MAX_DEPTH: u32 = 200;

/// Why an evaluation stops.
#[derive(Clone, Debug)]
pub(crate) enum Throw {
    /// An exception; the expression may catch it.
    Exception(Rc<Exception>),
    /// A bound was exceeded; it may not. Boxed, because every result of an evaluation has room for it.
    Bound(Box<Exceeded>),
}

/// A bound that was exceeded: the .NET exception nearest to it, and which bound.
#[derive(Clone, Debug)]
pub(crate) struct Exceeded {
    pub(crate) exception: &'static str,
    pub(crate) message: String,
}

impl Throw {
    /// An exceeded bound; the message names it and its value.
    #[cold]
    pub(crate) fn bound(exception: &'static str, message: impl Into<String>) -> Throw {
        Throw::Bound(Box::new(Exceeded {
            exception,
            message: message.into(),
        }))
    }
}

/// An exception object.
#[derive(Debug)]
pub(crate) struct Exception {
    /// Simple name of its class.
    pub(crate) class: &'static str,
    pub(crate) message: Str,
    pub(crate) inner: Value,
    /// What few exceptions have.
    pub(crate) details: RefCell<Option<Box<ExceptionDetails>>>,
}

/// Properties of an exception that an expression may set.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExceptionDetails {
    pub(crate) source: Value,
    pub(crate) help_link: Value,
    pub(crate) hresult: Option<i32>,
    /// The parameter that a constructor was given, where the message does not name it: an empty one.
    pub(crate) parameter: Value,
    /// The dictionary, once it was asked for.
    pub(crate) data: Value,
}

impl Object for Exception {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        let mut out = self.ty().full_name();
        if !self.message.is_empty() {
            out.push_str(": ");
            out.push_str(&self.message);
        }
        if let Value::Object(inner) = &self.inner {
            out.push_str(" ---> ");
            out.push_str(&inner.text());
            out.push_str("\n   --- End of inner exception stack trace ---");
        }
        out
    }
    fn weight(&self) -> usize {
        match &self.inner {
            Value::Object(inner) => 1 + inner.weight(),
            _ => 1,
        }
    }
}

/// An exception of the class with that simple name.
pub(crate) fn throw(class: &'static str, message: impl Into<Str>) -> Throw {
    Throw::Exception(Rc::new(Exception {
        class,
        message: message.into(),
        inner: Value::Null,
        details: RefCell::default(),
    }))
}

/// A value as its text shows it: the objects of the host that have a text of their own ask the host for it.
pub(crate) fn told(cx: &mut Cx<'_>, v: Value) -> R {
    match &v {
        Value::Host(h) => match h.0.text() {
            Some(run) => run(
                cx,
                &mut Args {
                    values: &mut [v],
                    types: &[],
                },
            ),
            None => Ok(v),
        },
        _ => Ok(v),
    }
}

/// Writes the text of a value.
pub(crate) fn write_text(cx: &mut Cx<'_>, v: Value, out: &mut String) -> Result<(), Throw> {
    let v = told(cx, v)?;
    Ok(crate::value::text::write(&v, out)?)
}

/// `NullReferenceException`.
pub(crate) fn null_reference() -> Throw {
    throw(
        "NullReferenceException",
        "Object reference not set to an instance of an object.",
    )
}

/// Most objects in one that holds others by value: records in records.
const MAX_WEIGHT: usize = 256;

/// Weight of an object that holds the values (see [`Object::weight`]). Bounded, because text, equality and dropping go
/// through all of them on the stack.
pub(crate) fn weigh<'v>(parts: impl IntoIterator<Item = &'v Value>) -> Result<usize, Throw> {
    let mut weight = 1;
    for part in parts {
        if let Value::Object(o) = part {
            weight += o.weight();
        }
        if weight > MAX_WEIGHT {
            return Err(Throw::bound(
                "System.InsufficientExecutionStackException",
                format!("more than {MAX_WEIGHT} objects are nested in one"),
            ));
        }
    }
    Ok(weight)
}

impl From<TooDeep> for Throw {
    fn from(_: TooDeep) -> Throw {
        Throw::bound(
            "System.InsufficientExecutionStackException",
            "JSON is nested too deeply",
        )
    }
}

impl From<Unwritten> for Throw {
    fn from(why: Unwritten) -> Throw {
        throw(why.class, why.message)
    }
}

impl From<Throw> for EvalError {
    fn from(t: Throw) -> EvalError {
        match t {
            Throw::Bound(b) => EvalError {
                exception: b.exception,
                message: b.message,
            },
            Throw::Exception(e) => EvalError {
                exception: crate::expr::table::table()
                    .full_name(e.class)
                    .unwrap_or("System.Exception"),
                message: e.message.to_string(),
            },
        }
    }
}

pub(crate) type R = Result<Value, Throw>;

/// A variable: plain, or shared with a lambda.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Plain(Value),
    Shared(Rc<RefCell<Value>>),
}

/// The variables of one call; few expressions have more than four.
pub(crate) type Slots = SmallVec<[Slot; 4]>;

/// A delegate.
#[derive(Debug)]
pub(crate) struct Closure {
    pub(crate) ty: Ty,
    code: Arc<Lambda>,
    captured: Vec<Rc<RefCell<Value>>>,
}

impl Drop for Closure {
    fn drop(&mut self) {
        // Closures may hold each other in a long chain.
        let cells = std::mem::take(&mut self.captured);
        crate::value::collections::drop_later(
            cells
                .into_iter()
                .filter(|c| Rc::strong_count(c) == 1)
                .map(|c| c.replace(Value::Null)),
        );
    }
}

impl super::ir::Frame {
    /// Fresh slots, put into a place that has none yet.
    #[inline]
    pub(crate) fn fill(&self, slots: &mut Slots) {
        for s in &self.shared {
            slots.push(if *s {
                Slot::Shared(Rc::default())
            } else {
                Slot::Plain(Value::Null)
            });
        }
    }
}

/// One evaluation.
pub(crate) struct Cx<'h> {
    pub(crate) host: &'h mut dyn Host,
    /// Bytes that rows give become arrays of their own, because the expression changes some in place.
    pub(crate) own_bytes: bool,
    steps: u64,
    /// When as few steps are left, the thread's other work is let go on.
    pause_at: u64,
    bytes: usize,
    depth: u32,
    /// Whether the expression leaves JSON trees as they are, so that bodies parsed for others will do.
    only_reads: bool,
    held: Option<Box<Held>>,
}

/// What few evaluations hold, and others should not have to make room for.
#[derive(Default)]
struct Held {
    /// Trees whose parts may outlive the handle of their root: a token does not keep its parent.
    roots: Vec<Value>,
    /// Exceptions being handled, for `throw;`.
    caught: Vec<Rc<Exception>>,
    /// Bodies parsed in this evaluation, of request and response.
    parsed: [Option<Parsed>; 2],
}

#[cold]
fn too_many_steps() -> Throw {
    Throw::bound(
        "System.TimeoutException",
        format!("the expression took more than {MAX_STEPS} steps"),
    )
}

#[cold]
fn too_much_memory() -> Throw {
    Throw::bound(
        "System.OutOfMemoryException",
        format!("the expression allocated more than {} MB", MAX_BYTES >> 20),
    )
}

#[cold]
fn too_deep() -> Throw {
    Throw::bound(
        "System.InsufficientExecutionStackException",
        format!("the expression is nested more than {MAX_DEPTH} deep at run time"),
    )
}

impl<'h> Cx<'h> {
    /// For what is evaluated at load: little is worth keeping that takes long.
    pub(crate) fn folding(host: &'h mut dyn Host) -> Cx<'h> {
        Cx {
            steps: 10_000,
            bytes: 64 * 1024,
            ..Cx::new(host)
        }
    }

    pub(crate) fn new(host: &'h mut dyn Host) -> Cx<'h> {
        Cx {
            host,
            own_bytes: false,
            steps: MAX_STEPS,
            pause_at: MAX_STEPS - SLICE,
            bytes: MAX_BYTES,
            depth: 0,
            only_reads: false,
            held: None,
        }
    }

    /// One that may take more steps than an expression, or fewer.
    pub(crate) fn with_steps(host: &'h mut dyn Host, steps: u64) -> Cx<'h> {
        Cx {
            steps,
            pause_at: steps.saturating_sub(SLICE),
            ..Cx::new(host)
        }
    }

    /// Bodies may be read from trees that other expressions read too.
    pub(crate) fn sharing(mut self, only_reads: bool) -> Self {
        self.only_reads = only_reads;
        self
    }

    /// The body as JSON, when an expression that only reads has parsed it before.
    pub(crate) fn parsed(&mut self, message: Message, body: &Bytes) -> Option<Token> {
        if !self.only_reads {
            return None;
        }
        let held = self.held.get_or_insert_default();
        let place = &mut held.parsed[usize::from(message == Message::Response)];
        if place.is_none() {
            *place = self.host.parsed(message);
        }
        place.as_ref()?.of(body).cloned()
    }

    /// Remembers a tree for later reads.
    pub(crate) fn keep_parsed(&mut self, message: Message, body: Bytes, tree: &Token) {
        if self.only_reads {
            self.held().parsed[usize::from(message == Message::Response)] =
                Parsed::new(body, tree.clone());
        }
    }

    /// At the end: trees go to the next expression, unless the result may hold a part of one.
    #[inline]
    pub(crate) fn pass_on(&mut self, result: &Value) {
        if self.only_reads && self.held.is_some() {
            self.give_trees(result);
        }
    }

    fn held(&mut self) -> &mut Held {
        self.held.get_or_insert_default()
    }

    /// The exception is handled from now on, until [`Cx::handled`].
    fn handles(&mut self, e: Rc<Exception>) {
        self.held().caught.push(e);
    }

    fn handled(&mut self) {
        self.held().caught.pop();
    }

    /// The exception that is being handled.
    fn in_hand(&self) -> Option<&Rc<Exception>> {
        self.held.as_ref()?.caught.last()
    }

    fn give_trees(&mut self, result: &Value) {
        let Some(held) = &mut self.held else { return };
        let free = !matches!(
            result,
            Value::Token(_) | Value::List(_) | Value::Dict(_) | Value::Object(_) | Value::Func(_)
        );
        for (message, parsed) in [Message::Request, Message::Response]
            .into_iter()
            .zip(&mut held.parsed)
        {
            if let Some(parsed) = parsed.take().filter(|_| free) {
                self.host.keep_parsed(message, parsed);
            }
        }
    }

    /// Counts work of a row.
    #[inline]
    pub(crate) fn step(&mut self, n: usize) -> Result<(), Throw> {
        match self.steps.checked_sub(n as u64) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(too_many_steps()),
        }
    }

    /// Where an evaluation may pause: at each turn of a loop and each call of a delegate, which every long one goes
    /// through. Rows hold nothing of the thread's across a delegate's call.
    #[inline]
    pub(crate) fn breathe(&mut self) -> Result<(), Throw> {
        if self.steps > self.pause_at {
            return Ok(());
        }
        self.pause()
    }

    /// Pauses now: for work that is long by itself, such as a search with a pattern.
    #[cold]
    pub(crate) fn pause(&mut self) -> Result<(), Throw> {
        self.pause_at = self.steps.saturating_sub(SLICE);
        if self.host.pause() {
            return Ok(());
        }
        Err(Throw::bound(
            "System.OperationCanceledException",
            "the caller left while the expression was evaluated",
        ))
    }

    /// Counts memory.
    #[inline]
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), Throw> {
        match self.bytes.checked_sub(bytes) {
            Some(left) => {
                self.bytes = left;
                Ok(())
            }
            None => Err(too_much_memory()),
        }
    }

    /// Keeps a tree until the evaluation ends, so that `token.Parent` is there also when only a part of it is held.
    pub(crate) fn keep(&mut self, token: &crate::value::Token) {
        self.held().roots.push(Value::Token(token.clone()));
    }

    /// The same for a tree of objects (XML).
    pub(crate) fn keep_object(&mut self, tree: &Value) {
        self.held().roots.push(tree.clone());
    }

    /// A text, counted.
    pub(crate) fn text(&mut self, s: impl Into<Str> + AsRef<str>) -> R {
        self.charge(s.as_ref().len() + 16)?;
        Ok(Value::Str(s.into()))
    }

    /// A `List<T>`, array or sequence, counted. All empty arrays of a type are one, as those of .NET's methods.
    pub(crate) fn list(&mut self, ty: Ty, items: Vec<Value>) -> R {
        match &ty {
            Ty::Array(of) if items.is_empty() => {
                self.charge(48)?;
                Ok(Value::List(crate::value::List::empty(of)))
            }
            _ => self.new_list(ty, items),
        }
    }

    /// As [`Cx::list`], for what `new` makes: an object of its own.
    pub(crate) fn new_list(&mut self, ty: Ty, items: Vec<Value>) -> R {
        self.charge(items.len() * size_of::<Value>() + 48)?;
        self.step(items.len() / 8)?;
        Ok(Value::List(crate::value::List::new(ty, items)))
    }

    /// A sequence of `T`.
    pub(crate) fn sequence(&mut self, of: Ty, items: Vec<Value>) -> R {
        self.list(Ty::generic("IEnumerable", vec![of]), items)
    }

    #[inline]
    fn enter(&mut self) -> Result<(), Throw> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep());
        }
        Ok(())
    }

    /// Calls a delegate.
    pub(crate) fn call(&mut self, f: &Value, args: &[Value]) -> R {
        let Value::Func(f) = f else {
            return Err(null_reference());
        };
        let closure = f.0.clone();
        self.step(1)?;
        self.breathe()?;
        let code = &*closure.code;
        let params = code.params as usize;
        let mut frame = Slots::new();
        code.frame.fill(&mut frame);
        for (i, place) in frame.iter_mut().take(params).enumerate() {
            let v = args.get(i).cloned().unwrap_or_default();
            match place {
                Slot::Plain(p) => *p = v,
                Slot::Shared(c) => *c.borrow_mut() = v,
            }
        }
        for ((_, own), cell) in code.captures.iter().zip(&closure.captured) {
            if let Some(place) = frame.get_mut(*own as usize) {
                *place = Slot::Shared(cell.clone());
            }
        }
        self.charge(frame.len() * size_of::<Slot>())?;
        run::code(self, &mut frame, &code.body)
    }
}
