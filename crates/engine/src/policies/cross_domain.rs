//! `cross-domain`: publishes a cross-domain policy file of Adobe's format at `/crossdomain.xml`.
//!
//! The file is written once, when the document is loaded; the pipeline asks for it before it looks for an API, for the
//! clients fetch it from the root of the host, without a key. What must stay true: the file is well-formed, and says what
//! the document says.

use crate::compile::{
    ChildDef, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::{BodyState, Exchange, Response};
use crate::step::{Flow, Step};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Element, TextKind};

/// What Adobe's specification knows, version 2.0.
const FILE: &[ChildDef] = &[
    child(
        "site-control",
        Content::Empty,
        "which other policy files of this host count",
    )
    .times(0, 1)
    .attributes(&[attribute(
        "permitted-cross-domain-policies",
        Kind::OneOf(&[
            "all",
            "by-content-type",
            "by-ftp-filename",
            "master-only",
            "none",
        ]),
        "`master-only`: this file alone",
    )
    .required()]),
    child(
        "allow-access-from",
        Content::Empty,
        "a domain whose content may read answers",
    )
    .attributes(&[
        attribute(
            "domain",
            Kind::Text,
            "the domain; `*` is any, `*.x.test` any below",
        )
        .required(),
        attribute(
            "to-ports",
            Kind::Text,
            "ports and ranges of ports, for sockets",
        ),
        attribute(
            "secure",
            Kind::Bool,
            "only content that came over TLS; default true",
        ),
    ]),
    child(
        "allow-access-from-identity",
        Content::Empty,
        "a signer whose content may read answers",
    )
    .children(&[child("signatory", Content::Empty, "the signer")
        .times(1, 1)
        .children(&[child("certificate", Content::Empty, "its certificate")
            .times(1, 1)
            .attributes(&[
                attribute("fingerprint", Kind::Text, "its fingerprint").required(),
                attribute(
                    "fingerprint-algorithm",
                    Kind::Text,
                    "how that was made, such as `sha-1`",
                )
                .required(),
            ])])]),
    child(
        "allow-http-request-headers-from",
        Content::Empty,
        "a domain whose content may send headers",
    )
    .attributes(&[
        attribute("domain", Kind::Text, "the domain").required(),
        attribute("headers", Kind::Text, "names of headers; `*` is any").required(),
        attribute(
            "secure",
            Kind::Bool,
            "only content that came over TLS; default true",
        ),
    ]),
];

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "cross-domain",
    sections: Sections::INBOUND,
    scopes: Scopes::GLOBAL,
    once: Once::PerDocument,
    attributes: &[],
    children: &[child(
        "cross-domain-policy",
        Content::Empty,
        "the file, as Adobe's specification has it",
    )
    .times(1, 1)
    .children(FILE)],
    content: Content::Empty,
    doc: "Publishes a cross-domain policy file at `/crossdomain.xml` of the gateway, for clients on Flash and Silverlight. It is answered to GET and HEAD without a key, before any API is looked for; no other policy runs.",
    compile,
};

/// Where clients look for it.
const PATH: &str = "/crossdomain.xml";

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    if !cx.is_direct() {
        cx.report(
            Diagnostic::error(
                "TG0501",
                element.name_span,
                "`cross-domain` cannot depend on a request",
            )
            .label("expected directly in `inbound`")
            .help("the file is published as long as the document holds it"),
        );
    }
    let file = element
        .elements()
        .find(|e| &*e.name == "cross-domain-policy")?;
    let mut text = String::from(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE cross-domain-policy SYSTEM \"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\">\n",
    );
    write(file, 0, &mut text);
    cx.publish_cross_domain(Bytes::from(text));
    cx.step(CrossDomain)
}

/// Writes an element of [`FILE`], which is no deeper than its definition: the shape check has refused what is.
fn write(element: &Element, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    out.push_str(&indent);
    out.push('<');
    out.push_str(&element.name);
    for attribute in &element.attributes {
        // An expression was refused.
        if attribute.value.kind != TextKind::Literal {
            continue;
        }
        out.push(' ');
        out.push_str(&attribute.name);
        out.push_str("=\"");
        for c in attribute.value.text.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '"' => out.push_str("&quot;"),
                c => out.push(c),
            }
        }
        out.push('"');
    }
    if element.elements().next().is_none() || depth > FILE.len() {
        out.push_str(" />\n");
        return;
    }
    out.push_str(">\n");
    for child in element.elements() {
        write(child, depth + 1, out);
    }
    out.push_str(&indent);
    out.push_str("</");
    out.push_str(&element.name);
    out.push_str(">\n");
}

/// Answers a request for the file; false for any other.
pub(crate) fn answers(rq: &mut Exchange, file: &Bytes) -> bool {
    let asked = rq.request.path_and_query.path() == PATH
        && matches!(rq.request.method, Method::GET | Method::HEAD);
    if asked {
        let mut response = Response::new(StatusCode::OK);
        // Read also by clients that only take policy files of their own type.
        let kind = HeaderValue::from_static("text/x-cross-domain-policy");
        response.headers.insert(header::CONTENT_TYPE, kind);
        response.body = BodyState::Buffered(file.clone());
        rq.response = Some(response);
    }
    asked
}

/// Nothing is left to do for other requests.
#[derive(Debug)]
struct CrossDomain;

impl Step for CrossDomain {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Next
    }
}
