//! Values that cross threads: what caches keep and what compiled expressions hold as constants.
//!
//! What must stay true: [`Frozen`] is `Send + Sync`, and thawing shares nothing mutable with the original.

use super::token::number::BigInteger;
use super::token::{Fields, Form, Kind as TokenKind};
use super::{DateTime, DateTimeOffset, Dict, EnumType, List, Response, Str, Token, Value};
use crate::expr::types::Ty;
use bytes::Bytes;
use http::HeaderMap;
use rust_decimal::Decimal;
use std::rc::Rc;
use std::sync::Arc;

/// Deepest nest that is copied.
const DEPTH: usize = 256;

/// A value that may cross threads: what `cache-store-value` keeps.
#[derive(Clone, Debug)]
pub enum Frozen {
    /// `null`.
    Null,
    /// `bool`.
    Bool(bool),
    /// `char`.
    Char(u16),
    /// `int`.
    Int(i32),
    /// `long`.
    Long(i64),
    /// `double`.
    Double(f64),
    /// `decimal`.
    Decimal(Decimal),
    /// The other widths: type by its C# keyword, and bits.
    Narrow(Narrow),
    /// Text.
    Text(Str),
    /// `System.Numerics.BigInteger`, by its digits.
    BigInteger(Str),
    /// `byte[]`.
    Bytes(Bytes),
    /// `DateTime`.
    DateTime(DateTime),
    /// `DateTimeOffset`.
    DateTimeOffset(DateTimeOffset),
    /// `TimeSpan`.
    TimeSpan(i64),
    /// `Guid`.
    Guid([u8; 16]),
    /// An enum's value.
    Enum(&'static EnumType, i64),
    /// A JSON token.
    Json(Arc<FrozenToken>),
    /// An array or list.
    List(Arc<(Ty, Vec<Frozen>, Option<Vec<usize>>)>),
    /// A dictionary or set.
    Dict(Arc<FrozenDict>),
    /// A response.
    Response(Arc<FrozenResponse>),
}

/// Integers and floats of rarely used widths.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each is the .NET type of the same name")]
pub enum Narrow {
    SByte(i8),
    Byte(u8),
    Short(i16),
    UShort(u16),
    UInt(u32),
    ULong(u64),
    Float(f32),
}

/// A JSON token without links.
#[derive(Debug)]
pub struct FrozenToken(Node);

#[derive(Debug)]
enum Node {
    Object(Vec<(Str, Option<Node>)>),
    Array(Vec<Node>),
    Constructor(Str, Vec<Node>),
    Property(Str, Option<Box<Node>>),
    Scalar(Frozen, Form),
}

/// A dictionary's content.
#[derive(Debug)]
pub struct FrozenDict {
    ty: Ty,
    fold: bool,
    entries: Vec<(Frozen, Frozen)>,
}

/// A response's content.
#[derive(Debug)]
pub struct FrozenResponse {
    status: u16,
    reason: Str,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Frozen {
    pub(crate) fn of(value: &Value, depth: usize) -> Option<Frozen> {
        if depth > DEPTH {
            return None;
        }
        Some(match value {
            Value::Null => Frozen::Null,
            Value::Bool(b) => Frozen::Bool(*b),
            Value::Char(c) => Frozen::Char(*c),
            Value::SByte(n) => Frozen::Narrow(Narrow::SByte(*n)),
            Value::Byte(n) => Frozen::Narrow(Narrow::Byte(*n)),
            Value::Short(n) => Frozen::Narrow(Narrow::Short(*n)),
            Value::UShort(n) => Frozen::Narrow(Narrow::UShort(*n)),
            Value::Int(n) => Frozen::Int(*n),
            Value::UInt(n) => Frozen::Narrow(Narrow::UInt(*n)),
            Value::Long(n) => Frozen::Long(*n),
            Value::ULong(n) => Frozen::Narrow(Narrow::ULong(*n)),
            Value::Float(n) => Frozen::Narrow(Narrow::Float(*n)),
            Value::Double(n) => Frozen::Double(*n),
            Value::Decimal(n) => Frozen::Decimal(*n),
            Value::Str(s) => Frozen::Text(s.clone()),
            Value::Bytes(b) => Frozen::Bytes(b.clone()),
            Value::DateTime(d) => Frozen::DateTime(*d),
            Value::DateTimeOffset(d) => Frozen::DateTimeOffset(*d),
            Value::TimeSpan(t) => Frozen::TimeSpan(*t),
            Value::Guid(g) => Frozen::Guid(*g),
            Value::Enum(e, n) => Frozen::Enum(e, *n),
            Value::Token(t) => Frozen::Json(Arc::new(FrozenToken(node(t, depth)?))),
            Value::List(l) => {
                let items: Option<Vec<Frozen>> =
                    l.items().iter().map(|v| Frozen::of(v, depth + 1)).collect();
                let lengths = l.lengths().map(<[usize]>::to_vec);
                Frozen::List(Arc::new((l.ty().clone(), items?, lengths)))
            }
            Value::Dict(d) => {
                let entries: Option<Vec<_>> = d
                    .entries()
                    .iter()
                    .map(|(k, v)| Some((Frozen::of(k, depth + 1)?, Frozen::of(v, depth + 1)?)))
                    .collect();
                Frozen::Dict(Arc::new(FrozenDict {
                    ty: d.ty().clone(),
                    fold: d.folds(),
                    entries: entries?,
                }))
            }
            Value::Response(r) => Frozen::Response(Arc::new(FrozenResponse {
                status: r.status,
                reason: r.reason.clone(),
                headers: r.headers.clone(),
                body: r.body.borrow().clone(),
            })),
            Value::Object(o) => return o.freeze(),
            Value::Func(_) | Value::Host(_) => return None,
        })
    }

    /// The value again, sharing nothing mutable with the original.
    pub fn thaw(&self) -> Value {
        match self {
            Frozen::Null => Value::Null,
            Frozen::Bool(b) => Value::Bool(*b),
            Frozen::Char(c) => Value::Char(*c),
            Frozen::Int(n) => Value::Int(*n),
            Frozen::Long(n) => Value::Long(*n),
            Frozen::Double(n) => Value::Double(*n),
            Frozen::Decimal(n) => Value::Decimal(*n),
            Frozen::Narrow(n) => match *n {
                Narrow::SByte(n) => Value::SByte(n),
                Narrow::Byte(n) => Value::Byte(n),
                Narrow::Short(n) => Value::Short(n),
                Narrow::UShort(n) => Value::UShort(n),
                Narrow::UInt(n) => Value::UInt(n),
                Narrow::ULong(n) => Value::ULong(n),
                Narrow::Float(n) => Value::Float(n),
            },
            Frozen::Text(s) => Value::Str(s.clone()),
            Frozen::BigInteger(digits) => match BigInteger::parse(digits) {
                Some(n) => Value::Object(Rc::new(n)),
                None => Value::Null,
            },
            Frozen::Bytes(b) => Value::Bytes(b.clone()),
            Frozen::DateTime(d) => Value::DateTime(*d),
            Frozen::DateTimeOffset(d) => Value::DateTimeOffset(*d),
            Frozen::TimeSpan(t) => Value::TimeSpan(*t),
            Frozen::Guid(g) => Value::Guid(*g),
            Frozen::Enum(e, n) => Value::Enum(e, *n),
            Frozen::Json(t) => Value::Token(thaw_node(&t.0)),
            Frozen::List(l) => {
                let items = l.1.iter().map(Frozen::thaw).collect();
                Value::List(match &l.2 {
                    Some(lengths) => List::rectangular(l.0.clone(), lengths.clone(), items),
                    None => List::new(l.0.clone(), items),
                })
            }
            Frozen::Dict(d) => {
                let dict = Dict::new(d.ty.clone(), d.fold);
                for (k, v) in &d.entries {
                    dict.insert(k.thaw(), v.thaw());
                }
                Value::Dict(dict)
            }
            Frozen::Response(r) => Value::Response(Rc::new(Response::new(
                r.status,
                r.reason.clone(),
                r.headers.clone(),
                r.body.clone(),
            ))),
        }
    }

    /// About how many bytes it holds, for cache bounds.
    pub fn weight(&self) -> usize {
        let own = size_of::<Frozen>();
        own + match self {
            Frozen::Text(s) | Frozen::BigInteger(s) => s.len(),
            Frozen::Bytes(b) => b.len(),
            Frozen::Json(t) => node_weight(&t.0),
            Frozen::List(l) => l.1.iter().map(Frozen::weight).sum(),
            Frozen::Dict(d) => d.entries.iter().map(|(k, v)| k.weight() + v.weight()).sum(),
            Frozen::Response(r) => {
                r.headers
                    .iter()
                    .map(|(n, v)| n.as_str().len() + v.len() + 32)
                    .sum::<usize>()
                    + r.body.as_ref().map_or(0, Bytes::len)
            }
            _ => 0,
        }
    }
}

fn node(token: &Token, depth: usize) -> Option<Node> {
    if depth > DEPTH {
        return None;
    }
    Some(match token.kind() {
        TokenKind::Object(fields) => {
            let fields = fields.borrow();
            let all: Option<Vec<_>> = fields
                .list()
                .iter()
                .map(|p| match p.kind() {
                    TokenKind::Property(name, value) => {
                        Some((name.clone(), maybe_node(&value.borrow(), depth + 1)?))
                    }
                    _ => None,
                })
                .collect();
            Node::Object(all?)
        }
        TokenKind::Array(items) => Node::Array(
            items
                .borrow()
                .iter()
                .map(|t| node(t, depth + 1))
                .collect::<Option<_>>()?,
        ),
        TokenKind::Constructor(name, items) => Node::Constructor(
            name.borrow().clone(),
            items
                .borrow()
                .iter()
                .map(|t| node(t, depth + 1))
                .collect::<Option<_>>()?,
        ),
        TokenKind::Property(name, value) => Node::Property(
            name.clone(),
            maybe_node(&value.borrow(), depth + 1)?.map(Box::new),
        ),
        TokenKind::Scalar(value) => {
            Node::Scalar(Frozen::of(&value.borrow(), depth + 1)?, token.form())
        }
    })
}

/// The value of a property, which may have none.
fn maybe_node(value: &Option<Token>, depth: usize) -> Option<Option<Node>> {
    match value {
        Some(value) => node(value, depth).map(Some),
        None => Some(None),
    }
}

fn thaw_property(name: &Str, value: Option<&Node>) -> Token {
    match value {
        Some(value) => Token::property(name.clone(), thaw_node(value)),
        None => Token::empty_property(name.clone()),
    }
}

fn thaw_node(node: &Node) -> Token {
    match node {
        Node::Object(fields) => {
            let mut list = Fields::default();
            for (name, value) in fields {
                list.push(thaw_property(name, value.as_ref()));
            }
            Token::object(list)
        }
        Node::Array(items) => Token::array(items.iter().map(thaw_node).collect()),
        Node::Constructor(name, items) => {
            Token::constructor(name.clone(), items.iter().map(thaw_node).collect())
        }
        Node::Property(name, value) => thaw_property(name, value.as_deref()),
        Node::Scalar(value, form) => Token::formed(value.thaw(), *form),
    }
}

fn node_weight(node: &Node) -> usize {
    match node {
        Node::Object(fields) => fields
            .iter()
            .map(|(k, v)| 48 + k.len() + v.as_ref().map_or(0, node_weight))
            .sum(),
        Node::Array(items) | Node::Constructor(_, items) => {
            items.iter().map(|n| 32 + node_weight(n)).sum()
        }
        Node::Property(name, value) => name.len() + value.as_deref().map_or(0, node_weight),
        Node::Scalar(value, _) => value.weight(),
    }
}
