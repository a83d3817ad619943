//! One request and its answer on their way through the gateway: what steps read and change.
//!
//! Made by [`crate::pipeline::serve`], owned by the answer's body until settlement. What must stay true: bodies
//! stream until a step that reads them runs; entities are indexes into the snapshot that the request began with.

mod buffer;

pub use buffer::collect;
#[cfg(test)]
pub(crate) use buffer::{Collected, collect_or_resume};

use crate::LocalBoxFuture;
use crate::body::{Body, Tap};
use crate::client_certificate::ClientCertificates;
use crate::connect::ConnectOptions;
use crate::definition::ApiKind;
use crate::definition::Secret;
use crate::failure::{Failure, Place};
use crate::llm_call::LlmCall;
use crate::probe::{Event, Probe};
use crate::services::Services;
use crate::settle::{Outcome, Record};
use crate::snapshot::{Api, BackendIndex, Operation, Product, Snapshot, Subscription, Workspace};
use crate::step::Flow;
use crate::upstream;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use smallvec::SmallVec;
use std::cell::OnceCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use tollgate_lang::expr::host::Parsed;
use tollgate_lang::value::{Str, Value};
use tollgate_state::Answer;

/// A body as the exchange holds it.
#[derive(Debug, Default)]
pub enum BodyState {
    /// The message has none.
    #[default]
    None,
    /// On its way.
    Streaming(Body),
    /// In memory.
    Buffered(Bytes),
    /// Read without `preserveContent`.
    Consumed,
}

impl BodyState {
    /// Whether a policy would see a body here.
    pub fn is_some(&self) -> bool {
        !matches!(self, BodyState::None)
    }

    /// Takes it for sending.
    pub fn take(&mut self) -> Body {
        match std::mem::take(self) {
            BodyState::None | BodyState::Consumed => Body::Empty,
            BodyState::Streaming(body) => body,
            BodyState::Buffered(bytes) => Body::from(bytes),
        }
    }
}

/// Where the request is going: base URL plus path and query.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Chosen base.
    pub base: TargetBase,
    /// Path after the API's own path (with the leading `/`), when a policy changed it; else the caller's.
    pub path: Option<Str>,
    /// Query string without `?`, when a policy changed it; else the caller's.
    pub query: Option<Str>,
    /// Certificate and proxy that policies set; they go before the backend's own.
    pub connect: Option<Arc<ConnectOptions>>,
}

impl Target {
    /// Connects in this way; what the options do not say stays.
    pub(crate) fn connect(&mut self, options: &ConnectOptions) {
        self.connect = options.over(self.connect.as_deref()).some();
    }
}

/// What the path is appended to.
#[derive(Clone, Debug, Default)]
pub enum TargetBase {
    /// The API's `serviceUrl`.
    #[default]
    ServiceUrl,
    /// `set-backend-service backend-id`, or the API's own backend.
    Backend(BackendIndex),
    /// `set-backend-service base-url`.
    Url(Arc<crate::snapshot::BaseUrl>),
}

/// The request.
#[derive(Debug)]
pub struct Request {
    /// Current method.
    pub method: Method,
    /// As the caller sent it.
    pub original_method: Method,
    /// `http` or `https` as the caller came.
    pub scheme: &'static str,
    /// The caller's `Host` or `:authority`.
    pub authority: Str,
    /// Path and query as the caller sent them.
    pub path_and_query: http::uri::PathAndQuery,
    /// Bytes of the path that belong to the API (prefix and version segment).
    pub api_path_len: usize,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: BodyState,
    /// Caller's address.
    pub client_ip: IpAddr,
    /// Whether it came to a loopback address of this machine.
    pub on_loopback: bool,
    /// The certificate that the caller showed, DER.
    pub client_certificate: Option<Bytes>,
    /// Template parameters.
    pub matched: SmallVec<[(Str, Str); 4]>,
    /// Where it goes.
    pub target: Target,
    /// A protocol upgrade the caller asked for.
    pub upgrade: Option<hyper::upgrade::OnUpgrade>,
}

/// The response.
#[derive(Debug)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Reason phrase, when a policy or the upstream set one.
    pub reason: Option<Str>,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: BodyState,
    /// After a 101: the upstream's side of the upgrade.
    pub upgrade: Option<hyper::upgrade::OnUpgrade>,
}

impl Response {
    /// An empty answer of this status.
    pub fn new(status: StatusCode) -> Response {
        Response {
            status,
            reason: None,
            headers: HeaderMap::new(),
            body: BodyState::None,
            upgrade: None,
        }
    }
}

/// `context.LastError`.
#[derive(Clone, Debug)]
pub struct LastError {
    /// Source.
    pub source: &'static str,
    /// Reason.
    pub reason: &'static str,
    /// Message.
    pub message: Str,
    /// Status of the default answer.
    pub status: StatusCode,
    /// Place.
    pub place: Place,
}

/// Something an earlier step asked to do later.
pub trait Deferred {
    /// The backend's (or the cache's) response head is there; outbound has not run.
    fn on_response(&mut self, rq: &mut Exchange) {
        let _ = rq;
    }

    /// The final head is about to be sent, whatever made it. Called once.
    fn on_answer(&mut self, rq: &mut Exchange) {
        let _ = rq;
    }

    /// The request has settled. Called once, also when the caller left before an answer.
    fn on_settle(&mut self, rq: &mut Exchange, outcome: Outcome) {
        let _ = (rq, outcome);
    }
}

/// Whether the response must be in memory before its head goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// It streams.
    #[default]
    No,
    /// Unless it is an event stream or larger than may be buffered.
    Whole,
    /// In any case: deferred work reads it.
    Always,
}

/// What a step does once a store has answered.
pub(crate) type Then = Box<dyn FnOnce(&mut Exchange) -> Flow>;

/// One hop to an upstream, for records.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The single backend that was called, if it was one.
    pub backend: Option<BackendIndex>,
    /// Status, or 0 when there was no answer.
    pub status: u16,
    /// Nanoseconds until the response head.
    pub nanos: u64,
    /// Whether it failed: no answer, one that its breaker counts as a failure, or 408, 429, 5xx.
    pub failed: bool,
    /// What came of it.
    pub end: AttemptEnd,
    /// Whether a policy called for itself, beside the caller's request.
    pub aside: bool,
}

/// What came of a hop to an upstream, as far as its head and its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// Nothing went out.
    NotSent,
    /// No answer in time.
    TimedOut,
    /// No answer: no connection, or it broke.
    Unanswered,
    /// The answer broke before its first byte.
    Broke,
    /// There is an answer.
    Answered,
}

impl AttemptEnd {
    /// Whether the upstream may have worked on the request though there is no answer.
    pub fn is_open(self) -> bool {
        matches!(self, Self::TimedOut | Self::Unanswered | Self::Broke)
    }
}

/// The exchange.
pub struct Exchange {
    /// The configuration that this request began with.
    pub snapshot: Arc<Snapshot>,
    /// This thread's services.
    pub services: Rc<Services>,
    /// Request id: on the answer, in logs, `context.RequestId`.
    pub id: u128,
    /// Wall clock at acceptance, nanoseconds.
    pub received_unix_nanos: u64,
    /// Monotonic clock at acceptance, nanoseconds.
    pub received_nanos: u64,
    /// The API, once matched.
    pub api: Option<u32>,
    /// The operation, once matched: index into the API's operations.
    pub operation: Option<u32>,
    /// The product, in a product context.
    pub product: Option<u32>,
    /// The subscription, when a key was given.
    pub subscription: Option<u32>,
    /// The key actually used.
    pub key: Option<Secret>,
    /// The child key that it is, when it is one.
    pub child_key: Option<Arc<crate::budget::ChildKey>>,
    /// What the call draws from, once it was admitted by its budgets.
    pub draw: Option<Box<crate::budget::Draw>>,
    /// Request.
    pub request: Request,
    /// Response, once there is one.
    pub response: Option<Response>,
    /// Variables, in the order they were first set.
    pub variables: Vec<(Str, Value)>,
    /// Bodies of request and response as JSON, for expressions that only read them.
    pub(crate) parsed: [Option<Parsed>; 2],
    /// The caller's address as text, once an expression has asked.
    pub(crate) client_ip: OnceCell<Str>,
    /// After a failure.
    pub last_error: Option<LastError>,
    /// Later work of earlier steps.
    pub deferred: Vec<Box<dyn Deferred>>,
    /// Put on the upstream's response body when it comes.
    pub taps: Vec<Box<dyn Tap>>,
    /// Whether deferred work needs the response's body before outbound. Only ever raised.
    pub hold: Hold,
    /// What a step waits for, having said [`Flow::Wait`] in [`Exchange::begin`].
    later: Option<LocalBoxFuture<'static, Then>>,
    /// The tool that this is the call of, inside the exchange of an MCP server.
    pub inner: Option<Box<crate::pipeline::inner::InnerCall>>,
    /// What the resolver that this runs was called with, inside the exchange of a GraphQL API.
    pub(crate) resolving: Option<Rc<crate::graphql::resolver::Resolving>>,
    /// The WebSocket that the answer opens, and what is asked of its messages, of a GraphQL API.
    pub(crate) graphql_socket: Option<Box<crate::graphql::socket::Socket>>,
    /// What is known of a call of an MCP server.
    pub mcp: Option<Box<crate::mcp::Call>>,
    /// What is known of a model call, once a step or the ledger asked.
    pub llm: Option<Box<LlmCall>>,
    /// What the ledger needs of a call that may be a model call.
    pub(crate) accounting: Option<Box<crate::accounting::Accounted>>,
    /// Tags of the records of its model calls, by name, once they were evaluated.
    pub(crate) ledger_tags: Vec<(Str, Str)>,
    /// The answer is one that `cache-lookup` found.
    pub(crate) from_cache: bool,
    /// What `cache-lookup` did not find, for `cache-store`.
    pub(crate) missed: Option<Box<crate::response_cache::Missed>>,
    /// Rules that a completion is held to before outbound.
    pub(crate) completion_rules: Vec<Rc<crate::content_safety::Rules>>,
    /// Outbound goes on behind the step of this policy: the answer already went through what stands before it.
    pub(crate) behind: Option<&'static str>,
    /// Calls to upstreams.
    pub attempts: SmallVec<[Attempt; 1]>,
    /// The call whose answer is the response, for the breaker of its backend: its body may still break.
    pub(crate) answering: Option<upstream::Answering>,
    /// Bytes of body sent to the caller so far.
    pub sent_bytes: u64,
    /// Bytes of body received from the caller, when known.
    pub received_bytes: u64,
    /// Section that runs now.
    pub section: crate::compile::Section,
    /// What watches: a trace, coverage, the debugger.
    pub probe: Option<Rc<dyn Probe>>,
    /// Position in the scope chain that runs now (see `pipeline`).
    pub(crate) chain: crate::pipeline::Chain,
    /// Branch chosen by containers that said `Wait`, innermost last.
    pub resume: SmallVec<[u32; 4]>,
    /// The last attempt of the `retry` around this failed: then there is no `context.Response` until there is one.
    pub attempt_failed: bool,
    /// State of the random numbers that expressions draw; 0 until the first is drawn.
    pub random: u64,
    /// Monotonic clock when the caller had its answer or left, if settlement comes later.
    pub(crate) ended_nanos: Option<u64>,
    settled: bool,
}

impl Exchange {
    /// An exchange at its start.
    pub fn new(
        snapshot: Arc<Snapshot>,
        services: Rc<Services>,
        id: u128,
        request: Request,
    ) -> Box<Exchange> {
        let received_unix_nanos = services.clock.unix_nanos();
        let received_nanos = services.clock.monotonic_nanos();
        let received_bytes = request
            .headers
            .get(http::header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok())
            .unwrap_or(0);
        Box::new(Exchange {
            snapshot,
            services,
            id,
            received_unix_nanos,
            received_nanos,
            api: None,
            operation: None,
            product: None,
            subscription: None,
            key: None,
            child_key: None,
            draw: None,
            request,
            response: None,
            variables: Vec::new(),
            parsed: [None, None],
            client_ip: OnceCell::new(),
            last_error: None,
            deferred: Vec::new(),
            taps: Vec::new(),
            hold: Hold::No,
            later: None,
            inner: None,
            resolving: None,
            graphql_socket: None,
            mcp: None,
            llm: None,
            accounting: None,
            ledger_tags: Vec::new(),
            from_cache: false,
            missed: None,
            completion_rules: Vec::new(),
            behind: None,
            attempts: SmallVec::new(),
            answering: None,
            sent_bytes: 0,
            received_bytes,
            section: crate::compile::Section::Inbound,
            probe: None,
            chain: crate::pipeline::Chain::default(),
            resume: SmallVec::new(),
            attempt_failed: false,
            random: 0,
            ended_nanos: None,
            settled: false,
        })
    }

    /// The matched API.
    pub fn api(&self) -> Option<&Api> {
        self.api.map(|i| &self.snapshot.apis[i as usize])
    }

    /// Whether this is a call of an MCP server. Documents there ask every message for its method, also a client's GET
    /// and DELETE: these have an empty body for a policy, where those of other APIs have none.
    pub fn is_mcp(&self) -> bool {
        self.api().is_some_and(|api| api.kind == ApiKind::Mcp)
    }

    /// The matched operation.
    pub fn operation(&self) -> Option<&Operation> {
        self.api()
            .zip(self.operation)
            .map(|(api, i)| &api.operations[i as usize])
    }

    /// The workspace that the API is in.
    pub fn workspace(&self) -> Option<&Workspace> {
        let index = self.api()?.workspace?;
        self.snapshot.workspaces.get(index as usize)
    }

    /// Whose names the document that runs now means: 0 for the service's, else the workspace's index and 1.
    fn space(&self) -> usize {
        let workspace = self.api().and_then(|api| api.workspace);
        let workspace = workspace.filter(|_| self.chain.in_workspace());
        workspace.map_or(0, |w| w as usize + 1)
    }

    /// A backend by its id, as the document that runs now means it.
    pub fn backend_index(&self, id: &str) -> Option<BackendIndex> {
        let ids = self.snapshot.backend_ids.get(self.space())?;
        ids.get(id).copied()
    }

    /// The certificates that the document that runs now may show.
    pub(crate) fn client_certificates(&self) -> &ClientCertificates {
        &self.snapshot.client_certificates[self.space()]
    }

    /// The same of an id that an expression gave.
    pub(crate) fn backend_named(&self, id: &str) -> Result<BackendIndex, Box<Failure>> {
        self.backend_index(id)
            .ok_or_else(|| Failure::internal("", "", format!("There is no backend `{id}`.")))
    }

    /// The product.
    pub fn product(&self) -> Option<&Product> {
        self.product.map(|i| &self.snapshot.products[i as usize])
    }

    /// The subscription.
    pub fn subscription(&self) -> Option<&Subscription> {
        self.subscription
            .map(|i| &self.snapshot.subscriptions[i as usize])
    }

    /// Sets a variable.
    pub fn set_variable(&mut self, name: &Str, value: Value) {
        self.tell(|| Event::VariableSet {
            name,
            before: self.variable(name),
            after: &value,
        });
        match self.variables.iter_mut().find(|(n, _)| n == name) {
            Some((_, slot)) => *slot = value,
            None => self.variables.push((name.clone(), value)),
        }
    }

    /// A variable.
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.variables
            .iter()
            .find(|(n, _)| &**n == name)
            .map(|(_, v)| v)
    }

    /// The message that the current section acts on: the request in inbound and backend, else the response (made if absent).
    pub fn current_headers(&mut self) -> &mut HeaderMap {
        if self.section.on_request() {
            &mut self.request.headers
        } else {
            &mut self.response_mut().headers
        }
    }

    /// Puts another body into that message. What described the old one goes with it; `Content-Type` stays, and the
    /// length is written when the message is sent.
    pub fn replace_body(&mut self, body: Bytes) {
        forget_body(self.current_headers());
        let body = BodyState::Buffered(body);
        if self.section.on_request() {
            self.request.body = body;
        } else {
            self.response_mut().body = body;
        }
    }

    /// The response; an empty 200 if there is none yet.
    pub fn response_mut(&mut self) -> &mut Response {
        self.response
            .get_or_insert_with(|| Response::new(StatusCode::OK))
    }

    /// Goes on with a store's answer: now when it is here; else says [`Flow::Wait`], and [`Exchange::go_on`] does it.
    pub fn after<T: 'static>(
        &mut self,
        answer: Answer<T>,
        then: impl FnOnce(&mut Exchange, T) -> Flow + 'static,
    ) -> Flow {
        match answer.now() {
            Ok(value) => then(self, value),
            Err(future) => self.begin(future, then),
        }
    }

    /// Says [`Flow::Wait`] for work that needs nothing of the exchange, and goes on with what it gives: what stands in a
    /// `wait` runs while others do.
    pub fn begin<T: 'static>(
        &mut self,
        work: impl Future<Output = T> + 'static,
        then: impl FnOnce(&mut Exchange, T) -> Flow + 'static,
    ) -> Flow {
        self.later = Some(Box::pin(async move {
            let value = work.await;
            Box::new(move |rq: &mut Exchange| then(rq, value)) as Then
        }));
        Flow::Wait
    }

    /// What a step left that said [`Flow::Wait`] in [`Exchange::begin`].
    pub(crate) fn begun(&mut self) -> Option<LocalBoxFuture<'static, Then>> {
        self.later.take()
    }

    /// The waiting form of a step that ends in [`Exchange::after`].
    pub async fn go_on(&mut self) -> Flow {
        while let Some(later) = self.later.take() {
            match later.await(self) {
                Flow::Wait => {}
                flow => return flow,
            }
        }
        Flow::Next
    }

    /// Lets a store finish what nothing waits for (counting at settlement).
    pub fn forget<T: 'static>(&self, answer: Answer<T>) {
        self.services.forget(answer);
    }

    /// Asks for the response in memory before outbound.
    pub fn hold(&mut self, hold: Hold) {
        self.hold = self.hold.max(hold);
    }

    /// Ends the exchange. Every way out calls it; only the first call counts.
    pub fn settle(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let mut deferred = std::mem::take(&mut self.deferred);
        for later in &mut deferred {
            later.on_settle(self, outcome);
        }
        if self.accounting.is_some() {
            crate::accounting::settle(self, outcome);
        }
        if self.draw.is_some() {
            crate::budget::settle_known(self);
        }
        let elapsed_nanos = self.elapsed_nanos();
        let telemetry = self.services.telemetry.clone();
        let sent_bytes = self.sent_bytes;
        telemetry.settled(&Record {
            exchange: self,
            outcome,
            elapsed_nanos,
            sent_bytes,
        });
        self.tell(|| Event::Settled(outcome));
    }

    /// Nanoseconds since acceptance; once the caller had its answer or left, until then.
    pub(crate) fn elapsed_nanos(&self) -> u64 {
        self.ended_nanos
            .unwrap_or_else(|| self.services.clock.monotonic_nanos())
            .saturating_sub(self.received_nanos)
    }

    /// Makes it a part of another exchange, which settles for it.
    pub(crate) fn settled_by_another(&mut self) {
        self.settled = true;
    }

    /// Whether it has settled.
    pub fn is_settled(&self) -> bool {
        self.settled
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // The server drops the exchange when the caller goes away before there is an answer.
        self.settle(Outcome::ClientLeft);
    }
}

/// Removes the headers that describe how a body is framed and coded, for a message that gets another one.
pub fn forget_body(headers: &mut HeaderMap) {
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONTENT_ENCODING);
}
