//! XML text to a tree, as `XDocument.Parse` reads it.
//!
//! `quick-xml` finds the pieces; this checks what a document must be and resolves names. What must stay true: what is not
//! well-formed is refused; nothing outside the text is read, and no entity but the five of XML is expanded.

use super::{Declaration, Kind, MAX_HEIGHT, Name, Node, XML, XMLNS, is_name};
use crate::value::{Object, Str, Value};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// Declarations of namespaces in scope, nearest last.
type Scope = Vec<(Str, Str)>;

/// Reads a whole document. White space between elements is left out unless it is to be kept.
pub(crate) fn document(text: &str, keep_space: bool) -> Result<Rc<Node>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = quick_xml::Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = true;
    config.check_comments = true;
    config.expand_empty_elements = false;
    let document = Node::document();
    let mut reading = Reading {
        open: Vec::new(),
        scopes: vec![vec![(Str::from("xml"), Str::from(XML))]],
        text: String::new(),
        keep_space,
        document: document.clone(),
        first: true,
    };
    loop {
        let before = reader.buffer_position();
        let event = reader
            .read_event()
            .map_err(|e| at(text, before, &e.to_string()))?;
        let done = matches!(event, Event::Eof);
        reading.event(event).map_err(|why| at(text, before, &why))?;
        if done {
            return Ok(document);
        }
    }
}

/// A message with its place, as `XmlException` writes it.
fn at(text: &str, position: u64, why: &str) -> String {
    let end = usize::try_from(position).map_or(text.len(), |p| p.min(text.len()));
    let before = text.get(..end).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    format!(
        "{}. Line {line}, position {column}.",
        why.trim_end_matches('.')
    )
}

struct Reading {
    /// Elements that have begun, outermost first.
    open: Vec<Rc<Node>>,
    /// One for the start, one for each element that has begun.
    scopes: Vec<Scope>,
    /// Text since the last markup.
    text: String,
    keep_space: bool,
    document: Rc<Node>,
    first: bool,
}

impl Reading {
    fn holder(&self) -> Rc<Node> {
        self.open.last().unwrap_or(&self.document).clone()
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        let first = std::mem::replace(&mut self.first, false);
        match event {
            Event::Text(text) => {
                let text = text.xml10_content();
                if text.contains("]]>") {
                    return Err("']]>' is not allowed in character data".into());
                }
                legal(&text)?;
                self.text.push_str(&text);
                return Ok(());
            }
            Event::GeneralRef(reference) => {
                let c = match reference.resolve_char_ref() {
                    Ok(Some(c)) => c,
                    Ok(None) => predefined(&reference.xml10_content())?,
                    Err(e) => return Err(e.to_string()),
                };
                self.text.push(c);
                return Ok(());
            }
            _ => self.flush()?,
        }
        match event {
            Event::Start(start) => {
                let element = self.start(&start)?;
                self.add(&element)?;
                if self.open.len() + 1 >= MAX_HEIGHT {
                    return Err("The document is nested too deeply".into());
                }
                self.open.push(element);
            }
            Event::Empty(start) => {
                let element = self.start(&start)?;
                self.add(&element)?;
                self.scopes.pop();
            }
            Event::End(_) => {
                let ended = self.open.pop();
                self.scopes.pop();
                if let Some(ended) = ended.filter(|e| !e.has_children()) {
                    ended.append_text("")?;
                }
            }
            Event::CData(data) => {
                let data = data.xml10_content();
                legal(&data)?;
                if self.open.is_empty() {
                    return Err("Data at the root level is invalid".into());
                }
                self.add(&Node::new(Kind::CData(RefCell::new(Str::from(&*data)))))?;
            }
            Event::Comment(comment) => {
                let comment = comment.xml10_content();
                self.add(&Node::new(Kind::Comment(RefCell::new(Str::from(
                    &*comment,
                )))))?;
            }
            Event::PI(instruction) => {
                let target = instruction.target();
                if target.eq_ignore_ascii_case("xml") {
                    return Err(
                        "Unexpected XML declaration: it must be the first node in the document"
                            .into(),
                    );
                }
                let data = instruction.content().trim_start();
                self.add(&Node::new(Kind::Instruction {
                    target: RefCell::new(Str::from(target)),
                    data: RefCell::new(Str::from(data)),
                }))?;
            }
            Event::Decl(declaration) => {
                if !first {
                    return Err(
                        "Unexpected XML declaration: it must be the first node in the document"
                            .into(),
                    );
                }
                let version = declaration.version().map_err(|e| e.to_string())?;
                let part = |part: Option<Result<std::borrow::Cow<'_, str>, _>>| {
                    part.and_then(Result::ok).map(|p| Str::from(&*p))
                };
                let declaration = Declaration {
                    version: Some(Str::from(&*version)),
                    encoding: part(declaration.encoding()),
                    standalone: part(declaration.standalone()),
                };
                if let Kind::Document(place) = &self.document.kind {
                    place.replace(Value::Object(Rc::new(declaration)));
                }
            }
            Event::DocType(kind) => {
                let parts = document_type(&kind.xml10_content())?;
                self.add(&Node::new(Kind::DocumentType(parts)))?;
            }
            Event::Eof => {
                if !self.open.is_empty() {
                    return Err(
                        "Unexpected end of file has occurred. An element is not closed".into(),
                    );
                }
                if !self.document.has_element() {
                    return Err("Root element is missing".into());
                }
            }
            Event::Text(_) | Event::GeneralRef(_) => {}
        }
        Ok(())
    }

    fn add(&mut self, node: &Rc<Node>) -> Result<(), String> {
        let holder = self.holder();
        if holder.is_document() && node.is_element() && holder.has_element() {
            return Err("There are multiple root elements".into());
        }
        holder.insert(usize::MAX, node)?;
        Ok(())
    }

    /// The text so far becomes a node.
    fn flush(&mut self) -> Result<(), String> {
        let text = std::mem::take(&mut self.text);
        // White space that a reference stands for is white space too, as .NET's reader has it.
        let blank = text
            .bytes()
            .all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
        if self.open.is_empty() {
            return if blank {
                Ok(())
            } else {
                Err("Data at the root level is invalid".into())
            };
        }
        if !text.is_empty() && (!blank || self.keep_space || self.preserves()) {
            self.holder().append_text(&text)?;
        }
        Ok(())
    }

    /// Whether `xml:space` keeps white space here.
    fn preserves(&self) -> bool {
        self.open.iter().rev().find_map(|element| {
            element.attributes().iter().find_map(|a| {
                let name = a.name()?;
                (&*name.namespace == XML && &*name.local == "space")
                    .then(|| &*a.inner_text() == "preserve")
            })
        }) == Some(true)
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Rc<Node>, String> {
        spaced(start.attributes_raw())?;
        let mut scope = Scope::new();
        let mut written: Vec<(String, Str)> = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|e| e.to_string())?;
            let key = attribute.key.0.to_owned();
            if attribute.value.contains('<') {
                return Err(
                    "'<', hexadecimal value 0x3C, is an invalid attribute character".into(),
                );
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|e| e.to_string())?;
            legal(&value)?;
            let value = Str::from(&*value);
            if key == "xmlns" {
                scope.push((Str::from(""), value.clone()));
            } else if let Some(prefix) = key.strip_prefix("xmlns:") {
                if value.is_empty() || prefix == "xmlns" || (prefix == "xml") != (&*value == XML) {
                    return Err(format!(
                        "Prefix '{prefix}' cannot be mapped to this namespace name"
                    ));
                }
                scope.push((Str::from(prefix), value.clone()));
            }
            written.push((key, value));
        }
        self.scopes.push(scope);
        let element = Node::element(self.name(start.name().0, true)?);
        let mut seen = std::collections::HashSet::new();
        let mut all = Vec::with_capacity(written.len());
        for (key, value) in written {
            let name = match key.strip_prefix("xmlns:") {
                Some(prefix) if is_name(prefix) => Name {
                    namespace: Str::from(XMLNS),
                    local: Str::from(prefix),
                },
                Some(_) => return Err(format!("'{key}' is no name")),
                None => self.name(&key, false)?,
            };
            if !seen.insert(name.clone()) {
                return Err(format!("'{key}' is a duplicate attribute name"));
            }
            all.push(Node::attribute(name, value));
        }
        element.set_attributes(all);
        Ok(element)
    }

    /// A name as written, with the namespace that its prefix means.
    fn name(&self, written: &str, default_too: bool) -> Result<Name, String> {
        let (prefix, local) = match written.split_once(':') {
            Some((prefix, local)) => (prefix, local),
            None => ("", written),
        };
        if !is_name(local) || (written.contains(':') && !is_name(prefix)) {
            return Err(format!("'{written}' is no name"));
        }
        let found = self.scopes.iter().rev().flat_map(|s| s.iter().rev());
        let namespace = match prefix {
            "" if !default_too => None,
            prefix => found
                .filter(|(p, _)| &**p == prefix)
                .map(|(_, n)| n.clone())
                .next(),
        };
        if namespace.is_none() && !prefix.is_empty() {
            return Err(format!("'{prefix}' is an undeclared prefix"));
        }
        Ok(Name {
            namespace: namespace.unwrap_or_else(|| Str::from("")),
            local: Str::from(local),
        })
    }
}

/// White space stands before each attribute.
fn spaced(attributes: &str) -> Result<(), String> {
    let mut quote = None;
    let mut closed = false;
    for c in attributes.chars() {
        match quote {
            Some(q) => {
                if c == q {
                    quote = None;
                    closed = true;
                }
                continue;
            }
            None if closed && !c.is_whitespace() => {
                return Err(format!(
                    "'{c}' is an unexpected token. Expecting white space"
                ));
            }
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => {}
        }
        closed = false;
    }
    Ok(())
}

fn predefined(name: &str) -> Result<char, String> {
    Ok(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return Err(format!("Reference to undeclared entity '{name}'")),
    })
}

/// Characters of XML 1.0.
fn legal(text: &str) -> Result<(), String> {
    let bad = text.chars().find(|c| {
        (u32::from(*c) < 0x20 && !matches!(c, '\t' | '\n' | '\r'))
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    });
    match bad {
        Some(c) => Err(format!(
            "hexadecimal value 0x{:02X}, is an invalid character",
            u32::from(c)
        )),
        None => Ok(()),
    }
}

/// `name`, `PUBLIC "p" "s"` or `SYSTEM "s"`, and `[subset]`.
fn document_type(text: &str) -> Result<[Option<Str>; 4], String> {
    let bad = || String::from("The document type declaration cannot be read");
    let text = text.trim();
    let (head, subset) = match text.split_once('[') {
        Some((head, rest)) => (
            head,
            Some(rest.trim_end().strip_suffix(']').ok_or_else(bad)?),
        ),
        None => (text, None),
    };
    let (name, rest) = head
        .split_once(char::is_whitespace)
        .unwrap_or((head.trim(), ""));
    let quoted: Vec<Str> = rest
        .split(['"', '\''])
        .skip(1)
        .step_by(2)
        .map(Str::from)
        .collect();
    let (public, system) = match (rest.split_whitespace().next(), quoted.as_slice()) {
        (None, []) => (None, None),
        (Some("PUBLIC"), [public, system]) => (Some(public.clone()), Some(system.clone())),
        (Some("SYSTEM"), [system]) => (None, Some(system.clone())),
        _ => return Err(bad()),
    };
    Ok([Some(Str::from(name)), public, system, subset.map(Str::from)])
}

impl Object for Declaration {
    fn ty(&self) -> crate::expr::types::Ty {
        crate::expr::types::Ty::class("XDeclaration")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        let mut out = String::from("<?xml");
        for (name, part) in [
            ("version", &self.version),
            ("encoding", &self.encoding),
            ("standalone", &self.standalone),
        ] {
            if let Some(part) = part {
                out.push_str(&format!(" {name}=\"{part}\""));
            }
        }
        out.push_str("?>");
        out
    }
}
