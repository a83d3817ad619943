//! XML as JSON and back: `SerializeXNode`, `SerializeXmlNode`, `DeserializeXNode`.
//!
//! Source: Json.NET 13's `XmlNodeConverter`. What must stay true: attributes are `@name`, text beside other content is
//! `#text`, elements of one name are an array, namespaces are attributes like others; what JSON cannot be as XML is
//! refused with the converter's messages.

use super::{built, null, pausing, written};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::interchange::to_json::{JSON_URI, Reader, Style};
use crate::value::token::{Form, Kind as Json, parse, write};
use crate::value::xml::{Declared, Kind, Name, Node, XML, XMLNS};
use crate::value::{Str, Token, Value};
use std::cell::RefCell;
use std::rc::Rc;

fn fault(message: impl Into<Str>) -> Throw {
    throw("JsonSerializationException", message)
}

/// A document or a node as JSON; `omit` leaves the root out, `comments` keeps comments for a tree that is only written.
fn of_node(cx: &mut Cx<'_>, node: &Node, omit: bool, comments: bool) -> Result<Token, Throw> {
    cx.step(node.weight() / 32)?;
    cx.charge(node.weight())?;
    let reader = Reader::new(Style::NET).with_comments(comments);
    Ok(reader.node(node, omit))
}

/// `SerializeXNode(node, formatting, omitRootObject)`.
pub(super) fn serialize(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let indented = a.int(1) == 1;
    let node = crate::expr::table::xml::node_at(a, 0);
    // A comment is written where a property would be, of which there is none without the root.
    // A document without a root has nothing to write.
    let nothing = |node: &Node| match &node.kind {
        Kind::Comment(_) => true,
        Kind::Document(_) => node.children().is_empty(),
        _ => false,
    };
    if a.bool(2) && node.as_deref().is_some_and(nothing) {
        return cx.text(String::new());
    }
    let t = match node {
        // A document type is written with its name also where the braces around it are left out.
        Some(node) if a.bool(2) && matches!(node.kind, Kind::DocumentType(_)) => {
            let all = of_node(cx, &node, false, true)?;
            all.child(0).unwrap_or_else(Token::null)
        }
        Some(node) => of_node(cx, &node, a.bool(2), true)?,
        None => Token::null(),
    };
    let out = written(cx, &t, write::Style::of(indented))?;
    cx.text(out)
}

/// `DeserializeXNode(value, deserializeRootElementName, writeArrayAttribute)`: a document.
pub(super) fn deserialize(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Rc<Node>>, Throw> {
    let json = a.str(0).map_err(|_| null("value"))?;
    let reading = parse::Reading {
        dates: false,
        duplicates: parse::Duplicates::All,
        ..Default::default()
    };
    let begin = json.trim_start_matches(|c: char| c.is_whitespace() || c == '\0');
    if begin.is_empty() {
        return Ok(None);
    }
    let no_object =
        || fault("XmlNodeConverter can only convert JSON that begins with an object. Path ''.");
    cx.charge(json.len().saturating_mul(3))?;
    cx.step(json.len() / 64)?;
    let read = pausing(cx, |pause| parse::first(&json, reading, pause))?;
    let (t, rest) = read.map_err(|why| {
        // The first token is looked at before the rest is read.
        match begin.chars().next() {
            Some('[') => no_object(),
            Some('{') if json.trim_end().ends_with([':', '{']) => {
                fault("Unexpected JsonToken when deserializing node: None. Path ''.")
            }
            Some('{') => super::json_error(why),
            _ => super::json_error(why),
        }
    })?;
    cx.keep(&t);
    if t.type_number() == 10 {
        return match rest {
            None => Ok(None),
            Some(why) => Err(super::json_error(why)),
        };
    }
    let Json::Object(_) = t.kind() else {
        return Err(no_object());
    };
    let document = Node::document();
    let mut making = Making {
        cx,
        arrays: a.bool(2),
    };
    match a.text(1).ok().filter(|r| !r.is_empty()) {
        Some(root) => making.node(root, &t, &document, &Vec::new(), 0)?,
        None => making.members(&t, &document, &Vec::new(), 0)?,
    }
    // The document is made while its text is read: what stands behind the text is seen last.
    match rest {
        Some(why) => Err(super::json_error(why)),
        None => Ok(Some(document)),
    }
}

/// Prefixes that are declared, the innermost last.
type Scopes = Vec<(Str, Str)>;

struct Making<'c, 'h> {
    cx: &'c mut Cx<'h>,
    /// Whether items of arrays are marked as such.
    arrays: bool,
}

impl Making<'_, '_> {
    /// The name of an element or an attribute, with the namespace that its prefix means.
    fn name(&self, written: &str, scopes: &Scopes, default_too: bool) -> Result<Name, Throw> {
        let (prefix, local) = written.split_once(':').unwrap_or(("", written));
        let local = encoded(local);
        let namespace = match prefix {
            "xml" => Some(Str::from(XML)),
            "" if !default_too => Some(Str::from("")),
            _ => scopes
                .iter()
                .rev()
                .find(|(p, _)| &**p == prefix)
                .map(|(_, n)| n.clone())
                .or_else(|| prefix.is_empty().then(|| Str::from(""))),
        };
        match namespace {
            Some(namespace) => Ok(Name {
                namespace,
                local: local.into(),
            }),
            // A prefix that means nothing is part of the name, which .NET encodes.
            None => Ok(Name {
                namespace: Str::from(""),
                local: encoded(&written.replace(':', "_x003A_")).into(),
            }),
        }
    }

    fn members(
        &mut self,
        t: &Token,
        to: &Rc<Node>,
        scopes: &Scopes,
        depth: usize,
    ) -> Result<(), Throw> {
        for p in t.children() {
            let (Some(name), Some(value)) = (p.name(), p.content()) else {
                continue;
            };
            if let Some(own) = name.strip_prefix('@') {
                if to.is_element() {
                    continue;
                }
                return Err(fault(format!(
                    "JSON root object has property '{own}' that will be converted to an attribute. A root object cannot have any attribute properties. Consider specifying a DeserializeRootElementName. Path ''."
                )));
            }
            if to.is_document() && to.children().iter().any(|n| n.is_element()) {
                return Err(fault(
                    "JSON root object has multiple properties. The root object must have a single property in order to create a valid XML document. Consider specifying a DeserializeRootElementName. Path ''.",
                ));
            }
            match value.kind() {
                Json::Array(_) => self.items(name, &value, to, scopes, depth)?,
                _ => self.node(name, &value, to, scopes, depth)?,
            }
        }
        Ok(())
    }

    /// Puts the items of an array under a node, each under the name.
    fn items(
        &mut self,
        name: &str,
        value: &Token,
        to: &Rc<Node>,
        scopes: &Scopes,
        depth: usize,
    ) -> Result<(), Throw> {
        let items = value.children();
        // Only an array of one cannot be told from a value that is none.
        let marked = self.arrays && items.len() == 1;
        for item in items {
            self.node(name, &item, to, scopes, depth + 1)?;
            if let Some(last) = to.last_child().filter(|n| marked && n.is_element()) {
                mark(&last)?;
            }
        }
        Ok(())
    }

    /// Puts what a property means under a node.
    fn node(
        &mut self,
        name: &str,
        value: &Token,
        to: &Rc<Node>,
        scopes: &Scopes,
        depth: usize,
    ) -> Result<(), Throw> {
        self.cx.step(1)?;
        self.cx.charge(size_of::<Node>() + name.len())?;
        let put = |node: Rc<Node>| {
            to.insert(usize::MAX, &node).map(drop).map_err(|why| {
                throw(
                    match why.starts_with("A node of type DocumentType") {
                        true => "ArgumentException",
                        false => "InvalidOperationException",
                    },
                    why,
                )
            })
        };
        let words = || RefCell::new(Str::from(plain(value)));
        match name {
            "#text" => {
                return to
                    .append_text(&plain(value))
                    .map_err(|why| throw("ArgumentException", why));
            }
            "#cdata-section" => return put(Node::new(Kind::CData(words()))),
            "#comment" => return put(Node::new(Kind::Comment(words()))),
            "#whitespace" | "#significant-whitespace" => {
                return put(Node::new(Kind::Text(words())));
            }
            "?xml" => {
                if let Kind::Document(place) = &to.kind {
                    let part = |n: &str| value.field(n).map(|v| Str::from(plain(&v)));
                    place.replace(Declared::value(crate::value::xml::Declaration {
                        version: part("@version"),
                        encoding: part("@encoding"),
                        standalone: part("@standalone"),
                    }));
                }
                return Ok(());
            }
            _ => {}
        }
        if name == "!DOCTYPE" {
            let part = |n: &str| value.field(n).map(|v| Str::from(plain(&v)));
            let name = part("@name").ok_or_else(|| null("name"))?;
            return put(Node::new(Kind::DocumentType(RefCell::new([
                Some(name),
                part("@public"),
                part("@system"),
                part("@internalSubset"),
            ]))));
        }
        if let Some(target) = name.strip_prefix('?') {
            if target.is_empty() {
                return Err(null("name"));
            }
            return put(Node::new(Kind::Instruction {
                target: RefCell::new(Str::from(target)),
                data: words(),
            }));
        }
        if name.is_empty() {
            return Err(fault(
                "XmlNodeConverter cannot convert JSON with an empty property name to XML. Path ''.",
            ));
        }
        let mut inner = scopes.clone();
        for p in value.children() {
            let declared = p.name().and_then(|n| n.strip_prefix("@xmlns"));
            if let (Some(rest), Some(uri)) = (declared, p.content()) {
                let prefix = rest.strip_prefix(':').unwrap_or("");
                inner.push((Str::from(prefix), Str::from(plain(&uri))));
            }
        }
        let made = Node::element(self.name(name, &inner, true)?);
        for p in value.children() {
            let (Some(own), Some(v)) = (p.name(), p.content()) else {
                continue;
            };
            let Some(own) = own.strip_prefix('@') else {
                continue;
            };
            let attribute = match (own, own.strip_prefix("xmlns:")) {
                (_, Some(prefix)) => Name {
                    namespace: Str::from(XMLNS),
                    local: Str::from(prefix),
                },
                ("xmlns", _) => Name {
                    namespace: Str::from(""),
                    local: Str::from("xmlns"),
                },
                _ => self.name(own, &inner, false)?,
            };
            match v.value() {
                Some(v) if v.is_null() => return Err(null("value")),
                Some(_) => {}
                None => {
                    return Err(fault(format!(
                        "Cannot get an XML string value from token type '{}'. Path ''.",
                        v.reader_name()
                    )));
                }
            }
            if own.is_empty() {
                return Err(throw(
                    "ArgumentException",
                    "'' is an invalid expanded name.",
                ));
            }
            made.append_attribute(&Node::attribute(attribute, plain(&v)))
                .map_err(|why| throw("InvalidOperationException", why))?;
        }
        match value.kind() {
            Json::Object(_) => self.members(value, &made, &inner, depth + 1)?,
            // An array in an array is an element of its own.
            Json::Array(_) => {
                self.items(name, value, &made, &inner, depth + 1)?;
                if self.arrays {
                    mark(&made)?;
                }
            }
            _ if value.value().is_some_and(|v| v.is_null()) => {}
            _ => {
                made.append_text(&plain(value))
                    .map_err(|why| throw("ArgumentException", why))?;
            }
        }
        put(made)
    }
}

/// Marks an element as an item of an array.
fn mark(element: &Node) -> Result<(), Throw> {
    let name = |namespace: &str, local: &str| Name {
        namespace: Str::from(namespace),
        local: Str::from(local),
    };
    for (name, value) in [
        (name(JSON_URI, "Array"), "true"),
        (name(XMLNS, "json"), JSON_URI),
    ] {
        element
            .append_attribute(&Node::attribute(name, value))
            .map_err(|why| throw("InvalidOperationException", why))?;
    }
    Ok(())
}

/// The text that stands for a value in XML.
fn plain(t: &Token) -> String {
    match (t.value(), t.form()) {
        (Some(Value::Bool(b)), _) => String::from(if b { "true" } else { "false" }),
        (Some(v), Form::Plain | Form::Text | Form::Raw | Form::RawValue | Form::RawGiven) => {
            match &v {
                Value::DateTime(_) | Value::DateTimeOffset(_) => {
                    let mut out = String::new();
                    write::scalar(&v, &mut out);
                    out.trim_matches('"').to_owned()
                }
                v => v.to_text().to_string(),
            }
        }
        _ => String::new(),
    }
}

/// `XmlConvert.EncodeName`: characters that a name does not take as `_xHHHH_`.
pub(crate) fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (i, c) in name.chars().enumerate() {
        let first = c == '_' || c.is_alphabetic();
        let fits = first || (i > 0 && (c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}')));
        // What looks encoded stays as it is.
        if fits {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("_x{unit:04X}_"));
            }
        }
    }
    out
}

/// The document as LINQ to XML sees it.
pub(super) fn document(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    match deserialize(cx, a)? {
        Some(document) => {
            let value = document.value();
            cx.keep_object(&value);
            Ok(value)
        }
        None => Ok(Value::Null),
    }
}

/// A node that stands in a value to be serialized.
pub(super) fn token_of(cx: &mut Cx<'_>, v: &Value, comments: bool) -> Option<Result<Token, Throw>> {
    let node = crate::expr::table::xml::node_of(v)?;
    Some(of_node(cx, &node, false, comments).and_then(|t| {
        built(cx, t.clone())?;
        Ok(t)
    }))
}
