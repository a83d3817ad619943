//! `rewrite-uri`: changes path and query of the request to the backend by a template.
//!
//! `{name}` stands for a parameter of the operation's own template; query parameters of the request that the
//! operation does not name are kept unless `copy-unmatched-params` is false. What must stay true: a parameter's value
//! cannot break out of its place (it is encoded again; only a wildcard may hold slashes).

use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::routing::{decode_query, encode_query};
use crate::step::{Flow, Step};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "rewrite-uri",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "template",
            Kind::Text,
            "the new path with its query, `{name}` being a parameter of the operation's template",
        )
        .required()
        .expression(),
        attribute(
            "copy-unmatched-params",
            Kind::Bool,
            "whether query parameters that the operation's template does not name are kept",
        )
        .expression()
        .default("true"),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Changes the path and query that are appended to the backend's base URL.",
    compile,
};

/// What a path segment keeps as it is (RFC 3986, pchar).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// What a path of segments keeps.
const PATH: &AsciiSet = &SEGMENT.remove(b'/');

/// What cannot stand in a URL at all; `%` stays, since a template may be encoded already.
const NEVER: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'#');

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let template = cx.arg::<Str>(element, "template");
    let copy = cx.arg::<bool>(element, "copy-unmatched-params");
    let template = template?;
    if let (Some(text), Some(attribute)) = (template.constant(), element.attribute("template"))
        && let Err(why) = parts(text)
    {
        cx.report(
            Diagnostic::error("TG0355", attribute.value.span, why)
                .label("expected a path such as `/orders/{id}?full={full}`"),
        );
        return None;
    }
    cx.step(RewriteUri {
        template,
        copy: copy?,
    })
}

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Parameter(&'a str),
}

fn parts(template: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find(['{', '}']) {
        let close = rest[open..].find('}').filter(|n| *n > 0);
        let (true, Some(close)) = (rest.as_bytes()[open] == b'{', close) else {
            return Err(format!("the braces of `{template}` do not match"));
        };
        let name = rest[open + 1..open + close].trim();
        let name = name.strip_prefix('*').unwrap_or(name);
        if name.is_empty() || name.contains('{') {
            return Err(format!("`{template}` holds a parameter without a name"));
        }
        if open > 0 {
            parts.push(Part::Text(&rest[..open]));
        }
        parts.push(Part::Parameter(name));
        rest = &rest[open + close + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

#[derive(Debug)]
struct RewriteUri {
    template: Arg<Str>,
    copy: Arg<bool>,
}

impl RewriteUri {
    fn apply(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let template = self.template.get(rq)?;
        let copy = self.copy.get(rq)?;
        let template = template.trim();
        let (path, query) = template.split_once('?').unwrap_or((template, ""));
        let path = fill(path, rq, false)?;
        let mut query = fill(query, rq, true)?;
        if copy {
            let named = rq.operation().map_or(&[][..], |o| &o.template_query);
            for pair in rq
                .target_query()
                .unwrap_or("")
                .split('&')
                .filter(|p| !p.is_empty())
            {
                let key = decode_query(pair.split('=').next().unwrap_or(pair));
                if named.iter().any(|n| n.eq_ignore_ascii_case(&key)) {
                    continue;
                }
                if !query.is_empty() {
                    query.push('&');
                }
                query.push_str(pair);
            }
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        rq.request.target.path = Some(Str::from(format!("{slash}{path}")));
        rq.request.target.query = Some(Str::from(query));
        Ok(())
    }
}

/// A template with its parameters' values.
fn fill(template: &str, rq: &Exchange, query: bool) -> Result<String, Box<Failure>> {
    let mut out = String::with_capacity(template.len());
    for part in parts(template).map_err(|why| Failure::internal("", "", format!("{why}.")))? {
        match part {
            Part::Text(text) => out.extend(utf8_percent_encode(text, NEVER)),
            Part::Parameter(name) => {
                let value = rq
                    .request
                    .matched
                    .iter()
                    .find(|(n, _)| n.eq_ignore_ascii_case(name));
                let own = rq.operation().map_or("", |o| &o.url_template);
                match value {
                    Some((_, value)) if query => out.push_str(&encode_query(value)),
                    Some((_, value)) => {
                        let wildcard = own.contains(&format!("{{*{name}}}"));
                        let keep = if wildcard { PATH } else { SEGMENT };
                        out.extend(utf8_percent_encode(value, keep));
                    }
                    // Declared but not sent: an optional query parameter.
                    None if own.contains(&format!("{{{name}}}")) => {}
                    None => {
                        return Err(Failure::internal(
                            "",
                            "",
                            format!("The operation's template `{own}` has no parameter `{name}`."),
                        ));
                    }
                }
            }
        }
    }
    Ok(out)
}

impl Step for RewriteUri {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.apply(rq).into()
    }
}
