//! XML Schema 1.0 as .NET's `XmlSchemaValidator` holds documents to it: `validate-as` `xml` and `soap`.
//!
//! The engine compiles a schema when the configuration is loaded, and validates bodies with it. Sources: W3C, XML Schema
//! Parts 1 and 2; messages, places and .NET's own bounds were measured (`tests/xsd`). What must stay true: a schema is read
//! whole or refused; validation goes through a document once, and its faults are bounded.

mod builtin;
mod compile;
mod content;
mod identity;
mod load;
mod model;
mod places;
mod simple;
mod validate;

use crate::value::xml::{Name, Node};
use std::rc::Rc;
use std::sync::Arc;

/// Most faults of one document that are told.
pub const MOST: usize = 100;

/// A compiled schema.
#[derive(Debug)]
pub struct Schema {
    model: model::Model,
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What, in .NET's words.
    pub message: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in UTF-16 units, from 1.
    pub column: usize,
}

/// Compiles a schema; `included` gives the text of another one by its `schemaLocation`.
///
/// # Errors
/// Why the schema cannot be used, with the place.
pub fn compile(text: &str, included: &dyn Fn(&str) -> Option<Arc<str>>) -> Result<Schema, String> {
    let mut parts = load::Parts::default();
    parts.read(text, None, included)?;
    let model = compile::compile(parts)?;
    Ok(Schema { model })
}

/// Namespaces of envelopes.
const ENVELOPES: [&str; 2] = [
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
];

impl Schema {
    /// Everything that is wrong with a document, up to [`MOST`]. `soap`: it is an envelope, of which the content of the
    /// body is validated; a fault in it is no matter of the schema.
    pub fn validate(&self, text: &str, soap: bool) -> Vec<Violation> {
        let (document, places) = match places::document(text) {
            Ok(read) => read,
            Err((message, line, column)) => {
                return vec![Violation {
                    message,
                    line,
                    column,
                }];
            }
        };
        let Some(root) = document.children().into_iter().find(|n| n.is_element()) else {
            return Vec::new();
        };
        let mut validator = validate::Validator::new(&self.model, &places);
        if !soap {
            validator.root(&root);
            return validator.finish();
        }
        match body(&root) {
            Ok(Some(body)) => {
                let namespace = root.name().map(|n| n.namespace);
                for child in body.children().iter().filter(|n| n.is_element()) {
                    let fault = child.name().is_some_and(|n| {
                        Some(&n.namespace) == namespace.as_ref() && &*n.local == "Fault"
                    });
                    if !fault {
                        validator.root(child);
                    }
                }
            }
            Ok(None) => validator.say(&root, "The envelope has no body."),
            Err(()) => validator.say(&root, "The document is no SOAP envelope."),
        }
        validator.finish()
    }
}

/// The body of an envelope; the error: it is none.
fn body(root: &Rc<Node>) -> Result<Option<Rc<Node>>, ()> {
    let name = root.name().ok_or(())?;
    if &*name.local != "Envelope" || !ENVELOPES.contains(&&*name.namespace) {
        return Err(());
    }
    let wanted = Name {
        namespace: name.namespace,
        local: "Body".into(),
    };
    Ok(root.children().into_iter().find(|n| n.is_called(&wanted)))
}
