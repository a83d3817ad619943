//! Patterns of templates, keys and counts (XSLT 1.0, section 5.2), matched from the node upwards.
//!
//! What must stay true: a pattern holds for a node exactly when some ancestor's path would find it; how many ancestors are
//! tried is bounded by the depth of a tree, and each counts as a step.

use crate::expr::eval::{Cx, Throw};
use crate::expr::table::xml::xpath::{
    self, Axis, Context, Expr, Found, Library, Operator, Origin, Step, Test,
};
use crate::value::Str;
use crate::value::xml::{Kind, Name, Node};
use std::rc::Rc;

/// Alternatives.
#[derive(Debug)]
pub(super) struct Pattern(pub(super) Vec<Path>);

/// One alternative.
#[derive(Debug)]
pub(super) struct Path {
    start: Start,
    /// The last step first.
    steps: Vec<Joined>,
}

#[derive(Debug)]
enum Start {
    /// Any node.
    Anywhere,
    /// The root.
    Root,
    /// `id()` or `key()`.
    Nodes(Expr),
}

/// A step, and how what is left of it is found.
#[derive(Debug)]
struct Joined {
    step: Step,
    /// Any ancestor, and not only the parent.
    far: bool,
    /// A filter asks for the place among siblings.
    positional: bool,
}

impl Pattern {
    /// An expression as a pattern; `None` when it is none.
    pub(super) fn of(expr: Expr) -> Option<Pattern> {
        let mut paths = Vec::new();
        alternatives(expr, &mut paths)?;
        Some(Pattern(paths))
    }

    pub(super) fn matches(
        &self,
        cx: &mut Cx<'_>,
        library: &mut dyn Library,
        node: &Rc<Node>,
    ) -> Result<bool, Throw> {
        for path in &self.0 {
            if path.matches(cx, library, node)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn alternatives(expr: Expr, paths: &mut Vec<Path>) -> Option<()> {
    if let Expr::Binary(Operator::Union, a, b) = expr {
        alternatives(*a, paths)?;
        return alternatives(*b, paths);
    }
    let (start, steps) = match expr {
        Expr::Path {
            from,
            filters,
            steps,
        } if filters.is_empty() => match from {
            Origin::Context => (Start::Anywhere, steps),
            Origin::Root => (Start::Root, steps),
            Origin::Expr(call) => (Start::Nodes(lookup(*call)?), steps),
        },
        call => (Start::Nodes(lookup(call)?), Vec::new()),
    };
    let mut joined: Vec<Joined> = Vec::new();
    let mut far = false;
    for step in steps {
        let any = matches!(step.test, Test::Any) && step.filters.is_empty();
        if step.axis == Axis::DescendantOrSelf && any {
            far = true;
            continue;
        }
        if !matches!(step.axis, Axis::Child | Axis::Attribute) {
            return None;
        }
        joined.push(Joined {
            positional: step.filters.iter().any(positional),
            step,
            far: std::mem::take(&mut far),
        });
    }
    if far {
        return None;
    }
    // `a//b` anywhere begins anywhere, and `far` of a first step says nothing then.
    joined.reverse();
    paths.push(Path {
        start,
        steps: joined,
    });
    Some(())
}

/// `id('x')` and `key('k', 'x')`, which a path may begin with.
fn lookup(expr: Expr) -> Option<Expr> {
    let fits = match &expr {
        Expr::Call(name, args) => {
            let literals = args
                .iter()
                .all(|a| matches!(a, Expr::Text(_) | Expr::Variable(..)));
            literals && (name == "id" && args.len() == 1 || name == "key" && args.len() == 2)
        }
        _ => false,
    };
    fits.then_some(expr)
}

/// Whether a filter depends on the place of a node among others.
fn positional(filter: &Expr) -> bool {
    let numeric = match filter {
        Expr::Number(_) | Expr::Negate(_) | Expr::Variable(..) => true,
        Expr::Call(name, _) => !matches!(
            name.as_str(),
            "not" | "true" | "false" | "boolean" | "contains" | "starts-with" | "lang"
        ),
        Expr::Binary(operator, ..) => matches!(
            operator,
            Operator::Add
                | Operator::Subtract
                | Operator::Multiply
                | Operator::Divide
                | Operator::Modulo
        ),
        _ => false,
    };
    numeric || asks(filter)
}

/// Whether `position()` or `last()` stands in it, outside of other filters.
fn asks(expr: &Expr) -> bool {
    match expr {
        Expr::Call(name, args) => {
            matches!(name.as_str(), "position" | "last") || args.iter().any(asks)
        }
        Expr::Negate(e) => asks(e),
        Expr::Binary(_, a, b) => asks(a) || asks(b),
        Expr::Path {
            from: Origin::Expr(e),
            ..
        } => asks(e),
        _ => false,
    }
}

impl Path {
    /// The default priority (section 5.5).
    pub(super) fn priority(&self) -> f64 {
        let simple = match (&self.start, self.steps.as_slice()) {
            (Start::Anywhere, [only]) if only.step.filters.is_empty() => &only.step.test,
            _ => return 0.5,
        };
        match simple {
            Test::Name(..) | Test::Instruction(Some(_)) => 0.0,
            Test::Prefixed(_) => -0.25,
            _ => -0.5,
        }
    }

    /// The name of elements (or of attributes: `true`) that alone it can hold for.
    pub(super) fn name(&self) -> Option<(bool, Name)> {
        let last = &self.steps.first()?.step;
        let Test::Name(namespace, local) = &last.test else {
            return None;
        };
        let name = Name {
            namespace: Str::from(namespace.as_deref().unwrap_or("")),
            local: Str::from(local.as_str()),
        };
        Some((last.axis == Axis::Attribute, name))
    }

    fn matches(
        &self,
        cx: &mut Cx<'_>,
        library: &mut dyn Library,
        node: &Rc<Node>,
    ) -> Result<bool, Throw> {
        self.upwards(cx, library, 0, node)
    }

    /// Whether the steps from `at` on hold for a node and what it stands in. A pattern has few steps, so this recursion is
    /// short: the parser bounds them.
    fn upwards(
        &self,
        cx: &mut Cx<'_>,
        library: &mut dyn Library,
        at: usize,
        node: &Rc<Node>,
    ) -> Result<bool, Throw> {
        cx.step(1)?;
        let Some(joined) = self.steps.get(at) else {
            return self.starts(cx, library, node);
        };
        if !self.holds(cx, library, joined, node)? {
            return Ok(false);
        }
        let last = at + 1 == self.steps.len();
        let Some(mut above) = node.holder() else {
            return Ok(last && matches!(self.start, Start::Anywhere));
        };
        if last && matches!(self.start, Start::Anywhere) {
            return Ok(true);
        }
        loop {
            if self.upwards(cx, library, at + 1, &above)? {
                return Ok(true);
            }
            if !joined.far {
                return Ok(false);
            }
            match above.holder() {
                Some(next) => above = next,
                None => return Ok(false),
            }
        }
    }

    fn starts(
        &self,
        cx: &mut Cx<'_>,
        library: &mut dyn Library,
        node: &Rc<Node>,
    ) -> Result<bool, Throw> {
        match &self.start {
            Start::Anywhere => Ok(true),
            Start::Root => Ok(node.is_document()),
            Start::Nodes(call) => {
                match xpath::evaluate_in(cx, library, call, &Context::only(node))? {
                    Found::Nodes(all) => Ok(all.iter().any(|n| Rc::ptr_eq(n, node))),
                    _ => Ok(false),
                }
            }
        }
    }

    fn holds(
        &self,
        cx: &mut Cx<'_>,
        library: &mut dyn Library,
        joined: &Joined,
        node: &Rc<Node>,
    ) -> Result<bool, Throw> {
        let step = &joined.step;
        // An attribute is nobody's child, and the root neither.
        let on_axis = node.is_attribute() == (step.axis == Axis::Attribute) && !node.is_document();
        if !on_axis || !xpath::passes(cx, library, node, step)? {
            return Ok(false);
        }
        if step.filters.is_empty() {
            return Ok(true);
        }
        if !joined.positional {
            let left = xpath::filtered(cx, library, vec![node.clone()], &step.filters)?;
            return Ok(!left.is_empty());
        }
        let Some(parent) = node.holder() else {
            return Ok(false);
        };
        let all = if node.is_attribute() {
            parent.attributes()
        } else {
            parent.children()
        };
        cx.step(all.len() / 4)?;
        let mut beside = Vec::new();
        for other in all {
            let declares = other.name().is_some_and(|n| n.declares());
            if !declares && xpath::passes(cx, library, &other, step)? {
                beside.push(other);
            }
        }
        let left = xpath::filtered(cx, library, beside, &step.filters)?;
        Ok(left.iter().any(|n| Rc::ptr_eq(n, node)))
    }
}

/// The kinds of nodes that a mode's rule for any of them is looked up under.
pub(super) fn lists(node: &Node) -> Option<(bool, Name)> {
    match &node.kind {
        Kind::Element { .. } => Some((false, node.name()?)),
        Kind::Attribute { .. } => Some((true, node.name()?)),
        _ => None,
    }
}
