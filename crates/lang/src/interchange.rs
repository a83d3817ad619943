//! XML to JSON and JSON to XML as API Management's `xml-to-json` and `json-to-xml` convert bodies.
//!
//! The engine's two policies call it; expressions use the reader of [`to_json`] for `SerializeXNode`. Source: API
//! Management's pages on both policies, and what services were seen to answer (docs/transformations.md). What must stay
//! true: an evaluation's bounds on steps and memory hold; what cannot be converted is refused with .NET's message.

pub(crate) mod to_json;
mod to_xml;

pub use to_xml::ToXml;

use crate::expr::EvalError;
use crate::expr::eval::{Cx, Throw};
use crate::expr::host::Host;
use crate::expr::table::convert::encoding;
use crate::expr::table::{json, xml};
use crate::value::token::write;

/// `kind` of `xml-to-json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `direct`: attributes as `@name`, text beside them as `#text`.
    Direct,
    /// `javascript-friendly`: attributes as `name`, text beside them as `$t`.
    JavaScriptFriendly,
}

/// An XML document as JSON, without white space. `arrays`: also a child element that stands alone becomes an array.
///
/// # Errors
/// What is not well-formed, and what is too large for an evaluation.
pub fn xml_to_json(
    host: &mut dyn Host,
    text: &str,
    kind: Kind,
    arrays: bool,
) -> Result<String, EvalError> {
    let style = match kind {
        Kind::Direct => to_json::Style::DIRECT,
        Kind::JavaScriptFriendly => to_json::Style::FRIENDLY,
    };
    let mut cx = Cx::new(host);
    let convert = |cx: &mut Cx<'_>| -> Result<String, Throw> {
        let document = xml::parsed(cx, text, false)?;
        cx.step(document.weight() / 32)?;
        cx.charge(document.weight())?;
        let tree = to_json::Reader::new(style.with_arrays(arrays)).document(&document);
        let mut out = String::new();
        write::write(&tree, false, &mut out)?;
        cx.step(out.len() / 64)?;
        cx.charge(out.len())?;
        Ok(out)
    };
    convert(&mut cx).map_err(EvalError::from)
}

/// A JSON text as XML, without a declaration and without white space between elements.
///
/// # Errors
/// What is not JSON, what no XML can hold, and what is too large for an evaluation.
pub fn json_to_xml(
    host: &mut dyn Host,
    text: &str,
    rules: &ToXml<'_>,
) -> Result<String, EvalError> {
    let mut cx = Cx::new(host);
    let convert = |cx: &mut Cx<'_>| -> Result<String, Throw> {
        let reading = crate::value::token::parse::Reading {
            dates: rules.parse_date,
            ..Default::default()
        };
        let tree = json::parsed(cx, text, reading)?;
        let document = to_xml::document(cx, &tree, rules)?;
        let out = xml::written(cx, &document, false)?;
        cx.charge(out.len())?;
        Ok(out)
    };
    convert(&mut cx).map_err(EvalError::from)
}

/// The text of a body: by its byte order mark, by `charset` (of its `Content-Type`), by the declaration that an XML
/// document begins with, else UTF-8. `None`: the encoding is not known.
pub fn decode(body: &[u8], charset: Option<&str>) -> Option<String> {
    let marks: [(&[u8], &str); 4] = [
        (&[0xef, 0xbb, 0xbf], "utf-8"),
        (&[0xff, 0xfe, 0, 0], "utf-32"),
        (&[0xff, 0xfe], "utf-16"),
        (&[0xfe, 0xff], "utf-16BE"),
    ];
    for (mark, name) in marks {
        if let Some(rest) = body.strip_prefix(mark) {
            return encoding::decode(name, rest);
        }
    }
    let declared = charset.map(str::to_owned).or_else(|| declared(body));
    encoding::decode(declared.as_deref().unwrap_or("utf-8"), body)
}

/// The encoding that an XML declaration names. One that says UTF-16 in single bytes is wrong, and nobody believes it.
fn declared(body: &[u8]) -> Option<String> {
    let head = body.get(..body.len().min(256)).unwrap_or(body);
    let head = head.strip_prefix(b"<?xml")?;
    let head = &head[..memchr::memmem::find(head, b"?>")?];
    let rest = &head[memchr::memmem::find(head, b"encoding")? + b"encoding".len()..];
    let rest = rest
        .trim_ascii_start()
        .strip_prefix(b"=")?
        .trim_ascii_start();
    let (quote, rest) = rest.split_first()?;
    let end = rest.iter().position(|b| b == quote)?;
    let name = std::str::from_utf8(&rest[..end]).ok()?;
    let wide = name.to_ascii_lowercase().starts_with("utf-16");
    (!wide && matches!(quote, b'"' | b'\'')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
