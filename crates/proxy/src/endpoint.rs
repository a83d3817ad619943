//! Calls of the gateway's own over the proxy's client, on the control thread.
//!
//! Used by `identity` (token endpoints), `openid` (configuration documents, keys), `webhook` and `otlp`. What must stay true: answers are
//! bounded; redirects are not followed; what is told of a failure holds no secret.

use crate::config::UpstreamConfig;
use crate::turn::Busy;
use crate::upstream::{ClientTls, Upstream};
use crate::wheel::Wheel;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use serde::Deserialize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tollgate_engine::Body;
use tollgate_engine::exchange::collect;
use tollgate_engine::services::{HttpVersion, Origin, SendOptions, Transport};
use tollgate_engine::snapshot::BaseUrl;

/// Most time until the head of an answer.
const TRY: Duration = Duration::from_secs(8);

/// The client.
pub(crate) struct Endpoint(Rc<Upstream>);

/// What a call gave: 200 and a body.
pub(crate) struct Answered {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A call that gave nothing.
pub(crate) struct Refused {
    /// What happened, without secrets.
    pub(crate) why: String,
    /// 0: no answer.
    pub(crate) status: u16,
    /// `Retry-After` in seconds.
    pub(crate) retry_after: Option<u64>,
}

/// Error answers: OAuth's two members.
#[derive(Deserialize)]
struct ErrorAnswer {
    #[serde(default)]
    error: serde_json::Value,
    #[serde(default)]
    error_description: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl Endpoint {
    /// A client of its own for the current runtime.
    pub(crate) fn new(tls: Arc<ClientTls>) -> Endpoint {
        let config = UpstreamConfig {
            connect_timeout: Duration::from_secs(3),
            connections: 16,
            idle_connections: 4,
            ..UpstreamConfig::default()
        };
        Endpoint(Upstream::new(
            config,
            &Wheel::start(),
            tls,
            Arc::default(),
            Busy::default(),
        ))
    }

    /// Calls once, for at most `limit` bytes. `form` makes it a POST. Reading the body has no deadline of its own: the
    /// caller sets one for the whole call.
    pub(crate) async fn call(
        &self,
        url: &str,
        headers: &[(&'static str, &str)],
        form: Option<String>,
        limit: usize,
    ) -> Result<Answered, Refused> {
        let unsent = |why: String| Refused {
            why,
            status: 0,
            retry_after: None,
        };
        let base = BaseUrl::parse(url, None).map_err(&unsent)?;
        let uri: Uri = url
            .parse()
            .map_err(|e: http::uri::InvalidUri| unsent(e.to_string()))?;
        let path = uri.path_and_query().cloned();
        let mut request = Request::new(match form {
            Some(form) => Body::from(Bytes::from(form)),
            None => Body::Empty,
        });
        *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
        if !http_body::Body::is_end_stream(request.body()) {
            *request.method_mut() = Method::POST;
            request.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
        }
        let all = headers.iter().copied().chain([
            ("host", &*base.origin.authority),
            ("accept", "application/json"),
        ]);
        for (name, value) in all {
            let value = HeaderValue::from_str(value)
                .map_err(|_| unsent(format!("`{name}` cannot be sent")))?;
            request.headers_mut().insert(name, value);
        }
        let (head, body) = self.send(&base.origin, request, limit).await?;
        if head.status != StatusCode::OK {
            return Err(Refused {
                why: format!("{}{}", head.status, explanation(&body)),
                status: head.status.as_u16(),
                retry_after: retry_after(&head.headers),
            });
        }
        Ok(Answered {
            headers: head.headers,
            body,
        })
    }

    /// Sends a request as it is and reads the whole answer, of any status. The caller sets a deadline for it.
    pub(crate) async fn send(
        &self,
        origin: &Origin,
        request: Request<Body>,
        limit: usize,
    ) -> Result<(Parts, Bytes), Refused> {
        let unsent = |why: String| Refused {
            why,
            status: 0,
            retry_after: None,
        };
        let options = SendOptions {
            timeout: TRY,
            version: HttpVersion::Http1,
            continue_timeout: None,
        };
        let response = self.0.send(origin, request, options).await;
        let (head, body) = response.map_err(|e| unsent(e.to_string()))?.into_parts();
        let body = collect(body, limit).await;
        Ok((head, body.map_err(|e| unsent(e.to_string()))?))
    }
}

/// `Retry-After` in seconds.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(header::RETRY_AFTER)?;
    value.to_str().ok()?.trim().parse().ok()
}

fn explanation(body: &[u8]) -> String {
    let Ok(answer) = serde_json::from_slice::<ErrorAnswer>(body) else {
        return String::new();
    };
    let nested = || {
        let text = answer.error.get("message").or(Some(&answer.error));
        text.and_then(|t| t.as_str()).map(str::to_owned)
    };
    let text = answer
        .error_description
        .clone()
        .or_else(|| answer.message.clone());
    let Some(text) = text.or_else(nested) else {
        return String::new();
    };
    let first: String = text
        .lines()
        .next()
        .unwrap_or("")
        .chars()
        .take(300)
        .collect();
    format!(": {first}")
}
