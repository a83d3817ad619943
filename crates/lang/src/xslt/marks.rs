//! What a transformation knows of nodes beside their trees: prefixes as written, texts without escapes.
//!
//! What must stay true: it lives no longer than the trees, whose roots the transformation keeps.

use crate::expr::table::xml::xpath::prefix_declared;
use crate::value::Str;
use crate::value::xml::{Node, XML};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

#[derive(Default)]
pub(super) struct Marks {
    prefixes: HashMap<*const Node, Str>,
    /// Texts that are written without escapes.
    pub(super) raw: HashSet<*const Node>,
}

impl Marks {
    /// Notes the prefix of an element or attribute.
    pub(super) fn prefix(&mut self, node: &Rc<Node>, prefix: &Str) {
        if !prefix.is_empty() {
            self.prefixes.insert(Rc::as_ptr(node), prefix.clone());
        }
    }

    /// The prefix of an element or attribute: the one that was noted, or the first that means its namespace.
    pub(super) fn prefix_of(&self, node: &Node) -> Str {
        if let Some(prefix) = self.prefixes.get(&std::ptr::from_ref(node)) {
            return prefix.clone();
        }
        let Some(name) = node.name().filter(|n| !n.namespace.is_empty()) else {
            return Str::from("");
        };
        let scope = node.holder().filter(|_| node.is_attribute());
        let scope = scope.as_deref().unwrap_or(node);
        let default = scope.namespace_of("").as_ref() == Some(&name.namespace);
        if default && !node.is_attribute() {
            return Str::from("");
        }
        scope
            .prefix_of(&name.namespace)
            .unwrap_or_else(|| Str::from(""))
    }
}

/// The namespaces in scope of an element: the nearest declaration of each prefix, and `xml`.
pub(super) fn in_scope(element: &Rc<Node>) -> Vec<(Str, Str)> {
    let mut all: Vec<(Str, Str)> = Vec::new();
    let mut at = Some(element.clone());
    while let Some(node) = at {
        for attribute in node.attributes() {
            let Some(name) = attribute.name().filter(|n| n.declares()) else {
                continue;
            };
            let prefix = prefix_declared(&name);
            if !all.iter().any(|(p, _)| *p == prefix) {
                all.push((prefix, attribute.inner_text()));
            }
        }
        at = node.holder();
    }
    all.retain(|(p, n)| !(n.is_empty() && p.is_empty()));
    all.push((Str::from("xml"), Str::from(XML)));
    all
}
