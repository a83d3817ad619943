//! A tree of XML as a tree of JSON.
//!
//! Called by `xml-to-json` and by `SerializeXNode`. Sources: Json.NET 13's `XmlNodeConverter`; API Management's answers.
//! What must stay true: elements of one name are an array at the place of the first; a name's prefix is found without
//! going through what was found before.

use crate::value::token::{Fields, Form};
use crate::value::xml::{Declared, Kind, Name, Node, XML, XMLNS};
use crate::value::{Str, Token, Value};
use std::collections::HashMap;
use std::rc::Rc;

/// The URI that marks what must be an array.
pub(crate) const JSON_URI: &str = "http://james.newtonking.com/projects/json";

/// How names are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// In front of the name of an attribute.
    attribute: &'static str,
    /// The name of text that does not stand alone.
    text: &'static str,
    /// Between a prefix and a name.
    separator: char,
    /// Whether a child element that stands alone is an array.
    arrays: bool,
    /// As Json.NET: CDATA, instructions and the document type have names of their own, and `json:Array` marks arrays.
    net: bool,
}

impl Style {
    /// Json.NET's.
    pub(crate) const NET: Style = Style {
        attribute: "@",
        text: "#text",
        separator: ':',
        arrays: false,
        net: true,
    };
    /// `kind="direct"`.
    pub(crate) const DIRECT: Style = Style {
        separator: '$',
        net: false,
        ..Style::NET
    };
    /// `kind="javascript-friendly"`.
    pub(crate) const FRIENDLY: Style = Style {
        attribute: "",
        text: "$t",
        ..Style::DIRECT
    };

    /// The same; `arrays`: a child element that stands alone is an array too.
    pub(crate) fn with_arrays(self, arrays: bool) -> Style {
        Style { arrays, ..self }
    }
}

fn field(fields: &mut Fields, name: &str, value: Token) {
    fields.push(Token::property(Str::from(name), value));
}

fn text(s: impl Into<Str>) -> Token {
    Token::text(Value::Str(s.into()))
}

/// What stands under a name.
enum Part {
    /// The value of an attribute.
    Attribute(Str),
    Node(Rc<Node>),
}

/// Goes through a tree.
pub(crate) struct Reader {
    style: Style,
    /// Whether comments are kept: text of JSON has them, a tree has no place for them.
    comments: bool,
    /// Declared prefixes with their namespaces, the nearest last.
    scopes: Vec<(Str, Str)>,
    /// The prefix of each namespace that was asked for since the last declaration.
    known: HashMap<(Str, bool), Option<Str>>,
}

impl Reader {
    pub(crate) fn new(style: Style) -> Reader {
        Reader {
            style,
            comments: false,
            scopes: Vec::new(),
            known: HashMap::new(),
        }
    }

    /// Keeps comments, for a tree that is only written: one stands in an object as it is, several are an empty array.
    pub(crate) fn with_comments(self, comments: bool) -> Reader {
        Reader { comments, ..self }
    }

    /// A document as `xml-to-json` gives it: the parts of the declaration, then the root under its name.
    pub(crate) fn document(mut self, document: &Node) -> Token {
        let mut fields = Fields::default();
        for (name, part) in declaration(document) {
            field(&mut fields, name, text(part));
        }
        let arrays = std::mem::take(&mut self.style.arrays);
        let roots: Vec<_> = document.children();
        for root in roots.iter().filter(|n| n.is_element()) {
            let name = self.entered(root, |this| this.key(root));
            self.style.arrays = arrays;
            let content = self.content(root);
            field(&mut fields, &name, content);
        }
        Token::object(fields)
    }

    /// As Json.NET gives a document or a node; `omit` leaves the root out.
    pub(crate) fn node(mut self, node: &Node, omit: bool) -> Token {
        // What stands around the node declares too.
        let mut around = Vec::new();
        let mut at = node.parent();
        while let Some(parent) = at {
            at = parent.parent();
            around.push(parent);
        }
        for parent in around.iter().rev() {
            self.enter(parent);
        }
        let is_document = node.is_document();
        if omit {
            let root = match is_document {
                true => node.children().into_iter().find(|n| n.is_element()),
                false => Some(node.share()),
            };
            return root.map_or_else(Token::null, |r| self.content(&r));
        }
        let mut fields = Fields::default();
        if is_document {
            let parts = declaration(node);
            if let Kind::Document(place) = &node.kind
                && matches!(&*place.borrow(), Value::Object(o) if o.as_any().is::<Declared>())
            {
                let mut inner = Fields::default();
                for (name, part) in parts {
                    field(&mut inner, &format!("@{name}"), text(part));
                }
                field(&mut fields, "?xml", Token::object(inner));
            }
            self.groups(Vec::new(), &node.children(), &mut fields);
        } else {
            self.groups(Vec::new(), &[node.share()], &mut fields);
        }
        Token::object(fields)
    }

    /// Takes in what an element declares; gives what to cut the scopes back to.
    fn enter(&mut self, element: &Node) -> usize {
        let before = self.scopes.len();
        for attribute in element.attributes() {
            if let Some(name) = attribute.name().filter(Name::declares) {
                let prefix = if name.namespace.is_empty() {
                    Str::from("")
                } else {
                    name.local
                };
                self.scopes.push((prefix, attribute.inner_text()));
            }
        }
        if self.scopes.len() > before {
            self.known.clear();
        }
        before
    }

    fn leave(&mut self, before: usize) {
        if self.scopes.len() > before {
            self.scopes.truncate(before);
            self.known.clear();
        }
    }

    /// Does something where an element's own declarations hold.
    fn entered<T>(&mut self, element: &Node, what: impl FnOnce(&mut Reader) -> T) -> T {
        let before = self.enter(element);
        let made = what(self);
        self.leave(before);
        made
    }

    /// The prefix of a namespace; `None` for a name that is written without one.
    fn prefix(&mut self, namespace: &Str, attribute: bool) -> Option<Str> {
        match &**namespace {
            "" => return None,
            XML => return Some(Str::from("xml")),
            XMLNS => return Some(Str::from("xmlns")),
            _ => {}
        }
        let asked = (namespace.clone(), attribute);
        if let Some(found) = self.known.get(&asked) {
            return found.clone();
        }
        let nearest = |prefix: &str| self.scopes.iter().rev().find(|(p, _)| &**p == prefix);
        let default = nearest("").is_some_and(|(_, n)| n == namespace);
        let found = if default && !attribute {
            None
        } else {
            let mut all = self.scopes.iter().rev();
            all.find(|(p, n)| {
                n == namespace && !p.is_empty() && nearest(p).is_some_and(|(_, near)| near == n)
            })
            .map(|(p, _)| p.clone())
        };
        self.known.insert(asked, found.clone());
        found
    }

    fn qualified(&mut self, node: &Node) -> String {
        let Some(name) = node.name() else {
            return String::new();
        };
        match self.prefix(&name.namespace, node.is_attribute()) {
            Some(prefix) => format!("{prefix}{}{}", self.style.separator, name.local),
            None => name.local.to_string(),
        }
    }

    /// The name of a node in JSON. The element's own declarations must have been taken in.
    fn key(&mut self, node: &Node) -> String {
        match &node.kind {
            Kind::Element { .. } => self.qualified(node),
            Kind::CData(_) if self.style.net => "#cdata-section".into(),
            Kind::Text(_) | Kind::CData(_) => self.style.text.into(),
            Kind::Comment(_) => "#comment".into(),
            Kind::Instruction { target, .. } => format!("?{}", target.borrow()),
            Kind::DocumentType(_) => "!DOCTYPE".into(),
            Kind::Attribute { .. } => {
                let prefix = self.style.attribute;
                format!("{prefix}{}", self.qualified(node))
            }
            Kind::Document(_) => "#document".into(),
        }
    }

    /// Parts by their names: several of one name are an array, at the place of the first.
    fn groups(&mut self, attributes: Vec<(String, Str)>, nodes: &[Rc<Node>], fields: &mut Fields) {
        let mut names: Vec<(String, Vec<Part>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut put = |name: String, part: Part| {
            let at = *places.entry(name.clone()).or_insert(names.len());
            match names.get_mut(at) {
                Some((_, group)) => group.push(part),
                None => names.push((name, vec![part])),
            }
        };
        for (name, value) in attributes {
            put(name, Part::Attribute(value));
        }
        for node in nodes {
            let skipped = match &node.kind {
                Kind::Comment(_) => !self.style.net,
                Kind::Instruction { .. } | Kind::DocumentType(_) => !self.style.net,
                _ => false,
            };
            if !skipped {
                let name = self.entered(node, |this| this.key(node));
                // The declaration was written before.
                if name != "?xml" {
                    put(name, Part::Node(node.clone()));
                }
            }
        }
        for (name, group) in names {
            if let Some(comments) = comments_of(&group) {
                match comments.as_slice() {
                    [one] if self.comments => {
                        let comment = Value::Str(one.inner_text());
                        fields.push(Token::formed(comment, Form::Comment));
                    }
                    [_] => {}
                    // Json.NET opens an array for them and writes none.
                    _ => field(fields, &name, Token::array(Vec::new())),
                }
                continue;
            }
            let value = match group.as_slice() {
                [one] if !self.is_item(one) => self.part(one),
                several => Token::array(several.iter().map(|p| self.part(p)).collect()),
            };
            field(fields, &name, value);
        }
    }

    fn part(&mut self, part: &Part) -> Token {
        match part {
            Part::Attribute(value) => text(value.clone()),
            Part::Node(node) => self.content(node),
        }
    }

    /// Whether what stands alone is an array all the same.
    fn is_item(&self, part: &Part) -> bool {
        let Part::Node(node) = part else {
            return false;
        };
        self.style.arrays && node.is_element()
            || self.style.net
                && node.attributes().iter().any(|a| {
                    a.name()
                        .is_some_and(|n| &*n.namespace == JSON_URI && &*n.local == "Array")
                        && &*a.inner_text() == "true"
                })
    }

    /// What stands for a node under its name.
    fn content(&mut self, node: &Node) -> Token {
        match &node.kind {
            Kind::Element { .. } => self.entered(node, |this| this.element(node)),
            Kind::Instruction { data, .. } => text(data.borrow().clone()),
            Kind::DocumentType(parts) => {
                let mut fields = Fields::default();
                let parts = parts.borrow();
                for (name, part) in ["@name", "@public", "@system", "@internalSubset"]
                    .iter()
                    .zip(parts.iter())
                {
                    if let Some(part) = part.as_ref().filter(|p| !p.is_empty()) {
                        field(&mut fields, name, text(part.clone()));
                    }
                }
                Token::object(fields)
            }
            _ => text(node.inner_text()),
        }
    }

    fn element(&mut self, node: &Node) -> Token {
        let children = node.children();
        let net = self.style.net;
        let attributes: Vec<(String, Str)> = node
            .attributes()
            .into_iter()
            .filter(|a| {
                let json = a.name().is_some_and(|n| &*n.namespace == JSON_URI);
                !net || (!json && &*a.inner_text() != JSON_URI)
            })
            .map(|a| (self.key(&a), a.inner_text()))
            .collect();
        if attributes.is_empty() {
            let is_text = |n: &Node| {
                matches!(n.kind, Kind::Text(_)) || !net && matches!(n.kind, Kind::CData(_))
            };
            match children.as_slice() {
                [] if node.is_blank() => return text(""),
                [] => return Token::null(),
                [only] if is_text(only) => return text(only.inner_text()),
                _ => {}
            }
        }
        let blank = !net && children.is_empty() && node.is_blank();
        let mut fields = Fields::default();
        self.groups(attributes, &children, &mut fields);
        if blank {
            field(&mut fields, self.style.text, text(""));
        }
        Token::object(fields)
    }
}

/// The comments of a group, when it is one of comments.
fn comments_of(group: &[Part]) -> Option<Vec<&Rc<Node>>> {
    fn comment(part: &Part) -> Option<&Rc<Node>> {
        match part {
            Part::Node(node) if matches!(node.kind, Kind::Comment(_)) => Some(node),
            _ => None,
        }
    }
    group.iter().map(comment).collect()
}

/// The parts of the declaration that are there.
fn declaration(document: &Node) -> Vec<(&'static str, Str)> {
    let Kind::Document(place) = &document.kind else {
        return Vec::new();
    };
    let place = place.borrow();
    let Value::Object(object) = &*place else {
        return Vec::new();
    };
    let Some(declared) = object.as_any().downcast_ref::<Declared>() else {
        return Vec::new();
    };
    let parts = declared.0.borrow();
    [
        ("version", &parts.version),
        ("encoding", &parts.encoding),
        ("standalone", &parts.standalone),
    ]
    .into_iter()
    .filter_map(|(name, part)| Some((name, part.clone().filter(|p| !p.is_empty())?)))
    .collect()
}
