//! XML text to a tree, as `XDocument.Parse` reads it.
//!
//! `quick-xml` finds the pieces; this checks what a document must be and resolves names. What must stay true: what is not
//! well-formed is refused; nothing outside the text is read, and no entity but the five of XML is expanded; the work
//! grows with the text and not with its square, whatever the text is.

use super::{
    Declaration, Declared, Kind, MAX_ATTRIBUTES, MAX_HEIGHT, Name, Node, XML, XMLNS, is_name,
};
use crate::value::{Object, Str};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Told of each element and attribute: the prefix that it was written with, and where its name stands; of an element again
/// at its end tag; and of each text.
pub(crate) type Note<'n> = &'n mut dyn FnMut(&Rc<Node>, &Str, u64);

/// How a document is read.
#[derive(Default)]
pub(crate) struct Reading<'n> {
    /// White space between elements is kept.
    pub(crate) keep_space: bool,
    /// CDATA sections are text like other text, as XPath's model has it.
    pub(crate) plain_text: bool,
    pub(crate) note: Option<Note<'n>>,
}

/// Reads a whole document. White space between elements is left out unless it is to be kept.
pub(crate) fn document(text: &str, keep_space: bool) -> Result<Rc<Node>, String> {
    document_as(
        text,
        Reading {
            keep_space,
            ..Reading::default()
        },
    )
}

/// As [`document`], as it is wished.
pub(crate) fn document_as(text: &str, wish: Reading<'_>) -> Result<Rc<Node>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = quick_xml::Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = true;
    config.check_comments = true;
    config.expand_empty_elements = false;
    let document = Node::document();
    let mut reading = Reader {
        wish,
        source: text,
        open: Vec::new(),
        prefixes: HashMap::from([(Str::from("xml"), vec![Str::from(XML)])]),
        attributes: 0,
        text: String::new(),
        document: document.clone(),
        first: true,
        typed: false,
        rooted: false,
        at: 0,
        text_at: 0,
        text_from: 0,
    };
    loop {
        let before = reader.buffer_position();
        let event = reader
            .read_event()
            .map_err(|e| reading.ill_formed(text, before, &e))?;
        let done = matches!(event, Event::Eof);
        reading.at = before;
        reading.event(event).map_err(|why| match why.as_str() {
            "Root element is missing" => String::from("Root element is missing."),
            why => at(text, reading.at, why),
        })?;
        if done {
            return Ok(document);
        }
    }
}

/// A message with its place, as `XmlException` writes it.
fn at(text: &str, position: u64, why: &str) -> String {
    let (line, column) = place(text, position);
    format!(
        "{}. Line {line}, position {column}.",
        why.trim_end_matches('.')
    )
}

/// Line and column of a place.
fn place(text: &str, position: u64) -> (usize, usize) {
    let end = usize::try_from(position).map_or(text.len(), |p| p.min(text.len()));
    let before = text.get(..end).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line, column)
}

/// An element that has begun.
struct Open {
    element: Rc<Node>,
    /// The prefixes that it declares.
    declares: Vec<Str>,
    /// How many attributes it has.
    attributes: usize,
    /// Whether `xml:space` keeps white space inside.
    preserves: bool,
    /// Where its name stands.
    at: u64,
}

struct Reader<'n, 't> {
    wish: Reading<'n>,
    /// The whole text.
    source: &'t str,
    /// Elements that have begun, outermost first.
    open: Vec<Open>,
    /// What each prefix means, the nearest declaration last; the empty one is the default.
    prefixes: HashMap<Str, Vec<Str>>,
    /// Attributes of all elements that have begun.
    attributes: usize,
    /// Text since the last markup.
    text: String,
    document: Rc<Node>,
    first: bool,
    /// The document type was there.
    typed: bool,
    /// The root has begun.
    rooted: bool,
    /// Where what is at hand begins: the place of a fault.
    at: u64,
    /// Where the text since the last markup begins, white space before it left out.
    text_at: u64,
    /// Where it begins.
    text_from: u64,
}

impl Reader<'_, '_> {
    /// What the reader of the pieces says, as .NET says it.
    fn ill_formed(&self, text: &str, before: u64, e: &quick_xml::Error) -> String {
        use quick_xml::Error;
        use quick_xml::errors::IllFormedError;
        match e {
            Error::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
                let start = self.open.last().map_or(0, |o| o.at);
                let (line, column) = place(text, start);
                at(
                    text,
                    before + 2,
                    &format!(
                        "The '{expected}' start tag on line {line} position {column} does not match the end tag of '{found}'"
                    ),
                )
            }
            Error::IllFormed(IllFormedError::DoubleHyphenInComment) => at(
                text,
                before,
                "An XML comment cannot contain '--', and '-' cannot be the last character",
            ),
            other => at(text, before, &other.to_string()),
        }
    }

    fn holder(&self) -> &Rc<Node> {
        self.open.last().map_or(&self.document, |o| &o.element)
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
                if self.text.is_empty() {
                    let blank = text.len() - text.trim_start().len();
                    self.text_at = self.at + blank as u64;
                    self.text_from = self.at;
                }
                self.text.push_str(&text);
                return Ok(());
            }
            Event::GeneralRef(reference) => {
                if self.text.is_empty() {
                    (self.text_at, self.text_from) = (self.at, self.at);
                }
                self.at += 1;
                let c = match reference.resolve_char_ref() {
                    Ok(Some(c)) => c,
                    Ok(None) => predefined(&reference.xml10_content())?,
                    Err(e) => return Err(e.to_string()),
                };
                legal(c.encode_utf8(&mut [0; 4]))?;
                self.text.push(c);
                return Ok(());
            }
            Event::CData(data) if self.wish.plain_text && !self.open.is_empty() => {
                let data = data.xml10_content();
                legal(&data)?;
                if self.text.is_empty() {
                    (self.text_at, self.text_from) = (self.at, self.at);
                }
                self.text.push_str(&data);
                return Ok(());
            }
            _ => self.flush()?,
        }
        match event {
            Event::Start(start) => {
                // Faults of a tag are shown at its name.
                self.at += 1;
                let open = self.start(&start)?;
                self.root()?;
                self.holder().push(open.element.clone());
                if self.open.len() + 1 >= MAX_HEIGHT {
                    return Err("The document is nested too deeply".into());
                }
                self.open.push(open);
            }
            Event::Empty(start) => {
                self.at += 1;
                let open = self.start(&start)?;
                self.root()?;
                self.holder().push(open.element.clone());
                self.end(&open);
            }
            Event::End(_) => {
                if let Some(ended) = self.open.pop() {
                    // Its name stands after `</`.
                    self.note(&ended.element, "", self.at + 2);
                    self.end(&ended);
                    if !ended.element.has_children() {
                        ended.element.append_text("")?;
                    }
                }
            }
            Event::CData(data) => {
                let data = data.xml10_content();
                legal(&data)?;
                if self.open.is_empty() {
                    return Err("Data at the root level is invalid".into());
                }
                let data = Kind::CData(RefCell::new(Str::from(&*data)));
                self.holder().push(Node::new(data));
            }
            Event::Comment(comment) => {
                let comment = comment.xml10_content();
                let comment = Kind::Comment(RefCell::new(Str::from(&*comment)));
                self.holder().push(Node::new(comment));
            }
            Event::PI(instruction) => {
                let target = instruction.target();
                if target.eq_ignore_ascii_case("xml") {
                    return Err(
                        "Unexpected XML declaration. The XML declaration must be the first node in the document, and no white space characters are allowed to appear before it"
                            .into(),
                    );
                }
                let data = instruction.content().trim_start();
                self.holder().push(Node::new(Kind::Instruction {
                    target: RefCell::new(Str::from(target)),
                    data: RefCell::new(Str::from(data)),
                }));
            }
            Event::Decl(declaration) => {
                if !first {
                    return Err(
                        "Unexpected XML declaration. The XML declaration must be the first node in the document, and no white space characters are allowed to appear before it"
                            .into(),
                    );
                }
                let version = declaration.version().map_err(|e| e.to_string())?;
                check_declaration(&declaration)?;
                let part = |part: Option<Result<std::borrow::Cow<'_, str>, _>>| {
                    part.and_then(Result::ok).map(|p| Str::from(&*p))
                };
                let declaration = Declaration {
                    version: Some(Str::from(&*version)),
                    encoding: part(declaration.encoding()),
                    standalone: part(declaration.standalone()),
                };
                if let Kind::Document(place) = &self.document.kind {
                    place.replace(Declared::value(declaration));
                }
            }
            Event::DocType(kind) => {
                if std::mem::replace(&mut self.typed, true) || self.rooted {
                    return Err("Unexpected DTD declaration".into());
                }
                let parts = document_type(&kind.xml10_content())?;
                self.holder()
                    .push(Node::new(Kind::DocumentType(RefCell::new(parts))));
            }
            Event::Eof => {
                if !self.open.is_empty() {
                    let names: Vec<String> = self
                        .open
                        .iter()
                        .rev()
                        .map(|o| {
                            o.element
                                .name()
                                .map_or_else(String::new, |n| n.local.to_string())
                        })
                        .collect();
                    return Err(format!(
                        "Unexpected end of file has occurred. The following elements are not closed: {}",
                        names.join(", ")
                    ));
                }
                if !self.rooted {
                    return Err("Root element is missing".into());
                }
            }
            Event::Text(_) | Event::GeneralRef(_) => {}
        }
        Ok(())
    }

    /// Notes that the root begins, where it does: there is one.
    fn root(&mut self) -> Result<(), String> {
        if self.open.is_empty() && std::mem::replace(&mut self.rooted, true) {
            return Err("There are multiple root elements".into());
        }
        Ok(())
    }

    /// What an element declares ends with it.
    fn end(&mut self, element: &Open) {
        self.attributes -= element.attributes;
        for prefix in &element.declares {
            if let Some(meanings) = self.prefixes.get_mut(prefix) {
                meanings.pop();
            }
        }
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
                self.at = self.text_at;
                Err("Data at the root level is invalid".into())
            };
        }
        if !text.is_empty() && (!blank || self.wish.keep_space || self.preserves()) {
            let node = Node::text_of(text);
            if let Some(note) = &mut self.wish.note {
                note(&node, &Str::from(""), self.text_from);
            }
            self.holder().push(node);
        }
        Ok(())
    }

    /// Whether `xml:space` keeps white space here.
    fn preserves(&self) -> bool {
        self.open.last().is_some_and(|o| o.preserves)
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Open, String> {
        spaced(start.attributes_raw())?;
        let mut declares = Vec::new();
        let mut written: Vec<(String, Str, u64)> = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|e| e.to_string())?;
            self.attributes += 1;
            if self.attributes > MAX_ATTRIBUTES {
                return Err(format!(
                    "An element and those that it stands in have more than {MAX_ATTRIBUTES} attributes"
                ));
            }
            let key = attribute.key.0.to_owned();
            // The name is a piece of the text.
            let begin = attribute.key.0.as_ptr() as usize;
            let place = begin.wrapping_sub(self.source.as_ptr() as usize) as u64;
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
                declares.push(self.declare("", &value));
            } else if let Some(prefix) = key.strip_prefix("xmlns:") {
                if value.is_empty() || prefix == "xmlns" || (prefix == "xml") != (&*value == XML) {
                    return Err(format!(
                        "Prefix '{prefix}' cannot be mapped to this namespace name"
                    ));
                }
                declares.push(self.declare(prefix, &value));
            }
            written.push((key, value, place));
        }
        let element = Node::element(self.name(start.name().0, true)?);
        self.note(&element, start.name().0, self.at);
        let mut seen = std::collections::HashSet::new();
        let mut all = Vec::with_capacity(written.len());
        for (key, value, place) in written {
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
            let attribute = Node::attribute(name, value);
            self.note(&attribute, &key, place);
            all.push(attribute);
        }
        let space = all.iter().find(|a| {
            let name = a.name();
            name.is_some_and(|n| &*n.namespace == XML && &*n.local == "space")
        });
        let preserves = match space {
            Some(space) => &*space.inner_text() == "preserve",
            None => self.preserves(),
        };
        let attributes = all.len();
        element.set_attributes(all);
        Ok(Open {
            element,
            declares,
            attributes,
            preserves,
            at: self.at,
        })
    }

    /// Tells who asked of a node that was read.
    fn note(&mut self, node: &Rc<Node>, written: &str, place: u64) {
        if let Some(note) = &mut self.wish.note {
            let prefix = written.split_once(':').map_or("", |(prefix, _)| prefix);
            note(node, &Str::from(prefix), place);
        }
    }

    /// From here on a prefix means this.
    fn declare(&mut self, prefix: &str, namespace: &Str) -> Str {
        let prefix = Str::from(prefix);
        let meanings = self.prefixes.entry(prefix.clone()).or_default();
        meanings.push(namespace.clone());
        prefix
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
        let namespace = match prefix {
            "" if !default_too => None,
            prefix => self.prefixes.get(prefix).and_then(|m| m.last()).cloned(),
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
            "'{}', hexadecimal value 0x{:02X}, is an invalid character",
            if c == '\0' { '.' } else { c },
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

/// A declaration names its version, which is 1.0, its encoding and whether it stands alone, in this order.
fn check_declaration(text: &str) -> Result<(), String> {
    let wrong = || String::from("Syntax for an XML declaration is invalid");
    let mut rest = text.strip_prefix("xml").unwrap_or(text);
    let mut names = ["version", "encoding", "standalone"].into_iter();
    loop {
        let behind = rest.trim_start();
        if behind.is_empty() {
            return Ok(());
        }
        let (name, value) = behind.split_once('=').ok_or_else(wrong)?;
        let (name, value) = (name.trim_end(), value.trim_start());
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or_else(wrong)?;
        let (value, after) = value[1..].split_once(quote).ok_or_else(wrong)?;
        // One that is left out may be passed over, and some white space stands between two.
        if behind.len() == rest.len() || !names.any(|n| n == name) {
            return Err(wrong());
        }
        match (name, value) {
            ("version", "1.0") | ("encoding", _) | ("standalone", "yes" | "no") => {}
            ("version", _) => return Err(format!("Version number '{value}' is invalid")),
            _ => return Err(wrong()),
        }
        rest = after;
    }
}

impl Object for Declared {
    fn ty(&self) -> crate::expr::types::Ty {
        crate::expr::types::Ty::class("XDeclaration")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        let declaration = self.0.borrow();
        let mut out = String::from("<?xml");
        for (name, part) in [
            ("version", &declaration.version),
            ("encoding", &declaration.encoding),
            ("standalone", &declaration.standalone),
        ] {
            if let Some(part) = part {
                out.push_str(&format!(" {name}=\"{part}\""));
            }
        }
        out.push_str("?>");
        out
    }
}
