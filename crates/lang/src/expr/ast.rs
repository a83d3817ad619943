//! Syntax tree of an expression, as written; no types yet.
//!
//! Built by the parser, read by the binder. What must stay true: nesting is bounded by the parser, so walks may recurse.

use crate::expr::lexer::Suffix;
use crate::value::Str;
use std::ops::Range;

pub(crate) type At = Range<usize>;

/// A name with its place.
#[derive(Clone, Debug)]
pub(crate) struct Ident {
    pub(crate) at: At,
    pub(crate) text: Str,
}

/// A type as written.
#[derive(Clone, Debug)]
pub(crate) struct TypeRef {
    pub(crate) at: At,
    /// Dotted; empty for a tuple, whose element types are the arguments.
    pub(crate) path: Vec<Ident>,
    pub(crate) args: Vec<TypeRef>,
    /// Names of a tuple's elements.
    pub(crate) names: Vec<Option<Ident>>,
    pub(crate) suffix: Vec<TypeSuffix>,
}

impl TypeRef {
    /// Makes the type of an array that of its items; gives the rank, 1 for what is no array.
    pub(crate) fn take_array(&mut self) -> u8 {
        let is_array = |s: &TypeSuffix| matches!(s, TypeSuffix::Array(_));
        // The outermost array has the first of the brackets at the end.
        let inner = self.suffix.iter().rev().take_while(|s| is_array(s)).count();
        let place = self.suffix.len() - inner;
        if inner == 0 {
            self.suffix.pop();
            return 1;
        }
        match self.suffix.remove(place) {
            TypeSuffix::Array(rank) => rank,
            TypeSuffix::Nullable => 1,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeSuffix {
    Nullable,
    /// With its rank.
    Array(u8),
}

#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) at: At,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Int(u64, Suffix),
    Real(Str, Suffix),
    Str(Str),
    Char(u16),
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Literal(Literal),
    Interpolated(Vec<Piece>),
    Name(Ident, Vec<TypeRef>),
    Member(Box<Expr>, Ident, Vec<TypeRef>),
    Call(Box<Expr>, Vec<Arg>),
    Index(Box<Expr>, Vec<Arg>),
    /// `of?.rest`: in `rest` the receiver is [`Kind::Receiver`].
    NullConditional(Box<Expr>, Box<Expr>),
    Receiver,
    /// The type; `None` takes it from its place: `new(…)`.
    New(Option<TypeRef>, Vec<Arg>, Option<Init>),
    /// Element type when written, sizes, items.
    NewArray(Option<TypeRef>, Vec<Expr>, Option<Vec<Expr>>),
    /// The same of an array of more than one dimension: with the rank, and [`Kind::Row`]s down to the items.
    NewRectangular(u8, Option<TypeRef>, Vec<Expr>, Option<Vec<Expr>>),
    /// `{ a, b }` within the items of an array.
    Row(Vec<Expr>),
    Anonymous(Vec<(Option<Ident>, Expr)>),
    /// `(a, name: b)`.
    Tuple(Vec<(Option<Ident>, Expr)>),
    /// `int a`, `var a` in a deconstruction.
    Declare(Option<TypeRef>, Ident),
    Cast(TypeRef, Box<Expr>),
    Unary(&'static str, Box<Expr>),
    /// Operators of one precedence, from the left.
    Binary(Box<Expr>, Vec<(&'static str, At, Expr)>),
    /// `a ?? b`.
    Coalesce(Box<Expr>, Box<Expr>),
    /// Operator is `=` or the one before `=`.
    Assign(&'static str, Box<Expr>, Box<Expr>),
    /// Operator, whether it stands in front.
    Step(&'static str, bool, Box<Expr>),
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    Is(Box<Expr>, Pattern),
    As(Box<Expr>, TypeRef),
    Lambda(Vec<Param>, Body),
    /// `delegate { … }` without parameters: takes those of its place.
    Delegate(Vec<Stmt>),
    /// `of switch { pattern => value, … }`.
    Switch(Box<Expr>, Vec<Arm>),
    /// `^n`: from the end.
    FromEnd(Box<Expr>),
    /// `a..b`.
    Range(Option<Box<Expr>>, Option<Box<Expr>>),
    /// `[a, b]`; takes its type from its place.
    Collection(Vec<Expr>),
    SizeOf(TypeRef),
    Default(Option<TypeRef>),
    TypeOf(TypeRef),
    NameOf(Box<Expr>),
    Throw(Box<Expr>),
    /// `checked(…)`, `unchecked(…)`.
    Checked(bool, Box<Expr>),
    /// A type used as an expression (`string.Join`).
    Type(TypeRef),
}

#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    /// Value, alignment, format.
    Hole(Box<Expr>, Option<Box<Expr>>, Option<String>),
}

#[derive(Clone, Debug)]
pub(crate) struct Arg {
    pub(crate) name: Option<Ident>,
    pub(crate) value: ArgValue,
}

#[derive(Clone, Debug)]
pub(crate) enum ArgValue {
    Expr(Expr),
    /// `out x`, `ref x`.
    Out(Expr),
    /// `out var x`, `out T x`, `out _`.
    OutVar(Option<TypeRef>, Ident),
}

#[derive(Clone, Debug)]
pub(crate) enum Init {
    Members(Vec<(InitKey, InitValue)>),
    Items(Vec<Vec<Expr>>),
}

#[derive(Clone, Debug)]
pub(crate) enum InitKey {
    Name(Ident),
    Index(At, Vec<Arg>),
}

#[derive(Clone, Debug)]
pub(crate) enum InitValue {
    Expr(Expr),
    /// `A = { B = 1 }`: fills what is there.
    Nested(Init),
}

#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// `is T`, `is T x`, `is T _`.
    Type(TypeRef, Option<Ident>),
    /// `is 3`, `is null`.
    Constant(Box<Expr>),
    /// `is var x`.
    Var(Ident),
    /// `_`.
    Discard,
    Not(Box<Pattern>),
    And(Box<Pattern>, Box<Pattern>),
    Or(Box<Pattern>, Box<Pattern>),
    /// `> 3`.
    Relational(&'static str, Box<Expr>),
    /// `T { A: p } x`.
    Members(Option<TypeRef>, Vec<(Ident, Pattern)>, Option<Ident>),
    /// `(p, q)` of a tuple.
    Parts(Vec<Pattern>),
}

/// An arm of a `switch` expression.
#[derive(Clone, Debug)]
pub(crate) struct Arm {
    pub(crate) at: At,
    pub(crate) pattern: Pattern,
    pub(crate) when: Option<Expr>,
    pub(crate) value: Expr,
}

#[derive(Clone, Debug)]
pub(crate) struct Param {
    pub(crate) ty: Option<TypeRef>,
    pub(crate) name: Ident,
    /// Of a local function: by value, `ref`, `out`, `params`.
    pub(crate) pass: Pass,
    pub(crate) default: Option<Expr>,
}

/// How a parameter is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Value,
    Ref,
    Out,
    Params,
}

impl Param {
    pub(crate) fn plain(ty: Option<TypeRef>, name: Ident) -> Param {
        Param {
            ty,
            name,
            pass: Pass::Value,
            default: None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Expr(Box<Expr>),
    Block(Vec<Stmt>),
}

#[derive(Clone, Debug)]
pub(crate) struct Stmt {
    pub(crate) at: At,
    pub(crate) kind: StmtKind,
}

#[derive(Clone, Debug)]
pub(crate) enum StmtKind {
    Empty,
    Block(Vec<Stmt>),
    /// Type (`None`: `var`), names with initialisers, whether `const`.
    Local(Option<TypeRef>, Vec<(Ident, Option<Expr>)>, bool),
    Function(Box<LocalFunction>),
    Expr(Expr),
    If(Vec<(Expr, Stmt)>, Option<Box<Stmt>>),
    Switch(Expr, Vec<(Vec<Label>, Vec<Stmt>)>),
    While(Expr, Box<Stmt>),
    Do(Box<Stmt>, Expr),
    For(Vec<Stmt>, Option<Expr>, Vec<Expr>, Box<Stmt>),
    Foreach(Option<TypeRef>, Ident, Expr, Box<Stmt>),
    Break,
    Continue,
    Return(Option<Expr>),
    Throw(Option<Expr>),
    Try(Vec<Stmt>, Vec<Catch>, Option<Vec<Stmt>>),
    Using(Box<Stmt>, Box<Stmt>),
    /// `using var x = …;`: to the end of the block.
    UsingLocal(Box<Stmt>),
    /// `checked { … }`, `unchecked { … }`.
    Checked(bool, Vec<Stmt>),
    /// `name:`.
    Label(Ident),
    Goto(Ident),
    /// `goto case value;`, `goto default;`.
    GotoCase(Option<Expr>),
}

#[derive(Clone, Debug)]
pub(crate) struct LocalFunction {
    pub(crate) result: TypeRef,
    pub(crate) name: Ident,
    /// Names of its type parameters.
    pub(crate) generics: Vec<Ident>,
    pub(crate) params: Vec<Param>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Label {
    Default,
    Case(Pattern, Option<Box<Expr>>),
}

#[derive(Clone, Debug)]
pub(crate) struct Catch {
    pub(crate) ty: Option<TypeRef>,
    pub(crate) name: Option<Ident>,
    pub(crate) when: Option<Expr>,
    pub(crate) body: Vec<Stmt>,
}
