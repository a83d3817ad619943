//! `/livez`, `/readyz`, `/metrics` and `/backends`, on a listener of their own; the first two on the callers' as well.
//!
//! What must stay true: the pages need no data-plane thread; the listener has few connections and short deadlines.

use crate::health::Health;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Most connections at once.
const CONNECTIONS: usize = 64;

/// Most time for one connection.
const LIFE: Duration = Duration::from_secs(60);

/// Who asks for a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// On the management listener.
    Operator,
    /// On a callers' listener.
    Caller {
        /// Whether the configuration shows the metrics there.
        metrics: bool,
    },
}

/// One of the pages, if the path names one that the reader may see.
pub(crate) fn page(health: &Health, path: &str, reader: Reader) -> Option<Response<Bytes>> {
    let (status, kind, text) = match path {
        "/livez" => (StatusCode::OK, "text/plain", String::from("ok")),
        "/readyz" => {
            let (ready, detail) = health.ready(reader == Reader::Operator);
            let status = if ready {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            (status, "application/json", detail)
        }
        "/metrics" if reader != (Reader::Caller { metrics: false }) => (
            StatusCode::OK,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            crate::telemetry::exposition(health),
        ),
        "/backends" if reader == Reader::Operator => (
            StatusCode::OK,
            "application/json",
            crate::backends::page(health),
        ),
        _ => return None,
    };
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

/// Serves the pages.
pub(crate) async fn listen(listener: TcpListener, health: Arc<Health>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(room) = room.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let health = health.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let found = page(&health, request.uri().path(), Reader::Operator);
                let response = found.unwrap_or_else(|| {
                    let mut response = Response::new(Bytes::new());
                    *response.status_mut() = StatusCode::NOT_FOUND;
                    response
                });
                std::future::ready(Ok::<_, Infallible>(response.map(Full::new)))
            });
            let serving = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(10))
                .serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(LIFE, serving).await;
            drop(room);
        });
    }
}
