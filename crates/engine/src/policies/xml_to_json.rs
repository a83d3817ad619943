//! `xml-to-json`: converts the body of the current message from XML to JSON.
//!
//! The rules of the conversion are `tollgate_lang::interchange`'s, when it happens is [`crate::conversion`]'s.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, Word, attribute,
};
use crate::conversion::{Conversion, Convert, When, apply, consider_accept_header, refused};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::media::Format;
use crate::step::Step;
use tollgate_lang::document::Element;
use tollgate_lang::interchange::{self, xml_to_json};

const APPLY: &[&str] = &["always", "content-type-xml"];
const KIND: &[&str] = &["direct", "javascript-friendly"];

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "xml-to-json",
    sections: Sections::INBOUND
        .or(Sections::OUTBOUND)
        .or(Sections::ON_ERROR),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "kind",
            Kind::OneOf(KIND),
            "`direct`: attributes are `@name` and text beside them `#text`; `javascript-friendly`: `name` and `$t`",
        )
        .required()
        .expression(),
        apply(
            APPLY,
            "`always`, or `content-type-xml`: only when the message's `Content-Type` says XML",
        ),
        consider_accept_header(
            "whether to convert only when the request's `Accept` names JSON, and not XML with a higher weight",
        ),
        attribute(
            "always-array-child-elements",
            Kind::Bool,
            "whether a child element that stands alone becomes an array too",
        )
        .expression()
        .default("false"),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Converts the body from XML to JSON: of the request in `inbound`, of the response in `outbound` and `on-error`.\n\nElements of one name become an array, an element with nothing but text a string, an empty one (`<a />`) null. A prefix is kept with `$` behind it (`soap$Envelope`). What the XML declaration says comes first, as `version` and `encoding`. The `Content-Type` becomes `application/json`. A message without a body stays as it is; a body that is not XML is an error.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let when = When::compile(element, APPLY, (Format::Xml, Format::Json), cx);
    let kind = Word::compile(element, "kind", KIND, cx);
    let arrays = cx.arg(element, "always-array-child-elements");
    cx.step(Conversion {
        policy: DEF.name,
        when: when?,
        rules: Rules {
            kind: kind?,
            arrays: arrays?,
        },
    })
}

#[derive(Debug)]
struct Rules {
    kind: Word,
    arrays: Arg<bool>,
}

impl Convert for Rules {
    fn convert(&self, rq: &mut Exchange, text: &str) -> Result<String, Box<Failure>> {
        let kind = match self.kind.get(rq)? {
            0 => interchange::Kind::Direct,
            _ => interchange::Kind::JavaScriptFriendly,
        };
        let arrays = self.arrays.get(rq)?;
        xml_to_json(rq, text, kind, arrays).map_err(|e| refused(&e))
    }
}
