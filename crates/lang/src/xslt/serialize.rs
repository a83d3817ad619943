//! The result as text: the output methods xml, html and text, as .NET writes them.
//!
//! What HTML knows of its elements is in `serialize/html.rs`. Source: measured (`tests/xslt`). What must stay true: what
//! the encoding lacks is written as a character reference where one may stand; line ends are `\n`.

mod html;

use super::marks::Marks;
use super::output::{Method, Output};
use crate::expr::eval::{Cx, Throw};
use crate::value::xml::write::escape;
use crate::value::xml::{Kind, Node};
use html::Properties;
use std::rc::Rc;

/// Writes a result.
pub(super) struct Serializer<'a> {
    output: &'a Output,
    marks: &'a Marks,
    /// The name of the encoding.
    encoding: &'a str,
    /// The last character that it has.
    last: u32,
    out: String,
    indent: bool,
    level: usize,
    mixed: bool,
    /// Where the last text ends.
    text_at: usize,
    doctype: bool,
    /// Where the last block of HTML ends or begins its content.
    block_at: Option<usize>,
}

impl<'a> Serializer<'a> {
    pub(super) fn new(output: &'a Output, marks: &'a Marks, encoding: &'a str, last: u32) -> Self {
        Serializer {
            output,
            marks,
            encoding,
            last,
            out: String::new(),
            indent: false,
            level: 0,
            mixed: false,
            text_at: 0,
            doctype: false,
            block_at: None,
        }
    }

    /// The text of a result tree.
    pub(super) fn write(mut self, cx: &mut Cx<'_>, root: &Rc<Node>) -> Result<String, Throw> {
        let children = root.children();
        match self.output.method.unwrap_or_else(|| guessed(&children)) {
            Method::Text => {
                let text = root.inner_text();
                cx.charge(text.len())?;
                return Ok(text.to_string());
            }
            Method::Xml => {
                self.indent = self.output.indent.unwrap_or(false);
                self.declaration();
                for child in &children {
                    self.node(cx, child, false)?;
                }
            }
            Method::Html => {
                self.indent = self.output.indent.unwrap_or(true);
                for child in &children {
                    self.html(cx, child, Properties::default())?;
                }
            }
        }
        Ok(self.out)
    }

    fn declaration(&mut self) {
        if self.output.omit_declaration == Some(true) {
            return;
        }
        self.out.push_str("<?xml version=\"1.0\" encoding=\"");
        self.out.push_str(self.encoding);
        if let Some(standalone) = self.output.standalone {
            self.out.push_str("\" standalone=\"");
            self.out.push_str(if standalone { "yes" } else { "no" });
        }
        self.out.push_str("\"?>");
    }

    /// The document type comes before the first element.
    fn doctype(&mut self, name: &str, html: bool) {
        if std::mem::replace(&mut self.doctype, true) {
            return;
        }
        let (public, system) = (&self.output.doctype_public, &self.output.doctype_system);
        let wanted = system.is_some() || html && public.is_some();
        if !wanted {
            return;
        }
        if !html {
            self.new_line();
        }
        self.out.push_str("<!DOCTYPE ");
        self.out.push_str(name);
        match (public, system) {
            (Some(public), system) => {
                self.out.push_str(" PUBLIC \"");
                self.out.push_str(public);
                self.out.push('"');
                if let Some(system) = system {
                    self.out.push_str(" \"");
                    self.out.push_str(system);
                    self.out.push('"');
                }
            }
            (None, Some(system)) => {
                self.out.push_str(" SYSTEM \"");
                self.out.push_str(system);
                self.out.push('"');
            }
            (None, None) => {}
        }
        self.out.push('>');
        if html {
            self.block_at = Some(self.out.len());
        }
    }

    fn new_line(&mut self) {
        if self.indent && !self.mixed && self.text_at != self.out.len() {
            self.break_line();
        }
    }

    fn break_line(&mut self) {
        self.out.push('\n');
        for _ in 0..self.level {
            self.out.push_str("  ");
        }
    }

    /// What the encoding lacks, as references.
    fn encodable(&self, text: String) -> String {
        if self.last >= 0x10_ffff || text.chars().all(|c| u32::from(c) <= self.last) {
            return text;
        }
        let mut out = String::with_capacity(text.len() * 2);
        for c in text.chars() {
            if u32::from(c) <= self.last {
                out.push(c);
            } else {
                out.push_str(&format!("&#x{:X};", u32::from(c)));
            }
        }
        out
    }

    fn escaped(&mut self, text: &str, attribute: bool) {
        let mut escaped = String::with_capacity(text.len() + 8);
        escape(text, attribute, &mut escaped);
        let escaped = self.encodable(escaped);
        self.out.push_str(&escaped);
    }

    /// A name with the prefix that it was made with.
    fn tag(&self, node: &Node) -> String {
        let Some(name) = node.name() else {
            return String::new();
        };
        let prefix = if name.declares() {
            if name.namespace.is_empty() {
                ""
            } else {
                "xmlns"
            }
            .into()
        } else {
            self.marks.prefix_of(node)
        };
        if prefix.is_empty() {
            name.local.to_string()
        } else {
            format!("{prefix}:{}", name.local)
        }
    }

    fn count(&self, cx: &mut Cx<'_>, before: usize) -> Result<(), Throw> {
        let grown = self.out.len().saturating_sub(before);
        cx.step(1 + grown / 256)?;
        cx.breathe()?;
        cx.charge(grown)
    }

    /// Writes a node. No tree is deep enough to make this recursion unsafe.
    fn node(&mut self, cx: &mut Cx<'_>, node: &Rc<Node>, cdata: bool) -> Result<(), Throw> {
        let before = self.out.len();
        match &node.kind {
            Kind::Element { .. } => return self.element(cx, node),
            Kind::Text(text) | Kind::CData(text) => {
                self.mixed = true;
                let text = text.borrow();
                if self.marks.raw.contains(&Rc::as_ptr(node)) {
                    self.out.push_str(&text);
                } else if cdata {
                    self.out.push_str("<![CDATA[");
                    self.out.push_str(&text.replace("]]>", "]]]]><![CDATA[>"));
                    self.out.push_str("]]>");
                } else {
                    self.escaped(&text, false);
                }
                self.text_at = self.out.len();
            }
            Kind::Comment(text) => {
                self.new_line();
                self.comment(&text.borrow());
            }
            Kind::Instruction { target, data } => {
                self.new_line();
                self.out.push_str("<?");
                self.out.push_str(&target.borrow());
                if !data.borrow().is_empty() {
                    self.out.push(' ');
                    self.out.push_str(&data.borrow().replace("?>", "? >"));
                }
                self.out.push_str("?>");
            }
            Kind::Document(_) | Kind::Attribute { .. } | Kind::DocumentType(_) => {}
        }
        self.count(cx, before)
    }

    fn comment(&mut self, text: &str) {
        self.out.push_str("<!--");
        let mut last = ' ';
        for c in text.chars() {
            if c == '-' && last == '-' {
                self.out.push(' ');
            }
            self.out.push(c);
            last = c;
        }
        if last == '-' {
            self.out.push(' ');
        }
        self.out.push_str("-->");
    }

    fn element(&mut self, cx: &mut Cx<'_>, node: &Rc<Node>) -> Result<(), Throw> {
        let before = self.out.len();
        let tag = self.tag(node);
        self.doctype(&tag, false);
        self.new_line();
        self.out.push('<');
        self.out.push_str(&tag);
        self.level += 1;
        for attribute in node.attributes() {
            self.out.push(' ');
            let name = self.tag(&attribute);
            self.out.push_str(&name);
            self.out.push_str("=\"");
            self.escaped(&attribute.inner_text(), true);
            self.out.push('"');
        }
        self.count(cx, before)?;
        let children = node.children();
        if children.is_empty() {
            self.out.push_str(" />");
            self.level -= 1;
            return Ok(());
        }
        self.out.push('>');
        let begin = self.out.len();
        let outer = self.mixed;
        // Text beside the root does not keep the root from being indented.
        if self.level == 1 {
            self.mixed = false;
        }
        let cdata = node.name().is_some_and(|n| self.output.cdata.contains(&n));
        for child in &children {
            self.node(cx, child, cdata)?;
        }
        self.level -= 1;
        if self.out.len() > begin {
            self.new_line();
        }
        self.mixed = outer;
        self.out.push_str("</");
        self.out.push_str(&tag);
        self.out.push('>');
        Ok(())
    }
}

/// The method when none is said.
fn guessed(children: &[Rc<Node>]) -> Method {
    for child in children {
        match &child.kind {
            Kind::Element { .. } => {
                let html = child.name().is_some_and(|n| {
                    n.namespace.is_empty() && n.local.eq_ignore_ascii_case("html")
                });
                return if html { Method::Html } else { Method::Xml };
            }
            Kind::Text(text) if !text.borrow().trim().is_empty() => return Method::Xml,
            _ => {}
        }
    }
    Method::Xml
}
