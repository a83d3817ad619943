//! `set-body`: replaces the body of the current message.
//!
//! `Content-Length` and an old `Content-Encoding` go with the old body (expressions read it decoded); `Content-Type`
//! stays. Markup inside a literal body is text: the document reader hands it over as written.

use crate::compile::{
    Arg, BodyText, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use crate::step::{Flow, Step};
use bytes::Bytes;
use http::{HeaderMap, header};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "set-body",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "template",
            Kind::OneOf(&["none", "liquid"]),
            "`none`: the text is the body; `liquid`: it is a template, which this version refuses",
        )
        .default("none"),
        attribute(
            "xsi-nil",
            Kind::OneOf(&["blank", "null"]),
            "how a template sees elements with `xsi:nil`; only for `liquid`",
        )
        .default("blank"),
        attribute(
            "parse-date",
            Kind::Bool,
            "whether a template sees date-like strings as dates; only for `liquid`",
        )
        .default("true"),
    ],
    children: &[child(
        "value",
        Content::Text,
        "the body, for documents that wrap it",
    )
    .times(0, 1)],
    content: Content::Text,
    doc: "Sets the body: of the request in `inbound` and `backend`, of the response in `outbound` and `on-error`.\n\nThe content is literal text (markup included) or an expression that gives a string or `byte[]`.",
    compile,
};

/// Compiles it; `return-response` uses it for its own message.
pub fn compile_body(element: &Element, cx: &mut Compile<'_>) -> Option<SetBody> {
    if let Some(template) = element
        .attribute("template")
        .filter(|a| &*a.value.text == "liquid")
    {
        cx.report(
            Diagnostic::error(
                "TG0350",
                template.value.span,
                "Liquid templates are not served by this version",
            )
            .label("expected `none`")
            .help("write the body as an expression: `@($\"...{context.Variables[\"x\"]}...\")` or `@(new JObject(...).ToString())`"),
        );
        return None;
    }
    let holder = element
        .elements()
        .find(|e| &*e.name == "value")
        .unwrap_or(element);
    cx.content::<BodyText>(holder).map(SetBody)
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let body = compile_body(element, cx)?;
    cx.step(body)
}

/// The compiled element.
#[derive(Debug)]
pub struct SetBody(Arg<BodyText>);

impl SetBody {
    /// The body for this request.
    pub fn get(&self, rq: &mut Exchange) -> Result<Bytes, Box<Failure>> {
        self.0.get(rq).map(|body| body.0)
    }

    /// Removes what described the old body.
    pub fn forget_old(headers: &mut HeaderMap) {
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::TRANSFER_ENCODING);
        headers.remove(header::CONTENT_ENCODING);
    }
}

impl Step for SetBody {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let body = match self.get(rq) {
            Ok(body) => body,
            Err(failure) => return Flow::Fail(failure),
        };
        SetBody::forget_old(rq.current_headers());
        let body = BodyState::Buffered(body);
        if rq.section.on_request() {
            rq.request.body = body;
        } else {
            rq.response_mut().body = body;
        }
        Flow::Next
    }
}
