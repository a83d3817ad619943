//! `sql-data-source`: resolves a field of a GraphQL API by a T-SQL statement.
//!
//! It loads, so that the API around it does; the gateway does not speak SQL Server's protocol, so that its field is an error.

use crate::compile::{
    Compile, Content, Kind, Once, PolicyDef, Scopes, Section, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use http::StatusCode;
use tollgate_lang::document::Element;

/// What `connection-info` holds besides the connection string.
const CONNECTION: &[&str] = &["include-fragment", "authentication-certificate"];

/// What `request` holds besides statement and parameters.
const REQUEST: &[&str] = &["include-fragment", "set-body"];

/// What `response` holds.
const RESPONSE: &[&str] = &["include-fragment", "set-body", "publish-event"];

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "sql-data-source",
    sections: Sections::NONE,
    scopes: Scopes::RESOLVER,
    once: Once::PerDocument,
    attributes: &[],
    children: &[
        child("connection-info", Content::Policies, "which database")
            .times(1, 1)
            .children(&[child(
                "connection-string",
                Content::Text,
                "the connection string of Azure SQL",
            )
            .times(1, 1)
            .attributes(&[attribute(
                "use-managed-identity",
                Kind::Bool,
                "whether the gateway's identity takes the place of user and password",
            )
            .expression()
            .default("false")])]),
        child("request", Content::Policies, "what is asked")
            .times(1, 1)
            .attributes(&[attribute(
                "single-result",
                Kind::Bool,
                "whether the answer is one row at most",
            )
            .expression()
            .default("false")])
            .children(&[
                child("sql-statement", Content::Text, "the statement").times(1, 1),
                child("parameters", Content::Empty, "values of the statement")
                    .times(0, 1)
                    .children(&[child("parameter", Content::Text, "a value").attributes(&[
                        attribute("name", Kind::Text, "its name, with its `@`").required(),
                        attribute("sql-type", Kind::Text, "its type in T-SQL"),
                    ])]),
            ]),
        child("response", Content::Policies, "what is made of the answer").times(0, 1),
    ],
    content: Content::Empty,
    doc: "Resolves a field of a GraphQL API by a statement of Azure SQL. It is not served: it loads with a warning, and its field is an error. Put an HTTP interface before the database, as Data API builder, and name it in [`http-data-source`](../policies/http-data-source.md).",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    cx.not_served(
        element,
        "the gateway does not speak the protocol of SQL Server",
        "put an HTTP interface before the database, as Data API builder, and use `http-data-source`",
    );
    // What it holds is checked as if it were.
    for part in element.elements() {
        match &*part.name {
            "connection-info" => {
                let string = part.elements().find(|e| &*e.name == "connection-string")?;
                cx.content::<tollgate_lang::value::Str>(string);
                if let Some(identity) = string.attribute("use-managed-identity") {
                    cx.text_arg::<bool>(&identity.value);
                }
                part_of(part, Section::Inbound, CONNECTION, cx);
            }
            "request" => {
                if let Some(single) = part.attribute("single-result") {
                    cx.text_arg::<bool>(&single.value);
                }
                let inner = part.elements().filter(|e| &*e.name == "sql-statement");
                let values = part.elements().filter(|e| &*e.name == "parameters");
                for text in inner.chain(values.flat_map(Element::elements)) {
                    cx.any_content(text);
                }
                part_of(part, Section::Inbound, REQUEST, cx);
            }
            _ => {
                cx.part(part, Section::Outbound, RESPONSE);
            }
        }
    }
    cx.step(SqlDataSource)
}

/// The policies of a part, without its own elements.
fn part_of(
    part: &Element,
    section: Section,
    allowed: &'static [&'static str],
    cx: &mut Compile<'_>,
) {
    let mut policies = part.clone();
    policies.children.retain(|node| match node {
        tollgate_lang::document::Node::Element(e) => !matches!(
            &*e.name,
            "connection-string" | "sql-statement" | "parameters"
        ),
        tollgate_lang::document::Node::Text(_) => false,
    });
    cx.part(&policies, section, allowed);
}

#[derive(Debug)]
struct SqlDataSource;

impl Step for SqlDataSource {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        let why =
            "The data source is not served: the gateway does not speak SQL Server's protocol.";
        Flow::Fail(
            Failure::refused("", "", StatusCode::NOT_IMPLEMENTED, why)
                .public("The resolver failed."),
        )
    }
}
