//! What a transformation keeps while it runs: trees, variables, keys, what is being made.

use super::ir::{Given, Part, Prefixes, Program, Template};
use super::marks::Marks;
use super::result::Builder;
use super::run::{Focus, Task};
use crate::expr::eval::{Cx, Throw, throw};
use crate::expr::table::xml::xpath::{self, Context, Expr, Found, Order, fault};
use crate::value::Str;
use crate::value::xml::{Name, Node, XML, is_name};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Globals that may be in the making at the same time, each on the stack of the one that needs it.
const MAX_NESTED_GLOBALS: usize = 12;

/// The variables of one call of a template, and what it was passed.
#[derive(Debug)]
pub(super) struct Frame {
    slots: RefCell<Vec<Found>>,
    pub(super) passed: Vec<(Name, Found)>,
}

impl Frame {
    pub(super) fn new(
        cx: &mut Cx<'_>,
        slots: usize,
        passed: Vec<(Name, Found)>,
    ) -> Result<Rc<Frame>, Throw> {
        cx.charge(64 + slots * size_of::<Found>())?;
        Ok(Rc::new(Frame {
            slots: RefCell::new(vec![Found::Text(String::new()); slots]),
            passed,
        }))
    }

    pub(super) fn get(&self, place: usize) -> Found {
        let slots = self.slots.borrow();
        let found = slots.get(place).cloned();
        found.unwrap_or_else(|| Found::Text(String::new()))
    }

    pub(super) fn set(&self, place: usize, value: Found) {
        if let Some(slot) = self.slots.borrow_mut().get_mut(place) {
            *slot = value;
        }
    }
}

/// The nodes that a key has for each value, in a tree.
pub(super) type Table = HashMap<String, Vec<Rc<Node>>>;

/// A global, as far as it is known.
pub(super) enum Known {
    NotYet,
    InTheMaking,
    Value(Found),
}

pub(super) struct State<'s> {
    pub(super) program: &'s Program,
    pub(super) order: Order,
    pub(super) marks: Marks,
    /// The root of the document that is transformed.
    pub(super) source: Rc<Node>,
    /// Trees that parts may be held of.
    roots: Vec<Rc<Node>>,
    globals: Vec<Known>,
    nested: usize,
    parameters: &'s [(Str, Str)],
    pub(super) frame: Rc<Frame>,
    pub(super) current: Rc<Node>,
    pub(super) namespaces: HashMap<*const Node, Vec<Rc<Node>>>,
    pub(super) keys: HashMap<(usize, *const Node), Table>,
    pub(super) indexing: bool,
    pub(super) tasks: Vec<Task<'s>>,
    pub(super) outputs: Vec<Builder>,
    pub(super) messages: Vec<String>,
}

impl<'s> State<'s> {
    pub(super) fn new(
        program: &'s Program,
        source: Rc<Node>,
        marks: Marks,
        parameters: &'s [(Str, Str)],
        frame: Rc<Frame>,
    ) -> State<'s> {
        State {
            program,
            order: Order::default(),
            marks,
            current: source.clone(),
            roots: vec![source.clone()],
            source,
            globals: program.globals.iter().map(|_| Known::NotYet).collect(),
            nested: 0,
            parameters,
            frame,
            namespaces: HashMap::new(),
            keys: HashMap::new(),
            indexing: false,
            tasks: Vec::new(),
            outputs: vec![Builder::tree()],
            messages: Vec::new(),
        }
    }

    /// Keeps a tree until the transformation ends.
    pub(super) fn keep(&mut self, cx: &mut Cx<'_>, root: &Rc<Node>) -> Result<(), Throw> {
        cx.charge(size_of::<Node>())?;
        self.roots.push(root.clone());
        Ok(())
    }

    pub(super) fn eval(
        &mut self,
        cx: &mut Cx<'_>,
        expr: &Expr,
        at: &Context,
    ) -> Result<Found, Throw> {
        xpath::evaluate_in(cx, self, expr, at)
    }

    /// A value with expressions in braces, as text.
    pub(super) fn template(
        &mut self,
        cx: &mut Cx<'_>,
        template: &Template,
        at: &Context,
    ) -> Result<String, Throw> {
        let parts = match template {
            Template::Literal(text) => return Ok(text.to_string()),
            Template::Parts(parts) => parts,
        };
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Expr(expr) => {
                    let found = self.eval(cx, expr, at)?.text();
                    cx.charge(found.len())?;
                    out.push_str(&found);
                }
            }
        }
        Ok(out)
    }

    /// A name that was computed: its prefix and what it is.
    pub(super) fn computed(
        &self,
        written: &str,
        namespace: Option<String>,
        prefixes: &Prefixes,
        default_too: bool,
    ) -> Result<(Str, Name), Throw> {
        let (prefix, local) = written.split_once(':').unwrap_or(("", written));
        if !is_name(local) || (written.contains(':') && !is_name(prefix)) {
            return Err(throw(
                "XsltException",
                format!("'{written}' is an invalid QName."),
            ));
        }
        let namespace = match namespace {
            Some(namespace) => Str::from(namespace),
            None if prefix.is_empty() && !default_too => Str::from(""),
            None if prefix == "xml" => Str::from(XML),
            None => match prefixes.iter().find(|(p, _)| **p == *prefix) {
                Some((_, namespace)) => namespace.clone(),
                None if prefix.is_empty() => Str::from(""),
                None => {
                    return Err(throw(
                        "XsltException",
                        format!("Prefix '{prefix}' is not defined."),
                    ));
                }
            },
        };
        Ok((
            Str::from(prefix),
            Name {
                namespace,
                local: Str::from(local),
            },
        ))
    }

    /// A global variable; it is made when it is asked for first.
    pub(super) fn global(&mut self, cx: &mut Cx<'_>, at: usize) -> Result<Found, Throw> {
        let program = self.program;
        let needs = program.globals.get(at).map_or(&[][..], |g| &g.needs);
        for need in needs.iter().chain([&at]) {
            if matches!(self.globals.get(*need), Some(Known::NotYet)) {
                let value = self.make_global(cx, *need)?;
                self.globals[*need] = Known::Value(value);
            }
        }
        match self.globals.get(at) {
            Some(Known::Value(value)) => Ok(value.clone()),
            _ => Err(fault(format!(
                "Circular reference in the definition of variable '{}'.",
                program.globals.get(at).map_or("", |g| &g.name.local)
            ))),
        }
    }

    fn make_global(&mut self, cx: &mut Cx<'_>, at: usize) -> Result<Found, Throw> {
        let global = &self.program.globals[at];
        if global.parameter
            && global.name.namespace.is_empty()
            && let Some((_, value)) = self
                .parameters
                .iter()
                .find(|(n, _)| *n == global.name.local)
        {
            return Ok(Found::Text(value.to_string()));
        }
        self.globals[at] = Known::InTheMaking;
        self.nested += 1;
        if self.nested > MAX_NESTED_GLOBALS {
            return Err(fault(format!(
                "Global variables need each other more than {MAX_NESTED_GLOBALS} deep."
            )));
        }
        let frame = Frame::new(cx, global.slots, Vec::new())?;
        let source = self.source.clone();
        let outer = (
            std::mem::replace(&mut self.frame, frame.clone()),
            std::mem::replace(&mut self.current, source.clone()),
        );
        let focus = Focus {
            at: Context::only(&source),
            mode: 0,
        };
        let value = match &global.value {
            Given::Empty => Found::Text(String::new()),
            Given::Select(expr) => self.eval(cx, expr, &focus.at)?,
            Given::Content(body) => {
                let base = self.tasks.len();
                self.outputs.push(Builder::tree());
                self.tasks.push(Task::block(body, focus, frame));
                self.run(cx, base)?;
                self.fragment(cx)?
            }
        };
        (self.frame, self.current) = outer;
        self.nested -= 1;
        Ok(value)
    }

    /// What is being made becomes a fragment.
    pub(super) fn fragment(&mut self, cx: &mut Cx<'_>) -> Result<Found, Throw> {
        let root = match self.outputs.pop() {
            Some(builder) => builder.finish(cx, &mut self.marks)?,
            None => Node::document(),
        };
        self.keep(cx, &root)?;
        Ok(Found::Fragment(root))
    }
}
