//! `check-header`: refuses requests without a header, or with another value than the listed ones.
//!
//! API Management's page calls `ignore-case` required; documents leave it out and compare with case.
//! `context.LastError.Message` tells what was missing; the caller reads the configured message.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use http::{HeaderName, StatusCode, header};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "check-header",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("name", Kind::Text, "the header's name")
            .required()
            .expression(),
        attribute(
            "failed-check-httpcode",
            Kind::Int(200, 999),
            "the status of the refusal",
        )
        .required()
        .expression(),
        attribute(
            "failed-check-error-message",
            Kind::Text,
            "the message of the refusal",
        )
        .required()
        .expression(),
        attribute(
            "ignore-case",
            Kind::Bool,
            "whether values compare without case",
        )
        .expression()
        .default("false"),
    ],
    children: &[child(
        "value",
        Content::Text,
        "an allowed value; without any, the header must only be there",
    )],
    content: Content::Empty,
    doc: "Refuses a request that lacks a header, or whose header has none of the allowed values.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let name = cx.arg::<Str>(element, "name");
    let name = match (name, element.attribute("name")) {
        (Some(Arg::Const(text)), Some(attribute)) => {
            let header = cx.known_header(&text, attribute.value.span)?;
            Some(Name::Known(header, text))
        }
        (name, _) => name.map(Name::Dynamic),
    };
    let status = cx.arg(element, "failed-check-httpcode");
    let message = cx.arg(element, "failed-check-error-message");
    let ignore_case = cx.arg(element, "ignore-case");
    let values = cx.contents::<Str>(element, "value");
    if values
        .iter()
        .flatten()
        .any(|v| v.constant().is_some_and(|v| v.is_empty()))
        && let Some(empty) = element
            .elements()
            .find(|e| &*e.name == "value" && e.children.is_empty())
    {
        cx.report(
            Diagnostic::warning(
                "TG0352",
                empty.name_span,
                "an empty `value` matches only an empty header",
            )
            .label("expected an allowed value")
            .help("to check only that the header is there, leave `value` out"),
        );
    }
    cx.step(CheckHeader {
        name: name?,
        status: status?,
        message: message?,
        ignore_case: ignore_case?,
        values: values?,
    })
}

#[derive(Debug)]
enum Name {
    /// For the look-up, and as written.
    Known(HeaderName, Str),
    Dynamic(Arg<Str>),
}

#[derive(Debug)]
struct CheckHeader {
    name: Name,
    status: Arg<i64>,
    message: Arg<Str>,
    ignore_case: Arg<bool>,
    values: Vec<Arg<Str>>,
}

impl CheckHeader {
    fn check(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let (header, name) = match &self.name {
            Name::Known(header, name) => (header.clone(), name.clone()),
            Name::Dynamic(arg) => {
                let name = arg.get(rq)?;
                let header = HeaderName::try_from(name.trim()).map_err(|_| {
                    Failure::internal("", "", format!("`{name}` is not a header name."))
                })?;
                (header, name)
            }
        };
        let Some(first) = rq.request.headers.get(&header) else {
            let why = format!("Header {name} was not found in the request. Access denied.");
            return Err(self.refuse(rq, "HeaderNotFound", why));
        };
        if self.values.is_empty() {
            return Ok(());
        }
        let first = first.clone();
        let ignore_case = self.ignore_case.get(rq)?;
        for value in &self.values {
            let allowed = value.get(rq)?;
            let allowed = allowed.as_bytes();
            let same = |found: &[u8]| match ignore_case {
                true => found.eq_ignore_ascii_case(allowed),
                false => found == allowed,
            };
            if rq
                .request
                .headers
                .get_all(&header)
                .iter()
                .any(|v| same(v.as_bytes()))
            {
                return Ok(());
            }
        }
        // The message reaches logs: what may be somebody's credential is not repeated.
        let shown = match is_credential(&header) {
            true => "***".into(),
            false => String::from_utf8_lossy(first.as_bytes()),
        };
        let why = format!("Header {name} value of {shown} is not allowed. Access denied.");
        Err(self.refuse(rq, "HeaderValueNotAllowed", why))
    }

    fn refuse(&self, rq: &mut Exchange, reason: &'static str, why: String) -> Box<Failure> {
        let public = match (self.status.get(rq), self.message.get(rq)) {
            (Ok(status), Ok(message)) => Ok((status, message)),
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        };
        let (code, message) = match public {
            Ok(public) => public,
            Err(failure) => return failure,
        };
        let status = u16::try_from(code)
            .ok()
            .filter(|c| *c >= 200)
            .and_then(|c| StatusCode::from_u16(c).ok());
        match status {
            Some(status) => Failure::refused("", reason, status, why).public(message.to_string()),
            None => Failure::internal(
                "",
                "",
                format!("`{code}` is not a status code from 200 to 999."),
            ),
        }
    }
}

/// Whether a header is known to carry credentials.
fn is_credential(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::AUTHORIZATION | header::PROXY_AUTHORIZATION | header::COOKIE
    ) || ["key", "token", "secret", "password"]
        .iter()
        .any(|part| name.as_str().contains(part))
}

impl Step for CheckHeader {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.check(rq).into()
    }
}
