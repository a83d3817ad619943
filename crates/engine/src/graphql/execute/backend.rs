//! The part of a request that no resolver answers, as a request to the API's backend.
//!
//! Source: API Management, "fallback GraphQL endpoint". What must stay true: what is sent is valid by the schema, and asks
//! of every object which type it is.

use super::has_field;
use crate::body::coding::Coding;
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use crate::graphql::GraphQl;
use crate::graphql::document::Document;
use crate::graphql::error::Error;
use crate::graphql::request::GraphQlRequest;
use crate::graphql::rewrite;
use crate::services::SendOptions;
use crate::step::Needs;
use crate::upstream;
use apollo_compiler::executable::{Fragment, Selection, SelectionSet};
use apollo_compiler::{Name, Node, name};
use http::{HeaderValue, Method, header};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::sync::Arc;

/// Whether a field of the document has a resolver.
pub(super) fn has_resolvers(graphql: &GraphQl, document: &Document) -> bool {
    let whole = document.whole();
    let mut sets = vec![&document.operation().selection_set];
    sets.extend(whole.fragments.values().map(|f| &f.selection_set));
    while let Some(set) = sets.pop() {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    if has_field(graphql, &set.ty, &field.name) {
                        return true;
                    }
                    sets.push(&field.selection_set);
                }
                Selection::InlineFragment(inline) => sets.push(&inline.selection_set),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    false
}

/// The document without what resolvers and the schema itself answer; `None`: nothing is left.
pub(super) fn rest(graphql: &GraphQl, document: &Document) -> Option<String> {
    let mut strip = Strip {
        graphql,
        document,
        fragments: HashMap::new(),
    };
    let operation = document.operation();
    let set = strip.set(&operation.selection_set)?;
    let fragments = strip.fragments.into_iter();
    let fragments = fragments.filter_map(|(name, fragment)| Some((name, fragment?)));
    Some(rewrite::document(operation, set, fragments.collect()))
}

struct Strip<'a> {
    graphql: &'a GraphQl,
    document: &'a Document,
    fragments: HashMap<Name, Option<Node<Fragment>>>,
}

impl Strip<'_> {
    fn set(&mut self, set: &SelectionSet) -> Option<SelectionSet> {
        let mut kept = SelectionSet::new(set.ty.clone());
        let root = self.graphql.schema.is_root(&set.ty);
        for selection in &set.selections {
            let left = match selection {
                Selection::Field(field) => {
                    let ours = has_field(self.graphql, &set.ty, &field.name)
                        || root && field.name.starts_with("__");
                    if ours {
                        continue;
                    }
                    let mut field = field.clone();
                    if !field.selection_set.is_empty() {
                        let mut inner = self
                            .set(&field.selection_set)
                            .unwrap_or_else(|| SelectionSet::new(field.selection_set.ty.clone()));
                        let types = self.graphql.schema.types();
                        if let Ok(of) = inner.new_field(types, name!("__typename")) {
                            inner.push(of);
                        }
                        field.make_mut().selection_set = inner;
                    }
                    Some(Selection::Field(field))
                }
                Selection::InlineFragment(inline) => {
                    self.set(&inline.selection_set).map(|selection_set| {
                        let mut inline = inline.clone();
                        inline.make_mut().selection_set = selection_set;
                        Selection::InlineFragment(inline)
                    })
                }
                Selection::FragmentSpread(spread) => self
                    .fragment(&spread.fragment_name)
                    .then(|| selection.clone()),
            };
            kept.selections.extend(left);
        }
        (!kept.is_empty()).then_some(kept)
    }

    fn fragment(&mut self, name: &Name) -> bool {
        if let Some(known) = self.fragments.get(name) {
            return known.is_some();
        }
        let Some(fragment) = self.document.whole().fragments.get(name) else {
            return false;
        };
        let left = self.set(&fragment.selection_set).map(|selection_set| {
            let mut fragment = fragment.clone();
            fragment.make_mut().selection_set = selection_set;
            fragment
        });
        let any = left.is_some();
        self.fragments.insert(name.clone(), left);
        any
    }
}

/// What the backend answered: `data`, and `errors` as they are.
pub(super) type Answered = (Option<Map<String, Json>>, Vec<Json>);

/// Asks the API's backend.
pub(super) async fn ask(
    rq: &mut Exchange,
    request: &GraphQlRequest,
    query: String,
    options: SendOptions,
    redirects: u32,
) -> Result<Answered, Box<Failure>> {
    let request = GraphQlRequest {
        query,
        ..request.clone()
    };
    let before = (
        std::mem::replace(&mut rq.request.method, Method::POST),
        rq.request.target.query.clone(),
        std::mem::take(&mut rq.request.body),
        rq.request.headers.clone(),
    );
    let json = HeaderValue::from_static("application/json");
    rq.request.headers.insert(header::CONTENT_TYPE, json);
    crate::exchange::forget_body(&mut rq.request.headers);
    rq.request.body = BodyState::Buffered(request.to_body());
    if before.0 == Method::GET {
        let query = GraphQlRequest::without_parameters(rq.target_query().unwrap_or_default());
        rq.request.target.query = Some(Arc::from(query));
    }
    let answered = upstream::forward(rq, options, redirects).await;
    (
        rq.request.method,
        rq.request.target.query,
        rq.request.body,
        rq.request.headers,
    ) = before;
    answered?;
    let needs = Needs {
        response_body: true,
        ..Needs::default()
    };
    rq.buffer(needs, "forward-request").await?;
    let limit = rq.snapshot.gateway.max_buffered_body;
    let Some(response) = rq.response.take() else {
        return Ok((Some(Map::new()), Vec::new()));
    };
    let plain = match &response.body {
        BodyState::Buffered(bytes) => Coding::of(&response.headers).undo(bytes, limit),
        _ => None,
    };
    let answer = plain.and_then(|plain| serde_json::from_slice::<Json>(&plain).ok());
    let Some(Json::Object(mut answer)) = answer else {
        let why = format!("The backend answered {}.", response.status.as_u16());
        return Ok((Some(Map::new()), vec![Error::new(why).json()]));
    };
    let errors = match answer.remove("errors") {
        Some(Json::Array(errors)) => errors,
        _ => Vec::new(),
    };
    match answer.remove("data") {
        Some(Json::Object(data)) => Ok((Some(data), errors)),
        _ if errors.is_empty() => {
            let why = format!("The backend answered {}.", response.status.as_u16());
            Ok((Some(Map::new()), vec![Error::new(why).json()]))
        }
        _ => Ok((Some(Map::new()), errors)),
    }
}
