//! A compiled template: what [`super::parse`] makes and [`super::render`] runs.

use super::filters::Filter;
use crate::value::{Str, Value};

/// A value that is written in a template.
#[derive(Debug)]
pub(super) enum Expr {
    /// A literal. Only scalars, which may cross threads; see [`Literal`].
    Const(Literal),
    /// `empty` or `blank`.
    Empty,
    /// `(from..to)`.
    Range(Box<(Expr, Expr)>),
    /// A name and what follows it.
    Path(Vec<Part>),
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Nil,
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Text(Str),
}

impl Literal {
    pub(super) fn value(&self) -> Value {
        match self {
            Literal::Nil => Value::Null,
            Literal::Bool(b) => Value::Bool(*b),
            Literal::Int(n) => Value::Int(*n),
            Literal::Long(n) => Value::Long(*n),
            Literal::Double(n) => Value::Double(*n),
            Literal::Text(s) => Value::Str(s.clone()),
        }
    }
}

/// A part of a path.
#[derive(Debug)]
pub(super) enum Part {
    /// `.name`.
    Name(Str),
    /// `[expression]`.
    Index(Expr),
}

/// An expression and the filters it goes through.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) first: Expr,
    pub(super) filters: Vec<(&'static Filter, Vec<Expr>)>,
}

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Contains,
    StartsWith,
    EndsWith,
    HasKey,
    HasValue,
}

/// One comparison, or one value that is true or not.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) left: Expr,
    pub(super) right: Option<(Operator, Expr)>,
}

/// Tests with what stands between them: `true` for `and`. They bind to the right.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) first: Test,
    pub(super) rest: Vec<(bool, Test)>,
}

/// Where a loop begins.
#[derive(Debug)]
pub(super) enum Offset {
    None,
    /// Where the last loop of the same name ended.
    Continue,
    At(Expr),
}

/// `for`, `tablerow` and `JSONArrayFor`.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) variable: Str,
    pub(super) collection: Expr,
    /// `variable-collection`, as written.
    pub(super) name: Str,
    pub(super) reversed: bool,
    pub(super) limit: Option<Expr>,
    pub(super) offset: Offset,
    /// Columns of a `tablerow`.
    pub(super) columns: Option<Expr>,
    /// `where` of a `JSONArrayFor`: the name that elements must have.
    pub(super) named: Option<Expr>,
    pub(super) body: Vec<Node>,
    /// What stands after `else`.
    pub(super) otherwise: Vec<Node>,
    pub(super) kind: LoopKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    For,
    TableRow,
    JsonArray,
}

/// One `when` (its values) or `else` (none) of a `case`.
#[derive(Debug)]
pub(super) struct When {
    pub(super) values: Option<Vec<Expr>>,
    pub(super) body: Vec<Node>,
}

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    Text(Str),
    Output(Chain),
    Assign(Str, Chain),
    Capture(Str, Vec<Node>),
    /// Branches; the last may have no condition. `true`: the first condition must not hold.
    If(bool, Vec<(Option<Condition>, Vec<Node>)>),
    Case(Expr, Vec<When>),
    Loop(Box<Loop>),
    /// Its name, if it has one, its values, and the slot that counts where it has none.
    Cycle(Option<Expr>, Vec<Expr>, Str),
    /// With the slot that remembers.
    IfChanged(usize, Vec<Node>),
    /// `increment` by 1 before, or `decrement`.
    Count(Str, bool),
    Break,
    Continue,
}
