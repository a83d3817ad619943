//! The generator: well-typed expressions over every member of the catalog.
//!
//! An expression is made for a wanted type: a constant, a variable, an operator, or a member that gives the type, with
//! arguments made the same way. What must stay true: a seed repeats its cases; every part has exactly the static type that
//! its node says, so that C# and we choose the same overloads; depth and sizes are bounded.

mod blocks;
mod calls;
mod constraints;
mod excluded;
mod forms;
mod leaves;
mod syntax;
mod values;

use crate::mono::{Case, label};
use crate::node::Node;
use crate::random::Random;
use crate::shape::{NUMBERS, Shape, array, generic, head, is_void, keyword, named, nullable, text};
use std::collections::{BTreeSet, HashMap};
use tollgate_lang::expr::catalog::{self, MemberEntry, MemberKind, TypeEntry, TypeKind};

use excluded::reason as excluded;

/// A member with its type.
pub(crate) struct Listed {
    pub(crate) of: &'static TypeEntry,
    pub(crate) member: &'static MemberEntry,
    pub(crate) label: String,
    /// Why no case is made of it.
    pub(crate) left_out: Option<&'static str>,
}

/// The name of a member with its signature: what tells overloads apart.
pub(crate) fn key(of: &TypeEntry, member: &MemberEntry) -> String {
    format!("{}: {}", of.full_name, member.signature)
}

/// The catalog, indexed by what members give.
pub(crate) struct Catalog {
    pub(crate) members: Vec<Listed>,
    /// Members by the head of their result.
    producers: HashMap<&'static str, Vec<usize>>,
    /// Members of a type that give nothing, or set something: what statements call.
    effects: HashMap<&'static str, Vec<usize>>,
    types: HashMap<&'static str, &'static TypeEntry>,
    /// Types that derive from a type and have no type arguments.
    derived: HashMap<&'static str, Vec<&'static str>>,
}

impl Catalog {
    /// The catalog, without the members whose names (`Type: signature`) are given for being generated.
    pub(crate) fn new(newer: &BTreeSet<String>) -> Catalog {
        let mut out = Catalog {
            members: Vec::new(),
            producers: HashMap::new(),
            effects: HashMap::new(),
            types: HashMap::new(),
            derived: HashMap::new(),
        };
        for of in catalog::types() {
            out.types.entry(keyword(of.name)).or_insert(of);
            for member in &of.members {
                let label = label(of, member);
                let at = out.members.len();
                let bare = member.result == named("IEnumerable");
                let reason = if newer.contains(&key(of, member)) {
                    Some("newer than Mono's class library")
                } else {
                    excluded(&label, &member.signature)
                };
                if reason.is_none() && !bare {
                    let void = member.result == named("void");
                    if void && !member.is_static {
                        out.effects.entry(keyword(of.name)).or_default().push(at);
                    } else if !void {
                        out.producers
                            .entry(head(&member.result))
                            .or_default()
                            .push(at);
                    }
                }
                out.members.push(Listed {
                    of,
                    member,
                    label,
                    left_out: reason,
                });
            }
        }
        for of in catalog::types().iter().filter(|t| t.arity == 0) {
            let mut bases = vec![of];
            let mut at = 0;
            while at < bases.len() {
                for base in &bases[at].bases {
                    if let Some(b) = out.types.get(head(base))
                        && !bases.iter().any(|k| k.name == b.name)
                    {
                        bases.push(b);
                    }
                }
                at += 1;
            }
            for base in bases.iter().skip(1).filter(|b| b.arity == 0) {
                let list = out.derived.entry(base.name).or_default();
                list.push(keyword(of.name));
            }
        }
        out
    }
}

/// A variable in scope.
#[derive(Clone)]
struct Local {
    name: String,
    ty: Shape,
}

impl Local {
    /// Whether it is a variable of a declaration: those of loops, parameters, queries and constants are only read.
    fn can_be_set(&self) -> bool {
        self.name.starts_with(['v', 'o', 't']) && !self.name.contains('.')
    }
}

/// Makes cases.
pub(crate) struct Generator<'c> {
    catalog: &'c Catalog,
    pub(crate) random: Random,
    locals: Vec<Local>,
    /// For names of variables.
    counter: usize,
    /// Nodes left for the case.
    budget: usize,
    /// What `return` gives where statements are being made; anything at the outermost level.
    returns: Option<Shape>,
}

/// A generated case.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) node: Node,
    /// `@{ … }` instead of `@( … )`.
    pub(crate) block: bool,
    pub(crate) context: serde_json::Value,
}

impl Made {
    pub(crate) fn case(&self) -> Case {
        let mut code = String::new();
        self.node.write(&mut code);
        Case {
            expression: if self.block {
                format!("@{{ {code} }}")
            } else {
                format!("@({code})")
            },
            context: self.context.clone(),
        }
    }
}

/// Types that a result prints the same in any runtime.
const SHOWN: [&str; 41] = [
    "bool",
    "char",
    "sbyte",
    "byte",
    "short",
    "ushort",
    "int",
    "uint",
    "long",
    "ulong",
    "float",
    "double",
    "decimal",
    "string",
    "DateTime",
    "DateTimeOffset",
    "TimeSpan",
    "Guid",
    "JToken",
    "JObject",
    "JArray",
    "JValue",
    "JProperty",
    "JContainer",
    "JRaw",
    "JConstructor",
    "XElement",
    "XDocument",
    "XAttribute",
    "XNode",
    "XText",
    "XCData",
    "XComment",
    "XName",
    "XNamespace",
    "Uri",
    "StringBuilder",
    "IPAddress",
    "TimeZoneInfo",
    "Regex",
    "XDeclaration",
];

/// Simple types that type parameters are filled with.
const SIMPLE: [&str; 10] = [
    "int", "string", "int", "string", "double", "bool", "char", "long", "DateTime", "decimal",
];

impl<'c> Generator<'c> {
    pub(crate) fn new(catalog: &'c Catalog, seed: u64) -> Generator<'c> {
        Generator {
            catalog,
            random: Random::new(seed),
            locals: Vec::new(),
            counter: 0,
            budget: 0,
            returns: None,
        }
    }

    /// A case; around a member when one is given.
    pub(crate) fn case(&mut self, focus: Option<usize>) -> Made {
        self.locals.clear();
        self.counter = 0;
        self.returns = None;
        self.budget = 60;
        let depth = 1 + self.random.below(3);
        let block = match focus {
            Some(at) => {
                let void = self.catalog.members[at].member.result == named("void");
                void || self.random.one_in(8)
            }
            None => self.random.one_in(3),
        };
        let node = if block {
            self.block(focus, depth)
        } else {
            self.root(focus, depth)
        };
        let mut code = String::new();
        node.write(&mut code);
        let fixture = if code.contains("context") {
            self.random.word(&values::FIXTURES)
        } else {
            "{}"
        };
        Made {
            node,
            block,
            context: serde_json::from_str(fixture).unwrap_or_default(),
        }
    }

    /// The plainest use of a member.
    pub(crate) fn plain(&mut self, at: usize) -> Made {
        self.locals.clear();
        self.counter = 0;
        self.budget = 6;
        let member = self.catalog.members[at].member;
        let block = is_void(&member.result);
        Made {
            node: if block {
                self.block(Some(at), 0)
            } else {
                self.call(at, None, 0)
            },
            block,
            context: serde_json::json!({}),
        }
    }

    /// An expression whose value can be shown.
    fn root(&mut self, focus: Option<usize>, depth: usize) -> Node {
        let Some(at) = focus else {
            let want = self.shown_type();
            return self.make(&want, depth + 1);
        };
        let mut node = self.call(at, None, depth);
        for _ in 0..3 {
            if self.is_shown(&node.ty) {
                break;
            }
            node = self.lead_on(node);
        }
        node
    }

    /// A member of a value, towards something that can be shown.
    fn lead_on(&mut self, of: Node) -> Node {
        let ty = of.ty.clone();
        let enumerable = matches!(
            head(&ty),
            "[]" | "IEnumerable" | "List" | "IOrderedEnumerable"
        );
        if enumerable {
            return self.around("int", of, ".Count()");
        }
        let mut candidates: Vec<usize> = (0..self.catalog.members.len())
            .filter(|i| {
                let l = &self.catalog.members[*i];
                keyword(l.of.name) == head(&ty)
                    && !l.member.is_static
                    && !l.member.is_extension
                    && matches!(l.member.kind, MemberKind::Property | MemberKind::Method)
                    && l.member.result != named("void")
                    && l.member.name != "GetEnumerator"
                    && l.left_out.is_none()
            })
            .collect();
        let shown: Vec<usize> = candidates
            .iter()
            .copied()
            .filter(|i| self.is_shown(&self.catalog.members[*i].member.result))
            .collect();
        if !shown.is_empty() {
            candidates = shown;
        }
        match self.random.pick(&candidates).copied() {
            Some(at) => self.call(at, Some(of), 1),
            None => {
                let mut node = Node::new(named("bool"), false);
                node.child(of);
                node.push(" == null");
                node
            }
        }
    }

    fn around(&mut self, ty: &'static str, of: Node, after: &str) -> Node {
        let mut node = Node::new(named(ty), true);
        node.child(of);
        node.push(after);
        node
    }

    fn is_shown(&self, ty: &Shape) -> bool {
        match ty {
            Shape::Named(name, args) if args.is_empty() => {
                SHOWN.contains(name)
                    || self
                        .catalog
                        .types
                        .get(name)
                        .is_some_and(|t| t.kind == TypeKind::Enum)
            }
            Shape::Named(
                "IEnumerable" | "List" | "HashSet" | "Queue" | "Stack" | "IOrderedEnumerable",
                args,
            ) => args.iter().all(|a| self.is_shown(a)),
            Shape::Array(of) | Shape::Nullable(of) => self.is_shown(of),
            _ => false,
        }
    }

    fn shown_type(&mut self) -> Shape {
        match self.random.below(10) {
            0 => array(self.simple()),
            1 => generic("IEnumerable", vec![self.simple()]),
            2 => generic("List", vec![self.simple()]),
            3 => nullable(named("int")),
            _ => {
                let at = self.random.below(SHOWN.len());
                named(SHOWN[at])
            }
        }
    }

    fn simple(&mut self) -> Shape {
        let at = self.random.below(SIMPLE.len());
        named(SIMPLE[at])
    }

    /// One of the simplest things of a type: what shrinking puts in.
    pub(crate) fn leaf_of(&mut self, want: &Shape, simplest: usize) -> Node {
        self.budget = 4;
        self.leaf(want, Some(simplest))
    }

    /// A new name.
    fn name(&mut self, prefix: &str) -> String {
        self.counter += 1;
        format!("{prefix}{}", self.counter)
    }

    /// An expression of a type.
    pub(super) fn make(&mut self, want: &Shape, depth: usize) -> Node {
        self.budget = self.budget.saturating_sub(1);
        let depth = if self.budget == 0 { 0 } else { depth };
        if let Some(lambda) = self.delegate(want, depth) {
            return lambda;
        }
        if let Shape::Parameter(_) = want {
            let ty = self.simple();
            return self.make(&ty, depth);
        }
        if !self.locals.is_empty() && self.random.one_in(3) {
            let fits: Vec<String> = self
                .locals
                .iter()
                .filter(|l| l.ty == *want)
                .map(|l| l.name.clone())
                .collect();
            if let Some(name) = self.random.pick(&fits) {
                return Node::text(want.clone(), name.clone(), true);
            }
        }
        if depth == 0 || self.random.one_in(4) {
            return self.leaf(want, None);
        }
        if self.random.one_in(3)
            && let Some(node) = self.syntax(want, depth - 1)
        {
            return node;
        }
        if self.random.one_in(6)
            && let Some(node) = self.form(want, depth - 1)
        {
            return node;
        }
        // Another type that is one: the static type stays what was wanted.
        if self.random.one_in(4)
            && let Shape::Named(name, args) = want
            && args.is_empty()
            && let Some(derived) = self.catalog.derived.get(name)
            && let Some(name) = self.random.pick(derived)
        {
            let of = self.make(&named(name), depth - 1);
            let mut node = Node::new(want.clone(), false);
            node.push(format!("({})", text(want)));
            node.child(of);
            return node;
        }
        match self.producer(want) {
            Some(at) => self.give(at, want, depth - 1),
            None => self.leaf(want, None),
        }
    }
}

/// A constant as a node; not primary when it would need brackets before a `.`.
fn constant(ty: &Shape, word: &str) -> Node {
    let primary = !word.starts_with(['(', '-']) && !word.starts_with(|c: char| c.is_ascii_digit());
    Node::text(ty.clone(), word, primary)
}

fn starts_with_sign(node: &Node) -> bool {
    let mut text = String::new();
    node.write(&mut text);
    text.starts_with(['-', '+'])
}

/// A type with its own parameters.
fn self_shape(of: &'static TypeEntry) -> Shape {
    match of.name {
        "Nullable" => nullable(Shape::Parameter(0)),
        name => generic(keyword(name), (0..of.arity).map(Shape::Parameter).collect()),
    }
}

fn contains_nullable(shape: &Shape, i: usize) -> bool {
    match shape {
        Shape::Nullable(of) => **of == Shape::Parameter(i) || contains_nullable(of, i),
        Shape::Array(of) => contains_nullable(of, i),
        Shape::Named(_, args) => args.iter().any(|a| contains_nullable(a, i)),
        Shape::Parameter(_) => false,
    }
}

/// How a static member's type is written.
fn static_name(of: &'static TypeEntry, args: &[Shape]) -> String {
    match of.name {
        "Extensions" => of.full_name.clone(),
        "Nullable" => of.name.to_string(),
        _ if of.arity > 0 => text(&generic(of.name, args[..of.arity.min(args.len())].to_vec())),
        "AdjustmentRule" | "TransitionTime" => format!("TimeZoneInfo.{}", of.name),
        name => name.to_string(),
    }
}

/// Whether numbers of the type exist.
fn is_number(ty: &Shape) -> bool {
    matches!(ty, Shape::Named(n, a) if a.is_empty() && NUMBERS.contains(n))
}
