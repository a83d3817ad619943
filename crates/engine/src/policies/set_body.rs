//! `set-body`: replaces the body of the current message.
//!
//! `Content-Length` and an old `Content-Encoding` go with the old body (expressions read it decoded); `Content-Type`
//! stays, with `charset=utf-8` where it named another charset than the new text has. Markup inside a literal body is text: the document reader hands it over as written.

use crate::compile::{
    Arg, BodyText, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::liquid::{LiquidText, Options};
use crate::media;
use crate::step::{Flow, Step};
use bytes::Bytes;
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
            "`none`: the text is the body; `liquid`: it is a [Liquid template](transformations.md#liquid-templates)",
        )
        .default("none"),
        attribute(
            "xsi-nil",
            Kind::OneOf(&["blank", "null"]),
            "what an XML element with `xsi:nil` is for a template: an empty text, or nil",
        )
        .default("blank"),
        attribute(
            "parse-date",
            Kind::Bool,
            "whether strings of a JSON body that look like dates are dates for a template, and print as .NET's",
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
    doc: "Sets the body: of the request in `inbound` and `backend`, of the response in `outbound` and `on-error`.\n\nThe content is literal text (markup included), an expression that gives a string or `byte[]`, or with `template=\"liquid\"` a Liquid template. The `Content-Type` stays; a charset in it becomes `utf-8` when the new body is text.",
    compile,
};

/// Compiles it; `return-response`, `send-request` and the like use it for their own messages.
pub fn compile_body(element: &Element, cx: &mut Compile<'_>) -> Option<SetBody> {
    let holder = element
        .elements()
        .find(|e| &*e.name == "value")
        .unwrap_or(element);
    compile_content(holder, element, cx)
}

/// The content of an element as a body; `owner` has the attributes that say how it is to be read.
pub(crate) fn compile_content(
    element: &Element,
    owner: &Element,
    cx: &mut Compile<'_>,
) -> Option<SetBody> {
    if !said(owner, "template").eq_ignore_ascii_case("liquid") {
        return cx.content::<BodyText>(element).map(SetBody::Text);
    }
    let options = Options {
        nil_is_null: said(owner, "xsi-nil") == "null",
        parse_date: !said(owner, "parse-date").eq_ignore_ascii_case("false"),
    };
    LiquidText::compile(element, options, cx).map(SetBody::Liquid)
}

/// A literal attribute; empty when it is not there. The shape check has looked at its words.
fn said<'e>(element: &'e Element, name: &str) -> &'e str {
    element.attribute(name).map_or("", |a| a.value.text.trim())
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let body = compile_body(element, cx)?;
    cx.step(body)
}

/// The compiled element.
#[derive(Debug)]
pub enum SetBody {
    /// A literal or an expression.
    Text(Arg<BodyText>),
    /// A template.
    Liquid(LiquidText),
}

impl SetBody {
    /// The body for this request.
    pub fn get(&self, rq: &mut Exchange) -> Result<Bytes, Box<Failure>> {
        self.text(rq).map(|body| body.0)
    }

    /// The same, and whether it is text.
    fn text(&self, rq: &mut Exchange) -> Result<BodyText, Box<Failure>> {
        match self {
            SetBody::Text(body) => body.get(rq),
            SetBody::Liquid(template) => template.get(rq).map(|text| BodyText(text, true)),
        }
    }
}

impl Step for SetBody {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.text(rq) {
            Ok(BodyText(body, is_text)) => {
                rq.replace_body(body);
                if is_text {
                    media::say_utf8(rq.current_headers());
                }
                Flow::Next
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}
