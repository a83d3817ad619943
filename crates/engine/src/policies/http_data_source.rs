//! `http-data-source`: resolves a field of a GraphQL API by an HTTP request.
//!
//! The root of a resolver's document; runs on an exchange of its own ([`crate::graphql::resolver`]), whose response it leaves
//! behind. What must stay true: an error of the server does not become a value unseen.

use crate::LocalBoxFuture;
use crate::compile::{Compile, Content, Once, PolicyDef, Scopes, Section, Sections, child};
use crate::exchange::{BodyState, Exchange, forget_body};
use crate::failure::Failure;
use crate::graphql::resolver;
use crate::services::{HttpVersion, SendOptions};
use crate::step::{Block, Flow, Step};
use crate::upstream;
use http::{Method, StatusCode, header};
use std::time::Duration;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Element, TextKind};

/// What `http-request` holds.
const REQUEST: &[&str] = &[
    "get-authorization-context",
    "set-backend-service",
    "set-method",
    "set-url",
    "include-fragment",
    "set-header",
    "set-body",
    "authentication-certificate",
    "authentication-managed-identity",
];

/// What `http-response` holds.
const RESPONSE: &[&str] = &[
    "set-body",
    "xml-to-json",
    "find-and-replace",
    "publish-event",
    "include-fragment",
];

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "http-data-source",
    sections: Sections::NONE,
    scopes: Scopes::RESOLVER,
    once: Once::PerDocument,
    attributes: &[],
    children: &[
        child(
            "http-request",
            Content::Policies,
            "the request: `get-authorization-context`, `set-backend-service`, `set-method` (default GET), `set-url`, `include-fragment`, `set-header`, `set-body`, `authentication-certificate` and `authentication-managed-identity`",
        )
        .times(1, 1)
        .children(&[child(
            "set-url",
            Content::Text,
            "where it goes: an absolute URL, or what begins with `/` below the backend",
        )
        .times(0, 1)]),
        child(
            "backend",
            Content::Policies,
            "how it is sent: `forward-request`",
        )
        .times(0, 1),
        child(
            "http-response",
            Content::Policies,
            "what is made of the response: `set-body`, `xml-to-json`, `find-and-replace`, `publish-event` and `include-fragment`; without it the response's body is the value",
        )
        .times(0, 1),
    ],
    content: Content::Empty,
    doc: "Resolves a field of a [GraphQL API](../graphql.md#resolvers) by an HTTP request: the root of a resolver's document.\n\nThe body of the response is the value, as JSON; of a field that is a text, also as it is. A status from 400 is an error of the field, unless `http-response` has a `set-body` that is no Liquid template and so may make something of it.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let named = |name: &str| element.elements().find(|e| &*e.name == name);
    let request = named("http-request")?;
    let holds = |name: &str| request.elements().any(|e| &*e.name == name);
    // A fragment may bring it.
    if !holds("set-url") && !holds("include-fragment") {
        let fault = Diagnostic::error(
            "TG0576",
            request.name_span,
            "`http-request` needs a `set-url`",
        )
        .label("where does it go?")
        .help("add `<set-url>https://host/path</set-url>`");
        cx.report(fault);
    }
    let response = named("http-response");
    let judges = response.into_iter().flat_map(Element::elements).any(|e| {
        let liquid = e.attribute("template").is_some_and(|t| {
            t.value.kind == TextKind::Literal && t.value.text.trim().eq_ignore_ascii_case("liquid")
        });
        &*e.name == "set-body" && !liquid
    });
    let step = HttpDataSource {
        request: cx.part(request, Section::Inbound, REQUEST),
        backend: named("backend").map(|e| cx.part(e, Section::Backend, &["forward-request"])),
        response: response.map(|e| cx.part(e, Section::Outbound, RESPONSE)),
        judges,
    };
    cx.step(step)
}

#[derive(Debug)]
struct HttpDataSource {
    request: Block,
    backend: Option<Block>,
    response: Option<Block>,
    /// Whether the document itself makes something of an error status.
    judges: bool,
}

/// As `forward-request` without attributes.
const DEFAULT: SendOptions = SendOptions {
    timeout: Duration::from_secs(300),
    version: HttpVersion::Http1,
    continue_timeout: None,
};

impl HttpDataSource {
    async fn resolve(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        rq.section = Section::Inbound;
        match self.request.run(rq).await {
            Flow::Next => {}
            flow => return Ok(flow),
        }
        without_arguments(rq);
        rq.section = Section::Backend;
        match &self.backend {
            Some(block) if !block.is_empty() => match block.run(rq).await {
                Flow::Next => {}
                flow => return Ok(flow),
            },
            _ => upstream::forward(rq, DEFAULT, 0).await?,
        }
        let status = rq.response_mut().status;
        if (status.is_client_error() || status.is_server_error()) && !self.judges {
            return Err(refused(status));
        }
        rq.section = Section::Outbound;
        match &self.response {
            Some(block) => Ok(block.run(rq).await),
            None => Ok(Flow::Next),
        }
    }
}

/// An answer that is no value.
fn refused(status: StatusCode) -> Box<Failure> {
    let message = format!("The data source answered {}.", status.as_u16());
    Failure::refused("", "BackendErrorStatusCode", status, message)
}

/// The arguments are the request's body as long as nothing else is; a GET does not send them.
fn without_arguments(rq: &mut Exchange) {
    let bodiless = matches!(
        rq.request.method,
        Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS | Method::TRACE
    );
    if bodiless && resolver::holds_arguments(rq) {
        rq.request.body = BodyState::None;
        forget_body(&mut rq.request.headers);
        rq.request.headers.remove(header::CONTENT_TYPE);
    }
}

impl Step for HttpDataSource {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.resolve(rq).await.unwrap_or_else(Flow::Fail) })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
