//! `invoke-request`: a request of the document's own to a backend or a URL, whose answer is the response or goes into a variable.
//!
//! Microsoft's policy toolkit is the only description. What must stay true: an answer that becomes the response streams;
//! nothing of the caller's request goes with it that the document does not name; credentials are the backend's.

use crate::LocalBoxFuture;
use crate::compile::{
    Arg, BodyText, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::policies::{set_header, set_method};
use crate::services::{HttpVersion, SendOptions};
use crate::side_request::{Address, Answer, escaped, usable};
use crate::snapshot::BackendIndex;
use crate::step::{Flow, Step};
use crate::upstream::{self, Choice, Invocation, InvocationPath, invoke};
use bytes::Bytes;
use http::HeaderMap;
use http::uri::PathAndQuery;
use std::sync::Arc;
use std::time::Duration;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "invoke-request",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("method", Kind::Text, "the method")
            .expression()
            .default("GET"),
        attribute(
            "url",
            Kind::Text,
            "where it goes; with `backend-id` the path and query behind the backend's own URL",
        )
        .expression(),
        attribute(
            "backend-id",
            Kind::Text,
            "id of a configured backend, whose credentials, TLS, pool and circuit breaker hold",
        )
        .expression(),
        attribute(
            "response-variable-name",
            Kind::Text,
            "the variable that gets the answer as an `IResponse`; without it the answer is the response, and the rest of the section is left out",
        ),
    ],
    children: &[
        child(
            "header",
            Content::Empty,
            "a header; one that stands again adds a value",
        )
        .attributes(&[
            attribute("name", Kind::Text, "its name")
                .required()
                .expression(),
            attribute("value", Kind::Text, "its value")
                .expression()
                .default(""),
        ]),
        child("body", Content::Text, "the body; default none").times(0, 1),
    ],
    content: Content::Empty,
    doc: "Sends a request of its own to a backend or a URL.\n\nWithout `response-variable-name` the answer becomes the response: the rest of the section is left out, in `inbound` the backend too, and `outbound` runs. Without `url` and `backend-id` it goes to where the caller's request would go. Any status is an answer; without one within 60 seconds, the section ends with `Timeout` or `BackendConnectionFailure`.",
    compile,
};

/// As long as `send-request` waits by default.
const TIMEOUT: Duration = Duration::from_secs(60);

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let method = match cx.arg::<Str>(element, "method") {
        Some(method) => {
            let span = element
                .attribute("method")
                .map_or(element.name_span, |a| a.value.span);
            set_method::known(method, span, cx)
        }
        None => None,
    };
    let backend = element.attribute("backend-id");
    let url = element.attribute("url");
    let place = match (url, backend) {
        (None, None) => Some(Place::Current),
        (Some(url), None) => cx
            .text_arg::<Str>(&url.value)
            .and_then(|arg| usable(arg, url.value.span, cx))
            .map(Place::Url),
        (url, Some(id)) => {
            let named = match cx.text_arg::<Str>(&id.value) {
                Some(Arg::Const(text)) => cx.backend(text.trim(), id.value.span).map(Named::Known),
                Some(arg) => Some(Named::Of(arg)),
                None => None,
            };
            let path = match url {
                None => Some(None),
                Some(url) => {
                    let arg = cx.text_arg::<Str>(&url.value);
                    if let Some(text) = arg.as_ref().and_then(Arg::constant)
                        && let Err(why) = behind(text)
                    {
                        cx.report(
                            Diagnostic::error("TG0503", url.value.span, why)
                                .label("expected a path such as `/v1/items?top=1`")
                                .help("the host is the backend's; leave `backend-id` out to name another one"),
                        );
                    }
                    arg.map(Some)
                }
            };
            named.zip(path).map(|(id, path)| Place::Backend(id, path))
        }
    };
    let headers: Vec<_> = element
        .elements()
        .filter(|e| &*e.name == "header")
        .map(|e| set_header::compile_added(e, cx))
        .collect();
    let body = match element.elements().find(|e| &*e.name == "body") {
        Some(body) => Some(cx.content::<BodyText>(body)?),
        None => None,
    };
    let variable = cx.literal(element, "response-variable-name");
    cx.step(InvokeRequest {
        method: method?,
        place: place?,
        headers: headers.into_iter().collect::<Option<_>>()?,
        body,
        variable,
    })
}

#[derive(Debug)]
struct InvokeRequest {
    method: set_method::SetMethod,
    place: Place,
    headers: Vec<set_header::SetHeader>,
    body: Option<Arg<BodyText>>,
    variable: Option<Str>,
}

/// Where it goes.
#[derive(Debug)]
enum Place {
    /// Where the caller's request would go.
    Current,
    Url(Arg<Str>),
    Backend(Named, Option<Arg<Str>>),
}

#[derive(Debug)]
enum Named {
    Known(BackendIndex),
    Of(Arg<Str>),
}

impl Named {
    fn get(&self, rq: &mut Exchange) -> Result<BackendIndex, Box<Failure>> {
        match self {
            Named::Known(index) => Ok(*index),
            Named::Of(arg) => {
                let id = arg.get(rq)?;
                rq.backend_named(id.trim())
            }
        }
    }
}

/// A path and query behind a backend's URL.
fn behind(text: &str) -> Result<PathAndQuery, String> {
    let text = text.trim();
    if text.contains("://") && !text.starts_with(['/', '?']) {
        return Err(String::from(
            "an absolute URL cannot stand beside `backend-id`",
        ));
    }
    let slash = if text.starts_with('/') { "" } else { "/" };
    let text = format!("{slash}{text}");
    let parsed = escaped(&text).parse();
    parsed.map_err(|why| format!("not a path: {why}"))
}

impl InvokeRequest {
    async fn send(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        let method = self.method.get(rq)?;
        let snapshot = rq.snapshot.clone();
        let unusable = |why: String| {
            Failure::internal(
                "",
                "BackendConnectionFailure",
                format!("The request's URL cannot be used: {why}."),
            )
        };
        let (choice, path) = match &self.place {
            Place::Current => (upstream::choose(rq, &snapshot)?, InvocationPath::Current),
            Place::Url(url) => {
                let address = Address::parse(&url.get(rq)?).map_err(unusable)?;
                let choice = Choice::of(Arc::new(address.url));
                (choice, InvocationPath::Whole(address.path))
            }
            Place::Backend(id, path) => {
                let index = id.get(rq)?;
                let path = match path {
                    Some(path) => behind(&path.get(rq)?).map_err(unusable)?,
                    None => PathAndQuery::from_static("/"),
                };
                let choice = upstream::server(rq, &snapshot, index)?;
                (choice, InvocationPath::Behind(path))
            }
        };
        let mut headers = HeaderMap::new();
        for header in &self.headers {
            header.apply_to(rq, &mut headers)?;
        }
        let body = match &self.body {
            Some(body) => body.get(rq)?.0,
            None => Bytes::new(),
        };
        let invocation = Invocation {
            choice,
            path,
            method,
            headers,
            body,
            options: SendOptions {
                timeout: TIMEOUT,
                version: HttpVersion::default(),
                continue_timeout: None,
            },
            answers: self.variable.is_none(),
        };
        let Some(variable) = &self.variable else {
            let response = invoke(rq, invocation).await?;
            upstream::receive(rq, response);
            return Ok(Flow::Answered);
        };
        let limit = rq.snapshot.gateway.max_buffered_body;
        // The response that there may be stays the one whose body is still to come.
        let kept = rq.answering.take();
        let answer = self.read(rq, invocation, limit).await;
        rq.answering = kept;
        rq.set_variable(variable, answer?.into_value(limit));
        Ok(Flow::Next)
    }

    async fn read(
        &self,
        rq: &mut Exchange,
        invocation: Invocation<'_>,
        limit: usize,
    ) -> Result<Answer, Box<Failure>> {
        let services = rq.services.clone();
        let response = invoke(rq, invocation).await?;
        let read = tokio::select! {
            biased;
            read = Answer::read(response, limit) => read,
            () = services.clock.sleep(TIMEOUT) => {
                return Err(Failure::internal(
                    "",
                    "Timeout",
                    format!("The answer did not end within {TIMEOUT:?}."),
                ));
            }
        };
        read.map_err(|error| {
            rq.answer_broke(&error);
            Failure::internal(
                "",
                "BackendConnectionFailure",
                format!("The answer cannot be read: {error}."),
            )
        })
    }
}

impl Step for InvokeRequest {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.send(rq).await.unwrap_or_else(Flow::Fail) })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
