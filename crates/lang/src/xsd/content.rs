//! Content models, followed child by child (XML Schema, Part 1, section 3.8).
//!
//! A model that is not ambiguous leaves one way for each child, so what is left of it is a stack of particles; counts
//! stand in the particles and are not unrolled. What must stay true: a step costs no more than the model is deep and wide;
//! nothing here recurses deeper than groups nest in a schema, which is bounded.

use super::model::{Any, Element, Model};
use crate::value::Str;
use crate::value::xml::Name;
use std::sync::Arc;

/// Most names that a message lists.
const MAX_EXPECTED: usize = 200;

/// What an element may hold.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Nothing.
    Empty,
    /// Text of a simple type.
    Simple(usize),
    /// Children, and text too when it is mixed.
    Children { model: Arc<Particle>, mixed: bool },
    /// `xs:all`: each once, in any order.
    All {
        leaves: Vec<(Leaf, bool)>,
        optional: bool,
        mixed: bool,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Term {
    Element(usize),
    Any(Any),
}

/// An element or wildcard where it stands in its model.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Its place in the model's text.
    pub(super) order: usize,
    pub(super) term: Term,
}

#[derive(Debug)]
pub(super) enum Shape {
    Leaf(Leaf),
    Sequence(Vec<Arc<Particle>>),
    Choice(Vec<Arc<Particle>>),
    /// At least and at most so often; `None`: without end.
    Repeat(Arc<Particle>, u32, Option<u32>),
}

#[derive(Debug)]
pub(super) struct Particle {
    pub(super) shape: Shape,
    /// Whether nothing will do.
    pub(super) nullable: bool,
}

impl Particle {
    pub(super) fn new(shape: Shape) -> Arc<Particle> {
        let nullable = match &shape {
            Shape::Leaf(_) => false,
            Shape::Sequence(all) => all.iter().all(|p| p.nullable),
            Shape::Choice(all) => all.iter().any(|p| p.nullable),
            Shape::Repeat(of, min, _) => *min == 0 || of.nullable,
        };
        Arc::new(Particle { shape, nullable })
    }

    /// A particle as often as its `minOccurs` and `maxOccurs` say.
    pub(super) fn repeated(of: Arc<Particle>, min: u32, max: Option<u32>) -> Arc<Particle> {
        if (min, max) == (1, Some(1)) {
            return of;
        }
        Particle::new(Shape::Repeat(of, min, max))
    }
}

/// What a child turned out to be.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Element(usize),
    Any(Any),
}

impl Model {
    /// The declaration that a name has where an element, or what stands for it, is wanted.
    fn element_for(&self, wanted: usize, name: &Name) -> Option<usize> {
        let is = |at: &usize| self.elements.get(*at).is_some_and(|e| e.name == *name);
        if is(&wanted) {
            return Some(wanted);
        }
        self.members.get(&wanted)?.iter().copied().find(|at| is(at))
    }

    pub(super) fn matches(&self, leaf: &Leaf, name: &Name) -> Option<Found> {
        match &leaf.term {
            Term::Element(wanted) => self.element_for(*wanted, name).map(Found::Element),
            Term::Any(any) => any.takes(&name.namespace).then(|| Found::Any(any.clone())),
        }
    }

    /// Whether a name begins a particle; what is left of it then is added to `tail`, the next first.
    fn enter(
        &self,
        particle: &Arc<Particle>,
        name: &Name,
        tail: &mut Vec<Arc<Particle>>,
    ) -> Option<Found> {
        match &particle.shape {
            Shape::Leaf(leaf) => self.matches(leaf, name),
            Shape::Sequence(all) => {
                for (i, part) in all.iter().enumerate() {
                    if let Some(found) = self.enter(part, name, tail) {
                        tail.extend(all[i + 1..].iter().cloned());
                        return Some(found);
                    }
                    if !part.nullable {
                        return None;
                    }
                }
                None
            }
            Shape::Choice(all) => all.iter().find_map(|part| self.enter(part, name, tail)),
            Shape::Repeat(of, min, max) => {
                if *max == Some(0) {
                    return None;
                }
                let found = self.enter(of, name, tail)?;
                let max = max.map(|m| m - 1);
                if max != Some(0) {
                    let rest = Shape::Repeat(of.clone(), min.saturating_sub(1), max);
                    tail.push(Particle::new(rest));
                }
                Some(found)
            }
        }
    }

    /// The leaves that a particle may begin with.
    fn first<'p>(particle: &'p Particle, out: &mut Vec<&'p Leaf>) {
        match &particle.shape {
            Shape::Leaf(leaf) => out.push(leaf),
            Shape::Sequence(all) => {
                for part in all {
                    Model::first(part, out);
                    if !part.nullable {
                        return;
                    }
                }
            }
            Shape::Choice(all) => all.iter().for_each(|part| Model::first(part, out)),
            Shape::Repeat(_, _, Some(0)) => {}
            Shape::Repeat(of, ..) => Model::first(of, out),
        }
    }
}

/// How far an element's content has been read.
#[derive(Debug)]
pub(super) enum Progress<'m> {
    Children(Vec<Arc<Particle>>),
    All(&'m [(Leaf, bool)], Vec<bool>, bool),
}

/// Why a child cannot stand.
pub(super) enum Refused {
    /// Something else was expected.
    Unexpected,
    /// It was there already.
    Twice,
}

impl<'m> Progress<'m> {
    pub(super) fn of(content: &'m Content) -> Option<Progress<'m>> {
        match content {
            Content::Children { model, .. } => Some(Progress::Children(vec![model.clone()])),
            Content::All {
                leaves, optional, ..
            } => Some(Progress::All(leaves, vec![false; leaves.len()], *optional)),
            Content::Empty | Content::Simple(_) => None,
        }
    }

    /// The next child.
    pub(super) fn step(&mut self, model: &Model, name: &Name) -> Result<Found, Refused> {
        match self {
            Progress::Children(stack) => {
                let mut tail = Vec::new();
                for at in (0..stack.len()).rev() {
                    let top = stack[at].clone();
                    if let Some(found) = model.enter(&top, name, &mut tail) {
                        stack.truncate(at);
                        stack.extend(tail.into_iter().rev());
                        return Ok(found);
                    }
                    if !top.nullable {
                        break;
                    }
                }
                Err(Refused::Unexpected)
            }
            Progress::All(leaves, seen, _) => {
                for (i, (leaf, _)) in leaves.iter().enumerate() {
                    if let Some(found) = model.matches(leaf, name) {
                        if std::mem::replace(&mut seen[i], true) {
                            return Err(Refused::Twice);
                        }
                        return Ok(found);
                    }
                }
                Err(Refused::Unexpected)
            }
        }
    }

    /// Whether the content may end here.
    pub(super) fn complete(&self) -> bool {
        match self {
            Progress::Children(stack) => stack.iter().all(|p| p.nullable),
            Progress::All(leaves, seen, optional) => {
                let missing = leaves
                    .iter()
                    .zip(seen)
                    .any(|((_, required), s)| *required && !s);
                !missing || (*optional && seen.iter().all(|s| !s))
            }
        }
    }

    /// What may come next, as .NET lists it; only what has to when the content ends.
    pub(super) fn expected(&self, model: &Model, ends: bool) -> String {
        let mut leaves: Vec<&Leaf> = Vec::new();
        match self {
            Progress::Children(stack) => {
                for part in stack.iter().rev() {
                    Model::first(part, &mut leaves);
                    if !part.nullable {
                        break;
                    }
                }
            }
            Progress::All(all, seen, _) => {
                let open = all.iter().zip(seen).filter(|(_, seen)| !**seen);
                let wanted = open.filter(|((_, required), _)| *required || !ends);
                leaves.extend(wanted.map(|((leaf, _), _)| leaf));
            }
        }
        leaves.sort_by_key(|leaf| leaf.order);
        leaves.dedup_by_key(|leaf| leaf.order);
        let mut names: Vec<(Str, String)> = Vec::new();
        let mut put = |namespace: Str, text: String| {
            if names.len() < MAX_EXPECTED && !names.contains(&(namespace.clone(), text.clone())) {
                names.push((namespace, text));
            }
        };
        for leaf in leaves {
            match &leaf.term {
                Term::Element(at) => {
                    let members = model.members.get(at).into_iter().flatten();
                    let all = std::iter::once(at).chain(members);
                    for element in all.filter_map(|at| model.elements.get(*at)) {
                        let Element { name, .. } = element;
                        put(name.namespace.clone(), name.local.to_string());
                    }
                }
                Term::Any(any) => put(Str::from("*"), any.shown.clone()),
            }
        }
        let mut groups: Vec<(Str, Vec<String>)> = Vec::new();
        for (namespace, text) in names {
            match groups.last_mut() {
                Some((last, all)) if *last == namespace && &*namespace != "*" => all.push(text),
                _ => groups.push((namespace, vec![text])),
            }
        }
        let group = |(namespace, all): (Str, Vec<String>)| match &*namespace {
            "*" => format!("any element in namespace '{}'", all.join(", ")),
            "" => format!("'{}'", all.join(", ")),
            namespace => format!("'{}' in namespace '{namespace}'", all.join(", ")),
        };
        let groups: Vec<String> = groups.into_iter().map(group).collect();
        groups.join(" as well as ")
    }
}

/// Two leaves of a model that the same element could be, if there are any; `None` also for a model too large to tell.
pub(super) fn ambiguous(model: &Model, of: &Arc<Particle>) -> Option<Name> {
    let mut walk = Walk {
        model,
        left: 20_000,
        found: None,
    };
    walk.ends(of);
    walk.found
}

/// Compares what may follow each leaf.
struct Walk<'m> {
    model: &'m Model,
    /// Comparisons that may still be made.
    left: usize,
    found: Option<Name>,
}

impl<'m> Walk<'m> {
    fn clash(&mut self, all: &[&Leaf]) {
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                if self.left == 0 || self.found.is_some() {
                    return;
                }
                self.left -= 1;
                if a.order != b.order {
                    self.found = self.overlap(a, b);
                }
            }
        }
    }

    fn overlap(&self, a: &Leaf, b: &Leaf) -> Option<Name> {
        let names = |at: &usize| {
            let members = self.model.members.get(at).into_iter().flatten();
            let all = std::iter::once(at).chain(members);
            let names: Vec<Name> = all
                .filter_map(|at| self.model.elements.get(*at))
                .map(|e| e.name.clone())
                .collect();
            names
        };
        match (&a.term, &b.term) {
            (Term::Element(x), Term::Element(y)) => {
                let y = names(y);
                names(x).into_iter().find(|n| y.contains(n))
            }
            (Term::Element(x), Term::Any(any)) | (Term::Any(any), Term::Element(x)) => {
                names(x).into_iter().find(|n| any.takes(&n.namespace))
            }
            (Term::Any(_), Term::Any(_)) => None,
        }
    }

    /// The leaves after which a particle may be over, each with what may begin it again.
    fn ends<'p>(&mut self, of: &'p Arc<Particle>) -> Vec<Vec<&'p Leaf>> {
        let mut first = Vec::new();
        Model::first(of, &mut first);
        self.clash(&first);
        if self.left == 0 || self.found.is_some() {
            return Vec::new();
        }
        match &of.shape {
            Shape::Leaf(_) => vec![Vec::new()],
            Shape::Choice(all) => all.iter().flat_map(|p| self.ends(p)).collect(),
            Shape::Sequence(all) => {
                let mut open: Vec<Vec<&Leaf>> = Vec::new();
                for part in all {
                    let mut first = Vec::new();
                    Model::first(part, &mut first);
                    for follow in &mut open {
                        follow.extend(first.iter().copied());
                        let follow = follow.clone();
                        self.clash(&follow);
                    }
                    let ends = self.ends(part);
                    if !part.nullable {
                        open.clear();
                    }
                    open.extend(ends);
                    if self.left == 0 || self.found.is_some() {
                        return Vec::new();
                    }
                }
                open
            }
            Shape::Repeat(inner, min, max) => {
                let mut ends = self.ends(inner);
                // So often and no more or less: what comes next is known by counting.
                if *max != Some(1) && *max != Some(*min) {
                    let mut first = Vec::new();
                    Model::first(inner, &mut first);
                    for follow in &mut ends {
                        follow.extend(first.iter().copied());
                        let follow = follow.clone();
                        self.clash(&follow);
                    }
                }
                ends
            }
        }
    }
}
