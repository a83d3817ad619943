//! XPath 1.0 over trees of XML: `XPathSelectElement`, `XPathEvaluate`, `SelectNodes` and their like.
//!
//! Paths are read in `xpath/parse.rs`, functions are in `xpath/functions.rs`. What must stay true: results are in document
//! order and without repetition; every node that is looked at counts as a step; what a host of paths does not have
//! (variables, the namespace axis outside of stylesheets) is refused with a message and never gives an empty answer.

mod functions;
mod library;
mod parse;

use crate::expr::eval::{Cx, Throw, throw};
use crate::value::xml::{Kind, Name, Node};
use crate::value::{Str, number};
use functions::call;
pub(crate) use functions::{SET_NEEDED, is_core};
use library::{CONTEXT_NEEDED, Plain};
pub(crate) use library::{Library, Order};
pub(crate) use parse::{parse, parse_extended};
use std::rc::Rc;

/// Prefixes of a path: what an `XmlNamespaceManager` knows. Without one a path has none.
pub(crate) type Prefixes<'a> = Option<&'a dyn Fn(&str) -> Option<Str>>;

/// An expression.
#[derive(Debug)]
pub(crate) enum Expr {
    Text(String),
    Number(f64),
    /// A variable as written, and the place that its owner gave it.
    Variable(String, usize),
    Call(String, Vec<Expr>),
    Negate(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// Nodes to begin with (none: the context, or the root), predicates on all of them, steps.
    Path {
        from: Origin,
        filters: Vec<Expr>,
        steps: Vec<Step>,
    },
}

/// Where a path begins.
#[derive(Debug)]
pub(crate) enum Origin {
    Context,
    Root,
    Expr(Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Union,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Namespace,
    Parent,
    Preceding,
    PrecedingSibling,
    Itself,
}

impl Axis {
    fn reverse(self) -> bool {
        matches!(
            self,
            Axis::Ancestor | Axis::AncestorOrSelf | Axis::Preceding | Axis::PrecedingSibling
        )
    }
}

const FRAGMENT: &str = "To use a result tree fragment in a path expression, first convert it to a node-set using the msxsl:node-set() function.";

/// What a step takes.
#[derive(Debug)]
pub(crate) enum Test {
    /// `node()`.
    Any,
    Text,
    Comment,
    Instruction(Option<String>),
    /// `*`.
    Named,
    /// `prefix:*`.
    Prefixed(String),
    Name(Option<String>, String),
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) axis: Axis,
    pub(crate) test: Test,
    pub(crate) filters: Vec<Expr>,
}

/// A value of XPath.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Nodes(Vec<Rc<Node>>),
    Text(String),
    Number(f64),
    Bool(bool),
    /// The root of a result tree fragment: a text until it is made a set of nodes.
    Fragment(Rc<Node>),
}

pub(crate) fn fault(message: impl Into<Str>) -> Throw {
    throw("XPathException", message)
}

/// Evaluates a path from a node.
pub(super) fn evaluate(
    cx: &mut Cx<'_>,
    node: &Rc<Node>,
    path: &str,
    prefixes: Prefixes<'_>,
) -> Result<Found, Throw> {
    cx.step(1 + path.len() / 8)?;
    let expr = parse(path).map_err(fault)?;
    let mut plain = Plain {
        prefixes,
        order: Order::default(),
    };
    let mut run = Run {
        cx,
        library: &mut plain,
    };
    run.resolve(&expr)?;
    run.eval(&expr, &Context::only(node))
}

/// Evaluates an expression whose names were looked at before.
pub(crate) fn evaluate_in(
    cx: &mut Cx<'_>,
    library: &mut dyn Library,
    expr: &Expr,
    at: &Context,
) -> Result<Found, Throw> {
    Run { cx, library }.eval(expr, at)
}

/// Whether a node passes a step's test on the step's axis.
pub(crate) fn passes(
    cx: &mut Cx<'_>,
    library: &mut dyn Library,
    node: &Node,
    step: &Step,
) -> Result<bool, Throw> {
    Run { cx, library }.fits(node, step)
}

/// The nodes among some that all filters of a step hold for.
pub(crate) fn filtered(
    cx: &mut Cx<'_>,
    library: &mut dyn Library,
    mut nodes: Vec<Rc<Node>>,
    filters: &[Expr],
) -> Result<Vec<Rc<Node>>, Throw> {
    for filter in filters {
        nodes = Run {
            cx: &mut *cx,
            library: &mut *library,
        }
        .filter(nodes, filter)?;
    }
    Ok(nodes)
}

/// For fuzzing and property tests: what is written of a tree is read as the same tree; a path finds each node once.
pub(crate) fn probe(path: &str, text: &str) {
    use crate::value::xml::{read, write};
    let Ok(document) = read::document(text, true) else {
        return;
    };
    let mut out = String::new();
    if write::write(&document, false, &mut out).is_ok() {
        let again = read::document(&out, true).unwrap_or_else(|why| panic!("{out}: {why}"));
        let mut two = String::new();
        let written = write::write(&again, false, &mut two);
        assert!(written.is_ok() && out == two, "{out}\n{two}");
    }
    let mut host = crate::expr::host::Nowhere::default();
    let mut cx = Cx::new(&mut host);
    let find = |p: &str| (p == "p").then(|| Str::from("urn:p"));
    if let Ok(Found::Nodes(all)) = evaluate(&mut cx, &document, path, Some(&find)) {
        let mut seen = std::collections::HashSet::new();
        assert!(all.iter().all(|n| seen.insert(Rc::as_ptr(n))), "{path}");
        assert!(all.iter().all(|n| n.root().is(&document)));
    }
}

/// The node at hand, and its place among those that are looked at.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) node: Rc<Node>,
    pub(crate) position: usize,
    pub(crate) size: usize,
}

impl Context {
    /// A node by itself.
    pub(crate) fn only(node: &Rc<Node>) -> Context {
        Context {
            node: node.clone(),
            position: 1,
            size: 1,
        }
    }
}

struct Run<'c, 'h, 'l> {
    cx: &'c mut Cx<'h>,
    library: &'l mut dyn Library,
}

/// The string value of a node.
pub(crate) fn text_of(node: &Node) -> String {
    node.inner_text().to_string()
}

impl Found {
    pub(crate) fn text(&self) -> String {
        match self {
            Found::Nodes(all) => all.first().map_or_else(String::new, |n| text_of(n)),
            Found::Text(s) => s.clone(),
            Found::Number(n) => number_text(*n),
            Found::Bool(b) => String::from(if *b { "true" } else { "false" }),
            Found::Fragment(root) => text_of(root),
        }
    }

    pub(crate) fn number(&self) -> f64 {
        match self {
            Found::Number(n) => *n,
            Found::Bool(b) => f64::from(u8::from(*b)),
            other => to_number(&other.text()),
        }
    }

    pub(crate) fn bool(&self) -> bool {
        match self {
            Found::Fragment(_) => true,
            Found::Nodes(all) => !all.is_empty(),
            Found::Text(s) => !s.is_empty(),
            Found::Number(n) => *n != 0.0 && !n.is_nan(),
            Found::Bool(b) => *b,
        }
    }
}

/// `number()` of a text: an optional minus and decimal digits.
pub(crate) fn to_number(text: &str) -> f64 {
    let t = text.trim_matches([' ', '\t', '\r', '\n']);
    let digits = t.strip_prefix('-').unwrap_or(t);
    let fits = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().any(|b| b.is_ascii_digit());
    if fits {
        t.parse().unwrap_or(f64::NAN)
    } else {
        f64::NAN
    }
}

/// `string()` of a number: without an exponent.
fn number_text(n: f64) -> String {
    match number::special(n) {
        Some(special) => special.to_owned(),
        None if n == 0.0 => String::from("0"),
        None => format!("{n}"),
    }
}

impl Run<'_, '_, '_> {
    fn eval(&mut self, expr: &Expr, at: &Context) -> Result<Found, Throw> {
        self.cx.step(1)?;
        Ok(match expr {
            Expr::Text(s) => Found::Text(s.clone()),
            Expr::Number(n) => Found::Number(*n),
            Expr::Variable(_, place) => return self.library.variable(self.cx, *place),
            Expr::Negate(e) => Found::Number(-self.eval(e, at)?.number()),
            Expr::Call(name, args) => return call(self, name, args, at),
            Expr::Binary(operator, a, b) => return self.binary(*operator, a, b, at),
            Expr::Path {
                from,
                filters,
                steps,
            } => {
                let mut now = match from {
                    Origin::Context => vec![at.node.clone()],
                    Origin::Root => vec![at.node.root()],
                    Origin::Expr(e) => {
                        let found = self.eval(e, at)?;
                        if filters.is_empty() && steps.is_empty() {
                            return Ok(found);
                        }
                        match found {
                            Found::Nodes(all) => all,
                            Found::Fragment(_) => return Err(fault(FRAGMENT)),
                            _ => return Err(fault(SET_NEEDED)),
                        }
                    }
                };
                for filter in filters {
                    now = self.filter(now, filter)?;
                }
                for step in steps {
                    now = self.step(now, step)?;
                }
                Found::Nodes(now)
            }
        })
    }

    fn binary(
        &mut self,
        operator: Operator,
        a: &Expr,
        b: &Expr,
        at: &Context,
    ) -> Result<Found, Throw> {
        let left = self.eval(a, at)?;
        match operator {
            Operator::Or if left.bool() => return Ok(Found::Bool(true)),
            Operator::And if !left.bool() => return Ok(Found::Bool(false)),
            _ => {}
        }
        let right = self.eval(b, at)?;
        let (x, y) = (&left, &right);
        for side in [x, y] {
            // Its text will be read as a number.
            if let (Found::Nodes(all), false) = (side, operator == Operator::Union)
                && let Some(first) = all.first()
            {
                self.cx.step(first.weight() / 1024)?;
            }
        }
        Ok(match operator {
            Operator::Or | Operator::And => Found::Bool(y.bool()),
            Operator::Add => Found::Number(x.number() + y.number()),
            Operator::Subtract => Found::Number(x.number() - y.number()),
            Operator::Multiply => Found::Number(x.number() * y.number()),
            Operator::Divide => Found::Number(x.number() / y.number()),
            Operator::Modulo => Found::Number(x.number() % y.number()),
            Operator::Union => match (left, right) {
                (Found::Nodes(mut all), Found::Nodes(more)) => {
                    all.extend(more);
                    self.ordered(&mut all)?;
                    Found::Nodes(all)
                }
                _ => return Err(fault(SET_NEEDED)),
            },
            _ => Found::Bool(self.compare(operator, x, y)?),
        })
    }

    /// A comparison; sets of nodes compare as any of their nodes does.
    fn compare(&mut self, operator: Operator, x: &Found, y: &Found) -> Result<bool, Throw> {
        let values = |f: &Found| match f {
            Found::Nodes(all) => all.iter().map(|n| Found::Text(text_of(n))).collect(),
            other => vec![other.clone()],
        };
        let sets = (matches!(x, Found::Nodes(_)), matches!(y, Found::Nodes(_)));
        if sets != (false, false) && (matches!(x, Found::Bool(_)) || matches!(y, Found::Bool(_))) {
            return Ok(compared(
                operator,
                &Found::Bool(x.bool()),
                &Found::Bool(y.bool()),
            ));
        }
        let (left, right): (Vec<Found>, Vec<Found>) = (values(x), values(y));
        let long = |f: &Found| match f {
            Found::Text(text) => text.len() / 64,
            Found::Fragment(root) => root.weight() / 64,
            _ => 0,
        };
        self.cx.step(left.iter().chain(&right).map(long).sum())?;
        for l in &left {
            self.cx.step(1 + right.len() / 4)?;
            for r in &right {
                if compared(operator, l, r) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Keeps the nodes that a predicate holds for; a number is a position.
    fn filter(&mut self, nodes: Vec<Rc<Node>>, filter: &Expr) -> Result<Vec<Rc<Node>>, Throw> {
        self.cx.breathe()?;
        let size = nodes.len();
        let mut kept = Vec::new();
        for (i, node) in nodes.into_iter().enumerate() {
            let at = Context {
                node,
                position: i + 1,
                size,
            };
            let holds = match self.eval(filter, &at)? {
                Found::Number(n) => n == at.position as f64,
                other => other.bool(),
            };
            if holds {
                kept.push(at.node);
            }
        }
        Ok(kept)
    }

    fn step(&mut self, from: Vec<Rc<Node>>, step: &Step) -> Result<Vec<Rc<Node>>, Throw> {
        let several = from.len() > 1;
        let mut out = Vec::new();
        for node in from {
            let all = self.axis(&node, step.axis)?;
            self.cx.step(all.len() / 4 + 1)?;
            let mut found = Vec::new();
            for node in all {
                if self.fits(&node, step)? {
                    found.push(node);
                }
            }
            for filter in &step.filters {
                found = self.filter(found, filter)?;
            }
            self.cx.charge(found.len() * size_of::<Rc<Node>>())?;
            out.extend(found);
        }
        if several || step.axis.reverse() {
            self.ordered(&mut out)?;
        }
        Ok(out)
    }

    /// Puts nodes in document order, each once.
    fn ordered(&mut self, nodes: &mut Vec<Rc<Node>>) -> Result<(), Throw> {
        self.library.order().sort(self.cx, nodes)
    }

    /// The nodes of an axis, nearest first.
    fn axis(&mut self, node: &Rc<Node>, axis: Axis) -> Result<Vec<Rc<Node>>, Throw> {
        let above = |own: bool| {
            let first = if own {
                Some(node.clone())
            } else {
                node.holder()
            };
            std::iter::successors(first, |n| n.holder()).collect::<Vec<_>>()
        };
        Ok(match axis {
            Axis::Itself => vec![node.clone()],
            Axis::Parent => node.holder().into_iter().collect(),
            Axis::Ancestor => above(false),
            Axis::AncestorOrSelf => above(true),
            Axis::Attribute => {
                let mut all = node.attributes();
                all.retain(|n| !n.name().is_some_and(|n| n.declares()));
                all
            }
            Axis::Namespace if node.is_element() => self.library.namespaces(self.cx, node)?,
            Axis::Namespace => Vec::new(),
            Axis::Child => node.children(),
            Axis::Descendant => node.descendants(),
            Axis::DescendantOrSelf => super::descendants(node, true),
            Axis::FollowingSibling => {
                if node.is_attribute() {
                    return Ok(Vec::new());
                }
                self.cx.step(node.holder().map_or(0, |h| h.width() / 16))?;
                super::siblings(node, true)
            }
            Axis::PrecedingSibling => {
                if node.is_attribute() {
                    return Ok(Vec::new());
                }
                self.cx.step(node.holder().map_or(0, |h| h.width() / 16))?;
                let mut all = super::siblings(node, false);
                all.reverse();
                all
            }
            Axis::Following | Axis::Preceding => {
                let after = axis == Axis::Following;
                let mut out = Vec::new();
                let mut ups = above(true);
                if node.is_attribute() {
                    // An attribute comes before the children of its element.
                    ups.remove(0);
                    if after && let Some(element) = ups.first() {
                        out.extend(element.descendants());
                    }
                }
                for up in ups {
                    let mut beside = super::siblings(&up, after);
                    self.cx.step(beside.len() / 16 + 1)?;
                    if !after {
                        beside.reverse();
                    }
                    for b in beside {
                        let mut all = super::descendants(&b, true);
                        self.cx.step(all.len() / 4)?;
                        if !after {
                            all.reverse();
                        }
                        out.extend(all);
                    }
                }
                out
            }
        })
    }

    /// Whether every prefix has a namespace: it must, also where no node is met. The parser bounds the depth.
    fn resolve(&self, expr: &Expr) -> Result<(), Throw> {
        let (parts, filters, steps): (Vec<&Expr>, &[Expr], &[Step]) = match expr {
            Expr::Text(_) | Expr::Number(_) | Expr::Variable(..) => return Ok(()),
            Expr::Call(_, args) => (Vec::new(), args, &[]),
            Expr::Negate(of) => (vec![of], &[], &[]),
            Expr::Binary(_, a, b) => (vec![a, b], &[], &[]),
            Expr::Path {
                from,
                filters,
                steps,
            } => match from {
                Origin::Expr(e) => (vec![e], filters, steps),
                Origin::Context | Origin::Root => (Vec::new(), filters, steps),
            },
        };
        for step in steps {
            if let Test::Prefixed(prefix) | Test::Name(Some(prefix), _) = &step.test {
                self.namespace(prefix)?;
            }
        }
        let filters = filters.iter().chain(steps.iter().flat_map(|s| &s.filters));
        parts
            .into_iter()
            .chain(filters)
            .try_for_each(|e| self.resolve(e))
    }

    fn namespace(&self, prefix: &str) -> Result<Str, Throw> {
        self.library.namespace(prefix)
    }

    fn fits(&mut self, node: &Node, step: &Step) -> Result<bool, Throw> {
        // The kind of node that an axis is about.
        let principal = match step.axis {
            Axis::Attribute | Axis::Namespace => node.is_attribute(),
            _ => node.is_element(),
        };
        // The declaration that an `XmlDocument` holds as a node is none of XPath's.
        if super::document::declares(node) {
            return Ok(false);
        }
        Ok(match &step.test {
            Test::Any => !matches!(node.kind, Kind::DocumentType(_)),
            Test::Text => matches!(node.kind, Kind::Text(_) | Kind::CData(_)),
            Test::Comment => matches!(node.kind, Kind::Comment(_)),
            Test::Instruction(wanted) => match &node.kind {
                Kind::Instruction { target, .. } => {
                    wanted.as_ref().is_none_or(|w| **w == **target.borrow())
                }
                _ => false,
            },
            Test::Named => principal,
            Test::Prefixed(prefix) => {
                let namespace = self.namespace(prefix)?;
                principal && node.name().is_some_and(|n| n.namespace == namespace)
            }
            Test::Name(prefix, local) if step.axis == Axis::Namespace => {
                prefix.is_none()
                    && node
                        .name()
                        .is_some_and(|n| n.declares() && *prefix_declared(&n) == **local)
            }
            Test::Name(_, local)
                if !principal || node.name().is_none_or(|n| *n.local != **local) =>
            {
                false
            }
            Test::Name(prefix, _) => {
                let namespace = match prefix {
                    Some(prefix) => self.namespace(prefix)?,
                    None => Str::from(""),
                };
                node.name().is_some_and(|n| n.namespace == namespace)
            }
        })
    }
}

/// The prefix that an attribute of such a name declares.
pub(crate) fn prefix_declared(name: &Name) -> Str {
    if name.namespace.is_empty() {
        Str::from("")
    } else {
        name.local.clone()
    }
}

/// Compares two values that are no sets.
fn compared(operator: Operator, x: &Found, y: &Found) -> bool {
    let numbers = || (x.number(), y.number());
    match operator {
        Operator::Equal | Operator::NotEqual => {
            let same = match (x, y) {
                (Found::Bool(_), _) | (_, Found::Bool(_)) => x.bool() == y.bool(),
                (Found::Number(_), _) | (_, Found::Number(_)) => {
                    let (x, y) = numbers();
                    x == y
                }
                _ => x.text() == y.text(),
            };
            same == (operator == Operator::Equal)
        }
        _ => {
            let (x, y) = numbers();
            match operator {
                Operator::Less => x < y,
                Operator::LessOrEqual => x <= y,
                Operator::Greater => x > y,
                _ => x >= y,
            }
        }
    }
}
