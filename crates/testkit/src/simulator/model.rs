//! Calls of a model: credentials, operation, limit, bill, and the answer on its way out.
//!
//! Called by the router. What must stay true: checks come in the real service's order (credentials,
//! API version, deployment, body); every admitted call opens exactly one bill; a whole answer is
//! billed before it is sent.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::billing::Bill;
use super::body::{self, EventStream, Pace, SimulatorBody};
use super::capacity::{Quota, Throttled};
use super::connection::ConnectionControl;
use super::errors::Refusal;
use super::faults::Fault;
use super::reply::{Call, Reply, ReplyBody};
use super::router::Form;
use super::usage::{Outcome, UsageRecord};
use super::{State, auth, chat, completions, embeddings, identity, responses};

/// What `wrong-length` adds to the true length.
const EXCESS_LENGTH: usize = 64;
/// A length that no stream reaches.
const STREAM_LENGTH: usize = 10_000_000;

/// An operation on a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Chat,
    Completions,
    Embeddings,
    Responses,
}

impl Operation {
    pub(super) fn parse(path: &str) -> Option<Self> {
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

/// A call of a model before its body is understood.
pub(super) struct Target<'a> {
    pub(super) operation: Operation,
    /// Index of the resource; `None` is the main one.
    pub(super) resource: Option<usize>,
    /// The deployment it names; empty when it names none.
    pub(super) name: &'a str,
    pub(super) form: Form,
    pub(super) fault: &'a Fault,
}

/// Answers a call of a model.
pub(super) async fn call(
    state: &Arc<State>,
    control: &Arc<ConnectionControl>,
    head: &Parts,
    target: Target<'_>,
    json: Result<&Value, String>,
) -> Result<Response<SimulatorBody>, Refusal> {
    let Target {
        operation,
        resource,
        name,
        form,
        fault,
    } = target;
    auth::check(state, &head.headers, form)?;
    if head.method != Method::POST {
        return Err(Refusal::resource_not_found());
    }
    if form == Form::Deployments {
        check_api_version(head)?;
    }
    let in_path = state
        .resource(head.uri.path())
        .1
        .starts_with("/openai/deployments/");
    let found = state.find(resource, name);
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
        deployment: state.full_name(resource, &deployment.config.name),
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
            let stream = EventStream::new(events, bill, pace, fault, Arc::clone(control))
                .pausing(state.pause.watch());
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
            state.pause.watch().passed(u32::MAX).await;
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
pub(super) fn finish_whole(
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

/// The identifier that the caller gave.
pub(super) fn given_request_id(head: &Parts) -> Option<String> {
    let given = ["x-request-id", "x-ms-client-request-id"]
        .iter()
        .find_map(|name| head.headers.get(*name))?;
    given
        .to_str()
        .ok()
        .filter(|id| !id.is_empty() && id.len() <= 200)
        .map(str::to_owned)
}

/// A JSON answer.
pub(super) fn whole_response(bytes: Bytes) -> Response<SimulatorBody> {
    let mut response = Response::new(body::full(bytes));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `GET .../models` and `GET .../models/{name}`.
pub(super) fn models(
    state: &State,
    head: &Parts,
    resource: Option<usize>,
    form: Form,
    name: Option<&str>,
) -> Result<Value, Refusal> {
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
            .find(resource, name)
            .map(model)
            .ok_or_else(|| no_such_model(form, name)),
        None => {
            let own = (0..state.deployments.len())
                .filter(|at| state.deployments[*at].resource == resource);
            Ok(json!({ "object": "list", "data": own.map(model).collect::<Vec<_>>() }))
        }
    }
}
