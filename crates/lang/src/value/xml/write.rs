//! XML as .NET's `XmlWriter` writes a tree: indentation, escapes, prefixes.
//!
//! Source: measured with the oracle (`tests/eval/library-xml.jsonl`). Line ends are `\n`.

use super::{Kind, Name, Node, XML, XMLNS};
use crate::value::Str;
use crate::value::object::Unwritten;
use std::rc::Rc;

/// Why a tree cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It says two things of one prefix in one place.
    Prefix(String),
    /// It has a character or a name that XML does not have.
    Character(String),
}

impl From<Fault> for Unwritten {
    fn from(fault: Fault) -> Unwritten {
        let (class, message) = match fault {
            Fault::Character(message) => ("ArgumentException", message),
            Fault::Prefix(message) => ("XmlException", message),
        };
        Unwritten { class, message }
    }
}

/// Writes a node as `ToString` does: without a declaration, indented or as it is.
///
/// # Errors
/// When the tree cannot be written.
pub(crate) fn write(node: &Node, indent: bool, out: &mut String) -> Result<(), Fault> {
    write_as(node, indent, false, out)
}

/// As [`write`]; `omit` leaves out declarations of what a prefix means already.
pub(crate) fn write_as(
    node: &Node,
    indent: bool,
    omit: bool,
    out: &mut String,
) -> Result<(), Fault> {
    let begin = out.len();
    let mut writer = Writer {
        out,
        indent,
        level: 0,
        mixed: false,
        fresh: true,
        scopes: Vec::new(),
        used: Vec::new(),
        own: 0,
        fault: None,
        omit,
    };
    match &node.kind {
        Kind::Attribute { .. } => writer.lone_attribute(node),
        _ => {
            // What the parents declare is known, and not written again.
            let mut above = Vec::new();
            let mut at = node.parent();
            while let Some(parent) = at {
                at = parent.parent();
                above.push(parent);
            }
            for parent in above.iter().rev() {
                writer.known(parent);
            }
            writer.node(node);
        }
    }
    if let Some(fault) = writer.fault {
        return Err(fault);
    }
    // A reference stands for what was escaped: the rest is looked at as it was written.
    let written = out.get(begin..).unwrap_or("");
    match written.chars().find(|c| !legal(*c)) {
        Some(c) => Err(invalid(c)),
        None => Ok(()),
    }
}

fn invalid(c: char) -> Fault {
    Fault::Character(format!(
        "'{}', hexadecimal value 0x{:02X}, is an invalid character.",
        if c == '\0' { '.' } else { c },
        u32::from(c)
    ))
}

/// A character of a public identifier (XML 1.0, section 2.3).
fn public(c: char) -> bool {
    c.is_ascii_alphanumeric() || " \r\n-'()+,./:=?;!*#@$_%".contains(c)
}

/// A text with every end of a line as `NewLineHandling.Replace` writes it.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A character of XML 1.0.
fn legal(c: char) -> bool {
    !matches!(c, '\u{fffe}' | '\u{ffff}')
        && (u32::from(c) >= 0x20 || matches!(c, '\t' | '\n' | '\r'))
}

/// A declaration of a namespace in scope.
struct Scope {
    prefix: Str,
    namespace: Str,
    /// It stands in the tree above what is written.
    outside: bool,
}

struct Writer<'o> {
    out: &'o mut String,
    indent: bool,
    level: usize,
    /// Inside an element that holds text: nothing is indented.
    mixed: bool,
    /// Nothing has been written, or the last thing was text.
    fresh: bool,
    scopes: Vec<Scope>,
    /// Prefixes that the open elements have used or declared, each once for its element: made-up ones count them.
    used: Vec<Str>,
    /// Where those of the innermost element begin.
    own: usize,
    fault: Option<Fault>,
    /// Whether declarations are left out that say what is known.
    omit: bool,
}

impl Writer<'_> {
    fn known(&mut self, element: &Node) {
        for attribute in element.attributes() {
            if let Some((prefix, namespace)) = declared(&attribute) {
                self.scopes.push(Scope {
                    prefix,
                    namespace,
                    outside: true,
                });
            }
        }
    }

    fn new_line(&mut self) {
        if self.indent && !self.mixed && !self.fresh {
            self.out.push('\n');
            for _ in 0..self.level {
                self.out.push_str("  ");
            }
        }
        self.fresh = false;
    }

    fn node(&mut self, node: &Node) {
        match &node.kind {
            Kind::Document(_) => {
                for child in node.children() {
                    self.node(&child);
                }
            }
            Kind::Element { .. } => self.element(node),
            Kind::Attribute { .. } => {}
            Kind::Text(text) => {
                let text = text.borrow();
                if !text.is_empty() {
                    self.mixed = true;
                    escape(&text, false, self.out);
                }
            }
            Kind::CData(text) => {
                self.mixed = true;
                self.out.push_str("<![CDATA[");
                let text = lines(&text.borrow()).replace("]]>", "]]]]><![CDATA[>");
                self.out.push_str(&text);
                self.out.push_str("]]>");
            }
            Kind::Comment(text) => {
                self.new_line();
                let text = text.borrow();
                self.out.push_str("<!--");
                self.out.push_str(&lines(&text).replace("--", "- -"));
                if text.ends_with('-') {
                    self.out.push(' ');
                }
                self.out.push_str("-->");
            }
            Kind::Instruction { target, data } => {
                self.new_line();
                self.out.push_str("<?");
                self.out.push_str(&target.borrow());
                let data = data.borrow();
                if !data.is_empty() {
                    self.out.push(' ');
                    self.out.push_str(&lines(&data).replace("?>", "? >"));
                }
                self.out.push_str("?>");
            }
            Kind::DocumentType(parts) => {
                let [name, public_id, system, subset] = &*parts.borrow();
                if let Some(c) = public_id
                    .as_ref()
                    .and_then(|p| p.chars().find(|c| !public(*c)))
                {
                    self.fault.get_or_insert(invalid(c));
                }
                let written = name.as_deref().unwrap_or("");
                if written.ends_with(':') || written.matches(':').count() > 1 {
                    self.fault.get_or_insert(Fault::Prefix(String::from(
                        "The ':' character, hexadecimal value 0x3A, cannot be included in a name.",
                    )));
                }
                self.new_line();
                self.out.push_str("<!DOCTYPE ");
                self.out.push_str(written);
                match (public_id, system) {
                    (Some(public_id), system) => {
                        self.out.push_str(" PUBLIC \"");
                        self.out.push_str(public_id);
                        self.out.push_str("\" \"");
                        self.out.push_str(system.as_deref().unwrap_or(""));
                        self.out.push('"');
                    }
                    (None, Some(system)) => {
                        self.out.push_str(" SYSTEM \"");
                        self.out.push_str(system);
                        self.out.push('"');
                    }
                    (None, None) => self.out.push(' '),
                }
                if let Some(subset) = subset {
                    self.out.push('[');
                    self.out.push_str(subset);
                    self.out.push(']');
                }
                self.out.push('>');
            }
        }
    }

    /// The prefix in scope for a namespace; the nearest declaration that is not hidden.
    fn prefix(&self, namespace: &str, default_too: bool) -> Option<Str> {
        self.scopes
            .iter()
            .enumerate()
            .rev()
            .find(|(at, s)| {
                &*s.namespace == namespace
                    && (default_too || !s.prefix.is_empty())
                    && !self.scopes[at + 1..].iter().any(|n| n.prefix == s.prefix)
            })
            .map(|(_, s)| s.prefix.clone())
    }

    /// What a prefix means here, if it was declared.
    fn meaning(&self, prefix: &str) -> Option<&Str> {
        let mut all = self.scopes.iter().rev();
        all.find(|s| &*s.prefix == prefix).map(|s| &s.namespace)
    }

    fn namespace(&self, prefix: &str) -> &str {
        self.scopes
            .iter()
            .rev()
            .find(|s| &*s.prefix == prefix)
            .map_or("", |s| &s.namespace)
    }

    fn element(&mut self, element: &Node) {
        let Some(name) = element.name() else {
            return;
        };
        if *name.namespace == *XMLNS {
            let message = "Prefix \"xmlns\" is reserved for use by XML.".into();
            self.fault.get_or_insert(Fault::Character(message));
        }
        self.new_line();
        let outer = self.scopes.len();
        let mut attributes = element.attributes();
        if self.omit {
            attributes.retain(|a| match declared(a) {
                Some((prefix, namespace)) => self.meaning(&prefix) != Some(&namespace),
                None => true,
            });
        }
        for attribute in &attributes {
            if let Some((prefix, namespace)) = declared(attribute) {
                self.scopes.push(Scope {
                    prefix,
                    namespace,
                    outside: false,
                });
            }
        }
        // Declarations that the tree does not hold, written after its attributes, the last one first.
        let mut more: Vec<(Str, Str)> = Vec::new();
        let declared_here = self.scopes.len();
        let prefix = self.element_prefix(&name, &mut more);
        let here = &self.scopes[outer..declared_here];
        if let Some(other) = here.iter().find(|s| s.prefix == prefix)
            && other.namespace != name.namespace
        {
            self.fault = Some(Fault::Prefix(format!(
                "The prefix '{prefix}' cannot be redefined from '{}' to '{}' within the same start element tag.",
                name.namespace, other.namespace
            )));
        }
        let own = std::mem::replace(&mut self.own, self.used.len());
        self.uses(&prefix);
        self.out.push('<');
        let tag = qualified(&prefix, &name.local);
        self.out.push_str(&tag);
        for attribute in &attributes {
            self.attribute(attribute, &mut more);
        }
        for (prefix, namespace) in more.into_iter().rev() {
            self.out.push(' ');
            self.out.push_str(&match &*prefix {
                "" => String::from("xmlns"),
                prefix => format!("xmlns:{prefix}"),
            });
            self.out.push_str("=\"");
            escape(&namespace, true, self.out);
            self.out.push('"');
        }
        let children = element.children();
        if children.is_empty() && !element.is_blank() {
            self.out.push_str(" />");
        } else {
            self.out.push('>');
            self.content(&children);
            self.out.push_str("</");
            self.out.push_str(&tag);
            self.out.push('>');
        }
        self.scopes.truncate(outer);
        self.used.truncate(self.own);
        self.own = own;
    }

    fn uses(&mut self, prefix: &Str) {
        if !self.used[self.own..].contains(prefix) {
            self.used.push(prefix.clone());
        }
    }

    fn content(&mut self, children: &[Rc<Node>]) {
        let outer = self.mixed;
        if self.level == 0 {
            // White space between the parts of a document does not keep its root from being indented.
            self.mixed = false;
        }
        self.level += 1;
        let begin = self.out.len();
        for child in children {
            self.node(child);
        }
        self.level -= 1;
        if self.out.len() > begin {
            self.new_line();
        }
        self.mixed = outer;
    }

    fn element_prefix(&mut self, name: &Name, more: &mut Vec<(Str, Str)>) -> Str {
        if name.namespace.is_empty() {
            if !self.namespace("").is_empty() {
                self.declare(Str::from(""), Str::from(""), more);
            }
            return Str::from("");
        }
        if let Some(prefix) = self.prefix(&name.namespace, true) {
            let above = self.scopes.iter().rev().find(|s| s.prefix == prefix);
            if above.is_some_and(|s| s.outside) {
                self.declare(prefix.clone(), name.namespace.clone(), more);
            }
            return prefix;
        }
        if &*name.namespace == XML {
            return Str::from("xml");
        }
        self.declare(Str::from(""), name.namespace.clone(), more);
        Str::from("")
    }

    fn declare(&mut self, prefix: Str, namespace: Str, more: &mut Vec<(Str, Str)>) {
        self.scopes.push(Scope {
            prefix: prefix.clone(),
            namespace: namespace.clone(),
            outside: false,
        });
        more.push((prefix, namespace));
    }

    fn attribute(&mut self, attribute: &Node, more: &mut Vec<(Str, Str)>) {
        let Some(name) = attribute.name() else {
            return;
        };
        self.out.push(' ');
        let prefix = match &*name.namespace {
            "" => Str::from(""),
            XMLNS if &*name.local == "xmlns" => Str::from(""),
            XMLNS => Str::from("xmlns"),
            XML => Str::from("xml"),
            namespace => match self.prefix(namespace, false) {
                Some(prefix) => {
                    let above = self.scopes.iter().rev().find(|s| s.prefix == prefix);
                    if above.is_some_and(|s| s.outside) {
                        self.declare(prefix.clone(), name.namespace.clone(), more);
                    }
                    prefix
                }
                None => {
                    let made = self.made_up();
                    self.declare(made.clone(), name.namespace.clone(), more);
                    made
                }
            },
        };
        match declared(attribute) {
            Some((declared, _)) => self.uses(&declared),
            None if name.namespace.is_empty() || &*name.namespace == XML => {}
            None => self.uses(&prefix),
        }
        self.out.push_str(&qualified(&prefix, &name.local));
        self.out.push_str("=\"");
        escape(&attribute.inner_text(), true, self.out);
        self.out.push('"');
    }

    /// A prefix that means nothing yet, as `XmlWriter` numbers them.
    fn made_up(&self) -> Str {
        let first = format!("p{}", self.used.len());
        let free = |p: &str| self.namespace(p).is_empty();
        if free(&first) {
            return first.into();
        }
        (0..)
            .map(|n| format!("{first}{n}"))
            .find(|p| free(p))
            .unwrap_or(first)
            .into()
    }

    fn lone_attribute(&mut self, attribute: &Node) {
        let Some(name) = attribute.name() else {
            return;
        };
        let prefix = match &*name.namespace {
            "" => Str::from(""),
            namespace => attribute
                .parent()
                .and_then(|p| p.prefix_of(namespace))
                .or_else(|| match namespace {
                    XML => Some(Str::from("xml")),
                    XMLNS => Some(Str::from("xmlns")),
                    _ => None,
                })
                .unwrap_or_else(|| Str::from("p0")),
        };
        self.out.push_str(&qualified(&prefix, &name.local));
        self.out.push_str("=\"");
        escape(&attribute.inner_text(), true, self.out);
        self.out.push('"');
    }
}

/// Prefix and namespace, when the attribute declares one.
fn declared(attribute: &Node) -> Option<(Str, Str)> {
    let name = attribute.name().filter(Name::declares)?;
    let prefix = if name.namespace.is_empty() {
        Str::from("")
    } else {
        name.local
    };
    Some((prefix, attribute.inner_text()))
}

fn qualified(prefix: &str, local: &str) -> String {
    if prefix.is_empty() {
        local.to_owned()
    } else {
        format!("{prefix}:{local}")
    }
}

/// A text with its special characters written as references.
pub(crate) fn escape(text: &str, attribute: bool, out: &mut String) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\t' if attribute => out.push_str("&#x9;"),
            '\n' if attribute => out.push_str("&#xA;"),
            '\r' if attribute => out.push_str("&#xD;"),
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push('\n');
            }
            c => out.push(c),
        }
    }
}
