//! What the pipeline needs from outside: time, sockets, tokens, state, telemetry. One set per data-plane thread.
//!
//! `proxy` provides the real ones, tests provide scripted ones. What must stay true: the engine opens no socket.

use crate::LocalBoxFuture;
use crate::body::{Body, BodyError};
use crate::circuit_breaker::Transition;
use crate::clock::Clock;
use crate::connect::ConnectOptions;
use crate::definition::{BackendTls, Secret};
use crate::jwt::{KeySet, VerifiedTokens};
use crate::settle::Record;
use crate::sql::{Rows, SqlCall, SqlError};
use http::{Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tollgate_lang::value::{Frozen, Str};

/// One set per thread; what is shared between threads is behind `Arc`.
pub struct Services {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Sockets.
    pub transport: std::rc::Rc<dyn Transport>,
    /// Managed-identity tokens.
    pub tokens: Arc<dyn IdentityTokens>,
    /// OpenID providers: issuers and keys of `validate-jwt`.
    pub providers: Arc<dyn OpenIdProviders>,
    /// Tokens whose signature this thread checked lately.
    pub verified_tokens: VerifiedTokens,
    /// Counters, shared by all threads.
    pub counters: Arc<dyn tollgate_state::Counters>,
    /// What budgets have spent, shared by all threads.
    pub budgets: Arc<crate::budget::BudgetState>,
    /// Values of `cache-store-value`.
    pub cache: Arc<dyn tollgate_state::Cache<Frozen>>,
    /// Answers of `cache-store`.
    pub responses: Arc<dyn tollgate_state::Cache<crate::response_cache::CachedResponse>>,
    /// Sessions of MCP servers.
    pub mcp_sessions: Arc<dyn tollgate_state::Cache<crate::mcp::Session>>,
    /// The semantic cache.
    pub vectors: Arc<dyn tollgate_state::Vectors<crate::llm_call::CachedAnswer>>,
    /// Who is inside `limit-concurrency`, shared by all threads.
    pub concurrency: Arc<tollgate_state::Concurrency>,
    /// The ledger of model calls, where one is configured.
    pub ledger: Option<std::rc::Rc<crate::accounting::Ledger>>,
    /// Who subscribes to what of GraphQL APIs, shared by all threads.
    pub graphql_events: Arc<crate::graphql::events::Events>,
    /// Events of `log-to-eventhub` on their way from this thread.
    pub event_hubs: crate::event_hub::EventHubs,
    /// Metrics, logs, records.
    pub telemetry: Arc<dyn Telemetry>,
    /// What goes on around requests, for answers that stay open.
    pub around: std::rc::Rc<dyn Around>,
}

/// What goes on around requests. Only answers that stay open for long, and expressions that take long, ask.
pub trait Around {
    /// The configuration in force, which may be a later one than the request began with.
    fn snapshot(&self) -> Arc<crate::Snapshot>;

    /// Whether the gateway is ending: what is open should end too.
    fn is_ending(&self) -> bool {
        false
    }

    /// Lets the thread's other work go on in the middle of an expression that takes long. `false` when nobody waits for
    /// the answer any more. Where there is no other work it returns at once.
    fn pause(&self) -> bool {
        true
    }
}

impl Around for Arc<crate::Snapshot> {
    fn snapshot(&self) -> Arc<crate::Snapshot> {
        self.clone()
    }
}

impl Services {
    /// Lets a store finish what nothing waits for.
    pub fn forget<T: 'static>(&self, answer: tollgate_state::Answer<T>) {
        if let Err(future) = answer.now() {
            self.transport.detach(Box::pin(async move {
                future.await;
            }));
        }
    }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// TLS.
    pub tls: Option<Arc<BackendTls>>,
    /// Host name or address.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// `host[:port]` for the `Host` header.
    pub authority: Arc<str>,
    /// The gateway's certificate and the proxy between, where there is one or the other.
    pub connect: Option<Arc<ConnectOptions>>,
    /// Hash of all of the above, computed once: what connection pools key on first.
    pub key: u64,
}

/// HTTP version towards a backend (`forward-request http-version`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum HttpVersion {
    /// `1`.
    #[default]
    Http1,
    /// `2or1`: by ALPN.
    Http2Or1,
    /// `2`: prior knowledge without TLS.
    Http2,
}

/// Limits of one call.
#[derive(Clone, Copy, Debug)]
pub struct SendOptions {
    /// Until response headers.
    pub timeout: Duration,
    /// HTTP version.
    pub version: HttpVersion,
    /// Over HTTP/1.1: the body goes out when the backend has said `100 Continue`, which it must within this time. `None`: it
    /// goes out with the head.
    pub continue_timeout: Option<Duration>,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection, or it broke before the response head.
    #[error("{0}")]
    Connect(String),
    /// No response head in time.
    #[error("no response within {0:?}")]
    Timeout(Duration),
    /// The answer was not HTTP, or the request body broke.
    #[error("{0}")]
    Protocol(String),
    /// The caller's own body ended early: the caller has gone.
    #[error("the caller stopped sending: {0}")]
    Request(BodyError),
}

/// Sends requests. `request`'s URI is in origin form (path and query); `Host` is set already.
/// The answer's extensions carry `hyper::upgrade::OnUpgrade` after a 101.
pub trait Transport {
    /// Sends one request and gives the response head with its streaming body.
    fn send<'a>(
        &'a self,
        origin: &'a Origin,
        request: Request<Body>,
        options: SendOptions,
    ) -> LocalBoxFuture<'a, Result<Response<Body>, SendError>>;

    /// Asks a database of SQL Server, within the time limits of its connection string. Dropping the future ends the statement.
    fn query<'a>(&'a self, call: &'a SqlCall) -> LocalBoxFuture<'a, Result<Rows, SqlError>> {
        let _ = call;
        let why = String::from("this gateway reaches no database");
        Box::pin(std::future::ready(Err(SqlError::Connect(why))))
    }

    /// Runs bounded work that no request waits for on this thread (reading a left response's usage, a late count).
    /// A thread that cannot run it drops it: what it holds then settles at once, with what is known.
    fn detach(&self, work: LocalBoxFuture<'static, ()>) {
        drop(work);
    }
}

/// A token and when it ends.
#[derive(Clone, Debug)]
pub struct IdentityToken {
    /// The token.
    pub token: Secret,
    /// `Bearer …` ready for the header.
    pub header: http::HeaderValue,
    /// Unix seconds.
    pub expires: u64,
}

/// Managed identity. Implementations cache, refresh ahead of expiry, and fetch once for many waiters.
pub trait IdentityTokens: Send + Sync {
    /// The cached token, if it is still good.
    fn cached(&self, resource: &str, client_id: Option<&str>) -> Option<Arc<IdentityToken>>;

    /// Fetches one. The error says what was tried and what to configure.
    fn fetch<'a>(
        &'a self,
        resource: &'a str,
        client_id: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<Arc<IdentityToken>, String>>;
}

impl dyn IdentityTokens {
    /// The cached token, or a fetched one. The error is the fetch's.
    pub async fn token(
        &self,
        resource: &str,
        client_id: Option<&str>,
    ) -> Result<Arc<IdentityToken>, String> {
        match self.cached(resource, client_id) {
            Some(token) => Ok(token),
            None => self.fetch(resource, client_id).await,
        }
    }
}

/// What an OpenID provider says of itself (OpenID Connect Discovery 1.0).
#[derive(Debug)]
pub struct OpenIdProvider {
    /// `issuer` of the configuration document, as it stands there.
    pub issuer: Str,
    /// The keys of its `jwks_uri`.
    pub keys: KeySet,
    /// When this issuer and these keys were first fetched, Unix milliseconds.
    pub fetched_millis: u64,
}

/// OpenID providers by the URL of their configuration document. Implementations cache, refresh ahead of need, fetch
/// once for many waiters, bound what they keep, and go on with what they have while a provider is away.
pub trait OpenIdProviders: Send + Sync {
    /// The cached provider. Never waits: a hit is the hot path.
    fn cached(&self, url: &str) -> Option<Arc<OpenIdProvider>>;

    /// Fetches a provider of which nothing is cached. The error says what was tried, for the operator.
    fn fetch<'a>(&'a self, url: &'a str)
    -> LocalBoxFuture<'a, Result<Arc<OpenIdProvider>, String>>;

    /// A token names the key `kid`, which `seen` lacks (`None`: it names none, and no key of `seen` verifies it):
    /// fetches again, unless that was done too often lately or the key was missed a moment ago. Gives what is newest,
    /// which may be `seen` itself; an error when the provider could not be asked, so that nobody knows.
    fn unknown_key<'a>(
        &'a self,
        url: &'a str,
        kid: Option<&'a str>,
        seen: &'a Arc<OpenIdProvider>,
    ) -> LocalBoxFuture<'a, Result<Arc<OpenIdProvider>, String>>;
}

/// A gateway that reaches no OpenID provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoOpenIdProviders;

impl OpenIdProviders for NoOpenIdProviders {
    fn cached(&self, _url: &str) -> Option<Arc<OpenIdProvider>> {
        None
    }

    fn fetch<'a>(
        &'a self,
        _url: &'a str,
    ) -> LocalBoxFuture<'a, Result<Arc<OpenIdProvider>, String>> {
        Box::pin(std::future::ready(Err(String::from(
            "this gateway reaches no OpenID provider",
        ))))
    }

    fn unknown_key<'a>(
        &'a self,
        _url: &'a str,
        _kid: Option<&'a str>,
        seen: &'a Arc<OpenIdProvider>,
    ) -> LocalBoxFuture<'a, Result<Arc<OpenIdProvider>, String>> {
        Box::pin(std::future::ready(Ok(seen.clone())))
    }
}

/// Severity of a `trace` policy's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "API Management's own names")]
pub enum TraceSeverity {
    Verbose,
    Information,
    Error,
}

/// Where measurements go. Calls are cheap and never wait.
pub trait Telemetry: Send + Sync {
    /// A request has ended: called exactly once for each.
    fn settled(&self, record: &Record<'_>);

    /// The circuit breaker of a backend has changed.
    fn circuit_breaker(&self, backend: &Str, transition: &Transition) {
        let _ = (backend, transition);
    }

    /// A call was refused because the backend, or every member of the pool, was not to be called now.
    fn backend_inactive(&self, backend: &Str) {
        let _ = backend;
    }

    /// `emit-token-metric`: tokens of one call with its dimensions (name, value).
    fn token_metric(
        &self,
        namespace: &str,
        dimensions: &[(Str, Str)],
        usage: &tollgate_llm::usage::Usage,
    );

    /// `emit-metric`: a value of a metric with its dimensions (name, value). The value is finite.
    fn metric(&self, namespace: &Str, name: &Str, value: f64, dimensions: &[(Str, Str)]);

    /// Events of a logger were dropped instead of delivered.
    fn events_dropped(&self, logger: &Str, events: usize) {
        let _ = (logger, events);
    }

    /// The `trace` policy.
    fn trace(
        &self,
        request_id: u128,
        source: &str,
        severity: TraceSeverity,
        message: &str,
        metadata: &[(Str, Str)],
    );
}
