//! What `validate-graphql-request` asks of a request: the schema, bounds on its size, rules on its fields.
//!
//! The policy holds requests to it, and [`super::socket`] the messages that ask for operations. What must stay true: a
//! message is held to the same as a request, with the values that the policy had at the handshake.

use super::access::{self, Access, Action, Pattern};
use super::document::Document;
use super::error::Error;
use super::request::GraphQlRequest;
use super::schema::Schema;
use super::size::Size;
use serde_json::Value as Json;
use std::sync::Arc;

/// Most fields of a request over all levels, as in API Management.
const MOST_FIELDS: usize = 250;

/// Holds a request to bounds and rules; the errors of the one that is refused are for the caller. `action` as in
/// [`access::authorize`]. `queries`: whether it can only be a query.
pub(crate) fn hold<E>(
    schema: &Schema,
    request: &GraphQlRequest,
    queries: bool,
    max_depth: usize,
    rules: &[Pattern],
    action: &mut dyn FnMut(usize) -> Result<Action, E>,
) -> Result<Result<Access, Vec<Error>>, E> {
    let document = match Document::read(schema, request) {
        Ok(document) => document,
        Err(errors) => return Ok(Err(errors)),
    };
    if queries && !document.operation().is_query() {
        return Ok(Err(vec![Error::new("A GET can only be a query.")]));
    }
    if let Some(error) = too_large(Size::of(&document), max_depth) {
        return Ok(Err(vec![error]));
    }
    if rules.is_empty() {
        return Ok(Ok(Access::default()));
    }
    let mut access = access::authorize(schema, &document, rules, action)?;
    Ok(match access.rejected.take() {
        Some(error) => Err(vec![error]),
        None => Ok(access),
    })
}

fn too_large(size: Size, max_depth: usize) -> Option<Error> {
    let why = if size.depth > max_depth {
        format!(
            "The query is {} fields deep and it exceeds the limit of {max_depth}.",
            size.depth
        )
    } else if size.fields > MOST_FIELDS {
        format!(
            "The query has {} fields and it exceeds the limit of {MOST_FIELDS}.",
            size.fields
        )
    } else {
        return None;
    };
    Some(Error::new(why))
}

/// The policy for the messages of a socket.
#[derive(Debug)]
pub(crate) struct MessageRules {
    /// Most bytes.
    pub(crate) max_size: usize,
    /// Most fields inside one another.
    pub(crate) max_depth: usize,
    /// What the rules are about.
    pub(crate) patterns: Arc<[Pattern]>,
    /// What they do.
    pub(crate) actions: Vec<Action>,
}

impl MessageRules {
    /// Holds a message's request to them: takes out what they remove, and gives the errors that tell of it.
    pub(crate) fn hold(
        &self,
        schema: &Schema,
        request: &mut GraphQlRequest,
    ) -> Result<Vec<Json>, Vec<Error>> {
        if request.to_body().len() > self.max_size {
            let why = format!("The request is larger than {} bytes.", self.max_size);
            return Err(vec![Error::new(why)]);
        }
        let mut action = |at: usize| {
            let action = self.actions.get(at).copied();
            Ok::<_, std::convert::Infallible>(action.unwrap_or(Action::Reject))
        };
        let (max_depth, rules) = (self.max_depth, &self.patterns);
        let held = hold(schema, request, false, max_depth, rules, &mut action);
        let access = match held {
            Ok(held) => held?,
            Err(never) => match never {},
        };
        if let Some(query) = access.document {
            request.query = query;
        }
        Ok(access.removed.iter().map(Error::json).collect())
    }
}
