//! Whose a session is, and which member of a pool keeps it (revisions up to 2025-11-25).
//!
//! Shared by all threads and kept across reloads. What must stay true: who names another caller's session learns no more
//! than that it is unknown; the server alone says which sessions there are - one that is not noted here is passed on.

use super::Endpoint;
use super::admit::text;
use super::headers::SESSION_ID;
use crate::exchange::Exchange;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use tollgate_lang::value::Str;

/// A session is forgotten when nobody used it for so long.
const IDLE_MILLIS: u64 = 24 * 3600 * 1000;
/// Most bytes of a claim that is kept to know a caller by.
const LONGEST_CLAIM: usize = 512;

/// A session of an upstream server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who opened it.
    owner: Str,
    /// Id of the backend that it is at.
    backend: Option<Str>,
    /// The upstream's path for its messages (HTTP with SSE), when it is not the configured one.
    path: Option<Str>,
}

impl Session {
    /// The session with the upstream's path for its messages.
    pub(super) fn at(self, path: Option<Str>) -> Session {
        Session { path, ..self }
    }

    /// Its owner's name is also its weight, roughly.
    fn weight(&self) -> u64 {
        let text = |t: &Option<Str>| t.as_ref().map_or(0, |t| t.len());
        (self.owner.len() + text(&self.backend) + text(&self.path) + 64) as u64
    }
}

/// The key of a session in the store: of this API only.
pub(super) fn key(rq: &Exchange) -> Option<String> {
    let api = &rq.api()?.id;
    match rq.mcp.as_deref()?.endpoint {
        Endpoint::Streamable => {
            let id = text(&rq.request.headers, &SESSION_ID)?;
            Some(keyed(api, id))
        }
        Endpoint::SseMessage => {
            let query = rq.request.path_and_query.query()?;
            let query = crate::upstream::strip_key(query, &rq.api()?.key_query);
            (!query.is_empty()).then(|| keyed(api, &query))
        }
        Endpoint::Sse | Endpoint::Operation => None,
    }
}

pub(super) fn keyed(api: &str, id: &str) -> String {
    format!("{api}\n{id}")
}

/// What was noted of the request's session: the backend and path it is bound to. `Err`: it is another caller's.
pub(super) async fn find(rq: &mut Exchange) -> Result<(), ()> {
    let Some(key) = key(rq) else {
        return Ok(());
    };
    let now = now(rq);
    let Some(session) = rq.services.mcp_sessions.get(&key, now).get().await else {
        return Ok(());
    };
    if session.owner != owner(rq) {
        return Err(());
    }
    let backend = session
        .backend
        .as_ref()
        .and_then(|id| rq.snapshot.backend_ids[0].get(id).copied());
    if let Some(call) = rq.mcp.as_deref_mut() {
        call.session_known = true;
        call.bound_backend = backend;
        call.bound_path.clone_from(&session.path);
    }
    // Used: it stays for another while.
    put(rq, &key, session);
    Ok(())
}

/// Notes what the answer says of the session: opened, used for the first time that is seen here, or ended.
pub(super) fn note(rq: &mut Exchange) {
    let Some(response) = &rq.response else {
        return;
    };
    let status = response.status;
    let Some(api) = rq.api().map(|api| api.id.clone()) else {
        return;
    };
    let opened = text(&response.headers, &SESSION_ID).map(|id| keyed(&api, id));
    let used = key(rq);
    let ended = status == http::StatusCode::NOT_FOUND
        || (status.is_success() && rq.request.original_method == http::Method::DELETE);
    if let (Some(key), true) = (&used, ended) {
        let now = now(rq);
        rq.forget(rq.services.mcp_sessions.remove(key, now));
    }
    let known = rq.mcp.as_deref().is_some_and(|c| c.session_known);
    let key = match (opened, used) {
        (Some(opened), used) if used.as_ref() != Some(&opened) => opened,
        // One that was not known here, and that the server knows: of who names it first.
        (_, Some(used)) if status.is_success() && !ended && !known => used,
        _ => return,
    };
    let session = Session {
        owner: owner(rq),
        backend: answered_by(rq),
        path: rq.mcp.as_deref().and_then(|c| c.bound_path.clone()),
    };
    put(rq, &key, session);
}

/// A session that an upstream opened with its `endpoint` event.
pub(super) fn opened(rq: &Exchange, path: Option<Str>) -> Session {
    Session {
        owner: owner(rq),
        backend: answered_by(rq),
        path,
    }
}

pub(super) fn put(rq: &Exchange, key: &str, session: Session) {
    keep(&rq.services, key, session);
}

pub(super) fn keep(services: &crate::Services, key: &str, session: Session) {
    let now = services.clock.unix_nanos() / 1_000_000;
    let weight = session.weight();
    services.forget(
        services
            .mcp_sessions
            .put(key, session, weight, IDLE_MILLIS, now),
    );
}

fn now(rq: &Exchange) -> u64 {
    rq.services.clock.unix_nanos() / 1_000_000
}

fn answered_by(rq: &Exchange) -> Option<Str> {
    let index = rq.attempts.last()?.backend?;
    Some(rq.snapshot.backend(index).id.clone())
}

/// Who calls: the subscription, and the user whom the credential names. Whether the credential is good is for the
/// policies to say; a call that they let pass is its owner's.
fn owner(rq: &Exchange) -> Str {
    let subscription = rq.subscription().map_or("", |s| &*s.id);
    let user = rq
        .mcp
        .as_deref()
        .and_then(|call| call.authorization.as_ref())
        .and_then(|value| value.to_str().ok())
        .and_then(user)
        .unwrap_or_default();
    Str::from(format!("{subscription}\n{user}"))
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    oid: Option<String>,
}

/// Keys the hashes of credentials, so that they tell nothing outside this process.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The user of a credential: subject and issuer of a JWT, the name of Basic. `None` for tokens that say nothing: they
/// change while a session lasts.
fn user(authorization: &str) -> Option<String> {
    let (scheme, value) = authorization.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("basic") {
        let bytes = STANDARD.decode(value.trim()).ok()?;
        let name = bytes.split(|b| *b == b':').next()?;
        return Some(format!("basic {:x}", HASHER.hash_one(name)));
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut parts = value.trim().split('.');
    let payload = parts.nth(1)?;
    parts.next()?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    let part = |claim: Option<String>| {
        let claim = claim.unwrap_or_default();
        if claim.len() > LONGEST_CLAIM {
            format!("{:x}", HASHER.hash_one(claim))
        } else {
            claim
        }
    };
    Some(format!(
        "{}\n{}\n{}",
        part(claims.iss),
        part(claims.sub),
        part(claims.oid)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_what_does_not_change() {
        let token = |claims: &str| {
            let payload = URL_SAFE_NO_PAD.encode(claims);
            user(&format!("Bearer e30.{payload}.c2ln"))
        };
        let a = token(r#"{"iss":"i","sub":"a","exp":1}"#).unwrap();
        assert_eq!(Some(a.clone()), token(r#"{"iss":"i","sub":"a","exp":2}"#));
        assert_ne!(Some(a.clone()), token(r#"{"iss":"j","sub":"a"}"#));
        assert_ne!(Some(a), token(r#"{"iss":"i","sub":"b"}"#));
        assert_eq!(user("Bearer opaque"), None);
        assert_eq!(user("Bearer a.b.c"), None);
        assert_eq!(user("nonsense"), None);
        assert_eq!(user("Basic YTpi"), user("basic YTpj"), "a:b and a:c");
        assert_ne!(user("Basic YTpi"), user("Basic Yjpi"));
    }
}
