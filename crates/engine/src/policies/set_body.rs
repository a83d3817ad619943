//! `set-body`: replaces the body of the current message.
//!
//! `Content-Length` and an old `Content-Encoding` go with the old body (expressions read it decoded); `Content-Type`
//! stays. Markup inside a literal body is text: the document reader hands it over as written.

use crate::compile::{
    Arg, BodyText, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use bytes::Bytes;
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
}

impl Step for SetBody {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.get(rq) {
            Ok(body) => {
                rq.replace_body(body);
                Flow::Next
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}
