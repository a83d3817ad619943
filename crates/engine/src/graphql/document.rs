//! A request's document, held to the schema.
//!
//! What must stay true: what was parsed is bounded in tokens and in nesting, so that whatever walks it is too.

use super::error::{self, Error};
use super::request::GraphQlRequest;
use super::schema::Schema;
use apollo_compiler::Node;
use apollo_compiler::executable::{ExecutableDocument, Operation};
use apollo_compiler::parser::{Parser, SourceSpan};
use apollo_compiler::validation::{DiagnosticList, Valid};

/// Most tokens of a document.
const MOST_TOKENS: usize = 15_000;

/// Selections and values inside one another, as deep as they are read.
const DEEPEST: usize = 100;

/// A valid document, and the operation of it that is meant.
#[derive(Debug)]
pub struct Document {
    document: Valid<ExecutableDocument>,
    operation: Node<Operation>,
}

impl Document {
    /// Parses and validates a request's document. The errors are for the caller.
    pub fn read(schema: &Schema, request: &GraphQlRequest) -> Result<Document, Vec<Error>> {
        let mut parser = Parser::new()
            .recursion_limit(DEEPEST)
            .token_limit(MOST_TOKENS);
        let document = parser
            .parse_executable(schema.types(), request.query.as_str(), "query")
            .map_err(|found| errors(&found.errors))?
            .validate(schema.types())
            .map_err(|found| errors(&found.errors))?;
        let name = request.operation_name.as_deref();
        match document.operations.get(name) {
            Ok(operation) => {
                let operation = operation.clone();
                Ok(Document {
                    document,
                    operation,
                })
            }
            Err(error) => Err(vec![Error::of(&error.to_graphql_error(&document.sources))]),
        }
    }

    /// All of it.
    pub fn whole(&self) -> &Valid<ExecutableDocument> {
        &self.document
    }

    /// The operation that is meant.
    pub fn operation(&self) -> &Node<Operation> {
        &self.operation
    }

    /// Line and column of a place in it.
    pub fn place(&self, at: Option<SourceSpan>) -> Vec<(usize, usize)> {
        let place = at.and_then(|span| span.line_column(&self.document.sources));
        place.into_iter().map(|p| (p.line, p.column)).collect()
    }
}

fn errors(found: &DiagnosticList) -> Vec<Error> {
    let all = found.iter().take(error::MOST);
    all.map(|fault| Error::of(&fault.to_json())).collect()
}
