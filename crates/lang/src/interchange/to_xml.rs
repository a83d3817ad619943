//! A tree of JSON as a tree of XML, as `json-to-xml` makes it.
//!
//! Sources: API Management's page on the policy and observed answers: several roots stand in `<Document>`, null is
//! `xsi:nil`, other values are the texts of .NET's `ToString`. What must stay true: the result is well-formed.

use crate::expr::eval::{Cx, Throw, throw};
use crate::expr::table::json::encoded;
use crate::value::token::Kind as Json;
use crate::value::xml::{MAX_ATTRIBUTES, MAX_HEIGHT, Name, Node, XMLNS};
use crate::value::{Str, Token};
use std::collections::HashSet;
use std::rc::Rc;

/// The namespace of `xsi:nil`.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What stands around what has no element of its own.
const ROOT: &str = "Document";

/// The attributes of `json-to-xml` that say how.
#[derive(Clone, Copy, Debug)]
pub struct ToXml<'a> {
    /// Whether texts that look like dates become dates, and are written as .NET writes these.
    pub parse_date: bool,
    /// What stands between a prefix and a name; empty: names have no prefix.
    pub namespace_separator: &'a str,
    /// What the name of a property that declares a namespace begins with.
    pub namespace_prefix: &'a str,
    /// The property whose members are attributes; empty: there is none.
    pub attribute_block_name: &'a str,
}

/// Prefixes and their namespaces, the nearest last.
type Scopes = Vec<(Str, Str)>;

pub(super) fn document(
    cx: &mut Cx<'_>,
    json: &Token,
    rules: &ToXml<'_>,
) -> Result<Rc<Node>, Throw> {
    let document = Node::document();
    let mut making = Making {
        cx,
        rules,
        scopes: Vec::new(),
        attributes: 0,
    };
    match making.only_root(json) {
        Some((name, value)) => making.element(&name, &value, &document, 1)?,
        None => making.around(json, &document)?,
    }
    Ok(document)
}

struct Making<'c, 'h, 'r> {
    cx: &'c mut Cx<'h>,
    rules: &'r ToXml<'r>,
    scopes: Scopes,
    /// Attributes of all elements that have begun.
    attributes: usize,
}

/// A member that declares a namespace: its prefix and the namespace.
type Declaration = (Str, Str);

impl Making<'_, '_, '_> {
    /// The one property of an object that can be the root by itself.
    fn only_root(&self, json: &Token) -> Option<(Str, Token)> {
        let Json::Object(_) = json.kind() else {
            return None;
        };
        let members = json.children();
        let [only] = members.as_slice() else {
            return None;
        };
        let (name, value) = (only.name()?.clone(), only.content()?);
        let several = matches!(value.kind(), Json::Array(_)) && value.len() > 1;
        let nested = matches!(value.kind(), Json::Array(_))
            && value
                .children()
                .iter()
                .any(|v| matches!(v.kind(), Json::Array(_)));
        let special = &*name == "#text" || &*name == self.rules.attribute_block_name;
        (!several && !nested && !special && self.declares(&name, &value).is_none())
            .then_some((name, value))
    }

    /// Whether a member declares a namespace.
    fn declares(&self, name: &str, value: &Token) -> Option<Declaration> {
        let rest = name.strip_prefix(self.rules.namespace_prefix)?;
        if self.rules.namespace_prefix.is_empty() {
            return None;
        }
        let uri = value.value().filter(|v| !v.is_null())?.to_text();
        if rest.is_empty() {
            return Some((Str::from(""), uri));
        }
        let separator = self.rules.namespace_separator;
        let prefix = rest.strip_prefix(separator).filter(|p| !p.is_empty())?;
        // A prefix cannot be taken back, and two of them are not to be declared (Namespaces in XML, section 3).
        let fits = !separator.is_empty() && !uri.is_empty() && !matches!(prefix, "xml" | "xmlns");
        fits.then(|| (Str::from(encoded(prefix)), uri))
    }

    /// The name that a property's name means.
    fn name(&self, written: &str, attribute: bool) -> Result<Name, Throw> {
        if written.is_empty() {
            return Err(throw(
                "JsonSerializationException",
                "A property with an empty name cannot be converted to XML.",
            ));
        }
        let separator = self.rules.namespace_separator;
        let split = if separator.is_empty() {
            None
        } else {
            written.split_once(separator)
        };
        if let Some((prefix, local)) = split
            && !prefix.is_empty()
            && !local.is_empty()
            && let Some((_, namespace)) = self.scopes.iter().rev().find(|(p, _)| &**p == prefix)
        {
            return Ok(Name {
                namespace: namespace.clone(),
                local: encoded(local).into(),
            });
        }
        let default = self.scopes.iter().rev().find(|(p, _)| p.is_empty());
        let namespace = match default {
            Some((_, namespace)) if !attribute => namespace.clone(),
            _ => Str::from(""),
        };
        Ok(Name {
            namespace,
            local: encoded(written).into(),
        })
    }

    /// A new element at the end.
    fn put(&mut self, name: Name, to: &Rc<Node>) -> Result<Rc<Node>, Throw> {
        self.cx.step(1)?;
        self.cx.breathe()?;
        self.cx.charge(size_of::<Node>() + name.local.len())?;
        let made = Node::element(name);
        to.push(made.clone());
        Ok(made)
    }

    /// The elements that stand for a property.
    fn element(
        &mut self,
        name: &str,
        value: &Token,
        to: &Rc<Node>,
        depth: usize,
    ) -> Result<(), Throw> {
        check_depth(depth)?;
        if let Json::Array(_) = value.kind() {
            return self.items(name, value, to, depth);
        }
        // The element's own declarations say what its prefix means.
        let before = self.scopes.len();
        let declared = self.declarations(value);
        self.scopes.extend(declared.iter().cloned());
        let made = self.name(name, false).and_then(|name| self.put(name, to));
        let done = made.and_then(|made| self.fill(value, &made, &declared, depth));
        self.scopes.truncate(before);
        done
    }

    /// An array: its owner's name again and again; an empty one is one empty element.
    fn items(
        &mut self,
        name: &str,
        array: &Token,
        to: &Rc<Node>,
        depth: usize,
    ) -> Result<(), Throw> {
        check_depth(depth)?;
        let items = array.children();
        if items.is_empty() {
            let name = self.name(name, false)?;
            return self.put(name, to).map(drop);
        }
        for item in items {
            self.element(name, &item, to, depth + 1)?;
        }
        Ok(())
    }

    /// Whether a member holds its element's attributes.
    fn is_block(&self, name: &str, value: &Token) -> bool {
        let wanted = self.rules.attribute_block_name;
        !wanted.is_empty() && name == wanted && matches!(value.kind(), Json::Object(_))
    }

    /// The members of an object that are its attributes.
    fn block(&self, value: &Token) -> Vec<Token> {
        let name = self.rules.attribute_block_name;
        let block = value.field(name).filter(|b| self.is_block(name, b));
        block.map_or_else(Vec::new, |b| b.children())
    }

    /// What an object's members declare, those of its attributes too.
    fn declarations(&self, value: &Token) -> Vec<Declaration> {
        let Json::Object(_) = value.kind() else {
            return Vec::new();
        };
        let members = value.children().into_iter().chain(self.block(value));
        members
            .filter_map(|p| self.declares(p.name()?, &p.content()?))
            .collect()
    }

    /// The element that stands around several roots.
    fn around(&mut self, json: &Token, document: &Rc<Node>) -> Result<(), Throw> {
        let declared = self.declarations(json);
        self.scopes.extend(declared.iter().cloned());
        let name = self.name(ROOT, false)?;
        let root = self.put(name, document)?;
        match json.kind() {
            Json::Array(_) => self.items(ROOT, json, &root, 2),
            _ => self.fill(json, &root, &declared, 1),
        }
    }

    /// Attributes and content of an element.
    fn fill(
        &mut self,
        value: &Token,
        to: &Rc<Node>,
        declared: &[Declaration],
        depth: usize,
    ) -> Result<(), Throw> {
        let mut attributes = Attributes::default();
        for (prefix, namespace) in declared {
            let name = match &**prefix {
                "" => Name {
                    namespace: Str::from(""),
                    local: Str::from("xmlns"),
                },
                _ => Name {
                    namespace: Str::from(XMLNS),
                    local: prefix.clone(),
                },
            };
            attributes.add(name, namespace.clone());
        }
        let Json::Object(_) = value.kind() else {
            match value.value().filter(|v| !v.is_null()) {
                Some(v) => append(to, &v.to_text())?,
                None => self.nil(&mut attributes),
            }
            to.set_attributes(attributes.list);
            return Ok(());
        };
        for p in self.block(value) {
            let (Some(name), Some(v)) = (p.name(), p.content()) else {
                continue;
            };
            if self.declares(name, &v).is_none() {
                self.cx.charge(size_of::<Node>() + name.len())?;
                attributes.add(self.name(name, true)?, text(&v));
            }
        }
        self.attributes += attributes.list.len();
        if self.attributes > MAX_ATTRIBUTES {
            return Err(throw(
                "InvalidOperationException",
                format!("elements inside each other have more than {MAX_ATTRIBUTES} attributes"),
            ));
        }
        let count = attributes.list.len();
        to.set_attributes(attributes.list);
        for member in value.children() {
            let (Some(name), Some(v)) = (member.name(), member.content()) else {
                continue;
            };
            let is_block = self.is_block(name, &v);
            if is_block || self.declares(name, &v).is_some() {
                continue;
            }
            if &**name == "#text" && matches!(v.kind(), Json::Scalar(_)) {
                append(to, &text(&v))?;
            } else {
                self.element(name, &v, to, depth + 1)?;
            }
        }
        self.attributes -= count;
        Ok(())
    }

    /// `xsi:nil="true"`.
    fn nil(&self, attributes: &mut Attributes) {
        let nil = Name {
            namespace: Str::from(XSI),
            local: Str::from("nil"),
        };
        attributes.add(nil, Str::from("true"));
        let known = self.scopes.iter().rev().find(|(_, n)| &**n == XSI);
        let hidden = |prefix: &Str| {
            self.scopes
                .iter()
                .rev()
                .find(|(p, _)| p == prefix)
                .is_some_and(|(_, n)| &**n != XSI)
        };
        if known.is_none_or(|(prefix, _)| prefix.is_empty() || hidden(prefix)) {
            let xsi = Name {
                namespace: Str::from(XMLNS),
                local: Str::from("xsi"),
            };
            attributes.add(xsi, Str::from(XSI));
        }
    }
}

/// Attributes of one element; of two with one name the first stays.
#[derive(Default)]
struct Attributes {
    list: Vec<Rc<Node>>,
    names: HashSet<Name>,
}

impl Attributes {
    fn add(&mut self, name: Name, value: Str) {
        if self.names.insert(name.clone()) {
            self.list.push(Node::attribute(name, value));
        }
    }
}

/// The text of a value; what is no value gives its JSON.
fn text(token: &Token) -> Str {
    match token.value() {
        Some(value) => value.to_text(),
        None => token.to_json().into(),
    }
}

fn append(to: &Node, text: &str) -> Result<(), Throw> {
    to.append_text(text)
        .map_err(|why| throw("ArgumentException", why))
}

fn check_depth(depth: usize) -> Result<(), Throw> {
    if depth + 2 >= MAX_HEIGHT {
        return Err(throw(
            "InvalidOperationException",
            "XML is nested too deeply",
        ));
    }
    Ok(())
}
