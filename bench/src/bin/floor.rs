//! The floor: the least that a Rust proxy of this kind can do.
//!
//! One thread, hyper's server and hyper-util's client: read the body, check a key, parse `model` with a borrowed
//! struct, forward, stream the answer back. No routing, limits, metrics, traces or errors worth the name.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, Uri, header};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::borrow::Cow;

#[derive(serde::Deserialize)]
struct Peek<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
}

type Upstream = Client<HttpConnector, Full<Bytes>>;
type Answer = Response<http_body_util::Either<Incoming, Full<Bytes>>>;

fn refuse(status: StatusCode) -> Answer {
    let mut answer = Response::new(http_body_util::Either::Right(Full::default()));
    *answer.status_mut() = status;
    answer
}

async fn forward(
    request: Request<Incoming>,
    upstream: Upstream,
    origin: &'static str,
) -> Result<Answer, hyper_util::client::legacy::Error> {
    if request
        .headers()
        .get("ocp-apim-subscription-key")
        .is_none_or(|k| k != "bench-key")
    {
        return Ok(refuse(StatusCode::UNAUTHORIZED));
    }
    let (mut head, body) = request.into_parts();
    let Ok(body) = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
    else {
        return Ok(refuse(StatusCode::BAD_REQUEST));
    };
    if !body.is_empty()
        && serde_json::from_slice::<Peek<'_>>(&body)
            .ok()
            .is_none_or(|p| p.model.is_some_and(|m| m.is_empty()))
    {
        return Ok(refuse(StatusCode::BAD_REQUEST));
    }
    let path = head.uri.path_and_query().map_or("/", |p| p.as_str());
    let Ok(uri) = format!("{origin}{path}").parse::<Uri>() else {
        return Ok(refuse(StatusCode::BAD_REQUEST));
    };
    head.uri = uri;
    head.headers.remove(header::HOST);
    let answer = upstream
        .request(Request::from_parts(head, Full::new(body)))
        .await?;
    Ok(answer.map(http_body_util::Either::Left))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let (listen, origin) = (
        args.next().unwrap_or_default(),
        args.next().unwrap_or_default(),
    );
    let origin: &'static str = Box::leak(origin.into_boxed_str());
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let upstream: Upstream = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(1024)
        .build(connector);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let upstream = upstream.clone();
        tokio::spawn(async move {
            let service =
                hyper::service::service_fn(move |rq| forward(rq, upstream.clone(), origin));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
