//! Schema documents and those that they name: what stands at the top of each, by its name.
//!
//! What must stay true: other documents come from the service's schemas alone, their number is bounded, and one that is
//! named twice is read once.

use super::builtin::XS;
use super::places::{self, Places};
use crate::value::Str;
use crate::value::xml::{Name, Node};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

/// Most documents of one schema.
const MAX_DOCUMENTS: usize = 100;

/// A schema document.
#[derive(Debug)]
pub(super) struct Document {
    /// Kept, for its parts know it weakly.
    #[allow(dead_code, reason = "it is held and not asked")]
    root: Rc<Node>,
    pub(super) places: Places,
    pub(super) target: Str,
    /// It has no namespace of its own, and takes that of who includes it.
    pub(super) chameleon: bool,
    pub(super) qualified_elements: bool,
    pub(super) qualified_attributes: bool,
    pub(super) block: Str,
}

/// A part of a schema that has a name.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) node: Rc<Node>,
    pub(super) document: Rc<Document>,
    /// A redefinition: under its own name it refers to what it redefines.
    pub(super) redefines: bool,
}

/// What the documents hold.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) types: HashMap<Name, Raw>,
    pub(super) elements: HashMap<Name, Raw>,
    pub(super) attributes: HashMap<Name, Raw>,
    pub(super) groups: HashMap<Name, Raw>,
    pub(super) attribute_groups: HashMap<Name, Raw>,
    pub(super) targets: Vec<Str>,
    documents: Vec<Rc<Document>>,
    seen: HashSet<(String, Str)>,
}

/// A document to be read: its text, the namespace of who includes it, and what redefines it.
type Waiting = (Arc<str>, Option<Str>, Option<(Rc<Document>, Rc<Node>)>);

/// An attribute without a namespace.
pub(super) fn attribute(node: &Node, name: &str) -> Option<Str> {
    let found = node.attributes().into_iter().find(|a| {
        a.name()
            .is_some_and(|n| n.namespace.is_empty() && &*n.local == name)
    });
    found.map(|a| a.inner_text())
}

/// The local name of an element of schemas; `None`: it is none.
pub(super) fn local(node: &Node) -> Option<Str> {
    let name = node.name().filter(|_| node.is_element())?;
    (&*name.namespace == XS).then_some(name.local)
}

/// The children that are elements of schemas, but for annotations.
pub(super) fn children(node: &Node) -> Vec<(Str, Rc<Node>)> {
    node.children()
        .into_iter()
        .filter_map(|child| Some((local(&child)?, child)))
        .filter(|(name, _)| &**name != "annotation")
        .collect()
}

/// The name under which what was redefined is kept.
pub(super) fn redefined(name: &Name) -> Name {
    Name {
        namespace: name.namespace.clone(),
        local: format!("{}\u{0}", name.local).into(),
    }
}

impl Document {
    /// A message with its place.
    pub(super) fn fault(&self, node: &Node, message: impl std::fmt::Display) -> String {
        let (line, column) = self.places.start(node);
        format!("{message} Line {line}, position {column}.")
    }
}

impl Parts {
    /// Reads a document and all that it names. `target`: the namespace of who includes it.
    pub(super) fn read(
        &mut self,
        text: &str,
        target: Option<&Str>,
        included: &dyn Fn(&str) -> Option<Arc<str>>,
    ) -> Result<(), String> {
        // A list and no recursion: documents may name each other in a long row.
        let mut waiting: Vec<Waiting> = vec![(Arc::from(text), target.cloned(), None)];
        while let Some((text, target, redefine)) = waiting.pop() {
            if self.documents.len() >= MAX_DOCUMENTS {
                return Err(format!("It names more than {MAX_DOCUMENTS} schemas."));
            }
            let (root, places) = places::document(&text)
                .map_err(|(why, line, column)| format!("{why} Line {line}, position {column}."))?;
            let schema = root.children().into_iter().find(|n| n.is_element());
            let Some(schema) = schema.filter(|n| local(n).as_deref() == Some("schema")) else {
                return Err(String::from(
                    "The root element of a W3C XML Schema should be <schema> and its namespace should be 'http://www.w3.org/2001/XMLSchema'.",
                ));
            };
            let own = attribute(&schema, "targetNamespace");
            let qualified = |name: &str| attribute(&schema, name).as_deref() == Some("qualified");
            let document = Rc::new(Document {
                chameleon: own.is_none() && target.as_ref().is_some_and(|t| !t.is_empty()),
                target: own.or(target).unwrap_or_else(|| Str::from("")),
                qualified_elements: qualified("elementFormDefault"),
                qualified_attributes: qualified("attributeFormDefault"),
                block: attribute(&schema, "blockDefault").unwrap_or_else(|| Str::from("")),
                places,
                root,
            });
            if !self.targets.contains(&document.target) {
                self.targets.push(document.target.clone());
            }
            self.documents.push(document.clone());
            for (name, node) in children(&schema) {
                match &*name {
                    "include" | "import" | "redefine" => {
                        let Some(location) = attribute(&node, "schemaLocation") else {
                            continue;
                        };
                        let target = match &*name {
                            "import" => None,
                            _ => Some(document.target.clone()),
                        };
                        let key = (
                            location.to_string(),
                            target.clone().unwrap_or_else(|| "".into()),
                        );
                        if !self.seen.insert(key) {
                            continue;
                        }
                        let Some(more) = included(&location) else {
                            return Err(document.fault(
                                &node,
                                format!("There is no XML schema '{location}' among the schemas."),
                            ));
                        };
                        let redefine = (&*name == "redefine").then(|| (document.clone(), node));
                        waiting.push((more, target, redefine));
                    }
                    _ => self.put(&name, &node, &document, false)?,
                }
            }
            if let Some((by, node)) = redefine {
                for (name, part) in children(&node) {
                    self.put(&name, &part, &by, true)?;
                }
            }
        }
        Ok(())
    }

    fn put(
        &mut self,
        kind: &str,
        node: &Rc<Node>,
        document: &Rc<Document>,
        redefines: bool,
    ) -> Result<(), String> {
        let (parts, what) = match kind {
            "element" => (&mut self.elements, "element"),
            "attribute" => (&mut self.attributes, "attribute"),
            "simpleType" => (&mut self.types, "simpleType"),
            "complexType" => (&mut self.types, "complexType"),
            "group" => (&mut self.groups, "group"),
            "attributeGroup" => (&mut self.attribute_groups, "attributeGroup"),
            "notation" => return Ok(()),
            other => {
                return Err(document.fault(
                    node,
                    format!("The '{XS}:{other}' element is not supported in this context."),
                ));
            }
        };
        let Some(local) = attribute(node, "name") else {
            return Err(document.fault(node, "The required attribute 'name' is missing."));
        };
        let name = Name {
            namespace: document.target.clone(),
            local,
        };
        let raw = Raw {
            node: node.clone(),
            document: document.clone(),
            redefines,
        };
        match parts.remove(&name) {
            Some(old) if redefines => {
                parts.insert(redefined(&name), old);
            }
            Some(_) => {
                return Err(document.fault(
                    node,
                    format!(
                        "The global {what} '{}' has already been declared.",
                        name.local
                    ),
                ));
            }
            None => {}
        }
        parts.insert(name, raw);
        Ok(())
    }
}
