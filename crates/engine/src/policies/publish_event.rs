//! `publish-event`: tells subscribers of a GraphQL API what a resolver gave.
//!
//! It notes the subscriptions; [`crate::graphql`] publishes the value once the resolver's document has run. What must stay
//! true: it costs one load while nobody subscribes to anything.

use crate::compile::{Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child};
use crate::exchange::Exchange;
use crate::step::{Flow, Step};
use tollgate_lang::Span;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "publish-event",
    sections: Sections::OUTBOUND,
    scopes: Scopes::RESOLVER,
    once: Once::Many,
    attributes: &[],
    children: &[child("targets", Content::Empty, "who is told")
        .times(1, 1)
        .children(&[child(
            "graphql-subscription",
            Content::Empty,
            "a field of the subscription type",
        )
        .times(1, u32::MAX)
        .attributes(&[attribute("id", Kind::Text, "the field's name").required()])])],
    content: Content::Empty,
    doc: "Publishes what the resolver of a query or mutation gives to [subscriptions](../graphql.md#subscriptions) of the API: each subscriber gets it as the value of the field, as its own operation asks for it.\n\nIt is published when all of the resolver's document has run. While a subscription is executed on an event, resolvers publish nothing.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let targets = element.elements().flat_map(Element::elements);
    let ids = targets.filter_map(|target| target.attribute("id"));
    let named: Vec<(Str, Span)> = ids
        .map(|id| (Str::from(id.value.text.trim()), id.value.span))
        .collect();
    let fields = named.iter().map(|(field, _)| field.clone()).collect();
    cx.contract().subscriptions.extend(named);
    cx.step(PublishEvent { fields })
}

#[derive(Debug)]
struct PublishEvent {
    fields: Vec<Str>,
}

impl Step for PublishEvent {
    fn run(&self, rq: &mut Exchange) -> Flow {
        if let Some(resolving) = &rq.resolving
            && !rq.services.graphql_events.idle()
        {
            resolving.publish(&self.fields);
        }
        Flow::Next
    }
}
