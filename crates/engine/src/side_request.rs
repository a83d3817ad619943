//! A request that a document makes beside the caller's own: the part that `send-request` and `send-one-way-request` share.
//!
//! It goes to the URL that the document names, with what the document puts on it: no backend's credentials, no redirect
//! followed. Which hosts it may reach is the author's decision, as in API Management. What must stay true: the values
//! are computed while the exchange is there; sending needs only the services, so it may outlive the exchange; the caller's
//! subscription key does not leave the gateway.

use crate::accounting::{Place, Purpose, SideCall};
use crate::body::{Body, BodyError, coding::Coding};
use crate::compile::{Arg, AttributeDef, ChildDef, Compile, Content, Kind, attribute, child};
use crate::connect::ConnectOptions;
use crate::definition::MISSING;
use crate::exchange::{BodyState, Exchange, collect, forget_body};
use crate::failure::Failure;
use crate::policies::{
    authentication_basic, authentication_certificate, authentication_managed_identity, proxy,
    set_body, set_header, set_method,
};
use crate::probe::Event;
use crate::recording::OnBehalfOf;
use crate::services::{HttpVersion, SendError, SendOptions, Services};
use crate::snapshot::BaseUrl;
use crate::step::Needs;
use crate::upstream;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use std::rc::Rc;
use std::time::Duration;
use tollgate_lang::document::Element;
use tollgate_lang::value::{self, Str, Value};
use tollgate_lang::{Diagnostic, Span};

/// `mode`.
pub(crate) const MODE: AttributeDef = attribute(
    "mode",
    Kind::OneOf(&["new", "copy"]),
    "`new`: an empty request; `copy`: starts from the current one",
)
.expression()
.default("new");

/// `timeout`.
pub(crate) const TIMEOUT: AttributeDef = attribute(
    "timeout",
    Kind::Int(0, i32::MAX as i64),
    "seconds until the whole answer must be there",
)
.expression()
.default("60");

/// What both elements hold.
pub(crate) const CHILDREN: &[ChildDef] = &[
    child(
        "set-url",
        Content::Text,
        "where it goes; needed unless `mode` is `copy`",
    )
    .times(0, 1),
    child("set-method", Content::Text, "the method; default GET").times(0, 1),
    child("set-header", Content::Empty, "a header")
        .attributes(set_header::DEF.attributes)
        .children(set_header::DEF.children),
    child("set-body", Content::Text, "the body; default none")
        .times(0, 1)
        .attributes(set_body::DEF.attributes)
        .children(set_body::DEF.children),
    child(
        "authentication-managed-identity",
        Content::Empty,
        "a token of the gateway's identity as `Authorization`",
    )
    .times(0, 1)
    .attributes(authentication_managed_identity::DEF.attributes),
    child(
        "authentication-basic",
        Content::Empty,
        "`Authorization: Basic`",
    )
    .times(0, 1)
    .attributes(authentication_basic::DEF.attributes),
    child(
        "authentication-certificate",
        Content::Empty,
        "the certificate that the gateway shows",
    )
    .times(0, 1)
    .attributes(authentication_certificate::DEF.attributes),
    child(
        "proxy",
        Content::Empty,
        "the HTTP proxy that it goes through",
    )
    .times(0, 1)
    .attributes(proxy::DEF.attributes),
];

/// The compiled request.
#[derive(Debug)]
pub(crate) struct SideRequest {
    /// Whether it starts from the current request.
    copy: Mode,
    url: Option<Arg<Str>>,
    method: Option<set_method::SetMethod>,
    headers: Vec<set_header::SetHeader>,
    body: Option<set_body::SetBody>,
    identity: Option<authentication_managed_identity::Identity>,
    basic: Option<authentication_basic::Basic>,
    certificate: Option<authentication_certificate::Certificate>,
    proxy: Option<proxy::Proxy>,
    timeout: Arg<i64>,
    /// Whether a copied request brings its body: it does where the policies act on the request.
    copies_body: bool,
}

#[derive(Debug)]
enum Mode {
    New,
    Copy,
    Of(Arg<Str>),
}

impl SideRequest {
    /// From either element, whose shape was checked.
    pub(crate) fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<SideRequest> {
        let mode = cx.arg::<Str>(element, "mode");
        let mut whole = mode.is_some();
        let copy = match mode.unwrap_or(Arg::Const(Str::from("copy"))) {
            Arg::Const(word) => match word.trim() {
                "new" => Mode::New,
                "copy" => Mode::Copy,
                word => {
                    cx.unknown_word(element, "mode", word, "`new`, `copy`");
                    whole = false;
                    Mode::Copy
                }
            },
            expr => Mode::Of(expr),
        };
        let copies_body = cx.section.on_request() && !matches!(copy, Mode::New);
        // Collected first: a `?` on the way would leave the faults of the children untold.
        let timeout = cx.arg(element, "timeout");
        whole &= timeout.is_some();
        let mut request = SideRequest {
            copy,
            url: None,
            method: None,
            headers: Vec::new(),
            body: None,
            identity: None,
            basic: None,
            certificate: None,
            proxy: None,
            timeout: timeout.unwrap_or(Arg::Const(0)),
            copies_body,
        };
        for child in element.elements() {
            let known = match &*child.name {
                "set-url" => {
                    request.url = compile_url(child, cx);
                    request.url.is_some()
                }
                "set-method" => {
                    request.method = set_method::compile_method(child, cx);
                    request.method.is_some()
                }
                "set-header" => match set_header::compile_header(child, cx) {
                    Some(header) => {
                        request.headers.push(header);
                        true
                    }
                    None => false,
                },
                "set-body" => {
                    request.body = set_body::compile_body(child, cx);
                    request.body.is_some()
                }
                "authentication-managed-identity" => {
                    request.identity = authentication_managed_identity::compile_identity(child, cx);
                    request.identity.is_some()
                }
                "authentication-basic" => {
                    request.basic = authentication_basic::compile_basic(child, cx);
                    request.basic.is_some()
                }
                "authentication-certificate" => {
                    request.certificate =
                        authentication_certificate::compile_certificate(child, cx);
                    request.certificate.is_some()
                }
                "proxy" => {
                    request.proxy = proxy::compile_proxy(child, cx);
                    request.proxy.is_some()
                }
                // The shape check has refused it.
                _ => true,
            };
            whole &= known;
        }
        if matches!(request.copy, Mode::New)
            && !element.elements().any(|child| &*child.name == "set-url")
        {
            cx.report(
                Diagnostic::error(
                    "TG0382",
                    element.name_span,
                    format!("`{}` needs a `set-url`", element.name),
                )
                .label("where does it go?")
                .help("add `<set-url>https://host/path</set-url>`, or start from the current request with `mode=\"copy\"`"),
            );
            whole = false;
        }
        if copies_body && request.body.is_none() {
            cx.needs(Needs {
                request_body: true,
                response_body: false,
            });
        }
        whole.then_some(request)
    }

    /// Computes everything for this call.
    pub(crate) fn prepare(&self, rq: &mut Exchange) -> Result<Prepared, Box<Failure>> {
        let copy = match &self.copy {
            Mode::New => false,
            Mode::Copy => true,
            Mode::Of(arg) => match arg.get(rq)?.trim() {
                "new" => false,
                "copy" => true,
                other => {
                    return Err(Failure::internal(
                        "",
                        "",
                        format!("`{other}` is no mode: expected `new` or `copy`."),
                    ));
                }
            },
        };
        let seconds = u64::try_from(self.timeout.get(rq)?).unwrap_or(0);
        let url = self.url.as_ref().map(|url| url.get(rq)).transpose()?;
        let address = match &url {
            Some(url) => Address::parse(url),
            None if copy => current(rq)?,
            None => Err(String::from("there is no `set-url`")),
        };
        let (mut method, mut headers, mut body) = if copy {
            let mut headers = upstream::caller_headers(rq);
            headers.remove(header::HOST);
            headers.remove(header::UPGRADE);
            headers.remove(header::CONNECTION);
            let body = match &rq.request.body {
                BodyState::Buffered(bytes) if self.copies_body => bytes.clone(),
                _ => Bytes::new(),
            };
            if body.is_empty() || self.body.is_some() {
                forget_body(&mut headers);
            }
            (rq.request.method.clone(), headers, body)
        } else {
            (Method::GET, HeaderMap::new(), Bytes::new())
        };
        if let Some(set) = &self.method {
            method = set.get(rq)?;
        }
        for set in &self.headers {
            set.apply_to(rq, &mut headers)?;
        }
        if let Some(set) = &self.body {
            body = set.get(rq)?;
        }
        if let Some(basic) = &self.basic {
            headers.insert(header::AUTHORIZATION, basic.header(rq)?);
        }
        let identity = match &self.identity {
            Some(identity) => Some(identity.wanted(rq)?),
            None => None,
        };
        let certificate = match &self.certificate {
            Some(certificate) => Some(certificate.get(rq)?),
            None => None,
        };
        let proxy = match &self.proxy {
            Some(proxy) => Some(proxy.get(rq)?),
            None => None,
        };
        let options = ConnectOptions { certificate, proxy }.some();
        let address = match options {
            None => address,
            Some(options) => address.map(|address| Address {
                url: address.url.connected(&options),
                ..address
            }),
        };
        Ok(Prepared {
            address,
            method,
            headers,
            body,
            identity,
            timeout: Duration::from_secs(seconds),
            on_behalf_of: rq.is_observed().then_some(OnBehalfOf(rq.id)),
            side: None,
        })
    }
}

fn compile_url(element: &Element, cx: &mut Compile<'_>) -> Option<Arg<Str>> {
    let url = cx.content::<Str>(element)?;
    let span = element.text().map_or(element.name_span, |t| t.span);
    usable(url, span, cx)
}

/// A URL that is known at load must be one.
pub(crate) fn usable(url: Arg<Str>, span: Span, cx: &mut Compile<'_>) -> Option<Arg<Str>> {
    if let Some(text) = url.constant()
        && !text.contains(MISSING)
        && let Err(why) = Address::parse(text)
    {
        cx.report(
            Diagnostic::error("TG0381", span, why)
                .label("expected an absolute URL such as `https://host/path`"),
        );
        return None;
    }
    Some(url)
}

/// Where a request goes.
#[derive(Debug)]
pub(crate) struct Address {
    /// Scheme, host and port; its path is not for joining.
    pub(crate) url: BaseUrl,
    /// The whole path and query.
    pub(crate) path: PathAndQuery,
}

impl Address {
    /// Takes a URL apart, escaping what .NET's `Uri` escapes. The error says what is wrong with it, and does not repeat it.
    pub(crate) fn parse(text: &str) -> Result<Address, String> {
        let text = text.trim();
        let text = escaped(text.split('#').next().unwrap_or(text));
        let url = BaseUrl::parse(&text, None)?;
        let uri: Uri = text.parse().map_err(|e| format!("not a URL: {e}"))?;
        let path = match uri.path_and_query() {
            Some(path) if path.as_str().starts_with('/') => path.clone(),
            // A query alone: written out, it has the root's path before it.
            Some(query) => {
                PathAndQuery::try_from(query.to_string()).map_err(|e| format!("not a URL: {e}"))?
            }
            None => PathAndQuery::from_static("/"),
        };
        Ok(Address { url, path })
    }
}

/// The URL that the current request would go to now.
fn current(rq: &Exchange) -> Result<Result<Address, String>, Box<Failure>> {
    let Some(url) = rq.base_url() else {
        return Ok(Err(String::from(
            "the request has no single URL to copy: add a `set-url`",
        )));
    };
    let path = upstream::path_and_query(rq, &url, None)?;
    let mut url = (*url).clone();
    // The way stays, a certificate is the backend's credential.
    url.origin = url.origin.with(url.origin.proxy_alone());
    Ok(Ok(Address { url, path }))
}

/// The characters that stand in a URL only escaped (RFC 3986, section 2), escaped as .NET does when it sends.
pub(crate) fn escaped(url: &str) -> std::borrow::Cow<'_, str> {
    use std::fmt::Write as _;
    let illegal = |c: char| {
        !c.is_ascii()
            || matches!(
                c,
                ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'
            )
    };
    // The authority is not escaped: a host with such a character is refused.
    let authority = url.find("://").map_or(0, |at| at + 3);
    let rest = url[authority..]
        .find(['/', '?'])
        .map_or(url.len(), |at| authority + at);
    if !url[rest..].contains(illegal) {
        return url.into();
    }
    let mut out = String::with_capacity(url.len() + 16);
    out.push_str(&url[..rest]);
    for c in url[rest..].chars() {
        if illegal(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    out.into()
}

/// A request ready to be sent. It holds nothing of the exchange.
pub(crate) struct Prepared {
    address: Result<Address, String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    /// Resource, client id, and whether to go on without a token.
    identity: Option<authentication_managed_identity::Wanted>,
    timeout: Duration,
    /// Of the exchange that it is sent for, when that is watched.
    on_behalf_of: Option<OnBehalfOf>,
    /// Accounts for it when it is a model call.
    side: Option<Box<SideCall>>,
}

/// The whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Reason phrase, the standard one where the server gave none.
    pub(crate) reason: Str,
    /// Headers without those of the connection.
    pub(crate) headers: HeaderMap,
    /// Body as it came.
    pub(crate) body: Bytes,
}

impl Answer {
    /// Tells a probe what came of a request.
    pub(crate) fn tell(rq: &Exchange, came: &Result<Answer, Box<Failure>>) {
        rq.tell(|| match came {
            Ok(answer) => Event::UpstreamResponse {
                status: answer.status,
                headers: &answer.headers,
            },
            Err(failure) => Event::UpstreamFailed(&failure.message),
        });
    }

    /// As expressions see it, an `IResponse`: the body decoded, with the header that tells of the coding gone.
    pub(crate) fn into_value(self, limit: usize) -> Value {
        let Answer {
            status,
            reason,
            mut headers,
            body,
        } = self;
        let body = match Coding::of(&headers).undo(&body, limit) {
            Some(plain) => {
                headers.remove(header::CONTENT_ENCODING);
                plain
            }
            // What cannot be read plain is given as it is.
            None => body,
        };
        let response = value::Response::new(status.as_u16(), reason, headers, Some(body));
        Value::Response(Rc::new(response))
    }

    /// Reads an upstream's answer whole, at most `limit` bytes of body.
    pub(crate) async fn read(
        response: http::Response<Body>,
        limit: usize,
    ) -> Result<Answer, BodyError> {
        let (mut head, body) = response.into_parts();
        upstream::hop_by_hop(&mut head.headers);
        head.headers.remove(header::CONNECTION);
        let body = collect(body, limit).await?;
        let reason = head
            .extensions
            .get::<hyper::ext::ReasonPhrase>()
            .and_then(|r| std::str::from_utf8(r.as_bytes()).ok())
            .or(head.status.canonical_reason());
        Ok(Answer {
            status: head.status,
            reason: Str::from(reason.unwrap_or("")),
            headers: head.headers,
            body,
        })
    }
}

impl Prepared {
    /// Tells a probe that it goes out. The token of a managed identity is fetched on the way and not among the headers.
    pub(crate) fn tell(&self, rq: &Exchange) {
        if let Ok(address) = &self.address {
            let uri = Uri::from(address.path.clone());
            rq.tell(|| Event::UpstreamRequest {
                origin: &address.url.origin,
                method: &self.method,
                uri: &uri,
                headers: &self.headers,
            });
        }
    }

    /// A `POST` of a policy's own making. A URL that cannot be used is told when it is sent.
    pub(crate) fn post(url: &str, headers: HeaderMap, body: Bytes, timeout: Duration) -> Prepared {
        Prepared {
            address: Address::parse(url),
            method: Method::POST,
            headers,
            body,
            identity: None,
            timeout,
            on_behalf_of: None,
            side: None,
        }
    }

    /// Puts a token of the gateway's identity on it when it is sent.
    #[must_use]
    pub(crate) fn identified(mut self, wanted: authentication_managed_identity::Wanted) -> Self {
        self.identity = Some(wanted);
        self
    }

    /// Accounts for it from here on, when it is a model call and something counts it.
    ///
    /// # Errors
    /// Its budgets or the ledger refuse it.
    pub(crate) fn account(
        &mut self,
        rq: &mut Exchange,
        purpose: Purpose,
    ) -> Result<(), Box<Failure>> {
        let Ok(address) = &self.address else {
            return Ok(());
        };
        let place = Place {
            url: &address.url,
            server: None,
        };
        let named = (&self.method, address.path.path());
        let length = self.body.len();
        self.side = SideCall::begin(rq, purpose, place, named, &mut self.body, self.timeout)?;
        if self.body.len() != length {
            self.headers.remove(header::CONTENT_LENGTH);
        }
        Ok(())
    }

    /// Whether it is accounted for as a model call.
    pub(crate) fn is_accounted(&self) -> bool {
        self.side.is_some()
    }

    /// Bytes of body that it holds.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
    }

    /// Sends it and reads the answer, at most `limit` bytes of body, all within its timeout.
    pub(crate) async fn send(
        self,
        services: &Services,
        limit: usize,
    ) -> Result<Answer, Box<Failure>> {
        let timeout = self.timeout;
        tokio::select! {
            biased;
            answer = self.exchange(services, limit) => answer,
            () = services.clock.sleep(timeout) => Err(late(timeout)),
        }
    }

    async fn exchange(mut self, services: &Services, limit: usize) -> Result<Answer, Box<Failure>> {
        let broken = |why: String| Failure::internal("", "BackendConnectionFailure", why);
        let address = self
            .address
            .map_err(|why| broken(format!("The request's URL cannot be used: {why}.")))?;
        if let Some(wanted) = &self.identity {
            match wanted.token(services).await {
                Ok(token) => {
                    self.headers
                        .insert(header::AUTHORIZATION, token.header.clone());
                }
                Err(_) if wanted.ignore_error => {}
                Err(failure) => return Err(failure),
            }
        }
        if !self.headers.contains_key(header::HOST) {
            let host = HeaderValue::from_str(&address.url.origin.authority)
                .map_err(|_| broken(String::from("The request's host cannot be sent.")))?;
            self.headers.insert(header::HOST, host);
        }
        self.headers.remove(header::UPGRADE);
        let mut request = http::Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from(address.path);
        *request.headers_mut() = self.headers;
        if let Some(exchange) = self.on_behalf_of {
            request.extensions_mut().insert(exchange);
        }
        let options = SendOptions {
            timeout: self.timeout,
            version: HttpVersion::default(),
            continue_timeout: None,
        };
        let origin = &address.url.origin;
        if let Some(side) = &mut self.side {
            side.admitted().await?;
        }
        let sent = services.transport.send(origin, request, options).await;
        let response = match (sent, self.side) {
            (Ok(response), None) => response,
            (Ok(response), Some(side)) => side.watch(response),
            (Err(error), side) => {
                if let Some(side) = side {
                    side.failed(&error);
                }
                if matches!(error, SendError::Timeout(_)) {
                    return Err(late(self.timeout));
                }
                let host = &origin.authority;
                return Err(broken(format!("The call to {host} failed: {error}.")));
            }
        };
        Answer::read(response, limit)
            .await
            .map_err(|error| broken(format!("The answer cannot be read: {error}.")))
    }
}

fn late(timeout: Duration) -> Box<Failure> {
    Failure::internal(
        "",
        "Timeout",
        format!("The request was not answered within {timeout:?}."),
    )
}

#[cfg(test)]
mod tests;
