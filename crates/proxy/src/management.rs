//! `/livez`, `/readyz`, `/metrics`, `/backends`, `/budgets`, `/cost-preview` and `/debug/`, on a listener of their own,
//! where `/` lists them; the first two on the callers' as well.
//!
//! What must stay true: the pages need no data-plane thread; the listener has few connections and short deadlines.

use crate::health::Health;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tollgate_engine::budget::show;
use tollgate_engine::preview::preview;

/// Most connections at once.
const CONNECTIONS: usize = 64;

/// Largest body of a request.
const LARGEST_BODY: usize = 64 << 10;

/// Largest model request whose cost is asked for.
const LARGEST_REQUEST: usize = 4 << 20;

/// Most time for one connection.
const LIFE: Duration = Duration::from_secs(60);

/// What the listener has, for who only knows its address.
const PAGES: &str = "\
/livez                whether the process answers
/readyz               whether it takes calls, the configuration in force, what is degraded
/metrics              OpenMetrics text
/backends             backends, circuit breakers, pools
/budgets              what may be spent, and what was
POST /cost-preview    what a model request would cost
POST /debug/credentials, /debug/traces/ID    traces of requests
";

/// Who asks for a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// On the management listener.
    Operator,
    /// On a callers' listener.
    Caller,
}

/// One of the pages, if the path names one that the reader may see.
pub(crate) fn page(health: &Health, path: &str, reader: Reader) -> Option<Response<Bytes>> {
    let (status, kind, text) = match path {
        "/" if reader == Reader::Operator => (StatusCode::OK, "text/plain", String::from(PAGES)),
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
        "/metrics" if reader == Reader::Operator => (
            StatusCode::OK,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            crate::telemetry::exposition(health),
        ),
        "/backends" if reader == Reader::Operator => (
            StatusCode::OK,
            "application/json",
            crate::backends::page(health),
        ),
        _ if reader == Reader::Operator && path.starts_with("/budgets") => {
            let (status, text) = budgets(health, path)?;
            (status, "application/json", text)
        }
        _ => return None,
    };
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

/// `/budgets`, or one of them.
fn budgets(health: &Health, path: &str) -> Option<(StatusCode, String)> {
    let rest = path.strip_prefix("/budgets")?;
    let only = match rest.strip_prefix('/') {
        None if rest.is_empty() => None,
        None => return None,
        Some("") => None,
        Some(id) => Some(
            percent_encoding::percent_decode_str(id)
                .decode_utf8()
                .ok()?,
        ),
    };
    let snapshot = health.snapshots.current();
    let now = health.clock.unix_millis();
    let shown = show::all(&snapshot.budgets, &health.budgets, only.as_deref(), now);
    Some(match shown {
        Some(shown) => (StatusCode::OK, shown.to_string()),
        None => {
            let error = serde_json::json!({ "error": "there is no such budget" });
            (StatusCode::NOT_FOUND, error.to_string())
        }
    })
}

fn not_found() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn json(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refused(status: StatusCode, message: String) -> Response<Bytes> {
    let error = serde_json::json!({ "error": message });
    json(status, error.to_string())
}

fn only_post() -> Response<Bytes> {
    let mut response = refused(StatusCode::METHOD_NOT_ALLOWED, String::from("use POST"));
    let allow = HeaderValue::from_static("POST");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// Issues debug tokens and gives traces out.
async fn debugging(health: &Health, request: Request<Incoming>) -> Response<Bytes> {
    let path = request.uri().path().to_owned();
    if path == "/debug/credentials" {
        if request.method() != Method::POST {
            return only_post();
        }
        let body = Limited::new(request.into_body(), LARGEST_BODY);
        let Ok(body) = body.collect().await else {
            return refused(
                StatusCode::BAD_REQUEST,
                String::from("the body cannot be read"),
            );
        };
        let snapshot = health.snapshots.swap().load_full();
        return match health
            .debug
            .issue(&body.to_bytes(), &snapshot, &*health.clock)
        {
            Ok(token) => json(StatusCode::OK, token.to_string()),
            Err(why) => refused(StatusCode::BAD_REQUEST, why),
        };
    }
    let Some(id) = path.strip_prefix("/debug/traces/") else {
        return not_found();
    };
    match health.debug.trace(id, health.clock.unix_millis()) {
        Some(trace) => json(StatusCode::OK, trace.to_string()),
        None => refused(
            StatusCode::NOT_FOUND,
            String::from("there is no such trace: it may have ended, or its request has not"),
        ),
    }
}

/// What a model request would cost.
async fn cost_preview(health: &Health, request: Request<Incoming>) -> Response<Bytes> {
    if request.method() != Method::POST {
        return only_post();
    }
    let body = Limited::new(request.into_body(), LARGEST_REQUEST);
    let shown = match body.collect().await {
        Ok(body) => {
            let snapshot = health.snapshots.current();
            let now = health.clock.unix_millis() / 1000;
            preview(&snapshot, now, None, &body.to_bytes())
        }
        Err(_) => Err(format!(
            "the body cannot be read, or is above {LARGEST_REQUEST} bytes"
        )),
    };
    match shown {
        Ok(shown) => json(StatusCode::OK, shown.to_string()),
        Err(why) => refused(StatusCode::BAD_REQUEST, why),
    }
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
                let health = health.clone();
                async move {
                    let response = match request.uri().path() {
                        path if path.starts_with("/debug/") => debugging(&health, request).await,
                        "/cost-preview" => cost_preview(&health, request).await,
                        path => page(&health, path, Reader::Operator).unwrap_or_else(not_found),
                    };
                    Ok::<_, Infallible>(response.map(Full::new))
                }
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
