//! The simulator's own endpoints: `/usage` (as OpenAI's usage API too), `/requests`, `/calls`, `/faults`, `/issuer`, `/livez`, `/`.
//!
//! Called by the router. They have no credentials and are not recorded. What must stay true: the
//! answers are the serialised public types, so that tests in other languages can rely on them.

use http::request::Parts;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::errors::Refusal;
use super::faults::QueuedFault;
use super::identity::form;
use super::issuer::IssuerOutage;

/// Requests that `GET /requests` gives unless `last` says otherwise.
const DEFAULT_LAST: usize = 100;

#[derive(Deserialize)]
#[serde(untagged)]
enum Queued {
    One(QueuedFault),
    Many(Vec<QueuedFault>),
}

/// Answers a control request; `None` when the path is not one of them.
pub(super) fn answer(state: &State, head: &Parts, body: &[u8]) -> Option<Result<Value, Refusal>> {
    let query = form(head.uri.query().unwrap_or_default());
    let answer = match (head.uri.path(), &head.method) {
        ("/", &Method::GET) => Ok(index(state)),
        ("/livez" | "/readyz", &Method::GET) => Ok(json!({ "status": "ok" })),
        ("/usage", &Method::GET) => to_value(
            &state
                .usage
                .report(query.get("request_id").map(String::as_str)),
        ),
        ("/v1/organization/usage/completions", &Method::GET) => {
            Ok(state.usage.report(None).organization())
        }
        ("/usage", &Method::DELETE) => {
            state.usage.reset();
            Ok(json!({ "reset": true }))
        }
        ("/requests", &Method::GET) => {
            let last = query
                .get("last")
                .map_or(Ok(DEFAULT_LAST), |last| last.parse());
            match last {
                Ok(last) => to_value(&json!({ "requests": state.requests.last(last) })),
                Err(_) => Err(bad("last must be a number")),
            }
        }
        ("/requests", &Method::DELETE) => {
            state.requests.clear();
            Ok(json!({ "reset": true }))
        }
        ("/calls", &Method::GET) => to_value(&json!({ "calls": state.mcp.ledger.list() })),
        ("/calls", &Method::DELETE) => {
            state.mcp.ledger.clear();
            Ok(json!({ "reset": true }))
        }
        ("/faults", &Method::GET) => to_value(&json!({ "faults": state.faults.list() })),
        ("/faults", &Method::DELETE) => {
            state.faults.clear();
            Ok(json!({ "faults": [] }))
        }
        ("/faults", &Method::POST) => queue(state, body),
        ("/issuer", &Method::GET) => Ok(issuer(state)),
        ("/issuer/withdraw", &Method::POST) => {
            state.issuer.withdraw();
            Ok(issuer(state))
        }
        ("/issuer/outage", &Method::POST) => outage(state, body),
        ("/issuer/outage", &Method::DELETE) => {
            state.issuer.set_outage(None);
            Ok(issuer(state))
        }
        (
            "/" | "/livez" | "/readyz" | "/usage" | "/requests" | "/calls" | "/faults" | "/issuer"
            | "/issuer/withdraw" | "/issuer/outage",
            _,
        ) => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            json!({ "error": { "code": "MethodNotAllowed", "message": "Not a method of this endpoint." } }),
        )),
        _ => return None,
    };
    Some(answer)
}

fn queue(state: &State, body: &[u8]) -> Result<Value, Refusal> {
    let queued = match serde_json::from_slice(body).map_err(|error| bad(&error.to_string()))? {
        Queued::One(fault) => vec![fault],
        Queued::Many(faults) => faults,
    };
    for fault in queued {
        state.faults.push(fault).map_err(|error| bad(&error))?;
    }
    to_value(&json!({ "faults": state.faults.list() }))
}

/// `{"status": 503}` or `{"reset": true}`; an empty body means 503.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outage {
    status: Option<u16>,
    #[serde(default)]
    reset: bool,
}

fn outage(state: &State, body: &[u8]) -> Result<Value, Refusal> {
    let asked: Outage = if body.is_empty() {
        Outage::default()
    } else {
        serde_json::from_slice(body).map_err(|error| bad(&error.to_string()))?
    };
    let outage = if asked.reset {
        IssuerOutage::Reset
    } else {
        IssuerOutage::Status(asked.status.unwrap_or(503))
    };
    state.issuer.set_outage(Some(outage));
    Ok(issuer(state))
}

/// The issuer's state: its name, the keys that it publishes, and whether it is out of service.
fn issuer(state: &State) -> Value {
    let outage = match state.issuer.outage() {
        None => Value::Null,
        Some(IssuerOutage::Status(status)) => json!({ "status": status }),
        Some(IssuerOutage::Reset) => json!({ "reset": true }),
    };
    json!({ "issuer": state.issuer.name(), "kids": state.issuer.published(), "outage": outage })
}

fn to_value(value: &impl serde::Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|error| bad(&error.to_string()))
}

fn bad(text: &str) -> Refusal {
    Refusal::azure(StatusCode::BAD_REQUEST, "BadRequest", text)
}

fn index(state: &State) -> Value {
    let deployments = state.deployments.iter().map(|deployment| {
        json!({ "name": state.full_name(deployment.resource, &deployment.config.name), "model": deployment.config.model,
                "provisioned": deployment.capacity.is_provisioned() })
    });
    let resources = state.config.resources.iter();
    let resources = resources.map(|resource| format!("{}/{}/openai", state.url, resource.name));
    json!({
        "service": "tollgate simulated providers",
        "azure_openai": format!("{}/openai", state.url),
        "azure_openai_resources": resources.collect::<Vec<_>>(),
        "openai": format!("{}/v1", state.url),
        "mcp": format!("{}/mcp", state.url),
        "mcp_conformance": format!("{}/conformance/mcp", state.url),
        "issuer": state.issuer.name(),
        "imds": format!("{}/metadata/identity/oauth2/token", state.url),
        "identity_endpoint": format!("{}/msi/token", state.url),
        "deployments": deployments.collect::<Vec<_>>(),
        "users": state.config.identity.users.iter().map(|user| {
            json!({ "username": user.username, "password": user.password, "roles": user.roles })
        }).collect::<Vec<_>>(),
        "control": ["GET|DELETE /usage", "GET /v1/organization/usage/completions", "GET|DELETE /requests", "GET|DELETE /calls", "GET|POST|DELETE /faults", "GET /issuer",
                    "POST /issuer/rotate", "POST /issuer/withdraw", "POST|DELETE /issuer/outage"]
    })
}
