//! A chosen row as a call: its arguments in their places, what is passed by reference, patterns of `Regex` checked.

use super::super::{B, Binder, Bound};
use super::{Candidate, Given, GivenArg};
use crate::expr::ast::At;
use crate::expr::ir::{Call, Ir};
use crate::expr::lexer::Fault;
use crate::expr::table::Member;
use crate::expr::types::Ty;
use crate::value::{Frozen, Str};

/// Place of the argument `pattern`.
fn pattern_of(m: &Member, slots: &[usize], given: &[GivenArg<'_>]) -> Option<At> {
    let slot = m.params.iter().position(|p| p.name == "pattern")?;
    let i = slots.iter().position(|s| *s == slot)?;
    given.get(i).map(|g| g.at.clone())
}

/// The text of a constant, also of one put together.
fn constant_text(ir: &Ir) -> Option<Str> {
    match ir {
        Ir::Text(s) | Ir::Const(Frozen::Text(s)) => Some(s.clone()),
        Ir::Concat(parts) => {
            let parts: Option<Vec<Str>> = parts.iter().map(constant_text).collect();
            Some(parts?.concat().into())
        }
        _ => None,
    }
}

/// A constant regular expression that would throw at run time is a fault now.
fn check_pattern(m: &Member, places: &[Option<Ir>], at: At) -> B<()> {
    let argument = |name: &str| {
        let slot = m.params.iter().position(|p| p.name == name)?;
        places.get(slot)?.as_ref()
    };
    let Some(pattern) = argument("pattern").and_then(constant_text) else {
        return Ok(());
    };
    let options = match argument("options") {
        None => 0,
        Some(Ir::Const(Frozen::Enum(_, n))) => *n,
        Some(_) => return Ok(()),
    };
    crate::expr::table::regex::check(&pattern, options).map_err(|(message, remedy)| {
        Fault::new(at, message, "not a .NET regular expression").help(remedy)
    })
}

impl Binder {
    /// Builds the call.
    pub(in crate::expr::bind) fn emit(
        &mut self,
        c: Candidate,
        receiver: Option<(Ir, bool)>,
        given: Vec<GivenArg<'_>>,
    ) -> B<Bound> {
        let m = c.member;
        self.reads = self.reads.union(m.reads);
        let mut temporaries = Vec::new();
        let mut receiver = receiver;
        let mut places: Vec<Option<Ir>> = m.params.iter().map(|_| None).collect();
        let mut rest = Vec::new();
        let mut outs = Vec::new();
        let offset = usize::from(receiver.is_some());
        let last = m.params.len().saturating_sub(1);
        // Arguments are evaluated in the order written; out of order they go through temporaries.
        let ordered = c.slots.windows(2).all(|w| w[0] <= w[1]);
        if let Some((of, _)) = &mut receiver
            && !ordered
        {
            let t = self.slot();
            temporaries.push((t, std::mem::replace(of, Ir::Local(t))));
        }
        let pattern_at = m
            .is_pattern
            .then(|| pattern_of(m, &c.slots, &given))
            .flatten();
        for ((g, slot), want) in given.into_iter().zip(&c.slots).zip(&c.wants) {
            let ir = match g.given {
                Given::Value(b) if changes_array(m) && b.ty == Ty::array(Ty::Byte) => {
                    self.writes_bytes = true;
                    self.coerce(b, want, &g.at)?.ir
                }
                Given::Value(b) => self.coerce(b, want, &g.at)?.ir,
                Given::Open(e) => self.value_as(e, want)?.ir,
                Given::Out(out, ty, name) => {
                    if ty.is_none()
                        && let Some(n) = name
                    {
                        self.retype(&n.text, want.clone());
                    }
                    outs.push((slot + offset, out));
                    Ir::Local(out)
                }
            };
            let ir = if ordered || matches!(ir, Ir::Const(_) | Ir::Text(_)) {
                ir
            } else {
                let t = self.slot();
                temporaries.push((t, ir));
                Ir::Local(t)
            };
            if c.expanded && *slot == last {
                rest.push(ir);
            } else {
                places[*slot] = Some(ir);
            }
        }
        if let Some(at) = pattern_at {
            check_pattern(m, &places, at)?;
        }
        let mut args: Vec<Ir> = Vec::with_capacity(places.len() + 1);
        let checked = receiver.as_ref().is_some_and(|(_, c)| *c);
        if let Some((ir, _)) = receiver {
            args.push(ir);
        }
        for (i, (p, place)) in m.params.iter().zip(places).enumerate() {
            args.push(match place {
                Some(ir) => ir,
                None if c.expanded && i == last => {
                    Ir::NewArray(p.ty.substitute(&c.types), std::mem::take(&mut rest))
                }
                None => match p.default.clone().unwrap_or(Frozen::Null) {
                    Frozen::Text(s) => Ir::Text(s),
                    // `default(T)` of the instantiated type.
                    Frozen::Null => Ir::Const(
                        crate::expr::eval::types::default_of(&p.ty.substitute(&c.types))
                            .freeze()
                            .unwrap_or(Frozen::Null),
                    ),
                    d => Ir::Const(d),
                },
            });
        }
        let ty = m.result.substitute(&c.types);
        let call = Ir::Call(Box::new(Call {
            run: m.run,
            member: Some(m),
            checked,
            args,
            types: c.types,
            outs,
        }));
        let ir = if temporaries.is_empty() {
            call
        } else {
            Ir::Let(temporaries, Box::new(call))
        };
        Ok(Bound::new(ir, ty))
    }

    /// Gives an `out var` its type.
    fn retype(&mut self, name: &str, ty: Ty) {
        if let Some(l) = self
            .function()
            .scopes
            .iter_mut()
            .rev()
            .flat_map(|s| s.iter_mut().rev())
            .find(|l| &*l.name == name)
        {
            l.ty = ty;
        }
    }
}

/// Whether a row changes an array that it gets as an argument.
fn changes_array(m: &Member) -> bool {
    matches!(
        m.name,
        "Reverse"
            | "Sort"
            | "Clear"
            | "Copy"
            | "ConstrainedCopy"
            | "CopyTo"
            | "Fill"
            | "BlockCopy"
            | "SetByte"
            | "NextBytes"
            | "GetBytes"
            | "TransformBlock"
    )
}
