//! `json-to-xml`: converts the body of the current message from JSON to XML.
//!
//! The rules of the conversion are `tollgate_lang::interchange`'s, when it happens is [`crate::conversion`]'s.

use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::conversion::{Conversion, Convert, When, apply, consider_accept_header, refused};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::media::Format;
use crate::step::Step;
use tollgate_lang::document::Element;
use tollgate_lang::interchange::{ToXml, json_to_xml};
use tollgate_lang::value::Str;

const APPLY: &[&str] = &["always", "content-type-json"];

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "json-to-xml",
    sections: Sections::INBOUND
        .or(Sections::OUTBOUND)
        .or(Sections::ON_ERROR),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        apply(
            APPLY,
            "`always`, or `content-type-json`: only when the message's `Content-Type` says JSON",
        ),
        consider_accept_header(
            "whether to convert only when the request's `Accept` names XML, and not JSON with a higher weight",
        ),
        attribute(
            "parse-date",
            Kind::Bool,
            "whether texts that look like dates are written as .NET writes dates; `false` copies them",
        )
        .default("true"),
        attribute(
            "namespace-separator",
            Kind::Text,
            "what stands between a namespace prefix and a name in a property's name",
        )
        .expression()
        .default("_"),
        attribute(
            "namespace-prefix",
            Kind::Text,
            "what the names of properties begin with that declare namespaces; without it `xmlns`",
        )
        .expression(),
        attribute(
            "attribute-block-name",
            Kind::Text,
            "the property whose members become the element's attributes; without it there is none",
        )
        .expression(),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Converts the body from JSON to XML: of the request in `inbound`, of the response in `outbound` and `on-error`.\n\nAn array becomes an element for each item, null an element with `xsi:nil`, other values the text that .NET gives them (`True`). Several roots stand in `<Document>`. The `Content-Type` becomes the XML type that `Accept` names, or `text/xml`. A message without a body stays as it is; a body that is not JSON is an error.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let when = When::compile(element, APPLY, (Format::Json, Format::Xml), cx);
    let parse_date = cx.literal(element, "parse-date");
    let separator = cx.arg(element, "namespace-separator");
    let prefix = optional(element, "namespace-prefix", "xmlns", cx);
    let block = optional(element, "attribute-block-name", "", cx);
    cx.step(Conversion {
        policy: DEF.name,
        when: when?,
        rules: Rules {
            parse_date: parse_date?,
            separator: separator?,
            prefix: prefix?,
            block: block?,
        },
    })
}

/// An attribute that need not be there; what it is then.
fn optional(element: &Element, name: &str, absent: &str, cx: &mut Compile<'_>) -> Option<Arg<Str>> {
    match element.attribute(name) {
        Some(_) => cx.arg(element, name),
        None => Some(Arg::Const(Str::from(absent))),
    }
}

#[derive(Debug)]
struct Rules {
    parse_date: bool,
    separator: Arg<Str>,
    prefix: Arg<Str>,
    block: Arg<Str>,
}

impl Convert for Rules {
    fn convert(&self, rq: &mut Exchange, text: &str) -> Result<String, Box<Failure>> {
        let separator = self.separator.get(rq)?;
        let prefix = self.prefix.get(rq)?;
        let block = self.block.get(rq)?;
        let rules = ToXml {
            parse_date: self.parse_date,
            namespace_separator: &separator,
            namespace_prefix: &prefix,
            attribute_block_name: &block,
        };
        json_to_xml(rq, text, &rules).map_err(|e| refused(&e))
    }
}
