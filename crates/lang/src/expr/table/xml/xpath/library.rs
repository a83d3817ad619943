//! What the host of a path lends to XPath, and the order of nodes in their documents.
//!
//! Paths of expressions have prefixes alone; stylesheets have variables, functions and nodes of namespaces too. What must
//! stay true: what a host does not have is refused with a message.

use super::{Context, Found, Prefixes, fault};
use crate::expr::eval::{Cx, Throw};
use crate::value::Str;
use crate::value::xml::Node;
use std::collections::HashMap;
use std::rc::Rc;

/// What the host of a path adds to XPath: names, and in stylesheets variables, functions and nodes of namespaces.
pub(crate) trait Library {
    /// The places of nodes in document order that are known.
    fn order(&mut self) -> &mut Order;
    /// What a prefix means.
    fn namespace(&self, prefix: &str) -> Result<Str, Throw>;
    /// A variable by its place (see [`Expr::Variable`]).
    fn variable(&mut self, _cx: &mut Cx<'_>, _place: usize) -> Result<Found, Throw> {
        Err(fault(CONTEXT_NEEDED))
    }
    /// A function that XPath does not have.
    fn call(
        &mut self,
        _cx: &mut Cx<'_>,
        name: &str,
        _args: Vec<Found>,
        _at: &Context,
    ) -> Result<Found, Throw> {
        Err(fault(format!("The function {name}() is not supported.")))
    }
    /// The nodes of the namespace axis.
    fn namespaces(&mut self, _cx: &mut Cx<'_>, _node: &Rc<Node>) -> Result<Vec<Rc<Node>>, Throw> {
        Err(fault("The namespace axis is not supported."))
    }
    /// The name of a node as it is written.
    fn qualified(&self, node: &Node) -> Str {
        super::super::document::qualified(node)
    }
}

pub(super) const CONTEXT_NEEDED: &str = "Namespace Manager or XsltContext needed. This query has a prefix, variable, or user-defined function.";

/// Places of nodes in document order, of all trees that were looked at. It must not outlive them.
#[derive(Default)]
pub(crate) struct Order(HashMap<*const Node, u64>);

/// Room between two nodes, for the nodes of their namespaces.
const ROOM: u64 = 4096;

impl Order {
    /// The place of a node; its tree is numbered when it was not.
    pub(crate) fn place(&mut self, cx: &mut Cx<'_>, node: &Rc<Node>) -> Result<u64, Throw> {
        if let Some(place) = self.0.get(&Rc::as_ptr(node)) {
            return Ok(*place);
        }
        self.number(cx, &node.root())?;
        Ok(self.0.get(&Rc::as_ptr(node)).copied().unwrap_or(u64::MAX))
    }

    /// Gives a node of a namespace the place after its element.
    pub(crate) fn put(&mut self, node: &Rc<Node>, element: u64, at: usize) {
        let place = element + 1 + (at as u64).min(ROOM - 2);
        self.0.insert(Rc::as_ptr(node), place);
    }

    /// Numbers a tree in document order; attributes follow their element.
    fn number(&mut self, cx: &mut Cx<'_>, root: &Rc<Node>) -> Result<(), Throw> {
        let mut all = vec![root.clone()];
        all.extend(root.descendants());
        cx.step(all.len())?;
        cx.charge(all.len() * 32)?;
        // Nodes of namespaces come in between, and not at the end.
        let mut next = self.0.len() as u64 * ROOM;
        for node in all {
            self.0.insert(Rc::as_ptr(&node), next);
            next += ROOM;
            for attribute in node.attributes() {
                self.0.insert(Rc::as_ptr(&attribute), next);
                next += ROOM;
            }
        }
        Ok(())
    }

    /// Puts nodes in document order, each once.
    pub(crate) fn sort(&mut self, cx: &mut Cx<'_>, nodes: &mut Vec<Rc<Node>>) -> Result<(), Throw> {
        if nodes.len() < 2 {
            return Ok(());
        }
        for node in nodes.iter() {
            self.place(cx, node)?;
        }
        cx.step(nodes.len())?;
        nodes.sort_by_cached_key(|n| self.0.get(&Rc::as_ptr(n)).copied());
        nodes.dedup_by(|a, b| Rc::ptr_eq(a, b));
        Ok(())
    }
}

/// The library of paths outside of stylesheets.
pub(super) struct Plain<'p> {
    pub(super) prefixes: Prefixes<'p>,
    pub(super) order: Order,
}

impl Library for Plain<'_> {
    fn order(&mut self) -> &mut Order {
        &mut self.order
    }

    fn namespace(&self, prefix: &str) -> Result<Str, Throw> {
        match self.prefixes {
            None => Err(fault(CONTEXT_NEEDED)),
            Some(_) if prefix == "xml" => Ok(Str::from(crate::value::xml::XML)),
            Some(find) => find(prefix)
                .ok_or_else(|| fault(format!("Namespace prefix '{prefix}' is not defined."))),
        }
    }
}
