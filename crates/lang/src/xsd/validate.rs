//! Holds a document to a model, element by element, with .NET's messages and places.
//!
//! What must stay true: after a child that cannot stand, the rest of its siblings is not looked at; the work of identity
//! constraints is bounded; no tree is deep enough to make the recursion unsafe.

use super::builtin::Value;
use super::compile::shown;
use super::content::{Content, Found, Progress, Refused};
use super::identity::Tables;
use super::model::{Any, Complex, EXTENSION, Element, Model, Process, RESTRICTION, Type};
use super::places::Places;
use super::simple::Refers;
use super::{MOST, Violation};
use crate::value::xml::{Kind, Name, Node, XML};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Namespace of `xsi:type` and its like.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Nodes that the paths of identity constraints may look at, in all.
const MAX_WORK: usize = 2_000_000;
/// Most types between a type and what it is derived from.
const MAX_BASES: usize = 100;

pub(super) struct Validator<'m> {
    pub(super) model: &'m Model,
    places: &'m Places,
    violations: Vec<Violation>,
    /// Values of simple types, in one form for equal ones.
    pub(super) values: HashMap<*const Node, String>,
    pub(super) tables: Tables,
    ids: HashSet<String>,
    references: Vec<(String, (usize, usize))>,
    work: usize,
}

/// A name in a sentence about elements.
fn told(name: &Name) -> String {
    if name.namespace.is_empty() {
        format!("'{}'", name.local)
    } else {
        format!("'{}' in namespace '{}'", name.local, name.namespace)
    }
}

fn name_of(node: &Node) -> Name {
    node.name().unwrap_or(Name {
        namespace: "".into(),
        local: "".into(),
    })
}

fn blank(text: &str) -> bool {
    text.bytes()
        .all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
}

fn has_content(node: &Node) -> Option<Rc<Node>> {
    node.children().into_iter().find(|n| {
        matches!(
            n.kind,
            Kind::Element { .. } | Kind::Text(_) | Kind::CData(_)
        )
    })
}

impl<'m> Validator<'m> {
    pub(super) fn new(model: &'m Model, places: &'m Places) -> Validator<'m> {
        Validator {
            model,
            places,
            violations: Vec::new(),
            values: HashMap::new(),
            tables: Tables::new(),
            ids: HashSet::new(),
            references: Vec::new(),
            work: MAX_WORK,
        }
    }

    /// Everything that was wrong.
    pub(super) fn finish(mut self) -> Vec<Violation> {
        for (reference, place) in std::mem::take(&mut self.references) {
            if !self.ids.contains(&reference) {
                self.at(
                    place,
                    format!("Reference to undeclared ID is '{reference}'."),
                );
            }
        }
        self.violations
    }

    fn at(&mut self, (line, column): (usize, usize), message: impl Into<String>) {
        if self.violations.len() < MOST {
            self.violations.push(Violation {
                message: message.into(),
                line,
                column,
            });
        }
    }

    /// Something is wrong where a node begins.
    pub(super) fn say(&mut self, node: &Node, message: impl Into<String>) {
        self.at(self.places.start(node), message);
    }

    /// Counts work; false when there was too much, which is told once.
    pub(super) fn pays(&mut self, nodes: usize) -> bool {
        if self.work == 0 {
            return false;
        }
        match self.work.checked_sub(nodes + 1) {
            Some(left) => self.work = left,
            None => {
                self.work = 0;
                self.at((1, 1), "The identity constraints take too long.");
            }
        }
        self.work > 0
    }

    /// An element that no other one's content model speaks of.
    pub(super) fn root(&mut self, node: &Rc<Node>) {
        let name = name_of(node);
        let declared = self.model.global_elements.get(&name).copied();
        if declared.is_none() && self.named_type(node).is_none() {
            let known = self.model.targets.contains(&name.namespace);
            let name = shown(&name);
            return self.say(
                node,
                if known {
                    format!("The '{name}' element is not declared.")
                } else {
                    format!("Could not find schema information for the element '{name}'.")
                },
            );
        }
        self.element(node, declared);
    }

    fn instance(&self, node: &Node, local: &str) -> Option<Rc<Node>> {
        node.attributes().into_iter().find(|a| {
            a.name()
                .is_some_and(|n| &*n.namespace == XSI && &*n.local == local)
        })
    }

    /// The type that `xsi:type` names.
    fn named_type(&self, node: &Node) -> Option<Type> {
        let said = self.instance(node, "type")?.inner_text();
        let said = said.trim();
        let (prefix, local) = said.split_once(':').unwrap_or(("", said));
        let namespace = match node.namespace_of(prefix) {
            Some(namespace) => namespace,
            None if prefix.is_empty() => "".into(),
            None => return None,
        };
        let name = Name {
            namespace,
            local: local.into(),
        };
        self.model.global_types.get(&name).copied()
    }

    fn base_of(&self, ty: Type) -> Option<(Type, u8)> {
        match ty {
            Type::Simple(simple) => {
                let base = self.model.simples.get(simple)?.base?;
                Some((Type::Simple(base), RESTRICTION))
            }
            Type::Complex(complex) => {
                let complex = self.model.complexes.get(complex)?;
                Some((complex.base?, complex.derived))
            }
        }
    }

    /// Whether a type may stand for another one, given the ways that are closed.
    fn derived(&self, ty: Type, from: Type, closed: u8) -> bool {
        // Everything is derived from the anyType.
        let any = Type::Complex(0);
        let (mut at, mut steps) = (ty, 0);
        while at != from {
            match self.base_of(at) {
                Some((_, how)) if how & closed != 0 => return false,
                Some((base, _)) if steps < MAX_BASES => at = base,
                _ => return from == any,
            }
            steps += 1;
        }
        true
    }

    /// An element with its declaration, or by its `xsi:type` alone.
    fn element(&mut self, node: &Rc<Node>, declared: Option<usize>) {
        let model = self.model;
        let declaration: Option<&Element> = declared.and_then(|at| model.elements.get(at));
        let mut ty = declaration.map_or(Type::Complex(0), |d| d.ty);
        if let Some(named) = self.instance(node, "type") {
            let said = named.inner_text();
            let closed = declaration.map_or(0, |d| d.block) & (EXTENSION | RESTRICTION);
            match self.named_type(node) {
                None => {
                    self.say(node, format!("This is an invalid xsi:type '{said}'."));
                }
                Some(own) if self.derived(own, ty, closed | self.block_of(ty)) => ty = own,
                Some(_) => {
                    let name = shown(&name_of(node));
                    self.say(node, format!("The xsi:type attribute value '{said}' is not valid for the element '{name}', either because it is not a type validly derived from the type in the schema, or because it has xsi:type derivation blocked."));
                    // What it holds could be held to nothing.
                    return;
                }
            }
        }
        let complex = match ty {
            Type::Complex(at) => model.complexes.get(at),
            Type::Simple(_) => None,
        };
        if declaration.is_some_and(|d| d.is_abstract) || complex.is_some_and(|c| c.is_abstract) {
            let name = shown(&name_of(node));
            self.say(
                node,
                format!("The element '{name}' is abstract or its type is abstract."),
            );
            return;
        }
        let nil = self
            .instance(node, "nil")
            .is_some_and(|a| matches!(a.inner_text().trim(), "true" | "1"));
        let nillable = declaration.is_none_or(|d| d.nillable);
        if nil && !nillable {
            self.say(node, "If the 'nillable' attribute is false in the schema, the 'xsi:nil' attribute must not be present in the instance.");
        }
        self.attributes(node, complex);
        let outer = declaration
            .filter(|d| !d.constraints.is_empty())
            .map(|_| std::mem::take(&mut self.tables));
        if nil && nillable {
            if let Some(content) = has_content(node) {
                let name = shown(&name_of(node));
                self.say(
                    &content,
                    format!("Element '{name}' must have no character or element children."),
                );
            }
        } else {
            match ty {
                Type::Simple(simple) => self.simple_content(node, declaration, simple, ty),
                Type::Complex(_) => match complex.map(|c| &c.content) {
                    Some(Content::Simple(simple)) => {
                        self.simple_content(node, declaration, *simple, ty);
                    }
                    Some(content) => self.children(node, content),
                    None => {}
                },
            }
        }
        if let (Some(declaration), Some(outer)) = (declaration, outer) {
            self.constraints(&declaration.constraints, node);
            for (name, keys) in outer {
                self.tables.entry(name).or_default().extend(keys);
            }
        }
    }

    fn block_of(&self, ty: Type) -> u8 {
        match ty {
            Type::Complex(at) => self.model.complexes.get(at).map_or(0, |c| c.block),
            Type::Simple(_) => 0,
        }
    }

    /// What a type is called in messages about values.
    fn type_name(&self, ty: Type, simple: usize) -> String {
        let name = match ty {
            Type::Simple(at) => self.model.simples.get(at).and_then(|s| s.name.as_ref()),
            Type::Complex(at) => self.model.complexes.get(at).and_then(|c| c.name.as_ref()),
        };
        let code = || {
            let simple = self.model.simples.get(simple);
            simple.map_or_else(String::new, |s| s.code(&self.model.simples))
        };
        name.map_or_else(code, shown)
    }

    /// A value of a simple type, noted for what compares it.
    fn value(
        &mut self,
        simple: usize,
        text: &str,
        of: &Rc<Node>,
        scope: &Node,
    ) -> Result<Value, String> {
        let model = self.model;
        let Some(ty) = model.simples.get(simple) else {
            return Ok(Value::Text(text.to_owned()));
        };
        let list = matches!(ty.variety, super::simple::Variety::List(_));
        let built_in = ty
            .name
            .as_ref()
            .is_some_and(|n| &*n.namespace == super::builtin::XS);
        if list && built_in && blank(text) {
            return Err(String::from("The attribute value cannot be empty."));
        }
        let value = ty.value(&model.simples, text, Some(scope))?;
        self.values.insert(Rc::as_ptr(of), value.canonical());
        let place = self.places.start(of);
        match ty.refers() {
            Refers::Id => {
                let id = text.trim().to_owned();
                if !self.ids.insert(id.clone()) {
                    self.at(place, format!("'{id}' is already used as an ID."));
                }
            }
            Refers::IdRef => self.references.push((text.trim().to_owned(), place)),
            Refers::No => {}
        }
        Ok(value)
    }

    fn simple_content(
        &mut self,
        node: &Rc<Node>,
        declaration: Option<&Element>,
        simple: usize,
        ty: Type,
    ) {
        let name = name_of(node);
        if let Some(child) = node.children().into_iter().find(|n| n.is_element()) {
            let (parent, child_name) = (told(&name), told(&name_of(&child)));
            return self.say(&child, format!("The element {parent} cannot contain child element {child_name} because the parent element's content model is text only."));
        }
        let text = node.inner_text();
        let given = declaration.and_then(|d| d.fixed.as_ref().or(d.default.as_ref()));
        let text = match given {
            Some(given) if text.is_empty() => given.clone(),
            _ => text,
        };
        let end = self.places.end(node);
        match self.value(simple, &text, node, node) {
            Err(why) => {
                let (name, ty) = (shown(&name), self.type_name(ty, simple));
                self.at(end, format!("The '{name}' element is invalid - The value '{text}' is invalid according to its datatype '{ty}' - {why}"));
            }
            Ok(value) => {
                let fixed = declaration.and_then(|d| d.fixed.as_ref());
                if fixed.is_some_and(|fixed| !self.same(simple, &value, fixed, node)) {
                    let name = shown(&name);
                    self.at(
                        end,
                        format!(
                            "The value of the '{name}' element does not equal its fixed value."
                        ),
                    );
                }
            }
        }
    }

    /// Whether a value is the one of a text.
    fn same(&self, simple: usize, value: &Value, text: &str, scope: &Node) -> bool {
        let all = &self.model.simples;
        all.get(simple)
            .is_none_or(|s| s.value(all, text, Some(scope)).as_ref() == Ok(value))
    }

    fn attributes(&mut self, node: &Rc<Node>, complex: Option<&'m Complex>) {
        let declared = complex.map_or(&[][..], |c| &c.attributes);
        let any = complex.and_then(|c| c.any_attribute.as_ref());
        let mut seen: Vec<Name> = Vec::new();
        for attribute in node.attributes() {
            let Some(name) = attribute.name().filter(|n| !n.declares()) else {
                continue;
            };
            if &*name.namespace == XSI {
                if !matches!(
                    &*name.local,
                    "type" | "nil" | "schemaLocation" | "noNamespaceSchemaLocation"
                ) {
                    self.say(&attribute, format!("The attribute '{}' does not match one of the four allowed attributes in the 'xsi' namespace.", shown(&name)));
                }
                continue;
            }
            let own = declared.iter().find(|a| a.name == name && !a.prohibited);
            seen.push(name.clone());
            let model = self.model;
            let used = match (own, any) {
                (Some(own), _) => Some(own),
                (None, Some(any)) if any.takes(&name.namespace) => match any.process {
                    Process::Skip => continue,
                    process => match model.global_attributes.get(&name) {
                        Some(known) => Some(known),
                        None if process == Process::Lax => continue,
                        None => None,
                    },
                },
                (None, _) if &*name.namespace == XML => continue,
                (None, Some(_)) => {
                    self.say(
                        &attribute,
                        format!("The '{}' attribute is not allowed.", shown(&name)),
                    );
                    continue;
                }
                (None, None) => None,
            };
            let Some(used) = used else {
                self.say(
                    &attribute,
                    format!("The '{}' attribute is not declared.", shown(&name)),
                );
                continue;
            };
            let text = attribute.inner_text();
            match self.value(used.ty, &text, &attribute, node) {
                Err(why) => {
                    let ty = self.type_name(Type::Simple(used.ty), used.ty);
                    self.say(&attribute, format!("The '{}' attribute is invalid - The value '{text}' is invalid according to its datatype '{ty}' - {why}", shown(&name)));
                }
                Ok(value) => {
                    let fixed = used.fixed.as_ref();
                    if fixed.is_some_and(|fixed| !self.same(used.ty, &value, fixed, node)) {
                        self.say(
                            &attribute,
                            format!(
                                "The value of the '{}' attribute does not equal its fixed value.",
                                shown(&name)
                            ),
                        );
                    }
                }
            }
        }
        for wanted in declared.iter().filter(|a| a.required) {
            if !seen.contains(&wanted.name) {
                self.say(
                    node,
                    format!(
                        "The required attribute '{}' is missing.",
                        shown(&wanted.name)
                    ),
                );
            }
        }
    }

    /// The children of an element against its content.
    fn children(&mut self, node: &Rc<Node>, content: &'m Content) {
        let parent = told(&name_of(node));
        let mixed = match content {
            Content::Children { mixed, .. } | Content::All { mixed, .. } => *mixed,
            Content::Empty | Content::Simple(_) => false,
        };
        let mut progress = Progress::of(content);
        for child in node.children() {
            match &child.kind {
                Kind::Text(text) | Kind::CData(text) => {
                    let blank = blank(&text.borrow());
                    let Some(progress) = &progress else {
                        let what = if blank { "white space" } else { "text" };
                        return self.say(
                            &child,
                            format!("The element cannot contain {what}. Content model is empty."),
                        );
                    };
                    if !mixed && !blank {
                        let expected = expecting(&progress.expected(self.model, false));
                        return self.say(
                            &child,
                            format!("The element {parent} cannot contain text.{expected}"),
                        );
                    }
                }
                Kind::Element { .. } => {
                    let name = name_of(&child);
                    let Some(progress) = &mut progress else {
                        return self.say(&child, format!("The element {parent} cannot contain child element {} because the parent element's content model is empty.", told(&name)));
                    };
                    match progress.step(self.model, &name) {
                        Ok(Found::Element(at)) => self.element(&child, Some(at)),
                        Ok(Found::Any(any)) => self.wild(&child, &any),
                        Err(Refused::Twice) => {
                            return self.say(&child, format!("Element '{}' cannot appear more than once if content model type is \"all\".", shown(&name)));
                        }
                        Err(Refused::Unexpected) => {
                            let expected = expecting(&progress.expected(self.model, false));
                            return self.say(
                                &child,
                                format!(
                                    "The element {parent} has invalid child element {}.{expected}",
                                    told(&name)
                                ),
                            );
                        }
                    }
                }
                _ => {}
            }
        }
        if let Some(progress) = &progress
            && !progress.complete()
        {
            let expected = expecting(&progress.expected(self.model, true));
            let end = self.places.end(node);
            self.at(
                end,
                format!("The element {parent} has incomplete content.{expected}"),
            );
        }
    }

    /// An element where a wildcard stands.
    fn wild(&mut self, node: &Rc<Node>, any: &Any) {
        let name = name_of(node);
        if any.process == Process::Skip {
            return;
        }
        let declared = self.model.global_elements.get(&name).copied();
        if declared.is_some() || self.named_type(node).is_some() {
            return self.element(node, declared);
        }
        if any.process == Process::Strict {
            return self.say(
                node,
                format!("The '{}' element is not declared.", shown(&name)),
            );
        }
        // What is declared of its content still holds.
        for child in node.children().iter().filter(|n| n.is_element()) {
            self.wild(child, any);
        }
    }
}

fn expecting(list: &str) -> String {
    if list.is_empty() {
        String::new()
    } else {
        format!(" List of possible elements expected: {list}.")
    }
}
