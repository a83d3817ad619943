//! Scalar members of `context` without the calls in between.
//!
//! A row that reads a member is run at load in front of a host that notes what it asks for: one that only asks whether an
//! object is there, or only passes one field on, is replaced by that question.

use super::improve;
use crate::expr::eval::{Args, Cx};
use crate::expr::host::{BodyError, Entity, Field, Host, ListOf, Message, UrlOf, UrlParts};
use crate::expr::ir::{Call, Ir};
use crate::expr::table::Part;
use crate::value::{HostObject, Lent, Str, Value};
use bytes::Bytes;
use http::HeaderMap;
use std::cell::RefCell;

/// Puts the quick form of a node in its place; whether it has one.
pub(super) fn resolve(ir: &mut Ir, depth: usize, writes_bytes: bool) -> bool {
    let quick = match ir {
        Ir::Call(c) => member(c),
        Ir::NullConditional(slot, of, rest) => {
            let Ir::Entity(entity, part) = **of else {
                return false;
            };
            if captures(rest, *slot) {
                return false;
            }
            put(rest, *slot, part);
            improve(rest, depth, writes_bytes);
            let rest = std::mem::replace(&mut **rest, Ir::Local(*slot));
            Some(Ir::IfHas(entity, Box::new(rest)))
        }
        _ => None,
    };
    match quick {
        Some(quick) => {
            *ir = quick;
            true
        }
        None => false,
    }
}

fn member(c: &Call) -> Option<Ir> {
    let [of] = &c.args[..] else { return None };
    if !c.outs.is_empty() {
        return None;
    }
    let (owner, part) = match of {
        Ir::Host(part) => (None, *part),
        Ir::Entity(entity, part) if c.checked => (Some(*entity), *part),
        _ => return None,
    };
    // What the row asks, and what it makes of two different answers.
    let texts = Answers::new(true, Value::from("a text"));
    let (asked, first) = run(c, part, &texts)?;
    match (asked, first) {
        (Asked::Field(field), Value::Str(s)) if texts.field.as_str() == Some(&s) => {
            let number = Answers::new(true, Value::Long(77));
            match run(c, part, &number)? {
                (Asked::Field(again), Value::Long(77)) if again == field => {}
                _ => return None,
            }
            Some(match owner {
                Some(entity) => Ir::MemberOf(entity, field),
                None => Ir::Member(field),
            })
        }
        (Asked::Object(entity), Value::Host(HostObject(found))) if owner.is_none() => {
            let no = Answers::new(false, Value::Null);
            match run(c, part, &no)? {
                (Asked::Object(again), Value::Null) if again == entity => {
                    Some(Ir::Entity(entity, found))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn run(c: &Call, part: Part, answers: &Answers) -> Option<(Asked, Value)> {
    let mut probe = Probe {
        answers,
        asked: RefCell::default(),
        headers: HeaderMap::new(),
    };
    let mut args = [Value::Host(HostObject(part))];
    let value = (c.run)(
        &mut Cx::folding(&mut probe),
        &mut Args {
            values: &mut args,
            types: &c.types,
        },
    )
    .ok()?;
    match probe.asked.borrow()[..] {
        [only] => Some((only, value)),
        _ => None,
    }
}

/// Puts the part in the place of the variable that would hold it.
fn put(ir: &mut Ir, slot: u32, part: Part) {
    if let Ir::Local(s) = ir
        && *s == slot
    {
        *ir = Ir::Host(part);
    }
    if !matches!(ir, Ir::Lambda(_)) {
        ir.each_child(&mut |child| put(child, slot, part));
    }
}

/// Whether a lambda takes the variable, or something assigns it.
fn captures(ir: &mut Ir, slot: u32) -> bool {
    match ir {
        Ir::Lambda(l) => l.captures.iter().any(|(outer, _)| *outer == slot),
        Ir::SetLocal(s, _) | Ir::NullConditional(s, _, _) if *s == slot => true,
        Ir::Let(list, _) if list.iter().any(|(s, _)| *s == slot) => true,
        Ir::Call(c) if c.outs.iter().any(|(_, s)| *s == slot) => true,
        _ => {
            let mut found = false;
            ir.each_child(&mut |child| found = found || captures(child, slot));
            found
        }
    }
}

/// What the probe says.
struct Answers {
    has: bool,
    field: Value,
}

impl Answers {
    fn new(has: bool, field: Value) -> Answers {
        Answers { has, field }
    }
}

/// A question to a host.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    Object(Entity),
    Field(Field),
    Other,
}

/// A host that notes what it is asked.
struct Probe<'a> {
    answers: &'a Answers,
    asked: RefCell<Vec<Asked>>,
    headers: HeaderMap,
}

impl Probe<'_> {
    fn note(&self, asked: Asked) {
        self.asked.borrow_mut().push(asked);
    }
}

impl Host for Probe<'_> {
    fn has(&self, entity: Entity) -> bool {
        self.note(Asked::Object(entity));
        self.answers.has
    }
    fn field(&self, field: Field) -> Lent<'_> {
        self.note(Asked::Field(field));
        Lent::Kept(&self.answers.field)
    }
    fn list(&self, _: ListOf) -> Vec<(Str, Str)> {
        self.note(Asked::Other);
        Vec::new()
    }
    fn headers(&self, _: Message) -> &HeaderMap {
        self.note(Asked::Other);
        &self.headers
    }
    fn url(&self, _: UrlOf) -> UrlParts {
        self.note(Asked::Other);
        UrlParts::default()
    }
    fn matched_parameters(&self) -> &[(Str, Str)] {
        self.note(Asked::Other);
        &[]
    }
    fn variable(&self, _: &str) -> Option<&Value> {
        self.note(Asked::Other);
        None
    }
    fn variable_names(&self) -> Vec<Str> {
        self.note(Asked::Other);
        Vec::new()
    }
    fn body(&mut self, _: Message, _: bool) -> Result<Bytes, BodyError> {
        self.note(Asked::Other);
        Err(BodyError::Missing)
    }
    fn request_id(&self) -> u128 {
        self.note(Asked::Other);
        0
    }
    fn timestamp(&self) -> i64 {
        self.note(Asked::Other);
        0
    }
    fn now(&self) -> i64 {
        self.note(Asked::Other);
        0
    }
    fn random(&mut self) -> u64 {
        self.note(Asked::Other);
        0
    }
    fn trace(&mut self, _: &str) {
        self.note(Asked::Other);
    }
}
