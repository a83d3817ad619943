//! A compiled schema: declarations and types by their places.
//!
//! `xsd/compile.rs` makes it, `xsd/validate.rs` holds documents to it. What must stay true: it is shared by all threads,
//! so nothing in it changes.

use super::content::Content;
use super::simple::Simple;
use crate::value::Str;
use crate::value::xml::Name;
use std::collections::HashMap;

/// A type by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Simple(usize),
    Complex(usize),
}

/// Ways in which a type is derived.
pub(super) const EXTENSION: u8 = 1;
pub(super) const RESTRICTION: u8 = 2;
pub(super) const SUBSTITUTION: u8 = 4;

#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: Name,
    pub(super) ty: Type,
    pub(super) nillable: bool,
    pub(super) is_abstract: bool,
    pub(super) fixed: Option<Str>,
    pub(super) default: Option<Str>,
    pub(super) block: u8,
    pub(super) constraints: Vec<Constraint>,
    /// The head that it may stand for.
    pub(super) head: Option<Name>,
}

#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) name: Name,
    pub(super) ty: usize,
    pub(super) required: bool,
    pub(super) prohibited: bool,
    pub(super) fixed: Option<Str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    Strict,
    Lax,
    Skip,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Namespaces {
    Any,
    /// Any but this one, and none.
    Other(Str),
    These(Vec<Str>),
}

/// A wildcard.
#[derive(Clone, Debug)]
pub(super) struct Any {
    pub(super) namespaces: Namespaces,
    pub(super) process: Process,
    /// As messages name it.
    pub(super) shown: String,
}

impl Any {
    pub(super) fn takes(&self, namespace: &str) -> bool {
        match &self.namespaces {
            Namespaces::Any => true,
            Namespaces::Other(target) => !namespace.is_empty() && &**target != namespace,
            Namespaces::These(all) => all.iter().any(|n| &**n == namespace),
        }
    }
}

#[derive(Debug)]
pub(super) struct Complex {
    pub(super) name: Option<Name>,
    pub(super) base: Option<Type>,
    /// How it is derived from it.
    pub(super) derived: u8,
    pub(super) is_abstract: bool,
    pub(super) block: u8,
    pub(super) content: Content,
    pub(super) attributes: Vec<Attribute>,
    pub(super) any_attribute: Option<Any>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    Unique,
    KeyRef,
}

/// A step of a selector or field.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// `None`: any namespace.
    pub(super) namespace: Option<Str>,
    /// `None`: any name.
    pub(super) local: Option<Str>,
    pub(super) attribute: bool,
}

/// One alternative of a selector or field.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// `.//`: at any depth.
    pub(super) deep: bool,
    pub(super) steps: Vec<Step>,
}

/// `xs:key`, `xs:unique` or `xs:keyref`.
#[derive(Debug)]
pub(super) struct Constraint {
    pub(super) kind: Kind,
    pub(super) name: Name,
    pub(super) refer: Option<Name>,
    pub(super) selector: Vec<Path>,
    pub(super) fields: Vec<Vec<Path>>,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) elements: Vec<Element>,
    pub(super) simples: Vec<Simple>,
    pub(super) complexes: Vec<Complex>,
    pub(super) global_elements: HashMap<Name, usize>,
    pub(super) global_attributes: HashMap<Name, Attribute>,
    pub(super) global_types: HashMap<Name, Type>,
    /// What may stand for a head, by the head's place.
    pub(super) members: HashMap<usize, Vec<usize>>,
    /// The namespaces that schemas are for.
    pub(super) targets: Vec<Str>,
}
