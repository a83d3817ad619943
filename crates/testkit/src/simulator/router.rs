//! From a request to whoever answers it: control endpoints, path, faults.
//!
//! Called by the connection tasks for every request. What must stay true: faults strike before
//! anything is billed unless they strike in mid-answer; a request is recorded before it is answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::body::SimulatorBody;
use super::connection::ConnectionControl;
use super::errors::Refusal;
use super::faults::{FAULT_HEADER, Fault};
use super::issuer::IssuerOutage;
use super::model::{self, Operation};
use super::{State, auth, control, identity, mcp, responses};

/// Largest request body.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// How long a request body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(60);
/// Bytes of a head that `slow-headers` sends one by one.
const SLOW_BYTES: usize = 100;

/// What Entra ID sends with its discovery documents and keys.
const KEYS_ARE_CACHED: &str = "max-age=86400, private";

/// The three surfaces of the same models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `/openai/deployments/{name}/...?api-version=...`
    Deployments,
    /// `/openai/v1/...`, the deployment in `model`.
    V1,
    /// `/v1/...`, OpenAI's own dialect.
    OpenAi,
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
    PlainDiscovery,
    Jwks,
    Rotate,
    Mcp,
}

fn route(path: &str) -> Option<Route<'_>> {
    match path {
        "/metadata/identity/oauth2/token" => return Some(Route::Imds),
        "/msi/token" => return Some(Route::AppService),
        "/.well-known/openid-configuration" => return Some(Route::PlainDiscovery),
        "/discovery/keys" => return Some(Route::Jwks),
        "/issuer/rotate" => return Some(Route::Rotate),
        path if mcp::serves(path) => return Some(Route::Mcp),
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
        Ok(value) => model::whole_response(Bytes::from(value.to_string())),
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer(
    state: &Arc<State>,
    control: &Arc<ConnectionControl>,
    head: &Parts,
    body: &Bytes,
) -> Result<Response<SimulatorBody>, Refusal> {
    let (resource, path) = state.resource(head.uri.path());
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
        Route::Discovery { .. } | Route::PlainDiscovery | Route::Jwks => "issuer",
        Route::Rotate => "rotation",
        Route::Mcp => "mcp",
    };
    let public = target == "issuer";
    let mut fault = fault(state, head, &state.full_name(resource, target))?;
    if public {
        match state.issuer.outage() {
            None => {}
            Some(IssuerOutage::Status(status)) => fault.status = Some(status),
            Some(IssuerOutage::Reset) => fault.reset = true,
        }
    }
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
            let target = model::Target {
                operation,
                resource,
                name: target,
                form,
                fault: &fault,
            };
            return model::call(state, control, head, target, body).await;
        }
        Route::Models { form, name } => model::models(state, head, resource, form, name)?,
        Route::Response { form, id } => {
            auth::check(state, &head.headers, form)?;
            responses::stored(state, &head.method, id)?
        }
        Route::Imds => identity::imds(state, head).await?,
        Route::AppService => identity::app_service(state, head).await?,
        Route::Token { tenant, v1 } => identity::token(state, head, body, tenant, v1).await?,
        Route::Discovery { tenant, v2 } => state.issuer.discovery(tenant, v2),
        Route::PlainDiscovery => state.issuer.plain_discovery(),
        Route::Jwks => state.issuer.jwks().await?,
        Route::Mcp => return Ok(mcp::serve(state, control, &fault, head, body).await),
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
    let mut response = model::finish_whole(Bytes::from(value.to_string()), &fault, control);
    if public {
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(KEYS_ARE_CACHED));
    }
    Ok(response)
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

fn common_headers(state: &State, head: &Parts, response: &mut Response<SimulatorBody>) {
    let client_request_id = head.headers.get("x-ms-client-request-id").cloned();
    let request_id = model::given_request_id(head);
    let region = match state.resource(head.uri.path()).0 {
        None => &state.config.region,
        Some(at) => &state.config.resources[at].region,
    };
    let headers = response.headers_mut();
    let fresh = || HeaderValue::from_str(&Uuid::new_v4().to_string()).ok();
    for (name, value) in [
        ("x-ms-region", HeaderValue::from_str(region).ok()),
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
