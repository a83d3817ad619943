//! From a request to an answer: path, faults, credentials, limits, bill.
//!
//! Called by the connection tasks for every request. What must stay true: faults strike before
//! anything is billed unless they strike in mid-answer; every admitted call opens exactly one bill;
//! a request is recorded before it is answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use uuid::Uuid;

use super::billing::Bill;
use super::body::{self, EventStream, Pace, SimulatorBody};
use super::capacity::{Quota, Throttled};
use super::connection::ConnectionControl;
use super::errors::Refusal;
use super::faults::{FAULT_HEADER, Fault};
use super::reply::{Call, Reply, ReplyBody};
use super::usage::{Outcome, UsageRecord};
use super::{State, auth, chat, completions, control, embeddings, identity, responses};

/// Largest request body.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// How long a request body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(60);
/// Bytes of a head that `slow-headers` sends one by one.
const SLOW_BYTES: usize = 100;
/// What `wrong-length` adds to the true length.
const EXCESS_LENGTH: usize = 64;
/// A length that no stream reaches.
const STREAM_LENGTH: usize = 10_000_000;

/// The three surfaces of the same models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `/openai/deployments/{name}/…?api-version=…`
    Deployments,
    /// `/openai/v1/…`, the deployment in `model`.
    V1,
    /// `/v1/…`, OpenAI's own dialect.
    OpenAi,
}

/// An operation on a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Chat,
    Completions,
    Embeddings,
    Responses,
}

impl Operation {
    fn parse(path: &str) -> Option<Self> {
        match path {
            "chat/completions" => Some(Self::Chat),
            "completions" => Some(Self::Completions),
            "embeddings" => Some(Self::Embeddings),
            "responses" => Some(Self::Responses),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
        }
    }

    /// The name in Azure's specification, which its refusals quote.
    fn operation_id(self) -> &'static str {
        match self {
            Self::Chat => "ChatCompletions_Create",
            Self::Completions => "Completions_Create",
            Self::Embeddings => "Embeddings_Create",
            Self::Responses => "Responses_Create",
        }
    }
}

/// What a path names.
enum Route<'a> {
    Model {
        operation: Operation,
        deployment: Option<&'a str>,
        form: Form,
    },
    Models {
        form: Form,
        name: Option<&'a str>,
    },
    Response {
        form: Form,
        id: &'a str,
    },
    Imds,
    AppService,
    Token {
        tenant: &'a str,
        v1: bool,
    },
    Discovery {
        tenant: &'a str,
        v2: bool,
    },
    Jwks,
    Rotate,
}

fn route(path: &str) -> Option<Route<'_>> {
    match path {
        "/metadata/identity/oauth2/token" => return Some(Route::Imds),
        "/msi/token" => return Some(Route::AppService),
        _ => {}
    }
    if let Some(rest) = path.strip_prefix("/openai/deployments/") {
        let (deployment, rest) = rest.split_once('/')?;
        let operation = Operation::parse(rest)?;
        return Some(Route::Model {
            operation,
            deployment: Some(deployment),
            form: Form::Deployments,
        });
    }
    let (form, rest) = if let Some(rest) = path.strip_prefix("/openai/v1/") {
        (Form::V1, rest)
    } else if let Some(rest) = path.strip_prefix("/v1/") {
        (Form::OpenAi, rest)
    } else if let Some(rest) = path.strip_prefix("/openai/") {
        if !(rest.starts_with("responses") || rest.starts_with("models")) {
            return None;
        }
        (Form::Deployments, rest)
    } else {
        let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
        return match rest {
            "oauth2/v2.0/token" => Some(Route::Token { tenant, v1: false }),
            "oauth2/token" => Some(Route::Token { tenant, v1: true }),
            "v2.0/.well-known/openid-configuration" => Some(Route::Discovery { tenant, v2: true }),
            ".well-known/openid-configuration" => Some(Route::Discovery { tenant, v2: false }),
            "discovery/v2.0/keys" | "discovery/keys" => Some(Route::Jwks),
            "keys/rotate" => Some(Route::Rotate),
            _ => None,
        };
    };
    if let Some(operation) = Operation::parse(rest) {
        return Some(Route::Model {
            operation,
            deployment: None,
            form,
        });
    }
    match rest.split_once('/') {
        None if rest == "models" => Some(Route::Models { form, name: None }),
        Some(("models", name)) => Some(Route::Models {
            form,
            name: Some(name),
        }),
        Some(("responses", id)) if !id.is_empty() => Some(Route::Response { form, id }),
        _ => None,
    }
}

/// Answers one request.
pub(super) async fn serve(
    state: Arc<State>,
    control: Arc<ConnectionControl>,
    request: Request<Incoming>,
) -> Response<SimulatorBody> {
    let (head, incoming) = request.into_parts();
    let collected = timeout(BODY_DEADLINE, Limited::new(incoming, MAX_BODY).collect()).await;
    let body = match collected {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) => {
            return Refusal::azure(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "The request is too large.",
            )
            .into_response();
        }
        Err(_) => {
            return Refusal::azure(
                StatusCode::REQUEST_TIMEOUT,
                "Timeout",
                "The request body did not arrive in time.",
            )
            .into_response();
        }
    };
    if let Some(answer) = control::answer(&state, &head, &body) {
        return json_response(answer);
    }
    state.requests.record(&head, &body);
    let mut response = match answer(&state, &control, &head, &body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    common_headers(&state, &head, &mut response);
    response
}

fn json_response(answer: Result<Value, Refusal>) -> Response<SimulatorBody> {
    match answer {
        Ok(value) => whole_response(Bytes::from(value.to_string())),
        Err(refusal) => refusal.into_response(),
    }
}

fn whole_response(bytes: Bytes) -> Response<SimulatorBody> {
    let mut response = Response::new(body::full(bytes));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn answer(
    state: &Arc<State>,
    control: &Arc<ConnectionControl>,
    head: &Parts,
    body: &Bytes,
) -> Result<Response<SimulatorBody>, Refusal> {
    let path = head.uri.path();
    let route = route(path).ok_or_else(Refusal::resource_not_found)?;
    let json = match &route {
        Route::Model { .. } => Some(serde_json::from_slice::<Value>(body)),
        _ => None,
    };
    let asked = |field: &str| {
        json.as_ref()
            .and_then(|json| json.as_ref().ok())
            .and_then(|json| json[field].as_str())
    };
    let target = match &route {
        Route::Model { deployment, .. } => deployment.or(asked("model")).unwrap_or_default(),
        Route::Models { .. } | Route::Response { .. } => "models",
        Route::Imds | Route::AppService | Route::Token { .. } => "identity",
        Route::Discovery { .. } | Route::Jwks | Route::Rotate => "issuer",
    };
    let fault = fault(state, head, target)?;
    strike(&fault, control).await?;
    let value = match route {
        Route::Model {
            operation, form, ..
        } => {
            let body = match &json {
                Some(Ok(json)) => Ok(json),
                Some(Err(error)) => Err(error.to_string()),
                None => Err("there is no body".to_owned()),
            };
            return model(state, control, head, operation, target, form, body, &fault).await;
        }
        Route::Models { form, name } => models(state, head, form, name)?,
        Route::Response { form, id } => {
            auth::check(state, &head.headers, form)?;
            responses::stored(state, &head.method, id)?
        }
        Route::Imds => identity::imds(state, head).await?,
        Route::AppService => identity::app_service(state, head).await?,
        Route::Token { tenant, v1 } => identity::token(state, head, body, tenant, v1).await?,
        Route::Discovery { tenant, v2 } => state.issuer.discovery(tenant, v2),
        Route::Jwks => state.issuer.jwks().await?,
        Route::Rotate => {
            if head.method != Method::POST {
                return Err(Refusal::resource_not_found());
            }
            let withdraw = head
                .uri
                .query()
                .is_some_and(|query| query.contains("withdraw=true"));
            state.issuer.rotate(withdraw).await?;
            state.issuer.jwks().await?
        }
    };
    Ok(finish_whole(
        Bytes::from(value.to_string()),
        &fault,
        control,
    ))
}

/// The fault of a request: its own header over what is queued for its target.
fn fault(state: &State, head: &Parts, target: &str) -> Result<Fault, Refusal> {
    let queued = state.faults.take(target).unwrap_or_default();
    let Some(header) = head.headers.get(FAULT_HEADER) else {
        return Ok(queued);
    };
    let parsed = header
        .to_str()
        .map_err(|error| error.to_string())
        .and_then(str::parse);
    let own = parsed.map_err(|error| {
        Refusal::azure(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            &format!("{FAULT_HEADER}: {error}"),
        )
    })?;
    Ok(queued.merge(own))
}

/// The faults that strike before an answer exists.
async fn strike(fault: &Fault, control: &ConnectionControl) -> Result<(), Refusal> {
    if let Some(delay) = fault.delay {
        sleep(delay).await;
    }
    if let Some(total) = fault.slow_headers {
        control.dribble(SLOW_BYTES, total);
    }
    if fault.reset && fault.cut_after.is_none() {
        control.reset();
        // The connection task drops this future; the wait only bounds how long that may take.
        sleep(Duration::from_secs(5)).await;
    }
    let status = fault.status.or(fault.retry_after.map(|_| 429));
    if let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) {
        let (code, text) = match status {
            StatusCode::TOO_MANY_REQUESTS => ("429".to_owned(), "Simulated: too many requests."),
            StatusCode::SERVICE_UNAVAILABLE => (
                "ServiceUnavailable".to_owned(),
                "Simulated: the service is temporarily unable to process your request. Please try again later.",
            ),
            StatusCode::INTERNAL_SERVER_ERROR => (
                "InternalServerError".to_owned(),
                "Simulated: the server had an error while processing your request.",
            ),
            other => (other.as_u16().to_string(), "Simulated fault."),
        };
        let mut refusal = Refusal::azure(status, &code, text);
        if let Some(seconds) = fault.retry_after {
            refusal = refusal.with("retry-after", &seconds.to_string());
        }
        return Err(refusal);
    }
    if fault.content_filter {
        return Err(Refusal::content_filter());
    }
    Ok(())
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call site; a struct would only rename them"
)]
async fn model(
    state: &Arc<State>,
    control: &Arc<ConnectionControl>,
    head: &Parts,
    operation: Operation,
    name: &str,
    form: Form,
    json: Result<&Value, String>,
    fault: &Fault,
) -> Result<Response<SimulatorBody>, Refusal> {
    auth::check(state, &head.headers, form)?;
    if head.method != Method::POST {
        return Err(Refusal::resource_not_found());
    }
    if form == Form::Deployments {
        check_api_version(head)?;
    }
    let in_path = head.uri.path().starts_with("/openai/deployments/");
    let found = state.find(name);
    if in_path && found.is_none() {
        return Err(Refusal::deployment_not_found());
    }
    let body = json.map_err(|error| Refusal::not_json(&error))?;
    if !body.is_object() {
        return Err(Refusal::not_json("expected an object"));
    }
    if !in_path && name.is_empty() {
        return Err(Refusal::missing("model"));
    }
    let at = found.ok_or_else(|| no_such_model(form, name))?;
    let deployment = &state.deployments[at];
    let call = Call {
        deployment: &deployment.config,
        azure: form != Form::OpenAi,
        body,
    };
    if (operation == Operation::Embeddings) != (deployment.config.dimensions > 0) {
        return Err(not_supported(operation, &deployment.config.model));
    }
    let reply = match operation {
        Operation::Chat => chat::complete(&call)?,
        Operation::Completions => completions::complete(&call)?,
        Operation::Embeddings => embeddings::embed(&call)?,
        Operation::Responses => responses::create(state, &call)?,
    };
    let provisioned = deployment.capacity.is_provisioned();
    let quota = deployment
        .capacity
        .admit(reply.estimate, Instant::now())
        .map_err(|throttled| too_many(operation, head, provisioned, &throttled))?;
    let apim_request_id = Uuid::new_v4().to_string();
    let record = UsageRecord {
        request_id: given_request_id(head).unwrap_or_else(|| Uuid::new_v4().to_string()),
        apim_request_id,
        deployment: deployment.config.name.clone(),
        model: deployment.config.model.clone(),
        operation: operation.name().to_owned(),
        prompt_tokens: reply.prompt_tokens,
        completion_tokens: 0,
        total_tokens: 0,
        streamed: matches!(reply.body, ReplyBody::Stream(_)),
        outcome: Outcome::Cut,
        time_ms: 0,
    };
    let request_id = record.request_id.clone();
    let apim_request_id = record.apim_request_id.clone();
    let bill = Bill::open(Arc::clone(state), at, reply.estimate, record);
    let mut response = send(state, control, reply, bill, fault).await;
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", &request_id);
    set("apim-request-id", &apim_request_id);
    set("x-ms-deployment-name", &deployment.config.name);
    set(
        "azureml-model-session",
        &format!("d{}", &deployment.session),
    );
    set("x-ms-rai-invoked", "true");
    set("x-accel-buffering", "no");
    for (name, value) in quota_headers(&quota) {
        set(name, &value);
    }
    Ok(response)
}

/// Sends an admitted answer: in parts as its tokens fall due, or whole after the same time.
async fn send(
    state: &Arc<State>,
    control: &Arc<ConnectionControl>,
    reply: Reply,
    mut bill: Bill,
    fault: &Fault,
) -> Response<SimulatorBody> {
    let pace = Pace {
        first_token: state.config.first_token_latency,
        per_token: state.config.latency_per_token,
    };
    match reply.body {
        ReplyBody::Stream(events) => {
            let stream = EventStream::new(events, bill, pace, fault, Arc::clone(control));
            let mut response = Response::new(stream.boxed_unsync());
            let headers = response.headers_mut();
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("text/event-stream; charset=utf-8"),
            );
            headers.insert(
                "cache-control",
                HeaderValue::from_static("no-cache, must-revalidate"),
            );
            if fault.wrong_length {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(STREAM_LENGTH));
            }
            response
        }
        ReplyBody::Whole(bytes) => {
            generate(&mut bill, reply.completion_tokens, pace).await;
            bill.finish();
            drop(bill);
            finish_whole(bytes, fault, control)
        }
    }
}

/// Takes as long as generating the tokens takes. Dropped before its end, it has billed what was
/// generated until then.
async fn generate(bill: &mut Bill, tokens: u32, pace: Pace) {
    if !pace.first_token.is_zero() {
        sleep(pace.first_token).await;
    }
    if pace.per_token.is_zero() {
        bill.add(tokens);
        return;
    }
    let start = Instant::now();
    for token in 1..=tokens {
        bill.add(1);
        sleep_until(start + pace.per_token * token).await;
    }
}

/// A whole answer, broken if the fault says so.
fn finish_whole(
    bytes: Bytes,
    fault: &Fault,
    control: &Arc<ConnectionControl>,
) -> Response<SimulatorBody> {
    if fault.bad_sse {
        // There is no stream to break, so the document is.
        return whole_response(bytes.slice(..bytes.len() / 2));
    }
    let breaks = fault.stall.is_some() || fault.cut_after.is_some();
    if !breaks && !fault.wrong_length {
        return whole_response(bytes);
    }
    let length = if fault.wrong_length {
        bytes.len() + EXCESS_LENGTH
    } else {
        bytes.len()
    };
    let stream = EventStream::broken_whole(&bytes, fault, Arc::clone(control));
    let mut response = Response::new(stream.boxed_unsync());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn check_api_version(head: &Parts) -> Result<(), Refusal> {
    let query = identity::form(head.uri.query().unwrap_or_default());
    let dated = |version: &String| {
        let date = version
            .strip_suffix("-preview")
            .unwrap_or(version)
            .as_bytes();
        date.len() == 10
            && date.iter().enumerate().all(|(at, byte)| {
                if at == 4 || at == 7 {
                    *byte == b'-'
                } else {
                    byte.is_ascii_digit()
                }
            })
    };
    if query.get("api-version").is_some_and(dated) {
        Ok(())
    } else {
        Err(Refusal::resource_not_found())
    }
}

fn no_such_model(form: Form, name: &str) -> Refusal {
    if form != Form::OpenAi {
        return Refusal::deployment_not_found();
    }
    let error = json!({
        "message": format!("The model `{name}` does not exist or you do not have access to it."),
        "type": "invalid_request_error", "param": null, "code": "model_not_found"
    });
    Refusal::new(StatusCode::NOT_FOUND, json!({ "error": error }))
}

fn not_supported(operation: Operation, model: &str) -> Refusal {
    let name = match operation {
        Operation::Chat => "chatCompletion",
        Operation::Completions => "completion",
        Operation::Embeddings => "embeddings",
        Operation::Responses => "responses",
    };
    let text = format!(
        "The {name} operation does not work with the specified model, {model}. Please choose different model and try again. \
         You can learn more about which models can be used with each operation here: \
         https://go.microsoft.com/fwlink/?linkid=2197993."
    );
    Refusal::azure(StatusCode::BAD_REQUEST, "OperationNotSupported", &text)
}

fn too_many(
    operation: Operation,
    head: &Parts,
    provisioned: bool,
    throttled: &Throttled,
) -> Refusal {
    let seconds = throttled.retry_after.as_secs_f64().ceil().max(1.0) as u64;
    let version = identity::form(head.uri.query().unwrap_or_default());
    let version = version.get("api-version").map_or("v1", String::as_str);
    let tier = if provisioned {
        "provisioned-managed"
    } else {
        "OpenAI S0"
    };
    let text = format!(
        "Requests to the {} Operation under Azure OpenAI API version {version} have exceeded token rate limit of your \
         current {tier} pricing tier. Please retry after {seconds} seconds. Please go here: \
         https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit.",
        operation.operation_id()
    );
    let mut refusal = Refusal::azure(StatusCode::TOO_MANY_REQUESTS, "429", &text)
        .with("retry-after", &seconds.to_string())
        .with(
            "retry-after-ms",
            &throttled.retry_after.as_millis().max(1).to_string(),
        )
        .with("x-ratelimit-reset-tokens", &seconds.to_string());
    for (name, value) in quota_headers(&throttled.quota) {
        refusal = refusal.with(name, &value);
    }
    refusal
}

fn quota_headers(quota: &Quota) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("x-ratelimit-limit-tokens", quota.limit_tokens.to_string()),
        (
            "x-ratelimit-remaining-tokens",
            quota.remaining_tokens.to_string(),
        ),
        (
            "x-ratelimit-limit-requests",
            quota.limit_requests.to_string(),
        ),
        (
            "x-ratelimit-remaining-requests",
            quota.remaining_requests.to_string(),
        ),
    ];
    if let Some(utilization) = quota.utilization {
        headers.push((
            "azure-openai-deployment-utilization",
            format!("{utilization:.1}%"),
        ));
    }
    headers
}

fn given_request_id(head: &Parts) -> Option<String> {
    let given = ["x-request-id", "x-ms-client-request-id"]
        .iter()
        .find_map(|name| head.headers.get(*name))?;
    given
        .to_str()
        .ok()
        .filter(|id| !id.is_empty() && id.len() <= 200)
        .map(str::to_owned)
}

fn common_headers(state: &State, head: &Parts, response: &mut Response<SimulatorBody>) {
    let client_request_id = head.headers.get("x-ms-client-request-id").cloned();
    let request_id = given_request_id(head);
    let headers = response.headers_mut();
    let fresh = || HeaderValue::from_str(&Uuid::new_v4().to_string()).ok();
    for (name, value) in [
        (
            "x-ms-region",
            HeaderValue::from_str(&state.config.region).ok(),
        ),
        (
            "x-content-type-options",
            Some(HeaderValue::from_static("nosniff")),
        ),
        (
            "strict-transport-security",
            Some(HeaderValue::from_static(
                "max-age=31536000; includeSubDomains; preload",
            )),
        ),
        ("x-ms-client-request-id", client_request_id),
        (
            "x-request-id",
            request_id
                .and_then(|id| HeaderValue::from_str(&id).ok())
                .or_else(fresh),
        ),
        ("apim-request-id", fresh()),
    ] {
        if let Some(value) = value
            && !headers.contains_key(name)
        {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// `GET …/models` and `GET …/models/{name}`.
fn models(state: &State, head: &Parts, form: Form, name: Option<&str>) -> Result<Value, Refusal> {
    auth::check(state, &head.headers, form)?;
    if head.method != Method::GET {
        return Err(Refusal::resource_not_found());
    }
    if form == Form::Deployments {
        check_api_version(head)?;
    }
    let model = |at: usize| {
        let config = &state.deployments[at].config;
        let embeddings = config.dimensions > 0;
        let mut model = json!({ "id": config.name, "object": "model", "created": 1_721_000_000, "owned_by": "system" });
        if form != Form::OpenAi {
            model["status"] = "succeeded".into();
            model["lifecycle_status"] = "generally-available".into();
            model["capabilities"] = json!({ "fine_tune": false, "inference": true, "completion": !embeddings,
                                            "chat_completion": !embeddings, "embeddings": embeddings });
        }
        model
    };
    match name {
        Some(name) => state
            .find(name)
            .map(model)
            .ok_or_else(|| no_such_model(form, name)),
        None => Ok(
            json!({ "object": "list", "data": (0..state.deployments.len()).map(model).collect::<Vec<_>>() }),
        ),
    }
}
