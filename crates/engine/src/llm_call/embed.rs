//! The vector of a prompt, from a backend that serves embeddings.
//!
//! Called by the semantic cache. What must stay true: every wait has a deadline; the caller's key does not reach the
//! embeddings backend; a failure is a text for the log, never the call's.

use crate::accounting::{Place, Purpose, SideCall};
use crate::exchange::Exchange;
use crate::services::{HttpVersion, SendOptions};
use crate::snapshot::{BackendIndex, BackendKind, Server, Snapshot};
use crate::upstream;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What managed identity asks a token for.
const RESOURCE: &str = "https://cognitiveservices.azure.com";
/// `api-version` when neither the caller nor the backend's URL names one.
const API_VERSION: &str = "2024-10-21";
/// Asked for where the URL names no deployment.
const MODEL: &str = "text-embedding-3-small";
/// A lookup that takes longer is worth less than the call it saves.
const DEADLINE: Duration = Duration::from_secs(5);
/// The same for the head of the answer, a little sooner: the backend's circuit breaker then learns that it was late.
const HEAD_DEADLINE: Duration = Duration::from_millis(4_900);
/// Largest answer: 4,096 numbers written in full are some 100 KB.
const LARGEST: usize = 1 << 20;

/// Gets vectors from one backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Embedder {
    backend: BackendIndex,
}

#[derive(Serialize)]
struct Request<'a> {
    input: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    embedding: Vec<f32>,
}

impl Embedder {
    /// Of this backend.
    pub(crate) fn new(backend: BackendIndex) -> Embedder {
        Embedder { backend }
    }

    /// The vector of a text. The error says what failed.
    pub(crate) async fn embed(self, rq: &mut Exchange, text: &str) -> Result<Vec<f32>, String> {
        let clock = rq.services.clock.clone();
        let asked = self.ask(rq, text);
        tokio::select! {
            biased;
            vector = asked => vector,
            () = clock.sleep(DEADLINE) => Err(format!("no embedding within {DEADLINE:?}")),
        }
    }

    async fn ask(self, rq: &mut Exchange, text: &str) -> Result<Vec<f32>, String> {
        let snapshot = rq.snapshot.clone();
        let Some(server) = server(&snapshot, self.backend) else {
            return Err(String::from("the backend has no server"));
        };
        let base = server.url.path.to_ascii_lowercase();
        let deployment = base.contains("/deployments/");
        let path = if base.ends_with("/embeddings") {
            ""
        } else {
            "/embeddings"
        };
        let query = version(rq, server, deployment);
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if !has_credentials(server) {
            headers.insert(header::AUTHORIZATION, token(rq).await?);
        }
        let body = Request {
            input: text,
            model: (!deployment).then_some(MODEL),
        };
        let body = serde_json::to_vec(&body).map_err(|e| e.to_string())?;
        let mut body = Bytes::from(body);
        let place = Place {
            url: &server.url,
            server: Some((server, self.backend)),
        };
        let whole = format!("{}{path}", server.url.path);
        let named = (&Method::POST, &*whole);
        let purpose = Purpose::EmbeddingCache;
        let mut side = SideCall::begin(rq, purpose, place, named, &mut body, DEADLINE)
            .map_err(|failure| failure.message)?;
        if let Some(side) = &mut side {
            side.admitted().await.map_err(|failure| failure.message)?;
        }
        let hops = rq.attempts.len();
        let call = upstream::Call {
            backend: self.backend,
            path,
            query: query.as_deref(),
            method: Method::POST,
            headers,
            body,
            options: SendOptions {
                timeout: HEAD_DEADLINE,
                version: HttpVersion::default(),
                continue_timeout: None,
            },
            limit: LARGEST,
        };
        let called = upstream::call(rq, call).await;
        if let Some(side) = side {
            match &called {
                Ok((status, headers, body)) => side.answered(*status, headers, body),
                Err(_) => side.unanswered(
                    rq.attempts
                        .get(hops..)
                        .and_then(|made| Some(made.last()?.end)),
                ),
            }
        }
        let (status, _, body) = called.map_err(|failure| failure.message)?;
        if !status.is_success() {
            return Err(format!("the embeddings backend answered {status}"));
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|e| format!("the embeddings backend's answer: {e}"))?;
        let vector = answer.data.into_iter().next().map(|first| first.embedding);
        vector
            .filter(|vector| !vector.is_empty())
            .ok_or_else(|| String::from("the embeddings backend gave no vector"))
    }
}

/// Credentials for a backend that has none of its own: a token of the gateway's identity for Azure's AI services.
pub(crate) async fn identity(
    rq: &Exchange,
    backend: BackendIndex,
    headers: &mut HeaderMap,
) -> Result<(), String> {
    let snapshot = rq.snapshot.clone();
    if server(&snapshot, backend).is_some_and(|server| !has_credentials(server)) {
        headers.insert(header::AUTHORIZATION, token(rq).await?);
    }
    Ok(())
}

/// The server that URL and credentials are read from: of a pool, its first member's.
fn server(snapshot: &Snapshot, index: BackendIndex) -> Option<&Server> {
    match &snapshot.backend(index).kind {
        BackendKind::Single(server) => Some(server),
        BackendKind::Pool(pool) => {
            let (first, _) = pool.groups.first()?.members.first()?;
            match &snapshot.backend(*first).kind {
                BackendKind::Single(server) => Some(server),
                BackendKind::Pool(_) => None,
            }
        }
    }
}

/// `api-version`: the backend URL's own, else the caller's, else the default. OpenAI's `/v1` has none.
fn version(rq: &Exchange, server: &Server, deployment: bool) -> Option<String> {
    let names = |query: &str| {
        query.split('&').any(|pair| {
            pair.split('=')
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case("api-version"))
        })
    };
    let own = [server.url.query.as_deref(), server.query.as_deref()];
    if own.into_iter().flatten().any(names) || !deployment {
        return None;
    }
    let caller = rq
        .request
        .path_and_query
        .query()
        .and_then(|query| query.split('&').find(|pair| names(pair)).map(str::to_owned));
    Some(caller.unwrap_or_else(|| format!("api-version={API_VERSION}")))
}

/// Whether the backend authenticates the gateway without managed identity from here.
fn has_credentials(server: &Server) -> bool {
    static API_KEY: HeaderName = HeaderName::from_static("api-key");
    server.definition.managed_identity.is_some()
        || server.query.is_some()
        || server
            .headers
            .iter()
            .any(|(name, _)| name == header::AUTHORIZATION || name == API_KEY)
}

async fn token(rq: &Exchange) -> Result<HeaderValue, String> {
    let tokens = rq.services.tokens.clone();
    let token = tokens.token(RESOURCE, None).await?;
    Ok(token.header.clone())
}
