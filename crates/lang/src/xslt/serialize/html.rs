//! The output method html: what .NET knows of the elements and attributes of HTML 4.
//!
//! Source of the lists: measured, each element with each attribute.

use super::Serializer;
use crate::expr::eval::{Cx, Throw};
use crate::value::xml::{Kind, Node};
use std::rc::Rc;

/// Elements that stand on lines of their own.
const BLOCK: [&str; 61] = [
    "address",
    "applet",
    "area",
    "base",
    "basefont",
    "blockquote",
    "body",
    "caption",
    "center",
    "col",
    "colgroup",
    "dd",
    "del",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "font",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "html",
    "iframe",
    "ins",
    "isindex",
    "legend",
    "li",
    "link",
    "map",
    "menu",
    "meta",
    "noframes",
    "noscript",
    "ol",
    "optgroup",
    "option",
    "p",
    "param",
    "pre",
    "s",
    "strike",
    "style",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "xmp",
];
/// Elements without an end tag.
const EMPTY: [&str; 13] = [
    "area", "base", "basefont", "br", "col", "frame", "hr", "img", "input", "isindex", "link",
    "meta", "param",
];
/// Elements some of whose attributes are URLs.
const LINKS: [&str; 15] = [
    "a",
    "area",
    "base",
    "blockquote",
    "del",
    "form",
    "head",
    "img",
    "input",
    "ins",
    "link",
    "object",
    "q",
    "script",
    "table",
];
const URLS: [&str; 13] = [
    "action", "cite", "classid", "codebase", "data", "datasrc", "for", "href", "longdesc", "name",
    "profile", "src", "usemap",
];
/// Elements some of whose attributes have no value.
const SWITCHED: [&str; 19] = [
    "area", "button", "dir", "dl", "frame", "hr", "img", "input", "menu", "object", "ol",
    "optgroup", "option", "script", "select", "td", "textarea", "th", "ul",
];
const SWITCHES: [&str; 13] = [
    "checked", "compact", "declare", "defer", "disabled", "ismap", "multiple", "nohref",
    "noresize", "noshade", "nowrap", "readonly", "selected",
];

fn among(list: &[&str], name: &str) -> bool {
    !name.is_empty() && list.iter().any(|n| n.eq_ignore_ascii_case(name))
}

/// What is known of an element.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Properties {
    block: bool,
    empty: bool,
    /// Its text is written as it is.
    verbatim: bool,
    links: bool,
    switched: bool,
    head: bool,
    /// It is of another vocabulary.
    foreign: bool,
}

fn properties(node: &Node) -> Properties {
    let Some(name) = node.name() else {
        return Properties::default();
    };
    let local = &*name.local;
    if !name.namespace.is_empty() {
        return Properties {
            block: true,
            foreign: true,
            ..Properties::default()
        };
    }
    Properties {
        block: among(&BLOCK, local),
        empty: among(&EMPTY, local),
        verbatim: among(&["script", "style"], local),
        links: among(&LINKS, local),
        switched: among(&SWITCHED, local),
        head: local.eq_ignore_ascii_case("head"),
        foreign: false,
    }
}

impl Serializer<'_> {
    pub(super) fn html(
        &mut self,
        cx: &mut Cx<'_>,
        node: &Rc<Node>,
        inside: Properties,
    ) -> Result<(), Throw> {
        let before = self.out.len();
        match &node.kind {
            Kind::Element { .. } => return self.html_element(cx, node),
            Kind::Text(text) | Kind::CData(text) => {
                let text = text.borrow();
                if inside.verbatim || self.marks.raw.contains(&Rc::as_ptr(node)) {
                    self.out.push_str(&text);
                } else {
                    self.escaped(&text, false);
                }
            }
            Kind::Comment(text) => self.comment(&text.borrow()),
            Kind::Instruction { target, data } => {
                self.out.push_str("<?");
                self.out.push_str(&target.borrow());
                self.out.push(' ');
                self.out.push_str(&data.borrow());
                self.out.push('>');
            }
            Kind::Document(_) | Kind::Attribute { .. } | Kind::DocumentType(_) => {}
        }
        self.count(cx, before)
    }

    fn html_element(&mut self, cx: &mut Cx<'_>, node: &Rc<Node>) -> Result<(), Throw> {
        let before = self.out.len();
        let tag = self.tag(node);
        self.doctype(if tag == "HTML" { "HTML" } else { "html" }, true);
        let is = properties(node);
        if self.indent && is.block && self.block_at == Some(self.out.len()) && !self.out.is_empty()
        {
            self.break_line();
        }
        self.level += 1;
        self.out.push('<');
        self.out.push_str(&tag);
        for attribute in node.attributes() {
            self.html_attribute(&attribute, is);
        }
        let children = node.children();
        if is.foreign && children.is_empty() {
            self.out.push_str(" />");
            self.level -= 1;
            self.block_at = Some(self.out.len());
            return self.count(cx, before);
        }
        self.out.push('>');
        let content = self.out.len();
        if is.head {
            if self.indent {
                self.break_line();
            }
            let kind = self.output.media_type.as_deref().unwrap_or("text/html");
            let meta = format!(
                "<META http-equiv=\"Content-Type\" content=\"{kind}; charset={}\">",
                self.encoding
            );
            self.out.push_str(&meta);
            self.block_at = Some(self.out.len());
        } else if is.block {
            self.block_at = Some(self.out.len());
        }
        self.count(cx, before)?;
        for child in &children {
            self.html(cx, child, is)?;
        }
        self.level -= 1;
        if self.indent
            && is.block
            && self.block_at == Some(self.out.len())
            && content != self.out.len()
        {
            self.break_line();
        }
        if !is.empty {
            self.out.push_str("</");
            self.out.push_str(&tag);
            self.out.push('>');
        }
        if is.block {
            self.block_at = Some(self.out.len());
        }
        Ok(())
    }

    fn html_attribute(&mut self, attribute: &Rc<Node>, is: Properties) {
        let name = self.tag(attribute);
        self.out.push(' ');
        self.out.push_str(&name);
        if is.switched && among(&SWITCHES, &name) {
            return;
        }
        self.out.push_str("=\"");
        let value = attribute.inner_text();
        if is.foreign {
            self.escaped(&value, true);
        } else {
            let url = is.links && among(&URLS, &name);
            let mut text = String::with_capacity(value.len() + 8);
            let mut chars = value.chars().peekable();
            while let Some(c) = chars.next() {
                match c {
                    '&' if chars.peek() == Some(&'{') => text.push('&'),
                    '&' => text.push_str("&amp;"),
                    '"' => text.push_str("&quot;"),
                    '\n' => text.push_str("&#xA;"),
                    '\r' => text.push_str("&#xD;"),
                    c if url && !c.is_ascii() => {
                        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                            text.push_str(&format!("%{byte:02X}"));
                        }
                    }
                    c => text.push(c),
                }
            }
            let text = self.encodable(text);
            self.out.push_str(&text);
        }
        self.out.push('"');
    }
}
