//! `publish-event`: tells subscribers of a GraphQL API what a resolver gave.
//!
//! It loads, so that the resolvers around it do; subscriptions are not served, so that nobody hears of it.

use crate::compile::{Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child};
use crate::exchange::Exchange;
use crate::step::{Flow, Step};
use tollgate_lang::document::Element;

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
    doc: "Publishes what a resolver gave to subscriptions of the API. GraphQL subscriptions are not served: it loads with a warning and does nothing.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    cx.not_served(
        element,
        "GraphQL subscriptions are not answered here",
        "the query or mutation works; let subscribers use a server of their own, as an API of type `websocket`",
    );
    cx.step(PublishEvent)
}

#[derive(Debug)]
struct PublishEvent;

impl Step for PublishEvent {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Next
    }
}
