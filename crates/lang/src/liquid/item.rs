//! A value while a template is rendered.
//!
//! What must stay true: a value of JSON is what its token holds; an element of XML stands for its text where a text is
//! asked for, and for its child elements where a list is.

use super::context::Part;
use crate::expr::eval::{Cx, Throw, throw};
use crate::value::token::Kind as Json;
use crate::value::xml::Node;
use crate::value::{Str, Token, Value};
use std::rc::Rc;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// A scalar, an object or array of JSON, or another value of .NET.
    Value(Value),
    /// A list that the template made.
    List(Rc<Vec<Item>>),
    /// An element or a document.
    Xml(Rc<Node>),
    /// A part of `context`.
    Part(Part),
    /// Members of their own: `forloop`.
    Record(Rc<Vec<(Str, Item)>>),
    /// A property of an object that a loop goes through.
    Pair(Rc<(Str, Item)>),
    /// `empty`.
    Empty,
}

pub(super) const NIL: Item = Item::Value(Value::Null);

impl From<Value> for Item {
    fn from(value: Value) -> Item {
        match value {
            Value::Token(token) => Item::of_token(token),
            Value::Object(ref object) => match object.as_any().downcast_ref::<Node>() {
                Some(node) => Item::Xml(node.share()),
                None => Item::Value(value),
            },
            value => Item::Value(value),
        }
    }
}

impl Item {
    pub(super) fn text(text: impl Into<Str>) -> Item {
        Item::Value(Value::Str(text.into()))
    }

    pub(super) fn list(items: Vec<Item>) -> Item {
        Item::List(Rc::new(items))
    }

    fn of_token(token: Token) -> Item {
        match token.value() {
            Some(value) => Item::Value(value),
            None => Item::Value(Value::Token(token)),
        }
    }

    pub(super) fn is_nil(&self) -> bool {
        matches!(self, Item::Value(Value::Null))
    }

    /// Only nil and false are not true.
    pub(super) fn is_true(&self) -> bool {
        !matches!(self, Item::Value(Value::Null | Value::Bool(false)))
    }

    /// The scalar that it is in comparisons and arithmetic; an element is its text.
    pub(super) fn scalar(&self) -> Option<Value> {
        match self {
            Item::Value(Value::Token(_) | Value::List(_) | Value::Dict(_)) => None,
            Item::Value(value) => Some(value.clone()),
            Item::Xml(node) => Some(Value::Str(node.inner_text())),
            _ => None,
        }
    }

    /// `ToString`, where lists are their items one after the other.
    pub(super) fn plain(&self) -> Str {
        match self {
            Item::Value(Value::Token(_) | Value::List(_) | Value::Dict(_)) | Item::List(_) => {
                let mut out = String::new();
                for item in self.each().unwrap_or_default() {
                    out.push_str(&item.plain());
                }
                out.into()
            }
            Item::Value(value) => value.to_text(),
            Item::Xml(node) => node.inner_text(),
            Item::Pair(pair) => format!("[{}, {}]", pair.0, pair.1.plain()).into(),
            Item::Part(_) | Item::Record(_) | Item::Empty => Str::from(""),
        }
    }

    /// Its items, when it is a list of any kind; `None` when it is not. The characters of a text are no items here.
    pub(super) fn each(&self) -> Option<Vec<Item>> {
        Some(match self {
            Item::List(items) => items.to_vec(),
            Item::Value(Value::Token(token)) => match token.kind() {
                Json::Object(_) => {
                    let members = token.children().into_iter();
                    members
                        .filter_map(|p| {
                            let value = Item::of_token(p.content()?);
                            Some(Item::Pair(Rc::new((p.name()?.clone(), value))))
                        })
                        .collect()
                }
                _ => token.children().into_iter().map(Item::of_token).collect(),
            },
            Item::Value(Value::List(list)) => {
                list.items().iter().cloned().map(Item::from).collect()
            }
            Item::Value(Value::Dict(dict)) => dict
                .entries()
                .into_iter()
                .map(|(k, v)| Item::Pair(Rc::new((k.to_text(), Item::from(v)))))
                .collect(),
            Item::Xml(node) => elements(node).map(Item::Xml).collect(),
            Item::Pair(pair) => vec![Item::text(pair.0.clone()), pair.1.clone()],
            _ => return None,
        })
    }

    /// As [`Item::each`], counted; the characters of a text are items too, as .NET enumerates them.
    pub(super) fn enumerated(&self, cx: &mut Cx<'_>) -> Result<Option<Vec<Item>>, Throw> {
        let items = match self {
            Item::Value(Value::Str(text)) => {
                cx.charge(text.len().saturating_mul(size_of::<Item>() + 16))?;
                cx.step(text.len() / 8)?;
                return Ok(Some(characters(text)));
            }
            item => item.each(),
        };
        if let Some(items) = &items {
            cx.charge(items.len().saturating_mul(size_of::<Item>()))?;
            cx.step(items.len() / 8)?;
        }
        Ok(items)
    }

    /// Whether it is a list without items, or a text without characters.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Item::Value(Value::Str(text)) => text.is_empty(),
            Item::Value(Value::Token(token)) => token.len() == 0,
            Item::Xml(node) => elements(node).next().is_none() && node.inner_text().is_empty(),
            item => item.each().is_some_and(|items| items.is_empty()),
        }
    }

    /// What going through it costs, in steps of an evaluation.
    pub(super) fn cost(&self) -> usize {
        match self {
            Item::Value(Value::Str(text)) => text.len() / 64,
            Item::Value(Value::Token(token)) => token.len() / 8,
            Item::Value(Value::List(list)) => list.items().len() / 8,
            Item::Value(Value::Dict(dict)) => dict.len() / 8,
            Item::List(items) => items.len() / 8,
            // Its text may stand anywhere below.
            Item::Xml(node) if node.width() > 0 => node.weight() / 256,
            _ => 0,
        }
    }

    /// Appends [`Item::plain`], counted.
    pub(super) fn write(&self, cx: &mut Cx<'_>, out: &mut String) -> Result<(), Throw> {
        cx.step(1 + self.cost())?;
        let is_list = matches!(
            self,
            Item::Value(Value::Token(_) | Value::List(_) | Value::Dict(_)) | Item::List(_)
        );
        let before = out.len();
        if is_list {
            for item in self.each().unwrap_or_default() {
                item.write(cx, out)?;
            }
            return Ok(());
        }
        match self {
            Item::Pair(pair) => {
                out.push('[');
                out.push_str(&pair.0);
                out.push_str(", ");
                pair.1.write(cx, out)?;
                out.push(']');
            }
            item => out.push_str(&item.plain()),
        }
        cx.charge(out.len() - before)
    }

    /// How many items or characters it has.
    pub(super) fn size(&self) -> Option<usize> {
        match self {
            Item::Value(Value::Str(text)) => Some(text.encode_utf16().count()),
            Item::Value(Value::Token(token)) => Some(token.len()),
            item => item.each().map(|items| items.len()),
        }
    }

    /// One item of a list.
    pub(super) fn nth(&self, at: usize) -> Option<Item> {
        match self {
            Item::Value(Value::Token(token)) if matches!(token.kind(), Json::Array(_)) => {
                token.child(at).map(Item::of_token)
            }
            Item::Value(Value::Token(_) | Value::Dict(_)) => None,
            item => item.each().and_then(|items| items.get(at).cloned()),
        }
    }

    /// A member by its name; `None` when there is none of that name.
    pub(super) fn member(&self, name: &str) -> Option<Item> {
        match self {
            Item::Value(Value::Token(token)) => token.field(name).map(Item::of_token),
            Item::Value(Value::Dict(dict)) => dict.get(&Value::from(name)).map(Item::from),
            Item::Value(Value::Response(response)) => match name {
                "StatusCode" => Some(Item::Value(Value::Int(i32::from(response.status)))),
                "StatusReason" => Some(Item::text(response.reason.clone())),
                _ => None,
            },
            Item::Xml(node) => xml_member(node, name),
            Item::Record(fields) => {
                let found = fields.iter().find(|(n, _)| &**n == name);
                found.map(|(_, item)| item.clone())
            }
            Item::Pair(pair) => match name {
                "Key" | "itemName" => Some(Item::text(pair.0.clone())),
                "Value" => Some(pair.1.clone()),
                name => pair.1.member(name),
            },
            _ => None,
        }
    }
}

/// The characters of a text.
pub(super) fn characters(text: &str) -> Vec<Item> {
    let mut buffer = [0; 4];
    text.chars()
        .map(|c| Item::text(&*c.encode_utf8(&mut buffer)))
        .collect()
}

/// The child elements of a node.
pub(super) fn elements(node: &Node) -> impl Iterator<Item = Rc<Node>> {
    node.children().into_iter().filter(|n| n.is_element())
}

/// Child elements by their local name, case aside: one is itself, several are a list. Else an attribute.
fn xml_member(node: &Node, name: &str) -> Option<Item> {
    let called =
        |n: &Node, name: &str| n.name().is_some_and(|n| n.local.eq_ignore_ascii_case(name));
    let mut found: Vec<Item> = elements(node)
        .filter(|n| called(n, name))
        .map(Item::Xml)
        .collect();
    match found.len() {
        0 => {
            let name = name.strip_prefix('@').unwrap_or(name);
            let attributes = node.attributes();
            let attribute = attributes.iter().find(|a| called(a, name))?;
            Some(Item::text(attribute.inner_text()))
        }
        1 => found.pop(),
        _ => Some(Item::list(found)),
    }
}

/// What .NET says when it cannot make one type of another.
pub(super) fn not_convertible(to: &str) -> Throw {
    throw(
        "ArgumentException",
        format!("A list or an object cannot be converted to type '{to}'."),
    )
}
