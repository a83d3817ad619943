//! Reads of headers and variables by a constant name, and comparisons with a constant.

use crate::expr::eval::types::default_of;
use crate::expr::host::Message;
use crate::expr::ir::{Call, HeaderRead, Ir, VariableRead};
use crate::expr::table::{MemberKind, Part};
use crate::value::{Frozen, Str};
use http::HeaderName;

/// Puts the quick form of a node in its place, when it has one.
pub(super) fn resolve(ir: &mut Ir) {
    let quick = match ir {
        Ir::Call(c) => lookup(c),
        Ir::Equal(..) | Ir::Compare(..) => comparison(ir),
        Ir::NullConditional(slot, of, rest) if is_itself(rest, *slot) => {
            Some(std::mem::replace(&mut **of, Ir::Const(Frozen::Null)))
        }
        Ir::Cast(ty, of) => {
            if let Ir::Variable(read) = &mut **of
                && read.cast.is_none()
                && read.missing.is_none()
            {
                read.cast = Some(ty.clone());
                Some(std::mem::replace(&mut **of, Ir::Const(Frozen::Null)))
            } else {
                None
            }
        }
        _ => None,
    };
    if let Some(quick) = quick {
        *ir = quick;
    }
}

/// `string.ToString()` of the variable.
fn is_itself(ir: &Ir, slot: u32) -> bool {
    let Ir::Call(c) = ir else { return false };
    matches!(c.args[..], [Ir::Local(s)] if s == slot)
        && c.member
            .is_some_and(|m| m.of == "String" && m.name == "ToString")
}

/// With the constant on the right.
fn comparison(ir: &mut Ir) -> Option<Ir> {
    let nothing = || Box::new(Ir::Const(Frozen::Null));
    match ir {
        Ir::Equal(expected, a, b) => {
            // Constants have no effects: the order does not matter.
            if matches!(**a, Ir::Text(_) | Ir::Const(Frozen::Int(_))) {
                std::mem::swap(a, b);
            }
            match &**b {
                Ir::Text(s) => {
                    let s = s.clone();
                    Some(Ir::EqualText(*expected, std::mem::replace(a, nothing()), s))
                }
                Ir::Const(Frozen::Int(n)) => {
                    let n = *n;
                    Some(Ir::EqualInt(*expected, std::mem::replace(a, nothing()), n))
                }
                _ => None,
            }
        }
        Ir::Compare(op, a, b) => match &**b {
            Ir::Const(Frozen::Int(n)) => {
                let n = *n;
                Some(Ir::CompareInt(*op, std::mem::replace(a, nothing()), n))
            }
            _ => None,
        },
        _ => None,
    }
}

fn lookup(c: &Call) -> Option<Ir> {
    let (Ir::Host(part), Ir::Text(name)) = (c.args.first()?, c.args.get(1)?) else {
        return None;
    };
    if !c.outs.is_empty() {
        return None;
    }
    let member = c.member?;
    let by_default = member.of == "DictionaryExtensions" && member.name == "GetValueOrDefault";
    let of_view = member.of == "IReadOnlyDictionary";
    match part {
        Part::RequestHeaders | Part::ResponseHeaders if by_default => {
            let missing = match c.args.get(2) {
                None | Some(Ir::Const(Frozen::Null)) => None,
                Some(Ir::Text(s)) => Some(s.clone()),
                Some(_) => return None,
            };
            Some(Ir::Header(Box::new(HeaderRead {
                message: if *part == Part::RequestHeaders {
                    Message::Request
                } else {
                    Message::Response
                },
                name: HeaderName::from_bytes(name.as_bytes()).ok()?,
                missing,
            })))
        }
        Part::Variables if by_default => {
            let missing = match (c.args.get(2), c.types.first()) {
                (Some(Ir::Text(s)), _) => Frozen::Text(s.clone()),
                (Some(Ir::Const(k)), _) => k.clone(),
                (Some(_), _) => return None,
                (None, Some(ty)) => default_of(ty).freeze()?,
                (None, None) => Frozen::Null,
            };
            Some(variable(name, c.types.first().cloned(), Some(missing)))
        }
        Part::Variables if of_view && member.kind == MemberKind::Index => {
            Some(variable(name, None, None))
        }
        Part::Variables if of_view && member.name == "ContainsKey" => {
            Some(Ir::HasVariable(name.clone()))
        }
        _ => None,
    }
}

fn variable(name: &Str, cast: Option<crate::expr::types::Ty>, missing: Option<Frozen>) -> Ir {
    Ir::Variable(Box::new(VariableRead {
        name: name.clone(),
        cast,
        missing,
    }))
}
