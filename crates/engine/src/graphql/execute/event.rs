//! Subscriptions: an operation that is executed on each event, and the events that resolvers publish.
//!
//! Source: the GraphQL specification, section 6.2.3; API Management, "Publish event to GraphQL subscription". What must stay
//! true: arguments of a subscription's field choose nothing; what runs on an event publishes none, so that no event can
//! cause itself.

use super::complete::{public, read};
use super::{Asked, Execution, State, asked, body};
use crate::exchange::Exchange;
use crate::graphql::GraphQl;
use crate::graphql::document::Document;
use crate::graphql::error::Error;
use crate::graphql::events::Topic;
use crate::graphql::request::GraphQlRequest;
use crate::services::{SendOptions, TraceSeverity};
use bytes::Bytes;
use serde_json::{Map, Value as Json};
use tollgate_lang::value::Str;

/// A subscription's operation, ready for events.
#[derive(Debug)]
pub(in crate::graphql) struct Subscribed {
    document: Document,
    variables: Map<String, Json>,
    /// The field of the subscription type that it asks for.
    pub(crate) field: Str,
}

impl Subscribed {
    /// The errors are for the caller.
    pub(crate) fn new(
        graphql: &GraphQl,
        request: &GraphQlRequest,
        document: Document,
    ) -> Result<Subscribed, Vec<Error>> {
        let Asked { variables, .. } = asked(graphql, request, &document)?;
        // A valid subscription has one.
        let mut fields = document.operation().root_fields(document.whole());
        let field = fields.next().map(|field| Str::from(field.name.as_str()));
        let Some(field) = field else {
            return Err(vec![Error::new("The subscription asks for no field.")]);
        };
        drop(fields);
        Ok(Subscribed {
            document,
            variables,
            field,
        })
    }

    /// What the subscriber gets for an event. `rq`: the exchange of its socket.
    pub(crate) async fn answer(
        &self,
        rq: &Exchange,
        graphql: &GraphQl,
        event: &Json,
        options: SendOptions,
    ) -> Map<String, Json> {
        let execution = Execution {
            outer: rq,
            graphql,
            document: &self.document,
            variables: self.variables.clone(),
            introspection: Map::new(),
            data: None,
            event: Some(event),
            state: State::new(),
        };
        let done = execution.root_within(options).await;
        let mut errors = execution.state.errors.into_inner();
        let data = done.unwrap_or_else(|failure| {
            errors.push(Error::new(public(&failure)));
            Json::Null
        });
        body(data, errors.iter().map(Error::json))
    }
}

impl Execution<'_> {
    /// Publishes what a resolver gave to a field of the subscription type.
    pub(super) fn publish(&self, field: &Str, given: &Bytes) {
        if self.event.is_some() {
            return;
        }
        let Some(topic) = self.outer.topic(field) else {
            return;
        };
        let events = &self.outer.services.graphql_events;
        if !events.wanted(&topic) {
            return;
        }
        let Some(definition) = self.graphql.schema.subscription(field) else {
            return;
        };
        match read(given, self.is_text(&definition.ty)) {
            Some(value) => events.publish(&topic, value, given.len()),
            None => {
                let why = format!("No event of `{field}` is published: the value is not JSON.");
                let severity = TraceSeverity::Error;
                self.outer
                    .trace_message("graphql-subscription", severity, &why, &[]);
            }
        }
    }
}

impl Exchange {
    /// A field of the subscription type of the exchange's API, as what is subscribed to.
    pub(crate) fn topic(&self, field: &Str) -> Option<Topic> {
        Some(Topic {
            workspace: self.workspace().map(|workspace| workspace.id.clone()),
            api: self.api()?.id.clone(),
            field: field.clone(),
        })
    }
}
