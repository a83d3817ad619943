//! What callers see and do at `gateway.budgets.path`: their budgets, and child keys.
//!
//! Called by the pipeline before an API is matched. The caller's key says whose budgets these are. What must stay true: a
//! key reaches its own subscription and the keys below it, nothing else; a secret is told once, to whoever made it.

use super::keys::{ChildKey, Denied, Wanted};
use super::{Who, restore, show};
use crate::definition::Secret;
use crate::exchange::{BodyState, Exchange, Response, collect};
use crate::routing;
use crate::step::Flow;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_lang::value::Str;
use tollgate_llm::price::{Amount as Money, Pico};
use tollgate_state::budgets::Unit;
use tollgate_state::ledger::Record;

/// Largest body of a request.
const LARGEST_BODY: usize = 16 << 10;

/// Longest label.
const LONGEST_LABEL: usize = 200;

/// Life of a key that names none, milliseconds.
const DEFAULT_LIFE: u64 = 3_600_000;

/// Most keys that one answer lists.
const MOST_LISTED: usize = 1000;

/// Who asks.
struct Caller {
    subscription: u32,
    name: Str,
    key: Option<Arc<ChildKey>>,
}

/// Answers a request to the configured path; `None`: it is for somebody else.
pub(crate) async fn answer(rq: &mut Exchange) -> Option<Flow> {
    let snapshot = rq.snapshot.clone();
    let base = snapshot.budgets.settings.path.as_deref()?;
    let rest = rq.request.path_and_query.path().strip_prefix(base)?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    let rest = rest.trim_matches('/').to_owned();
    let (status, body) = match caller(rq) {
        None => refused(
            StatusCode::UNAUTHORIZED,
            "a subscription key or a child key is needed",
        ),
        Some(caller) => route(rq, &caller, &rest).await,
    };
    let mut response = Response::new(status);
    let headers = &mut response.headers;
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = match &*rest {
            "" => "GET",
            "keys" => "GET, POST",
            _ => "GET, DELETE",
        };
        headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
    }
    if !body.is_null() {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        response.body = BodyState::Buffered(Bytes::from(body.to_string()));
    }
    rq.response = Some(response);
    Some(Flow::Return)
}

type Answer = (StatusCode, Value);

fn refused(status: StatusCode, message: impl Into<String>) -> Answer {
    let message: String = message.into();
    let body = json!({ "statusCode": status.as_u16(), "message": message });
    (status, body)
}

fn unknown() -> Answer {
    refused(StatusCode::NOT_FOUND, "there is no such key or budget")
}

/// Finds the caller's key where model APIs have it: `Ocp-Apim-Subscription-Key`, `api-key`, `x-api-key`, a Bearer token,
/// `subscription-key` in the query.
fn caller(rq: &mut Exchange) -> Option<Caller> {
    let headers = &rq.request.headers;
    let named = ["ocp-apim-subscription-key", "api-key", "x-api-key"]
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok().map(str::to_owned));
    let bearer = || {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim().to_owned())
    };
    let query = || {
        let query = rq.request.path_and_query.query()?;
        routing::query_value(query, "subscription-key").map(|key| key.into_owned())
    };
    let text = named.or_else(bearer).or_else(query)?;
    let snapshot = rq.snapshot.clone();
    let now = rq.services.clock.unix_millis();
    let (subscription, key) = match snapshot.keys.find(&text) {
        Some(at) => (at, None),
        None => {
            let key = rq.services.budgets.keys.find(&text, now)?;
            (snapshot.budgets.subscription(&key.subscription)?, Some(key))
        }
    };
    if !snapshot.subscriptions.get(subscription as usize)?.active {
        return None;
    }
    rq.subscription = Some(subscription);
    rq.key = Some(Secret::new(text));
    rq.child_key = key.clone();
    let name = snapshot.budgets.subscription_name(subscription)?.clone();
    Some(Caller {
        subscription,
        name,
        key,
    })
}

async fn route(rq: &mut Exchange, caller: &Caller, rest: &str) -> Answer {
    let method = rq.request.method.clone();
    let (first, id) = rest.split_once('/').unwrap_or((rest, ""));
    match (&method, first, id) {
        (&Method::GET, "", "") => (StatusCode::OK, budgets(rq, caller)),
        (&Method::GET, "keys", "") => (StatusCode::OK, keys(rq, caller)),
        (&Method::POST, "keys", "") => make(rq, caller).await,
        (&Method::GET | &Method::DELETE, "keys", id) => one(rq, caller, id, &method),
        (_, "", "") | (_, "keys", _) => {
            refused(StatusCode::METHOD_NOT_ALLOWED, "use a method of `Allow`")
        }
        _ => unknown(),
    }
}

/// The caller's own budgets: those that do not ask for an API, a model or a backend, and the ceilings of its key.
fn budgets(rq: &Exchange, caller: &Caller) -> Value {
    let plan = &rq.snapshot.budgets;
    let state = &rq.services.budgets;
    let now = rq.services.clock.unix_millis();
    let product = match rq.snapshot.subscriptions[caller.subscription as usize].scope {
        crate::snapshot::Scope::Product(product) => Some(product),
        _ => None,
    };
    let who = Who {
        subscription: Some(caller.subscription),
        product,
        ..Who::default()
    };
    let own = caller.key.iter().flat_map(|key| key.line()).map(|key| {
        let figures = state.accounts.figures(&key.rule, "", now);
        show::account(&key.rule, "", &figures, plan.currency())
    });
    let found = plan.resolve(&who);
    let others = found.iter().map(|(at, subject)| {
        let rule = &plan.budgets[*at as usize].rule;
        let figures = state.accounts.figures(rule, subject.name(), now);
        show::account(rule, subject.name(), &figures, plan.currency())
    });
    json!({
        "subscription": &*caller.name,
        "key": caller.key.as_ref().map(|key| key.id_text()),
        "budgets": own.chain(others).collect::<Vec<_>>(),
    })
}

/// Whether a caller sees a key: one of its subscription, for who came with a child key one that was made with it.
fn sees(caller: &Caller, key: &ChildKey) -> bool {
    key.subscription == caller.name
        && caller
            .key
            .as_ref()
            .is_none_or(|own| key.id == own.id || key.is_below(own.id))
}

fn keys(rq: &Exchange, caller: &Caller) -> Value {
    let state = &rq.services.budgets;
    let currency = rq.snapshot.budgets.currency();
    let now = rq.services.clock.unix_millis();
    let keys: Vec<Value> = state
        .keys
        .of(&caller.name, MOST_LISTED)
        .iter()
        .filter(|key| sees(caller, key))
        .map(|key| show::child_key(key, state, currency, now))
        .collect();
    json!({ "keys": keys })
}

fn one(rq: &Exchange, caller: &Caller, id: &str, method: &Method) -> Answer {
    let state = &rq.services.budgets;
    let now = rq.services.clock.unix_millis();
    let found = uuid::Uuid::parse_str(id)
        .ok()
        .and_then(|id| state.keys.by_id(id.as_u128()))
        .filter(|key| sees(caller, key));
    let Some(key) = found else {
        return unknown();
    };
    if *method == Method::GET {
        let currency = rq.snapshot.budgets.currency();
        return (StatusCode::OK, show::child_key(&key, state, currency, now));
    }
    // In force first: what cannot be written down is taken back all the same, until a restart.
    state.keys.revoke(key.id);
    if !note(rq, &key, true) {
        return unrecorded();
    }
    (StatusCode::NO_CONTENT, Value::Null)
}

/// Writes a key into the ledger, where there is one, so that a restart keeps it or keeps it out.
fn note(rq: &Exchange, key: &ChildKey, revoked: bool) -> bool {
    let now = rq.services.clock.unix_millis();
    let record = Record::Grant(restore::grant(key, revoked, now));
    rq.services
        .ledger
        .as_ref()
        .is_none_or(|ledger| ledger.note(&record).is_ok())
}

fn unrecorded() -> Answer {
    refused(
        StatusCode::SERVICE_UNAVAILABLE,
        "the ledger cannot be written now: try again later",
    )
}

/// What a key is asked for with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    tokens: Option<u64>,
    amount: Option<Money>,
    /// Seconds.
    expires_in: Option<u64>,
    #[serde(default)]
    label: String,
}

async fn make(rq: &mut Exchange, caller: &Caller) -> Answer {
    let body = rq.request.body.take();
    let Ok(body) = collect(body, LARGEST_BODY).await else {
        return refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body cannot be read or is too large",
        );
    };
    let asked: Asked = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(why) => {
            return refused(
                StatusCode::BAD_REQUEST,
                format!(
                    "the body must be JSON with `tokens` (a whole number) or `amount` (text, as \"1.25\"), and if you like \
                     `expiresIn` (whole seconds) and `label`: {why}"
                ),
            );
        }
    };
    let (unit, ceiling) = match (asked.tokens, asked.amount) {
        (Some(tokens), None) => (Unit::Tokens, u128::from(tokens)),
        (None, Some(Money(amount))) => match Pico::from_decimal(amount) {
            Some(pico) => (Unit::Money, pico.0),
            None => {
                return refused(
                    StatusCode::BAD_REQUEST,
                    "`amount` must be 0 or more, with at most twelve digits after the point",
                );
            }
        },
        _ => return refused(StatusCode::BAD_REQUEST, "give one of `tokens` and `amount`"),
    };
    if asked.label.len() > LONGEST_LABEL {
        return refused(StatusCode::BAD_REQUEST, "`label` is longer than 200 bytes");
    }
    let snapshot = rq.snapshot.clone();
    let settings = &snapshot.budgets.settings;
    let now = rq.services.clock.unix_millis();
    let longest = u64::try_from(settings.key_life.as_millis()).unwrap_or(u64::MAX);
    let life = asked
        .expires_in
        .map_or(DEFAULT_LIFE, |seconds| seconds.saturating_mul(1000));
    if life == 0 || asked.expires_in.is_some() && life > longest {
        let most = longest / 1000;
        return refused(
            StatusCode::BAD_REQUEST,
            format!("`expiresIn` must be 1 to {most} seconds"),
        );
    }
    let mut expires_ms = now.saturating_add(life.min(longest));
    if asked.expires_in.is_none()
        && let Some(parent) = &caller.key
    {
        expires_ms = expires_ms.min(parent.expires_ms);
    }
    let wanted = Wanted {
        parent: caller.key.clone(),
        subscription: caller.name.clone(),
        label: Str::from(asked.label),
        unit,
        ceiling,
        expires_ms,
    };
    let state = &rq.services.budgets;
    let made = state
        .keys
        .make(wanted, settings.key_depth, settings.keys, now);
    match made {
        Ok((key, secret)) => {
            if !note(rq, &key, false) {
                return unrecorded();
            }
            state.keys.put(key.clone());
            let mut shown = show::child_key(&key, state, snapshot.budgets.currency(), now);
            shown["key"] = Value::from(secret);
            (StatusCode::CREATED, shown)
        }
        Err(denied) => denial(denied),
    }
}

fn denial(denied: Denied) -> Answer {
    match denied {
        Denied::Depth => refused(StatusCode::FORBIDDEN, "keys cannot be made below this one"),
        Denied::Count => refused(
            StatusCode::TOO_MANY_REQUESTS,
            "there are too many child keys",
        ),
        Denied::Ended => refused(StatusCode::UNAUTHORIZED, "the key has ended"),
        Denied::BeyondParent => refused(
            StatusCode::BAD_REQUEST,
            "neither the ceiling nor the end may be beyond those of the key that it is made with",
        ),
        Denied::Random => refused(StatusCode::SERVICE_UNAVAILABLE, "no key could be made"),
    }
}
