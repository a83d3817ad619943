//! The static binder: syntax tree to typed IR.
//!
//! Called by `compile`. Resolves every name, overload and conversion, so that what can be wrong is reported at load with its
//! place. What must stay true: work is bounded (lambdas are bound again for each overload); after a fault the statement is
//! given up and the next one is bound, with the variables it would have declared.

mod assign;
mod assigned;
mod call;
mod choices;
mod construct;
mod convert;
mod create;
mod enums;
mod equality;
mod functions;
mod guarded;
mod index;
mod infer;
mod lambda;
mod literals;
mod names;
mod operators;
mod overload;
mod patterns;
mod rectangular;
mod statements;
mod suggest;
mod switch;
mod tuples;
mod values;

pub(crate) use convert::Conversion;
use functions::Signature;

use super::ast::{At, Expr, Stmt};
use super::eval::types::default_of;
use super::eval::{Cx, Slots};
use super::ir::{Code, Frame, Ir, Lambda};
use super::lexer::Fault;
use super::table::{Member, MemberKind};
use super::types::Ty;
use super::{Reads, Target};
use crate::value::{Frozen, Str};
use std::sync::Arc;

/// Most nodes bound for one expression, counting repetitions for overloads.
const MAX_WORK: u32 = 60_000;

pub(crate) type B<T> = Result<T, Fault>;

/// An expression with its type.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) ir: Ir,
    pub(crate) ty: Ty,
    /// What `reads` was before this access, so that a comparison with null does not count as a read.
    before: Option<Reads>,
}

impl Bound {
    pub(crate) fn new(ir: Ir, ty: Ty) -> Bound {
        Bound {
            ir,
            ty,
            before: None,
        }
    }

    /// Without the note about reads.
    pub(crate) fn into_plain(self) -> Bound {
        Bound {
            before: None,
            ..self
        }
    }

    /// The constant, if it is one.
    pub(crate) fn constant(&self) -> Option<Frozen> {
        match &self.ir {
            Ir::Const(c) => Some(c.clone()),
            Ir::Text(s) => Some(Frozen::Text(s.clone())),
            _ => None,
        }
    }
}

/// A variable in scope.
#[derive(Clone, Debug)]
struct Local {
    name: Str,
    slot: u32,
    ty: Ty,
    /// A constant's value.
    constant: Option<Frozen>,
    /// May not be assigned: loop variables, `using` variables.
    fixed: bool,
    /// It was declared without a value: definite assignment is checked.
    unsure: bool,
    /// It is a local function.
    function: Option<Arc<Signature>>,
    /// Type arguments that a generic local function was bound for, with the slot of each.
    instances: Vec<(Vec<Ty>, u32)>,
}

/// What `return` means in a body.
#[derive(Clone, Debug)]
enum Returns {
    /// The whole expression's.
    Target(Target),
    /// A body whose result type is known.
    Known(Ty),
    /// Collects the types.
    Infer(Vec<(Ty, Option<Frozen>)>),
}

/// A function being bound: the expression itself, a lambda, a local function.
#[derive(Clone, Debug)]
struct Function {
    scopes: Vec<Vec<Local>>,
    /// One flag per slot: captured by a lambda.
    shared: Vec<bool>,
    captures: Vec<(u32, u32)>,
    returns: Returns,
    loops: u32,
    catches: u32,
    finally: u32,
    /// For each scope the names that scopes closed in it have declared.
    closed: Vec<Vec<Str>>,
    /// For each `switch` around its constants and sections.
    switches: Vec<Sections>,
    /// Labels of the blocks around.
    labels: Vec<(Str, u32)>,
    /// Local functions: the scope whose block begins with them, slot and code.
    hoisted: Vec<(usize, u32, Arc<Lambda>)>,
    /// Parameters that go back to the caller (`ref`, `out`).
    by_ref: Vec<u32>,
}

/// What `goto case` finds in a `switch`.
#[derive(Clone, Debug, Default)]
struct Sections {
    ty: Option<Ty>,
    cases: Vec<(Frozen, usize)>,
    default: Option<usize>,
}

impl Function {
    fn new(returns: Returns) -> Function {
        Function {
            scopes: vec![Vec::new()],
            shared: Vec::new(),
            captures: Vec::new(),
            returns,
            loops: 0,
            catches: 0,
            finally: 0,
            closed: vec![Vec::new()],
            switches: Vec::new(),
            labels: Vec::new(),
            hoisted: Vec::new(),
            by_ref: Vec::new(),
        }
    }
}

/// Binds one expression.
pub(crate) struct Binder {
    functions: Vec<Function>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Fault>,
    /// Uses of what API Management's list does not have.
    pub(crate) beyond: Vec<(At, String)>,
    pub(crate) reads: Reads,
    /// The expression changes a `byte[]` in place.
    pub(crate) writes_bytes: bool,
    /// `context.Response` went somewhere as a plain `IResponse` or `object`.
    response_escapes: bool,
    /// The body of a plain `IResponse` is read.
    plain_body: bool,
    work: u32,
    /// `checked` or `unchecked`, whichever is nearest around.
    checked: Option<bool>,
    /// Type parameters of the local function being bound, and what they stand for.
    generics: Vec<(Str, Ty)>,
    /// Labels so far.
    labels: u32,
    /// Slots and types of the receivers of the `?.` being bound, innermost last.
    receivers: Vec<(u32, Ty)>,
}

impl Binder {
    pub(crate) fn new(target: Target) -> Binder {
        Binder {
            functions: vec![Function::new(Returns::Target(target))],
            faults: Vec::new(),
            warnings: Vec::new(),
            beyond: Vec::new(),
            reads: Reads::default(),
            writes_bytes: false,
            response_escapes: false,
            plain_body: false,
            work: 0,
            checked: None,
            generics: Vec::new(),
            labels: 0,
            receivers: Vec::new(),
        }
    }

    /// Binds `@( … )`.
    pub(crate) fn single(mut self, e: &Expr, target: Target) -> (Option<(Code, Frame)>, Binder) {
        let code = match self
            .value(e)
            .and_then(|b| self.targeted(b, target, e.at.clone()))
        {
            Ok(ir) => Some(Code::Expr(ir)),
            Err(f) => {
                self.faults.push(f);
                None
            }
        };
        self.finish(code)
    }

    /// Binds `@{ … }`.
    pub(crate) fn multi(
        mut self,
        list: &[Stmt],
        text_len: usize,
    ) -> (Option<(Code, Frame)>, Binder) {
        let (block, open) = self.block(list);
        if open && self.faults.is_empty() {
            let at = list.last().map_or(0..text_len, |s| s.at.clone());
            let end = at.end.max(1);
            self.faults.push(
                Fault::new(
                    end - 1..end,
                    "not every path returns a value",
                    "the end is reached here without `return`",
                )
                .help("every path through `@{ … }` ends in `return value;`"),
            );
        }
        self.finish(Some(Code::Block(block)))
    }

    fn finish(mut self, mut code: Option<Code>) -> (Option<(Code, Frame)>, Binder) {
        if let Some(code) = &mut code {
            assigned::check(code, &mut self.faults);
        }
        if self.response_escapes && self.plain_body {
            self.reads.response_body = true;
        }
        let frame = Frame {
            shared: std::mem::take(&mut self.functions[0].shared),
        };
        (
            code.filter(|_| self.faults.is_empty()).map(|c| (c, frame)),
            self,
        )
    }

    /// Counts work; a fault beyond the bound.
    fn tick(&mut self, at: &At) -> B<()> {
        self.work += 1;
        if self.work > MAX_WORK {
            return Err(Fault::new(
                at.clone(),
                "expression is too complex to check",
                "too many nested lambdas with several overloads",
            )
            .help("keep a part in a variable"));
        }
        Ok(())
    }

    fn function(&mut self) -> &mut Function {
        // The expression's own function is never popped.
        self.functions
            .last_mut()
            .expect("there is always a function")
    }

    /// Notes a use of a row that API Management's list does not have.
    fn note_beyond(&mut self, m: &Member, at: &At) {
        if m.allowed {
            return;
        }
        let of = super::catalog::shown(m.of);
        let what = match m.kind {
            MemberKind::Constructor => format!("new {of}"),
            MemberKind::Index | MemberKind::SetIndex => format!("{of}[]"),
            _ => format!("{of}.{}", m.name),
        };
        self.beyond.push((at.clone(), what));
    }

    /// A new slot in the current function.
    fn slot(&mut self) -> u32 {
        let f = self.function();
        f.shared.push(false);
        (f.shared.len() - 1) as u32
    }

    fn push_scope(&mut self) {
        let f = self.function();
        f.scopes.push(Vec::new());
        f.closed.push(Vec::new());
    }

    fn pop_scope(&mut self) {
        let f = self.function();
        let own = f.scopes.pop().unwrap_or_default();
        let mut names = f.closed.pop().unwrap_or_default();
        names.extend(own.into_iter().map(|l| l.name));
        if let Some(around) = f.closed.last_mut() {
            around.extend(names);
        }
    }

    /// Declares a variable; a fault when the name is taken in this function.
    fn declare(&mut self, name: &Str, ty: Ty, at: &At) -> B<u32> {
        if &**name == "context" {
            return Err(Fault::new(
                at.clone(),
                "`context` is already defined",
                "expected another name",
            ));
        }
        let taken = self
            .functions
            .iter()
            .flat_map(|f| &f.scopes)
            .flatten()
            .any(|l| l.name == *name);
        if taken && &**name != "_" {
            return Err(Fault::new(
                at.clone(),
                format!("a variable `{name}` is already defined in this scope"),
                "expected another name",
            ));
        }
        // C# §7.7: a name has one meaning in a block, also before it is declared.
        let f = self.function();
        if &**name != "_" && f.closed.last().is_some_and(|c| c.contains(name)) {
            return Err(Fault::new(
                at.clone(),
                format!("`{name}` is already the name of a variable in a block inside this one"),
                "it would mean something else there",
            )
            .help("give one of them another name"));
        }
        Ok(self.declare_anyway(name, ty))
    }

    /// As [`Binder::declare`], for a variable that is declared without a value.
    fn declare_unsure(&mut self, name: &Str, ty: Ty, at: &At) -> B<u32> {
        let slot = self.declare(name, ty, at)?;
        if let Some(l) = self
            .function()
            .scopes
            .iter_mut()
            .flatten()
            .find(|l| l.slot == slot)
        {
            l.unsure = true;
        }
        Ok(slot)
    }

    fn declare_anyway(&mut self, name: &Str, ty: Ty) -> u32 {
        let slot = self.slot();
        let local = Local {
            name: name.clone(),
            slot,
            ty,
            constant: None,
            fixed: false,
            unsure: false,
            function: None,
            instances: Vec::new(),
        };
        if let Some(scope) = self.function().scopes.last_mut() {
            scope.push(local);
        }
        slot
    }

    /// Finds a variable and captures it into the current function when it belongs to an outer one.
    fn lookup(&mut self, name: &str) -> Option<Local> {
        let depth = self
            .functions
            .iter()
            .rposition(|f| f.scopes.iter().flatten().any(|l| &*l.name == name))?;
        let mut local = self.functions[depth]
            .scopes
            .iter()
            .rev()
            .flat_map(|s| s.iter().rev())
            .find(|l| &*l.name == name)?
            .clone();
        if local.constant.is_none() {
            for level in depth + 1..self.functions.len() {
                local.slot = self.capture(level, local.slot);
            }
        }
        Some(local)
    }

    /// Slot in function `level` that shares `outer` of the function around it.
    fn capture(&mut self, level: usize, outer: u32) -> u32 {
        if let Some((_, own)) = self.functions[level]
            .captures
            .iter()
            .find(|(o, _)| *o == outer)
        {
            return *own;
        }
        if let Some(flag) = self.functions[level - 1].shared.get_mut(outer as usize) {
            *flag = true;
        }
        let f = &mut self.functions[level];
        f.shared.push(false);
        let own = (f.shared.len() - 1) as u32;
        f.captures.push((outer, own));
        own
    }

    /// Runs something whose effects are undone: to try an overload.
    fn speculate<T>(&mut self, f: impl FnOnce(&mut Self) -> B<T>) -> B<T> {
        let functions = self.functions.clone();
        let (faults, warnings) = (self.faults.len(), self.warnings.len());
        let beyond = self.beyond.len();
        let (reads, escapes, plain, receivers) = (
            self.reads,
            self.response_escapes,
            self.plain_body,
            self.receivers.clone(),
        );
        let result = f(self);
        let failed = self.faults.len() > faults;
        self.functions = functions;
        let first = self.faults.drain(faults..).next();
        self.warnings.truncate(warnings);
        self.beyond.truncate(beyond);
        (
            self.reads,
            self.response_escapes,
            self.plain_body,
            self.receivers,
        ) = (reads, escapes, plain, receivers);
        match (result, first) {
            (Ok(_), Some(fault)) if failed => Err(fault),
            (r, _) => r,
        }
    }

    /// Evaluates what is constant at load.
    fn fold(&self, bound: Bound) -> Bound {
        let foldable = match &bound.ir {
            Ir::Arithmetic(_, _, a, b)
            | Ir::CheckedArithmetic(_, _, a, b)
            | Ir::Compare(_, a, b)
            | Ir::Equal(_, a, b)
            | Ir::Logic(_, a, b) => constant(a) && constant(b),
            Ir::Negate(_, a)
            | Ir::Complement(_, a)
            | Ir::Not(a)
            | Ir::Number(_, a)
            | Ir::CheckedNumber(_, a)
            | Ir::ToEnum(_, a)
            | Ir::FromEnum(_, a) => constant(a),
            Ir::Concat(list) | Ir::And(list) | Ir::Or(list) => list.iter().all(constant),
            Ir::If(test, yes, no) => constant(test) && constant(yes) && constant(no),
            Ir::Call(c) => c.args.is_empty() && c.types.is_empty() && c.outs.is_empty(),
            _ => false,
        };
        if !foldable {
            return bound;
        }
        let mut nowhere = super::host::Nowhere::default();
        let mut cx = Cx::new(&mut nowhere);
        let mut frame = Slots::new();
        match super::eval::value_of(&mut cx, &mut frame, &bound.ir)
            .ok()
            .and_then(|v| v.freeze())
        {
            Some(Frozen::Text(s)) => Bound {
                // Texts joined are a constant of C#, and interned; a number makes it none.
                ir: Ir::Text(match &bound.ir {
                    Ir::Concat(list) if list.iter().all(|i| matches!(i, Ir::Text(_))) => {
                        literals::interned(&s)
                    }
                    _ => s,
                }),
                ..bound
            },
            Some(c) => Bound {
                ir: Ir::Const(c),
                ..bound
            },
            None => bound,
        }
    }
}

fn constant(ir: &Ir) -> bool {
    matches!(ir, Ir::Const(_) | Ir::Text(_))
}

/// `default(T)`; what no constant can hold is made at run time.
fn default_ir(ty: &Ty) -> Ir {
    match ty {
        Ty::Tuple(t) => Ir::Record(
            ty.clone(),
            t.items.iter().map(|(_, t)| default_ir(t)).collect(),
        ),
        _ => match default_of(ty).freeze() {
            Some(zero) => Ir::Const(zero),
            // A struct that is no constant is the first item of a new array.
            None => Ir::Item(
                Box::new(Ir::NewArrayOf(
                    Ty::array(ty.clone()),
                    Box::new(Ir::Const(Frozen::Int(1))),
                )),
                Box::new(Ir::Const(Frozen::Int(0))),
            ),
        },
    }
}

fn no_value(at: &At) -> Fault {
    Fault::new(
        at.clone(),
        "the expression has no value",
        "expected a value",
    )
}

/// A fault about types.
fn mismatch(from: &Ty, to: &Ty, at: &At) -> Fault {
    Fault::new(
        at.clone(),
        format!("cannot implicitly convert `{from}` to `{to}`"),
        format!("expected `{to}`, found `{from}`"),
    )
}
