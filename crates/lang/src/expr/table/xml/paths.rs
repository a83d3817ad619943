//! `XmlNamespaceManager` and the XPath methods of LINQ to XML (`System.Xml.XPath.Extensions`): extensions beyond what API
//! Management lists.

use super::xpath::{Found, evaluate, fault};
use super::{maybe, null};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::xml::{Kind, Node, XML, XMLNS};
use crate::value::{Object, Str, Value};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// An `XmlNamespaceManager`: scopes of prefixes, the innermost last.
#[derive(Debug)]
pub(super) struct Prefixes(RefCell<Vec<Vec<(Str, Str)>>>);

impl Object for Prefixes {
    fn ty(&self) -> Ty {
        Ty::class("XmlNamespaceManager")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Prefixes {
    /// What a prefix means.
    pub(super) fn find(&self, prefix: &str) -> Option<Str> {
        match prefix {
            "xml" => return Some(Str::from(XML)),
            "xmlns" => return Some(Str::from(XMLNS)),
            _ => {}
        }
        let scopes = self.0.borrow();
        let mut all = scopes.iter().rev().flat_map(|s| s.iter().rev());
        let found = all.find(|(p, _)| &**p == prefix).map(|(_, n)| n.clone());
        found.or_else(|| prefix.is_empty().then(|| Str::from("")))
    }
}

/// Evaluates with the prefixes of the manager at a place, if there is one.
pub(super) fn run(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    node: &Rc<Node>,
    manager: usize,
) -> Result<Found, Throw> {
    let path = a
        .str(1)
        .map_err(|_| fault("'' is an invalid expression."))?;
    match a.object::<Prefixes>(manager) {
        Ok(prefixes) => evaluate(cx, node, &path, Some(&|p: &str| prefixes.find(p))),
        Err(_) => evaluate(cx, node, &path, None),
    }
}

/// The nodes that a path finds.
pub(super) fn nodes(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    node: &Rc<Node>,
    manager: usize,
) -> Result<Vec<Rc<Node>>, Throw> {
    match run(cx, a, node, manager)? {
        Found::Nodes(all) => Ok(all),
        _ => Err(fault("Expression must evaluate to a node-set.")),
    }
}

fn receiver(a: &Args<'_>) -> Result<Rc<Node>, Throw> {
    let node = a.object::<Node>(0).map_err(|_| null("node"))?;
    if let Kind::DocumentType(_) = node.kind {
        return Err(throw(
            "ArgumentException",
            "This XPathNavigator cannot be created on a node of type DocumentType.",
        ));
    }
    Ok(node.share())
}

/// The result of a path as an object.
fn evaluated(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let node = receiver(a)?;
    match run(cx, a, &node, 2)? {
        Found::Nodes(all) => {
            let all = all.into_iter().map(|n| Value::Object(n) as Value).collect();
            cx.sequence(Ty::Object, all)
        }
        Found::Text(s) => cx.text(s),
        Found::Number(n) => Ok(Value::Double(n)),
        Found::Bool(b) => Ok(Value::Bool(b)),
        // Only stylesheets make fragments.
        Found::Fragment(root) => Ok(root.value()),
    }
}

/// The elements that a path finds; anything else is no element.
fn elements(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<Rc<Node>>, Throw> {
    let node = receiver(a)?;
    let unexpected = |class: &str| {
        throw(
            "InvalidOperationException",
            format!("The XPath expression evaluated to unexpected type {class}."),
        )
    };
    let all = match run(cx, a, &node, 2)? {
        Found::Nodes(all) => all,
        Found::Text(_) | Found::Fragment(_) => return Err(unexpected("System.String")),
        Found::Number(_) => return Err(unexpected("System.Double")),
        Found::Bool(_) => return Err(unexpected("System.Boolean")),
    };
    match all.iter().find(|n| !n.is_element()) {
        Some(other) => Err(unexpected(&other.ty().full_name())),
        None => Ok(all),
    }
}

fn one(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let all = elements(cx, a)?;
    maybe(all.into_iter().next())
}

fn several(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let all = elements(cx, a)?;
    super::list(cx, "XElement", all)
}

pub(super) const EXTENSIONS: &[Row] = &[
    m(
        "static XElement XPathSelectElement(this XNode node, string expression)",
        |cx, a| one(cx, a),
    ),
    m(
        "static XElement XPathSelectElement(this XNode node, string expression, XmlNamespaceManager resolver)",
        |cx, a| one(cx, a),
    ),
    m(
        "static IEnumerable<XElement> XPathSelectElements(this XNode node, string expression)",
        |cx, a| several(cx, a),
    ),
    m(
        "static IEnumerable<XElement> XPathSelectElements(this XNode node, string expression, XmlNamespaceManager resolver)",
        |cx, a| several(cx, a),
    ),
    m(
        "static object XPathEvaluate(this XNode node, string expression)",
        |cx, a| evaluated(cx, a),
    ),
    m(
        "static object XPathEvaluate(this XNode node, string expression, XmlNamespaceManager resolver)",
        |cx, a| evaluated(cx, a),
    ),
];

fn manager<'a>(a: &'a Args<'_>) -> Result<&'a Prefixes, Throw> {
    a.object::<Prefixes>(0)
        .map_err(|_| crate::expr::eval::null_reference())
}

/// A table of names: it only stands in constructors.
#[derive(Debug)]
pub(super) struct Names;

impl Object for Names {
    fn ty(&self) -> Ty {
        Ty::class("NameTable")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub(super) const NAME_TABLE: &[Row] = &[m("new()", |_, _| Ok(Value::Object(Rc::new(Names))))];

pub(super) const MANAGER: &[Row] = &[
    m("new(XmlNameTable nameTable)", |_, a| {
        if a.is_null(0) {
            return Err(crate::expr::eval::null_reference());
        }
        Ok(Value::Object(Rc::new(Prefixes(RefCell::new(vec![
            Vec::new(),
        ])))))
    }),
    m("void AddNamespace(string prefix, string uri)", |cx, a| {
        let uri = a.str(2).map_err(|_| null("uri"))?;
        let prefix = a.str(1).map_err(|_| null("prefix"))?;
        if matches!(&*prefix, "xml" | "xmlns") && !(&*prefix == "xml" && &*uri == XML) {
            return Err(throw(
                "ArgumentException",
                format!("Prefix \"{prefix}\" is reserved for use by XML. (Parameter 'prefix')"),
            ));
        }
        cx.charge(prefix.len() + uri.len() + 64)?;
        let manager = manager(a)?;
        if let Some(scope) = manager.0.borrow_mut().last_mut() {
            scope.retain(|(p, _)| *p != prefix);
            scope.push((prefix, uri));
        }
        Ok(Value::Null)
    }),
    m("void RemoveNamespace(string prefix, string uri)", |_, a| {
        let uri = a.str(2).map_err(|_| null("uri"))?;
        let prefix = a.str(1).map_err(|_| null("prefix"))?;
        if let Some(scope) = manager(a)?.0.borrow_mut().last_mut() {
            scope.retain(|(p, n)| *p != prefix || *n != uri);
        }
        Ok(Value::Null)
    }),
    m("string LookupNamespace(string prefix)", |_, a| {
        let Ok(prefix) = a.text(1) else {
            return Ok(Value::Null);
        };
        Ok(manager(a)?.find(prefix).map_or(Value::Null, Value::Str))
    }),
    m("string LookupPrefix(string uri)", |_, a| {
        let Ok(uri) = a.text(1) else {
            return Ok(Value::Null);
        };
        let manager = manager(a)?;
        let scopes = manager.0.borrow();
        let mut all = scopes.iter().rev().flat_map(|s| s.iter().rev());
        let found = all.find(|(p, n)| &**n == uri && manager.find(p).as_ref() == Some(n));
        Ok(match (found, uri) {
            (Some((prefix, _)), _) => Value::Str(prefix.clone()),
            (None, "") => Value::from(""),
            (None, XML) => Value::from("xml"),
            (None, XMLNS) => Value::from("xmlns"),
            (None, _) => Value::Null,
        })
    }),
    m("bool HasNamespace(string prefix)", |_, a| {
        let manager = manager(a)?;
        let scopes = manager.0.borrow();
        let found = a.text(1).is_ok_and(|prefix| {
            scopes
                .last()
                .is_some_and(|s| s.iter().any(|(p, _)| &**p == prefix))
        });
        Ok(Value::Bool(found))
    }),
    m("string DefaultNamespace", |_, a| {
        Ok(manager(a)?.find("").map_or(Value::Null, Value::Str))
    }),
    m("void PushScope()", |cx, a| {
        cx.charge(64)?;
        manager(a)?.0.borrow_mut().push(Vec::new());
        Ok(Value::Null)
    }),
    m("bool PopScope()", |_, a| {
        let manager = manager(a)?;
        let mut scopes = manager.0.borrow_mut();
        let more = scopes.len() > 1;
        if more {
            scopes.pop();
        }
        Ok(Value::Bool(more))
    }),
];
