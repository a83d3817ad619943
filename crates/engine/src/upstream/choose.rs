//! Choosing the server of a call: the API's own URL, a backend, a member of a pool.
//!
//! `forward-request` and the gateway's own calls come here once for each attempt. What must stay true: a server that is
//! not available is never chosen; a member that failed this request is not chosen again while another is available; the
//! weights of the available members of a group hold exactly over a cycle of turns.

use super::explain;
use crate::circuit_breaker::{Permit, Phase, Transition};
use crate::exchange::{Exchange, TargetBase};
use crate::failure::Failure;
use crate::probe::{Chosen, Event};
use crate::snapshot::{
    Backend, BackendIndex, BackendKind, BaseUrl, Pool, PoolGroup, Server, Snapshot,
};
use http::{HeaderValue, StatusCode, header};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A chosen server.
pub struct Choice<'a> {
    /// Where.
    pub url: Arc<BaseUrl>,
    /// The backend, when it is one of the configuration's.
    pub server: Option<(&'a Server, BackendIndex)>,
    /// The breaker's leave for one call, when the backend has a breaker.
    pub permit: Option<Permit>,
    /// The pool that the backend was chosen from.
    pub pool: Option<&'a Pool>,
    /// What the answer sets so that the session stays here.
    pub cookie: Option<HeaderValue>,
}

/// Members that may be chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    /// Those that have not failed this request, else any that is available.
    All,
    /// Only those that this request has not failed at.
    Untried,
}

/// Chooses the server that the target names; a pool gives its next member. Fails without a call when none is available.
pub fn choose<'a>(rq: &Exchange, snapshot: &'a Snapshot) -> Result<Choice<'a>, Box<Failure>> {
    let url = match &rq.request.target.base {
        TargetBase::Url(url) => url.clone(),
        TargetBase::Backend(index) => return server(rq, snapshot, *index),
        TargetBase::ServiceUrl => {
            rq.api()
                .and_then(|a| a.service_url.clone())
                .ok_or_else(|| {
                    Failure::internal(
                        "",
                        "BackendConnectionFailure",
                        "The API has no serviceUrl and no policy has set a backend.",
                    )
                })?
        }
    };
    rq.tell(|| Event::BackendChosen(Chosen::url(&url)));
    Ok(Choice::of(url))
}

impl Choice<'_> {
    /// A bare URL.
    pub(crate) fn of(url: Arc<BaseUrl>) -> Self {
        Choice {
            url,
            server: None,
            permit: None,
            pool: None,
            cookie: None,
        }
    }
}

/// The server of a backend, or the next member of a pool.
pub fn server<'a>(
    rq: &Exchange,
    snapshot: &'a Snapshot,
    index: BackendIndex,
) -> Result<Choice<'a>, Box<Failure>> {
    let backend = snapshot.backend(index);
    match &backend.kind {
        BackendKind::Single(server) => {
            let admitted = admit(rq, backend, server);
            rq.tell(|| Event::BackendChosen(explain::single(index, server, &admitted)));
            match admitted {
                Ok(permit) => Ok(Choice {
                    url: server.url.clone(),
                    server: Some((server, index)),
                    permit,
                    pool: None,
                    cookie: None,
                }),
                Err(wait) => Err(inactive(rq, backend, wait)),
            }
        }
        BackendKind::Pool(pool) => member(rq, snapshot, pool, Among::All).ok_or_else(|| {
            let now = rq.services.clock.monotonic_nanos();
            let waits = members(pool).filter_map(|(member, _)| {
                let breaker = snapshot.server(member)?.breaker.as_ref()?;
                Some(breaker.wait(now))
            });
            rq.tell(|| Event::BackendChosen(explain::pool(rq, snapshot, pool, None, None)));
            inactive(rq, backend, waits.min().unwrap_or_default())
        }),
    }
}

/// The next member of a pool, with leave to call it.
pub(super) fn member<'a>(
    rq: &Exchange,
    snapshot: &'a Snapshot,
    pool: &'a Pool,
    among: Among,
) -> Option<Choice<'a>> {
    let now = rq.services.clock.monotonic_nanos();
    // Another thread may take a half-open member's only place between the look and the leave.
    let mut lost: SmallVec<[BackendIndex; 2]> = SmallVec::new();
    let session = rq.mcp.as_deref().and_then(|call| call.bound_backend);
    let bound = session
        .filter(|index| members(pool).any(|(member, _)| member == *index))
        .or_else(|| {
            let affinity = pool.affinity.as_ref()?;
            affinity.member(&rq.request.headers)
        });
    loop {
        let available = |index: BackendIndex| {
            !lost.contains(&index)
                && snapshot
                    .server(index)
                    .is_some_and(|s| s.breaker.as_ref().is_none_or(|b| b.is_available(now)))
        };
        let untried = |index| {
            available(index)
                && !rq
                    .attempts
                    .iter()
                    .any(|a| a.failed && a.backend == Some(index))
        };
        let index = bound
            .filter(|index| untried(*index))
            .or_else(|| next(pool, untried))
            .or_else(|| match among {
                Among::All => next(pool, available),
                Among::Untried => None,
            })?;
        let server = snapshot.server(index)?;
        match admit(rq, snapshot.backend(index), server) {
            Ok(permit) => {
                let secure = rq.request.scheme == "https";
                let cookie = pool
                    .affinity
                    .as_ref()
                    .filter(|_| bound != Some(index))
                    .and_then(|affinity| affinity.set_cookie(index, secure));
                rq.tell(|| {
                    let chosen = explain::pool(rq, snapshot, pool, Some(index), bound);
                    Event::BackendChosen(chosen)
                });
                return Some(Choice {
                    url: server.url.clone(),
                    server: Some((server, index)),
                    permit,
                    pool: Some(pool),
                    cookie,
                });
            }
            Err(_) => lost.push(index),
        }
    }
}

/// Leave to call a server, `None` without a breaker; the error: how long none is given.
fn admit(rq: &Exchange, backend: &Backend, server: &Server) -> Result<Option<Permit>, Duration> {
    let Some(breaker) = &server.breaker else {
        return Ok(None);
    };
    let now = rq.services.clock.monotonic_nanos();
    let permit = breaker.admit(now).ok_or_else(|| breaker.wait(now))?;
    if permit.is_probe() {
        let transition = Transition {
            from: Phase::Open,
            to: Phase::HalfOpen,
            because: None,
            open_for: None,
            failures: 0,
        };
        rq.services
            .telemetry
            .circuit_breaker(&backend.id, &transition);
    }
    Ok(Some(permit))
}

/// The refusal of a call that nobody can take now. The reason phrase has the words that public documents look for.
fn inactive(rq: &Exchange, backend: &Backend, wait: Duration) -> Box<Failure> {
    rq.services.telemetry.backend_inactive(&backend.id);
    let (reason, what, phrase, public) = match &backend.kind {
        BackendKind::Pool(_) => (
            "PoolIsInactive",
            "Backend pool",
            "Backend pool is temporarily unavailable",
            "The backend pool is temporarily unavailable.",
        ),
        BackendKind::Single(_) => (
            "BackendIsInactive",
            "Backend",
            "Backend is temporarily unavailable",
            "The backend is temporarily unavailable.",
        ),
    };
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let message = format!("{what} '{}' is temporarily unavailable.", backend.id);
    let mut failure = Failure::refused("", reason, StatusCode::SERVICE_UNAVAILABLE, message)
        .public(public)
        .header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    failure.phrase = Some(phrase);
    failure
}

fn members(pool: &Pool) -> impl Iterator<Item = (BackendIndex, u32)> + '_ {
    pool.groups.iter().flat_map(|g| g.members.iter().copied())
}

/// The next of the members that `usable` lets through, of the first group that has one.
fn next(pool: &Pool, usable: impl Fn(BackendIndex) -> bool) -> Option<BackendIndex> {
    pool.groups.iter().find_map(|group| turn(group, &usable))
}

/// Whose turn it is among the usable members of a group: the next in the group's order, the others left out. So the
/// weights of whoever is usable hold exactly, and turns stay as far apart as they were.
fn turn(group: &PoolGroup, usable: impl Fn(BackendIndex) -> bool) -> Option<BackendIndex> {
    let mut set = 0u64;
    let (mut count, mut places) = (0, 0);
    for (at, (index, weight)) in group.members.iter().enumerate() {
        if usable(*index) {
            set |= 1 << (at % 64);
            count += 1;
            places += *weight as usize;
        }
    }
    if count == 0 {
        return None;
    }
    // Each set of members counts its own turns: what a retry or an outage takes does not shift the others.
    let turns = &group.turns[(set.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61) as usize];
    let turn = turns.fetch_add(1, Ordering::Relaxed);
    let nth = |of: usize| usize::try_from(turn % of as u64).unwrap_or(0);
    let at = if count == group.members.len() {
        usize::from(group.order[nth(group.order.len())])
    } else if places > 0 {
        let in_set = |at: &&u16| set & (1 << (**at % 64)) != 0;
        usize::from(*group.order.iter().filter(in_set).nth(nth(places))?)
    } else {
        // Only those of weight 0 are left: they have no place in the order.
        let in_set = |at: &usize| set & (1 << (at % 64)) != 0;
        (0..group.members.len()).filter(in_set).nth(nth(count))?
    };
    group.members.get(at).map(|(index, _)| *index)
}

#[cfg(test)]
mod tests;
