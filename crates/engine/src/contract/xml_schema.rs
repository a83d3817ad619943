//! XML Schema 1.0: the seam between `validate-content` and what validates XML, `tollgate_lang::xsd`.
//!
//! [`compile`] takes the text of a schema when the configuration is loaded; the policy hands each document to
//! [`XmlSchema::validate`]. What must stay true: a schema that cannot be used is refused at load, and no document is let
//! through unchecked.

use std::fmt;
use std::sync::Arc;
use tollgate_lang::{interchange, xsd};

/// A compiled schema.
pub trait XmlSchema: fmt::Debug + Send + Sync {
    /// Everything that is wrong with a document. `soap`: the document is an envelope, of which the body's content is
    /// validated.
    fn validate(&self, document: &[u8], soap: bool) -> Vec<XmlViolation>;
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlViolation {
    /// What, as a sentence.
    pub message: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl XmlSchema for xsd::Schema {
    fn validate(&self, document: &[u8], soap: bool) -> Vec<XmlViolation> {
        let Some(text) = interchange::decode(document, None) else {
            return vec![XmlViolation {
                message: String::from("The encoding of the document is not known."),
                line: 1,
                column: 1,
            }];
        };
        let found = xsd::Schema::validate(self, &text, soap);
        let violation = |v: xsd::Violation| XmlViolation {
            message: v.message,
            line: v.line,
            column: v.column,
        };
        found.into_iter().map(violation).collect()
    }
}

/// Compiles a schema. `included` gives the text of another schema of the service by its `schemaLocation`
/// (`/schemas/<id>`). The error says why the schema cannot be used.
pub fn compile(
    text: &str,
    included: &dyn Fn(&str) -> Option<Arc<str>>,
) -> Result<Arc<dyn XmlSchema>, String> {
    match xsd::compile(text, included) {
        Ok(schema) => Ok(Arc::new(schema)),
        Err(why) => Err(format!("cannot be used: {why}")),
    }
}
