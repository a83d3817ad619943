//! Calls of the gateway's own to a backend, such as the embeddings of the semantic cache.

use super::choose::server;
use super::send::{Leave, answered, aside, broke, send};
use super::{credentials, host, join};
use crate::body::{Body, BodyError};
use crate::exchange::{Exchange, collect};
use crate::failure::Failure;
use crate::services::{SendOptions, Services};
use crate::snapshot::{BackendIndex, BaseUrl};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use std::sync::Arc;
use tollgate_lang::value::Str;

/// A call of the gateway's own to a backend: credentials as configured, the whole answer in memory.
pub struct Call<'a> {
    /// The backend.
    pub backend: BackendIndex,
    /// Path after the backend's own, with its leading `/`, or empty.
    pub path: &'a str,
    /// Query without `?`.
    pub query: Option<&'a str>,
    /// Method.
    pub method: Method,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Limits.
    pub options: SendOptions,
    /// Most bytes of the answer.
    pub limit: usize,
}

/// A backend that can be called without an exchange: from inside a body that is on its way to the caller. Its breaker
/// is neither asked nor told.
pub(crate) struct Detached {
    url: Arc<BaseUrl>,
    query: Option<Str>,
    headers: HeaderMap,
}

impl Detached {
    /// Of a backend, with its credentials as they are now.
    pub(crate) async fn of(
        rq: &Exchange,
        backend: BackendIndex,
        mut headers: HeaderMap,
    ) -> Result<Detached, Box<Failure>> {
        let snapshot = rq.snapshot.clone();
        let choice = server(rq, &snapshot, backend)?;
        headers.insert(header::HOST, host(&choice.url)?);
        let mut query = None;
        if let Some((server, _)) = choice.server {
            credentials(rq, server, &mut headers).await?;
            query = server.query.as_deref().map(Str::from);
        }
        Ok(Detached {
            url: choice.url,
            query,
            headers,
        })
    }

    /// Posts a body; the whole answer, of at most `limit` bytes.
    pub(crate) async fn post(
        &self,
        services: &Services,
        path: &str,
        query: &str,
        body: Bytes,
        options: SendOptions,
        limit: usize,
    ) -> Result<(StatusCode, Bytes), String> {
        let queries = [
            self.url.query.as_deref(),
            Some(query),
            self.query.as_deref(),
        ];
        let target = join(&self.url.path, path, &queries).map_err(|f| f.message)?;
        let mut request = http::Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from(target);
        *request.headers_mut() = self.headers.clone();
        let sent = services.transport.send(&self.url.origin, request, options);
        let (head, body) = sent.await.map_err(|e| e.to_string())?.into_parts();
        let body = collect(body, limit).await.map_err(|e| e.to_string())?;
        Ok((head.status, body))
    }
}

/// Makes such a call.
pub async fn call(
    rq: &mut Exchange,
    call: Call<'_>,
) -> Result<(StatusCode, HeaderMap, Bytes), Box<Failure>> {
    let snapshot = rq.snapshot.clone();
    let choice = server(rq, &snapshot, call.backend)?;
    let url = choice.url;
    let mut leave = Leave::new(choice.server, choice.permit);
    let queries = [
        url.query.as_deref(),
        call.query,
        leave.as_ref().and_then(|l| l.server.query.as_deref()),
    ];
    let path = join(&url.path, call.path, &queries)?;
    let mut headers = call.headers;
    headers.insert(header::HOST, host(&url)?);
    if let Some(leave) = &leave {
        credentials(rq, leave.server, &mut headers).await?;
    }
    let mut request = http::Request::new(Body::from(call.body));
    *request.method_mut() = call.method;
    *request.uri_mut() = Uri::from(path);
    *request.headers_mut() = headers;
    let sent = send(rq, &url, leave.as_mut(), request, call.options).await;
    aside(rq);
    let response = sent?;
    let (head, body) = response.into_parts();
    // Nothing of it has gone on: the call ends with its body.
    match collect(body, call.limit).await {
        Ok(body) => {
            answered(rq, leave.as_mut(), head.status, &head.headers);
            Ok((head.status, head.headers, body))
        }
        Err(error @ BodyError::TooLarge(_)) => {
            answered(rq, leave.as_mut(), head.status, &head.headers);
            Err(Failure::internal(
                "",
                "BackendConnectionFailure",
                error.to_string(),
            ))
        }
        Err(error) => Err(broke(rq, leave.as_mut(), &error)),
    }
}
