//! What the binder makes of an expression and the evaluator runs: typed, conversions explicit, names gone.
//!
//! What must stay true: `Send + Sync`, shared by all exchanges; locals are slots, members are function pointers.

mod children;

use crate::expr::host::{Entity, Field, Message};
use crate::expr::table::{Member, Native, Part};
use crate::expr::types::{Num, Ty};
use crate::value::{Frozen, Str};
use http::HeaderName;
use std::cmp::Ordering;
use std::sync::Arc;

/// An expression.
#[derive(Debug)]
pub(crate) enum Ir {
    Const(Frozen),
    /// A text constant, the most frequent of all.
    Text(Str),
    Local(u32),
    /// A read of a variable that may have no value yet, with its name and place; gone after `bind::assigned`.
    Unsure(u32, Box<(Str, std::ops::Range<usize>)>),
    /// A part of `context`, known to be there.
    Host(Part),
    SetLocal(u32, Box<Ir>),
    Call(Box<Call>),
    /// `a ?? b`.
    Coalesce(Box<Ir>, Box<Ir>),
    /// Value into a slot; null ends with null, else goes on.
    NullConditional(u32, Box<Ir>, Box<Ir>),
    /// Slots get values, then the body.
    Let(Vec<(u32, Ir)>, Box<Ir>),
    /// All in order; the value of the last.
    Sequence(Vec<Ir>),
    If(Box<Ir>, Box<Ir>, Box<Ir>),
    And(Vec<Ir>),
    Or(Vec<Ir>),
    Not(Box<Ir>),
    Arithmetic(Arith, Num, Box<Ir>, Box<Ir>),
    /// As `Arithmetic` on integers, in a `checked` context: overflow throws.
    CheckedArithmetic(Arith, Num, Box<Ir>, Box<Ir>),
    Negate(Num, Box<Ir>),
    Complement(Num, Box<Ir>),
    /// `&`, `|`, `^` on bool, with three-valued logic for `bool?`.
    Logic(Arith, Box<Ir>, Box<Ir>),
    /// Numbers after conversion to one type, or values with an order (`DateTime`).
    Compare(Cmp, Box<Ir>, Box<Ir>),
    /// Equality by value: numbers of one type, text, bool, structs, enums, nullables of them.
    Equal(bool, Box<Ir>, Box<Ir>),
    /// `==` on references.
    Same(bool, Box<Ir>, Box<Ir>),
    Concat(Vec<Ir>),
    Interpolate(Vec<IrPiece>),
    /// To a number type, wrapping; null stays null.
    Number(Num, Box<Ir>),
    /// As `Number`, in a `checked` context: what does not fit throws.
    CheckedNumber(Num, Box<Ir>),
    /// To an enum, from a number.
    ToEnum(&'static crate::value::EnumType, Box<Ir>),
    /// From an enum or bool-free value to `Num`.
    FromEnum(Num, Box<Ir>),
    /// `T?` to `T`: null throws.
    Unwrap(Box<Ir>),
    /// From `object` (or another class) to the type: exact for value types.
    Cast(Ty, Box<Ir>),
    Is(Ty, Box<Ir>),
    As(Ty, Box<Ir>),
    /// Item of an array.
    Item(Box<Ir>, Box<Ir>),
    SetItem(Box<Ir>, Box<Ir>, Box<Ir>),
    NewArray(Ty, Vec<Ir>),
    NewArrayOf(Ty, Box<Ir>),
    /// An object of an anonymous type, a tuple, a `System.Tuple`.
    Record(Ty, Vec<Ir>),
    Field(u32, Box<Ir>),
    Lambda(Arc<Lambda>),
    /// Calls a delegate.
    Invoke(Box<Ir>, Vec<Ir>),
    Throw(Box<Ir>),
    /// A `switch` expression: tests and values in order, and what happens when none holds.
    Match(Vec<(Ir, Ir)>, Box<Ir>),
    // What `optimize` makes of the above.
    /// Whether a text equals a constant, or does not.
    EqualText(bool, Box<Ir>, Str),
    /// The same of an `int`.
    EqualInt(bool, Box<Ir>, i32),
    /// An `int` against a constant.
    CompareInt(Cmp, Box<Ir>, i32),
    /// A part of `context`, or null.
    Entity(Entity, Part),
    /// A scalar member of `context`.
    Member(Field),
    /// A scalar member of an object that must be there.
    MemberOf(Entity, Field),
    /// The expression, or null when there is no such object.
    IfHas(Entity, Box<Ir>),
    /// A header by a name known at load.
    Header(Box<HeaderRead>),
    /// A variable by a name known at load.
    Variable(Box<VariableRead>),
    /// Whether there is a variable of that name.
    HasVariable(Str),
}

/// `Headers.GetValueOrDefault(name, missing)`: the values joined by commas.
#[derive(Clone, Debug)]
pub(crate) struct HeaderRead {
    pub(crate) message: Message,
    pub(crate) name: HeaderName,
    pub(crate) missing: Option<Str>,
}

/// `Variables[name]`, `Variables.GetValueOrDefault(name, missing)`.
#[derive(Clone, Debug)]
pub(crate) struct VariableRead {
    pub(crate) name: Str,
    /// What the value is cast to.
    pub(crate) cast: Option<Ty>,
    /// What stands for a variable that is not there; without it, it must be there.
    pub(crate) missing: Option<Frozen>,
}

/// A call of a row of the table.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) run: Native,
    /// The row, when there is one.
    pub(crate) member: Option<&'static Member>,
    /// First argument is a receiver that must not be null.
    pub(crate) checked: bool,
    pub(crate) args: Vec<Ir>,
    /// Type arguments of the class, then of the method.
    pub(crate) types: Vec<Ty>,
    /// Arguments that come back (`out`), and the slot they go to.
    pub(crate) outs: Vec<(usize, u32)>,
}

#[derive(Debug)]
pub(crate) enum IrPiece {
    Text(Str),
    Hole(Ir, i32, Option<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    And,
    Or,
    Xor,
    Shl,
    Shr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cmp {
    Lt,
    Le,
    Gt,
    Ge,
}

impl Cmp {
    /// Whether values in that order compare so.
    #[inline]
    pub(crate) fn holds(self, order: Ordering) -> bool {
        match self {
            Cmp::Lt => order.is_lt(),
            Cmp::Le => order.is_le(),
            Cmp::Gt => order.is_gt(),
            Cmp::Ge => order.is_ge(),
        }
    }
}

/// Code with a frame of its own.
#[derive(Debug)]
pub(crate) struct Lambda {
    pub(crate) ty: Ty,
    /// Of a local function, made before its block runs.
    pub(crate) is_function: bool,
    pub(crate) params: u32,
    /// Captured slots: in the enclosing frame, in the own. Parameters have the first own slots.
    pub(crate) captures: Vec<(u32, u32)>,
    pub(crate) frame: Frame,
    pub(crate) body: Code,
}

/// Layout of a frame.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// For each slot whether a lambda captures it.
    pub(crate) shared: Vec<bool>,
}

#[derive(Debug)]
pub(crate) enum Code {
    Expr(Ir),
    Block(Vec<IrStmt>),
}

/// A statement.
#[derive(Debug)]
pub(crate) enum IrStmt {
    Expr(Ir),
    /// A fresh variable.
    Declare(u32, Option<Ir>),
    Block(Vec<IrStmt>),
    If(Vec<(Ir, IrStmt)>, Option<Box<IrStmt>>),
    /// Test (before the body unless `after`), body, steps.
    Loop {
        test: Option<Ir>,
        after: bool,
        step: Vec<Ir>,
        body: Box<IrStmt>,
    },
    Foreach {
        slot: u32,
        convert: Option<Ir>,
        of: Ir,
        body: Box<IrStmt>,
    },
    /// Value into a slot, tests in order, index of the section to start at; sections.
    Switch {
        slot: u32,
        of: Ir,
        tests: Vec<(Ir, usize)>,
        default: Option<usize>,
        sections: Vec<Vec<IrStmt>>,
    },
    Break,
    Continue,
    /// A place that `Goto` leads to, by its number.
    Label(u32),
    Goto(u32),
    /// To a section of the switch around.
    GotoCase(usize),
    Return(Option<Ir>),
    Throw(Ir),
    Rethrow,
    Try {
        body: Vec<IrStmt>,
        catches: Vec<IrCatch>,
        finally: Option<Vec<IrStmt>>,
    },
}

#[derive(Debug)]
pub(crate) struct IrCatch {
    /// .NET simple name of the exception class.
    pub(crate) class: &'static str,
    pub(crate) slot: Option<u32>,
    pub(crate) when: Option<Ir>,
    pub(crate) body: Vec<IrStmt>,
}
