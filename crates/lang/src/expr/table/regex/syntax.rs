//! A parsed .NET pattern: what [`super::parse`] makes and [`super::code`] compiles.
//!
//! What must stay true: options are already in the nodes (case, direction), and the parts of a concatenation stand in the
//! order in which they are matched, which is reversed where the direction is right to left.

use super::class::Class;

/// `RegexOptions`, by number.
pub(super) mod option {
    pub(in super::super) const IGNORE_CASE: i64 = 1;
    pub(in super::super) const MULTILINE: i64 = 2;
    pub(in super::super) const EXPLICIT_CAPTURE: i64 = 4;
    pub(in super::super) const COMPILED: i64 = 8;
    pub(in super::super) const SINGLELINE: i64 = 16;
    pub(in super::super) const IGNORE_WHITESPACE: i64 = 32;
    pub(in super::super) const RIGHT_TO_LEFT: i64 = 64;
    pub(in super::super) const ECMA_SCRIPT: i64 = 256;
    pub(in super::super) const CULTURE_INVARIANT: i64 = 512;
    /// Bits that .NET knows.
    pub(in super::super) const ALL: i64 = 0x3ff;
}

/// No upper bound of a quantifier.
pub(super) const UNBOUNDED: i32 = i32::MAX;

/// Why a pattern is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not a .NET pattern: where (in UTF-16 units) and why.
    Syntax(usize, String),
    /// Options that do not exist or do not go together.
    Options,
    /// Beyond a bound of this engine.
    Bound(String),
}

/// How a node that reads characters does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mode {
    /// Without regard to case.
    pub(super) fold: bool,
    /// Right to left.
    pub(super) back: bool,
}

/// What matches one character.
#[derive(Clone, Debug)]
pub(super) enum Single {
    One(u16),
    NotOne(u16),
    Set(Box<Class>),
}

/// What matches a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// `^` of a line.
    LineStart,
    /// `$` of a line.
    LineEnd,
    Boundary,
    NotBoundary,
    EcmaBoundary,
    NotEcmaBoundary,
    /// `\A`.
    Beginning,
    /// `\G`.
    Start,
    /// `\Z` and `$`.
    EndOrNewline,
    /// `\z`.
    End,
}

/// A part of a pattern. Groups are given by their index among the groups.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Empty,
    /// Never matches.
    Nothing,
    Single(Single, Mode),
    Text(Vec<u16>, Mode),
    Reference(usize, Mode),
    Anchor(Anchor),
    Sequence(Vec<Node>),
    Alternate(Vec<Node>),
    Loop {
        lazy: bool,
        min: i32,
        max: i32,
        body: Box<Node>,
    },
    /// Captures into a group, takes back the last capture of another, or both.
    Capture {
        group: Option<usize>,
        takes_back: Option<usize>,
        body: Box<Node>,
    },
    /// Lookahead or lookbehind.
    Look {
        not: bool,
        body: Box<Node>,
    },
    Atomic(Box<Node>),
    /// `(?(1)yes|no)`.
    IfGroup(usize, Box<Node>, Option<Box<Node>>),
    /// `(?(test)yes|no)`.
    IfMatches(Box<Node>, Box<Node>, Option<Box<Node>>),
}

impl Node {
    /// The node repeated, as `RegexNode.MakeQuantifier` and `ReduceRep` do: a repeated repetition is one where that means the
    /// same, so that `(?:a*)*` does not search in vain.
    pub(super) fn repeated(self, lazy: bool, min: i32, max: i32) -> Node {
        match (min, max) {
            (0, 0) => return Node::Empty,
            (1, 1) => return self,
            _ => {}
        }
        let times = |a: i32, b: i32| {
            if a == 0 {
                0
            } else if a == UNBOUNDED || b == UNBOUNDED {
                if b == 0 { 0 } else { UNBOUNDED }
            } else {
                a.saturating_mul(b)
            }
        };
        match self {
            Node::Loop {
                lazy: inner,
                min: least,
                max: most,
                body,
            } if inner == lazy
                && !(min == 0 && least > 1)
                && i64::from(most) >= i64::from(least) * 2 =>
            {
                let min = times(least, min);
                if min == UNBOUNDED {
                    return Node::Nothing;
                }
                Node::Loop {
                    lazy,
                    min,
                    max: times(most, max),
                    body,
                }
            }
            body => Node::Loop {
                lazy,
                min,
                max,
                body: Box::new(body),
            },
        }
    }
}
