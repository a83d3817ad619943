//! `cors`: answers preflights and adds the CORS headers to real answers, errors included (Fetch standard).
//!
//! A preflight is matched by origin, method and headers, before the caller is identified; a real request by its
//! origin. What must stay true: `*` and credentials never go together; an origin is echoed only when it is listed.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::{Deferred, Exchange, Response};
use crate::failure::Failure;
use crate::step::{Flow, Preflight, Step};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "cors",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::PerSection,
    attributes: &[
        attribute(
            "allow-credentials",
            Kind::Bool,
            "whether browsers may send credentials; then `*` cannot be an origin",
        )
        .expression()
        .default("false"),
        attribute(
            "terminate-unmatched-request",
            Kind::Bool,
            "whether a preflight, or a `GET` or `HEAD` with an origin, that does not match is answered with an empty 200",
        )
        .expression()
        .default("true"),
    ],
    children: &[
        child("allowed-origins", Content::Empty, "origins that may call")
            .times(1, 1)
            .children(&[child("origin", Content::Text, "`*`, or scheme, host and port").times(1, u32::MAX)]),
        child(
            "allowed-methods",
            Content::Empty,
            "methods beside the simple ones; default `GET` and `POST`",
        )
        .times(0, 1)
        .attributes(&[attribute(
            "preflight-result-max-age",
            Kind::Int(0, i32::MAX as i64),
            "seconds for which a browser may keep a preflight's answer",
        )
        .expression()
        .default("0")])
        .children(&[child("method", Content::Text, "a method, or `*`").times(1, u32::MAX)]),
        child(
            "allowed-headers",
            Content::Empty,
            "request headers that may be sent; default none but the simple ones",
        )
        .times(0, 1)
        .children(&[child("header", Content::Text, "a header name, or `*`").times(1, u32::MAX)]),
        child(
            "expose-headers",
            Content::Empty,
            "response headers that scripts may read",
        )
        .times(0, 1)
        .children(&[child("header", Content::Text, "a header name").times(1, u32::MAX)]),
    ],
    content: Content::Empty,
    doc: "Lets browsers of other origins call: answers preflight requests and adds the CORS headers to answers.\n\nPreflights are answered without a subscription key. A policy of a product that needs a key cannot answer them.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let credentials = cx.arg::<bool>(element, "allow-credentials");
    let terminate = cx.arg::<bool>(element, "terminate-unmatched-request");
    let part = |name: &str| element.elements().find(|e| &*e.name == name);
    let origins = list(part("allowed-origins"), cx);
    let methods = list(part("allowed-methods"), cx);
    let headers = list(part("allowed-headers"), cx);
    let exposed = list(part("expose-headers"), cx);
    let max_age =
        match part("allowed-methods").and_then(|e| e.attribute("preflight-result-max-age")) {
            Some(age) => cx.text_arg::<i64>(&age.value),
            None => Some(Arg::Const(0)),
        };
    let mut cors = Cors {
        credentials: credentials?,
        terminate: terminate?,
        origins: origins?,
        methods: methods?,
        headers: headers?,
        exposed: exposed?,
        max_age: max_age?,
    };
    if cors.methods.is_empty() {
        cors.methods = vec![Arg::Const(Str::from("GET")), Arg::Const(Str::from("POST"))];
    }
    for origin in part("allowed-origins")
        .into_iter()
        .flat_map(Element::elements)
    {
        check_origin(origin, cors.credentials.constant() == Some(&true), cx);
    }
    cx.step(cors)
}

/// The texts of a list's items.
fn list(element: Option<&Element>, cx: &mut Compile<'_>) -> Option<Vec<Arg<Str>>> {
    let mut items = Vec::new();
    let mut whole = true;
    for item in element.into_iter().flat_map(Element::elements) {
        match cx.content::<Str>(item) {
            Some(Arg::Const(text)) => items.push(Arg::Const(Str::from(text.trim()))),
            Some(arg) => items.push(arg),
            None => whole = false,
        }
    }
    whole.then_some(items)
}

/// Says what can never match.
fn check_origin(origin: &Element, credentials: bool, cx: &mut Compile<'_>) {
    let Some(text) = origin
        .text()
        .filter(|t| t.kind == tollgate_lang::document::TextKind::Literal)
    else {
        return;
    };
    let value = text.text.trim();
    if value == "*" && credentials {
        cx.report(
            Diagnostic::error(
                "TG0357",
                text.span,
                "`*` cannot be an origin when `allow-credentials` is true",
            )
            .label("expected an origin such as `https://example.com`")
            .help("list the origins, or leave `allow-credentials` out"),
        );
    } else if value != "*" && value != "null" {
        let host = value
            .split_once("://")
            .map(|(_, rest)| rest.strip_suffix('/').unwrap_or(rest));
        if host.is_none_or(|h| h.is_empty() || h.contains(['/', '?', '#'])) {
            cx.report(
                Diagnostic::warning(
                    "TG0356",
                    text.span,
                    format!("`{value}` is no origin: it never matches"),
                )
                .label("expected `*`, or scheme, host and port: `https://example.com`"),
            );
        }
    }
}

#[derive(Debug)]
struct Cors {
    credentials: Arg<bool>,
    terminate: Arg<bool>,
    origins: Vec<Arg<Str>>,
    methods: Vec<Arg<Str>>,
    headers: Vec<Arg<Str>>,
    exposed: Vec<Arg<Str>>,
    max_age: Arg<i64>,
}

/// What goes on the answer of a matched request.
struct Matched {
    /// The caller's origin, or `*`.
    origin: HeaderValue,
    credentials: bool,
}

/// Whether a list holds a text or `*`, without case.
fn allows(
    list: &[Arg<Str>],
    rq: &mut Exchange,
    wanted: impl Fn(&str) -> bool,
) -> Result<bool, Box<Failure>> {
    for item in list {
        let item = item.get(rq)?;
        if &*item == "*" || wanted(item.trim()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Request headers that need no leave (Fetch, CORS-safelisted; `content-type` needs it for JSON and is listed when asked for).
const SIMPLE: [&str; 4] = ["accept", "accept-language", "content-language", "origin"];

impl Cors {
    /// Whether the caller's origin is listed.
    fn origin(&self, rq: &mut Exchange) -> Result<Option<Matched>, Box<Failure>> {
        let Some(origin) = rq.request.headers.get(header::ORIGIN).cloned() else {
            return Ok(None);
        };
        let credentials = self.credentials.get(rq)?;
        for allowed in &self.origins {
            let allowed = allowed.get(rq)?;
            let allowed = allowed.trim();
            if allowed == "*" {
                // A browser refuses `*` with credentials; saying neither keeps a listed origin's rights its own.
                let origin = HeaderValue::from_static("*");
                return Ok(Some(Matched {
                    origin,
                    credentials: false,
                }));
            }
            let allowed = allowed.strip_suffix('/').unwrap_or(allowed);
            if origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()) {
                return Ok(Some(Matched {
                    origin,
                    credentials,
                }));
            }
        }
        Ok(None)
    }

    /// The answer to a preflight; `None` when it does not match.
    fn answer(&self, rq: &mut Exchange) -> Result<Option<Response>, Box<Failure>> {
        let Some(matched) = self.origin(rq)? else {
            return Ok(None);
        };
        let asked = |name, rq: &Exchange| rq.request.headers.get(name).cloned();
        let method = asked(header::ACCESS_CONTROL_REQUEST_METHOD, rq);
        let method = method.unwrap_or_else(|| HeaderValue::from_static(""));
        if !allows(&self.methods, rq, |m| m.as_bytes() == method.as_bytes())? {
            return Ok(None);
        }
        let names: Vec<HeaderValue> = rq
            .request
            .headers
            .get_all(header::ACCESS_CONTROL_REQUEST_HEADERS)
            .iter()
            .cloned()
            .collect();
        for name in names
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
        {
            let name = name.trim();
            let simple = name.is_empty() || SIMPLE.iter().any(|s| s.eq_ignore_ascii_case(name));
            if !simple && !allows(&self.headers, rq, |h| h.eq_ignore_ascii_case(name))? {
                return Ok(None);
            }
        }
        let mut response = Response::new(StatusCode::OK);
        let headers = &mut response.headers;
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method);
        for value in names {
            headers.append(header::ACCESS_CONTROL_ALLOW_HEADERS, value);
        }
        let age = self.max_age.get(rq)?.max(0);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(age));
        matched.write(headers);
        Ok(Some(response))
    }

    /// Handles a request that is no preflight.
    fn actual(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        if !rq.request.headers.contains_key(header::ORIGIN) {
            return Ok(Flow::Next);
        }
        let Some(matched) = self.origin(rq)? else {
            let simple = matches!(rq.request.original_method, Method::GET | Method::HEAD);
            if simple && self.terminate.get(rq)? {
                rq.response = Some(Response::new(StatusCode::OK));
                return Ok(Flow::Return);
            }
            return Ok(Flow::Next);
        };
        let mut exposed = Vec::with_capacity(self.exposed.len());
        for name in &self.exposed {
            exposed.push(name.get(rq)?);
        }
        let exposed = if exposed.is_empty() {
            None
        } else {
            Some(HeaderValue::try_from(exposed.join(",")).map_err(|_| {
                Failure::internal("", "", "A name in `expose-headers` cannot be sent.")
            })?)
        };
        rq.deferred.push(Box::new(OnAnswer { matched, exposed }));
        Ok(Flow::Next)
    }
}

impl Matched {
    fn write(&self, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.origin.clone());
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        // An echoed origin makes the answer depend on it: caches between must know.
        let varies = headers
            .get_all(header::VARY)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .any(|v| v.trim() == "*" || v.trim().eq_ignore_ascii_case("origin"));
        if self.origin != "*" && !varies {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
    }
}

/// Puts the headers on the answer, whatever made it.
struct OnAnswer {
    matched: Matched,
    exposed: Option<HeaderValue>,
}

impl Deferred for OnAnswer {
    fn on_answer(&mut self, rq: &mut Exchange) {
        let headers = &mut rq.response_mut().headers;
        self.matched.write(headers);
        if let Some(exposed) = self.exposed.take() {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

impl Step for Cors {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.actual(rq) {
            Ok(flow) => flow,
            Err(failure) => Flow::Fail(failure),
        }
    }

    fn preflight(&self, rq: &mut Exchange) -> Preflight {
        let answer = match self.answer(rq) {
            Ok(Some(response)) => response,
            Ok(None) => match self.terminate.get(rq) {
                Ok(true) => Response::new(StatusCode::OK),
                Ok(false) => return Preflight::Unmatched,
                Err(failure) => return Preflight::Done(Flow::Fail(failure)),
            },
            Err(failure) => return Preflight::Done(Flow::Fail(failure)),
        };
        rq.response = Some(answer);
        Preflight::Done(Flow::Return)
    }
}
