//! Calls of the gateway's own to a backend, such as the embeddings of the semantic cache.

use super::choose::{Choice, server};
use super::{credentials, host, join, send};
use crate::body::Body;
use crate::exchange::{Exchange, collect};
use crate::failure::Failure;
use crate::services::SendOptions;
use crate::snapshot::BackendIndex;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};

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

/// Makes such a call.
pub async fn call(
    rq: &mut Exchange,
    call: Call<'_>,
) -> Result<(StatusCode, HeaderMap, Bytes), Box<Failure>> {
    let snapshot = rq.snapshot.clone();
    let Choice { url, server } = server(&snapshot, call.backend)?;
    let queries = [
        url.query.as_deref(),
        call.query,
        server.and_then(|(s, _)| s.query.as_deref()),
    ];
    let path = join(&url.path, call.path, &queries)?;
    let mut headers = call.headers;
    headers.insert(header::HOST, host(&url)?);
    if let Some((server, _)) = server {
        credentials(rq, server, &mut headers).await?;
    }
    let mut request = http::Request::new(Body::from(call.body));
    *request.method_mut() = call.method;
    *request.uri_mut() = Uri::from(path);
    *request.headers_mut() = headers;
    let response = send(rq, &url, server.map(|(_, i)| i), request, call.options).await?;
    let (head, body) = response.into_parts();
    let body = collect(body, call.limit)
        .await
        .map_err(|e| Failure::internal("", "BackendConnectionFailure", e.to_string()))?;
    Ok((head.status, head.headers, body))
}
