//! Which of two overloads is better (C# §12.6.4.3), and why one does not fit.

use super::Bound;
use super::call::{Candidate, Given, GivenArg};
use super::convert::implicit;
use crate::expr::ast::At;
use crate::expr::lexer::Fault;
use crate::expr::types::Ty;

/// Why a row does not fit, and how far it got.
pub(super) struct Misfit {
    pub(super) progress: usize,
    pub(super) fault: Fault,
}

impl Misfit {
    pub(super) fn new(
        progress: usize,
        at: At,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Misfit {
        Misfit {
            progress,
            fault: Fault::new(at, message, label),
        }
    }

    pub(super) fn help(mut self, help: Option<String>) -> Misfit {
        self.fault.help = help;
        self
    }

    pub(super) fn or(self, _: &Bound) -> Misfit {
        self
    }
}

pub(super) fn at_of(given: &[GivenArg<'_>]) -> At {
    let _ = given;
    0..0
}

/// Whether `a` is a better overload than `b`.
pub(super) fn better(a: &Candidate, b: &Candidate, given: &[GivenArg<'_>]) -> bool {
    let (mut wins, mut loses) = (false, false);
    for (i, g) in given.iter().enumerate() {
        match better_target(&g.given, &a.wants[i], &b.wants[i]) {
            std::cmp::Ordering::Greater => wins = true,
            std::cmp::Ordering::Less => loses = true,
            std::cmp::Ordering::Equal => {}
        }
    }
    if wins != loses {
        return wins;
    }
    if wins {
        return false;
    }
    // A nearer declaration hides one of a base class; then the tie-breaks of C#.
    if a.distance != b.distance {
        return a.distance < b.distance;
    }
    // Those decide only between the same types of parameters.
    if given.iter().enumerate().any(|(i, g)| {
        let value = matches!(&g.given, Given::Value(v) if v.ty != Ty::Null);
        value && a.wants[i] != b.wants[i]
    }) {
        return false;
    }
    if a.generic != b.generic {
        return !a.generic;
    }
    if a.expanded != b.expanded {
        return !a.expanded;
    }
    let defaults = |c: &Candidate| c.member.params.len().saturating_sub(c.slots.len());
    if defaults(a) != defaults(b) {
        return defaults(a) < defaults(b);
    }
    // More specific parameters.
    let generic_params = |c: &Candidate| {
        c.member
            .params
            .iter()
            .filter(|p| matches!(p.ty, Ty::Param(_)))
            .count()
    };
    generic_params(a) < generic_params(b)
}

fn better_target(g: &Given<'_>, a: &Ty, b: &Ty) -> std::cmp::Ordering {
    use std::cmp::Ordering::{Equal, Greater, Less};
    if a == b {
        return Equal;
    }
    if let Given::Value(v) = g {
        if v.ty == *a {
            return Greater;
        }
        if v.ty == *b {
            return Less;
        }
    }
    if matches!(g, Given::Open(_))
        && let (Some((_, ra)), Some((_, rb))) = (a.delegate(), b.delegate())
        && ra != rb
    {
        return better_type(&ra, &rb);
    }
    better_type(a, b)
}

fn better_type(a: &Ty, b: &Ty) -> std::cmp::Ordering {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match (
        implicit(a, b, None).is_some(),
        implicit(b, a, None).is_some(),
    ) {
        (true, false) => Greater,
        (false, true) => Less,
        _ => match (a.numeric(), b.numeric()) {
            // Signed before unsigned.
            (Some(x), Some(y)) => {
                use crate::expr::types::Num::{Byte, Int, Long, SByte, Short, UInt, ULong, UShort};
                let signed = |n| matches!(n, SByte | Short | Int | Long);
                let unsigned = |n| matches!(n, Byte | UShort | UInt | ULong);
                if signed(x) && unsigned(y) {
                    Greater
                } else if unsigned(x) && signed(y) {
                    Less
                } else {
                    Equal
                }
            }
            _ => Equal,
        },
    }
}
