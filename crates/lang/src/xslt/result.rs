//! The tree that a template makes: the result, and fragments in variables.
//!
//! `xslt/run.rs` tells it what comes. What must stay true: every name that is written has its namespace declared, and no
//! declaration says again what is known; no tree is deeper than trees of XML may be; where text alone may stand, nothing
//! else is let in.

use super::marks::Marks;
use crate::expr::eval::{Cx, Throw, throw};
use crate::value::Str;
use crate::value::xml::{Kind, MAX_HEIGHT, Name, Node, XML, XMLNS};
use std::cell::RefCell;
use std::rc::Rc;

/// An element that has begun.
struct Open {
    node: Rc<Node>,
    /// What its start tag declares.
    declares: Vec<(Str, Str)>,
}

/// A start tag that may still get attributes.
struct Head {
    prefix: Str,
    name: Name,
    declares: Vec<(Str, Str)>,
    attributes: Vec<(Str, Name, String)>,
}

/// What is made.
pub(super) struct Builder {
    root: Rc<Node>,
    open: Vec<Open>,
    head: Option<Head>,
    text: String,
    /// Whether the text is to be written without escapes.
    raw: bool,
    /// Only text may stand: the content of an attribute, a comment or an instruction.
    flat: Option<&'static str>,
    /// The number of the next prefix that is made up.
    made_up: usize,
}

fn refused(message: impl Into<Str>) -> Throw {
    throw("XsltException", message)
}

impl Builder {
    pub(super) fn tree() -> Builder {
        Builder {
            root: Node::document(),
            open: Vec::new(),
            head: None,
            text: String::new(),
            raw: false,
            flat: None,
            made_up: 0,
        }
    }

    /// One that takes text alone; `of`: what the text is for.
    pub(super) fn flat(of: &'static str) -> Builder {
        Builder {
            flat: Some(of),
            ..Builder::tree()
        }
    }

    /// What a prefix means in what is open.
    fn meaning(&self, prefix: &str) -> Option<&Str> {
        if let Some(head) = &self.head
            && let Some((_, namespace)) = head.declares.iter().rev().find(|(p, _)| &**p == prefix)
        {
            return Some(namespace);
        }
        let mut all = self.open.iter().rev().flat_map(|o| o.declares.iter().rev());
        all.find(|(p, _)| &**p == prefix).map(|(_, n)| n)
    }

    /// A prefix that means a namespace and is not hidden.
    fn prefix_for(&self, namespace: &str) -> Option<Str> {
        let own = self.head.iter().flat_map(|h| h.declares.iter().rev());
        let all = own.chain(self.open.iter().rev().flat_map(|o| o.declares.iter().rev()));
        all.filter(|(p, n)| &**n == namespace && !p.is_empty())
            .find(|(p, _)| self.meaning(p).is_some_and(|m| &**m == namespace))
            .map(|(p, _)| p.clone())
    }

    /// The parent of what comes next.
    fn parent(&self) -> &Rc<Node> {
        self.open.last().map_or(&self.root, |o| &o.node)
    }

    fn only_text(&self) -> Result<(), Throw> {
        match self.flat {
            Some(of) => Err(refused(format!("The content of {of} may be text only."))),
            None => Ok(()),
        }
    }

    fn flush_text(&mut self, cx: &mut Cx<'_>, marks: &mut Marks) -> Result<(), Throw> {
        if self.text.is_empty() {
            return Ok(());
        }
        cx.charge(self.text.len() + size_of::<Node>())?;
        let node = Node::text_of(std::mem::take(&mut self.text));
        if std::mem::take(&mut self.raw) {
            marks.raw.insert(Rc::as_ptr(&node));
        }
        self.parent().push(node);
        Ok(())
    }

    /// The start tag is complete.
    fn close_head(&mut self, cx: &mut Cx<'_>, marks: &mut Marks) -> Result<(), Throw> {
        if self.head.is_none() {
            return self.flush_text(cx, marks);
        }
        let Some(mut head) = self.head.take() else {
            return Ok(());
        };
        // Prefixes of attributes have been seen to; the element's own comes first.
        let mut all = Vec::with_capacity(head.attributes.len() + head.declares.len());
        let node = Node::element(head.name.clone());
        cx.charge(size_of::<Node>() * (1 + head.attributes.len() + head.declares.len()))?;
        marks.prefix(&node, &head.prefix);
        for (prefix, name, value) in head.attributes {
            cx.charge(value.len())?;
            let attribute = Node::attribute(name, value);
            marks.prefix(&attribute, &prefix);
            all.push(attribute);
        }
        // What is known already is not said again.
        let known = |prefix: &str| {
            let mut all = self.open.iter().rev().flat_map(|o| o.declares.iter().rev());
            all.find(|(p, _)| &**p == prefix).map(|(_, n)| n.clone())
        };
        head.declares.retain(|(prefix, namespace)| {
            known(prefix).map_or(!(prefix.is_empty() && namespace.is_empty()), |n| {
                n != *namespace
            })
        });
        for (prefix, namespace) in &head.declares {
            let name = if prefix.is_empty() {
                Name {
                    namespace: Str::from(""),
                    local: Str::from("xmlns"),
                }
            } else {
                Name {
                    namespace: Str::from(XMLNS),
                    local: prefix.clone(),
                }
            };
            all.push(Node::attribute(name, namespace.clone()));
        }
        node.set_attributes(all);
        if self.open.len() + 2 >= MAX_HEIGHT {
            return Err(refused("The result is nested too deeply."));
        }
        self.parent().push(node.clone());
        self.open.push(Open {
            node,
            declares: head.declares,
        });
        Ok(())
    }

    pub(super) fn start(
        &mut self,
        cx: &mut Cx<'_>,
        marks: &mut Marks,
        prefix: &Str,
        name: &Name,
    ) -> Result<(), Throw> {
        self.only_text()?;
        self.close_head(cx, marks)?;
        self.flush_text(cx, marks)?;
        let prefix = match (&*name.namespace, &**prefix) {
            (XML, _) => Str::from("xml"),
            ("", _) => Str::from(""),
            (_, "xml" | "xmlns") => Str::from(""),
            _ => prefix.clone(),
        };
        let mut declares = Vec::new();
        if &*name.namespace != XML {
            declares.push((prefix.clone(), name.namespace.clone()));
        }
        self.head = Some(Head {
            prefix,
            name: name.clone(),
            declares,
            attributes: Vec::new(),
        });
        Ok(())
    }

    /// A node of a namespace for the element that has just begun; what hides one that is there is left out.
    pub(super) fn namespace(&mut self, prefix: &Str, namespace: &Str) {
        if let Some(head) = &mut self.head
            && !matches!(&**prefix, "xml" | "xmlns")
            && !head.declares.iter().any(|(p, _)| p == prefix)
            // An element without a namespace cannot stand under a default one of its own.
            && !(prefix.is_empty() && head.name.namespace.is_empty())
        {
            head.declares.push((prefix.clone(), namespace.clone()));
        }
    }

    pub(super) fn attribute(
        &mut self,
        prefix: &Str,
        name: &Name,
        value: String,
    ) -> Result<(), Throw> {
        self.only_text()?;
        if self.head.is_none() || !self.text.is_empty() {
            return Err(refused(if self.open.is_empty() {
                "Attribute and namespace nodes cannot be added to the root of the result."
            } else {
                "Attribute and namespace nodes cannot be added to the parent element after a text, comment, pi, or sub-element node has already been added."
            }));
        }
        let prefix = match &*name.namespace {
            "" => Str::from(""),
            XML => Str::from("xml"),
            namespace => {
                let fits = !prefix.is_empty()
                    && !matches!(&**prefix, "xml" | "xmlns")
                    && self
                        .meaning_of_attribute(prefix)
                        .is_none_or(|m| **m == *namespace);
                if fits {
                    prefix.clone()
                } else {
                    self.prefix_for(namespace).unwrap_or_else(|| {
                        loop {
                            let made = Str::from(format!("xp_{}", self.made_up));
                            self.made_up += 1;
                            if self.meaning(&made).is_none() {
                                break made;
                            }
                        }
                    })
                }
            }
        };
        let known = self.meaning(&prefix).cloned();
        if let Some(head) = &mut self.head {
            if !name.namespace.is_empty()
                && &*name.namespace != XML
                && known.as_ref() != Some(&name.namespace)
                && !head.declares.iter().any(|(p, _)| *p == prefix)
            {
                head.declares.push((prefix.clone(), name.namespace.clone()));
            }
            // One of the same name takes the place of the earlier, and stands last.
            head.attributes.retain(|(_, n, _)| n != name);
            head.attributes.push((prefix, name.clone(), value));
        }
        Ok(())
    }

    /// What a prefix means for an attribute: only the tag's own declarations keep it from meaning something else.
    fn meaning_of_attribute(&self, prefix: &str) -> Option<&Str> {
        let head = self.head.as_ref()?;
        let own = head.declares.iter().rev().find(|(p, _)| &**p == prefix);
        own.map(|(_, n)| n)
    }

    pub(super) fn text(
        &mut self,
        cx: &mut Cx<'_>,
        marks: &mut Marks,
        text: &str,
        raw: bool,
    ) -> Result<(), Throw> {
        if text.is_empty() {
            return Ok(());
        }
        cx.step(text.len() / 256)?;
        cx.charge(text.len())?;
        if self.flat.is_none() && (self.head.is_some() || raw != self.raw) {
            self.close_head(cx, marks)?;
            self.flush_text(cx, marks)?;
        }
        self.raw = raw;
        self.text.push_str(text);
        Ok(())
    }

    fn lone(&mut self, cx: &mut Cx<'_>, marks: &mut Marks, kind: Kind) -> Result<(), Throw> {
        self.only_text()?;
        self.close_head(cx, marks)?;
        self.flush_text(cx, marks)?;
        cx.charge(size_of::<Node>())?;
        self.parent().push(Node::new(kind));
        Ok(())
    }

    pub(super) fn comment(
        &mut self,
        cx: &mut Cx<'_>,
        marks: &mut Marks,
        text: &str,
    ) -> Result<(), Throw> {
        cx.charge(text.len())?;
        self.lone(cx, marks, Kind::Comment(RefCell::new(Str::from(text))))
    }

    pub(super) fn instruction(
        &mut self,
        cx: &mut Cx<'_>,
        marks: &mut Marks,
        target: &str,
        data: &str,
    ) -> Result<(), Throw> {
        cx.charge(data.len())?;
        self.lone(
            cx,
            marks,
            Kind::Instruction {
                target: RefCell::new(Str::from(target)),
                data: RefCell::new(Str::from(data)),
            },
        )
    }

    /// The innermost element ends.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>, marks: &mut Marks) -> Result<(), Throw> {
        self.close_head(cx, marks)?;
        self.flush_text(cx, marks)?;
        self.open.pop();
        Ok(())
    }

    /// The tree.
    pub(super) fn finish(mut self, cx: &mut Cx<'_>, marks: &mut Marks) -> Result<Rc<Node>, Throw> {
        self.close_head(cx, marks)?;
        self.flush_text(cx, marks)?;
        Ok(self.root)
    }

    /// The text, of one that takes text alone.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}
