//! A GraphQL schema, compiled.
//!
//! Made once for each API at load. What must stay true: a schema that is not valid refuses the configuration, with the
//! place in its text; requests only read it.

use crate::definition::PolicyText;
use apollo_compiler::collections::HashMap;
use apollo_compiler::diagnostic::ToCliReport as _;
use apollo_compiler::parser::Parser;
use apollo_compiler::schema::{ExtendedType, FieldDefinition, Implementers};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{Name, Schema as Types};
use std::fmt;
use tollgate_lang::{Diagnostic, Diagnostics, Span};

/// Largest schema, in bytes, as in API Management.
pub const LARGEST: usize = 4 << 20;

/// Most faults that are reported of one schema.
const MOST_FAULTS: usize = 20;

/// Types and fields inside one another, as deep as they are read.
const DEEPEST: usize = 200;

/// A valid schema.
pub struct Schema {
    types: Valid<Types>,
    implementers: HashMap<Name, Implementers>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema of {} types", self.types.types.len())
    }
}

impl Schema {
    /// Reads and checks a schema; what is wrong with it is reported (TG0570).
    pub fn read(text: &PolicyText, diagnostics: &mut Diagnostics) -> Option<Schema> {
        if text.text.len() > LARGEST {
            let message = format!("the GraphQL schema is larger than {} MiB", LARGEST >> 20);
            diagnostics.push(fault(text, 0..0, message));
            return None;
        }
        // Editors put a byte order mark before the first definition.
        let mark = if text.text.starts_with('\u{feff}') {
            3
        } else {
            0
        };
        let source = text.text.get(mark..).unwrap_or_default();
        let mut parser = Parser::new().recursion_limit(DEEPEST);
        let read = parser
            .parse_schema(source, "schema")
            .and_then(Types::validate);
        match read {
            Ok(types) => {
                let implementers = types.implementers_map();
                Some(Schema {
                    types,
                    implementers,
                })
            }
            Err(found) => {
                report(&found.errors, text, mark, diagnostics);
                None
            }
        }
    }

    /// Its types.
    pub fn types(&self) -> &Valid<Types> {
        &self.types
    }

    /// What implements its interfaces.
    pub fn implementers(&self) -> &HashMap<Name, Implementers> {
        &self.implementers
    }

    /// The object types that a value of a type can have: itself, or those of an interface or union.
    pub fn possible<'s>(&'s self, name: &'s Name) -> Vec<&'s Name> {
        match self.types.types.get(name) {
            Some(ExtendedType::Interface(_)) => self
                .implementers
                .get(name)
                .map(|all| all.objects.iter().collect())
                .unwrap_or_default(),
            Some(ExtendedType::Union(union)) => union.members.iter().map(|m| &m.name).collect(),
            _ => vec![name],
        }
    }

    /// Whether a type is the root of subscriptions.
    pub fn is_subscription(&self, name: &str) -> bool {
        let root = &self.types.schema_definition.subscription;
        root.as_ref().is_some_and(|root| root.name.as_str() == name)
    }

    /// The names of the subscription type's fields.
    pub fn subscriptions(&self) -> Vec<&Name> {
        let root = &self.types.schema_definition.subscription;
        let object = root
            .as_ref()
            .and_then(|root| self.types.get_object(&root.name));
        object
            .map(|object| object.fields.keys().collect())
            .unwrap_or_default()
    }

    /// A field of the subscription type.
    pub fn subscription(&self, field: &str) -> Option<&FieldDefinition> {
        let root = self.types.schema_definition.subscription.as_ref()?;
        let object = self.types.get_object(&root.name)?;
        let field: &FieldDefinition = object.fields.get(field)?;
        Some(field)
    }

    /// Whether a type is the root of queries, mutations or subscriptions.
    pub fn is_root(&self, name: &str) -> bool {
        let roots = &self.types.schema_definition;
        [&roots.query, &roots.mutation, &roots.subscription]
            .into_iter()
            .flatten()
            .any(|root| root.name.as_str() == name)
    }
}

fn report(found: &DiagnosticList, text: &PolicyText, mark: usize, diagnostics: &mut Diagnostics) {
    for one in found.iter().take(MOST_FAULTS) {
        let range = one.error.location().map_or(0..0, |location| {
            location.offset() + mark..location.end_offset() + mark
        });
        diagnostics.push(fault(text, range, one.error.to_string()));
    }
    if found.len() > MOST_FAULTS {
        let more = found.len() - MOST_FAULTS;
        let message = format!("{more} more faults in the GraphQL schema");
        diagnostics.push(fault(text, 0..0, message));
    }
}

fn fault(text: &PolicyText, range: std::ops::Range<usize>, message: String) -> Diagnostic {
    let place = Span::new(text.file, range);
    Diagnostic::error("TG0570", place, message).label("in the GraphQL schema")
}
