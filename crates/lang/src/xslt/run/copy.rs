//! `xsl:copy` and `xsl:copy-of`: nodes as they are (XSLT 1.0, sections 7.5 and 11.3).

use super::{Block, Focus, Frame, Kind, Node, State, Task, in_scope};
use crate::expr::eval::{Cx, Throw};
use crate::expr::table::xml::xpath::{Found, prefix_declared};
use std::rc::Rc;

impl<'s> State<'s> {
    pub(super) fn copy(
        &mut self,
        cx: &mut Cx<'_>,
        sets: &'s [usize],
        body: &'s Block,
        focus: &Focus,
        frame: &Rc<Frame>,
    ) -> Result<(), Throw> {
        let node = &focus.at.node;
        match &node.kind {
            Kind::Document(_) => {
                self.push_block(body, focus, frame);
                Ok(())
            }
            Kind::Element { .. } => {
                self.start_as(cx, node, true)?;
                self.tasks.push(Task::End);
                self.push_block(body, focus, frame);
                self.sets(cx, sets, focus)
            }
            _ => self.copy_leaf(cx, node),
        }
    }

    /// Begins an element like another one; `all`: with every namespace in scope, not only what it declares itself.
    fn start_as(&mut self, cx: &mut Cx<'_>, node: &Rc<Node>, all: bool) -> Result<(), Throw> {
        let Some(name) = node.name() else {
            return Ok(());
        };
        let prefix = self.marks.prefix_of(node);
        self.write(cx, |o, cx, marks| o.start(cx, marks, &prefix, &name))?;
        if all {
            let scope = in_scope(node);
            cx.step(scope.len())?;
            for (prefix, namespace) in scope {
                self.output().namespace(&prefix, &namespace);
            }
            return Ok(());
        }
        for attribute in node.attributes() {
            if let Some(name) = attribute.name().filter(|n| n.declares()) {
                self.output()
                    .namespace(&prefix_declared(&name), &attribute.inner_text());
            }
        }
        Ok(())
    }

    /// Copies what is no element and no root.
    fn copy_leaf(&mut self, cx: &mut Cx<'_>, node: &Rc<Node>) -> Result<(), Throw> {
        match &node.kind {
            Kind::Attribute { name, value } if name.declares() => {
                let prefix = prefix_declared(name);
                let namespace = value.borrow().clone();
                self.output().namespace(&prefix, &namespace);
                Ok(())
            }
            Kind::Attribute { name, value } => {
                let prefix = self.marks.prefix_of(node);
                let value = value.borrow().to_string();
                self.output().attribute(&prefix, name, value)
            }
            Kind::Text(text) | Kind::CData(text) => {
                let text = text.borrow().clone();
                let raw = self.marks.raw.contains(&Rc::as_ptr(node));
                self.write(cx, |o, cx, marks| o.text(cx, marks, &text, raw))
            }
            Kind::Comment(text) => {
                let text = text.borrow().clone();
                self.write(cx, |o, cx, marks| o.comment(cx, marks, &text))
            }
            Kind::Instruction { target, data } => {
                let (target, data) = (target.borrow().clone(), data.borrow().clone());
                self.write(cx, |o, cx, marks| o.instruction(cx, marks, &target, &data))
            }
            Kind::Document(_) | Kind::Element { .. } | Kind::DocumentType(_) => Ok(()),
        }
    }

    pub(super) fn copy_of(&mut self, cx: &mut Cx<'_>, found: &Found) -> Result<(), Throw> {
        match found {
            Found::Nodes(all) => {
                for node in all {
                    self.deep(cx, node, true)?;
                }
                Ok(())
            }
            Found::Fragment(root) => self.deep(cx, root, true),
            other => {
                let text = other.text();
                self.write(cx, |o, cx, marks| o.text(cx, marks, &text, false))
            }
        }
    }

    /// A node with all that is in it. No tree is deep enough to make this recursion unsafe.
    fn deep(&mut self, cx: &mut Cx<'_>, node: &Rc<Node>, top: bool) -> Result<(), Throw> {
        cx.step(1)?;
        cx.breathe()?;
        match &node.kind {
            Kind::Document(_) => {
                for child in node.children() {
                    self.deep(cx, &child, true)?;
                }
                Ok(())
            }
            Kind::Element { .. } => {
                self.start_as(cx, node, top)?;
                for attribute in node.attributes() {
                    if !attribute.name().is_some_and(|n| n.declares()) {
                        self.copy_leaf(cx, &attribute)?;
                    }
                }
                for child in node.children() {
                    self.deep(cx, &child, false)?;
                }
                self.write(cx, |o, cx, marks| o.end(cx, marks))
            }
            _ => self.copy_leaf(cx, node),
        }
    }
}
