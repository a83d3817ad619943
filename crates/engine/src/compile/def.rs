//! The definition of a policy element as data: where it may stand, what it may hold, what each part means.
//!
//! The shape check, `docs/policies` and editors' schemas read it. Source: API Management's policy reference.

use super::Compile;
use crate::step::Step;
use tollgate_lang::document::Element;

/// The four sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "API Management's own names")]
pub enum Section {
    Inbound = 0,
    Backend = 1,
    Outbound = 2,
    OnError = 3,
}

impl Section {
    /// As written in a document.
    pub fn name(self) -> &'static str {
        ["inbound", "backend", "outbound", "on-error"][self as usize]
    }

    /// By its element name.
    pub fn from_name(name: &str) -> Option<Section> {
        [
            Section::Inbound,
            Section::Backend,
            Section::Outbound,
            Section::OnError,
        ]
        .into_iter()
        .find(|s| s.name() == name)
    }

    /// Whether header and body policies act on the request here.
    pub fn on_request(self) -> bool {
        matches!(self, Section::Inbound | Section::Backend)
    }
}

/// A set of sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections(u8);

impl Sections {
    /// None: the root of a resolver's document.
    pub const NONE: Sections = Sections(0);
    /// `inbound` only.
    pub const INBOUND: Sections = Sections(1);
    /// `backend` only.
    pub const BACKEND: Sections = Sections(2);
    /// `outbound` only.
    pub const OUTBOUND: Sections = Sections(4);
    /// `on-error` only.
    pub const ON_ERROR: Sections = Sections(8);
    /// All four.
    pub const ALL: Sections = Sections(15);

    /// Both sets.
    #[must_use]
    pub const fn or(self, other: Sections) -> Sections {
        Sections(self.0 | other.0)
    }

    /// Whether a section is in it.
    pub const fn contains(self, section: Section) -> bool {
        self.0 & (1 << section as u8) != 0
    }

    /// For messages.
    pub fn names(self) -> String {
        if self == Sections::NONE {
            return String::from("the document of a resolver, as its root");
        }
        [
            Section::Inbound,
            Section::Backend,
            Section::Outbound,
            Section::OnError,
        ]
        .into_iter()
        .filter(|s| self.contains(*s))
        .map(|s| format!("`{}`", s.name()))
        .collect::<Vec<_>>()
        .join(", ")
    }
}

/// The scope that a document belongs to, broad to narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "API Management's own names")]
pub enum ScopeKind {
    Global = 0,
    Workspace = 1,
    Product = 2,
    Api = 3,
    Operation = 4,
    /// A resolver of a GraphQL API, which inherits from none.
    Resolver = 5,
}

impl ScopeKind {
    /// As `context.LastError.Scope` says it.
    pub fn name(self) -> &'static str {
        [
            "global",
            "workspace",
            "product",
            "api",
            "operation",
            "resolver",
        ][self as usize]
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every one whose documents have sections.
    pub const ALL: Scopes = Scopes(31);
    /// `resolver`.
    pub const RESOLVER: Scopes = Scopes(32);
    /// `global`.
    pub const GLOBAL: Scopes = Scopes(1);
    /// `workspace`.
    pub const WORKSPACE: Scopes = Scopes(2);
    /// `product`.
    pub const PRODUCT: Scopes = Scopes(4);
    /// `api`.
    pub const API: Scopes = Scopes(8);
    /// `operation`.
    pub const OPERATION: Scopes = Scopes(16);

    /// Both sets.
    #[must_use]
    pub const fn or(self, other: Scopes) -> Scopes {
        Scopes(self.0 | other.0)
    }

    /// Whether a scope is in it.
    pub const fn contains(self, scope: ScopeKind) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// For messages.
    pub fn names(self) -> String {
        [
            ScopeKind::Global,
            ScopeKind::Workspace,
            ScopeKind::Product,
            ScopeKind::Api,
            ScopeKind::Operation,
            ScopeKind::Resolver,
        ]
        .into_iter()
        .filter(|s| self.contains(*s))
        .map(ScopeKind::name)
        .collect::<Vec<_>>()
        .join(", ")
    }
}

/// How often a policy may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once {
    /// Any number of times.
    Many,
    /// Once in a section.
    PerSection,
    /// Once in a document.
    PerDocument,
}

/// What a literal must look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Anything.
    Text,
    /// `true` or `false`, any case.
    Bool,
    /// A whole number in a range.
    Int(i64, i64),
    /// A decimal number in a range.
    Number(f64, f64),
    /// One of these words; case as given.
    OneOf(&'static [&'static str]),
}

/// An attribute.
#[derive(Clone, Copy, Debug)]
pub struct AttributeDef {
    /// Name.
    pub name: &'static str,
    /// Must be there.
    pub required: bool,
    /// May be an expression.
    pub expression: bool,
    /// What a literal must look like.
    pub kind: Kind,
    /// Value when absent.
    pub default: Option<&'static str>,
    /// One sentence.
    pub doc: &'static str,
}

/// An optional attribute without expression.
pub const fn attribute(name: &'static str, kind: Kind, doc: &'static str) -> AttributeDef {
    AttributeDef {
        name,
        required: false,
        expression: false,
        kind,
        default: None,
        doc,
    }
}

impl AttributeDef {
    /// Must be there.
    #[must_use]
    pub const fn required(mut self) -> AttributeDef {
        self.required = true;
        self
    }

    /// May be an expression.
    #[must_use]
    pub const fn expression(mut self) -> AttributeDef {
        self.expression = true;
        self
    }

    /// Value when absent.
    #[must_use]
    pub const fn default(mut self, value: &'static str) -> AttributeDef {
        self.default = Some(value);
        self
    }
}

/// What an element may hold besides its listed children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Only its listed children.
    Empty,
    /// Text or an expression.
    Text,
    /// Literal text only.
    Literal,
    /// Policies.
    Policies,
    /// Markup of another vocabulary, which the policy reads itself.
    Markup,
}

/// A child element that is not a policy of its own.
#[derive(Clone, Copy, Debug)]
pub struct ChildDef {
    /// Name.
    pub name: &'static str,
    /// Fewest.
    pub min: u32,
    /// Most.
    pub max: u32,
    /// Its attributes.
    pub attributes: &'static [AttributeDef],
    /// Its children.
    pub children: &'static [ChildDef],
    /// Its content.
    pub content: Content,
    /// One sentence.
    pub doc: &'static str,
}

/// A child that may stand any number of times.
pub const fn child(name: &'static str, content: Content, doc: &'static str) -> ChildDef {
    ChildDef {
        name,
        min: 0,
        max: u32::MAX,
        attributes: &[],
        children: &[],
        content,
        doc,
    }
}

impl ChildDef {
    /// How often it may stand.
    #[must_use]
    pub const fn times(mut self, min: u32, max: u32) -> ChildDef {
        self.min = min;
        self.max = max;
        self
    }

    /// Its attributes.
    #[must_use]
    pub const fn attributes(mut self, attributes: &'static [AttributeDef]) -> ChildDef {
        self.attributes = attributes;
        self
    }

    /// Its children.
    #[must_use]
    pub const fn children(mut self, children: &'static [ChildDef]) -> ChildDef {
        self.children = children;
        self
    }
}

/// A policy element.
#[derive(Clone, Copy)]
pub struct PolicyDef {
    /// Element name.
    pub name: &'static str,
    /// Sections it may stand in.
    pub sections: Sections,
    /// Scopes whose documents may hold it.
    pub scopes: Scopes,
    /// How often.
    pub once: Once,
    /// Attributes; `id` is always allowed.
    pub attributes: &'static [AttributeDef],
    /// Children that are not policies.
    pub children: &'static [ChildDef],
    /// Other content.
    pub content: Content,
    /// What it does, for the manual: Markdown, first sentence is the summary.
    pub doc: &'static str,
    /// Makes the step. The shape was checked; what is wrong beyond it goes to `cx`.
    pub compile: fn(&Element, &mut Compile<'_>) -> Option<Box<dyn Step>>,
}

impl std::fmt::Debug for PolicyDef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PolicyDef({})", self.name)
    }
}
