//! The life of a request: match, identify, inbound, backend, outbound, on-error, answer.
//!
//! `proxy` calls [`serve`] for every request. What must stay true: scope documents run around `<base/>` without a
//! merged copy; outbound does not run after a failure; the answer always exists, and owns the exchange until it ends.

pub mod inner;

use crate::accounting;
use crate::body::Body;
use crate::budget;
use crate::compile::{ScopeDocument, Section};
use crate::exchange::{
    BodyState, Exchange, Hold, LastError, Request, Response, Target, TargetBase,
};
use crate::failure::Failure;
use crate::identify;
use crate::mcp;
use crate::policies;
use crate::probe::{Event, Part, Probe};
use crate::routing::Matched;
use crate::services::Services;
use crate::settle::{AnswerBody, Outcome};
use crate::snapshot::Snapshot;
use crate::step::{Block, Flow, Preflight};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use smallvec::SmallVec;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use tollgate_lang::value::Str;

/// A request as the listener hands it over.
pub struct Incoming {
    /// Request id.
    pub id: u128,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// `Host` or `:authority`.
    pub authority: Str,
    /// Caller's address.
    pub client_ip: IpAddr,
    /// Whether the caller connected to a loopback address.
    pub on_loopback: bool,
    /// The certificate that the caller showed and has the key of, DER, and behind it the others that it showed. Nothing else
    /// about them was checked.
    pub client_certificate: Option<Bytes>,
    /// Head. Trace context headers are already those for the upstream; what `Connection` names has been taken out
    /// ([`crate::upstream::forget_named_by_connection`]).
    pub head: Parts,
    /// Body.
    pub body: Body,
    /// Set when the caller asks for an upgrade.
    pub upgrade: Option<hyper::upgrade::OnUpgrade>,
}

/// Header with the request id, on every answer.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("tollgate-request-id");

/// The scope documents of a request, narrow to broad.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    scopes: SmallVec<[ScopeRef; 5]>,
    depth: usize,
}

#[derive(Clone, Copy, Debug)]
enum ScopeRef {
    Operation(u32, u32),
    Api(u32),
    Product(u32),
    Workspace(u32),
    Global,
    /// As the global scope of a service without a document: a plain `forward-request`.
    Plain,
}

impl Chain {
    /// Whether the document that runs now is one of the API's workspace (if it has one).
    pub(crate) fn in_workspace(&self) -> bool {
        let scope = self.scopes.get(self.depth);
        !matches!(scope, None | Some(ScopeRef::Global | ScopeRef::Plain))
    }
}

impl ScopeRef {
    /// Section and scope, for a probe.
    fn part<'a>(self, snapshot: &'a Snapshot, section: Section) -> Part<'a> {
        let document = self.document(snapshot);
        let id = match self {
            ScopeRef::Operation(api, operation) => {
                &*snapshot.apis[api as usize].operations[operation as usize].id
            }
            ScopeRef::Api(api) => &*snapshot.apis[api as usize].id,
            ScopeRef::Product(product) => &*snapshot.products[product as usize].id,
            ScopeRef::Workspace(workspace) => &*snapshot.workspaces[workspace as usize].id,
            ScopeRef::Global | ScopeRef::Plain => "",
        };
        Part {
            section,
            scope: document.kind,
            id,
            code: document.section(section),
        }
    }

    fn document(self, snapshot: &Snapshot) -> &ScopeDocument {
        match self {
            ScopeRef::Operation(api, operation) => {
                &snapshot.apis[api as usize].operations[operation as usize].policy
            }
            ScopeRef::Api(api) => &snapshot.apis[api as usize].policy,
            ScopeRef::Product(product) => &snapshot.products[product as usize].policy,
            ScopeRef::Workspace(workspace) => &snapshot.workspaces[workspace as usize].policy,
            ScopeRef::Global => &snapshot.policy,
            ScopeRef::Plain => &snapshot.plain,
        }
    }
}

/// Serves one request.
pub async fn serve(
    snapshot: Arc<Snapshot>,
    services: Rc<Services>,
    incoming: Incoming,
) -> http::Response<AnswerBody> {
    serve_with(snapshot, services, incoming, None).await
}

/// Serves one request, watched by a probe.
pub async fn serve_with(
    snapshot: Arc<Snapshot>,
    services: Rc<Services>,
    incoming: Incoming,
    probe: Option<Rc<dyn Probe>>,
) -> http::Response<AnswerBody> {
    let mut rq = exchange(snapshot.clone(), services, incoming);
    rq.probe = probe;
    let flow = run(&mut rq, &snapshot).await;
    ended(&mut rq, &snapshot, flow).await;
    let waits = rq.mcp.as_deref().is_some_and(|call| call.later.is_some());
    let answer = answer(rq);
    if waits {
        answer.map(|body| body.then(mcp::finish))
    } else {
        answer
    }
}

/// What follows the sections: on-error after a failure, and the work that steps left for the final head.
async fn ended(rq: &mut Exchange, snapshot: &Snapshot, mut flow: Flow) {
    if let Flow::Fail(failure) = flow {
        if rq.chain.scopes.is_empty() {
            rq.chain.scopes.push(ScopeRef::Global);
        }
        flow = on_error(rq, snapshot, failure).await;
    }
    if let Flow::Fail(failure) = flow {
        // A failure of on-error itself is the gateway's fault, whatever its own status would have been.
        rq.response = None;
        fail_plainly(
            rq,
            &Failure::internal(failure.source, failure.reason, failure.message),
        );
    }
    if rq.mcp.is_some() {
        mcp::put_in_form(rq);
        mcp::complete(rq);
        mcp::put_back(rq);
        mcp::challenge(rq);
    }
    let mut deferred = std::mem::take(&mut rq.deferred);
    for later in &mut deferred {
        later.on_answer(rq);
    }
    deferred.append(&mut rq.deferred);
    rq.deferred = deferred;
}

fn exchange(snapshot: Arc<Snapshot>, services: Rc<Services>, incoming: Incoming) -> Box<Exchange> {
    let Incoming {
        id,
        scheme,
        authority,
        client_ip,
        on_loopback,
        client_certificate,
        head,
        body,
        upgrade,
    } = incoming;
    let path_and_query = head
        .uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
    let request = Request {
        original_method: head.method.clone(),
        method: head.method,
        scheme,
        authority,
        path_and_query,
        api_path_len: 0,
        headers: head.headers,
        body: if http_body::Body::is_end_stream(&body) {
            BodyState::None
        } else {
            BodyState::Streaming(body)
        },
        client_ip,
        on_loopback,
        client_certificate,
        matched: Matched::new(),
        target: Target::default(),
        upgrade,
    };
    Exchange::new(snapshot, services, id, request)
}

/// Finds API and operation. `true`: the call may be a CORS preflight, which is asked before the caller is identified.
fn find(rq: &mut Exchange, snapshot: &Snapshot) -> Result<bool, Box<Failure>> {
    let request = &mut rq.request;
    let path = request.path_and_query.path();
    let query = request.path_and_query.query();
    let found = snapshot
        .router
        .api(path, query, &request.headers)
        .ok_or_else(not_found)?;
    let api = &snapshot.apis[found.api as usize];
    if !api.serves(request.scheme) {
        return Err(not_found());
    }
    let rest = &path[found.path_len..];
    let mut matched = Matched::new();
    let mut operation =
        snapshot
            .router
            .operation(found.api, &request.method, rest, query, &mut matched);
    let explicit = operation.is_some_and(|o| &*api.operations[o as usize].method != "*");
    let preflight = !explicit && is_preflight(request);
    if preflight && operation.is_none() {
        // The operation that the real call will have decides which policies answer.
        let method = request
            .headers
            .get(header::ACCESS_CONTROL_REQUEST_METHOD)
            .and_then(|m| Method::from_bytes(m.as_bytes()).ok());
        operation = method.and_then(|m| {
            snapshot
                .router
                .operation(found.api, &m, rest, query, &mut matched)
        });
    }
    let endpoint = mcp::endpoint(api, rest);
    let answers = endpoint.is_some_and(|e| e != mcp::Endpoint::Operation)
        || (endpoint.is_some() && mcp::has_metadata_at(api, rest));
    if operation.is_none() && !api.without_operations() && !answers && !preflight {
        return Err(not_found());
    }
    request.api_path_len = found.path_len;
    if let Some(backend) = api.backend {
        request.target.base = TargetBase::Backend(backend);
    }
    request.matched = matched;
    rq.api = Some(found.api);
    rq.operation = operation;
    rq.mcp = endpoint.map(mcp::begin);
    Ok(preflight)
}

/// The scope documents of the request as far as it is known now.
fn scopes(rq: &Exchange) -> SmallVec<[ScopeRef; 5]> {
    let mut scopes = SmallVec::new();
    if let Some(api) = rq.api {
        scopes.extend(rq.operation.map(|o| ScopeRef::Operation(api, o)));
        scopes.push(ScopeRef::Api(api));
        scopes.extend(rq.product.map(ScopeRef::Product));
        scopes.extend(
            rq.api()
                .and_then(|api| api.workspace)
                .map(ScopeRef::Workspace),
        );
    }
    scopes.push(ScopeRef::Global);
    scopes
}

fn not_found() -> Box<Failure> {
    Failure::refused(
        "configuration",
        "OperationNotFound",
        StatusCode::NOT_FOUND,
        "Unable to match incoming request to an operation.",
    )
    .public("Resource not found")
}

fn is_preflight(request: &Request) -> bool {
    request.method == Method::OPTIONS
        && request.headers.contains_key(header::ORIGIN)
        && request
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

async fn run(rq: &mut Exchange, snapshot: &Snapshot) -> Flow {
    if let Some(flow) = mcp::at_root(rq, snapshot) {
        return flow;
    }
    if let Some(file) = &snapshot.cross_domain
        && policies::cross_domain::answers(rq, file)
    {
        return Flow::Return;
    }
    if snapshot.budgets.settings.path.is_some()
        && let Some(flow) = budget::answer(rq).await
    {
        return flow;
    }
    let found = find(rq, snapshot);
    rq.tell(|| Event::Matched);
    let maybe_preflight = match found {
        Ok(preflight) => preflight,
        Err(failure) => return Flow::Fail(failure),
    };
    if rq.operation.is_none() && rq.mcp.is_some() && mcp::is_below(rq) {
        return mcp::below_api(rq).unwrap_or_else(|| Flow::Fail(not_found()));
    }
    if maybe_preflight && let Some(flow) = preflight(rq, snapshot) {
        return flow;
    }
    if rq.mcp.is_some()
        && let Err(failure) = mcp::admit(rq)
    {
        rq.chain.scopes = scopes(rq);
        return Flow::Fail(failure);
    }
    let identified = identify::identify(rq, snapshot);
    rq.chain.scopes = scopes(rq);
    rq.tell(|| Event::Identified);
    if let Err(failure) = identified {
        return Flow::Fail(failure);
    }
    if rq.services.ledger.is_some() {
        accounting::begin(rq);
    }
    if rq.mcp.is_some()
        && let Err(failure) = mcp::read(rq).await
    {
        return Flow::Fail(failure);
    }
    if let Err(failure) = budget::enter(rq) {
        return Flow::Fail(failure);
    }
    sections(rq, snapshot).await
}

/// Inbound, backend and outbound of the chain.
async fn sections(rq: &mut Exchange, snapshot: &Snapshot) -> Flow {
    match section(rq, snapshot, Section::Inbound, 0).await {
        Flow::Next => match section(rq, snapshot, Section::Backend, 0).await {
            Flow::Next | Flow::Answered => {}
            flow => return flow,
        },
        Flow::Answered => {}
        flow => return flow,
    }
    if rq.hold != Hold::No
        && let Err(failure) = crate::llm_call::hold(rq).await
    {
        return Flow::Fail(failure);
    }
    rq.response_mut();
    if !rq.completion_rules.is_empty()
        && let Err(failure) = crate::content_safety::completions(rq).await
    {
        return Flow::Fail(failure);
    }
    let mut deferred = std::mem::take(&mut rq.deferred);
    for later in &mut deferred {
        later.on_response(rq);
    }
    deferred.append(&mut rq.deferred);
    rq.deferred = deferred;
    if rq.mcp.is_some() && reads_response(rq, snapshot) {
        match mcp::take_answer(rq).await {
            Ok(false) => {}
            // Outbound runs when the answer is there.
            Ok(true) => return Flow::Next,
            Err(failure) => return Flow::Fail(failure),
        }
    }
    if rq
        .behind
        .is_some_and(|policy| !outbound_has(rq, snapshot, policy))
    {
        // No place to go on behind: all of outbound runs.
        rq.behind = None;
    }
    section(rq, snapshot, Section::Outbound, 0).await
}

/// Whether a policy stands in outbound as it will run, outside of containers.
fn outbound_has(rq: &Exchange, snapshot: &Snapshot, policy: &str) -> bool {
    for scope in &rq.chain.scopes {
        let code = scope.document(snapshot).section(Section::Outbound);
        if [&code.before, &code.after]
            .iter()
            .any(|block| block.position(policy).is_some())
        {
            return true;
        }
        if !code.base {
            return false;
        }
    }
    false
}

/// Whether outbound, as it will run, has a step that reads the response's body.
fn reads_response(rq: &Exchange, snapshot: &Snapshot) -> bool {
    for scope in &rq.chain.scopes {
        let code = scope.document(snapshot).section(Section::Outbound);
        if code.reads_response {
            return true;
        }
        if !code.base {
            return false;
        }
    }
    false
}

/// Outbound for an answer that came after its head went out, and on-error if it fails.
pub(crate) async fn outbound_later(rq: &mut Exchange) {
    let snapshot = rq.snapshot.clone();
    if let Flow::Fail(failure) = section(rq, &snapshot, Section::Outbound, 0).await
        && let Flow::Fail(failure) = on_error(rq, &snapshot, failure).await
    {
        rq.response = None;
        fail_plainly(
            rq,
            &Failure::internal(failure.source, failure.reason, failure.message),
        );
    }
}

/// Asks the `cors` policies of inbound for a preflight's answer. `None`: the call is an ordinary OPTIONS.
fn preflight(rq: &mut Exchange, snapshot: &Snapshot) -> Option<Flow> {
    // Nobody is identified yet: of the products only one that needs no key can have a say.
    rq.product = rq.api().and_then(|a| a.open_product);
    rq.chain.scopes = scopes(rq);
    let flow = match preflight_from(rq, snapshot, 0) {
        Preflight::Done(flow) => Some(flow),
        Preflight::Unmatched => {
            rq.response = Some(Response::new(StatusCode::OK));
            Some(Flow::Return)
        }
        Preflight::Pass => {
            let serves_options = rq.operation().is_some_and(|o| &*o.method == "*")
                || rq
                    .api()
                    .is_some_and(crate::snapshot::Api::without_operations)
                || rq
                    .mcp
                    .as_deref()
                    .is_some_and(|call| call.endpoint != mcp::Endpoint::Operation);
            (!serves_options).then(|| Flow::Fail(not_found()))
        }
    };
    rq.product = None;
    flow
}

/// The steps of inbound from one scope on, in the order in which they would run.
fn preflight_from(rq: &mut Exchange, snapshot: &Snapshot, depth: usize) -> Preflight {
    let document = rq.chain.scopes[depth].document(snapshot);
    let code = document.section(Section::Inbound);
    rq.chain.depth = depth;
    let placed = |found: Preflight| match found {
        Preflight::Done(flow) => Preflight::Done(place(flow, document, Section::Inbound)),
        found => found,
    };
    let mut unmatched = false;
    for part in 0..3 {
        let found = match part {
            0 => placed(code.before.preflight(rq)),
            1 if code.base && depth + 1 < rq.chain.scopes.len() => {
                preflight_from(rq, snapshot, depth + 1)
            }
            1 => Preflight::Pass,
            _ => placed(code.after.preflight(rq)),
        };
        match found {
            Preflight::Pass => {}
            Preflight::Unmatched => unmatched = true,
            done => return done,
        }
    }
    if unmatched {
        Preflight::Unmatched
    } else {
        Preflight::Pass
    }
}

/// Runs a section of the chain from `from` on (0: the narrowest document).
pub(crate) async fn section(
    rq: &mut Exchange,
    snapshot: &Snapshot,
    section: Section,
    from: usize,
) -> Flow {
    rq.section = section;
    let mut depth = from;
    loop {
        let scope = rq.chain.scopes[depth];
        rq.chain.depth = depth;
        let code = scope.document(snapshot).section(section);
        rq.tell(|| Event::SectionBegins(scope.part(snapshot, section)));
        match block(rq, &code.before, scope.document(snapshot)).await {
            Flow::Next => {}
            flow => return leave(rq, snapshot, section, from, flow),
        }
        if !code.base || depth + 1 == rq.chain.scopes.len() {
            break;
        }
        depth += 1;
    }
    loop {
        let scope = rq.chain.scopes[depth];
        rq.chain.depth = depth;
        let document = scope.document(snapshot);
        match block(rq, &document.section(section).after, document).await {
            Flow::Next => {}
            flow => return leave(rq, snapshot, section, from, flow),
        }
        rq.tell(|| Event::SectionEnds(scope.part(snapshot, section), &Flow::Next));
        if depth == from {
            return Flow::Next;
        }
        depth -= 1;
    }
}

/// Tells that the documents from the one that ends the section out to `from` have ended it.
fn leave(rq: &Exchange, snapshot: &Snapshot, section: Section, from: usize, flow: Flow) -> Flow {
    if rq.is_observed() {
        for scope in rq.chain.scopes[from..=rq.chain.depth].iter().rev() {
            rq.tell(|| Event::SectionEnds(scope.part(snapshot, section), &flow));
        }
    }
    flow
}

/// Runs the parent scope's section for a `<base/>` inside a container.
pub(crate) async fn base(rq: &mut Exchange) -> Flow {
    let depth = rq.chain.depth;
    if depth + 1 >= rq.chain.scopes.len() {
        return Flow::Next;
    }
    let snapshot = rq.snapshot.clone();
    let here = rq.section;
    let flow = section(rq, &snapshot, here, depth + 1).await;
    rq.chain.depth = depth;
    flow
}

async fn block(rq: &mut Exchange, block: &Block, document: &ScopeDocument) -> Flow {
    let mut from = 0;
    if let Some(policy) = rq.behind {
        let Some(at) = block.position(policy) else {
            return Flow::Next;
        };
        rq.behind = None;
        from = at + 1;
    }
    let flow = if !block.waits(rq) && from == 0 {
        block.run_now(rq)
    } else {
        block.run_from(from, rq).await
    };
    place(flow, document, rq.section)
}

/// Notes scope and section of a failure, unless an inner scope already did.
fn place(flow: Flow, document: &ScopeDocument, section: Section) -> Flow {
    match flow {
        Flow::Fail(mut failure) => {
            if failure.place.scope.is_empty() {
                failure.place.scope = document.kind.name();
                failure.place.section = section.name();
            }
            Flow::Fail(failure)
        }
        flow => flow,
    }
}

async fn on_error(rq: &mut Exchange, snapshot: &Snapshot, failure: Box<Failure>) -> Flow {
    rq.behind = None;
    rq.tell(|| Event::Failed(&failure));
    fail_plainly(rq, &failure);
    rq.last_error = Some(LastError {
        source: failure.source,
        reason: failure.reason,
        message: Str::from(failure.message.as_str()),
        status: failure.status,
        place: failure.place.clone(),
    });
    section(rq, snapshot, Section::OnError, 0).await
}

/// The default answer of a failure.
fn fail_plainly(rq: &mut Exchange, failure: &Failure) {
    if failure.keep_response && rq.response.is_some() {
        return;
    }
    rq.response = Some(failure.response(rq.id));
    if rq.mcp.is_some() {
        mcp::note(rq, failure);
    }
}

/// The final head and the body that owns the exchange.
fn answer(mut rq: Box<Exchange>) -> http::Response<AnswerBody> {
    let response = rq.response_mut();
    let mut head = http::Response::new(());
    *head.status_mut() = response.status;
    if let Some(reason) = response.reason.take()
        && let Ok(reason) = hyper::ext::ReasonPhrase::try_from(reason.as_bytes())
    {
        head.extensions_mut().insert(reason);
    }
    if let Some(upgrade) = response.upgrade.take() {
        head.extensions_mut().insert(upgrade);
    }
    *head.headers_mut() = std::mem::take(&mut response.headers);
    let mut body = response.body.take();
    if rq.request.original_method == Method::HEAD
        || matches!(head.status().as_u16(), 100..=199 | 204 | 304)
    {
        body = Body::Empty;
    }
    let bodiless =
        rq.request.original_method == Method::HEAD || head.status() == StatusCode::NOT_MODIFIED;
    if matches!(head.status().as_u16(), 100..=199 | 204)
        || !tells_length(head.headers(), &body, bodiless)
    {
        // RFC 9110, 8.6: the first carry no length at all. Else the server writes the one that it knows.
        head.headers_mut().remove(header::CONTENT_LENGTH);
    }
    head.headers_mut()
        .insert(REQUEST_ID.clone(), request_id(rq.id));
    if let Some(response) = &mut rq.response {
        response.status = head.status();
    }
    rq.tell(|| Event::Answer(&head));
    // An empty body is not asked for, and would settle when the head has gone out already.
    let settles = rq.settles_before_answer()
        && head.status() != StatusCode::SWITCHING_PROTOCOLS
        && http_body::Body::is_end_stream(&body);
    let mut body = AnswerBody::new(body, rq);
    if settles {
        body.settle(Outcome::Answered);
    }
    head.map(|()| body)
}

/// Whether the `Content-Length` there may be can be that of the body: an upstream may have told another for another
/// method than the caller's. Without a body it is what a body would have.
fn tells_length(headers: &HeaderMap, body: &Body, bodiless: bool) -> bool {
    let mut told = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = told.next() else {
        return true;
    };
    let length = first.to_str().ok().and_then(|l| l.parse::<u64>().ok());
    let known = http_body::Body::size_hint(body).exact();
    told.next().is_none() && length.is_some() && (bodiless || known.is_none() || known == length)
}

fn request_id(id: u128) -> HeaderValue {
    let mut buffer = uuid::Uuid::encode_buffer();
    let text = uuid::Uuid::from_u128(id)
        .hyphenated()
        .encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}
