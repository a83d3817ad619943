//! LINQ to XML: `XName` and `XNamespace`.

use super::{null, xml_error};
use crate::expr::eval::{Throw, throw};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::xml::{Name, XML, XMLNS, is_name};
use crate::value::{Object, Str, Value};
use std::any::Any;
use std::rc::Rc;

impl Object for Name {
    fn ty(&self) -> Ty {
        Ty::class("XName")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        Name::text(self)
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn is_single(&self) -> bool {
        true
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Name>() == Some(self)
    }
}

/// An `XNamespace`.
#[derive(Debug)]
pub(super) struct Namespace(pub(super) Str);

impl Object for Namespace {
    fn ty(&self) -> Ty {
        Ty::class("XNamespace")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.0.to_string()
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn is_single(&self) -> bool {
        true
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<Namespace>()
            .is_some_and(|o| o.0 == self.0)
    }
}

pub(super) fn name_value(name: Name) -> Value {
    Value::Object(Rc::new(name))
}

pub(super) fn namespace_value(namespace: impl Into<Str>) -> Value {
    Value::Object(Rc::new(Namespace(namespace.into())))
}

/// A name written as text.
pub(super) fn named(text: &str) -> Result<Name, Throw> {
    Name::parse(text).ok_or_else(|| {
        let expanded = text.strip_prefix('{').map(|rest| rest.rsplit_once('}'));
        let broken = match expanded {
            Some(Some((namespace, local))) => namespace.is_empty() || local.is_empty(),
            Some(None) => true,
            None => text.is_empty(),
        };
        if broken {
            throw(
                "ArgumentException",
                format!("'{text}' is an invalid expanded name."),
            )
        } else {
            // The part that is no name says why.
            let local_part = text.rsplit_once('}').filter(|_| text.starts_with('{'));
            let name = local_part.map_or(text, |(_, local)| local);
            match local(name) {
                Err(why) => why,
                Ok(_) => xml_error(format!("The '{text}' cannot be a name.")),
            }
        }
    })
}

/// A local name, as `XmlConvert.VerifyNCName` takes it.
pub(super) fn local(text: &str) -> Result<Str, Throw> {
    if text.is_empty() {
        return Err(throw(
            "ArgumentNullException",
            "The empty string '' is not a valid local name. (Parameter 'name')",
        ));
    }
    if is_name(text) {
        return Ok(Str::from(text));
    }
    let first = |c: char| c == '_' || c.is_alphabetic();
    let bad = match text.chars().next() {
        Some(c) if !first(c) => Some((c, "begin with")),
        _ => text
            .chars()
            .find(|c| !is_name(&format!("a{c}")))
            .map(|c| (c, "contain")),
    };
    let (c, verb) = bad.unwrap_or((' ', "contain"));
    Err(xml_error(match verb {
        "contain" => format!(
            "The '{c}' character, hexadecimal value 0x{:02X}, cannot be included in a name.",
            u32::from(c)
        ),
        _ => format!(
            "Name cannot begin with the '{c}' character, hexadecimal value 0x{:02X}.",
            u32::from(c)
        ),
    }))
}

pub(super) const NAME: &[Row] = &[
    m("string LocalName", |_, a| {
        Ok(Value::Str(a.object::<Name>(0)?.local.clone()))
    }),
    m("XNamespace Namespace", |_, a| {
        Ok(namespace_value(a.object::<Name>(0)?.namespace.clone()))
    }),
    m("string NamespaceName", |_, a| {
        Ok(Value::Str(a.object::<Name>(0)?.namespace.clone()))
    }),
    m("static XName Get(string expandedName)", |_, a| {
        Ok(name_value(named(
            a.text(0).map_err(|_| null("expandedName"))?,
        )?))
    }),
    m(
        "static XName Get(string localName, string namespaceName)",
        |_, a| {
            let name = a.str(0).map_err(|_| null("localName"))?;
            Ok(name_value(Name {
                namespace: a.str(1).map_err(|_| null("namespaceName"))?,
                local: local(&name)?,
            }))
        },
    ),
    m("implicit XName(string expandedName)", |_, a| {
        match a.values[0].as_str() {
            Some(text) => Ok(name_value(named(text)?)),
            None => Ok(Value::Null),
        }
    }),
    m(
        "static bool operator ==(XName left, XName right)",
        |_, a| {
            Ok(Value::Bool(crate::expr::eval::equal(
                &a.values[0],
                &a.values[1],
            )))
        },
    ),
];

pub(super) const NAMESPACE: &[Row] = &[
    m("string NamespaceName", |_, a| {
        Ok(Value::Str(a.object::<Namespace>(0)?.0.clone()))
    }),
    m("XName GetName(string localName)", |_, a| {
        let local = local(a.text(1).map_err(|_| null("localName"))?)?;
        let namespace = a.object::<Namespace>(0)?.0.clone();
        Ok(name_value(Name { namespace, local }))
    }),
    m("static XNamespace Get(string namespaceName)", |_, a| {
        Ok(namespace_value(
            a.str(0).map_err(|_| null("namespaceName"))?,
        ))
    }),
    m("static XNamespace None", |_, _| Ok(namespace_value(""))),
    m("static XNamespace Xml", |_, _| Ok(namespace_value(XML))),
    m("static XNamespace Xmlns", |_, _| Ok(namespace_value(XMLNS))),
    m(
        "implicit XNamespace(string namespaceName)",
        |_, a| match &a.values[0] {
            Value::Str(text) => Ok(namespace_value(text.clone())),
            _ => Ok(Value::Null),
        },
    ),
    m(
        "static XName operator +(XNamespace ns, string localName)",
        |_, a| {
            let namespace = a.object::<Namespace>(0).map_err(|_| null("ns"))?.0.clone();
            let local = local(a.text(1).map_err(|_| null("localName"))?)?;
            Ok(name_value(Name { namespace, local }))
        },
    ),
    m(
        "static bool operator ==(XNamespace left, XNamespace right)",
        |_, a| {
            Ok(Value::Bool(crate::expr::eval::equal(
                &a.values[0],
                &a.values[1],
            )))
        },
    ),
];
