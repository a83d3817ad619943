//! `/backends`: each backend with its circuit breaker, each pool with its members.
//!
//! Served by `management`; `/readyz` and the metrics ask here too. What must stay true: no credential and no query is
//! shown; asking changes nothing.

use crate::health::Health;
use serde_json::{Value, json};
use std::time::Duration;
use tollgate_engine::circuit_breaker::{CircuitBreaker, Phase};
use tollgate_engine::clock::Clock;
use tollgate_engine::snapshot::{Backend, BackendKind, Server, Snapshot};

/// A moment of the monotonic clock as RFC 3339 with milliseconds.
fn time(clock: &dyn Clock, monotonic: u64) -> Option<String> {
    let ahead = i128::from(monotonic) - i128::from(clock.monotonic_nanos());
    rfc3339(i128::from(clock.unix_nanos()) + ahead)
}

fn rfc3339(unix_nanos: i128) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(unix_nanos).ok()?;
    Some(time.round(jiff::Unit::Millisecond).ok()?.to_string())
}

/// When a time that begins now will be over.
pub(crate) fn after(clock: &dyn Clock, duration: Duration) -> Option<String> {
    let nanos = i128::try_from(duration.as_nanos()).ok()?;
    rfc3339(i128::from(clock.unix_nanos()) + nanos)
}

/// Backends with a circuit breaker, and its phase.
pub(crate) fn breakers<'a>(snapshot: &'a Snapshot, clock: &dyn Clock) -> Vec<(&'a Backend, Phase)> {
    let now = clock.monotonic_nanos();
    let breaker = |backend: &'a Backend| match &backend.kind {
        BackendKind::Single(server) => server.breaker.as_ref(),
        BackendKind::Pool(_) => None,
    };
    snapshot
        .backends
        .iter()
        .filter_map(|backend| Some((backend, breaker(backend)?.status(now).phase)))
        .collect()
}

/// The page.
pub(crate) fn page(health: &Health) -> String {
    let snapshot = health.snapshots.current();
    let clock = &*health.clock;
    let backends: Vec<Value> = snapshot
        .backends
        .iter()
        .map(|backend| match &backend.kind {
            BackendKind::Single(server) => json!({
                "id": backend.id,
                "type": "Single",
                "url": url(server),
                "available": is_available(server, clock),
                "circuitBreaker": server.breaker.as_ref().map(|b| breaker(b, clock)),
            }),
            BackendKind::Pool(pool) => {
                let members: Vec<Value> = pool
                    .groups
                    .iter()
                    .flat_map(|group| {
                        let snapshot = &snapshot;
                        group.members.iter().map(move |(index, weight)| {
                            json!({
                                "id": snapshot.backend(*index).id,
                                "priority": group.priority,
                                "weight": weight,
                                "available": snapshot
                                    .server(*index)
                                    .is_some_and(|server| is_available(server, clock)),
                            })
                        })
                    })
                    .collect();
                json!({
                    "id": backend.id,
                    "type": "Pool",
                    "active": members.iter().any(|member| member["available"] == true),
                    "members": members,
                })
            }
        })
        .collect();
    json!({ "backends": backends }).to_string()
}

fn is_available(server: &Server, clock: &dyn Clock) -> bool {
    let now = clock.monotonic_nanos();
    server
        .breaker
        .as_ref()
        .is_none_or(|breaker| breaker.is_available(now))
}

/// Scheme, host, port and path: user information and query may be secrets.
fn url(server: &Server) -> String {
    let scheme = if server.url.origin.tls.is_some() {
        "https"
    } else {
        "http"
    };
    format!(
        "{scheme}://{}{}",
        server.url.origin.authority, server.url.path
    )
}

fn breaker(breaker: &CircuitBreaker, clock: &dyn Clock) -> Value {
    let status = breaker.status(clock.monotonic_nanos());
    json!({
        "state": status.phase.as_str(),
        "since": status.since.and_then(|at| time(clock, at)),
        "until": status.until.and_then(|at| time(clock, at)),
        "probing": status.probing,
        "failures": status.failures,
        "calls": status.calls,
        "intervalSeconds": breaker.rule().interval.as_secs_f64(),
        "lastFailure": status.last_failure.map(|(called, at)| json!({
            "reason": called.to_string(),
            "at": time(clock, at),
        })),
    })
}
